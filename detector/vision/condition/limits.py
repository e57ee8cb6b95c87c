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
    moved_px: float = 3.0
    """Shift of the fixed structures beside the belt, image px. Without a movement: below 0.5."""


LEARNED = ("overexposed_share", "flicker", "sharpness", "dirt_share")
"""Limits that `vigitri calibrate health` may set. That of a movement is a length, the same for any
line."""
MARGIN = 2.0
"""A limit is at least this factor from the worst value of good footage."""
LOOSEST, TIGHTEST_FLICKER = 2.0, 0.5
"""Bounds of a learned limit as factors of the fixed one: footage that was not good must not switch
a check off. Only flicker is limited tighter than by default: it is the lamps', while the others
depend on material of which some minutes show a part."""


class PoorFootageError(ValueError):
    """The footage has the fault whose limit it is to set: one line."""


def learned_limit(key: str, worst: float) -> float:
    """The limit for the worst value in good footage; `key`: one of `LEARNED`. Raises
    `PoorFootageError`."""
    fixed = float(getattr(ConditionLimits(), key))
    if key == "sharpness":  # 1 is blurred, so only the distance from 1 counts
        loosest = 1 + (fixed - 1) / LOOSEST
        limit = max(min(1 + (worst - 1) / MARGIN, fixed), loosest)
        is_poor = worst <= loosest
    else:
        loosest = min(LOOSEST * fixed, 0.95)
        tightest = TIGHTEST_FLICKER * fixed if key == "flicker" else fixed
        limit = min(max(MARGIN * worst, tightest), loosest)
        is_poor = worst >= loosest
    if is_poor:
        raise PoorFootageError(
            f"{key} is {worst:.3g} in this footage, and no limit may be looser than {loosest:.3g}: "
            "fix the light, the focus or the lens first, or use other footage"
        )
    return round(limit, 4)
