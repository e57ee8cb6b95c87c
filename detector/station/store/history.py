"""Queries of trends: rates, answer times, false alarms, and times without vision."""

from __future__ import annotations

import sqlite3
import time
from itertools import pairwise
from typing import Literal

from detector.station.store.payloads import PayloadCodec
from detector.station.store.records import (
    AnswerTime,
    AuditRow,
    BlindTime,
    Count,
    FalseAlarms,
    MetricsRow,
)
from detector.vocabulary import VisionState
from detector.wire.messages import Metrics

By = Literal["ten_minutes", "hour", "day"]
HOUR_NS = 3600 * 10**9
_LENGTH_NS = {"ten_minutes": HOUR_NS // 6, "hour": HOUR_NS, "day": 24 * HOUR_NS}
NOT_RECORDED = "the station did not record"
_GAP_NS = 10_000_000_000
"""A shorter pause between two records is none: states are recorded every few seconds."""


def count_alerts(
    connection: sqlite3.Connection, line: str | None, since: int, until: int, by: By
) -> list[Count]:
    """Alerts raised per ten minutes (the unit of EEMUA 191), hour, or day of this computer's time
    zone; none: no row."""
    length_ns = _LENGTH_NS[by]
    offset_ns = time.localtime(since / 1e9).tm_gmtoff * 10**9 if by == "day" else 0
    rows = connection.execute(
        "SELECT line, (t_raised_ns + ?1) / ?2 * ?2 - ?1, hazard, count(*), count(t_called_ns) "
        "FROM events WHERE t_raised_ns >= ?3 AND t_raised_ns < ?4 AND (?5 IS NULL OR line = ?5) "
        "GROUP BY 1, 2, 3 ORDER BY 2, 1, 3",
        (offset_ns, length_ns, since, until, line),
    )
    return [Count(*row) for row in rows]


def find_answer_times(
    connection: sqlite3.Connection, line: str | None, since: int, until: int
) -> list[AnswerTime]:
    """Of the alarms that called an operator and were answered, oldest first."""
    rows = connection.execute(
        "SELECT line, boot_id, event_id, hazard, t_called_ns, "
        "max(0, t_answered_ns - t_called_ns) / 1e9 FROM events "
        "WHERE t_raised_ns >= ?1 AND t_raised_ns < ?2 AND (?3 IS NULL OR line = ?3) "
        "AND t_called_ns IS NOT NULL AND t_answered_ns IS NOT NULL ORDER BY t_called_ns",
        (since, until, line),
    )
    return [AnswerTime(*row) for row in rows]


def count_false_alarms(
    connection: sqlite3.Connection, line: str | None, since: int, until: int
) -> list[FalseAlarms]:
    """Alarms with an outcome, by what they were raised as; most false alarms first."""
    rows = connection.execute(
        "SELECT hazard, kind, sum(outcome = 'removed'), sum(outcome = 'false_alarm') AS wrong, "
        "sum(outcome = 'not_found') FROM events WHERE outcome IS NOT NULL "
        "AND t_raised_ns >= ?1 AND t_raised_ns < ?2 AND (?3 IS NULL OR line = ?3) "
        "GROUP BY hazard, kind ORDER BY wrong DESC, hazard, kind",
        (since, until, line),
    )
    return [FalseAlarms(*row) for row in rows]


def find_blind_times(
    connection: sqlite3.Connection, line: str | None, since: int, until: int
) -> list[BlindTime]:
    """Times in which the belt was not watched, or nothing was recorded, oldest first."""
    lines = (
        [line]
        if line is not None
        else [
            row[0] for row in connection.execute("SELECT DISTINCT line FROM states ORDER BY line")
        ]
    )
    found = [each for name in lines for each in _of_line(connection, name, since, until)]
    return sorted(found, key=lambda each: (each.since, each.line))


def _of_line(connection: sqlite3.Connection, line: str, since: int, until: int) -> list[BlindTime]:
    rows = connection.execute(
        "SELECT t_from_ns, t_until_ns, vision, reason FROM states WHERE line = ? "
        "AND t_until_ns >= ? AND t_from_ns < ? ORDER BY t_from_ns",
        (line, since, until),
    ).fetchall()
    known = [
        BlindTime(line, t_from_ns, t_until_ns, vision, reason)
        for t_from_ns, t_until_ns, vision, reason in rows
        if not VisionState(vision).is_watching
    ]
    gaps = [
        BlindTime(line, before[1], after[0], VisionState.UNKNOWN, NOT_RECORDED)
        for before, after in pairwise(rows)
        if after[0] - before[1] > _GAP_NS
    ]
    return [
        BlindTime(line, max(each.since, since), min(each.until, until), each.vision, each.reason)
        for each in sorted(known + gaps, key=lambda each: each.since)
    ]


def find_metrics(
    connection: sqlite3.Connection, codec: PayloadCodec, line: str, since: int, until: int
) -> list[MetricsRow]:
    rows = connection.execute(
        "SELECT line, t_ns, payload FROM metrics WHERE line = ? AND t_ns >= ? AND t_ns < ? "
        "ORDER BY t_ns",
        (line, since, until),
    )
    return [
        MetricsRow(name, t_ns, Metrics.model_validate_json(codec.unpack(packed), extra="ignore"))
        for name, t_ns, packed in rows
    ]


def find_audit(connection: sqlite3.Connection, before: int | None, limit: int) -> list[AuditRow]:
    """The newest rows of the audit log; `before`: the id of the last row of the page before."""
    rows = connection.execute(
        "SELECT id, t_ns, account, role, what, detail, address FROM audit "
        "WHERE (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2",
        (before, limit),
    )
    return [AuditRow(*row) for row in rows]
