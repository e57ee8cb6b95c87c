"""`vigitri bench health`: false alarms of the image's condition, delays and misses of its faults.

The twin's frames go through a line's own motion and condition monitors, without the model, on the
clock of the footage. An encoder is simulated that is read ten times a second and arrives 20 ms
later.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.footage import Footage, open_footage, profile_of
from benchmarks.accuracy.overload import NoModel
from benchmarks.faults.image_faults import FAST, SLOW, faulty, moved, movement, set_clock
from benchmarks.report_out import write_report
from benchmarks.speed.latency import machine
from detector.belt.encoder import BeltReport
from detector.ingest import Frame
from detector.ingest.capture.child import LANDMARKS_NS
from detector.ingest.capture.landmarks import Grey, Landmarks, choose, reduced, reduction
from detector.line_setup import Line, LineParts
from detector.profile.line import DEPLOYED_MODEL
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.condition.faults import BlindImageError
from detector.vision.warp import polygon_mask

SCENARIOS = ("calm", "night", "wet_belt", "stop_and_go")
COUNTS_PER_MM, READ_NS, LATE_NS = 10.0, 100_000_000, 20_000_000
EVERY_S, LASTS_S = 3.0, 0.8
"""A fast fault is injected at this interval, for this time."""
WARM_UP_S, SLOW_MAX_S = 12.0, 90.0
LEARN_S = 8.0
"""The fixed structures are learned in this time, within the warm-up."""


@dataclass
class Watched:
    """The alarms of some footage."""

    seconds: float = 0.0
    blind: Counter[str] = field(default_factory=Counter)
    """Blind alarms (not frames) by the start of their reason."""
    degraded: Counter[str] = field(default_factory=Counter)
    cost_ms: list[float] = field(default_factory=list)
    landmarks_ms: list[float] = field(default_factory=list)
    without_landmarks: int = 0
    """Footage in which too few fixed structures are seen."""


class WatchedLine:
    """A line's motion and condition monitors."""

    def __init__(self, footage: Footage, model: ModelFolder, *, encoder: bool) -> None:
        profile = profile_of(footage.truth, None)
        if encoder:
            belt = profile.belt.model_copy(update={"encoder_counts_per_mm": COUNTS_PER_MM})
            profile = profile.model_copy(update={"belt": belt})
        self.line = Line(profile, model, NoModel(model), "bench")
        self._footage, self._encoder = footage, encoder
        self._read_ns, self._position_mm = -READ_NS, 0.0
        self._queue: list[tuple[int, BeltReport]] = []
        self.parts: LineParts | None = None
        self.cost_ms = 0.0
        self._learned: list[Grey] = []
        self.landmarks: Landmarks | None = None
        """Learned in the first seconds; None: not yet, or there are too few."""
        self._compared_ns = 0
        self.landmarks_ms: list[float] = []

    def process(self, frame: Frame) -> str | None:
        """Why the line is blind at a frame; None: it is not."""
        now_ns = frame.t_mono_ns
        if now_ns - self._read_ns >= READ_NS:
            self._read_ns = now_ns
            truth = self._footage.truth.frames[frame.index]
            counts = round(truth["belt_position_mm"] * COUNTS_PER_MM) if self._encoder else None
            ordered = self._footage.ordered(frame.index)
            self._queue.append((now_ns + LATE_NS, BeltReport(now_ns, ordered, counts)))
        while self._queue and self._queue[0][0] <= now_ns:
            self.line.reported.add(self._queue.pop(0)[1])
        parts = self.parts = self.parts or self.line.parts_for(frame.size_px)
        self._compare_landmarks(frame, parts)
        parts.small.update(frame)
        self._position_mm += parts.motion.advance(parts.small.for_motion, now_ns).dy_mm
        began_ns = time.thread_time_ns()
        try:
            parts.condition.update(frame, parts.motion, parts.small.for_motion, self._position_mm)
        except BlindImageError as error:
            return str(error)
        finally:
            self.cost_ms = (time.thread_time_ns() - began_ns) / 1e6
        return None

    def _compare_landmarks(self, frame: Frame, parts: LineParts) -> None:
        """As the capture process does, on the whole image; first learns the reference, as
        `vigitri calibrate health` does."""
        now_ns = frame.t_mono_ns
        if now_ns - self._compared_ns < LANDMARKS_NS:
            return
        self._compared_ns = now_ns
        if now_ns < LEARN_S * 1e9:
            self._learned.append(reduced(frame.image))
            return
        if self._learned:
            factor = reduction(frame.size_px[0])
            belt = np.asarray(self.line.settings.belt.polygon_px) / factor
            size_px = frame.size_px[0] // factor, frame.size_px[1] // factor
            self.landmarks = choose(self._learned, polygon_mask(belt, size_px))
            self._learned = []
        if self.landmarks is None:
            return
        began_ns = time.thread_time_ns()
        self.landmarks.update(frame.image)
        self.landmarks_ms.append((time.thread_time_ns() - began_ns) / 1e6)
        parts.condition.shift_px = self.landmarks.shift_px

    @property
    def faults(self) -> set[str]:
        """What degrades vision now."""
        return set() if self.parts is None else {each.kind for each in self.parts.condition.faults}


def run(
    scenarios: Sequence[str],
    out: Path | None,
    *,
    minutes: float,
    runs: int,
    slow_runs: int,
    seed: int,
    fps: float,
    fast_fps: float,
    as_json: bool = False,
) -> None:
    """Run, print. `minutes` of each scenario without a fault at `fps`; `runs` injections of each
    fast fault at `fast_fps`, `slow_runs` of each slow one at `fps`. Raises one-line errors."""
    model = find_model(DEPLOYED_MODEL)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    report: dict[str, Any] = {
        "machine": machine(), "fps": fps, "fast_fps": fast_fps, "clean": {}, "faults": {},
    }  # fmt: skip
    try:
        for kind in FAST if runs else ():
            # Whether the belt moves is known from the encoder, or else from the image.
            for encoder in (True, False) if kind.startswith("frozen") else (True,):
                title = kind if encoder else f"{kind}, no encoder"
                delays = _fast(
                    kind, scenarios, model, runs, seed=seed, fps=fast_fps, encoder=encoder
                )
                report["faults"][title] = _delays(delays)
        for kind in SLOW if slow_runs else ():
            delays = _slow(kind, scenarios, model, slow_runs, seed=seed, fps=fps)
            report["faults"][kind] = _delays(delays)
        for scenario in scenarios if minutes else ():
            watched = _clean(scenario, model, minutes * 60, seed=seed, fps=fps)
            report["clean"][scenario] = {
                "minutes": round(watched.seconds / 60, 1),
                "blind": dict(watched.blind),
                "degraded": dict(watched.degraded),
                "condition_ms": round(float(np.mean(watched.cost_ms)), 3),
                "landmarks_ms": _percentile(watched.landmarks_ms, 50),
                "without_landmarks": watched.without_landmarks,
            }
    finally:
        cv2.setNumThreads(threads)
    write_report(report, out, _print, as_json=as_json)


def _clean(scenario: str, model: ModelFolder, wanted_s: float, *, seed: int, fps: float) -> Watched:
    """A scenario again and again, each time with another seed, until `wanted_s` have passed."""
    watched = Watched()
    for each in count(seed):
        if watched.seconds >= wanted_s:
            return watched
        footage = open_footage(scenario, fps, seed=each)
        line = WatchedLine(footage, model, encoder=each % 2 == 0)
        was_blind, before = False, set[str]()
        for frame in footage.frames():
            why = line.process(frame)
            if why is not None and not was_blind:
                watched.blind[why[:40]] += 1
            was_blind = why is not None
            watched.degraded.update(line.faults - before)
            before = line.faults
            watched.cost_ms.append(line.cost_ms)
            watched.seconds += 1 / fps
        watched.landmarks_ms += line.landmarks_ms
        watched.without_landmarks += line.landmarks is None
    raise AssertionError("count() ends")


def _fast(
    kind: str,
    scenarios: Sequence[str],
    model: ModelFolder,
    runs: int,
    *,
    seed: int,
    fps: float,
    encoder: bool,
) -> list[float | None]:
    """Frame periods from each injection to blindness; None: missed while it lasted."""
    delays: list[float | None] = []
    for number in count():
        footage = open_footage(scenarios[number % len(scenarios)], fps, seed=seed + number)
        line = WatchedLine(footage, model, encoder=encoder)
        rng = np.random.default_rng(seed + number)
        began: int | None = None
        shown: list[NDArray[np.uint8]] = []
        found = True
        next_s = EVERY_S
        for step, frame in enumerate(footage.frames()):
            at_s = frame.t_mono_ns / 1e9
            runs_on = footage.truth.frames[frame.index]["speed_mm_s"] > 150
            if began is None and at_s >= next_s and runs_on and shown:
                began, found, last = step, False, shown[-1]
            image = frame.image if began is None else faulty(kind, frame.image, last, step, rng)
            shown = [image if began is not None else frame.image.copy()]
            why = line.process(_with(frame, image))
            if began is None:
                continue
            if why is not None and not found:
                found = True
                delays.append(float(step - began + 1))
            if step - began >= LASTS_S * fps or found:
                if not found:
                    delays.append(None)
                began, next_s = None, at_s + EVERY_S
                if len(delays) >= runs:
                    return delays
    raise AssertionError("count() ends")


def _slow(
    kind: str,
    scenarios: Sequence[str],
    model: ModelFolder,
    runs: int,
    *,
    seed: int,
    fps: float,
) -> list[float | None]:
    """Seconds from each start of a slow fault to degraded vision; None: missed."""
    delays: list[float | None] = []
    for number in range(runs):
        footage = open_footage(
            scenarios[number % len(scenarios)], fps, seed=seed + number,
            duration_s=WARM_UP_S + SLOW_MAX_S,
        )  # fmt: skip
        line = WatchedLine(footage, model, encoder=True)
        rng = np.random.default_rng(seed + number)
        delays.append(next(_until_found(kind, footage, line, rng), None))
    return delays


def _until_found(
    kind: str, footage: Footage, line: WatchedLine, rng: np.random.Generator
) -> Iterator[float]:
    turned, set_ns = movement(rng), set_clock(rng)
    for step, frame in enumerate(footage.frames()):
        at_s = frame.t_mono_ns / 1e9
        image, clock_ns = frame.image, 0
        if at_s >= WARM_UP_S and kind == "moved":
            image = moved(image, turned)
        elif at_s >= WARM_UP_S and kind == "clock_step":
            clock_ns = set_ns
        elif at_s >= WARM_UP_S:
            image = faulty(kind, image, image, step, rng)
        line.process(_with(frame, image, clock_ns))
        if at_s >= WARM_UP_S and kind in line.faults:
            yield at_s - WARM_UP_S


def _with(frame: Frame, image: NDArray[np.uint8], clock_ns: int = 0) -> Frame:
    t_utc_ns = frame.t_utc_ns + clock_ns
    return Frame(image, frame.index, frame.t_mono_ns, t_utc_ns, frame.source)


def _delays(delays: Sequence[float | None]) -> dict[str, Any]:
    found = [each for each in delays if each is not None]
    return {"injected": len(delays), "missed": len(delays) - len(found),
            "p50": _percentile(found, 50), "max": _percentile(found, 100)}  # fmt: skip


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values else None


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table(title="faults", title_justify="left")
    for column in ("fault", "injected", "missed", "delay p50", "max", "unit"):
        table.add_column(column)
    for kind, row in report["faults"].items():
        unit = "s" if kind in SLOW else "frames"
        table.add_row(kind, *(str(row[key]) for key in ("injected", "missed", "p50", "max")), unit)
    console.print(table)
    table = Table(title="without a fault", title_justify="left")
    for column in ("scenario", "minutes", "blind alarms", "degraded", "ms a frame", "landmarks ms"):
        table.add_column(column)
    for name, row in report["clean"].items():
        table.add_row(name, str(row["minutes"]), str(row["blind"] or 0),
                      str(row["degraded"] or 0), str(row["condition_ms"]),
                      str(row["landmarks_ms"]))  # fmt: skip
    console.print(table)
    console.print(f"{report['fps']:g} frames/s; fast faults {report['fast_fps']:g}")
