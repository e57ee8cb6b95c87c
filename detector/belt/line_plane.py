"""The belt plane of a line, from its profile.

A calibration of another camera, or one changed by hand, is refused.
"""

from __future__ import annotations

import numpy as np

from detector.belt.lens import Lens, LensError, lens_of
from detector.belt.plane import BeltPlane, CalibrationError, belt_plane
from detector.profile.calibration import CalibrationSection
from detector.profile.line import LineProfile

NARROWEST_MM, WIDEST_MM = 150.0, 10_000.0
"""Belts are 0.6 to 2.8 m wide [DOMAIN]; one of 1.2 m is 120 in cm, 1.2 in m and 47 in inches."""


def line_plane(profile: LineProfile, camera: str | None) -> BeltPlane:
    """The belt's plane, with the lens if it is calibrated.

    `camera`: identity of the profile's source, None if unknown; camera.id overrides it. Raises
    `CalibrationError` for a calibration that was changed by hand or is of another camera, for
    points that fix no plane, and for one that is not in millimetres.
    """
    found = profile.calibration
    lens = line_lens(profile, camera)
    if found.plane is not None:
        refuse_foreign_calibration("plane", found.plane, profile.camera.id or camera)
        through = "" if found.lens is None else found.lens.sha256
        if found.plane.lens_sha256 != through:
            raise CalibrationError(
                "calibration.plane.lens_sha256: the lens has been recalibrated, and the plane "
                "is valid for the old one. Run `vigitri calibrate plane` again"
            )
    plane = belt_plane(profile.belt, lens, found.plane)
    points = "belt.points" if found.plane is None else "calibration.plane"
    refuse_implausible_width("belt.px_per_mm" if plane.basis == "nominal" else points, plane)
    return plane


def refuse_implausible_width(key: str, plane: BeltPlane) -> None:
    """Raise `CalibrationError` if the belt's width is implausible.

    With points in cm or m the view would be a few pixels wide, and nothing would be detected.
    """
    width_mm = float(np.ptp(plane.to_belt(plane.polygon_px)[:, 0]))
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise CalibrationError(
            f"{key}: with it, belt.polygon_px is {width_mm:.3g} mm wide across the travel; belts "
            f"are {NARROWEST_MM:g} to {WIDEST_MM:g} mm. Write millimetres, not cm or m, and check "
            "belt.polygon_px"
        )


def line_lens(profile: LineProfile, camera: str | None) -> Lens | None:
    """The lens of the profile's camera; None if it is not calibrated.

    Raises `CalibrationError` as `line_plane` does.
    """
    found = profile.calibration.lens
    if found is None:
        return None
    refuse_foreign_calibration("lens", found, profile.camera.id or camera)
    try:
        return lens_of(found)
    except LensError as error:
        raise CalibrationError(str(error)) from None


def refuse_foreign_calibration(name: str, found: CalibrationSection, camera: str | None) -> None:
    """Raise `CalibrationError` if the hash or the camera does not match."""
    rerun = f"Run `vigitri calibrate {'intrinsics' if name == 'lens' else name}` again"
    if found.sha256 != found.digest():
        raise CalibrationError(
            f"calibration.{name}.sha256 = '{found.sha256[:12]}...': this section was changed by "
            f"hand after it was written. {rerun}, or restore the file from your backup"
        )
    if camera is not None and found.camera is not None and camera != found.camera:
        raise CalibrationError(
            f"calibration.{name}.camera = '{found.camera}': the line's camera is '{camera}'. "
            f'{rerun}; if it is the same camera, write id = "{found.camera}" under [camera]'
        )
