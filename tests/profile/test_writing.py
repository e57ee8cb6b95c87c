"""Writing a calibration into a profile: other lines stay, and manual changes are detected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.belt.line_plane import line_plane
from detector.belt.plane import CalibrationError
from detector.profile.calibration import Calibration, LensCalibration, PlaneCalibration
from detector.profile.loading import ProfileError, load_profile
from detector.profile.writing import write_calibration

BY_HAND = """# The belt of hall 2. Ring Ana before you touch the camera.
line = "hall2"   # as on the cabinet
[camera]
source = "rtsp://10.0.0.7/a"
[belt]
polygon_px = [[10, 10], [630, 10], [630, 470], [10, 470]]
travel = "right"
px_per_mm = 1.0
"""
AFTER = """
[[action_points]]
name = "picker 1"
y_mm = 3000
"""
SECTION = {
    "made": datetime(2026, 11, 25, 12, 0, tzinfo=UTC),
    "operator": 'Ana "the tape" O\'Neil \\ é',
    "camera": "rtsp://10.0.0.7/a",
    "size_px": (640, 480),
}
finite = st.floats(-1e6, 1e6)


def lens(**changes: Any) -> LensCalibration:
    given = {
        **SECTION, "focal_px": (700.1, 699.9), "centre_px": (320.5, 240.25),
        "distortion": (-0.1, 0.01, 1e-4, -1e-5, 0.0), "views": 12, "covered": 0.9,
        "held_back_px": 0.2, "rms_px": 0.19, **changes,
    }  # fmt: skip
    return LensCalibration.model_validate(given).with_digest()


def plane(through: LensCalibration | None, **changes: Any) -> PlaneCalibration:
    given = {
        **SECTION, "basis": "board", "scale_by": "ruler",
        "straight_to_belt": ((0, 1.5, 0), (1.5, 0, 0), (0, 0, 1)),
        "used": 240, "rms_mm": 0.5, "held_back_mm": 0.9,
        "lens_sha256": "" if through is None else through.sha256, **changes,
    }  # fmt: skip
    return PlaneCalibration.model_validate(given).with_digest()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "line.toml"
    path.write_text(BY_HAND, encoding="utf-8")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.tuples(finite, finite, finite, finite, finite),
    st.text(min_size=1, alphabet=st.characters(blacklist_categories=["Cs", "Cc"])),
)
def test_a_written_calibration_reads_back_to_the_last_digit(
    profile: Path, distortion: tuple[float, ...], operator: str
) -> None:
    written = Calibration(lens=lens(distortion=distortion, operator=operator))
    write_calibration(profile, written)
    found = load_profile(profile).calibration
    assert found == written
    assert found.lens is not None
    assert found.lens.digest() == found.lens.sha256


def test_lines_written_by_hand_stay_unchanged(profile: Path) -> None:
    found = lens()
    write_calibration(profile, Calibration(lens=found))
    with profile.open("a", encoding="utf-8") as file:
        file.write(AFTER)
    write_calibration(profile, Calibration(lens=found, plane=plane(found)))
    text = profile.read_text(encoding="utf-8")
    assert text.startswith(BY_HAND)
    assert AFTER in text
    assert text.count("[calibration.lens]") == 1
    assert list(profile.parent.iterdir()) == [profile]
    assert line_plane(load_profile(profile), None).basis == "points"


PARTS = (
    '[camera]\nsource = "rtsp://10.0.0.7/a"',
    "[belt]\npolygon_px = [[10, 10], [630, 10], [630, 470]]\ntravel = 'right'\npx_per_mm = 1.0",
    '[[action_points]]\nname = "picker 1"\ny_mm = 3_000',
    '[[action_points]]\nname = "picker 2"\ny_mm = 4e3',
    "[model]\nthresholds = { gas_canister = 0.5 }",
)
CALIBRATED = {
    "",
    *(f"[calibration.{name}]" for name in Calibration.model_fields),
    *LensCalibration.model_fields,
    *PlaneCalibration.model_fields,
}
comments = st.text(max_size=12, alphabet=st.characters(exclude_categories=["Cs", "Cc"]))


@st.composite
def commented(draw: st.DrawFn, text: str) -> str:
    """Lines of a profile with a person's comments above and behind some of them."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += [f"  # {draw(comments)}", ""] if draw(st.booleans()) else []
        lines.append(line + (f"  # {draw(comments)}" if line and draw(st.booleans()) else ""))
    return "\n".join([*lines, ""])


def by_hand(text: str) -> list[str]:
    """Lines of a profile, with their line ends, that no calibration has written."""
    lines = [line for line in text.split("\n") if "written by `vigitri calibrate`" not in line]
    return [line for line in lines if line.rstrip("\r").split(" = ")[0] not in CALIBRATED]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.permutations(PARTS), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_profile_a_write_changes_only_the_calibrated_keys(
    profile: Path, data: st.DataObject, parts: list[str], line_end: str
) -> None:
    text = data.draw(commented("\n".join(['line = "hall2"', "tracking.hits = 3", *parts])))
    profile.write_text(text, encoding="utf-8", newline=line_end)
    write_calibration(profile, Calibration(lens=lens()))
    with profile.open("a", encoding="utf-8", newline=line_end) as file:
        file.write(data.draw(commented(AFTER)))
    before, loaded = profile.read_bytes().decode(), load_profile(profile)
    found = lens(views=13, camera=None)
    calibration = Calibration(lens=found, plane=plane(found))
    write_calibration(profile, calibration)
    after = profile.read_bytes().decode()
    assert load_profile(profile) == loaded.model_copy(update={"calibration": calibration})
    assert by_hand(after) == by_hand(before)
    assert all(line.endswith("\r") == (line_end == "\r\n") for line in after.split("\n")[:-1])


@pytest.mark.parametrize(
    ("was", "becomes", "section"),
    [
        ("-0.1, 0.01", "-0.11, 0.01", "lens"),
        ("640, 480", "1280, 960", "lens"),
        ("rms_mm = 0.5", "rms_mm = 0.1", "plane"),
        ("2026-11-25", "2026-12-25", "lens"),
    ],
)
def test_a_manual_change_is_refused(profile: Path, was: str, becomes: str, section: str) -> None:
    found = lens()
    write_calibration(profile, Calibration(lens=found, plane=plane(found)))
    profile.write_text(profile.read_text().replace(was, becomes))
    with pytest.raises(CalibrationError, match=rf"calibration\.{section}\.sha256 = .* by hand"):
        line_plane(load_profile(profile), None)


def test_the_calibration_of_another_camera_is_refused(profile: Path) -> None:
    write_calibration(profile, Calibration(lens=lens()))
    with pytest.raises(CalibrationError) as refused:
        line_plane(load_profile(profile), "rtsp://10.0.0.8/a")
    assert "calibration.lens.camera = 'rtsp://10.0.0.7/a'" in str(refused.value)
    assert "the line's camera is 'rtsp://10.0.0.8/a'" in str(refused.value)
    # The same camera at another address: the profile states its identity.
    same = profile.read_text().replace("[camera]", '[camera]\nid = "rtsp://10.0.0.7/a"')
    profile.write_text(same)
    line_plane(load_profile(profile), "rtsp://10.0.0.8/a")


def test_a_plane_calibrated_with_an_earlier_lens_is_refused(profile: Path) -> None:
    write_calibration(profile, Calibration(lens=lens(views=13), plane=plane(lens())))
    with pytest.raises(CalibrationError, match="the plane is valid for the old one"):
        line_plane(load_profile(profile), None)


def test_an_impossible_lens_is_one_line(profile: Path) -> None:
    write_calibration(profile, Calibration(lens=lens(distortion=(-3, 0, 0, 0, 0))))
    with pytest.raises(CalibrationError, match="folds the image over itself"):
        line_plane(load_profile(profile), None)
    write_calibration(profile, Calibration(lens=lens(focal_px=(0, 700))))
    with pytest.raises(CalibrationError, match="a focal length must be positive"):
        line_plane(load_profile(profile), None)


def test_a_key_of_a_person_between_the_marks_is_not_lost(profile: Path) -> None:
    write_calibration(profile, Calibration(lens=lens()))
    text = profile.read_text().replace("[calibration.lens]", f"{AFTER}[calibration.lens]")
    profile.write_text(text)
    with pytest.raises(ProfileError, match="move them above the first mark"):
        write_calibration(profile, Calibration(lens=lens(views=13)))
    assert profile.read_text() == text
    assert list(profile.parent.iterdir()) == [profile]


def test_a_calibration_typed_in_by_hand_is_not_overwritten(profile: Path) -> None:
    typed = profile.read_text() + "\n[calibration.lens]\nviews = 3\n"
    profile.write_text(typed)
    with pytest.raises(ProfileError):
        write_calibration(profile, Calibration(lens=lens()))
    assert profile.read_text() == typed
    torn = BY_HAND + "# <<< written by `vigitri calibrate`\n"
    profile.write_text(torn)
    with pytest.raises(ProfileError, match="do not match"):
        write_calibration(profile, Calibration(lens=lens()))
    assert profile.read_text() == torn
