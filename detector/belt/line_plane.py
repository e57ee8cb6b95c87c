"""The plane that a line runs with, from its whole profile; a calibration that isn't its own is
refused."""

from __future__ import annotations

import numpy as np

from detector.belt.lens import Lens, LensError, lens_of
from detector.belt.plane import BeltPlane, CalibrationError, belt_plane
from detector.profile.calibrated import Calibrated
from detector.profile.line import LineProfile

NARROWEST_MM, WIDEST_MM = 150.0, 10_000.0
"""Belts are 0.6 to 2.8 m wide [DOMAIN]; one of 1.2 m is 120 in cm, 1.2 in m and 47 in inches."""


def line_plane(profile: LineProfile, camera: str | None) -> BeltPlane:
    """The belt's plane, through the lens where that is calibrated.

    `camera`: which one the profile's source is, None where it doesn't tell; camera.id goes before.
    Raises `CalibrationError`: changed by hand, of another camera, no plane, or one that is not in
    millimetres.
    """
    found = profile.calibration
    lens = line_lens(profile, camera)
    if found.plane is not None:
        refuse_if_not_its_own("plane", found.plane, profile.camera.id or camera)
        through = "" if found.lens is None else found.lens.sha256
        if found.plane.lens_sha256 != through:
            raise CalibrationError(
                "calibration.plane.lens_sha256: the lens has been calibrated again, and the plane "
                "holds for the old one. Run `vigitri calibrate plane` again"
            )
    plane = belt_plane(profile.belt, lens, found.plane)
    points = "belt.points" if found.plane is None else "calibration.plane"
    refuse_other_units("belt.px_per_mm" if plane.basis == "nominal" else points, plane)
    return plane


def refuse_other_units(key: str, plane: BeltPlane) -> None:
    """Raise `CalibrationError` where the belt can't be so wide: in cm or m the view would be a few
    pixels wide, and nothing would ever be found in it."""
    width_mm = float(np.ptp(plane.to_belt(plane.polygon_px)[:, 0]))
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise CalibrationError(
            f"{key}: by it belt.polygon_px is {width_mm:.3g} mm wide across the travel, and belts "
            f"are {NARROWEST_MM:g} to {WIDEST_MM:g} mm. Write millimetres, not cm or m, and check "
            "belt.polygon_px"
        )


def line_lens(profile: LineProfile, camera: str | None) -> Lens | None:
    """The lens of the profile's camera; None where it isn't calibrated.

    Raises `CalibrationError` as `line_plane` does.
    """
    found = profile.calibration.lens
    if found is None:
        return None
    refuse_if_not_its_own("lens", found, profile.camera.id or camera)
    try:
        return lens_of(found)
    except LensError as error:
        raise CalibrationError(str(error)) from None


def refuse_if_not_its_own(name: str, found: Calibrated, camera: str | None) -> None:
    """Raise `CalibrationError` where the hash or the camera is another."""
    again = f"Run `vigitri calibrate {'intrinsics' if name == 'lens' else name}` again"
    if found.sha256 != found.digest():
        raise CalibrationError(
            f"calibration.{name}.sha256 = '{found.sha256[:12]}...': this section was changed by "
            f"hand after it was written. {again}, or take the file from your backup"
        )
    if camera is not None and found.camera is not None and camera != found.camera:
        raise CalibrationError(
            f"calibration.{name}.camera = '{found.camera}': the line's camera is '{camera}'. "
            f'{again}; if it is the same camera, write id = "{found.camera}" under [camera]'
        )
