"""`vigitri calibrate …` on photographs of a camera whose lens and position are known."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.belt.line_plane import line_plane
from detector.belt.plane import transformed
from detector.commands.calibrate.new_profile import begin_profile
from detector.profile.loading import load_profile
from detector.vision.belt_view import Rectifier
from tests.calibration.belt_camera import (
    CAMERA_MM,
    LAYS,
    WIDTH_MM,
    belt_seen,
    belt_to_straight,
    board_to_belt,
)
from tests.calibration.board_camera import LENS, SIZE_PX, photograph, photographs
from tests.calibration.test_foreign_board import seen
from tests.commands.conftest import Vigitri
from tests.fakes import frame
from tests.small_line import write_video


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photographs of the hand-held board (`lens`), four of it on the belt (`belt`)."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "lens").mkdir()
    (folder / "belt").mkdir()
    for number, image in enumerate(photographs()):
        cv2.imwrite(str(folder / "lens" / f"{number}.png"), image)
    rng, to_straight = np.random.default_rng(2), belt_to_straight()
    for number, lay in enumerate(LAYS):
        image = photograph(to_straight @ board_to_belt(*lay), rng)
        cv2.imwrite(str(folder / "belt" / f"{number}.png"), image)
    return folder


def new_line(folder: Path, photos: Path, *, camera: str = "") -> Path:
    path = folder / "line.toml"
    corners = [list(corner) for corner in belt_seen(belt_to_straight()).polygon_px]
    path.write_text(
        f'line = "belt-1"\n[camera]\nsource = "{photos / "belt"}"\n{camera}\n[belt]\n'
        f'polygon_px = {corners}\ntravel = "right"\npx_per_mm = 0.6\n'
    )
    return path


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> str:
    """The text of a profile calibrated with the commands."""
    from detector.commands.calibrate.lens import calibrate_lens
    from detector.commands.calibrate.plane import TapeMeasurements, calibrate_plane

    line = new_line(tmp_path_factory.mktemp("line"), photos, camera='id = "SN 1"')
    calibrate_lens(line, [str(photos / "lens")], "Ana", 1)
    measured = TapeMeasurements(
        belt_width_mm=WIDTH_MM, camera_height_mm=CAMERA_MM[2], operator="Ana"
    )
    calibrate_plane(line, [str(photos / "belt")], None, measured)
    return line.read_text()


@pytest.fixture
def line(tmp_path: Path, calibrated: str) -> Path:
    path = tmp_path / "line.toml"
    path.write_text(calibrated)
    return path


def test_a_line_is_calibrated_from_photographs_to_millimetres(line: Path) -> None:
    profile = load_profile(line)
    lens, plane = profile.calibration.lens, profile.calibration.plane
    assert lens is not None
    assert plane is not None
    assert (lens.operator, lens.camera, lens.size_px) == ("Ana", "SN 1", SIZE_PX)
    assert lens.focal_px == pytest.approx(np.diag(LENS.matrix)[:2], rel=5e-3)
    assert plane.camera_mm is not None
    assert plane.camera_mm[2] == pytest.approx(CAMERA_MM[2], rel=0.01)
    found = line_plane(profile, None)
    true_mm = np.array([[40.0, 200.0], [700.0, 250.0], [60.0, 900.0], [720.0, 950.0]])
    found_mm = found.to_belt(LENS.to_image(transformed(belt_to_straight(), true_mm)))
    np.testing.assert_allclose(found_mm[:, 0], true_mm[:, 0], atol=4)
    np.testing.assert_allclose(np.diff(found_mm[:, 1]), np.diff(true_mm[:, 1]), atol=4)


def test_the_belt_view_shows_the_board_undistorted(line: Path, photos: Path) -> None:
    """A board on the belt has its true size and square corners, wherever it is."""
    from calibration.board import SQUARE_MM, find_board

    view = Rectifier(line_plane(load_profile(line), None), SIZE_PX, 1.5, 32)
    for path in sorted((photos / "belt").iterdir()):
        image = cv2.imread(str(path))
        assert image is not None
        seen = find_board(view.rectify(frame(image.astype(np.uint8), 0)).image, path.name)
        assert seen is not None
        mm = view.view_to_belt(seen.px)
        true = seen.mm(1.0)
        for i in range(0, len(mm) - 1, 7):
            assert np.linalg.norm(mm[-1] - mm[i]) == pytest.approx(
                np.linalg.norm(true[-1] - true[i]), abs=SQUARE_MM["a3"] / 10
            )


def test_each_step_prints_its_residuals_and_rates_them(
    vigitri: Vigitri, photos: Path, tmp_path: Path, calibrated: str
) -> None:
    line = new_line(tmp_path, photos)
    line.write_text(calibrated)
    code, out, err = vigitri("calibrate", "plane", line, photos / "belt", "--ruler-mm", 201)
    assert (code, err) == (0, [])
    text = "\n".join(out)
    assert "4 images, the board in 4 of them" in text
    assert re.search(r"error of held-back points \(p95\) +[\d.]+ mm +good", text)
    assert re.search(r"an object 150 mm high appears up to \d+ mm further out", text)
    # A board printed half a percent larger puts the camera higher.
    plane = load_profile(line).calibration.plane
    assert plane is not None
    assert plane.camera_mm is not None
    assert plane.camera_mm[2] == pytest.approx(1.005 * CAMERA_MM[2], rel=0.01)


def test_verify_prints_the_author_and_the_present_error(
    vigitri: Vigitri, line: Path, photos: Path
) -> None:
    code, out, err = vigitri("calibrate", "verify", line, photos / "belt")
    assert (code, err) == (0, [])
    assert "by Ana with SN 1, 960 x 600 px" in out[0]
    assert re.search(r"error of 4 new boards \(p95\) +[\d.]+ mm +good", out[-1])


def test_verify_detects_a_moved_camera(vigitri: Vigitri, line: Path, tmp_path: Path) -> None:
    lower = belt_to_straight(camera_mm=(*CAMERA_MM[:2], CAMERA_MM[2] - 150))
    image = photograph(lower @ board_to_belt(*LAYS[1]), np.random.default_rng(0))
    cv2.imwrite(str(tmp_path / "now.png"), image)
    code, out, _ = vigitri("calibrate", "verify", line, tmp_path / "now.png")
    assert code == 1
    assert "poor: the camera was moved" in out[-1]


@pytest.mark.parametrize(
    ("was", "becomes", "text"),
    [
        ('id = "SN 1"', 'id = "SN 2"', "calibration.lens.camera = 'SN 1': the line's camera is"),
        ("views = 12", "views = 40", "this section was changed by hand"),
    ],
)
def test_verify_refuses_another_camera_and_a_manual_change(
    vigitri: Vigitri, line: Path, was: str, becomes: str, text: str
) -> None:
    assert was in line.read_text()
    line.write_text(line.read_text().replace(was, becomes))
    code, _, err = vigitri("calibrate", "verify", line)
    assert (code, len(err)) == (2, 1)
    assert text in err[0]


def test_images_of_another_size_are_refused_at_start_up(line: Path) -> None:
    from detector.belt.plane import CalibrationError

    plane = line_plane(load_profile(line), None)
    with pytest.raises(CalibrationError, match=r"size_px = \[960, 600\]: the camera gives 1920 x"):
        Rectifier(plane, (1920, 1200), 1.5, 32)


def test_surveyed_points_are_read_from_a_file_and_a_bad_line_is_named(
    vigitri: Vigitri, line: Path, tmp_path: Path
) -> None:
    mm = np.array([[20, 200], [740, 210], [30, 600], [730, 610], [40, 1000], [720, 990.0]])
    px = LENS.to_image(transformed(belt_to_straight(), mm))
    rows = [f"{u:.2f},{v:.2f},{x:g},{y:g}" for (u, v), (x, y) in zip(px, mm, strict=True)]
    points = tmp_path / "points.csv"
    points.write_text("\n".join(["u_px,v_px,x_mm,y_mm", *rows]))
    code, out, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, err) == (0, [])
    assert "error of held-back points (p95)" in out[0]
    for width_mm, poor in ((WIDTH_MM, False), (1.1 * WIDTH_MM, True)):
        tape = ("--belt-width-mm", f"{width_mm:g}")
        code, out, err = vigitri("calibrate", "plane", line, "--points", points, *tape)
        assert any("belt width against the tape" in each for each in out)
        assert (code == 2) is poor
    in_cm = [
        f"{u:.2f},{v:.2f},{x / 10:g},{y / 10:g}" for (u, v), (x, y) in zip(px, mm, strict=True)
    ]
    points.write_text("\n".join(["u_px,v_px,x_mm,y_mm", *in_cm]))
    code, _, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, len(err)) == (2, 1)
    assert "Write millimetres, not cm or m" in err[0]
    points.write_text("\n".join(["u_px,v_px,x_mm,y_mm", *rows[:5], "12,5,lots,0"]))
    code, _, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, len(err)) == (2, 1)
    assert "points.csv, line 7: 12,5,lots,0 are not four numbers" in err[0]
    points.write_text("\n".join(["u_px,v_px,x_mm,y_mm", *rows[:5], "812,5,40,0,1200"]))
    code, _, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, len(err)) == (2, 1)
    assert "points.csv, line 7: 812,5,40,0,1200 are not four numbers" in err[0]
    points.write_text("u_px,v_px,x_mm,y_mm\n")
    code, _, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, len(err)) == (2, 1)
    assert "points.csv: has no points" in err[0]
    points.write_text("\n".join(["x,y,u,v", *rows]))
    code, _, err = vigitri("calibrate", "plane", line, "--points", points)
    assert (code, len(err)) == (2, 1)
    assert "Write u_px,v_px,x_mm,y_mm" in err[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("intrinsics", "{line}", "{photos}/belt"), "different views of the board in 4 images"),
        (("plane", "{line}"), "give images of the board on the belt, --points FILE.csv"),
        (
            ("plane", "{line}", "{photos}/belt/0.png"),
            "1 images show the board on the belt",
        ),
        (("plane", "{line}", "{photos}/belt", "--ruler-mm", "150"), "--ruler-mm 150: the ruler of"),
        (("plane", "{line}", "{photos}/belt", "--belt-width-mm", "900"), "belt width against"),
        (("verify", "{line}"), "has no calibration"),
        (("board", "-o", "board.png"), "written as PDF or SVG"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    vigitri: Vigitri, photos: Path, tmp_path: Path, arguments: tuple[str, ...], text: str
) -> None:
    line = new_line(tmp_path, photos)
    before = line.read_text()
    code, _, err = vigitri(
        "calibrate", *(each.format(line=line, photos=photos) for each in arguments)
    )
    assert (code, len(err)) == (2, 1), err
    assert text in err[0]
    assert line.read_text() == before


def basis(line: Path) -> str:
    return line_plane(load_profile(line), None).basis


@pytest.mark.parametrize(
    ("measured", "scale_by"),
    [
        ((), None),
        (("--ruler-mm", "200"), "ruler"),
        (("--belt-width-mm", f"{WIDTH_MM:g}"), "belt width"),
        (("--camera-height-mm", f"{CAMERA_MM[2]:g}"), "camera height"),
    ],
    ids=["nothing", "ruler", "belt width", "camera height"],
)
def test_a_scale_that_was_not_measured_is_unverified(
    vigitri: Vigitri, line: Path, photos: Path, measured: tuple[str, ...], scale_by: str | None
) -> None:
    """A print fitted to the page is 3 to 6 % too small, and no image shows that."""
    code, out, err = vigitri("calibrate", "plane", line, photos / "belt", *measured)
    assert (code, err) == (0, [])
    assert any("scale of the printed board" in each for each in out) is (scale_by is None)
    plane = load_profile(line).calibration.plane
    assert plane is not None
    assert plane.scale_by == scale_by
    assert basis(line) == ("unverified" if scale_by is None else "points")
    _, out, _ = vigitri("calibrate", "verify", line)
    (said,) = [each for each in out if each.startswith("plane: ")]
    if scale_by is None:
        assert ", scale unverified: the print was not measured; run `vigitri calibrate" in said
    else:
        assert said.endswith(f", scale by the {scale_by}")


def test_without_a_lens_the_cameras_height_verifies_no_scale() -> None:
    """It is taken as given, to compute the parallax."""
    from detector.commands.calibrate.plane import TapeMeasurements

    assert TapeMeasurements(camera_height_mm=CAMERA_MM[2]).scale_by(None) is None


def test_a_calibration_from_before_the_scale_was_recorded_is_valid_and_unverified(
    line: Path,
) -> None:
    from detector.profile.calibration import PlaneCalibration

    plane = load_profile(line).calibration.plane
    assert plane is not None
    older = plane.model_dump(mode="json", exclude={"scale_by", "sha256"})
    digest = hashlib.sha256(json.dumps(older, sort_keys=True).encode()).hexdigest()
    read = PlaneCalibration.model_validate(older | {"sha256": digest})
    assert read.digest() == read.sha256
    assert not read.scale_is_measured


def test_images_of_a_foreign_board_are_refused_by_name(
    vigitri: Vigitri, line: Path, tmp_path: Path
) -> None:
    image = tmp_path / "theirs.png"
    cv2.imwrite(str(image), seen(8, 6, 0.75, cv2.aruco.DICT_5X5_100))
    code, _, err = vigitri("calibrate", "plane", line, image)
    assert (code, len(err)) == (2, 1)
    assert f"{image}, image 0: shows a board that is not Vigitri's (24 markers ArUco 5x5" in err[0]


@pytest.mark.parametrize("name", ["board.pdf", "board.svg"])
def test_a_board_is_written_for_printing(vigitri: Vigitri, tmp_path: Path, name: str) -> None:
    code, out, err = vigitri("calibrate", "board", "-o", tmp_path / name, "--paper", "a2")
    assert (code, err) == (0, [])
    assert "Both rulers must measure 200 mm" in out[0]
    assert (tmp_path / name).read_bytes()[:4] in {b"%PDF", b"<svg"}


def test_the_guided_calibration_runs_from_questions_to_a_plane(
    vigitri: Vigitri, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new line, from questions and folders of images, without a display."""
    line = tmp_path / "new.toml"
    corners = belt_seen(belt_to_straight()).polygon_px
    answers = [
        "hall-2", str(photos / "belt"), "right",
        " ".join(f"{x:.1f},{y:.1f}" for x, y in corners), str(WIDTH_MM),
        "Ana", "y", "a3", "200", str(WIDTH_MM), "0",
    ]  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
    code, out, err = vigitri("calibrate", "line", line, "--images", photos)
    assert (code, err) == (0, [])
    text = "\n".join(out)
    assert "4 of 4: check" in text
    assert "vigitri calibrate empty" in text
    assert (tmp_path / "new-camera.png").is_file()
    found = load_profile(line)
    assert found.line == "hall-2"
    assert found.calibration.plane is not None
    assert found.calibration.plane.operator == "Ana"
    assert found.calibration.plane.scale_by == "ruler"


def test_a_ruler_that_was_not_measured_leaves_the_scale_unverified(
    vigitri: Vigitri, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter at every question about a length."""
    line = new_line(tmp_path, photos)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\na3\n\n\n\n"))
    assert vigitri("calibrate", "line", line, "--images", photos, "--operator", "Ana").code == 0
    assert basis(line) == "unverified"


def test_an_invalid_answer_is_asked_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = tmp_path / "site" / "new.toml"
    line.parent.mkdir()
    monkeypatch.setenv("HOME", str(photos))
    answers = [
        "hall 2", "hall-2", "~/belt", "right", "0,0 600,0 600,400 0,400", "-1200", "nan", "1200"
    ]  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
    begin_profile(line)
    found = load_profile(line)
    assert (found.line, found.belt.px_per_mm) == ("hall-2", pytest.approx(400 / 1200, rel=1e-3))
    assert Path(found.camera.source).resolve() == (photos / "belt").resolve()


def test_without_a_board_one_is_written_to_print_first(
    vigitri: Vigitri, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = new_line(tmp_path, photos)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\na4\n"))
    code, out, _ = vigitri("calibrate", "line", line, "--operator", "Ana")
    assert code == 0
    assert "run the same command again" in out[-1]
    assert (tmp_path / "board-a4.pdf").read_bytes().startswith(b"%PDF")


def test_the_lens_is_calibrated_live_from_the_lines_camera(
    vigitri: Vigitri, photos: Path, tmp_path: Path
) -> None:
    """A video plays like a camera; each change of the missing parts is printed."""
    images = [cv2.imread(str(path)) for path in (photos / "lens").iterdir()]
    video = write_video(tmp_path / "held.avi", [each for each in images if each is not None], 2)
    line = new_line(tmp_path, photos)
    line.write_text(line.read_text().replace(str(photos / "belt"), str(video)))
    code, out, err = vigitri("calibrate", "intrinsics", line, "--operator", "Ana")
    assert (code, err) == (0, [])
    assert "Hold the board in front of the camera" in out[0]
    assert re.match(r"1 views, \d+% of the image; missing: .", out[1])
    assert load_profile(line).calibration.lens is not None
