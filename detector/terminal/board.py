"""What a watcher knows of a line, from its messages and from their silence."""

from __future__ import annotations

from collections import deque

from detector.client.events import (
    Event,
    Gap,
    Healed,
    Received,
    Restarted,
    Sight,
    SightChanged,
    Vanished,
)
from detector.client.sight import SightWatch
from detector.client.their_clock import TheirClock
from detector.wire.messages import (
    AlarmState,
    Alert,
    Heartbeat,
    LineState,
    Priority,
    Revision,
)

LATENCIES_KEPT = 1000
REVISIONS_KEPT = 10_000
"""Of so many alerts the last revision is remembered; a screen stays on for months."""
_RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_SEES = frozenset({Sight.WATCHING, Sight.DEGRADED})
_FRESH = frozenset({Revision.RAISED, Revision.UPDATED})


class Board:
    """Takes in what a `Subscriber` gives; all times are this host's CLOCK_MONOTONIC, ns."""

    def __init__(self, endpoint: str, now_ns: int) -> None:
        self.endpoint = endpoint
        self.notes: deque[str] = deque(maxlen=3)
        """What has been lost on the way, newest last."""
        self.restarts = 0
        """How often the detector has started anew while we listened."""
        self._watch = SightWatch(now_ns)
        self._told: SightChanged | None = None
        self._their_clock = TheirClock()
        self._boot_id: str | None = None
        self._alerts: dict[tuple[str, str], Received] = {}
        self._revisions: dict[tuple[str, str], int] = {}
        self._alert_gseq = 0
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def take(self, item: Event) -> bool:
        """Take in an event; False for an alert's revision that was known already."""
        if isinstance(item, Gap | Healed):
            self.notes.append(str(item))
        elif isinstance(item, Vanished):
            self._alerts.pop((item.alert.boot_id, item.alert.event_id), None)
        elif isinstance(item, Restarted):
            self._notice_restart(item.boot_id)
        elif isinstance(item, SightChanged):
            self._told = item
        if not isinstance(item, Received):
            return True
        if item.how == "published":  # others may be of an earlier start
            self._notice_restart(item.header.boot_id)
            self._their_clock.hear(item.header, item.t_received_mono_ns)
        self._watch.take(item)
        if isinstance(item.payload, Heartbeat):
            self._note_latency(item)
        elif isinstance(item.payload, Alert):
            return self._take_alert(item.payload, item)
        return True

    def refused(self, reason: str | None) -> None:
        """Why the detector does not let us in (keys); None: it does, as far as is known."""
        self._watch.refused = reason

    def sight(self, now_ns: int) -> tuple[Sight, str]:
        """Whether anybody looks at the belt, and in words why not."""
        sight, reason = self._watch.sight(now_ns)
        if self._told is not None and sight in _SEES and self._told.sight not in _SEES:
            # That the connection is cut the client alone knows; the last beat is still fresh.
            return self._told.sight, self._told.reason
        return sight, reason

    def heartbeat_age_s(self, now_ns: int) -> float | None:
        """Since the frame that the last heartbeat is of was captured; None before the first."""
        return self._watch.heartbeat_age_s(now_ns)

    @property
    def state(self) -> LineState | None:
        """The line's last state since the detector's start."""
        return self._watch.state

    def active(self) -> list[Received]:
        """The last revisions of alerts that are not closed, the most pressing first."""
        return sorted(self._alerts.values(), key=_pressing)

    def age_ns(self, known: Received, now_ns: int) -> int:
        """Since its capture. What was fetched from another host tells how old it was when it was
        sent for the first time, which may be an hour ago."""
        fetched = known.how != "published" and known.header.stamp_source == "grab"
        if fetched and not known.same_host and self._their_clock.known:
            return max(0, now_ns - self._their_clock.ours_ns(known.header.t_capture_mono_ns))
        return known.age_ns(now_ns)

    def unheard(self) -> int:
        """Active alerts that the detector counts and whose messages never came here."""
        state_gseq = self._watch.state_gseq
        if self.state is None or state_gseq is None or state_gseq < self._alert_gseq:
            return 0  # unknown, or counted before the last alert
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

    def _notice_restart(self, boot_id: str) -> None:
        if boot_id == self._boot_id:
            return
        if self._boot_id is not None:
            self.restarts += 1
            self.notes.append(
                f"the detector has restarted; alerts from before, not shown any more: "
                f"{len(self._alerts)}"
            )
        self._boot_id = boot_id
        self._watch.forget()
        self._their_clock.forget()
        self._alert_gseq = 0
        self._alerts.clear()
        self._revisions.clear()
        self._latencies_ms.clear()

    def _take_alert(self, alert: Alert, item: Received) -> bool:
        key = alert.boot_id, alert.event_id
        if alert.revision <= self._revisions.get(key, 0):
            return False
        self._revisions.pop(key, None)
        self._revisions[key] = alert.revision
        if len(self._revisions) > REVISIONS_KEPT:
            del self._revisions[next(iter(self._revisions))]
        if item.header.boot_id == self._boot_id:
            self._alert_gseq = max(self._alert_gseq, item.header.gseq)
        if alert.kind in _FRESH:
            self._note_latency(item)
        if alert.state is AlarmState.NORMAL:
            self._alerts.pop(key, None)
        else:
            self._alerts[key] = item
        return True

    def _note_latency(self, item: Received) -> None:
        if item.latency_ms is not None:
            self._latencies_ms.append(item.latency_ms)


def _pressing(known: Received) -> tuple[bool, int, float, int]:
    alert = known.payload
    assert isinstance(alert, Alert)
    set_aside = alert.state in {AlarmState.SHELVED, AlarmState.SUPPRESSED}
    act_by_ns = min((arrival.t_deadline_utc_ns for arrival in alert.arrivals), default=2**63)
    return set_aside, _RANK[alert.priority], act_by_ns, alert.t_raised_utc_ns
