"""`vigitri bench fleet`: speed and faults of `vigitri fleet replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.fleet import faults, speed
from benchmarks.speed.latency import machine

TIMES_REPLAY, OVERHEAD_SHARE = 1.3, 0.03


def run(line: Path, out: Path | None, *, clips: int, clip_s: float, parts: tuple[str, ...]) -> bool:
    """Measure, print and write; whether every target was met."""
    report: dict[str, Any] = {"machine": machine()}
    met = True
    if "speed" in parts:
        report["speed"] = figures = speed.measure(line, clips=clips, clip_s=clip_s, threads=2)
        met &= figures["times_replay"] >= TIMES_REPLAY
        met &= figures["overhead_share_of_a_minute"] <= OVERHEAD_SHARE
        for key, value in figures.items():
            print(f"{key:28} {json.dumps(value) if isinstance(value, dict) else value}")
    if "faults" in parts:
        report["faults"] = rows = faults.measure(line, clips=clips, clip_s=clip_s)
        for row in rows:
            met &= "skipped" in row or all(row["equal_to_the_byte"].values())
            print(json.dumps(row))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return met
