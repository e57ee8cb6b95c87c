"""The report of an archive as one HTML page, which asks nothing of another place."""

from __future__ import annotations

import html
import io
import os
from tempfile import TemporaryDirectory
from typing import Any

from fleet.report_text import false_rates, notes
from fleet.tables import HAZARDS

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em;
  color: #1c1c1c; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; margin: 1em 0 } caption { text-align: left; color: #555 }
th, td { padding: .3em .8em; border-bottom: 1px solid #d5d5d5; text-align: right;
  white-space: nowrap }
th:first-child, td:first-child { text-align: left } svg { max-width: 100%; height: auto }
"""


def report_page(figures: dict[str, Any]) -> str:
    """The page. Needs matplotlib, of the extra `bench`, for its plots."""
    lines, days = figures["lines"], figures["days"]
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>Vigitri: {_text(figures['results'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Archive {_text(figures['results'])}</h1>",
        "<h2>Lines</h2>",
        _rows(lines, "line"),
        *(_plots(days) if days else []),
        *(["<h2>Days</h2>", _rows(days, "line", "day")] if days else []),
        "<h2>Results of</h2><ul>",
        *(f"<li>{_text(row['line'])}: {_text(row['results_of'])}</li>" for row in lines),
        "</ul><h2>Not known, or left out</h2><ul>",
        *(f"<li>{_text(note)}</li>" for note in notes(figures)),
        "</ul><p>Detection aid; not a safety function.</p></body></html>",
    ]
    return "\n".join(parts)


def _text(value: object) -> str:
    return html.escape(str(value))


def _rows(rows: list[dict[str, Any]], *names: str) -> str:
    raised = [each for each in HAZARDS if any(row[each] for row in rows)]
    heads = [
        *names, "clips", "hours", "metres", "blind, s",
        *(each.replace("_", " ") for each in raised),
        "gas + battery / h", "false / h", "at most",
    ]  # fmt: skip
    shown = [f"<tr>{''.join(f'<th>{_text(head)}</th>' for head in heads)}</tr>"]
    for row in rows:
        objects = sum(row["alerts_per_h"][each]["count"] for each in ("gas", "battery"))
        cells = [
            *(row[name] for name in names),
            row["clips"],
            f"{row['hours']:.3f}",
            "unknown" if row["metres"] is None else f"{row['metres']:.0f}",
            f"{row['blind_s']:.1f}",
            *(row[each] for each in raised),
            f"{objects / row['seen_h']:.1f}" if row["seen_h"] else "no sight",
            *false_rates(row["false_per_h"]),
        ]
        shown.append(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>")
    return f"<table>{''.join(shown)}</table>"


def _plots(days: list[dict[str, Any]]) -> list[str]:
    """Alarms and blind time by day, as SVG in the page."""
    with TemporaryDirectory(prefix="vigitri-plots-") as folder:
        # matplotlib writes its list of fonts to the home folder, unless another place is set.
        os.environ.setdefault("MPLCONFIGDIR", folder)
        return _svgs(days)


def _svgs(days: list[dict[str, Any]]) -> list[str]:
    names = sorted({row["line"] for row in days})
    dates = sorted({row["day"] for row in days})
    shown = ["<h2>By day</h2>"]
    for title, value in (
        ("gas and battery alarms an hour", _object_rate),
        ("share of the time without sight, %", _blind_percent),
    ):
        series = {
            name: [
                next((value(row) for row in days if (row["line"], row["day"]) == (name, day)), None)
                for day in dates
            ]
            for name in names
        }
        shown.append(_svg(title, dates, series))
    return shown


def _object_rate(row: dict[str, Any]) -> float | None:
    count = row["gas"] + row["battery"]
    return count / row["seen_h"] if row["seen_h"] else None


def _blind_percent(row: dict[str, Any]) -> float | None:
    return 100 * row["blind_s"] / (3600 * row["hours"]) if row["hours"] else None


def _svg(title: str, dates: list[str], series: dict[str, list[float | None]]) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.4), layout="constrained")
    axes = figure.subplots()
    for name, values in series.items():
        points = [(day, value) for day, value in enumerate(values) if value is not None]
        axes.plot([day for day, _ in points], [value for _, value in points], "o-", label=name)
    every = max(1, len(dates) // 12)
    axes.set_xticks(range(0, len(dates), every), dates[::every])
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(fontsize=8, frameon=False)
    written = io.StringIO()
    # Without date and chance the same figures give the same page.
    with rc_context({"svg.hashsalt": title}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()[written.getvalue().index("<svg") :]
