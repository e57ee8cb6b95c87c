"""What the store keeps and gives back. All times are UTC, ns since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detector.errors import VigitriError
from detector.wire.messages import Alert, Metrics

AnswerWord = Literal["seen", "removed", "false_alarm", "not_found"]
AnswerStatus = Literal["waiting", "sent", "undone", "refused", "late"]
"""`waiting`: to be sent to the detector. `late`: the alarm had ended, so it is only recorded."""


class StoreError(VigitriError, ValueError):
    """The store cannot do it; one line with the reason and the fix."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What an operator should know about the store; the page has a text for each code."""

    code: Literal["not_recorded", "set_aside", "disk_full"]
    text: str
    """One line in English, with figures and names."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events, newest first. None: any."""

    line: str | None = None
    hazard: str | None = None
    kind: str | None = None
    """The verifier's kind or the model's class."""
    state: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None
    text: str | None = None
    """Part of the kind, the hazard, the event id, the detail or an operator's name."""
    limit: int = 100
    answered: bool = False
    """Only those with an outcome or a label, and with images."""
    before: str | None = None
    """`EventRow.cursor` of the last row of the page before."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One alert at its newest revision."""

    line: str
    boot_id: str
    event_id: str
    hazard: str
    kind: str | None
    priority: str
    state: str
    revision: int
    probability: float | None
    detail: str | None
    members: int
    pile: str | None
    outcome: str | None
    t_raised_ns: int
    t_called_ns: int | None
    """First revision that called an operator; None: shelved or suppressed from its beginning."""
    t_answered_ns: int | None
    t_closed_ns: int | None
    evidence_id: str | None
    """The newest evidence whose images are here; None: there are none, or not any more."""
    label: str | None
    """The kind that an operator checked it to be; exports prefer it to the outcome."""
    cursor: str


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One revision as it was published."""

    revision: int
    t_published_ns: int
    t_recorded_ns: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One operator's answer given at this station."""

    id: int
    line: str
    boot_id: str
    event_id: str
    what: AnswerWord
    operator: str
    t_ns: int
    source: str
    status: AnswerStatus
    notice: str | None
    """Why it was refused or came late, one line."""


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Images of one revision; `payload` is the message's JSON."""

    evidence_id: str
    line: str
    boot_id: str
    event_id: str
    revision: int
    t_capture_ns: int
    crop_bytes: int
    frame_bytes: int
    t_dropped_ns: int | None
    """When the images were deleted; None: they are here."""
    payload: str


@dataclass(frozen=True, slots=True)
class EventDetail:
    """Everything about one event."""

    event: EventRow
    revisions: tuple[RevisionRow, ...]
    answers: tuple[AnswerRow, ...]
    evidence: tuple[EvidenceRow, ...]


@dataclass(frozen=True, slots=True)
class BlindTime:
    """A time in which the line's belt was not known to be watched."""

    line: str
    since: int
    until: int
    vision: str
    """`unknown`: the station itself did not run."""
    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """Alerts of one hazard that were raised in one hour or day."""

    line: str
    t_from_ns: int
    hazard: str
    alerts: int
    calls: int
    """Those that called an operator."""


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """How long an alarm called until its first answer, wherever that was given."""

    line: str
    boot_id: str
    event_id: str
    hazard: str
    t_called_ns: int
    answer_s: float


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Answered alarms of one kind, by their outcome."""

    hazard: str
    kind: str | None
    removed: int
    false_alarm: int
    not_found: int


@dataclass(frozen=True, slots=True)
class MetricsRow:
    line: str
    t_ns: int
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what."""

    id: int
    t_ns: int
    account: str
    role: str
    what: str
    detail: str
    address: str
