"""What a watcher knows of a line, from its messages and from their silence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from detector.wire.gaps import Gap
from detector.wire.messages import (
    AlarmState,
    Alert,
    Header,
    Heartbeat,
    LineState,
    Priority,
    Revision,
    VisionState,
)
from detector.wire.subscriber import Received

BLIND_AFTER_S = 1.0
"""Without a heartbeat for this long nobody is looking: five beats at 5 Hz."""
STATE_STALE_AFTER_S = 3.0
"""The state comes once a second and on change; without it for this long it is not known."""
LATENCIES_KEPT = 1000
_RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_FRESH = frozenset({Revision.RAISED, Revision.UPDATED})


class Sight(StrEnum):
    """Whether anybody looks at the belt; everything but `watching` is no clear belt."""

    UNKNOWN = "unknown"
    BLIND = "blind"
    DEGRADED = "degraded"
    WATCHING = "watching"


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An active alert's last revision, and when it came."""

    alert: Alert
    header: Header
    t_received_mono_ns: int

    def elapsed_ms(self, now_ns: int) -> float:
        """Time since capture; for a recording, since it came."""
        return _age_ns(self.header, self.t_received_mono_ns, now_ns) / 1e6


class Board:
    """Takes in what a `Subscriber` gives; all times are this host's CLOCK_MONOTONIC, ns."""

    def __init__(self, endpoint: str, now_ns: int) -> None:
        self.endpoint = endpoint
        self.state: LineState | None = None
        self.notes: deque[str] = deque(maxlen=3)
        """What has been lost on the way, newest last."""
        self.restarts = 0
        """How often the detector has started anew while we listened."""
        self._t_start_ns = now_ns
        self._boot_id: str | None = None
        self._beat: tuple[Header, int] | None = None
        self._state_seen: tuple[Header, int] | None = None
        self._alerts: dict[str, KnownAlert] = {}
        self._revisions: dict[str, int] = {}
        self._alert_gseq = 0
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def take(self, item: Received | Gap) -> bool:
        """Take in a message or gap; False for an alert's revision that was known already."""
        if isinstance(item, Gap):
            self.notes.append(str(item))
            return True
        self._notice_restart(item.header)
        payload = item.payload
        if isinstance(payload, Heartbeat):
            self._beat = item.header, item.t_received_mono_ns
            self._note_latency(item)
        elif isinstance(payload, LineState):
            self.state = payload
            self._state_seen = item.header, item.t_received_mono_ns
        elif isinstance(payload, Alert):
            return self._take_alert(payload, item)
        return True

    def sight(self, now_ns: int) -> tuple[Sight, str]:
        """Whether anybody looks at the belt, and in words why not."""
        beat_s = self.heartbeat_age_s(now_ns)
        reason = f" ({self.state.reason})" if self.state and self.state.reason else ""
        if beat_s is None:
            waited_s = (now_ns - self._t_start_ns) / 1e9
            return Sight.UNKNOWN, f"no heartbeat yet, for {waited_s:.0f} s{reason}"
        if beat_s > BLIND_AFTER_S:
            return Sight.BLIND, f"no heartbeat for {beat_s:.1f} s{reason}"
        if self.state is None or self._state_seen is None:
            return Sight.UNKNOWN, "a heartbeat, but no word yet of the line's state"
        state_s = (now_ns - self._state_seen[1]) / 1e9
        if state_s > STATE_STALE_AFTER_S:
            return Sight.UNKNOWN, f"no word of the line's state for {state_s:.1f} s"
        if self.state.vision is VisionState.READY:
            return Sight.WATCHING, ""
        sight = Sight.DEGRADED if self.state.vision is VisionState.DEGRADED else Sight.BLIND
        return sight, f"vision {self.state.vision}: {self.state.reason or 'no reason given'}"

    def heartbeat_age_s(self, now_ns: int) -> float | None:
        """Since the frame that the last heartbeat is of was captured; None before the first.

        By capture, not by coming here: a beat that waited in a queue tells of the past.
        """
        if self._beat is None:
            return None
        return _age_ns(*self._beat, now_ns) / 1e9

    def active(self) -> list[KnownAlert]:
        """Alerts that are not closed, the most pressing first."""
        return sorted(self._alerts.values(), key=_pressing)

    def unheard(self) -> int:
        """Active alerts that the detector counts and whose messages never came here."""
        if self.state is None or self._state_seen is None:
            return 0
        if self._state_seen[0].gseq < self._alert_gseq:  # counted before the last alert
            return 0
        return max(0, self.state.active_alerts - len(self._alerts))

    def latency_ms(self, share: float) -> float | None:
        """That share of the last heartbeats and fresh alerts came here faster, from capture."""
        if not self._latencies_ms:
            return None
        ordered = sorted(self._latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def latencies(self) -> int:
        """How many measurements `latency_ms` rests on."""
        return len(self._latencies_ms)

    def _notice_restart(self, header: Header) -> None:
        if header.boot_id == self._boot_id:
            return
        if self._boot_id is not None:
            self.restarts += 1
            self.notes.append(
                f"the detector has restarted; alerts from before, not shown any more: "
                f"{len(self._alerts)}"
            )
        self._boot_id = header.boot_id
        self._beat = self._state_seen = self.state = None
        self._alert_gseq = 0
        self._alerts.clear()
        self._revisions.clear()
        self._latencies_ms.clear()

    def _take_alert(self, alert: Alert, item: Received) -> bool:
        if alert.revision <= self._revisions.get(alert.event_id, 0):
            return False
        self._revisions[alert.event_id] = alert.revision
        self._alert_gseq = item.header.gseq
        if alert.kind in _FRESH:
            self._note_latency(item)
        if alert.state is AlarmState.NORMAL:
            self._alerts.pop(alert.event_id, None)
        else:
            self._alerts[alert.event_id] = KnownAlert(alert, item.header, item.t_received_mono_ns)
        return True

    def _note_latency(self, item: Received) -> None:
        if item.latency_ms is not None:
            self._latencies_ms.append(item.latency_ms)


def _age_ns(header: Header, t_received_mono_ns: int, now_ns: int) -> int:
    since = t_received_mono_ns
    if header.stamp_source == "grab":
        since = min(since, header.t_capture_mono_ns)
    return now_ns - since


def _pressing(known: KnownAlert) -> tuple[bool, int, float, int]:
    alert = known.alert
    set_aside = alert.state in {AlarmState.SHELVED, AlarmState.SUPPRESSED}
    act_by_ns = min((arrival.t_deadline_utc_ns for arrival in alert.arrivals), default=2**63)
    return set_aside, _RANK[alert.priority], act_by_ns, alert.t_raised_utc_ns
