"""Time of an inference pass, comparable between models and engines: interleaved, median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

from detector.vision.engine import Engine

TIMED_PX = (448, 800)
"""A belt of 0.8 m at 1 mm/px."""
_WARM_UP = 2


def median_ms(
    engines: Mapping[str, Engine],
    rounds: int = 40,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median ms per inference pass at `TIMED_PX`, runs interleaved. clock: in seconds."""
    image = np.random.default_rng(0).integers(0, 256, (*TIMED_PX, 3), np.uint8)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + _WARM_UP):
        for name, engine in engines.items():
            start = clock()
            engine.detect(image, 0.5)
            if number >= _WARM_UP:
                times[name].append((clock() - start) * 1e3)
    return {name: statistics.median(each) for name, each in times.items()}


def per_quarter_megapixel(ms: float) -> float:
    """Convert the time of a pass at `TIMED_PX` to ms per 0.25 megapixel."""
    return ms * 250_000 / (TIMED_PX[0] * TIMED_PX[1])
