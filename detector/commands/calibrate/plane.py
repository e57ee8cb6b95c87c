"""`vigitri calibrate plane`: where the belt lies, from a board on it or from surveyed points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.belt_edges import OnBelt, along_the_belt
from calibration.board import BoardSight
from calibration.board_print import ruler_mm
from calibration.parallax import OBJECT_MM, CameraPlace, camera_place
from calibration.plane_fit import PlaneFit, fit_lays
from calibration.quality import Judged, at_least, at_most
from calibration.survey_fit import fit_survey
from detector.belt.line_plane import line_lens, refuse_other_units
from detector.belt.plane import (
    BeltPlane,
    CalibrationError,
    belt_polygon,
    refuse_the_wrong_way,
)
from detector.commands.calibrate.board_pictures import boards_in
from detector.commands.calibrate.lens import camera_of, now, print_judged, refuse_poor, who
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.ingest import SourceError, open_source
from detector.profile.calibrated import PlaneCalibration
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.profile.writing import write_calibration

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a person measured on site besides the pictures."""

    ruler_mm: float | None = None
    """The board's printed ruler, by a steel one."""
    belt_width_mm: float | None = None
    camera_height_mm: float | None = None
    operator: str | None = None


def calibrate_plane(
    line: Path, sources: Sequence[str], points: Path | None, measured: Measured
) -> PlaneCalibration:
    """Find the plane, print what it is worth, and write it unless it is poor.

    Raises `ProfileError`, `SourceError`, `CalibrationError`, `LensError`.
    """
    profile = load_profile(line)
    if sources and points is not None:
        raise CalibrationError("give pictures of the board or --points, not both")
    if sources:
        sights, looked_at = boards_in(sources)
        print(f"{looked_at} pictures, the board in {len(sights)} of them")
        return plane_from_boards(line, profile, sights, measured)
    if points is None and not profile.belt.points:
        raise CalibrationError(
            "give pictures of the board on the belt, --points FILE.csv, or [[belt.points]] in the "
            "profile; `vigitri calibrate line` takes the pictures itself"
        )
    return plane_from_points(line, profile, points, measured)


def plane_from_boards(
    line: Path, profile: LineProfile, sights: Sequence[BoardSight], measured: Measured
) -> PlaneCalibration:
    """The plane from boards on the belt, turned to the belt's edges."""
    lens = line_lens(profile, camera_of(profile))
    fit = fit_lays(sights, lens, print_scale(sights, measured.ruler_mm))
    size_px = sights[0].size_px
    on_belt = along_the_belt(fit.straight_to_plane, profile.belt, lens, size_px)
    return _written(
        line,
        profile,
        fit,
        straight_to_belt=on_belt.straight_to_belt,
        size_px=size_px,
        judged=[_of_edges(on_belt), *_of_width(on_belt, measured)],
        measured=measured,
        basis="board",
    )


def plane_from_points(
    line: Path, profile: LineProfile, points: Path | None, measured: Measured
) -> PlaneCalibration:
    """The plane from surveyed points, which are in belt coordinates already."""
    lens = line_lens(profile, camera_of(profile))
    px, mm = surveyed_points(profile, points)
    fit = fit_survey(px, mm, lens, "belt.points" if points is None else str(points))
    size_px = _size_of(profile) if lens is None else lens.size_px
    judged: list[Judged] = []
    if measured.belt_width_mm is not None:
        on_belt = along_the_belt(fit.straight_to_plane, profile.belt, lens, size_px)
        judged += _of_width(on_belt, measured)
    return _written(
        line,
        profile,
        fit,
        straight_to_belt=fit.straight_to_plane,
        size_px=size_px,
        judged=judged,
        measured=measured,
        basis="points",
    )


def print_scale(sights: Sequence[BoardSight], measured_mm: float | None) -> float:
    """How large the board is against what it should be. Raises `CalibrationError`."""
    papers = sorted({sight.paper for sight in sights})
    if len(papers) > 1:
        raise CalibrationError(
            f"boards {' and '.join(papers)} are seen: use one, whose ruler you have measured"
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


def _written(
    line: Path,
    profile: LineProfile,
    fit: PlaneFit,
    *,
    straight_to_belt: Points,
    size_px: tuple[int, int],
    judged: list[Judged],
    measured: Measured,
    basis: Literal["board", "points"],
) -> PlaneCalibration:
    lens = line_lens(profile, camera_of(profile))
    polygon = np.clip(belt_polygon(profile.belt, lens), 0, size_px)
    plane = BeltPlane(straight_to_belt, "points", polygon, fit.rms_mm, lens, size_px)
    refuse_the_wrong_way("calibration.plane", profile.belt.travel, plane)
    refuse_other_units("calibration.plane", plane)
    held_out_mm = float(np.percentile(fit.held_out_mm, 95))
    judged = [
        at_most("error of points not used (p95)", held_out_mm, "mm", good=5, fair=10,
                advice=f"worst: {fit.worst}. Measure it again; calibrate the lens first"),
        at_least("belt between the points", share := _spanned(plane, fit), f"{share:.0%}",
                 good=0.4, fair=0.2, advice="beyond them the plane is a guess: go nearer the rim"),
        *judged,
    ]  # fmt: skip
    place = None if lens is None else camera_place(straight_to_belt, lens)
    if place is not None:
        judged.append(
            at_most("plane against lens", place.distorts * 100, "%", good=1, fair=3,
                    advice="one of the two is wrong: calibrate the lens again, then the plane")
        )  # fmt: skip
        if (height := measured.camera_height_mm) is not None:
            judged.append(
                at_most("camera's height against the tape", abs(place.z_mm / height - 1) * 100,
                        "%", good=2, fair=5,
                        advice=f"found {place.z_mm:.0f} mm, measured {height:g} mm")
            )  # fmt: skip
    elif measured.camera_height_mm is not None:  # it hangs above the middle of its picture
        middle = plane.to_belt(np.array([size_px], dtype=np.float64) / 2)[0]
        place = CameraPlace(float(middle[0]), float(middle[1]), measured.camera_height_mm, 0.0)
    print_judged(judged)
    refuse_poor(judged, "plane")
    parallax_mm = _print_parallax(plane, place)
    found = PlaneCalibration(
        made=now(),
        operator=measured.operator or who(),
        camera=camera_of(profile),
        size_px=size_px,
        basis=basis,
        straight_to_belt=tuple(tuple(float(f"{v:.10g}") for v in row) for row in straight_to_belt),
        lens_sha256="" if profile.calibration.lens is None else profile.calibration.lens.sha256,
        used=len(fit.points_px),
        rms_mm=round(fit.rms_mm, 3),
        held_out_mm=round(held_out_mm, 3),
        camera_mm=None
        if place is None
        else (round(place.x_mm, 1), round(place.y_mm, 1), round(place.z_mm, 1)),
        parallax_150_mm=parallax_mm,
    ).sealed()
    write_calibration(line, profile.calibration.model_copy(update={"plane": found}))
    print(f"{line}: calibration.plane written, sha256 {found.sha256[:12]}")
    return found


def _of_edges(on_belt: OnBelt) -> Judged:
    """What the belt itself says of the plane, which the board did not."""
    return at_most(
        "belt's edges out of parallel", on_belt.skew_deg, "degrees", good=0.5, fair=2,
        advice="draw belt.polygon_px along the belt's two edges",
    )  # fmt: skip


def _of_width(on_belt: OnBelt, measured: Measured) -> list[Judged]:
    """The same, where somebody has measured the belt."""
    if measured.belt_width_mm is None:
        return []
    off = abs(on_belt.width_mm / measured.belt_width_mm - 1) * 100
    return [
        at_most("belt's width against the tape", off, "%", good=1, fair=3,
                advice=f"found {on_belt.width_mm:.0f} mm, measured "
                f"{measured.belt_width_mm:g}: is the whole belt in belt.polygon_px?")
    ]  # fmt: skip


def _print_parallax(plane: BeltPlane, place: CameraPlace | None) -> float | None:
    """Say what height does to places; the greatest displacement on the belt, mm."""
    if place is None:
        print(
            "  error by height (parallax): not known. Calibrate the lens first, or give "
            "--camera-height-mm"
        )
        return None
    if place.z_mm <= 2 * OBJECT_MM:
        raise CalibrationError(
            f"the camera would hang {place.z_mm:.0f} mm above the belt, which can't be. Measure "
            "again; is the lens this camera's?"
        )
    rim = plane.to_belt(plane.polygon_px)
    moved = place.displaced_mm(rim, OBJECT_MM)
    worst = int(np.linalg.norm(moved, axis=1).argmax())
    most_mm = float(np.linalg.norm(moved[worst]))
    print(
        f"  camera {place.z_mm:.0f} mm above the belt, over x {place.x_mm:.0f}, "
        f"y {place.y_mm:.0f} mm"
    )
    print(
        f"  error by height (parallax): the top of an object {OBJECT_MM:g} mm high seems up to "
        f"{most_mm:.0f} mm further out (across {np.abs(moved[:, 0]).max():.0f}, along "
        f"{np.abs(moved[:, 1]).max():.0f}), nothing below the camera"
    )
    return round(most_mm, 1)


def _spanned(plane: BeltPlane, fit: PlaneFit) -> float:
    """The share of the visible belt that lies between the points."""
    belt = plane.to_belt(plane.polygon_px).astype(np.float32)
    hull = cv2.convexHull(plane.to_belt(fit.points_px).astype(np.float32))
    inside, _ = cv2.intersectConvexConvex(cv2.convexHull(belt), hull)
    return float(inside / cv2.contourArea(cv2.convexHull(belt)))


def _size_of(profile: LineProfile) -> tuple[int, int]:
    """The size of the camera's pictures. Raises `SourceError`."""
    source = open_source(profile.camera.source, fps=profile.camera.fps)
    try:
        image = source.retrieve() if source.grab() else None
    finally:
        source.close()
    if image is None:
        raise SourceError(profile.camera.source, "gives no picture", "check it: vigitri doctor")
    return image.shape[1], image.shape[0]
