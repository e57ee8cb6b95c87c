"""One alarm, and how it is told: each change is one revision of its alert."""

from __future__ import annotations

from dataclasses import dataclass

from detector.belt.now import BeltNow
from detector.hazards.alarms.alert_facts import LineFacts, counted_from
from detector.wire.messages import (
    AlarmState,
    Alert,
    Arrival,
    Cue,
    Hazard,
    Look,
    Outcome,
    Place,
    Priority,
    Revision,
    Why,
)


@dataclass(slots=True)
class Alarm:
    """One object's alarm, or one of a state of the line."""

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
    """Counted from when it lay at its place."""
    support: tuple[Look, ...] = ()
    why: Why | None = None
    detail: str | None = None
    cues: tuple[Cue, ...] = ()
    track: int | None = None
    outcome: Outcome | None = None
    members: int = 1
    pile: str | None = None
    """The alarm of the pile that it is a further member of."""
    held: bool = False
    """Nobody is called for it: suppressed by design."""
    boot_id: str | None = None
    """Of an earlier start of the detector, which raised it."""
    told: Alert | None = None
    """The last revision."""

    @property
    def name(self) -> str:
        """Its name among the open alarms; those of earlier starts keep their ids."""
        return self.event_id if self.boot_id is None else f"{self.boot_id}/{self.event_id}"

    def revise(self, kind: Revision, priority: Priority, belt: BeltNow, line: LineFacts) -> Alert:
        """Its next revision, for the wire."""
        self.revision += 1
        self.t_told_ns = belt.t_mono_ns
        self.score_told = self.why.score if self.why else 0.0
        self.told = Alert(
            line=line.line,
            boot_id=self.boot_id or line.boot_id,
            event_id=self.event_id,
            revision=self.revision,
            kind=kind,
            hazard=self.hazard,
            class_name=self.class_name,
            priority=priority,
            state=self.state,
            probability=self.probability,
            t_capture_utc_ns=belt.t_utc_ns,
            t_capture_mono_ns=belt.t_mono_ns,
            frame_index=belt.frame_index,
            t_raised_utc_ns=self.t_raised_utc_ns,
            place=self.place,
            arrivals=counted_from(belt, self.place, self.arrivals),
            support=self.support,
            why=self.why,
            detail=self.detail,
            track=self.track,
            model=line.model,
            outcome=self.outcome,
            evidence_id=None,
            members=self.members,
            pile=self.pile,
            cues=self.cues,
        )
        return self.told
