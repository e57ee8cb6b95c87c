"""Limits of the image's condition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConditionLimits:
    """From which values on an image is at fault.

    Measured on the twin's scenes `calm`, `night`, `wet_belt` and `stop_and_go`: each without the
    fault stays below half of its limit, and with it (`benchmarks/faults/image_faults.py`) beyond.
    """

    overexposed_share: float = 0.4
    """Share of the belt without detail because it is white."""
    flicker: float = 0.03
    """Change of the belt's brightness from frame to frame and back, as a share of it."""
    sharpness: float = 2.2
    """Sharpness of the objects' edges, see `Sharpness`; less is blurred. Sharp: 2.7 and more."""
    dirt_share: float = 0.04
    """Share of the belt's view in which less than half of the usual detail shows."""
