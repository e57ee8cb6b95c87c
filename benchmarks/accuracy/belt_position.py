"""`vigitri bench belt`: belt speed and position from images against encoder and truth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.footage import Footage, open_footage, profile_of
from benchmarks.report_out import write_json
from calibration.speed_fit import ImageTrack, fit_speed
from detector.belt.encoder_recording import read_encoder
from detector.belt.plane import belt_plane
from detector.cli_support.progress import progress_bar
from detector.commands.calibrate.speed import follow

AHEAD_MM = 3000.0
"""Distance for which arrival times are evaluated (target: error of at most 2 %, p95)."""
STEADY = 0.02
"""Relative speed change up to which an arrival counts; a stop cannot be predicted."""
MOVES_MM_S = 50.0
MM_PER_PX = 1.0
_COLUMNS = (
    ("speed_mm_s", "belt, mm/s", "{:.0f}"),
    ("known", "image motion known, %", "{:.1f}"),
    ("encoder_p95", "to encoder p95, %", "{:.2f}"),
    ("truth_p95", "to truth p95, %", "{:.2f}"),
    ("speed_p95", "speed p95, %", "{:.2f}"),
    ("arrival_p95", "arrival at 3 m p95, %", "{:.2f}"),
    ("place_p95_mm", "position at 3 m p95, mm", "{:.1f}"),
    ("standing_mm_s", "when stopped, mm/s", "{:.1f}"),
    ("frame_ms", "CPU with decoding, ms/frame", "{:.2f}"),
)


def run(sources: Sequence[str], duration_s: float | None, out: Path | None) -> None:
    """Print the table. Raises `GroundTruthError`, `SourceError`, or the twin's own `ValueError`."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rows = [_measured(source, duration_s) for source in sources]
    finally:
        cv2.setNumThreads(threads)
    table = Table(title="belt motion from images: travel in one second, speed, 3 m ahead")
    table.add_column("footage")
    for _, title, _ in _COLUMNS:
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(row["footage"], *(_shown(row[key], form) for key, _, form in _COLUMNS))
    Console().print(table)
    write_json(rows, out)


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _measured(source: str, duration_s: float | None) -> dict[str, Any]:
    footage = open_footage(source)
    truth = footage.truth
    most = len(truth.frames) if duration_s is None else round(duration_s * truth.fps)
    with progress_bar(footage.name) as bar:
        begun_s = time.process_time()
        profile = profile_of(truth, None)
        followed, _ = follow(
            islice(footage.frames(), most),
            belt_plane(profile.belt),
            MM_PER_PX,
            lambda n: bar(n, most),
        )
        cpu_s = time.process_time() - begun_s
    at = np.round(followed.t_ns * truth.fps / 1e9).astype(int)
    true_mm, all_mm = truth.positions_mm[at], truth.positions_mm
    true_mm_s = np.array([frame["speed_mm_s"] for frame in truth.frames], np.float64)
    return {
        "footage": footage.name,
        **_against_truth(followed, true_mm, true_mm_s[at]),
        "encoder_p95": _against_encoder(footage, source, followed),
        **_ahead(followed, true_mm, all_mm, true_mm_s, truth.fps),
        "frame_ms": cpu_s / len(at) * 1000,
    }


def _against_truth(
    followed: ImageTrack, true_mm: NDArray[np.float64], true_mm_s: NDArray[np.float64]
) -> dict[str, float | None]:
    moves = true_mm_s > MOVES_MM_S
    known = ~np.isnan(followed.speed_mm_s)
    first, last = followed.windows()
    travel, true_travel = (
        followed.travel_mm[last] - followed.travel_mm[first],
        true_mm[last] - true_mm[first],
    )
    moved = true_travel > MOVES_MM_S
    both = moves & known
    stopped = known & (true_mm_s == 0)
    return {
        "speed_mm_s": float(np.median(true_mm_s[moves])) if moves.any() else 0.0,
        "known": 100 * float(known[1:][moves[1:]].mean()) if moves[1:].any() else None,
        "truth_p95": _p95(100 * (travel[moved] / true_travel[moved] - 1)),
        "speed_p95": _p95(100 * (followed.speed_mm_s[both] / true_mm_s[both] - 1)),
        "standing_mm_s": _p95(followed.speed_mm_s[stopped]),
    }


def _against_encoder(footage: Footage, source: str, followed: ImageTrack) -> float | None:
    """p95 of the error of the travel in one second, %; None for footage without an encoder file."""
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    file, wheel = folder / "encoder.jsonl", footage.truth.header.get("encoder")
    if wheel is None or Path(source).suffix == ".toml" or not file.is_file():
        return None
    track = read_encoder(file, wheel["wraps_at"])
    fit = fit_speed(followed, track.counts_at(followed.t_ns), wheel["counts_per_mm"])
    return _p95(100 * fit.residuals)


def _ahead(
    followed: ImageTrack,
    true_mm: NDArray[np.float64],
    all_mm: NDArray[np.float64],
    true_mm_s: NDArray[np.float64],
    fps: float,
) -> dict[str, float | None]:
    """Errors of the arrival time predicted for 3 m downstream, and of the position after 3 m."""
    off_share, off_mm = [], []
    for number, (t_ns, speed) in enumerate(zip(followed.t_ns, followed.speed_mm_s, strict=True)):
        now = round(t_ns * fps / 1e9)
        there = int(np.searchsorted(all_mm, true_mm[number] + AHEAD_MM))
        if np.isnan(speed) or speed <= MOVES_MM_S or there >= len(all_mm):
            continue
        between = true_mm_s[now : there + 1]
        if np.ptp(between) > STEADY * between.max():
            continue
        span_mm = all_mm[there - 1 : there + 1]
        part = (true_mm[number] + AHEAD_MM - span_mm[0]) / max(span_mm[1] - span_mm[0], 1e-9)
        true_s = (there - 1 + part) / fps - t_ns / 1e9
        off_share.append(100 * (AHEAD_MM / speed / true_s - 1))
    # Tracked, not predicted: position error of an object after 3 m of travel.
    for number in range(0, len(true_mm), 5):
        there = int(np.searchsorted(true_mm, true_mm[number] + AHEAD_MM))
        if there < len(true_mm) and not np.isnan(followed.speed_mm_s[max(1, number) : there]).any():
            come = followed.travel_mm[there] - followed.travel_mm[number]
            off_mm.append(come - (true_mm[there] - true_mm[number]))
    return {"arrival_p95": _p95(np.array(off_share)), "place_p95_mm": _p95(np.array(off_mm))}


def _p95(values: NDArray[np.float64]) -> float | None:
    return float(np.percentile(np.abs(values), 95)) if len(values) else None
