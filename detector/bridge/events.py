"""The hazards that a line has told of, as the PLC knows them: numbered, and active until over."""

from __future__ import annotations

from dataclasses import dataclass

from detector.wire.messages import AlarmState, Alert, Arrival, Hazard, Priority

PASSED_MS = 500.0
"""An object counts as passed so long after it should have been at its last action point."""
RANK = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}
_GONE = frozenset({AlarmState.NORMAL, AlarmState.RETURNED_UNACKNOWLEDGED})


@dataclass(slots=True)
class Event:
    """One alert's last revision."""

    seq: int
    alert: Alert
    """Its arrivals are counted from `t_capture_ns`."""
    t_capture_ns: int
    """This host's CLOCK_MONOTONIC when it lay at its place: when the revision's frame was captured,
    or before, where the revision tells something else of what has left the view."""
    boot_id: str | None
    """During which start of the detector it was told last."""
    taken: bool = False
    """The PLC has acknowledged its seq."""
    shown: bool = False
    """It has had a record."""
    counts: int | None = None
    """The PLC's encoder at capture, where it was read."""
    stood_ns: int = 0
    """How long the belt has stood since capture, as far as is known and not in the arrivals."""
    over: bool = False
    """Ended, and past the last action point. Remembered all the same: a revision that is sent
    again must not make another event of it."""

    def revise(self, alert: Alert, t_capture_ns: int) -> None:
        """Take in a newer revision, captured at that moment. Where it lay and what the encoder
        counted then is kept, if the revision says nothing newer of that."""
        known = self.alert
        alert, t_capture_ns = since_its_place(alert, t_capture_ns)
        moments = [each.place.t_utc_ns if each.place else None for each in (known, alert)]
        if moments[0] is None or moments[0] != moments[1]:
            self.t_capture_ns, self.counts = t_capture_ns, None
        elif not alert.arrivals:  # a detector that has restarted knows of none
            self.alert = alert.model_copy(update={"arrivals": known.arrivals})
            return
        # Up to here the belt's standing is in the arrivals.
        self.alert, self.stood_ns = alert, 0

    def age_ms(self, now_ns: int) -> float:
        return (now_ns - self.t_capture_ns) / 1e6

    def ridden_ms(self, now_ns: int) -> float:
        """How long the belt has carried it since capture."""
        return self.age_ms(now_ns) - self.stood_ns / 1e6

    @property
    def for_the_plc(self) -> bool:
        """An object, or a jam or overload. That sight is lost has a register of its own; that
        there are many batteries is for people."""
        of_line = {Hazard.OVERLOAD, Hazard.JAM}
        return self.alert.place is not None or self.alert.hazard in of_line

    @property
    def in_view(self) -> bool:
        """The object is in view, or the line in that state."""
        alert = self.alert
        return alert.state not in _GONE and alert.state is not AlarmState.LATCHED

    def next_arrival(self, now_ns: int) -> Arrival | None:
        """The next action point that its leading edge has not reached; the last if it has all."""
        ahead = sorted(self.alert.arrivals, key=lambda each: each.eta_ms)
        ridden_ms = self.ridden_ms(now_ns)
        return next(
            (each for each in ahead if each.eta_ms >= ridden_ms), ahead[-1] if ahead else None
        )

    def on_its_way(self, now_ns: int) -> bool:
        """Out of the camera's view, and not yet past the last action point.

        What an operator has acknowledged, or nobody has for so long that it expired, is still going
        to arrive: only an outcome takes it off the belt.
        """
        if self.alert.outcome is not None:
            return False
        last_ms = max((each.eta_ms for each in self.alert.arrivals), default=None)
        return last_ms is not None and self.ridden_ms(now_ns) <= last_ms + PASSED_MS

    def is_active(self, now_ns: int) -> bool:
        """Whether it makes its hazard's word read ACTIVE. A shelved or suppressed alarm does:
        what lies on the belt lies there, whoever is told of it."""
        if not self.for_the_plc:
            return False
        if self.alert.state is AlarmState.LATCHED or self.in_view:
            return True
        return self.on_its_way(now_ns)

    def wants_record(self, now_ns: int) -> bool:
        return not self.taken and self.is_active(now_ns)

    def urgency(self, now_ns: int) -> tuple[int, float, int]:
        """Sorts the most pressing first."""
        arrival = self.next_arrival(now_ns)
        eta_ms = float("inf") if arrival is None else arrival.eta_ms - self.ridden_ms(now_ns)
        return RANK[self.alert.priority], eta_ms, self.seq


def since_its_place(alert: Alert, t_capture_ns: int) -> tuple[Alert, int]:
    """An alert, and the moment when its object lay at its place, from which its arrivals are
    counted then."""
    place = alert.place
    since_ns = 0 if not place or not place.t_utc_ns else alert.t_capture_utc_ns - place.t_utc_ns
    if since_ns <= 0:
        return alert, t_capture_ns
    arrivals = tuple(
        each.model_copy(update={"eta_ms": each.eta_ms + since_ns / 1e6}) for each in alert.arrivals
    )
    return alert.model_copy(update={"arrivals": arrivals}), t_capture_ns - since_ns


class Records:
    """Which events the three records show.

    One stays in its record until the PLC has taken it or it is over; only one of higher priority
    that finds no free record takes the place of the least pressing, which comes back later.
    """

    def __init__(self, count: int) -> None:
        self.slots: list[Event | None] = [None] * count
        self.waiting = 0
        """Events for which there is no record now."""

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
