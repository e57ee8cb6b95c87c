"""One alarm, and its alert: each change is one revision."""

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
    Outcome,
    Place,
    Priority,
    Revision,
    SupportingDetection,
    Why,
)


@dataclass(slots=True)
class Alarm:
    """The alarm of one object, or of one state of the line."""

    event_id: str
    hazard: Hazard
    state: AlarmState
    t_raised_utc_ns: int
    revision: int = 0
    t_published_ns: int = 0
    score_published: float = 0.0
    active: bool = True
    """The cause is present: the object is in view, or the line is in that state."""
    t_last_active_ns: int = 0
    """When the line was last in that state."""
    t_gone_ns: int = 0
    class_name: str | None = None
    probability: float | None = None
    place: Place | None = None
    arrivals: tuple[Arrival, ...] = ()
    """Counted from the time of `place`."""
    support: tuple[SupportingDetection, ...] = ()
    why: Why | None = None
    detail: str | None = None
    cues: tuple[Cue, ...] = ()
    track: int | None = None
    outcome: Outcome | None = None
    members: int = 1
    pile: str | None = None
    """The alarm of the pile that it has joined."""
    suppressed: bool = False
    """Suppressed by design, whether or not the belt runs: no operator is called."""
    counted: bool = False
    """Suppressed because the site only counts objects of this kind."""
    boot_id: str | None = None
    """The earlier start of the detector that raised it; None: this one."""
    evidence_id: str | None = None
    published: Alert | None = None
    """The last revision."""

    @property
    def name(self) -> str:
        """Its key among the open alarms; alarms of earlier starts keep their event ids."""
        return self.event_id if self.boot_id is None else f"{self.boot_id}/{self.event_id}"

    def revise(self, kind: Revision, priority: Priority, belt: BeltNow, line: LineFacts) -> Alert:
        """Make the next revision of its alert."""
        self.revision += 1
        self.t_published_ns = belt.t_mono_ns
        self.score_published = self.why.score if self.why else 0.0
        self.published = Alert(
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
            evidence_id=self.evidence_id,
            members=self.members,
            pile=self.pile,
            cues=self.cues,
        )
        return self.published
