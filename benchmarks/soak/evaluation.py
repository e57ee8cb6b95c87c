"""From the files of a run to its figures; works while it runs, and after it was killed."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.consumer import read_notes
from benchmarks.soak.blindness import Blindness, blindness, by_kind
from benchmarks.soak.faults import CAMERA, Injected
from benchmarks.soak.footage import FPS
from benchmarks.soak.passages import Film, Span, evaluate
from benchmarks.soak.readings import Readings, read_readings, says_seen
from benchmarks.soak.vital_signs import growth, read_signs
from benchmarks.station.kills import recorded

BLINDING = (*CAMERA, "detector killed", "bridge cut off")
"""Faults after which a PLC must read unseen until they end."""
LEAK_MIB_PER_H = 1.0
PRODUCT = ("detector", "bridge", "station", "consumer", "capture")
"""The processes that must not leak; `consumer` is the client library in a program."""
QUARTER = 4


def read_lines(path: Path) -> list[Any]:
    """The records of a file of JSON lines; a line cut short by a kill is skipped."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def figures(folder: Path) -> dict[str, Any]:
    """All figures of a run. Raises `FileNotFoundError` for a folder without one."""
    about: dict[str, Any] = {}
    for record in read_lines(folder / "run.jsonl"):
        about |= record
    if not about:
        raise FileNotFoundError(f"{folder}: no run of `vigitri bench soak` is in this folder")
    readings = read_readings(folder / "readings.bin")
    end_ns = about.get("end_ns") or (int(readings["t_ns"][-1]) if len(readings) else 0)
    run = about["start_ns"], end_ns
    faults = [
        Injected(**record) for record in read_lines(folder / "faults.jsonl") if "until_ns" in record
    ]
    blind = _blindness(readings, faults, end_ns)
    alerts = read_lines(folder / "journalled.jsonl")
    return {
        "machine": about["machine"],
        "seed": about["seed"],
        "whole": about.get("whole", False),
        "hours": round((run[1] - run[0]) / 3.6e12, 3),
        "faults": dict(Counter(each.kind for each in faults)),
        "plc": _plc(readings),
        "blind": by_kind(blind),
        "alerts": _alerts(folder, alerts),
        "objects": evaluate(
            Film(folder / "line.toml"), alerts, _blind_spans(readings, faults), run
        ),
        "growth": growth(read_signs(folder / "signs.jsonl"), (run[1] - run[0]) / 1e9),
        "latency": _latency(folder, run),
        "targets": {"alerts_lost": 0, "wrong_clear": 0, "leak_mib_per_h": LEAK_MIB_PER_H},
    }


def verdict(found: dict[str, Any]) -> dict[str, Any]:
    """The three figures that have a target; a leak is the largest of any process of ours."""
    slopes = [
        found["growth"][name]["rss_mib_per_h"]
        for name in PRODUCT
        if name in found["growth"] and found["growth"][name]["rss_mib_per_h"] is not None
    ]
    return {
        "alerts_lost": len(found["alerts"]["lost"]) + len(found["alerts"]["not_in_store"]),
        "wrong_clear": sum(each["seen_beyond_budget"] for each in found["blind"].values()),
        "leak_mib_per_h": max(slopes, default=None),
    }


def _blindness(readings: Readings, faults: list[Injected], end_ns: int) -> list[Blindness]:
    begins = [each.from_ns for each in faults] + [end_ns]
    return [
        blindness(readings, fault, fps=FPS, until_ns=next_ns)
        for fault, next_ns in zip(faults, begins[1:], strict=True)
        if fault.kind in BLINDING
    ]


def _blind_spans(readings: Readings, faults: list[Injected]) -> list[Span]:
    """From each fault of the camera or the detector until the line saw again, and a film's frame
    period before: an object that was half seen before it is not one that was watched."""
    asked_ns, seen = readings["asked_ns"], says_seen(readings)
    spans = []
    for fault in faults:
        if fault.kind not in CAMERA and fault.kind != "detector killed":
            continue
        after = np.flatnonzero((asked_ns >= fault.until_ns) & seen)
        until_ns = int(asked_ns[after[0]]) if len(after) else fault.until_ns
        spans.append((fault.from_ns, max(fault.until_ns, until_ns)))
    return spans


def _plc(readings: Readings) -> dict[str, Any]:
    seen = says_seen(readings)
    gaps_ms = np.diff(readings["asked_ns"]) / 1e6 if len(readings) > 1 else np.zeros(1)
    return {
        "readings": len(readings),
        "seen": int(seen.sum()),
        "degraded": int((readings["state"] == 2).sum()),
        "between_readings_ms": {
            "p50": round(float(np.median(gaps_ms)), 1),
            "max": round(float(gaps_ms.max()), 1),
        },
    }


def _alerts(folder: Path, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    journalled = {(each["boot_id"], each["event_id"], each["revision"]) for each in alerts}
    notes = read_notes(folder / "notes.jsonl")
    noted = Counter(tuple(note["id"]) for note in notes)
    store = folder / "station"
    in_store = recorded(store) if (store / "station.sqlite3").exists() else journalled
    return {
        "raised": len({key[:2] for key in journalled}),
        "revisions": len(journalled),
        "lost": sorted("/".join(map(str, key)) for key in journalled if key not in noted),
        "not_in_store": sorted("/".join(map(str, key)) for key in journalled - in_store),
        "repeated": sum(count - 1 for count in noted.values()),
        "by_way": dict(Counter(str(note["how"]) for note in notes)),
    }


def _latency(folder: Path, run: Span) -> dict[str, Any]:
    """From capture to a subscriber, of each inference pass, by quarters of the run."""
    minutes = read_lines(folder / "latencies.jsonl")
    edges_s = np.linspace(run[0] / 1e9, run[1] / 1e9, QUARTER + 1)
    quarters = []
    for from_s, until_s in pairwise(edges_s):
        pooled = [
            value for each in minutes if from_s < each["t_s"] <= until_s + 1 for value in each["ms"]
        ]
        quarters.append(_quantiles(pooled))
    p99_ms = [each["p99_ms"] for each in quarters if each]
    return {
        "all": _quantiles([value for each in minutes for value in each["ms"]]),
        "quarters": quarters,
        "p99_last_to_first": round(p99_ms[-1] / p99_ms[0], 3) if len(p99_ms) > 1 else None,
    }


def _quantiles(values_ms: list[float]) -> dict[str, Any] | None:
    if not values_ms:
        return None
    p50, p99 = np.percentile(values_ms, [50, 99])
    return {"passes": len(values_ms), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}
