"""The fixed speed or encoder scale of a line, from its profile.

A calibration of another camera, or one changed by hand, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from detector.belt.line_plane import refuse_foreign_calibration
from detector.belt.plane import CalibrationError
from detector.profile.line import LineProfile


@dataclass(frozen=True, slots=True)
class LineSpeed:
    """Sources of belt travel other than the image."""

    speed_mm_s: float | None
    """Fixed speed; None: it is measured from the image."""
    counts_per_mm: float | None
    """Scale of the encoder; None: there is no encoder."""


def line_speed(profile: LineProfile, camera: str | None) -> LineSpeed:
    """As calibrated, else as written under `[belt]`.

    `camera`: identity of the profile's source, None if unknown; camera.id overrides it. Raises
    `CalibrationError` for a calibration that was changed by hand, is of another camera, or is in
    the millimetres of another plane.
    """
    belt, found = profile.belt, profile.calibration.speed
    if found is None:
        return LineSpeed(belt.speed_mm_s, belt.encoder_counts_per_mm)
    refuse_foreign_calibration("speed", found, profile.camera.id or camera)
    plane = profile.calibration.plane
    if found.plane_sha256 != ("" if plane is None else plane.sha256):
        raise CalibrationError(
            "calibration.speed.plane_sha256: the plane has been recalibrated, and the speed "
            "is in the old one's millimetres. Run `vigitri calibrate speed` again"
        )
    if found.encoder_counts_per_mm is not None:
        return LineSpeed(belt.speed_mm_s, found.encoder_counts_per_mm)
    return LineSpeed(found.speed_mm_s, belt.encoder_counts_per_mm)
