"""A line's vision state: starting, ready, degraded or unavailable, with the reason."""

from __future__ import annotations

import logging
from collections import deque

from detector.belt.plausibility import Finding
from detector.counter import CounterFault
from detector.ingest import CameraState
from detector.vision.condition.faults import ImageFault
from detector.vocabulary import BeltState, ImageFaultKind
from detector.wire.messages import VisionState

logger = logging.getLogger(__name__)

START_NS = 5_000_000_000
"""A camera that is still starting after this time raises an alarm: a network camera needs
seconds."""
LATE_HOLD_NS = 1_000_000_000
"""Vision stays degraded for this long after the last late pass, so that it does not flicker."""
HOLD_NS, HOLD_MAX_NS = 500_000_000, 8_000_000_000
"""Vision that was lost returns only after this time without a fault: longer than a frozen image
needs to be found again at 10 frames/s, after a key frame of its stream differed from it. Each
return but one within `RECENT_NS` doubles it: a camera whose rate hovers at the limit would
otherwise change its state ten times a second. So there are at most seven returns within that time.
"""
RECENT_NS = 20_000_000_000
REASON_NS = 1_000_000_000
"""While vision is lost, another reason is reported at this interval: with a camera at the limit of
its rate the reason changes twice a frame."""


class VisionMonitor:
    """Updated after each inference pass, and when one failed; `now_ns` is CLOCK_MONOTONIC."""

    def __init__(self, now_ns: int) -> None:
        self.vision = VisionState.STARTING
        self.reason: str | None = "no frame yet"
        """Why it is not ready, in one line."""
        self.late = False
        """Passes end too long after their frame's capture, or are too rare for the belt's speed."""
        self.image_faults: tuple[ImageFaultKind, ...] = ()
        """What degrades the images."""
        self._started_ns, self._late_until_ns = now_ns, 0
        self._late_reason = ""
        self._belt: tuple[BeltState, CounterFault | None] = "unknown", None
        self._hold_ns = self._failed_ns = 0
        self._returns_ns: deque[int] = deque()
        """Those within `RECENT_NS`."""
        self._lost_reason = ""
        self._reported: str | None = self.reason
        self._reported_ns = now_ns - REASON_NS

    @property
    def is_watching(self) -> bool:
        """The belt is watched: ready or degraded."""
        return self.vision.is_watching

    def is_starting(self, now_ns: int, camera: CameraState | None) -> bool:
        """Whether there is no frame because the camera may still be starting."""
        return camera is CameraState.STARTING and now_ns - self._started_ns < START_NS

    def is_held(self, now_ns: int) -> bool:
        """Whether vision was lost so recently that a good frame does not bring it back yet."""
        lost = self.vision is VisionState.UNAVAILABLE
        return lost and now_ns - self._failed_ns < self._hold_ns

    def frame_came_too_late(self, now_ns: int) -> None:
        """A frame that is older than the limit does not show that the camera is back."""
        if self.vision is VisionState.UNAVAILABLE:
            self._failed_ns = now_ns

    def pass_completed(
        self,
        now_ns: int,
        *,
        latency_ns: int,
        max_ns: int,
        unseen_mm: float,
        belt: Finding,
        image_faults: tuple[ImageFault, ...] = (),
    ) -> bool:
        """Update after an inference pass. Returns whether the state of vision, belt or image
        changed, or how the encoder is read wrongly.

        Vision is degraded if the pass ended more than `max_ns` after the frame's capture
        (`latency_ns`), since the belt has moved on by then, or if belt ran through between two
        passes (`unseen_mm`) and was seen less often than required; or with any of
        `image_faults`. While `is_held`, vision stays
        unavailable.
        """
        if self.is_held(now_ns):
            return self._hold(now_ns)
        if self.vision is VisionState.UNAVAILABLE:
            self._returns_ns.append(now_ns)
        if latency_ns > max_ns or unseen_mm > 0:
            self._late_until_ns = now_ns + LATE_HOLD_NS
            self._late_reason = _late_reason(latency_ns, max_ns, unseen_mm)
        late = now_ns <= self._late_until_ns
        doubtful = belt.doubtful and now_ns - self._started_ns > START_NS
        degraded = late or doubtful or bool(image_faults)
        vision = VisionState.DEGRADED if degraded else VisionState.READY
        changed = (vision, late) != (self.vision, self.late)
        kinds = tuple(fault.kind for fault in image_faults)
        found = belt.state, belt.counter_fault
        if not changed and found == self._belt and kinds == self.image_faults:
            return False
        self.image_faults = kinds
        self.vision, self.late, self._belt = vision, late, found
        reasons = [belt.reason] if doubtful and belt.reason else []
        if late:
            reasons.append(self._late_reason)
        reasons += [fault.reason for fault in image_faults]
        self.reason = "; ".join(reasons) or None
        if self.reason:
            logger.warning("%s", self.reason)
        elif changed:
            logger.info("watching")
        return True

    def _hold(self, now_ns: int) -> bool:
        """Images are good again, but not for long enough. Returns whether the reason is another
        one to report."""
        reason = (
            f"{self._lost_reason}; images are back, and the belt counts as watched after "
            f"{self._hold_ns / 1e9:g} s without a fault"
        )
        return self._other_reason(now_ns, reason)

    def _other_reason(self, now_ns: int, reason: str) -> bool:
        """Set the reason of the same vision state; whether it is to be reported at once."""
        self.reason = reason
        if reason == self._reported or now_ns - self._reported_ns < REASON_NS:
            return False
        self._reported, self._reported_ns = reason, now_ns
        return True

    def pass_failed(self, now_ns: int, reason: str, *, starting: bool) -> bool:
        """Update when no frame came or its pass failed. Returns whether the state changed,
        or the reason did and is to be reported at once: see `REASON_NS`."""
        vision = VisionState.STARTING if starting else VisionState.UNAVAILABLE
        before, self.vision = self.vision, vision
        self._failed_ns, self._lost_reason = now_ns, reason
        if before.is_watching:
            self._hold_ns = self._next_hold_ns(now_ns)
        if vision is not before:
            level = logging.INFO if starting else logging.ERROR
            logger.log(level, "%s: %s", vision, reason)
            self.reason = self._reported = reason
            self._reported_ns = now_ns
            return True
        return self._other_reason(now_ns, reason)

    def _next_hold_ns(self, now_ns: int) -> int:
        while self._returns_ns and now_ns - self._returns_ns[0] >= RECENT_NS:
            self._returns_ns.popleft()
        doublings = max(0, len(self._returns_ns) - 1)
        return int(min(HOLD_MAX_NS, HOLD_NS * 2**doublings))

    def stopped(self, reason: str) -> None:
        """The detector has stopped."""
        self.vision, self.reason = VisionState.UNAVAILABLE, reason


def _late_reason(latency_ns: int, max_ns: int, unseen_mm: float) -> str:
    if unseen_mm > 0:
        return (
            f"the belt outruns the inference passes by {unseen_mm:.0f} mm: objects of "
            "view.object_mm are seen less often than view.passes_per_object. Free the machine, "
            "let the camera see more of the belt's length, raise its frame rate, or lower either "
            "key"
        )
    return (
        f"the inference pass ended {latency_ns / 1e6:.0f} ms after the frame's capture, later than "
        f"{max_ns / 1e6:.0f} ms: free the machine, or set a coarser view.mm_per_px"
    )
