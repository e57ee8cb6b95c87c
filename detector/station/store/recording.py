"""Statements that write alerts, answers, vision states and metrics; run by the writer thread."""

from __future__ import annotations

import re
import sqlite3
import time

from detector.station.store.payloads import PayloadCodec
from detector.station.store.records import AnswerStatus, AnswerWord, StoreError
from detector.wire.messages import AlarmState, Alert, Header, Metrics, Revision
from detector.wire.requests import Position

STATE_HELD_NS = 60_000_000_000
"""A vision state counts as lasting until its next report, if that comes within this time."""
METRICS_EVERY_NS = 60_000_000_000
_FIGURES = re.compile(r"\d+([.,]\d+)?")

_NEW_EVENT = """
INSERT OR IGNORE INTO events (line, boot_id, event_id, hazard, kind, priority, state, revision,
    members, t_raised_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
"""
_NEWEST = """
UPDATE events SET hazard = ?, kind = ?, priority = ?, state = ?, revision = ?, probability = ?,
    detail = ?, members = ?, pile = ?, outcome = coalesce(?, outcome), t_closed_ns = ?
WHERE id = ? AND revision < ?
"""
_TIMES = """
UPDATE events SET
    t_called_ns = CASE WHEN ?2 THEN min(?1, coalesce(t_called_ns, ?1)) ELSE t_called_ns END,
    t_answered_ns = CASE WHEN ?3 THEN min(?1, coalesce(t_answered_ns, ?1)) ELSE t_answered_ns END
WHERE id = ?4
"""


def write_alert(
    connection: sqlite3.Connection, codec: PayloadCodec, header: Header, alert: Alert
) -> bool:
    """Record one revision; False if it is known. Revisions may come in any order."""
    key = alert.line, alert.boot_id, alert.event_id
    first = connection.execute(
        _NEW_EVENT,
        (
            *key,
            *(alert.hazard, alert.class_name, alert.priority, alert.state),
            *(alert.members, alert.t_raised_utc_ns),
        ),
    )
    if first.rowcount:
        name_evidence(connection, *key)  # its images may have come first
    event = event_number(connection, *key)
    published_ns = header.t_capture_utc_ns + round(header.age_ms * 1e6)
    new = connection.execute(
        "INSERT OR IGNORE INTO revisions VALUES (?, ?, ?, ?, ?)",
        (event, alert.revision, published_ns, time.time_ns(), codec.pack(alert)),
    )
    if not new.rowcount:
        return False
    closed_ns = alert.t_capture_utc_ns if alert.state is AlarmState.NORMAL else None
    connection.execute(
        _NEWEST,
        (
            *(alert.hazard, alert.class_name, alert.priority, alert.state, alert.revision),
            *(alert.probability, alert.detail, alert.members, alert.pile, alert.outcome),
            *(closed_ns, event, alert.revision),
        ),
    )
    calls = alert.state is AlarmState.UNACKNOWLEDGED
    answered = alert.kind is Revision.ACKNOWLEDGED or alert.outcome is not None
    if calls or answered:
        connection.execute(_TIMES, (alert.t_capture_utc_ns, calls, answered, event))
    return True


def name_evidence(connection: sqlite3.Connection, line: str, boot_id: str, event_id: str) -> None:
    """Let an event name its newest evidence of which the images are here."""
    connection.execute(
        "UPDATE events SET evidence_id = (SELECT evidence_id FROM evidence WHERE line = ?1 "
        "AND boot_id = ?2 AND event_id = ?3 AND t_dropped_ns IS NULL "
        "ORDER BY revision DESC LIMIT 1) WHERE line = ?1 AND boot_id = ?2 AND event_id = ?3",
        (line, boot_id, event_id),
    )


def event_number(connection: sqlite3.Connection, line: str, boot_id: str, event_id: str) -> int:
    row = connection.execute(
        "SELECT id FROM events WHERE line = ? AND boot_id = ? AND event_id = ?",
        (line, boot_id, event_id),
    ).fetchone()
    if row is None:
        raise StoreError(f"no alarm {event_id} of line {line} is known (start {boot_id})")
    return int(row[0])


def close_missing(
    connection: sqlite3.Connection, line: str, still_open: set[tuple[str, str]], t_ns: int
) -> int:
    rows = connection.execute(
        "SELECT id, boot_id, event_id FROM events WHERE line = ? AND state != 'normal'", (line,)
    ).fetchall()
    missing = [number for number, *key in rows if tuple(key) not in still_open]
    for number in missing:
        connection.execute(
            "UPDATE events SET state = 'normal', t_closed_ns = ? WHERE id = ?", (t_ns, number)
        )
    return len(missing)


def write_answer(
    connection: sqlite3.Connection,
    event: int,
    what: AnswerWord,
    operator: str,
    t_ns: int,
    *,
    source: str,
) -> int:
    """Record an answer, to be sent or, if the alarm has ended, only recorded; returns its id."""
    state, outcome, closed_ns = connection.execute(
        "SELECT state, outcome, t_closed_ns FROM events WHERE id = ?", (event,)
    ).fetchone()
    status: AnswerStatus = "waiting"
    notice = None
    if state == AlarmState.NORMAL:
        status = "late"
        at = time.strftime("%H:%M:%S", time.localtime((closed_ns or 0) / 1e9))
        how = f", {outcome}" if outcome else ""
        notice = f"the alarm ended at {at}{how}; the answer is recorded, nothing was sent"
        if what != "seen":
            connection.execute(
                "UPDATE events SET outcome = coalesce(outcome, ?) WHERE id = ?", (what, event)
            )
    row = connection.execute(
        "INSERT INTO answers (event, what, operator, t_ns, source, status, notice) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (event, what, operator, t_ns, source, status, notice),
    )
    return int(row.lastrowid or 0)


def write_position(connection: sqlite3.Connection, line: str, position: Position) -> None:
    connection.execute(
        "REPLACE INTO positions VALUES (?, ?, ?)", (line, position.boot_id, position.alert_seq)
    )


def write_state(
    connection: sqlite3.Connection, line: str, t_ns: int, vision: str, reason: str
) -> None:
    """Continue the line's last state, or begin another.

    A reason with other figures ("no frame for 3.1 s") is the same reason.
    """
    last = connection.execute(
        "SELECT id, t_until_ns, vision, reason FROM states WHERE line = ? "
        "ORDER BY t_from_ns DESC LIMIT 1",
        (line,),
    ).fetchone()
    if last is not None and t_ns - last[1] <= STATE_HELD_NS:
        number, until_ns = last[:2]
        connection.execute(
            "UPDATE states SET t_until_ns = ? WHERE id = ?", (max(until_ns, t_ns), number)
        )
        if (last[2], _FIGURES.sub("", last[3])) == (vision, _FIGURES.sub("", reason)):
            return
    connection.execute(
        "INSERT INTO states (line, t_from_ns, t_until_ns, vision, reason) VALUES (?, ?, ?, ?, ?)",
        (line, t_ns, t_ns, vision, reason),
    )


def write_metrics(
    connection: sqlite3.Connection, codec: PayloadCodec, t_ns: int, metrics: Metrics
) -> None:
    """One row a minute is enough for a trend."""
    minute_ns = t_ns - t_ns % METRICS_EVERY_NS
    connection.execute(
        "INSERT OR IGNORE INTO metrics VALUES (?, ?, ?)",
        (metrics.line, minute_ns, codec.pack(metrics)),
    )
