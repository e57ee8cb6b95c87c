"""How a line's belt is known to move, from its whole profile; a calibration that isn't its own is
refused."""

from __future__ import annotations

from dataclasses import dataclass

from detector.belt.line_plane import refuse_if_not_its_own
from detector.belt.plane import CalibrationError
from detector.profile.line import LineProfile


@dataclass(frozen=True, slots=True)
class LineSpeed:
    """What tells the belt's way, beside its picture."""

    speed_mm_s: float | None
    """One speed; None: it is measured."""
    counts_per_mm: float | None
    """Of the encoder; None: there is none."""


def line_speed(profile: LineProfile, camera: str | None) -> LineSpeed:
    """As it was calibrated, else as the profile's `[belt]` says.

    `camera`: which one the profile's source is, None where it doesn't tell; camera.id goes before.
    Raises `CalibrationError`: changed by hand, of another camera, or in another plane's mm.
    """
    belt, found = profile.belt, profile.calibration.speed
    if found is None:
        return LineSpeed(belt.speed_mm_s, belt.encoder_counts_per_mm)
    refuse_if_not_its_own("speed", found, profile.camera.id or camera)
    plane = profile.calibration.plane
    if found.plane_sha256 != ("" if plane is None else plane.sha256):
        raise CalibrationError(
            "calibration.speed.plane_sha256: the plane has been calibrated again, and the speed "
            "holds in the old one's millimetres. Run `vigitri calibrate speed` again"
        )
    if found.encoder_counts_per_mm is not None:
        return LineSpeed(belt.speed_mm_s, found.encoder_counts_per_mm)
    return LineSpeed(found.speed_mm_s, belt.encoder_counts_per_mm)
