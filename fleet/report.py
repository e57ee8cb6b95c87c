"""`vigitri fleet report`: what an archive holds, by line and by day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from calibration.exact_intervals import poisson_upper
from fleet.answers import FALSE, NOT_FOUND, REMOVED, Answers
from fleet.archive import Archive
from fleet.tables import HAZARDS, Row

OBJECTS = ("gas", "battery")
"""The hazards that are objects, which an operator can look for."""
_SUMS = """
    count(*) AS clips, sum(recorded_s) / 3600 AS hours, sum(belt_mm) / 1000 AS metres,
    sum(blind_s) AS blind_s, count(*) FILTER (NOT complete) AS incomplete,
    count(*) FILTER (belt_mm IS NULL) AS without_travel
"""


def report(archive: Archive, answers: Answers | None = None) -> dict[str, Any]:
    """All figures of the report, as plain values.

    `answers`: None: there are none, so that false alarms are unknown.
    """
    raised = ", ".join(f"sum(raised_{each}) AS {each}" for each in HAZARDS)
    lines = archive.query(
        f"SELECT line, {_SUMS}, {raised}, min(start_utc) AS first, max(start_utc) AS last, "
        "count(*) FILTER (start_utc IS NULL) AS without_time FROM totals "
        "GROUP BY line ORDER BY line"
    )
    days = archive.query(
        f"SELECT line, CAST(start_utc AS DATE) AS day, {_SUMS}, {raised} FROM totals "
        "WHERE start_utc IS NOT NULL GROUP BY line, day ORDER BY line, day"
    )
    answered = None if answers is None else _answered(archive, answers)
    failed = {
        row["line"]: row["clips"]
        for row in archive.query(
            "SELECT line, count(DISTINCT clip) AS clips FROM failures WHERE final GROUP BY line"
        )
    }
    for line in lines:
        line["failed"] = failed.pop(line["line"], 0)
        line["results_of"] = archive.model_of(line["line"])
        _rates(line, answered, None)
    for day in days:
        _rates(day, answered, day["day"])
    return {
        "results": archive.place,
        "lines": [_plain(line) for line in lines],
        "days": [_plain(day) for day in days],
        "only_failed": failed,
        "answers": None
        if answers is None
        else {
            **answers.counts(),
            "unmatched": answers.unmatched,
            "clips_without_time": answers.without_time,
        },
    }


def _answered(archive: Archive, answers: Answers) -> list[Row]:
    """Answered alerts by line, day and hazard."""
    keys = [*answers.by_alert]
    given = pa.table(
        {
            "clip": pa.array([clip for clip, _, _ in keys], pa.string()),
            "line": pa.array([line for _, line, _ in keys], pa.string()),
            "event_id": pa.array([event for _, _, event in keys], pa.string()),
            "answer": pa.array([answers.by_alert[key] for key in keys], pa.string()),
        }
    )
    return archive.query(
        "SELECT line, CAST(start_utc AS DATE) AS day, hazard, answer, count(*) AS alerts "
        "FROM given JOIN alerts USING (clip, line, event_id) JOIN totals USING (clip, line) "
        "GROUP BY ALL",
        given=given,
    )


def _rates(row: Row, answered: list[Row] | None, day: date | None) -> None:
    """Add each hazard's alarms an hour of sight, and false ones, to a line's or a day's row."""
    seen_h = max(0.0, row["hours"] - row["blind_s"] / 3600)
    row["seen_h"] = seen_h
    row["alerts_per_h"] = {each: _rate(row[each], seen_h) for each in HAZARDS}
    if answered is None:
        row["false_per_h"] = None
        return
    of_row = [
        each
        for each in answered
        if each["line"] == row["line"] and (day is None or each["day"] == day)
    ]
    row["answered"] = {
        hazard: {
            answer: sum(
                each["alerts"]
                for each in of_row
                if each["hazard"] == hazard and each["answer"] == answer
            )
            for answer in (REMOVED, FALSE, NOT_FOUND)
        }
        for hazard in OBJECTS
    }
    false = {hazard: row["answered"][hazard][FALSE] for hazard in OBJECTS}
    row["false_per_h"] = {
        **{hazard: _rate(count, seen_h) for hazard, count in false.items()},
        "all": _rate(sum(false.values()), seen_h),
    }
    row["unanswered"] = sum(row[hazard] for hazard in OBJECTS) - sum(
        sum(counts.values()) for counts in row["answered"].values()
    )


def _rate(count: int, hours: float) -> dict[str, Any]:
    """Events an hour with the exact one-sided 95 % upper bound."""
    return {
        "count": int(count),
        "per_h": round(count / hours, 3) if hours else None,
        "upper_per_h": round(poisson_upper(int(count)) / hours, 3) if hours else None,
    }


def _plain(row: Row) -> Row:
    """The same for JSON: times as ISO text, floats rounded."""

    def plain(value: Any) -> Any:
        if isinstance(value, date):  # a datetime too
            return value.isoformat()
        return round(value, 4) if isinstance(value, float) else value

    return {key: plain(value) for key, value in row.items()}
