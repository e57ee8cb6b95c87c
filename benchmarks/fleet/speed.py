"""The speed of a fleet run against one `vigitri replay` of the same clips, in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet.footage import cut_clips
from fleet.clips import Clip
from fleet.provenance import Settings, load_line, provenance_of
from fleet.replay import FleetReplay
from fleet.results import Results
from fleet.session import session
from fleet.tables import Row


@dataclass(frozen=True, slots=True)
class _Run:
    whole_s: float
    """The command from its start to its end."""
    work_s: float
    """The clips alone: models are loaded and workers started."""


def measure(line: Path, *, clips: int, clip_s: float, threads: int) -> dict[str, Any]:
    """Process the same clips by `vigitri replay` with `threads` threads, then by that number of
    workers of one thread, then by one worker; returns the report's `speed`."""
    with tempfile.TemporaryDirectory(prefix="vigitri-bench-") as scratch:
        films = cut_clips(line, Path(scratch) / "clips", clips, clip_s)
        plain = _plain(line, films, threads)
        many, totals = _fleet(line, films, threads, Path(scratch) / "many")
        one, _ = _fleet(line, films, 1, Path(scratch) / "one")
    belt_s = clips * clip_s
    busy_s = sum(row["elapsed_s"] for row in totals)
    overhead_s = max(0.0, many.work_s * threads - busy_s) / clips
    minute_s = busy_s / belt_s * 60
    return {
        "clips": clips,
        "clip_s": clip_s,
        "threads_of_replay": threads,
        "replay": {"whole_s": plain.whole_s, "work_s": plain.work_s},
        f"workers_{threads}": {"whole_s": many.whole_s, "work_s": many.work_s},
        "workers_1": {"whole_s": one.whole_s, "work_s": one.work_s},
        "times_replay": plain.work_s / many.work_s,
        "times_replay_with_start": plain.whole_s / many.whole_s,
        "one_worker_times_replay": plain.work_s / one.work_s,
        "overhead_per_clip_s": overhead_s,
        "overhead_share_of_a_minute": overhead_s / minute_s,
        "belt_hours_per_core_hour": belt_s / sum(row["cpu_s"] for row in totals),
        "peak_mib": max(row["peak_mib"] for row in totals),
        "load_1min": os.getloadavg()[0],
    }


def _plain(line: Path, films: list[Path], threads: int) -> _Run:
    """`vigitri replay` of all of them, with `threads` set in the line's profile."""
    text = line.read_text(encoding="utf-8")
    own = line.with_name(f".{line.stem}.bench.toml")
    if "[model]" in text:
        text = text.replace("[model]", f"[model]\nthreads = {threads}", 1)
    else:
        text += f"\n[model]\nthreads = {threads}\n"
    own.write_text(text, encoding="utf-8")
    try:
        started_s = time.monotonic()
        command = [sys.executable, "-m", "detector.cli", "replay", *map(str, films)]
        done = subprocess.run(
            [*command, "--line", str(own), "--json"], check=True, capture_output=True, text=True
        )
        whole_s = time.monotonic() - started_s
    finally:
        own.unlink()
    return _Run(whole_s, json.loads(done.stdout.splitlines()[-1])["totals"]["elapsed_s"])


def _fleet(
    line: Path, films: list[Path], workers: int, out: Path
) -> tuple[_Run, list[dict[str, Any]]]:
    settings = Settings()
    started_s = time.monotonic()
    provenances: dict[str | None, Row] = {
        str(line): provenance_of(str(line), load_line(str(line), settings), settings)
    }
    first_s: list[float] = []
    with session(None, workers) as ray:
        replayed = FleetReplay(
            ray,
            Results(str(out)),
            settings,
            provenances,
            workers=workers,
            on_ready=lambda: first_s.append(time.monotonic()),
        )
        replayed.run([Clip(str(film), str(line)) for film in films])
        ended_s = time.monotonic()
    whole_s = time.monotonic() - started_s
    return _Run(whole_s, ended_s - first_s[0]), Results(str(out)).folder.read_table("costs")
