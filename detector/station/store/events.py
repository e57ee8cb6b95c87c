"""Queries of events, their revisions, answers and evidence."""

from __future__ import annotations

import sqlite3
from typing import Any

from detector.station.store.payloads import PayloadCodec
from detector.station.store.records import (
    AnswerRow,
    EventDetail,
    EventFilter,
    EventRow,
    EvidenceRow,
    RevisionRow,
    StoreError,
)
from detector.wire.messages import Alert

LIMIT_MAX = 1000
_COLUMNS = (
    "line, boot_id, event_id, hazard, kind, priority, state, revision, probability, detail, "
    "members, pile, outcome, t_raised_ns, t_called_ns, t_answered_ns, t_closed_ns, evidence_id, "
    "label, t_raised_ns || '-' || id"
)
_ANSWERS = (
    "SELECT answers.id, line, boot_id, event_id, what, operator, t_ns, source, status, notice "
    "FROM answers JOIN events ON events.id = event"
)
_EVIDENCE = (
    "SELECT evidence_id, line, boot_id, event_id, revision, t_capture_ns, crop_bytes, "
    "frame_bytes, t_dropped_ns, payload FROM evidence"
)
_TEXT = """
(kind LIKE :text ESCAPE '\\' OR hazard LIKE :text ESCAPE '\\' OR event_id LIKE :text ESCAPE '\\'
 OR detail LIKE :text ESCAPE '\\' OR outcome LIKE :text ESCAPE '\\'
 OR id IN (SELECT event FROM answers WHERE operator LIKE :text ESCAPE '\\'))
"""


def find_events(connection: sqlite3.Connection, wanted: EventFilter) -> list[EventRow]:
    """The newest events that pass the filter."""
    tests, values = _tests(wanted)
    where = f"WHERE {' AND '.join(tests)}" if tests else ""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM events {where} ORDER BY t_raised_ns DESC, id DESC LIMIT :limit",
        {**values, "limit": max(1, min(wanted.limit, LIMIT_MAX))},
    )
    return [EventRow(*row) for row in rows]


def _tests(wanted: EventFilter) -> tuple[list[str], dict[str, Any]]:
    tests, values = [], dict[str, Any]()
    for name in ("line", "hazard", "kind", "state", "outcome"):
        value = getattr(wanted, name)
        if value is not None:
            tests.append(f"{name} = :{name}")
            values[name] = value
    if wanted.since is not None:
        tests.append("t_raised_ns >= :since")
        values["since"] = wanted.since
    if wanted.until is not None:
        tests.append("t_raised_ns < :until")
        values["until"] = wanted.until
    if wanted.answered:
        tests.append("(outcome IS NOT NULL OR label IS NOT NULL) AND evidence_id IS NOT NULL")
    if wanted.before is not None:
        tests.append("(t_raised_ns, id) < (:before_ns, :before_id)")
        values["before_ns"], values["before_id"] = _cursor(wanted.before)
    if wanted.text:
        tests.append(_TEXT)
        plain = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values["text"] = f"%{plain}%"
    return tests, values


def _cursor(text: str) -> tuple[int, int]:
    try:
        t_ns, number = text.split("-")
        return int(t_ns), int(number)
    except ValueError:
        raise StoreError(f"{text!r} is not a cursor; use the one of a row") from None


def find_event(
    connection: sqlite3.Connection,
    codec: PayloadCodec,
    boot_id: str,
    event_id: str,
    line: str | None,
) -> EventDetail:
    """One event with all that is known of it. Raises StoreError."""
    row = connection.execute(
        f"SELECT id, {_COLUMNS} FROM events "
        "WHERE boot_id = ? AND event_id = ? AND (? IS NULL OR line = ?)",
        (boot_id, event_id, line, line),
    ).fetchone()
    if row is None:
        raise StoreError(f"no alarm {event_id} is known (start {boot_id})")
    key, event = row[0], EventRow(*row[1:])
    return EventDetail(
        event,
        tuple(
            RevisionRow(number, published_ns, recorded_ns, _alert(packed, codec))
            for number, published_ns, recorded_ns, packed in connection.execute(
                "SELECT revision, t_published_ns, t_recorded_ns, payload FROM revisions "
                "WHERE event = ? ORDER BY revision",
                (key,),
            )
        ),
        tuple(
            AnswerRow(*each)
            for each in connection.execute(
                f"{_ANSWERS} WHERE event = ? ORDER BY answers.id", (key,)
            )
        ),
        tuple(
            _evidence(each, codec)
            for each in connection.execute(
                f"{_EVIDENCE} WHERE line = ? AND boot_id = ? AND event_id = ? ORDER BY revision",
                (event.line, boot_id, event_id),
            )
        ),
    )


def find_open_alarms(
    connection: sqlite3.Connection, codec: PayloadCodec, line: str | None
) -> list[Alert]:
    """The newest revision of each alarm that is not back to normal, oldest first."""
    rows = connection.execute(
        "SELECT payload FROM events JOIN revisions ON event = id "
        "AND revisions.revision = events.revision "
        "WHERE state != 'normal' AND (?1 IS NULL OR line = ?1) ORDER BY t_raised_ns, id",
        (line,),
    )
    return [_alert(row[0], codec) for row in rows]


def find_answers(
    connection: sqlite3.Connection, *, number: int | None = None, status: str | None = None
) -> list[AnswerRow]:
    """Answers by id or status, oldest first."""
    rows = connection.execute(
        f"{_ANSWERS} WHERE (?1 IS NULL OR answers.id = ?1) AND (?2 IS NULL OR status = ?2) "
        "ORDER BY answers.id",
        (number, status),
    )
    return [AnswerRow(*row) for row in rows]


def find_evidence(
    connection: sqlite3.Connection, codec: PayloadCodec, evidence_id: str
) -> EvidenceRow | None:
    row = connection.execute(f"{_EVIDENCE} WHERE evidence_id = ?", (evidence_id,)).fetchone()
    return None if row is None else _evidence(row, codec)


def _alert(packed: bytes, codec: PayloadCodec) -> Alert:
    return Alert.model_validate_json(codec.unpack(packed), extra="ignore")


def _evidence(row: tuple[Any, ...], codec: PayloadCodec) -> EvidenceRow:
    return EvidenceRow(*(*row[:-1], codec.unpack(row[-1]).decode()))
