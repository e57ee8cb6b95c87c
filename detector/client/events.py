"""The events that a client reports to its program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from detector.wire.messages import Alert, Header, Message, VisionState
from detector.wire.requests import Position

How = Literal["published", "snapshot", "replay", "delivery"]


class Received(NamedTuple):
    """One message, decoded."""

    topic: str
    header: Header
    payload: Message
    t_received_mono_ns: int
    """This host's CLOCK_MONOTONIC when it was read from the socket."""
    how: How = "published"
    same_host: bool = True
    """Whether the detector shares this host's monotonic clock; derived from its endpoint."""

    @property
    def latency_ms(self) -> float | None:
        """Time from the frame's capture to receipt, on the detector's host.

        None on other hosts (different clocks) and for messages that were not published just now.
        """
        if self.how != "published" or not self.same_host:
            return None
        return (self.t_received_mono_ns - self.header.t_capture_mono_ns) / 1e6

    def age_ns(self, now_ns: int) -> int:
        """Time since capture; `now_ns` is CLOCK_MONOTONIC."""
        since_ns = self.t_received_mono_ns
        if self.same_host:
            # By capture, not by receipt: a message may have waited in a queue.
            return now_ns - min(since_ns, self.header.t_capture_mono_ns)
        return now_ns - since_ns + round(self.header.age_ms * 1e6)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were sent and not received."""

    topic: str | None
    """Their topic. None: any topic; a gap with the topic follows with that topic's next message."""
    missed: int
    boot_id: str

    def __str__(self) -> str:
        messages = "1 message" if self.missed == 1 else f"{self.missed} messages"
        return f"missed {messages} of {self.topic or 'any topic'}"


@dataclass(frozen=True, slots=True)
class GapFilled:
    """A gap has been filled: all alerts that the detector still holds have been received."""

    alerts: int
    """Number of alerts received by replay."""
    complete: bool
    """False: some are no longer held; the open alerts are still known (snapshot)."""
    upto: Position

    def __str__(self) -> str:
        lost = "" if self.complete else ", others are no longer held"
        return f"fetched {self.alerts} alerts after a gap{lost}"


@dataclass(frozen=True, slots=True)
class DetectorRestarted:
    """The detector has restarted; its heartbeat and state follow."""

    boot_id: str
    before: str


@dataclass(frozen=True, slots=True)
class VisionChanged:
    """The line's vision state, as far as the client knows it, has changed."""

    vision: VisionState
    reason: str


@dataclass(frozen=True, slots=True)
class AlertVanished:
    """An alert that has ended; its last revision is not available."""

    alert: Alert


Event = Received | Gap | GapFilled | DetectorRestarted | VisionChanged | AlertVanished
