"""The alarms of one line and their ISA-18.2 states.

One alarm per object, or per state of the line; each change is one revision of its alert. Gas is
latched: once it has left the view it stays until somebody says what became of it. What an operator
has shelved, what happens while the belt stands and what `crowd` holds back is told all the same, as
shelved or suppressed.
"""

from __future__ import annotations

from collections.abc import Sequence

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm import Alarm
from detector.hazards.alarms.alert_facts import (
    LineFacts,
    arrivals_of,
    place_of,
    probability_of,
    size_is_plausible,
    support_of,
    why_of,
)
from detector.hazards.alarms.flood_control import Crowd
from detector.hazards.alarms.restart import FormerObjects, carried_alarm
from detector.hazards.tracking.tracker import Track
from detector.wire.messages import (
    AlarmState,
    Alert,
    Cue,
    Hazard,
    Outcome,
    Priority,
    Revision,
    Shelving,
)

PRIORITY = {  # [DOMAIN, "Alarms"]
    Hazard.GAS: Priority.HIGH,
    Hazard.JAM: Priority.HIGH,
    Hazard.BATTERY: Priority.MEDIUM,
    Hazard.OVERLOAD: Priority.MEDIUM,
    Hazard.BELT_STANDING: Priority.MEDIUM,
    Hazard.VISION_UNAVAILABLE: Priority.MEDIUM,
}
LATCHED = frozenset({Hazard.GAS})
"""Closed by an outcome only."""

TOLD_STANDING = frozenset({Hazard.VISION_UNAVAILABLE, Hazard.BELT_STANDING})
"""Not suppressed while the belt stands."""

UPDATE_NS = 1_000_000_000
"""An alert in view is told anew at most this often, unless something about it changes."""
STILL_NS = 30_000_000_000
"""Nor more often than this while the belt stands and that has been told: one thing in view over
night would fill the journal, and push out of it what a subscriber has missed [P]."""
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


class AlarmBook:
    """Turns tracks and line states into alert revisions."""

    def __init__(self, line: LineFacts) -> None:
        self._line = line
        self._open: dict[str, Alarm] = {}
        self._by_track: dict[int, Alarm] = {}
        self._of_line: dict[Hazard, str] = {}
        self._shelved: dict[Hazard, tuple[int, Shelving]] = {}
        self._crowd = Crowd(line.alarms, mm_known=line.mm_basis != "none")
        self._former = FormerObjects()
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
        alerts: list[Alert] = []
        for track in in_view:
            alarm = self._by_track.get(track.id)
            if alarm is None:
                alarm = self._seen_again(track, belt)
            if alarm is None:
                if size_is_plausible(track, self._line) is not False:
                    alerts += self._raise_object(track, belt)
            elif alarm.name in self._open and self._is_news(alarm, track, belt):
                self._describe(alarm, track, belt)
                alerts.append(self._revise(alarm, Revision.UPDATED, belt))
        for track in left:
            # Closed by an answer while it was in view: told already.
            alarm = self._by_track.pop(track.id, None)
            if alarm is not None and alarm.name in self._open:
                self._describe(alarm, track, belt)
                alerts.append(self._gone(alarm, belt))
        for name in self._former.given_up(belt.t_mono_ns):
            if name in self._open:
                alerts.append(self._gone(self._open[name], belt))
        crowded = self._crowd.too_many(belt.t_mono_ns)
        alerts += self.line_state(Hazard.BATTERY, crowded is not None, crowded, belt)
        return alerts + self._expired(belt)

    def line_state(
        self,
        hazard: Hazard,
        active: bool,
        detail: str | None,
        belt: BeltNow,
        cues: tuple[Cue, ...] = (),
    ) -> list[Alert]:
        """Take in whether the line is in that state: overload, jam, belt_standing,
        vision_unavailable."""
        alarm = self._open.get(self._of_line.get(hazard, ""))
        if not active:
            if alarm is None or not alarm.active or belt.t_mono_ns - alarm.t_met_ns < CALM_NS:
                return []
            alarm.detail, alarm.cues = detail or alarm.detail, cues or alarm.cues
            return [self._gone(alarm, belt)]
        if alarm is not None and alarm.active:
            alarm.t_met_ns = belt.t_mono_ns
            still = belt.is_stopped and hazard is not Hazard.VISION_UNAVAILABLE
            waits_ns = STILL_NS if still else UPDATE_NS
            old_news = detail == alarm.detail or belt.t_mono_ns - alarm.t_told_ns < waits_ns
            if old_news and not self._wakes(alarm, belt):
                return []
            alarm.detail, alarm.cues = detail, cues
            return [self._revise(alarm, Revision.UPDATED, belt)]
        if alarm is None:
            alarm = self._new(hazard, belt)
            self._of_line[hazard] = alarm.event_id
        # A state that comes back before anybody acknowledged it is the same alarm, not another.
        alarm.active, alarm.detail, alarm.t_met_ns = True, detail, belt.t_mono_ns
        alarm.cues = cues
        alarm.state = self._state_when_raised(alarm, belt)
        return [self._revise(alarm, Revision.RAISED, belt)]

    def acknowledge(self, event_id: str, belt: BeltNow) -> list[Alert]:
        """An operator has seen it, and with a pile its members. Raises `AnswerRefusedError`."""
        alerts = []
        for alarm in self._with_members(self._find(event_id)):
            if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED:
                alarm.state = AlarmState.NORMAL
                self._end(alarm)
            elif alarm.state is not AlarmState.LATCHED:
                alarm.state = AlarmState.ACKNOWLEDGED
            alerts.append(self._revise(alarm, Revision.ACKNOWLEDGED, belt))
        return alerts

    def close(self, event_id: str, outcome: Outcome, belt: BeltNow) -> list[Alert]:
        """An operator says what became of it, and of a pile's members. Raises
        `AnswerRefusedError`."""
        first = self._find(event_id)
        if first.track is None and first.active:
            raise AnswerRefusedError(f"{event_id} is a state of the line and ends with it")
        alerts = []
        for alarm in self._with_members(first):
            alarm.outcome, alarm.state = outcome, AlarmState.NORMAL
            self._end(alarm)
            alerts.append(self._revise(alarm, Revision.CLEARED, belt))
        return alerts

    def shelve(
        self, hazard: Hazard, minutes: float, belt: BeltNow, operator: str = "operator"
    ) -> list[Alert]:
        """Set a hazard's alarms aside for a time. Raises `AnswerRefusedError`."""
        if hazard is Hazard.VISION_UNAVAILABLE:
            raise AnswerRefusedError(
                "vision_unavailable is never shelved: nobody would be watching"
            )
        for_ns = round(minutes * 60e9)
        self._shelved[hazard] = (
            belt.t_mono_ns + for_ns,
            Shelving(hazard=hazard, operator=operator, t_until_utc_ns=belt.t_utc_ns + for_ns),
        )
        alerts = []
        for alarm in self._open.values():
            if alarm.hazard is hazard and alarm.state is AlarmState.UNACKNOWLEDGED:
                alarm.state = AlarmState.SHELVED
                alerts.append(self._revise(alarm, Revision.UPDATED, belt))
        return alerts

    def shelved(self, belt: BeltNow) -> tuple[Shelving, ...]:
        """What is shelved now; what is so no longer is forgotten."""
        for hazard, (until_ns, _) in list(self._shelved.items()):
            if until_ns <= belt.t_mono_ns:
                del self._shelved[hazard]
        return tuple(shelving for _, shelving in self._shelved.values())

    def carry_over(self, alerts: Sequence[Alert], t_mono_ns: int, t_utc_ns: int) -> list[Alert]:
        """Take over what an earlier start of the detector left open, under the ids it had.

        A state of the line ends when this start finds that it is over. An object that comes into
        sight where a former one must be by now is that one; of the others nobody knows where they
        are, and after a while they count as gone from view.
        """
        belt = BeltNow(t_utc_ns, t_mono_ns, None, None, None, "none")
        revisions = []
        for alert in alerts:
            alarm = carried_alarm(alert, t_mono_ns, self._line.alarms.cell_mm)
            self._open[alarm.name] = alarm
            if alarm.track is None:
                self._of_line[alarm.hazard] = alarm.name
            elif alarm.active:
                self._former.add(alarm.name, alert, t_mono_ns)
            revisions.append(self._revise(alarm, Revision.UPDATED, belt))
        return revisions

    def known_as(self, boot_id: str, event_id: str) -> str:
        """The name of an alert's alarm here."""
        return event_id if boot_id == self._line.boot_id else f"{boot_id}/{event_id}"

    def _seen_again(self, track: Track, belt: BeltNow) -> Alarm | None:
        """The alarm of an earlier start whose object this is."""
        hazard = Hazard(self._line.classes[track.class_index].hazard)
        alarm = self._open.get(self._former.found(track, hazard, belt) or "")
        if alarm is not None:
            self._by_track[track.id] = alarm
            alarm.track, alarm.detail = track.id, None
        return alarm

    def _find(self, event_id: str) -> Alarm:
        alarm = self._open.get(event_id)
        if alarm is None:
            raise AnswerRefusedError(f"no open alarm {event_id}: it has ended, or never was")
        return alarm

    def _with_members(self, alarm: Alarm) -> list[Alarm]:
        """An alarm and the further members of its pile that are open."""
        pile = alarm.boot_id, alarm.event_id
        return [alarm, *(each for each in self._open.values() if (each.boot_id, each.pile) == pile)]

    def _end(self, alarm: Alarm) -> None:
        self._open.pop(alarm.name, None)
        self._crowd.ended(alarm.name)

    def _raise_object(self, track: Track, belt: BeltNow) -> list[Alert]:
        """The new alarm's first revision, and with it the news of the pile that it joins."""
        hazard = Hazard(self._line.classes[track.class_index].hazard)
        open_alarms = set(self._open)
        alarm = self._new(hazard, belt)
        alarm.track = track.id
        self._by_track[track.id] = alarm
        self._describe(alarm, track, belt)
        if alarm.state is not AlarmState.UNACKNOWLEDGED:
            return [self._revise(alarm, Revision.RAISED, belt)]  # shelved, or the belt stands
        standing = self._crowd.comes(alarm.event_id, hazard, track, belt, open_alarms=open_alarms)
        alarm.pile, alarm.held = standing.pile, standing.held
        alarm.state = self._state_when_raised(alarm, belt)
        alerts = [self._revise(alarm, Revision.RAISED, belt)]
        if standing.pile is not None:
            first = self._open[standing.pile]
            first.members += 1
            if standing.calls_pile:
                first.held = False
                self._wakes(first, belt, called=True)
            alerts.append(self._revise(first, Revision.UPDATED, belt))
        return alerts

    def _new(self, hazard: Hazard, belt: BeltNow) -> Alarm:
        self._raised += 1
        alarm = Alarm(
            event_id=f"a{self._raised:06d}",
            hazard=hazard,
            state=AlarmState.UNACKNOWLEDGED,
            t_raised_utc_ns=belt.t_utc_ns,
        )
        alarm.state = self._state_when_raised(alarm, belt)
        self._open[alarm.event_id] = alarm
        return alarm

    def _state_when_raised(self, alarm: Alarm, belt: BeltNow) -> AlarmState:
        until_ns, _ = self._shelved.get(alarm.hazard, (0, None))
        if until_ns > belt.t_mono_ns:
            return AlarmState.SHELVED
        if alarm.held or (belt.is_stopped and alarm.hazard not in TOLD_STANDING):
            return AlarmState.SUPPRESSED
        return AlarmState.UNACKNOWLEDGED

    def _wakes(self, alarm: Alarm, belt: BeltNow, *, called: bool = False) -> bool:
        """Whether nothing holds the alarm back any more; it then waits for somebody.

        `called`: that somebody is called for it is reckoned with already.
        """
        held_back = alarm.state in {AlarmState.SUPPRESSED, AlarmState.SHELVED}
        if not held_back or self._state_when_raised(alarm, belt) is not AlarmState.UNACKNOWLEDGED:
            return False
        one_of_many = alarm.hazard is Hazard.BATTERY and alarm.track is not None
        if one_of_many and not called and not self._crowd.may_call(belt.t_mono_ns):
            alarm.held, alarm.state = True, AlarmState.SUPPRESSED
            return False
        alarm.state = AlarmState.UNACKNOWLEDGED
        return True

    def _is_news(self, alarm: Alarm, track: Track, belt: BeltNow) -> bool:
        still = belt.is_stopped and not alarm.arrivals
        return (
            self._wakes(alarm, belt)
            or alarm.class_name != self._line.classes[track.class_index].name
            or track.best_score - alarm.score_told >= SCORE_STEP
            or belt.t_mono_ns - alarm.t_told_ns >= (STILL_NS if still else UPDATE_NS)
        )

    def _describe(self, alarm: Alarm, track: Track, belt: BeltNow) -> None:
        seen_as = self._line.classes[track.class_index]
        # What looked like a battery may prove to be a gas cartridge: the same alert, corrected.
        hazard = Hazard(seen_as.hazard)
        if alarm.state is AlarmState.ACKNOWLEDGED and hazard is Hazard.GAS is not alarm.hazard:
            alarm.state = AlarmState.UNACKNOWLEDGED  # what was acknowledged was something lesser
        proves_to_be_gas = hazard is Hazard.GAS is not alarm.hazard
        alarm.hazard, alarm.class_name = hazard, seen_as.name
        if proves_to_be_gas:  # no longer counted, nor one of a pile of batteries
            alarm.held, alarm.pile = False, None
            self._wakes(alarm, belt)
        alarm.probability = round(probability_of(track, self._line), 4)
        alarm.place = place_of(track, belt, self._line)
        alarm.arrivals = arrivals_of(track, belt, self._line)
        alarm.support = support_of(track)
        alarm.why = why_of(track, self._line)

    def _gone(self, alarm: Alarm, belt: BeltNow) -> Alert:
        """The object has left the view, or the line is out of that state."""
        alarm.active, alarm.t_gone_ns = False, belt.t_mono_ns
        if alarm.hazard in LATCHED:
            alarm.state = AlarmState.LATCHED
            return self._revise(alarm, Revision.UPDATED, belt)
        if alarm.state is AlarmState.UNACKNOWLEDGED:
            alarm.state = AlarmState.RETURNED_UNACKNOWLEDGED
        else:
            alarm.state = AlarmState.NORMAL
            self._end(alarm)
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
            self._end(alarm)
        return [self._revise(alarm, Revision.EXPIRED, belt) for alarm in over]

    def _revise(self, alarm: Alarm, kind: Revision, belt: BeltNow) -> Alert:
        return alarm.revise(kind, PRIORITY[alarm.hazard], belt, self._line)
