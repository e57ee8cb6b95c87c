"""The report of an archive for the terminal."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from fleet.tables import HAZARDS

_SHORT = {"belt_stopped": "stopped", "vision_unavailable": "no vision"}


def print_report(figures: dict[str, Any], console: Console) -> None:
    """Tables by line and by day, and what is not known."""
    console.print(_table("lines", figures["lines"]))
    if figures["days"]:
        console.print(_table("days", figures["days"], by_day=True))
    for line in figures["lines"]:
        span = "" if line["first"] is None else f", {line['first'][:10]} to {line['last'][:10]} UTC"
        console.print(f"{line['line']}: {line['results_of']}{span}", soft_wrap=True)
    for note in notes(figures):
        console.print(note, soft_wrap=True)


def _table(title: str, rows: list[dict[str, Any]], *, by_day: bool = False) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("line", no_wrap=True)
    if by_day:
        table.add_column("day (UTC)", no_wrap=True)
    raised = [each for each in HAZARDS if any(row[each] for row in rows)]
    columns = ["clips", "h", *([] if by_day else ["m"]), "blind s"]
    for column in [*columns, *(_SHORT.get(each, each) for each in raised), "false/h", "at most"]:
        table.add_column(column, justify="right")
    for row in rows:
        metres = "unknown" if row["metres"] is None else f"{row['metres']:.0f}"
        figures = [str(row["clips"]), f"{row['hours']:.3f}"]
        figures += [*([] if by_day else [metres]), f"{row['blind_s']:.1f}"]
        counts = [str(row[each]) for each in raised]
        names = [row["line"], row["day"]] if by_day else [row["line"]]
        table.add_row(*names, *figures, *counts, *false_rates(row["false_per_h"]))
    return table


def false_rates(rates: dict[str, Any] | None) -> tuple[str, str]:
    """False alarms an hour, and the bound on them."""
    if rates is None:
        return "unknown", ""
    rate = rates["all"]
    if rate["per_h"] is None:
        return "no sight", ""
    return _figure(rate["per_h"]), _figure(rate["upper_per_h"])


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def notes(figures: dict[str, Any]) -> list[str]:
    """What the figures leave out, one line each."""
    found: list[str] = []
    lines = figures["lines"]
    never = [each for each in HAZARDS if not any(row[each] for row in lines)]
    if never:
        found.append(f"never raised: {', '.join(never)}")
    for line in lines:
        name = line["line"]
        for key, what in (
            ("failed", "clips have no result (table failures)"),
            ("incomplete", "clips were not read to their end, or not all of their frames"),
            ("without_travel", "clips have no known belt travel: missing in the metres"),
            ("without_time", "clips have no known start: missing in the days"),
            ("unanswered", "alarms of objects without an answer: they may be false too"),
        ):
            if line.get(key):
                found.append(f"{name}: {line[key]} {what}")
    found += [
        f"{line}: all {count} clips failed (table failures)"
        for line, count in figures["only_failed"].items()
    ]
    answers = figures["answers"]
    if answers is None:
        found.append("false alarms are unknown without answers: --answers FILE.csv")
    else:
        if answers["unmatched"]:
            found.append(f"{answers['unmatched']} answers belong to no alarm of these results")
        if answers["clips_without_time"]:
            found.append(
                f"{answers['clips_without_time']} clips have no known start: answers by time can't "
                "be matched there"
            )
        found.append("at most: exact upper bound, 95 %, per hour in which the belt was seen")
    return found
