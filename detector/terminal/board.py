"""State of one line as shown in the terminal, from its messages and their absence."""

from __future__ import annotations

from collections import deque

from detector.client.events import (
    AlertVanished,
    DetectorRestarted,
    Event,
    Gap,
    GapFilled,
    Received,
    VisionChanged,
)
from detector.client.remote_clock import RemoteClock
from detector.client.vision_watch import VisionWatch
from detector.terminal.french import say
from detector.vocabulary import VisionState
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
"""Number of alerts whose last revision is remembered; bounded, as a screen runs for months."""
_RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_FRESH = frozenset({Revision.RAISED, Revision.UPDATED})


class Board:
    """Follows the events of a `client.Line`; all times are this host's CLOCK_MONOTONIC, ns."""

    def __init__(self, endpoint: str, now_ns: int) -> None:
        self.endpoint = endpoint
        self.notes: deque[str] = deque(maxlen=3)
        """The last gaps and restarts, newest last."""
        self.restarts = 0
        """Restarts of the detector since this board was created."""
        self._watch = VisionWatch(now_ns)
        self._client_vision: VisionChanged | None = None
        self._remote_clock = RemoteClock()
        self._boot_id: str | None = None
        self._alerts: dict[tuple[str, str], Received] = {}
        self._revisions: dict[tuple[str, str], int] = {}
        self._alert_gseq = 0
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def update(self, item: Event) -> bool:
        """Process an event; False for an alert revision that is known already."""
        if isinstance(item, Gap | GapFilled):
            self.notes.append(str(item))
        elif isinstance(item, AlertVanished):
            self._alerts.pop((item.alert.boot_id, item.alert.event_id), None)
        elif isinstance(item, DetectorRestarted):
            self._notice_restart(item.boot_id)
        elif isinstance(item, VisionChanged):
            self._client_vision = item
        if not isinstance(item, Received):
            return True
        if item.how == "published":  # others may be of an earlier start
            self._notice_restart(item.header.boot_id)
            self._remote_clock.add(item.header, item.t_received_mono_ns)
        self._watch.update(item)
        if isinstance(item.payload, Heartbeat):
            self._note_latency(item)
        elif isinstance(item.payload, Alert):
            return self._process_alert(item.payload, item)
        return True

    def refused(self, reason: str | None) -> None:
        """Why the detector refuses the connection (keys); None: not refused as far as is known."""
        self._watch.refused = reason

    def vision(self, now_ns: int) -> tuple[VisionState, str]:
        """Whether the belt is being watched, and the reason if not."""
        vision, reason = self._watch.vision(now_ns)
        client = self._client_vision
        if client is not None and vision.is_watching and not client.vision.is_watching:
            # Only the client knows that the connection is lost; the last heartbeat is still fresh.
            return client.vision, client.reason
        return vision, reason

    def heartbeat_age_s(self, now_ns: int) -> float | None:
        """Time since the capture of the last heartbeat's frame; None before the first."""
        return self._watch.heartbeat_age_s(now_ns)

    @property
    def state(self) -> LineState | None:
        """The line's last state since the detector's start."""
        return self._watch.state

    def active(self) -> list[Received]:
        """The last revisions of open alerts, the most urgent first."""
        return sorted(self._alerts.values(), key=_urgency)

    def age_ns(self, known: Received, now_ns: int) -> int:
        """Time since capture. The header of an alert fetched from another host gives its age when
        it was first sent, which may be an hour ago; its capture time is converted instead."""
        fetched = known.how != "published"
        if fetched and not known.same_host and self._remote_clock.known:
            return max(0, now_ns - self._remote_clock.local_ns(known.header.t_capture_mono_ns))
        return known.age_ns(now_ns)

    def missing_alerts(self) -> int:
        """Number of active alerts at the detector that were not received here."""
        state_gseq = self._watch.state_gseq
        if self.state is None or state_gseq is None or state_gseq < self._alert_gseq:
            return 0  # unknown, or counted before the last alert
        return max(0, self.state.active_alerts - len(self._alerts))

    def latency_ms(self, share: float) -> float | None:
        """Quantile (0 to 1) of the time from capture to receipt of recent heartbeats and alerts."""
        if not self._latencies_ms:
            return None
        ordered = sorted(self._latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def latencies(self) -> int:
        """Number of measurements behind `latency_ms`."""
        return len(self._latencies_ms)

    def _notice_restart(self, boot_id: str) -> None:
        if boot_id == self._boot_id:
            return
        if self._boot_id is not None:
            self.restarts += 1
            self.notes.append(
                say(
                    "the detector has restarted; earlier alerts no longer shown: {n}",
                    n=len(self._alerts),
                )
            )
        self._boot_id = boot_id
        self._watch.forget()
        self._remote_clock.forget()
        self._alert_gseq = 0
        self._alerts.clear()
        self._revisions.clear()
        self._latencies_ms.clear()

    def _process_alert(self, alert: Alert, item: Received) -> bool:
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


def _urgency(known: Received) -> tuple[bool, int, float, int]:
    alert = known.payload
    assert isinstance(alert, Alert)
    set_aside = alert.state in {AlarmState.SHELVED, AlarmState.SUPPRESSED}
    act_by_ns = min((arrival.t_deadline_utc_ns for arrival in alert.arrivals), default=2**63)
    return set_aside, _RANK[alert.priority], act_by_ns, alert.t_raised_utc_ns
