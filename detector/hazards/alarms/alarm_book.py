"""The alarms of one line and their ISA-18.2 states.

One alarm per object, or per state of the line; each change is one revision of its alert. Gas is
latched: once the object has left the view, the alarm stays until an operator reports an outcome.
Alarms that are shelved, raised on a stopped belt or suppressed by `flood_control` are published all
the same, as shelved or suppressed.
"""

from __future__ import annotations

from collections.abc import Sequence

from detector.belt.now import BeltNow
from detector.hazards.alarms.alarm import Alarm
from detector.hazards.alarms.alert_facts import (
    LineFacts,
    arrivals_of,
    identity_of,
    place_of,
    size_is_plausible,
    support_of,
    why_of,
)
from detector.hazards.alarms.flood_control import FloodControl
from detector.hazards.alarms.restart import FormerObjects, restored_alarm
from detector.hazards.tracking.tracker import Track
from detector.wire.evidence import evidence_name
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
from detector.wire.requests import Acknowledge, AnswerRequest, Shelve

PRIORITY = {  # [DOMAIN, "Alarms"]
    Hazard.GAS: Priority.HIGH,
    Hazard.JAM: Priority.HIGH,
    Hazard.BATTERY: Priority.MEDIUM,
    Hazard.OVERLOAD: Priority.MEDIUM,
    Hazard.BELT_STOPPED: Priority.MEDIUM,
    Hazard.VISION_UNAVAILABLE: Priority.MEDIUM,
}
LATCHED = frozenset({Hazard.GAS})
"""Only an outcome closes them."""

RAISED_WHEN_STOPPED = frozenset({Hazard.VISION_UNAVAILABLE, Hazard.BELT_STOPPED})
"""Not suppressed while the belt is stopped."""

UPDATE_NS = 1_000_000_000
"""Minimum interval between two revisions of an unchanged alert in view."""
UPDATE_STOPPED_NS = 30_000_000_000
"""The same once the belt is stopped and a revision has reported that: one object in view overnight
would otherwise fill the journal, and displace revisions that a subscriber has missed [P]."""
SCORE_STEP = 0.1
"""A best score that has grown by this much is a change, which is published at once."""
OFF_DELAY_NS = 1_000_000_000
"""A state of the line ends when it has been inactive for this long: an alarm that comes and goes
many times a second would be a flood [P]."""
EXPIRE_NS = 60_000_000_000
"""An unacknowledged alarm expires this long after its cause has gone [P]."""
OPEN_MAX = 500
"""Maximum number of open alarms; beyond it the oldest out of view expire, gas last, each with a
revision."""


class AnswerRefusedError(ValueError):
    """An operator's answer that can't be applied; a one-line message with the reason."""


class AlarmBook:
    """Turns tracks and line states into alert revisions."""

    def __init__(self, line: LineFacts) -> None:
        self._line = line
        self.with_evidence = False
        """Whether images of objects that are raised now will be sent."""
        self._open: dict[str, Alarm] = {}
        self._by_track: dict[int, Alarm] = {}
        self._of_line: dict[Hazard, str] = {}
        self._shelved: dict[Hazard, tuple[int, Shelving]] = {}
        self._flood_control = FloodControl(line.alarms, mm_known=line.mm_basis != "none")
        self._former = FormerObjects()
        self._raised = 0

    @property
    def active(self) -> int:
        """Number of alarms that are not back to normal."""
        return len(self._open)

    def open_alerts(self) -> list[Alert]:
        """The last revision of each open alarm, for subscribers that joined later."""
        return [alarm.published for alarm in self._open.values() if alarm.published is not None]

    def update(self, in_view: Sequence[Track], left: Sequence[Track], belt: BeltNow) -> list[Alert]:
        """Update with the confirmed tracks of one inference pass; returns the changes."""
        alerts: list[Alert] = []
        for track in in_view:
            alarm = self._by_track.get(track.id)
            if alarm is None:
                if track.undecided:
                    continue
                alarm = self._match_former(track, belt)
            if alarm is None:
                alerts += self._raise_object(track, belt)
            elif alarm.name in self._open and self._has_changed(alarm, track, belt):
                self._describe(alarm, track, belt)
                alerts.append(self._revise(alarm, Revision.UPDATED, belt))
        for track in left:
            if track.undecided and track.id not in self._by_track:
                alerts += self._raise_object(track, belt)
            # If it is not open, an outcome closed it while it was in view: published already.
            alarm = self._by_track.pop(track.id, None)
            if alarm is not None and alarm.name in self._open:
                self._describe(alarm, track, belt)
                alerts.append(self._cause_gone(alarm, belt))
        for name in self._former.expired(belt.t_mono_ns):
            if name in self._open:
                alerts.append(self._cause_gone(self._open[name], belt))
        flood = self._flood_control.flood(belt.t_mono_ns)
        alerts += self.line_state(Hazard.BATTERY, flood is not None, flood, belt)
        return alerts + self._expired(belt)

    def line_state(
        self,
        hazard: Hazard,
        active: bool,
        detail: str | None,
        belt: BeltNow,
        cues: tuple[Cue, ...] = (),
    ) -> list[Alert]:
        """Update one state of the line: overload, jam, belt_stopped, vision_unavailable, or
        battery for a flood of batteries. Returns the changes, as alert revisions."""
        alarm = self._open.get(self._of_line.get(hazard, ""))
        if not active:
            if alarm is None or not alarm.active:
                return []
            if belt.t_mono_ns - alarm.t_last_active_ns < OFF_DELAY_NS:
                return []
            alarm.detail, alarm.cues = detail or alarm.detail, cues or alarm.cues
            return [self._cause_gone(alarm, belt)]
        if alarm is not None and alarm.active:
            alarm.t_last_active_ns = belt.t_mono_ns
            stopped = belt.is_stopped and hazard is not Hazard.VISION_UNAVAILABLE
            interval_ns = UPDATE_STOPPED_NS if stopped else UPDATE_NS
            too_soon = belt.t_mono_ns - alarm.t_published_ns < interval_ns
            unchanged = detail == alarm.detail or too_soon
            if unchanged and not self._unsuppress(alarm, belt):
                return []
            alarm.detail, alarm.cues = detail, cues
            return [self._revise(alarm, Revision.UPDATED, belt)]
        if alarm is None:
            alarm = self._new(hazard, belt)
            self._of_line[hazard] = alarm.event_id
        # A state that returns before it was acknowledged is the same alarm, not another.
        alarm.active, alarm.detail, alarm.t_last_active_ns = True, detail, belt.t_mono_ns
        alarm.cues = cues
        alarm.state = self._state_when_raised(alarm, belt)
        return [self._revise(alarm, Revision.RAISED, belt)]

    def answer(self, answer: AnswerRequest, belt: BeltNow) -> list[Alert]:
        """Apply an operator's answer. Raises `AnswerRefusedError`."""
        if isinstance(answer, Shelve):
            return self.shelve(answer.hazard, answer.minutes, belt, answer.operator)
        event = self._known_as(answer.boot_id, answer.event_id)
        if isinstance(answer, Acknowledge):
            return self.acknowledge(event, belt)
        return self.close(event, answer.outcome, belt)

    def acknowledge(self, event_id: str, belt: BeltNow) -> list[Alert]:
        """Acknowledge an alarm, and with a pile its members. Raises `AnswerRefusedError`."""
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
        """Close an alarm, and with a pile its members. Raises `AnswerRefusedError`."""
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
        """Shelve a hazard's alarms for a limited time. Raises `AnswerRefusedError`."""
        if hazard is Hazard.VISION_UNAVAILABLE:
            raise AnswerRefusedError(
                "vision_unavailable is never shelved: the line would be unattended"
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
        """Active shelvings; expired ones are removed."""
        for hazard, (until_ns, _) in list(self._shelved.items()):
            if until_ns <= belt.t_mono_ns:
                del self._shelved[hazard]
        return tuple(shelving for _, shelving in self._shelved.values())

    def restore(self, alerts: Sequence[Alert], t_mono_ns: int, t_utc_ns: int) -> list[Alert]:
        """Restore the alerts that an earlier start of the detector left open, under their old ids.

        A state of the line ends when this start finds that it is over. An object that is detected
        where a former one must be by now is that object; the others count as gone from view after
        `restart.MATCH_NS`.
        """
        belt = BeltNow(t_utc_ns, t_mono_ns, None, None, None, "none")
        revisions = []
        for alert in alerts:
            alarm = restored_alarm(alert, t_mono_ns, self._line)
            self._open[alarm.name] = alarm
            if alarm.track is None:
                self._of_line[alarm.hazard] = alarm.name
            elif alarm.active:
                self._former.add(alarm.name, alert, t_mono_ns)
            revisions.append(self._revise(alarm, Revision.UPDATED, belt))
        return revisions

    def _known_as(self, boot_id: str, event_id: str) -> str:
        """The key of an alert's alarm, see `Alarm.name`."""
        return event_id if boot_id == self._line.boot_id else f"{boot_id}/{event_id}"

    def _match_former(self, track: Track, belt: BeltNow) -> Alarm | None:
        """The alarm of an earlier start whose object this track is."""
        identity = identity_of(track, self._line)
        if identity.action == "ignore":
            return None
        alarm = self._open.get(self._former.match(track, identity.hazard, belt) or "")
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
        """An alarm and the open alarms that have joined its pile."""
        pile = alarm.boot_id, alarm.event_id
        return [alarm, *(each for each in self._open.values() if (each.boot_id, each.pile) == pile)]

    def _end(self, alarm: Alarm) -> None:
        self._open.pop(alarm.name, None)
        self._flood_control.ended(alarm.name)

    def _raise_object(self, track: Track, belt: BeltNow) -> list[Alert]:
        """The new alarm's first revision, and a revision of the pile that it joins; none for an
        object of an implausible size, below its threshold, or of a kind that the site ignores."""
        identity = identity_of(track, self._line)
        if identity.action == "ignore" or size_is_plausible(track, identity, self._line) is False:
            return []
        hazard, open_alarms = identity.hazard, set(self._open)
        alarm = self._new(hazard, belt)
        alarm.track = track.id
        self._by_track[track.id] = alarm
        if self.with_evidence:
            alarm.evidence_id = evidence_name(self._line.boot_id, alarm.event_id, 1)
        self._describe(alarm, track, belt)
        if identity.action == "count":
            alarm.counted = alarm.suppressed = True
            alarm.state = self._state_when_raised(alarm, belt)
            self._flood_control.count(hazard, belt)
        if alarm.state is not AlarmState.UNACKNOWLEDGED:  # counted, shelved, or the belt is stopped
            return [self._revise(alarm, Revision.RAISED, belt)]
        decision = self._flood_control.decide(
            alarm.event_id, hazard, track, belt, open_alarms=open_alarms
        )
        alarm.pile, alarm.suppressed = decision.pile, decision.suppressed
        alarm.state = self._state_when_raised(alarm, belt)
        alerts = [self._revise(alarm, Revision.RAISED, belt)]
        if decision.pile is not None:
            first = self._open[decision.pile]
            first.members += 1
            if decision.calls_pile:
                first.suppressed = False
                self._unsuppress(first, belt, call_counted=True)
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
        if alarm.suppressed or (belt.is_stopped and alarm.hazard not in RAISED_WHEN_STOPPED):
            return AlarmState.SUPPRESSED
        return AlarmState.UNACKNOWLEDGED

    def _unsuppress(self, alarm: Alarm, belt: BeltNow, *, call_counted: bool = False) -> bool:
        """Call for a shelved or suppressed alarm if its reason has gone; returns whether it did.
        `call_counted`: `flood_control` has counted the call already."""
        inactive = alarm.state in {AlarmState.SUPPRESSED, AlarmState.SHELVED}
        if not inactive or self._state_when_raised(alarm, belt) is not AlarmState.UNACKNOWLEDGED:
            return False
        limited = alarm.hazard is Hazard.BATTERY and alarm.track is not None
        if limited and not call_counted and not self._flood_control.may_call(belt.t_mono_ns):
            alarm.suppressed, alarm.state = True, AlarmState.SUPPRESSED
            return False
        alarm.state = AlarmState.UNACKNOWLEDGED
        return True

    def _has_changed(self, alarm: Alarm, track: Track, belt: BeltNow) -> bool:
        stop_published = belt.is_stopped and not alarm.arrivals
        interval_ns = UPDATE_STOPPED_NS if stop_published else UPDATE_NS
        return (
            self._unsuppress(alarm, belt)
            or alarm.class_name != identity_of(track, self._line, alarm.hazard).class_name
            or track.best_score - alarm.score_published >= SCORE_STEP
            or belt.t_mono_ns - alarm.t_published_ns >= interval_ns
        )

    def _describe(self, alarm: Alarm, track: Track, belt: BeltNow) -> None:
        identity = identity_of(track, self._line, alarm.hazard)
        # A supposed battery may prove to be a gas cartridge: the same alert, corrected.
        hazard = identity.hazard
        if alarm.state is AlarmState.ACKNOWLEDGED and hazard is Hazard.GAS is not alarm.hazard:
            alarm.state = AlarmState.UNACKNOWLEDGED  # a lesser hazard was acknowledged
        proves_to_be_gas = hazard is Hazard.GAS is not alarm.hazard
        alarm.hazard, alarm.class_name = hazard, identity.class_name
        if proves_to_be_gas:  # no longer a counted cell or part of a pile of batteries
            alarm.pile = None
        if proves_to_be_gas or (alarm.counted and identity.action == "call"):
            alarm.suppressed = alarm.counted = identity.action == "count"
            self._unsuppress(alarm, belt)
        alarm.probability = round(identity.probability, 4)
        alarm.place = place_of(track, belt, self._line)
        alarm.arrivals = arrivals_of(track, belt, self._line)
        alarm.support = support_of(track)
        alarm.why = why_of(track, identity, self._line)

    def _cause_gone(self, alarm: Alarm, belt: BeltNow) -> Alert:
        """The object has left the view, or the state of the line has ended."""
        alarm.active, alarm.t_gone_ns = False, belt.t_mono_ns
        if alarm.hazard in LATCHED and not alarm.counted:
            alarm.state = AlarmState.LATCHED
            return self._revise(alarm, Revision.UPDATED, belt)
        if alarm.state is AlarmState.UNACKNOWLEDGED:
            alarm.state = AlarmState.RETURNED_UNACKNOWLEDGED
        else:
            alarm.state = AlarmState.NORMAL
            self._end(alarm)
        return self._revise(alarm, Revision.CLEARED, belt)

    def _expired(self, belt: BeltNow) -> list[Alert]:
        expired = [
            alarm
            for alarm in self._open.values()
            if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED
            and belt.t_mono_ns - alarm.t_gone_ns >= EXPIRE_NS
        ]
        excess = max(0, len(self._open) - len(expired) - OPEN_MAX)
        gone = [alarm for alarm in self._open.values() if not alarm.active and alarm not in expired]
        expired += sorted(gone, key=lambda alarm: alarm.hazard in LATCHED)[:excess]
        for alarm in expired:
            alarm.state = AlarmState.NORMAL
            self._end(alarm)
        return [self._revise(alarm, Revision.EXPIRED, belt) for alarm in expired]

    def _revise(self, alarm: Alarm, kind: Revision, belt: BeltNow) -> Alert:
        return alarm.revise(kind, PRIORITY[alarm.hazard], belt, self._line)
