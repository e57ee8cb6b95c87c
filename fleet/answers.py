"""What operators answered, matched with the alerts of an archive.

Two kinds of CSV are read: answers to these very alerts (`clip`, `line`, `event_id`, `answer`), and
the station's export of the days in which the clips were recorded (`vigitri station export csv`),
whose alarms are found again by line, hazard and time.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from detector.errors import VigitriError
from fleet.archive import Archive
from fleet.tables import Row

REMOVED, FALSE, NOT_FOUND = "removed", "false_alarm", "not_found"
ANSWERS = (REMOVED, FALSE, NOT_FOUND)
NEAR_S = 2.0
"""An alarm of the archive is the station's if it was raised within this time of it: another model
or threshold raises the same object some passes earlier or later."""

Key = tuple[str, str, str]
"""Clip, line and event_id of an alert."""


class AnswersError(VigitriError):
    """An answers file that cannot be read: one line with its row, the reason and the fix."""


@dataclass(slots=True)
class Answers:
    """Answers by alert."""

    by_alert: dict[Key, str] = field(default_factory=dict)
    unmatched: int = 0
    """Answers to alarms that are not in these results."""
    without_time: int = 0
    """Clips in which no alarm could be found by time: their start is unknown."""

    def of(self, alert: Row) -> str | None:
        """The answer to an alert; None: there is none."""
        return self.by_alert.get((alert["clip"], alert["line"], alert["event_id"]))

    def counts(self) -> dict[str, int]:
        """Number of alerts by answer."""
        return dict(Counter(self.by_alert.values()))


@dataclass(frozen=True, slots=True)
class _Answered:
    """An alarm of a station."""

    line: str
    hazard: str
    raised_s: float
    """Unix time, UTC."""
    answer: str


def read_answers(path: Path, archive: Archive, alerts: Sequence[Row]) -> Answers:
    """The answers of a CSV file to the alerts of an archive. Raises `AnswersError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnswersError(f"{path}: can't be read: {error}") from None
    if {"clip", "line", "event_id", "answer"} <= columns:
        return _by_key(path, rows, alerts)
    if {"line", "hazard", "outcome", "t_raised_ns"} <= columns:
        return _by_time([_answered(path, n, row) for n, row in enumerate(rows, 2)], archive, alerts)
    raise AnswersError(
        f"{path}: has the columns {', '.join(sorted(columns)) or 'none'}. Write clip, line, "
        "event_id and answer, or give the export of `vigitri station export csv`"
    )


def _by_key(path: Path, rows: Sequence[dict[str, str]], alerts: Sequence[Row]) -> Answers:
    known = {(alert["clip"], alert["line"], alert["event_id"]) for alert in alerts}
    answers = Answers()
    for number, row in enumerate(rows, 2):
        if row["answer"] not in ANSWERS:
            raise AnswersError(
                f"{path}: line {number}: answer {row['answer']!r}: write {', '.join(ANSWERS)}"
            )
        key = row["clip"], row["line"], row["event_id"]
        if key in known:
            answers.by_alert[key] = row["answer"]
        else:
            answers.unmatched += 1
    return answers


def _answered(path: Path, number: int, row: dict[str, str]) -> _Answered | None:
    """One row of a station's export; None: the alarm was not answered."""
    if not row["outcome"]:
        return None
    if row["outcome"] not in ANSWERS:
        raise AnswersError(
            f"{path}: line {number}: outcome {row['outcome']!r} is none of {', '.join(ANSWERS)}"
        )
    try:
        raised = datetime.fromisoformat(row["t_raised_ns"])
    except ValueError:
        raise AnswersError(
            f"{path}: line {number}: t_raised_ns {row['t_raised_ns']!r} is no ISO time"
        ) from None
    raised = raised.replace(tzinfo=UTC) if raised.tzinfo is None else raised
    return _Answered(row["line"], row["hazard"], raised.timestamp(), row["outcome"])


def _by_time(
    answered: Sequence[_Answered | None], archive: Archive, alerts: Sequence[Row]
) -> Answers:
    """Each answer to the nearest alert of its line and hazard, and each alert has one at most."""
    starts = {(row["clip"], row["line"]): row["start_utc"] for row in archive.totals}
    answers = Answers(without_time=sum(start is None for start in starts.values()))
    by_kind: dict[tuple[str, str], list[tuple[float, Key]]] = defaultdict(list)
    for alert in alerts:
        start = starts.get((alert["clip"], alert["line"]))
        if start is not None:
            at_s = start.timestamp() + alert["t_raised_s"]
            key = alert["clip"], alert["line"], alert["event_id"]
            by_kind[alert["line"], alert["hazard"]].append((at_s, key))
    pairs = sorted(
        (abs(at_s - given.raised_s), number, key, given.answer)
        for number, given in enumerate(answered)
        if given is not None
        for at_s, key in by_kind[given.line, given.hazard]
        if abs(at_s - given.raised_s) <= NEAR_S
    )
    used: set[int] = set()
    for _, number, key, answer in pairs:
        if number not in used and key not in answers.by_alert:
            used.add(number)
            answers.by_alert[key] = answer
    answers.unmatched = sum(given is not None for given in answered) - len(used)
    return answers
