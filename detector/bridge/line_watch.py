"""What the bridge knows of one line, from its messages and from their silence.

Everything is judged at the moment of reading: a detector that hangs, a bridge that slept or a cut
network needs no timer to fire before the registers read UNKNOWN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from detector.bridge.events import Event, since_its_place
from detector.client import Event as Heard
from detector.client import Gap, Received, Sight, SightChanged, Vanished
from detector.client.their_clock import TheirClock
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
"""What a frame may be late beyond three frame periods before nobody counts as looking. The budget
is 50 ms up to the PLC; its own scan takes 10 of them."""
BOOT_NS = 10_000_000_000
"""A line that has not been seen at all for so long after the bridge's start is a fault."""
STATE_HELD_NS = 3_000_000_000
"""A belt is believed to stand so long after the detector has said so; it says so once a second."""
EVENTS_MAX = 600
"""More than an alarm book keeps open; beyond it the oldest that are over go first."""


class Watch(StrEnum):
    """What the watch over the line is worth."""

    BOOT = "boot"
    READY = "ready"
    DEGRADED = "degraded"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class _Watching:
    """Until when the last word of the detector's loop lets us believe that somebody looks."""

    t_capture_ns: int
    """Of the newest frame that was looked at."""
    frame_due_ns: int
    look_due_ns: int


class LineWatch:
    """Takes in a line's messages; `now_ns` is this host's CLOCK_MONOTONIC."""

    def __init__(
        self,
        line: str | None,
        now_ns: int,
        first_seq: int,
        *,
        is_open: Callable[[Alert], bool] = lambda _: True,
        lacks_alerts: Callable[[], bool] = lambda: False,
    ) -> None:
        """`line`: its name, None: whatever line the first message is of. `first_seq`: number
        before the first event's, so that numbers grow over restarts of the bridge. `is_open`:
        whether an alert that comes belatedly is still open, as far as the client knows.
        `lacks_alerts`: whether the client knows of alerts that have not come."""
        self.line = line
        self.heartbeat = 0
        self.last_seq = first_seq
        self.overruns = 0
        self.state: LineState | None = None
        self.header: Header | None = None
        """Of the last message."""
        self._is_open, self._lacks_alerts = is_open, lacks_alerts
        self._t_start_ns = now_ns
        self._events: dict[tuple[str, str], Event] = {}
        self._boot_id: str | None = None
        self._watching: _Watching | None = None
        self._looked_ever = False
        self._blind = False
        self._complete = False
        self._their_clock = TheirClock()
        self._waiting: deque[Received] = deque(maxlen=EVENTS_MAX)
        """Alerts that came before the detector's clock was known."""
        self._stands: tuple[int, int] | None = None
        """From when to when it is known to stand: what is before has been counted."""

    def take(self, item: Heard) -> None:
        """Take in what the client tells."""
        if isinstance(item, Gap):
            self._complete = False
        elif isinstance(item, SightChanged):
            # The connection is gone, or no beat for a second: until the next look nobody is known
            # to look. What a DEGRADED sight is worth, the state says.
            if item.sight in {Sight.BLIND, Sight.UNKNOWN}:
                self._watching = None
        elif isinstance(item, Vanished):
            event = self._events.get((item.alert.boot_id, item.alert.event_id))
            if event is not None:
                event.alert = event.alert.model_copy(update={"state": AlarmState.NORMAL})
        elif isinstance(item, Received):
            self._take_message(item)

    def _take_message(self, item: Received) -> None:
        payload = item.payload
        line = getattr(payload, "line", None)
        if self.line is None:
            self.line = line
        elif line != self.line:
            return
        if item.how == "published":
            self._notice_restart(item.header)
            self._hear_their_clock(item)
        if isinstance(payload, Inference):
            self._watching = self._after(payload, *self._moments_ns(item))
            self._looked_ever = True
        elif isinstance(payload, Heartbeat):
            if self.watches(item.t_received_mono_ns):
                self.heartbeat = (self.heartbeat + 1) & 0xFFFF
        elif isinstance(payload, LineState):
            self.state = payload
            self._hear_whether_it_stands(payload, item.t_received_mono_ns)
            self._blind = payload.vision in {VisionState.STARTING, VisionState.UNAVAILABLE}
            # Their number alone proves nothing: one that ended and one that began may be missed.
            known = payload.active_alerts == self._open_now()
            self._complete = known and not self._lacks_alerts()
            if self._complete:
                self._forget_the_dead()
        elif isinstance(payload, Alert):
            grabbed = item.header.stamp_source == "grab"
            if grabbed and not item.same_host and not self._their_clock.known:
                self._waiting.append(item)  # nobody can say yet when that was
            else:
                self._take_alert(payload, item)

    # --- what is known now -------------------------------------------------------------------

    def watches(self, now_ns: int) -> bool:
        """Whether somebody looks at the belt: neither the next frame nor the next look is over
        due. A frame alone proves no look, and a look tells too late of a loop that hangs."""
        watching = self._watching
        if watching is None or self._blind:
            return False
        late_ns = now_ns - min(watching.frame_due_ns, watching.look_due_ns)
        return late_ns <= TRANSPORT_MS * 1e6

    def watch(self, now_ns: int) -> Watch:
        """What the watch over the line is worth."""
        if not self.watches(now_ns):
            fresh = not self._looked_ever and now_ns - self._t_start_ns < BOOT_NS
            told_blind = self.state is not None and self.state.vision is VisionState.UNAVAILABLE
            return Watch.BOOT if fresh and not told_blind else Watch.FAULT
        degraded = self.state is not None and self.state.vision is VisionState.DEGRADED
        return Watch.DEGRADED if degraded or not self._complete else Watch.READY

    @property
    def late(self) -> bool:
        """The detector's looks come too late."""
        return self.state is not None and self.state.late

    @property
    def encoder_wraps_at(self) -> int | None:
        """Where the encoder's counter goes round, by the line's profile; None: not told yet."""
        return None if self.state is None else self.state.encoder_wraps_at

    @property
    def complete(self) -> bool:
        """Every open alarm is known: nothing has been missed that was not made good."""
        return self._complete

    def frame_age_ms(self, now_ns: int) -> float | None:
        """Since the newest frame that was looked at was captured."""
        watching = self._watching
        return None if watching is None else (now_ns - watching.t_capture_ns) / 1e6

    def events(self, now_ns: int) -> list[Event]:
        """The active ones. What is over is counted if it never had a record."""
        self._count_standing(now_ns)
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
        """All that are remembered, over or not."""
        return list(self._events.values())

    def event(self, seq: int) -> Event | None:
        """The event of that number, if it is not over."""
        events = self._events.values()
        return next((event for event in events if event.seq == seq and not event.over), None)

    # --- inside ------------------------------------------------------------------------------

    def _notice_restart(self, header: Header) -> None:
        self.header = header
        if header.boot_id == self._boot_id:
            return
        self._boot_id = header.boot_id
        # Nobody has looked in this life of the detector yet, and what it keeps open is not known.
        self._watching = self.state = None
        self._blind = self._complete = False
        self._their_clock.forget()

    def _hear_their_clock(self, item: Received) -> None:
        self._their_clock.hear(item.header, item.t_received_mono_ns)
        if self._their_clock.known:
            while self._waiting:
                self._take_message(self._waiting.popleft())

    def _after(self, said: Inference, t_capture_ns: int, t_done_ns: int) -> _Watching:
        t_looked_ns = t_done_ns - round(said.look_age_ms * 1e6)
        if not said.looked:
            before = self._watching
            t_capture_ns = t_looked_ns if before is None else before.t_capture_ns
        look_within_ms = said.look_within_ms or said.next_within_ms
        return _Watching(
            t_capture_ns,
            t_done_ns + round(said.next_within_ms * 1e6),
            t_looked_ns + round(look_within_ms * 1e6),
        )

    def _moments_ns(self, item: Received) -> tuple[int, int]:
        """Capture and end of the look, on this host's clock.

        By the header's stamps, not by when it came: a message that waited in a queue while this
        process slept tells of the past.
        """
        header, came_ns = item.header, item.t_received_mono_ns
        if header.stamp_source != "grab":
            return came_ns, came_ns
        t_capture_ns = self._ours_ns(header.t_capture_mono_ns, item)
        return t_capture_ns, min(t_capture_ns + round((header.age_ms or 0.0) * 1e6), came_ns)

    def _ours_ns(self, theirs_ns: int, item: Received) -> int:
        """A moment of the detector's clock on ours, not after the message that tells it."""
        if item.same_host:
            return theirs_ns
        if not self._their_clock.known:
            return item.t_received_mono_ns
        return min(self._their_clock.ours_ns(theirs_ns), item.t_received_mono_ns)

    def _take_alert(self, alert: Alert, item: Received) -> None:
        raised = alert.kind is Revision.RAISED and item.how == "published"
        if alert.hazard is Hazard.VISION_UNAVAILABLE and raised:
            self._blind = True  # until the state that follows says otherwise
        key = (alert.boot_id, alert.event_id)
        event = self._events.get(key)
        self._count_standing(item.t_received_mono_ns)
        t_capture_ns = item.t_received_mono_ns
        if item.header.stamp_source == "grab":
            t_capture_ns = self._ours_ns(alert.t_capture_mono_ns, item)
        if event is None:
            belated = item.how in {"replay", "delivery"} and not self._is_open(alert)
            if belated or alert.state is AlarmState.NORMAL:
                return  # over before we came
            self.last_seq = (self.last_seq + 1) & 0xFFFF_FFFF or 1  # 0 is an empty record
            at_its_place = since_its_place(alert, t_capture_ns)
            self._events[key] = Event(self.last_seq, *at_its_place, self._boot_id)
            self._bound()
            return
        event.boot_id = self._boot_id
        if alert.revision > event.alert.revision:
            event.revise(alert, t_capture_ns)

    def _hear_whether_it_stands(self, state: LineState, now_ns: int) -> None:
        self._count_standing(now_ns)
        stands = (
            state.belt_speed_mm_s is not None and abs(state.belt_speed_mm_s) < STOPPED_BELOW_MM_S
        )
        self._stands = (now_ns, now_ns + STATE_HELD_NS) if stands else None

    def _count_standing(self, now_ns: int) -> None:
        """A belt that stands brings nothing nearer, nor past the last action point."""
        if self._stands is None:
            return
        from_ns, until_ns = self._stands[0], min(now_ns, self._stands[1])
        for event in self._events.values():
            event.stood_ns += max(0, until_ns - max(from_ns, event.t_capture_ns))
        self._stands = max(from_ns, until_ns), self._stands[1]

    def _open_now(self) -> int:
        """Open alarms that are known of this life of the detector."""
        return sum(
            self._is_held(event) and event.alert.state is not AlarmState.NORMAL
            for event in self._events.values()
        )

    def _is_held(self, event: Event) -> bool:
        """Whether this life of the detector holds the alarm: it was reported since the first
        published message of this life, or before that by a snapshot or delivery."""
        return event.boot_id == self._boot_id or self._is_open(event.alert)

    def _forget_the_dead(self) -> None:
        """All open alarms are known: what an earlier life of the detector held open, and this one
        does not, nobody can close any more. Objects on their way to an action point stay."""
        for key, event in list(self._events.items()):
            if self._is_held(event):
                continue
            if not event.alert.arrivals:
                del self._events[key]
            elif event.alert.state is not AlarmState.NORMAL:
                event.alert = event.alert.model_copy(update={"state": AlarmState.NORMAL})

    def _bound(self) -> None:
        over = [key for key, event in self._events.items() if event.over]
        for key in (over + list(self._events))[: max(0, len(self._events) - EVENTS_MAX)]:
            self._events.pop(key, None)
