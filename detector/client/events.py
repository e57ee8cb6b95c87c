"""What a client tells its program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from detector.wire.messages import Alert, Header, Message
from detector.wire.requests import Position

How = Literal["published", "snapshot", "replay", "delivery"]


class Sight(StrEnum):
    """Whether anybody looks at the belt; everything but `watching` is no clear belt."""

    UNKNOWN = "unknown"
    BLIND = "blind"
    DEGRADED = "degraded"
    WATCHING = "watching"


class Received(NamedTuple):
    """One message, decoded."""

    topic: str
    header: Header
    payload: Message
    t_received_mono_ns: int
    """This host's CLOCK_MONOTONIC when it was taken out of the socket."""
    how: How = "published"
    same_host: bool = True
    """Whether the detector's monotonic clock is ours; told by its endpoint."""

    @property
    def latency_ms(self) -> float | None:
        """From the frame's capture to here, on the detector's host.

        None on other hosts, whose clocks differ, for a recording, whose stamps are no moments, and
        for what was not sent just now.
        """
        if self.header.stamp_source != "grab" or self.how != "published" or not self.same_host:
            return None
        return (self.t_received_mono_ns - self.header.t_capture_mono_ns) / 1e6

    def age_ns(self, now_ns: int) -> int:
        """Since capture; for a recording since it came here; `now_ns` is CLOCK_MONOTONIC."""
        since_ns = self.t_received_mono_ns
        if self.header.stamp_source != "grab":
            return now_ns - since_ns
        if self.same_host:
            # By capture, not by coming here: what waited in a queue tells of the past.
            return now_ns - min(since_ns, self.header.t_capture_mono_ns)
        return now_ns - since_ns + round((self.header.age_ms or 0.0) * 1e6)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were sent and never came here."""

    topic: str | None
    """Which topic they were of; None: of any, told at once and named when that topic goes on."""
    missed: int
    boot_id: str

    def __str__(self) -> str:
        messages = "1 message" if self.missed == 1 else f"{self.missed} messages"
        return f"missed {messages} of {self.topic or 'any topic'}"


@dataclass(frozen=True, slots=True)
class Healed:
    """A gap has been filled: all alerts that the detector still holds have come."""

    alerts: int
    """How many came by replay."""
    complete: bool
    """False: some are no longer held; what is open now is known all the same (snapshot)."""
    upto: Position

    def __str__(self) -> str:
        lost = "" if self.complete else ", others are no longer held"
        return f"fetched {self.alerts} alerts after a gap{lost}"


@dataclass(frozen=True, slots=True)
class Restarted:
    """The detector has started anew; its heartbeat and state are to come."""

    boot_id: str
    before: str


@dataclass(frozen=True, slots=True)
class SightChanged:
    """Whether anybody looks at the belt, and why not."""

    sight: Sight
    reason: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """An alert that is open no more, and the revision that ended it can't be had."""

    alert: Alert


Event = Received | Gap | Healed | Restarted | SightChanged | Vanished
