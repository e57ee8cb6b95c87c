"""`vigitri calibrate verify`: check whether a calibration is still valid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.plane_fit import board_errors_mm
from calibration.quality import QualityFigure, at_most
from detector.belt.line_plane import line_plane, refuse_foreign_calibration
from detector.belt.line_speed import line_speed
from detector.belt.plane import BeltPlane, CalibrationError
from detector.commands.calibrate.board_images import boards_in
from detector.commands.calibrate.lens import camera_of, print_quality
from detector.commands.calibrate.plane import print_scale
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.profile.calibration import Calibration, CalibrationSection, PlaneCalibration
from detector.profile.landmark_file import landmark_file
from detector.profile.loading import load_profile


def verify(line: Path, sources: Sequence[str], points: Path | None, ruler_mm: float | None) -> bool:
    """Check hashes, camera and image sizes, and the error in mm on new boards or points.

    Returns True if no figure is poor. Raises `CalibrationError` if a line would refuse to start
    with this calibration.
    """
    profile = load_profile(line)
    found = profile.calibration
    if found == Calibration():
        raise CalibrationError(f"{line}: has no calibration. Run `vigitri calibrate line`")
    plane = line_plane(profile, camera_of(profile))
    line_speed(profile, camera_of(profile))
    if found.lens is not None:
        print(
            f"lens:  {_origin(found.lens)}; {found.lens.held_back_px:.2f} px in held-back views, "
            f"{found.lens.covered:.0%} of the image covered"
        )
    if found.plane is not None:
        print(
            f"plane: {_origin(found.plane)}; {found.plane.held_back_mm:.1f} mm at held-back "
            f"points, from {found.plane.basis}, {_scale(found.plane)}"
        )
    if found.speed is not None:
        scale = found.speed.encoder_counts_per_mm
        motion = f"{found.speed.speed_mm_s:g} mm/s" if scale is None else f"{scale:g} counts per mm"
        print(
            f"speed: {_origin(found.speed)}; {motion}, error {found.speed.held_back_percent:.2f} % "
            "over 1 s in held-back footage; `vigitri calibrate speed` measures it again"
        )
    if found.health is not None:
        refuse_foreign_calibration("health", found.health, profile.camera.id or camera_of(profile))
        file = landmark_file(line.parent, profile)
        places = f"{len(found.health.landmarks_px)} fixed structures" if file else "no structures"
        print(f"health: {_origin(found.health)}; {found.health.minutes:g} min, {places}")
    quality = []
    if sources:
        quality.append(_by_boards(plane, sources, ruler_mm))
    if points is not None or profile.belt.points:
        px, mm = surveyed_points(profile, points)
        errors_mm = np.linalg.norm(plane.to_belt(px) - mm, axis=1)
        quality.append(
            at_most("error at surveyed points (worst)", float(errors_mm.max()), "mm", good=5,
                    fair=10, advice=f"points[{int(errors_mm.argmax())}]: if the camera was moved, "
                    "calibrate the plane again")
        )  # fmt: skip
    print_quality(quality)
    if not quality:
        print("nothing was measured: give images of the board on the belt, or --points FILE.csv")
    return all(each.verdict != "poor" for each in quality)


def _by_boards(plane: BeltPlane, sources: Sequence[str], ruler_mm: float | None) -> QualityFigure:
    boards, searched = boards_in(sources)
    if not boards:
        raise CalibrationError(
            f"no board found in {searched} images. Lay it on the belt, fully visible and well lit"
        )
    for board in boards:
        if plane.size_px is not None and board.size_px != plane.size_px:
            raise CalibrationError(
                f"{board.source}: has {board.size_px[0]} x {board.size_px[1]} px, the calibration "
                f"is for {plane.size_px[0]} x {plane.size_px[1]}. Give images of this camera"
            )
    errors_mm = board_errors_mm(
        plane.straight_to_belt, boards, plane.lens, print_scale(boards, ruler_mm)
    )
    return at_most(
        f"error of {len(boards)} new boards (p95)", float(np.percentile(errors_mm, 95)), "mm",
        good=5, fair=10, advice="the camera was moved, or the board is not flat on the belt",
    )  # fmt: skip


def _scale(found: PlaneCalibration) -> str:
    if found.basis == "points":
        return "scale by the points"
    if found.scale_by is not None:
        return f"scale by the {found.scale_by}"
    return (
        "scale unverified: the print was not measured; run `vigitri calibrate plane` again with "
        "--ruler-mm or --belt-width-mm"
    )


def _origin(found: CalibrationSection) -> str:
    return (
        f"made {found.made:%Y-%m-%d %H:%M} UTC by {found.operator} with "
        f"{found.camera or 'a recording'}, {found.size_px[0]} x {found.size_px[1]} px, "
        f"sha256 {found.sha256[:12]} valid"
    )
