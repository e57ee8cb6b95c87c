"""Where a bench's report goes: a file, a program or a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def hand_out(
    report: dict[str, Any],
    out: Path | None,
    show: Callable[[dict[str, Any]], None],
    *,
    as_json: bool,
) -> None:
    """Write it to `out`, where one is named; print it as one line of JSON, or have it shown."""
    if out is not None:
        out.write_text(f"{json.dumps(report, indent=1)}\n", encoding="utf-8")
    if as_json:
        print(json.dumps(report))
    else:
        show(report)
