"""Output of a bench's report: to a file, as JSON, or as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_json(report: Any, out: Path | None) -> None:
    """Write the report to `out`, if given."""
    if out is not None:
        out.write_text(f"{json.dumps(report, indent=1)}\n", encoding="utf-8")


def write_report(
    report: dict[str, Any],
    out: Path | None,
    show: Callable[[dict[str, Any]], None],
    *,
    as_json: bool,
) -> None:
    """Write the report to `out`, if given; print it as one line of JSON, or pass it to `show`."""
    write_json(report, out)
    if as_json:
        print(json.dumps(report))
    else:
        show(report)
