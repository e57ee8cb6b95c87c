"""A line's alerts as events for the PLC: numbered, and active until they are over."""

from __future__ import annotations

from dataclasses import dataclass

from detector.wire.messages import AlarmState, Alert, Arrival, Hazard, Priority

PASSED_MS = 500.0
"""An object counts as passed this long after its computed arrival at the last action point."""
RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_GONE = frozenset({AlarmState.NORMAL, AlarmState.RETURNED_UNACKNOWLEDGED})


@dataclass(slots=True)
class Event:
    """An event: the last revision of one alert."""

    seq: int
    alert: Alert
    """Its arrivals count from `t_capture_ns`."""
    t_capture_ns: int
    """This host's CLOCK_MONOTONIC when the object was at its place: the capture of the revision's
    frame, or earlier if the revision reports on an object that has left the view."""
    boot_id: str | None
    """The detector's start that last reported it."""
    taken: bool = False
    """The PLC has acknowledged its seq."""
    shown: bool = False
    """It has had a record."""
    counts: int | None = None
    """The PLC's encoder counts at capture, if known."""
    stopped_ns: int = 0
    """Time for which the belt has been stopped since capture, if not included in the arrivals."""
    over: bool = False
    """Ended, and past the last action point. Still remembered, so that a repeated revision does
    not create another event."""

    def revise(self, alert: Alert, t_capture_ns: int) -> None:
        """Apply a newer revision, captured at `t_capture_ns`.

        Place and encoder counts are kept if the revision has no newer ones.
        """
        known = self.alert
        alert, t_capture_ns = from_place_time(alert, t_capture_ns)
        moments = [each.place.t_utc_ns if each.place else None for each in (known, alert)]
        if moments[0] is None or moments[0] != moments[1]:
            self.t_capture_ns, self.counts = t_capture_ns, None
        elif not alert.arrivals:  # a restarted detector has none
            self.alert = alert.model_copy(update={"arrivals": known.arrivals})
            return
        # The new arrivals include the belt's stops up to now.
        self.alert, self.stopped_ns = alert, 0

    def age_ms(self, now_ns: int) -> float:
        return (now_ns - self.t_capture_ns) / 1e6

    def travelled_ms(self, now_ns: int) -> float:
        """Time since capture during which the belt has run."""
        return self.age_ms(now_ns) - self.stopped_ns / 1e6

    @property
    def for_the_plc(self) -> bool:
        """Whether it is an object, a jam or an overload. Lost vision has its own register; an
        accumulation of batteries concerns people only."""
        of_line = {Hazard.OVERLOAD, Hazard.JAM}
        return self.alert.place is not None or self.alert.hazard in of_line

    @property
    def in_view(self) -> bool:
        """Whether the object is in view, or the line still in this state."""
        alert = self.alert
        return alert.state not in _GONE and alert.state is not AlarmState.LATCHED

    def next_arrival(self, now_ns: int) -> Arrival | None:
        """The next action point not reached by its leading edge, or the last one."""
        ahead = sorted(self.alert.arrivals, key=lambda each: each.eta_ms)
        travelled_ms = self.travelled_ms(now_ns)
        return next(
            (each for each in ahead if each.eta_ms >= travelled_ms), ahead[-1] if ahead else None
        )

    def is_arriving(self, now_ns: int) -> bool:
        """Whether it is not yet past the last action point.

        An acknowledged or expired alarm's object still arrives: only an outcome removes it.
        """
        if self.alert.outcome is not None:
            return False
        last_ms = max((each.eta_ms for each in self.alert.arrivals), default=None)
        return last_ms is not None and self.travelled_ms(now_ns) <= last_ms + PASSED_MS

    def is_active(self, now_ns: int) -> bool:
        """Whether its hazard's word reads ACTIVE; also for shelved and suppressed alarms, because
        the object is still on the belt."""
        if not self.for_the_plc:
            return False
        if self.alert.state is AlarmState.LATCHED or self.in_view:
            return True
        return self.is_arriving(now_ns)

    def wants_record(self, now_ns: int) -> bool:
        return not self.taken and self.is_active(now_ns)

    def urgency(self, now_ns: int) -> tuple[int, float, int]:
        """Sort key, the most urgent first."""
        arrival = self.next_arrival(now_ns)
        eta_ms = float("inf") if arrival is None else arrival.eta_ms - self.travelled_ms(now_ns)
        return RANK[self.alert.priority], eta_ms, self.seq


def from_place_time(alert: Alert, t_capture_ns: int) -> tuple[Alert, int]:
    """An alert with arrivals counted from the time when its object was at its place, and that
    time."""
    place = alert.place
    since_ns = 0 if not place or not place.t_utc_ns else alert.t_capture_utc_ns - place.t_utc_ns
    if since_ns <= 0:
        return alert, t_capture_ns
    arrivals = tuple(
        each.model_copy(update={"eta_ms": each.eta_ms + since_ns / 1e6}) for each in alert.arrivals
    )
    return alert.model_copy(update={"arrivals": arrivals}), t_capture_ns - since_ns


class Records:
    """Assigns events to the records.

    An event keeps its record until the PLC has taken it or it is over. If no record is free, an
    event of higher priority replaces the least urgent one, which returns later.
    """

    def __init__(self, count: int) -> None:
        self.slots: list[Event | None] = [None] * count
        self.waiting = 0
        """Number of events without a record."""

    def assign(self, events: list[Event], now_ns: int) -> None:
        wanting = [event for event in events if event.wants_record(now_ns)]
        for slot, event in enumerate(self.slots):
            if event is not None and all(event is not each for each in wanting):
                self.slots[slot] = None
        shown = {id(event) for event in self.slots if event is not None}
        waiting = sorted(
            (event for event in wanting if id(event) not in shown),
            key=lambda event: event.urgency(now_ns),
        )
        for event in list(waiting):
            place = self._place_for(event, now_ns)
            if place is None:
                break
            self.slots[place] = event
            event.shown = True
        self.waiting = len(wanting) - sum(event is not None for event in self.slots)

    def _place_for(self, event: Event, now_ns: int) -> int | None:
        if None in self.slots:
            return self.slots.index(None)
        held = [(each.urgency(now_ns), slot) for slot, each in enumerate(self.slots) if each]
        (rank, *_), slot = max(held)
        return slot if event.urgency(now_ns)[0] < rank else None
