"""`vigitri calibrate plane`: the belt plane, from a board on the belt or surveyed points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.belt_edges import AlignedPlane, align_to_belt
from calibration.board import BoardView
from calibration.board_print import ruler_mm
from calibration.parallax import OBJECT_MM, CameraPosition, camera_position
from calibration.plane_fit import PlaneFit, fit_boards
from calibration.quality import QualityFigure, at_least, at_most
from calibration.survey_fit import fit_survey
from detector.belt.line_plane import line_lens, refuse_implausible_width
from detector.belt.plane import (
    BeltPlane,
    CalibrationError,
    belt_polygon,
    refuse_misorientation,
)
from detector.commands.calibrate.board_images import boards_in
from detector.commands.calibrate.lens import (
    camera_of,
    logged_in_user,
    now,
    print_quality,
    refuse_poor,
)
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.ingest import SourceError, open_source
from detector.profile.calibration import PlaneCalibration
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration

UNVERIFIED = QualityFigure(
    "scale of the printed board", "unverified", "fair",
    "it was not measured, and a print fitted to the page is 3 to 6 % too small. Give --ruler-mm or "
    "--belt-width-mm; a board without Vigitri's rulers has another scale",
)  # fmt: skip

Points = NDArray[np.float64]
ScaleBy = Literal["ruler", "belt width", "camera height"]


@dataclass(frozen=True, slots=True)
class TapeMeasurements:
    """Lengths measured on site with a tape or ruler, and the operator."""

    ruler_mm: float | None = None
    """Length of the board's printed ruler, by a steel ruler."""
    belt_width_mm: float | None = None
    camera_height_mm: float | None = None
    operator: str | None = None

    def scale_by(self, camera: CameraPosition | None) -> ScaleBy | None:
        """The measured length that has verified the scale; None: none was measured."""
        if self.ruler_mm is not None:
            return "ruler"
        if self.belt_width_mm is not None:
            return "belt width"
        # Without a lens, the height was taken as given and verifies nothing.
        return "camera height" if self.camera_height_mm is not None and camera is not None else None


def calibrate_plane(
    line: Path, sources: Sequence[str], points: Path | None, measured: TapeMeasurements
) -> PlaneCalibration:
    """Fit the plane, print its quality, and write it into the profile unless it is poor.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, `LensError`.
    """
    profile = load_profile(line)
    if sources and points is not None:
        raise CalibrationError("give images of the board or --points, not both")
    if sources:
        boards, searched = boards_in(sources)
        print(f"{searched} images, the board in {len(boards)} of them")
        return plane_from_boards(line, profile, boards, measured)
    if points is None and not profile.belt.points:
        raise CalibrationError(
            "give images of the board on the belt, --points FILE.csv, or [[belt.points]] in the "
            "profile; `vigitri calibrate line` takes the images itself"
        )
    return plane_from_points(line, profile, points, measured)


def plane_from_boards(
    line: Path, profile: LineProfile, boards: Sequence[BoardView], measured: TapeMeasurements
) -> PlaneCalibration:
    """The plane from boards on the belt, aligned with the belt's edges."""
    lens = line_lens(profile, camera_of(profile))
    fit = fit_boards(boards, lens, print_scale(boards, measured.ruler_mm))
    size_px = boards[0].size_px
    aligned = align_to_belt(fit.straight_to_plane, profile.belt, lens, size_px)
    return _checked_and_written(
        line,
        profile,
        fit,
        straight_to_belt=aligned.straight_to_belt,
        size_px=size_px,
        quality=[_edge_quality(aligned), *_width_quality(aligned, measured)],
        measured=measured,
        basis="board",
    )


def plane_from_points(
    line: Path, profile: LineProfile, points: Path | None, measured: TapeMeasurements
) -> PlaneCalibration:
    """The plane from surveyed points, which are already in belt coordinates."""
    lens = line_lens(profile, camera_of(profile))
    px, mm = surveyed_points(profile, points)
    fit = fit_survey(px, mm, lens, "belt.points" if points is None else str(points))
    size_px = _image_size(profile) if lens is None else lens.size_px
    quality: list[QualityFigure] = []
    if measured.belt_width_mm is not None:
        aligned = align_to_belt(fit.straight_to_plane, profile.belt, lens, size_px)
        quality += _width_quality(aligned, measured)
    return _checked_and_written(
        line,
        profile,
        fit,
        straight_to_belt=fit.straight_to_plane,
        size_px=size_px,
        quality=quality,
        measured=measured,
        basis="points",
    )


def print_scale(boards: Sequence[BoardView], measured_mm: float | None) -> float:
    """Size of the printed board relative to its nominal size. Raises `CalibrationError`."""
    papers = sorted({board.paper for board in boards})
    if len(papers) > 1:
        raise CalibrationError(
            f"boards {' and '.join(papers)} were found: use one, the one whose ruler was measured"
        )
    if measured_mm is None or not papers:
        return 1.0
    scale = measured_mm / ruler_mm(papers[0])
    if not 0.9 <= scale <= 1.1:
        raise CalibrationError(
            f"--ruler-mm {measured_mm:g}: the ruler of board {papers[0]} is "
            f"{ruler_mm(papers[0]):g} mm long. Measure it from end to end, or print it at 100 %"
        )
    return scale


def _checked_and_written(
    line: Path,
    profile: LineProfile,
    fit: PlaneFit,
    *,
    straight_to_belt: Points,
    size_px: tuple[int, int],
    quality: list[QualityFigure],
    measured: TapeMeasurements,
    basis: Literal["board", "points"],
) -> PlaneCalibration:
    lens = line_lens(profile, camera_of(profile))
    polygon = np.clip(belt_polygon(profile.belt, lens), 0, size_px)
    plane = BeltPlane(straight_to_belt, "points", polygon, fit.rms_mm, lens, size_px)
    refuse_misorientation("calibration.plane", profile.belt.travel, plane)
    refuse_implausible_width("calibration.plane", plane)
    held_back_mm = float(np.percentile(fit.held_back_mm, 95))
    quality = [
        at_most("error of held-back points (p95)", held_back_mm, "mm", good=5, fair=10,
                advice=f"worst: {fit.worst}. Measure it again; calibrate the lens first"),
        at_least("belt between the points", share := _spanned(plane, fit), f"{share:.0%}",
                 good=0.4, fair=0.2, advice="beyond them the plane is extrapolated: go to the rim"),
        *quality,
    ]  # fmt: skip
    camera = None if lens is None else camera_position(straight_to_belt, lens)
    scale_by = measured.scale_by(camera) if basis == "board" else None
    if basis == "board" and scale_by is None:
        quality.append(UNVERIFIED)
    if camera is not None:
        quality.append(
            at_most("plane against lens", camera.inconsistency * 100, "%", good=1, fair=3,
                    advice="one of them is wrong: recalibrate the lens, then the plane")
        )  # fmt: skip
        if (height := measured.camera_height_mm) is not None:
            quality.append(
                at_most("camera height against the tape", abs(camera.z_mm / height - 1) * 100,
                        "%", good=2, fair=5,
                        advice=f"found {camera.z_mm:.0f} mm, measured {height:g} mm")
            )  # fmt: skip
    elif measured.camera_height_mm is not None:  # assume it is above the middle of its image
        middle = plane.to_belt(np.array([size_px], dtype=np.float64) / 2)[0]
        camera = CameraPosition(float(middle[0]), float(middle[1]), measured.camera_height_mm, 0.0)
    print_quality(quality)
    refuse_poor(quality, "plane")
    parallax_mm = _print_parallax(plane, camera)
    found = PlaneCalibration(
        made=now(),
        operator=measured.operator or logged_in_user(),
        camera=camera_of(profile),
        size_px=size_px,
        basis=basis,
        scale_by=scale_by,
        straight_to_belt=tuple(tuple(float(f"{v:.10g}") for v in row) for row in straight_to_belt),
        lens_sha256="" if profile.calibration.lens is None else profile.calibration.lens.sha256,
        used=len(fit.points_px),
        rms_mm=round(fit.rms_mm, 3),
        held_back_mm=round(held_back_mm, 3),
        camera_mm=None
        if camera is None
        else (round(camera.x_mm, 1), round(camera.y_mm, 1), round(camera.z_mm, 1)),
        parallax_150_mm=parallax_mm,
    ).with_digest()
    write_calibration(line, profile.calibration.model_copy(update={"plane": found}))
    print(f"{line}: calibration.plane written, sha256 {found.sha256[:12]}")
    return found


def _edge_quality(aligned: AlignedPlane) -> QualityFigure:
    """Check of the plane by the belt's edges, independent of the board."""
    return at_most(
        "belt edges out of parallel", aligned.skew_deg, "degrees", good=0.5, fair=2,
        advice="draw belt.polygon_px along the belt's two edges",
    )  # fmt: skip


def _width_quality(aligned: AlignedPlane, measured: TapeMeasurements) -> list[QualityFigure]:
    """Check of the plane by the belt's measured width, if there is one."""
    if measured.belt_width_mm is None:
        return []
    off = abs(aligned.width_mm / measured.belt_width_mm - 1) * 100
    return [
        at_most("belt width against the tape", off, "%", good=1, fair=3,
                advice=f"found {aligned.width_mm:.0f} mm, measured "
                f"{measured.belt_width_mm:g}: is the whole belt in belt.polygon_px?")
    ]  # fmt: skip


def _print_parallax(plane: BeltPlane, camera: CameraPosition | None) -> float | None:
    """Print the parallax; returns the largest displacement on the belt, mm. None: unknown."""
    if camera is None:
        print(
            "  error by height (parallax): unknown. Calibrate the lens first, or give "
            "--camera-height-mm"
        )
        return None
    if camera.z_mm <= 2 * OBJECT_MM:
        raise CalibrationError(
            f"the camera would be {camera.z_mm:.0f} mm above the belt, which is impossible. "
            "Measure again, and check that calibration.lens is of this camera"
        )
    rim = plane.to_belt(plane.polygon_px)
    moved = camera.displaced_mm(rim, OBJECT_MM)
    worst = int(np.linalg.norm(moved, axis=1).argmax())
    most_mm = float(np.linalg.norm(moved[worst]))
    print(
        f"  camera {camera.z_mm:.0f} mm above the belt, over x {camera.x_mm:.0f}, "
        f"y {camera.y_mm:.0f} mm"
    )
    print(
        f"  error by height (parallax): the top of an object {OBJECT_MM:g} mm high appears up to "
        f"{most_mm:.0f} mm further out (across {np.abs(moved[:, 0]).max():.0f}, along "
        f"{np.abs(moved[:, 1]).max():.0f}), nothing below the camera"
    )
    return round(most_mm, 1)


def _spanned(plane: BeltPlane, fit: PlaneFit) -> float:
    """Share of the visible belt within the hull of the points, 0 to 1."""
    belt = plane.to_belt(plane.polygon_px).astype(np.float32)
    hull = cv2.convexHull(plane.to_belt(fit.points_px).astype(np.float32))
    inside, _ = cv2.intersectConvexConvex(cv2.convexHull(belt), hull)
    return float(inside / cv2.contourArea(cv2.convexHull(belt)))


def _image_size(profile: LineProfile) -> tuple[int, int]:
    """`(width, height)` of the camera's images. Raises `SourceError`."""
    source = open_source(profile.camera.source, fps=profile.camera.fps)
    try:
        image = source.retrieve() if source.grab() else None
    finally:
        source.close()
    if image is None:
        raise SourceError(profile.camera.source, "gives no image", "check it: vigitri doctor")
    return image.shape[1], image.shape[0]
