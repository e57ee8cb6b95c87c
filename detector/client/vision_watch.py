"""Whether the belt is being watched, from a line's messages and their absence."""

from __future__ import annotations

from detector.client.events import Received
from detector.wire.messages import Heartbeat, LineState, VisionState

BLIND_AFTER_S = 1.0
"""Time without a heartbeat after which the belt counts as not watched: five heartbeats at 5 Hz."""
STATE_STALE_AFTER_S = 3.0
"""The state is sent once a second and on change; without it for this long it is unknown."""


class VisionWatch:
    """Follows heartbeats, line state and connection; times are this host's CLOCK_MONOTONIC, ns."""

    def __init__(self, now_ns: int, *, blind_after_s: float = BLIND_AFTER_S) -> None:
        self.blind_after_s = blind_after_s
        self.state: LineState | None = None
        self._t_start_ns = now_ns
        self._beat: Received | None = None
        self._state_message: Received | None = None
        self._cut: str | None = None
        self.refused: str | None = None
        """Why the detector refuses the connection; None: not refused as far as is known."""

    def update(self, item: Received) -> None:
        """Process a heartbeat or a line state; other messages have no effect."""
        if isinstance(item.payload, Heartbeat):
            self._beat = item
            self._cut = None
        elif isinstance(item.payload, LineState) and item.how == "published":
            self.state = item.payload
            self._state_message = item

    def forget(self) -> None:
        """The detector has restarted: earlier messages no longer apply."""
        self._beat = self._state_message = self.state = None

    def cut(self, reason: str) -> None:
        """The connection is lost; until the next heartbeat the belt is not known to be watched."""
        self._cut = reason

    def vision(self, now_ns: int) -> tuple[VisionState, str]:  # noqa: PLR0911
        """Whether the belt is being watched, and the reason if not."""
        beat_s = self.heartbeat_age_s(now_ns)
        reason = f" ({self.state.reason})" if self.state and self.state.reason else ""
        if self.refused is not None:
            return VisionState.UNKNOWN if beat_s is None else VisionState.UNAVAILABLE, self.refused
        if beat_s is None:
            waited_s = (now_ns - self._t_start_ns) / 1e9
            return VisionState.UNKNOWN, f"no heartbeat yet, for {waited_s:.0f} s{reason}"
        if self._cut is not None:
            return VisionState.UNAVAILABLE, f"{self._cut}{reason}"
        if beat_s > self.blind_after_s:
            return VisionState.UNAVAILABLE, f"no heartbeat for {beat_s:.1f} s{reason}"
        if self.state is None or self._state_message is None:
            return VisionState.UNKNOWN, "heartbeat received, but no line state yet"
        state_s = (now_ns - self._state_message.t_received_mono_ns) / 1e9
        if state_s > STATE_STALE_AFTER_S:
            return VisionState.UNKNOWN, f"no line state for {state_s:.1f} s"
        if self.state.vision is VisionState.READY:
            return VisionState.READY, ""
        return self.state.vision, self.state.reason or "no reason given"

    def heartbeat_age_s(self, now_ns: int) -> float | None:
        """Time since the capture of the last heartbeat's frame; None before the first."""
        return None if self._beat is None else self._beat.age_ns(now_ns) / 1e9

    @property
    def state_gseq(self) -> int | None:
        """gseq of the last state, for comparison with an alert's."""
        return None if self._state_message is None else self._state_message.header.gseq
