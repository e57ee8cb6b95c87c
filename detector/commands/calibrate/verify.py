"""`vigitri calibrate verify`: does what was calibrated still hold?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.plane_fit import missed_by_boards
from calibration.quality import Judged, at_most
from detector.belt.line_plane import line_plane
from detector.belt.line_speed import line_speed
from detector.belt.plane import BeltPlane, CalibrationError
from detector.commands.calibrate.board_pictures import boards_in
from detector.commands.calibrate.lens import camera_of, print_judged
from detector.commands.calibrate.plane import print_scale
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.profile.calibrated import Calibrated, Calibration
from detector.profile.loading import load_profile


def verify(line: Path, sources: Sequence[str], points: Path | None, ruler_mm: float | None) -> bool:
    """Check hashes, camera and sizes; and, on boards or points seen now, the error in mm.

    True if nothing is poor. Raises `CalibrationError` for what a line would refuse to run with.
    """
    profile = load_profile(line)
    found = profile.calibration
    if found == Calibration():
        raise CalibrationError(f"{line}: holds no calibration. Make one: `vigitri calibrate line`")
    plane = line_plane(profile, camera_of(profile))
    line_speed(profile, camera_of(profile))
    if found.lens is not None:
        print(
            f"lens:  {_made(found.lens)}; {found.lens.held_out_px:.2f} px in unseen views, "
            f"{found.lens.covered:.0%} of the picture"
        )
    if found.plane is not None:
        print(
            f"plane: {_made(found.plane)}; {found.plane.held_out_mm:.1f} mm at points not used, "
            f"from {found.plane.basis}"
        )
    if found.speed is not None:
        scale = found.speed.encoder_counts_per_mm
        told = f"{found.speed.speed_mm_s:g} mm/s" if scale is None else f"{scale:g} counts per mm"
        print(
            f"speed: {_made(found.speed)}; {told}, {found.speed.held_out_percent:.2f} % off over "
            "1 s in unseen footage; `vigitri calibrate speed` measures it again"
        )
    judged = []
    if sources:
        judged.append(_by_boards(plane, sources, ruler_mm))
    if points is not None or profile.belt.points:
        px, mm = surveyed_points(profile, points)
        missed = np.linalg.norm(plane.to_belt(px) - mm, axis=1)
        judged.append(
            at_most("error at surveyed points (worst)", float(missed.max()), "mm", good=5,
                    fair=10, advice=f"points[{int(missed.argmax())}]: has the camera moved? "
                    "Calibrate the plane again")
        )  # fmt: skip
    print_judged(judged)
    if not judged:
        print("nothing measured now: give pictures of the board on the belt, or --points FILE.csv")
    return all(each.verdict != "poor" for each in judged)


def _by_boards(plane: BeltPlane, sources: Sequence[str], ruler_mm: float | None) -> Judged:
    sights, looked_at = boards_in(sources)
    if not sights:
        raise CalibrationError(
            f"the board is in none of {looked_at} pictures. Lay it on the belt, whole and lit"
        )
    for sight in sights:
        if plane.size_px is not None and sight.size_px != plane.size_px:
            raise CalibrationError(
                f"{sight.source}: has {sight.size_px[0]} x {sight.size_px[1]} px, the calibration "
                f"holds for {plane.size_px[0]} x {plane.size_px[1]}. Give pictures of this camera"
            )
    missed = missed_by_boards(
        plane.straight_to_belt, sights, plane.lens, print_scale(sights, ruler_mm)
    )
    return at_most(
        f"error of {len(sights)} boards seen now (p95)", float(np.percentile(missed, 95)), "mm",
        good=5, fair=10, advice="the camera was moved, or the board isn't flat on the belt",
    )  # fmt: skip


def _made(found: Calibrated) -> str:
    return (
        f"made {found.made:%Y-%m-%d %H:%M} UTC by {found.operator} with "
        f"{found.camera or 'a recording'}, {found.size_px[0]} x {found.size_px[1]} px, "
        f"sha256 {found.sha256[:12]} holds"
    )
