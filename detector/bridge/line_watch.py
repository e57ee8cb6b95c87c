"""The bridge's knowledge of one line, from its messages and their absence.

All states are evaluated when they are read: with a hanging detector, a suspended bridge or a cut
network the registers read UNKNOWN without any timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from detector.bridge.events import Event, from_place_time
from detector.client import AlertVanished, Gap, Received, VisionChanged
from detector.client import Event as ClientEvent
from detector.client.remote_clock import RemoteClock
from detector.vocabulary import STOPPED_BELOW_MM_S
from detector.wire.messages import (
    AlarmState,
    Alert,
    Hazard,
    Header,
    Heartbeat,
    Inference,
    LineState,
    Revision,
    VisionState,
)

TRANSPORT_MS = 35.0
"""Lateness of a frame beyond three frame periods after which the belt counts as not watched. The
budget is 50 ms up to the PLC, of which its scan takes 10 ms."""
BOOT_NS = 10_000_000_000
"""A line without any message for this long after the bridge's start is a fault."""
STATE_HELD_NS = 3_000_000_000
"""How long a reported stop of the belt is relied on; the state is sent once a second."""
ENCODER_LOST = frozenset({"encoder_lost", "encoder_stuck", "encoder_backwards"})
"""Belt states in which the detector does not use the encoder."""
EVENTS_MAX = 600
"""More than an alarm book keeps open; beyond it the oldest events that are over are dropped."""


@dataclass(frozen=True, slots=True)
class _Deadlines:
    """When the next frame and the next inference pass are due, by the last inference message."""

    t_capture_ns: int
    """Capture of the newest frame with an inference pass."""
    frame_due_ns: int
    pass_due_ns: int


class LineWatch:
    """Follows a line's messages; `now_ns` is this host's CLOCK_MONOTONIC."""

    def __init__(
        self,
        line: str | None,
        now_ns: int,
        first_seq: int,
        *,
        is_open: Callable[[Alert], bool] = lambda _: True,
        lacks_alerts: Callable[[], bool] = lambda: False,
    ) -> None:
        """`line`: its name; None: the line of the first message. `first_seq`: the number before
        that of the first event, chosen so that numbers grow over restarts of the bridge.
        `is_open`: whether a late alert is still open, as far as the client knows.
        `lacks_alerts`: whether the client knows of alerts that it has not received."""
        self.line = line
        self.heartbeat = 0
        self.last_seq = first_seq
        self.overruns = 0
        self.state: LineState | None = None
        self.header: Header | None = None
        """Header of the last message."""
        self._is_open, self._lacks_alerts = is_open, lacks_alerts
        self._t_start_ns = now_ns
        self._events: dict[tuple[str, str], Event] = {}
        self._boot_id: str | None = None
        self._deadlines: _Deadlines | None = None
        self._inference_seen = False
        self._blind = False
        self._complete = False
        self._encoder_lost_ns: int | None = None
        """Receipt of the last line state with an encoder that is not used."""
        self._is_encoder_lost = False
        self._remote_clock = RemoteClock()
        self._waiting: deque[Received] = deque(maxlen=EVENTS_MAX)
        """Alerts received before the detector's clock was known."""
        self._stopped: tuple[int, int] | None = None
        """Interval in which the belt is known to be stopped and which is not counted yet."""

    def update(self, item: ClientEvent) -> None:
        """Process an event of the client."""
        if isinstance(item, Gap):
            self._complete = False
        elif isinstance(item, VisionChanged):
            # Connection lost, or no heartbeat for a second: not watched until the next inference
            # pass. The line state covers DEGRADED.
            if not item.vision.is_watching:
                self._deadlines = None
        elif isinstance(item, AlertVanished):
            event = self._events.get((item.alert.boot_id, item.alert.event_id))
            if event is not None:
                event.alert = event.alert.model_copy(update={"state": AlarmState.NORMAL})
        elif isinstance(item, Received):
            self._process_message(item)

    def _process_message(self, item: Received) -> None:
        payload = item.payload
        line = getattr(payload, "line", None)
        if self.line is None:
            self.line = line
        elif line != self.line:
            return
        if item.how == "published":
            self._notice_restart(item.header)
            self._update_clock(item)
        if isinstance(payload, Inference):
            self._deadlines = self._deadlines_after(payload, *self._times_ns(item))
            self._inference_seen = True
        elif isinstance(payload, Heartbeat):
            if self.is_watched(item.t_received_mono_ns):
                self.heartbeat = (self.heartbeat + 1) & 0xFFFF
        elif isinstance(payload, LineState):
            self.state = payload
            self._update_stop(payload, item.t_received_mono_ns)
            self._is_encoder_lost = payload.belt_state in ENCODER_LOST
            if self._is_encoder_lost:
                self._encoder_lost_ns = item.t_received_mono_ns
            self._blind = not payload.vision.is_watching
            # The number alone is not enough: a new and an ended alarm may both have been missed.
            known = payload.active_alerts == self._open_now()
            self._complete = known and not self._lacks_alerts()
            if self._complete:
                self._close_former_events()
        elif isinstance(payload, Alert):
            if not item.same_host and not self._remote_clock.known:
                self._waiting.append(item)  # its capture time is not known yet
            else:
                self._process_alert(payload, item)

    # --- current state -----------------------------------------------------------------------

    def is_watched(self, now_ns: int) -> bool:
        """Whether the belt is being watched: neither the next frame nor the next inference pass
        is overdue. A frame alone proves no inference pass, and the deadline of passes alone would
        detect a hanging loop too late."""
        deadlines = self._deadlines
        if deadlines is None or self._blind:
            return False
        late_ns = now_ns - min(deadlines.frame_due_ns, deadlines.pass_due_ns)
        return late_ns <= TRANSPORT_MS * 1e6

    def vision(self, now_ns: int) -> VisionState:
        """The vision state of the line; UNKNOWN only until the bridge's first inference message."""
        if not self.is_watched(now_ns):
            fresh = not self._inference_seen and now_ns - self._t_start_ns < BOOT_NS
            unavailable = self.state is not None and self.state.vision is VisionState.UNAVAILABLE
            nothing_yet = fresh and not unavailable
            return VisionState.UNKNOWN if nothing_yet else VisionState.UNAVAILABLE
        degraded = self.state is not None and self.state.vision is VisionState.DEGRADED
        return VisionState.DEGRADED if degraded or not self._complete else VisionState.READY

    @property
    def late(self) -> bool:
        """Whether the detector's inference finishes too late."""
        return self.state is not None and self.state.late

    @property
    def encoder_wraps_at(self) -> int | None:
        """The profile's belt.encoder_wraps_at; None: no line state received yet."""
        return None if self.state is None else self.state.encoder_wraps_at

    @property
    def encoder_counts_per_mm(self) -> float | None:
        """The profile's belt.encoder_counts_per_mm; None: no encoder, or not known yet."""
        return None if self.state is None else self.state.encoder_counts_per_mm

    def has_lost_encoder(self, t_ns: int) -> bool:
        """Whether the detector has found the encoder lost, stuck or backwards, now or since this
        moment: a count of that moment is unreliable, and not comparable with those after it."""
        return self._encoder_lost_ns is not None and (
            t_ns <= self._encoder_lost_ns or self._is_encoder_lost
        )

    @property
    def complete(self) -> bool:
        """Whether every open alarm is known: no message is missing."""
        return self._complete

    def frame_age_ms(self, now_ns: int) -> float | None:
        """Time since the capture of the newest frame with an inference pass; None: unknown."""
        deadlines = self._deadlines
        return None if deadlines is None else (now_ns - deadlines.t_capture_ns) / 1e6

    def events(self, now_ns: int) -> list[Event]:
        """The active events. Counts those that are over without having had a record."""
        self._count_stop(now_ns)
        active = []
        for event in self._events.values():
            if event.over:
                continue
            if event.is_active(now_ns):
                active.append(event)
                continue
            event.over = event.alert.state is AlarmState.NORMAL
            if event.for_the_plc and not (event.shown or event.taken):
                self.overruns = (self.overruns + 1) & 0xFFFF
                event.shown = True
        return active

    def known(self) -> list[Event]:
        """All remembered events, over or not."""
        return list(self._events.values())

    def event(self, seq: int) -> Event | None:
        """The event with this number, if it is not over."""
        events = self._events.values()
        return next((event for event in events if event.seq == seq and not event.over), None)

    # --- inside ------------------------------------------------------------------------------

    def _notice_restart(self, header: Header) -> None:
        self.header = header
        if header.boot_id == self._boot_id:
            return
        self._boot_id = header.boot_id
        # No inference pass since this start yet, and its open alarms are not known.
        self._deadlines = self.state = None
        self._blind = self._complete = False
        self._remote_clock.forget()

    def _update_clock(self, item: Received) -> None:
        self._remote_clock.add(item.header, item.t_received_mono_ns)
        if self._remote_clock.known:
            while self._waiting:
                self._process_message(self._waiting.popleft())

    def _deadlines_after(self, message: Inference, t_capture_ns: int, t_done_ns: int) -> _Deadlines:
        t_pass_ns = t_done_ns - round(message.pass_age_ms * 1e6)
        if not message.inferred:
            before = self._deadlines
            t_capture_ns = t_pass_ns if before is None else before.t_capture_ns
        pass_within_ms = message.pass_within_ms or message.next_within_ms
        return _Deadlines(
            t_capture_ns,
            t_done_ns + round(message.next_within_ms * 1e6),
            t_pass_ns + round(pass_within_ms * 1e6),
        )

    def _times_ns(self, item: Received) -> tuple[int, int]:
        """Capture and end of processing, on this host's clock.

        By the header's timestamps, not by receipt: the message may have waited in a queue while
        this process was suspended.
        """
        header, received_ns = item.header, item.t_received_mono_ns
        t_capture_ns = self._local_ns(header.t_capture_mono_ns, item)
        return t_capture_ns, min(t_capture_ns + round(header.age_ms * 1e6), received_ns)

    def _local_ns(self, remote_ns: int, item: Received) -> int:
        """Convert a time of the detector's clock to ours, at most the receipt of `item`."""
        if item.same_host:
            return remote_ns
        if not self._remote_clock.known:
            return item.t_received_mono_ns
        return min(self._remote_clock.local_ns(remote_ns), item.t_received_mono_ns)

    def _process_alert(self, alert: Alert, item: Received) -> None:
        raised = alert.kind is Revision.RAISED and item.how == "published"
        if alert.hazard is Hazard.VISION_UNAVAILABLE and raised:
            self._blind = True  # until the next line state
        key = (alert.boot_id, alert.event_id)
        event = self._events.get(key)
        self._count_stop(item.t_received_mono_ns)
        t_capture_ns = self._local_ns(alert.t_capture_mono_ns, item)
        if event is None:
            belated = item.how in {"replay", "delivery"} and not self._is_open(alert)
            if belated or alert.state is AlarmState.NORMAL:
                return  # over before the bridge connected
            self.last_seq = (self.last_seq + 1) & 0xFFFF_FFFF or 1  # 0 is an empty record
            alert, t_place_ns = from_place_time(alert, t_capture_ns)
            self._events[key] = Event(self.last_seq, alert, t_place_ns, self._boot_id)
            self._limit_events()
            return
        event.boot_id = self._boot_id
        if alert.revision > event.alert.revision:
            event.revise(alert, t_capture_ns)

    def _update_stop(self, state: LineState, now_ns: int) -> None:
        self._count_stop(now_ns)
        speed_mm_s = state.belt_speed_mm_s
        stopped = speed_mm_s is not None and abs(speed_mm_s) < STOPPED_BELOW_MM_S
        self._stopped = (now_ns, now_ns + STATE_HELD_NS) if stopped else None

    def _count_stop(self, now_ns: int) -> None:
        """Add the time of a stop to all events: objects on a stopped belt do not travel."""
        if self._stopped is None:
            return
        from_ns, until_ns = self._stopped[0], min(now_ns, self._stopped[1])
        for event in self._events.values():
            event.stopped_ns += max(0, until_ns - max(from_ns, event.t_capture_ns))
        self._stopped = max(from_ns, until_ns), self._stopped[1]

    def _open_now(self) -> int:
        """Number of open alarms reported by the detector's current start."""
        return sum(
            self._is_held(event) and event.alert.state is not AlarmState.NORMAL
            for event in self._events.values()
        )

    def _is_held(self, event: Event) -> bool:
        """Whether the detector's current start holds the alarm: it was received after the first
        published message of this start, or before that in a snapshot or delivery."""
        return event.boot_id == self._boot_id or self._is_open(event.alert)

    def _close_former_events(self) -> None:
        """Close events of earlier starts that the current one does not report as open: no message
        would ever close them. Objects travelling to an action point stay."""
        for key, event in list(self._events.items()):
            if self._is_held(event):
                continue
            if not event.alert.arrivals:
                del self._events[key]
            elif event.alert.state is not AlarmState.NORMAL:
                event.alert = event.alert.model_copy(update={"state": AlarmState.NORMAL})

    def _limit_events(self) -> None:
        over = [key for key, event in self._events.items() if event.over]
        for key in (over + list(self._events))[: max(0, len(self._events) - EVENTS_MAX)]:
            self._events.pop(key, None)
