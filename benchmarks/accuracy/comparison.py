"""What changed between two accuracy reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ground_truth import GroundTruthError
from benchmarks.accuracy.report import rate_text, share_text


def read(path: Path) -> dict[str, Any]:
    """Read an earlier `report.json`. Raises `GroundTruthError`."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        # Fail now if a compared figure is missing, not after hours of inference.
        table(figures, figures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GroundTruthError(
            f"{path}: not an accuracy report ({type(error).__name__}: {error}); name a report.json"
        ) from None
    assert isinstance(figures, dict)
    return figures


def table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """One line for each figure that differs, and a note if the two reports are not comparable."""
    lines = [f"against {before['model']} of {before['date']}:"]
    if _footage(before) != _footage(after):
        lines.append("  different footage or inference rate: the figures are not comparable")
    then, now = dict(_figures(before)), dict(_figures(after))
    changed = [
        f"  {name}: {then.get(name, '-')} -> {now.get(name, '-')}"
        for name in dict.fromkeys((*then, *now))
        if then.get(name) != now.get(name)
    ]
    return "\n".join(lines + (changed or ["  nothing changed"]))


def _footage(figures: dict[str, Any]) -> set[tuple[str, float]]:
    return {(each["footage_sha256"], each["passes_per_s"]) for each in figures["footage"]}


def _figures(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "model", f"{figures['model']} {figures['model_sha256'][:12]}"
    for name, at in figures["thresholds"].items():
        yield f"threshold {name}", f"{at:g}"
    for name, row in figures["recall"].items():
        for which, cell in row.items():
            yield f"recall {name}, {which}", share_text(cell)
    for name, row in figures["false_alarms"].items():
        yield f"false alarms, {name}", rate_text(row)
    yield "duplicates", str(figures["duplicates"]["count"])
    for key in ("time_to_alert_s", "position_error_mm", "arrival_error_percent"):
        for at in ("p50", "p95"):
            yield f"{key} {at}", str(figures[key].get(at, "-"))
    for name, row in figures["in_time"].items():
        yield f"in time for {name}", share_text(row)
    for name, row in figures["states"].items():
        yield f"{name} found", share_text(row["recall"])
        yield f"{name} within 3 s", share_text(row["within_3_s"])
