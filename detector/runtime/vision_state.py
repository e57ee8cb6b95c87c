"""What a line's sight of its belt is worth: it starts, sees, sees doubtfully, or is blind."""

from __future__ import annotations

from collections.abc import Callable

from detector.belt.plausibility import Finding
from detector.ingest import CameraState
from detector.vocabulary import BeltState
from detector.wire.messages import VisionState

START_NS = 5_000_000_000
"""A camera that is still starting after so long is an alarm: a network camera takes seconds."""
LATE_HELD_NS = 1_000_000_000
"""Sight stays degraded this long after the last late look, so that it does not flicker."""


class Sight:
    """Judged after each look, and whenever there was none; `now_ns` is CLOCK_MONOTONIC."""

    def __init__(self, now_ns: int, tell: Callable[[str], None]) -> None:
        """`tell`: called with a line for a person whenever sight is lost or comes back."""
        self._tell = tell
        self.vision = VisionState.STARTING
        self.reason: str | None = "no frame yet"
        """Why it is not ready, in one line."""
        self.late = False
        """The looks are over too long after their pictures, or come too seldom for the belt."""
        self._started_ns, self._late_until_ns = now_ns, 0
        self._why_late = ""
        self._belt: BeltState = "unknown"

    @property
    def sees(self) -> bool:
        """Somebody looks at the belt, be it late or at a belt that does what it should not."""
        return self.vision in {VisionState.READY, VisionState.DEGRADED}

    def starts(self, now_ns: int, camera: CameraState | None) -> bool:
        """Whether that there is no picture is due to a camera that may still be starting."""
        return camera is CameraState.STARTING and now_ns - self._started_ns < START_NS

    def looked(
        self, now_ns: int, *, late_ns: int, most_ns: int, unseen_mm: float, belt: Finding
    ) -> bool:
        """A look was completed; whether there is news of sight or belt.

        A look that ends too long after the grab (`late_ns` after, `most_ns` at most) is a look at
        belt that has moved on, and belt that ran through between two looks (`unseen_mm`) was not
        seen as often as it should be.
        """
        if late_ns > most_ns or unseen_mm > 0:
            self._late_until_ns = now_ns + LATE_HELD_NS
            self._why_late = _why_late(late_ns, most_ns, unseen_mm)
        late = now_ns <= self._late_until_ns
        doubtful = belt.doubtful and now_ns - self._started_ns > START_NS
        vision = VisionState.DEGRADED if late or doubtful else VisionState.READY
        changed = (vision, late) != (self.vision, self.late)
        if not changed and belt.state == self._belt:
            return False
        self.vision, self.late, self._belt = vision, late, belt.state
        reasons = [belt.reason] if doubtful and belt.reason else []
        if late:
            reasons.append(self._why_late)
        self.reason = "; ".join(reasons) or None
        if changed or self.reason:
            self._tell(self.reason or "watching")
        return True

    def lost(self, reason: str, *, starting: bool) -> bool:
        """Nobody has looked, and why; whether that is news."""
        vision = VisionState.STARTING if starting else VisionState.UNAVAILABLE
        before, self.vision = self.vision, vision
        if vision is not before:
            self._tell(f"{vision}: {reason}")
        is_news = (vision, reason) != (before, self.reason)
        self.reason = reason
        return is_news

    def ends(self, last_words: str) -> None:
        """Nobody will look any more."""
        self.vision, self.reason = VisionState.UNAVAILABLE, last_words


def _why_late(late_ns: int, most_ns: int, unseen_mm: float) -> str:
    if unseen_mm > 0:
        return (
            f"the belt runs faster than it is looked at, by {unseen_mm:.0f} mm: things of "
            "view.object_mm are seen less often than view.looks_per_object. Free the machine, "
            "let the camera see more of the belt's length or give more pictures a second, or "
            "lower either key"
        )
    return (
        f"the look was over {late_ns / 1e6:.0f} ms after the picture, later than "
        f"{most_ns / 1e6:.0f} ms: free the machine, or give a coarser view.mm_per_px"
    )
