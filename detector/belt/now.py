"""The belt at one frame: its time, position and speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from detector.belt.motion import BeltMotion, Shift
from detector.vocabulary import STOPPED_BELOW_MM_S, SpeedBasis


@dataclass(frozen=True, slots=True)
class BeltNow:
    """The belt at one frame."""

    t_utc_ns: int
    t_mono_ns: int
    frame_index: int | None
    """None: there is no frame of this moment."""
    position_mm: float | None
    """Travel since the detector's start."""
    speed_mm_s: float | None
    speed_basis: SpeedBasis

    def after(
        self, shift: Shift, motion: BeltMotion, *, t_utc_ns: int, t_mono_ns: int, frame_index: int
    ) -> BeltNow:
        """The belt at the next frame."""
        position_mm = (self.position_mm or 0.0) + shift.dy_mm
        return BeltNow(
            t_utc_ns,
            t_mono_ns,
            frame_index,
            position_mm,
            motion.speed_mm_s,
            motion.basis,
        )

    def without_frame(self, t_mono_ns: int, t_utc_ns: int) -> BeltNow:
        """The belt at a moment without a frame: at its last position."""
        return replace(self, t_mono_ns=t_mono_ns, t_utc_ns=t_utc_ns, frame_index=None)

    @property
    def is_stopped(self) -> bool:
        """The belt is known to be stopped: under 5 mm/s nothing reaches an action point."""
        return self.speed_mm_s is not None and abs(self.speed_mm_s) < STOPPED_BELOW_MM_S
