"""The alarms of one line and their ISA-18.2 states.

One alarm per object, or per state of the line; each change is one revision of its alert. Gas is
latched: once it has left the view it stays until somebody says what became of it. What an operator
has shelved, and what happens while the belt stands, is told all the same, as shelved or suppressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detector.hazards.object_facts import (
    BeltNow,
    LineFacts,
    arrivals_of,
    place_of,
    probability_of,
    size_is_plausible,
    support_of,
    why_of,
)
from detector.hazards.tracker import Track
from detector.wire.messages import (
    AlarmState,
    Alert,
    Arrival,
    Hazard,
    Look,
    Outcome,
    Place,
    Priority,
    Revision,
    Why,
)

PRIORITY = {  # [DOMAIN, "Alarms"]
    Hazard.GAS: Priority.HIGH,
    Hazard.JAM: Priority.HIGH,
    Hazard.BATTERY: Priority.MEDIUM,
    Hazard.OVERLOAD: Priority.MEDIUM,
    Hazard.VISION_UNAVAILABLE: Priority.MEDIUM,
}
LATCHED = frozenset({Hazard.GAS})
"""Closed by an outcome only."""

UPDATE_NS = 1_000_000_000
"""An alert in view is told anew at most this often, unless something about it changes."""
SCORE_STEP = 0.1
"""A best score that has grown by this much is such a change."""
CALM_NS = 1_000_000_000
"""A state of the line has ended when it has not been met for this long: an alarm that comes and
goes many times a second would be a flood [P]."""
EXPIRE_NS = 60_000_000_000
"""An alarm that nobody acknowledged ends this long after its cause has gone [P]."""
OPEN_MAX = 500
"""Alarms kept open; beyond that the oldest out of view expire, gas last, and say so."""


class AnswerRefusedError(ValueError):
    """An operator's answer that can't be carried out; one line with the reason."""


@dataclass(slots=True)
class _Alarm:
    event_id: str
    hazard: Hazard
    state: AlarmState
    t_raised_utc_ns: int
    revision: int = 0
    t_told_ns: int = 0
    score_told: float = 0.0
    active: bool = True
    """The cause is there: the object is in view, the line is in that state."""
    t_met_ns: int = 0
    """When the line was last in that state."""
    t_gone_ns: int = 0
    class_name: str | None = None
    probability: float | None = None
    place: Place | None = None
    arrivals: tuple[Arrival, ...] = ()
    support: tuple[Look, ...] = ()
    why: Why | None = None
    detail: str | None = None
    track: int | None = None
    outcome: Outcome | None = None
    told: Alert | None = None
    """The last revision."""


class AlarmBook:
    """Turns tracks and line states into alert revisions."""

    def __init__(self, line: LineFacts) -> None:
        self._line = line
        self._open: dict[str, _Alarm] = {}
        self._by_track: dict[int, _Alarm] = {}
        self._of_line: dict[Hazard, str] = {}
        self._shelved_until_ns: dict[Hazard, int] = {}
        self._raised = 0

    @property
    def active(self) -> int:
        """Alarms that are not back to normal."""
        return len(self._open)

    def open_alerts(self) -> list[Alert]:
        """The last revision of each open alarm, for subscribers who came late."""
        return [alarm.told for alarm in self._open.values() if alarm.told is not None]

    def report(self, in_view: Sequence[Track], left: Sequence[Track], belt: BeltNow) -> list[Alert]:
        """Take in one look's confirmed tracks. Returns what has changed, as alert revisions."""
        alerts = []
        for track in in_view:
            alarm = self._by_track.get(track.id)
            if alarm is None:
                if size_is_plausible(track, self._line) is not False:
                    alerts.append(self._raise_object(track, belt))
            elif alarm.event_id in self._open and self._is_news(alarm, track, belt):
                self._describe(alarm, track, belt)
                alerts.append(self._revise(alarm, Revision.UPDATED, belt))
        for track in left:
            # Closed by an answer while it was in view: told already.
            alarm = self._by_track.pop(track.id, None)
            if alarm is not None and alarm.event_id in self._open:
                self._describe(alarm, track, belt)
                alerts.append(self._gone(alarm, belt))
        return alerts + self._expired(belt)

    def line_state(
        self, hazard: Hazard, active: bool, detail: str | None, belt: BeltNow
    ) -> list[Alert]:
        """Take in whether the line is in that state (overload, jam, vision_unavailable)."""
        alarm = self._open.get(self._of_line.get(hazard, ""))
        if not active:
            if alarm is None or not alarm.active or belt.t_mono_ns - alarm.t_met_ns < CALM_NS:
                return []
            alarm.detail = detail or alarm.detail
            return [self._gone(alarm, belt)]
        if alarm is not None and alarm.active:
            alarm.t_met_ns = belt.t_mono_ns
            old_news = detail == alarm.detail or belt.t_mono_ns - alarm.t_told_ns < UPDATE_NS
            if old_news and not self._wakes(alarm, belt):
                return []
            alarm.detail = detail
            return [self._revise(alarm, Revision.UPDATED, belt)]
        if alarm is None:
            alarm = self._new(hazard, belt)
            self._of_line[hazard] = alarm.event_id
        # A state that comes back before anybody acknowledged it is the same alarm, not another.
        alarm.active, alarm.detail, alarm.t_met_ns = True, detail, belt.t_mono_ns
        alarm.state = self._state_when_raised(hazard, belt)
        return [self._revise(alarm, Revision.RAISED, belt)]

    def acknowledge(self, event_id: str, belt: BeltNow) -> Alert:
        """An operator has seen it. Raises `AnswerRefusedError`."""
        alarm = self._find(event_id)
        if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED:
            alarm.state = AlarmState.NORMAL
            del self._open[event_id]
        elif alarm.state is not AlarmState.LATCHED:
            alarm.state = AlarmState.ACKNOWLEDGED
        return self._revise(alarm, Revision.ACKNOWLEDGED, belt)

    def close(self, event_id: str, outcome: Outcome, belt: BeltNow) -> Alert:
        """An operator says what became of it. Raises `AnswerRefusedError`."""
        alarm = self._find(event_id)
        if alarm.track is None and alarm.active:
            raise AnswerRefusedError(f"{event_id} is a state of the line and ends with it")
        alarm.outcome, alarm.state = outcome, AlarmState.NORMAL
        del self._open[event_id]
        return self._revise(alarm, Revision.CLEARED, belt)

    def shelve(self, hazard: Hazard, minutes: float, belt: BeltNow) -> list[Alert]:
        """Set a hazard's alarms aside for a time. Raises `AnswerRefusedError`."""
        if hazard is Hazard.VISION_UNAVAILABLE:
            raise AnswerRefusedError(
                "vision_unavailable is never shelved: nobody would be watching"
            )
        self._shelved_until_ns[hazard] = belt.t_mono_ns + round(minutes * 60e9)
        alerts = []
        for alarm in self._open.values():
            if alarm.hazard is hazard and alarm.state is AlarmState.UNACKNOWLEDGED:
                alarm.state = AlarmState.SHELVED
                alerts.append(self._revise(alarm, Revision.UPDATED, belt))
        return alerts

    def _find(self, event_id: str) -> _Alarm:
        alarm = self._open.get(event_id)
        if alarm is None:
            raise AnswerRefusedError(f"no open alarm {event_id}: it has ended, or never was")
        return alarm

    def _raise_object(self, track: Track, belt: BeltNow) -> Alert:
        hazard = Hazard(self._line.classes[track.class_index].hazard)
        alarm = self._new(hazard, belt)
        alarm.track = track.id
        self._by_track[track.id] = alarm
        self._describe(alarm, track, belt)
        return self._revise(alarm, Revision.RAISED, belt)

    def _new(self, hazard: Hazard, belt: BeltNow) -> _Alarm:
        self._raised += 1
        alarm = _Alarm(
            event_id=f"a{self._raised:06d}",
            hazard=hazard,
            state=self._state_when_raised(hazard, belt),
            t_raised_utc_ns=belt.t_utc_ns,
        )
        self._open[alarm.event_id] = alarm
        return alarm

    def _state_when_raised(self, hazard: Hazard, belt: BeltNow) -> AlarmState:
        if self._shelved_until_ns.get(hazard, 0) > belt.t_mono_ns:
            return AlarmState.SHELVED
        if belt.stands and hazard is not Hazard.VISION_UNAVAILABLE:
            return AlarmState.SUPPRESSED
        return AlarmState.UNACKNOWLEDGED

    def _wakes(self, alarm: _Alarm, belt: BeltNow) -> bool:
        """Whether nothing holds the alarm back any more; it then waits for somebody."""
        held_back = alarm.state in {AlarmState.SUPPRESSED, AlarmState.SHELVED}
        if held_back and self._state_when_raised(alarm.hazard, belt) is AlarmState.UNACKNOWLEDGED:
            alarm.state = AlarmState.UNACKNOWLEDGED
            return True
        return False

    def _is_news(self, alarm: _Alarm, track: Track, belt: BeltNow) -> bool:
        return (
            self._wakes(alarm, belt)
            or alarm.class_name != self._line.classes[track.class_index].name
            or track.best_score - alarm.score_told >= SCORE_STEP
            or belt.t_mono_ns - alarm.t_told_ns >= UPDATE_NS
        )

    def _describe(self, alarm: _Alarm, track: Track, belt: BeltNow) -> None:
        seen_as = self._line.classes[track.class_index]
        # What looked like a battery may prove to be a gas cartridge: the same alert, corrected.
        hazard = Hazard(seen_as.hazard)
        if alarm.state is AlarmState.ACKNOWLEDGED and hazard is Hazard.GAS is not alarm.hazard:
            alarm.state = AlarmState.UNACKNOWLEDGED  # what was acknowledged was something lesser
        alarm.hazard, alarm.class_name = hazard, seen_as.name
        alarm.probability = round(probability_of(track, self._line), 4)
        alarm.place = place_of(track, belt, self._line)
        alarm.arrivals = arrivals_of(track, belt, self._line)
        alarm.support = support_of(track)
        alarm.why = why_of(track, self._line)

    def _gone(self, alarm: _Alarm, belt: BeltNow) -> Alert:
        """The object has left the view, or the line is out of that state."""
        alarm.active, alarm.t_gone_ns = False, belt.t_mono_ns
        if alarm.hazard in LATCHED:
            alarm.state = AlarmState.LATCHED
            return self._revise(alarm, Revision.UPDATED, belt)
        if alarm.state is AlarmState.UNACKNOWLEDGED:
            alarm.state = AlarmState.RETURNED_UNACKNOWLEDGED
        else:
            alarm.state = AlarmState.NORMAL
            self._open.pop(alarm.event_id, None)
        return self._revise(alarm, Revision.CLEARED, belt)

    def _expired(self, belt: BeltNow) -> list[Alert]:
        over = [
            alarm
            for alarm in self._open.values()
            if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED
            and belt.t_mono_ns - alarm.t_gone_ns >= EXPIRE_NS
        ]
        too_many = max(0, len(self._open) - len(over) - OPEN_MAX)
        gone = [alarm for alarm in self._open.values() if not alarm.active and alarm not in over]
        over += sorted(gone, key=lambda alarm: alarm.hazard in LATCHED)[:too_many]
        for alarm in over:
            alarm.state = AlarmState.NORMAL
            del self._open[alarm.event_id]
        return [self._revise(alarm, Revision.EXPIRED, belt) for alarm in over]

    def _revise(self, alarm: _Alarm, kind: Revision, belt: BeltNow) -> Alert:
        alarm.revision += 1
        alarm.t_told_ns = belt.t_mono_ns
        alarm.score_told = alarm.why.score if alarm.why else 0.0
        alarm.told = Alert(
            line=self._line.line,
            boot_id=self._line.boot_id,
            event_id=alarm.event_id,
            revision=alarm.revision,
            kind=kind,
            hazard=alarm.hazard,
            class_name=alarm.class_name,
            priority=PRIORITY[alarm.hazard],
            state=alarm.state,
            probability=alarm.probability,
            t_capture_utc_ns=belt.t_utc_ns,
            t_capture_mono_ns=belt.t_mono_ns,
            frame_index=belt.frame_index,
            t_raised_utc_ns=alarm.t_raised_utc_ns,
            place=alarm.place,
            arrivals=alarm.arrivals,
            support=alarm.support,
            why=alarm.why,
            detail=alarm.detail,
            track=alarm.track,
            model=self._line.model,
            outcome=alarm.outcome,
            evidence_id=None,
        )
        return alarm.told
