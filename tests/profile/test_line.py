from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.belt.line_plane import line_plane
from detector.belt.plane import CalibrationError
from detector.profile.line import LineProfile
from detector.profile.loading import ProfileError, load_profile

GOOD = """
line = "hall2-belt1"
[camera]
source = "belt.mp4"
[belt]
polygon_px = [[0, 40], [1280, 40], [1280, 680], [0, 680]]
travel = "right"
px_per_mm = 1.6
speed_mm_s = 400
[overload]
empty_belt = "empty.png"
[[action_points]]
name = "picker 1"
y_mm = 3000
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "line.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ProfileError) as refused:
        load_profile(written(tmp_path, text))
    assert str(refused.value).count("\n") == len(refused.value.mistakes) - 1
    return refused.value.mistakes


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_profile_of_a_few_lines_is_valid_and_has_defaults(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, GOOD))
    assert profile.belt.travel == "right"
    assert profile.tracking.hits == 3
    assert profile.action_points[0].acting_ms == 1000


def test_a_profile_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, f"\ufeff{GOOD}".replace("\n", "\r\n"))
    assert load_profile(path).line == "hall2-belt1"


def test_a_speed_in_metres_per_second_is_refused(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, changed("speed_mm_s = 400", "speed_mm_s = 0.4"))
    assert mistake.startswith("belt.speed_mm_s = 0.4: too slow for a belt; the unit is mm/s")


@pytest.mark.parametrize(
    ("scale", "reason"),
    [
        ("px_per_mm = 16", "belt.px_per_mm: with it, belt.polygon_px is 40 mm wide"),
        ("px_per_mm = 0.016", "belt.px_per_mm: with it, belt.polygon_px is 4e+04 mm wide"),
        (
            "\n".join(
                f"[[belt.points]]\npx = [{u}, {v}]\nmm = [{v / 16}, {u / 16}]"
                for u, v in ((0, 40), (1280, 40), (1280, 680), (0, 680))
            ),
            "belt.points: with it, belt.polygon_px is 40 mm wide",
        ),
    ],
)
def test_points_or_a_scale_in_other_units_than_millimetres_are_refused(
    tmp_path: Path, scale: str, reason: str
) -> None:
    text = changed("px_per_mm = 1.6\nspeed_mm_s = 400", scale)
    with pytest.raises(CalibrationError) as refused:
        line_plane(load_profile(written(tmp_path, text)), None)
    assert str(refused.value).startswith(reason)
    assert "Write millimetres" in str(refused.value)


def test_relative_paths_start_at_the_profiles_folder(tmp_path: Path) -> None:
    wire = """
[wire]
journal = "journal"
keys = "keys/line.secret.toml"
allowed_keys = "/etc/vigitri/allowed"
"""
    profile = load_profile(written(tmp_path, GOOD + wire))
    assert profile.camera.source == str(tmp_path / "belt.mp4")
    assert profile.overload.empty_belt == tmp_path / "empty.png"
    assert profile.wire.journal == tmp_path / "journal"
    assert profile.wire.keys == tmp_path / "keys" / "line.secret.toml"
    assert profile.wire.allowed_keys == Path("/etc/vigitri/allowed")


def test_a_model_folder_beside_the_profile_is_not_taken_for_a_name_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, f'{GOOD}[model]\nname = "./mine"')
    monkeypatch.chdir(tmp_path)
    assert load_profile(Path("line.toml")).model.name == str(tmp_path / "mine")
    written(tmp_path, f'{GOOD}[model]\nname = "mine"')
    assert load_profile(Path("line.toml")).model.name == "mine"


def test_a_camera_address_is_not_resolved_as_a_path(tmp_path: Path) -> None:
    text = changed('"belt.mp4"', '"rtsp://camera/belt"')
    assert load_profile(written(tmp_path, text)).camera.source == "rtsp://camera/belt"


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    text = changed('"belt.mp4"', '"/footage/belt.mp4"')
    assert load_profile(written(tmp_path, text)).camera.source == "/footage/belt.mp4"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('"hall2-belt1"', '"hall 2"', ["line = 'hall 2'", "Use letters, digits"]),
        ('"right"', '"east"', ["belt.travel = 'east'", "'right', 'left'", "Write travel ="]),
        (
            'source = "belt.mp4"',
            'source = "belt.mp4"\nfrozen_after = 1',
            ["camera.frozen_after = 1: every image is identical to itself", "Leave it out"],
        ),
        ("px_per_mm = 1.6", "px_per_mm = -1", ["belt.px_per_mm = -1", "greater than 0", "Measure"]),
        ("px_per_mm = 1.6", 'px_per_mm = "wide"', ["belt.px_per_mm = 'wide'", "number", "Measure"]),
        ("speed_mm_s = 400", "speed_mm_s = 40000", ["belt.speed_mm_s = 40000", "5000"]),
        ("y_mm = 3000", "", ["action_points[0].y_mm: is missing. Measure along the belt"]),
        ('source = "belt.mp4"', "", ["camera.source: is missing. Name the camera"]),
        ("px_per_mm = 1.6", "", ["belt: no scale", "px_per_mm", "belt.points"]),
        (
            'empty_belt = "empty.png"',
            "marks_px = [[[0, 0], [9, 0], [9, 9]]]",
            ["overload: marks_px needs empty_belt"],
        ),
        (
            'empty_belt = "empty.png"',
            'empty_belt = "empty.png"\nmarks_px = [[[0, 0], [9, 0]]]',
            ["overload.marks_px", "three or more corners", "Give each area's corners"],
        ),
        (
            "[overload]",
            "[jam]\nraise_at = 0.1\n[overload]",
            ["jam: release_at = 0.15 must be below raise_at = 0.1"],
        ),
        ("travel =", "travle =", ["belt.travle", "no such key. Did you mean travel?"]),
        ("[overload]", "[overlaod]", ["overlaod", "no such key. Did you mean overload?"]),
        ("y_mm = 3000", "y_mm = 1\nzzz = 1", ["action_points[0].zzz = 1", "Known here: name"]),
        (
            "[[0, 40], [1280, 40], [1280, 680], [0, 680]]",
            "[[0, 40], [1280, 40]]",
            ["belt.polygon_px =", "at least 3", "Give three or more corners"],
        ),
        (
            "[[0, 40], [1280, 40], [1280, 680], [0, 680]]",
            "[[0, 40], [1280, 680], [1280, 40], [0, 680]]",
            ["belt.polygon_px =", "corners 0 and 2 cross", "Give three or more corners"],
        ),
        ('empty_belt = "empty.png"', "release_at = 0.9", ["overload: release_at = 0.9 must be"]),
        ("[overload]", "[tracking]\nhits = 9\n[overload]", ["tracking: hits = 9 can't be reached"]),
        (
            '[overload]\nempty_belt = "empty.png"',
            "[model]\nthresholds = { battery = 2 }",
            ["model.thresholds.battery = 2", "less than 1", "Write thresholds ="],
        ),
        (
            "[overload]",
            "[[belt.points]]\npx = [1, 2]\nmm = [3, 4]\n[overload]",
            ["belt.points =", "a plane needs four points or more, not 1", "Give four or more"],
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_key_value_reason_and_fix(
    tmp_path: Path, old: str, new: str, parts: list[str]
) -> None:
    lines = mistakes(tmp_path, changed(old, new))
    named = [line for line in lines if parts[0] in line]
    assert len(named) == 1
    assert all(part in named[0] for part in parts)


def test_a_value_where_a_section_belongs_is_one_line(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, 'line = "a"\ncamera = 5\nbelt = "b"\n')
    assert len(lines) == 2
    assert "Add a [camera] section" in lines[0]


def test_five_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = (
        changed('"hall2-belt1"', '"a/b"')
        .replace('source = "belt.mp4"', "")
        .replace('"right"', '"north"')
        .replace("speed_mm_s = 400", "speed_mm_s = -1")
        .replace("y_mm = 3000", "y_mm = 3000\nwho = 1")
    )
    lines = mistakes(tmp_path, text)
    assert len(lines) == 5
    keys = ("line", "camera.source", "belt.travel", "belt.speed_mm_s", "action_points[0].who")
    for key in keys:
        assert sum(line.startswith(key) for line in lines) == 1


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("px_per_mm = 1.6", "px_per_mm"),
        ("speed_mm_s = 400", "speed_mm_s"),
        ("y_mm = 3000", "y_mm"),
        ("[overload]", "[view]\nmm_per_px"),
        ("[overload]", "[overload]\nraise_at"),
        ("[overload]", "[overload]\nwindow_mm"),
        ("[overload]", "[tracking]\nsize_tolerance"),
        ('source = "belt.mp4"', 'source = "belt.mp4"\nfps'),
        ("y_mm = 3000", "y_mm = 3000\nacting_ms"),
    ],
)
def test_nan_and_infinity_are_refused_for_every_key(
    tmp_path: Path, number: str, old: str, key: str
) -> None:
    text = changed(old, f"{key} = {number}")
    if old == "[overload]" and "overload" not in key:
        text = text.replace('empty_belt = "empty.png"', "")
    lines = mistakes(tmp_path, text)
    assert len(lines) == 1
    assert key.rsplit("\n", maxsplit=1)[-1] in lines[0]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_nan_and_infinity_are_refused_in_corners_points_and_thresholds(
    tmp_path: Path, number: str
) -> None:
    assert mistakes(tmp_path, changed("[0, 40],", f"[0, {number}],"))
    thresholds = f"[model]\nthresholds = {{ battery = {number} }}\n[overload]"
    assert mistakes(tmp_path, changed("[overload]", thresholds))
    points = "\n".join(f"[[belt.points]]\npx = [{n}, 1]\nmm = [{number}, 4]" for n in range(4))
    assert len(mistakes(tmp_path, changed("px_per_mm = 1.6", points))) >= 4


def test_a_missing_file_or_one_that_is_not_toml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such file"):
        load_profile(tmp_path / "none.toml")
    with pytest.raises(ProfileError, match=r"is a folder\. Name a line profile"):
        load_profile(tmp_path)
    with pytest.raises(ProfileError, match="is not TOML"):
        load_profile(written(tmp_path, "line = "))
    with pytest.raises(ProfileError, match="is nested too deeply"):
        load_profile(written(tmp_path, f"line = {'[' * 3000}"))
    (tmp_path / "line.toml").write_bytes(b"line = \xff")
    with pytest.raises(ProfileError, match=r"is not UTF-8 text\. Save it as UTF-8"):
        load_profile(tmp_path / "line.toml")


@given(
    st.lists(
        st.floats(0, 2 * math.pi, exclude_max=True),
        min_size=3,
        max_size=9,
        unique_by=lambda angle: round(angle, 3),
    )
)
def test_corners_in_order_around_a_centre_are_a_valid_polygon(angles: list[float]) -> None:
    corners = [[500 + 300 * math.cos(a), 400 + 300 * math.sin(a)] for a in sorted(angles)]
    document = {
        "line": "a",
        "camera": {"source": "x"},
        "belt": {"polygon_px": corners, "travel": "up", "px_per_mm": 1},
    }
    assert len(LineProfile.model_validate(document).belt.polygon_px) == len(corners)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "line.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_profile(path).line == "hall2-belt1"
