"""The measuring wheel: counts with slip, timestamps with jitter, and a counter that wraps."""

from collections.abc import Iterator
from math import floor, pi, sin
from typing import Any

import numpy as np

from twin.line.conditions import EncoderWheel
from twin.line.drive import Drive

SLIP_EVERY_MM = 1500.0
"""The wheel alternately slips and grips, with this period in mm of belt travel."""


def counts_at(wheel: EncoderWheel, position_mm: float) -> int:
    """The counter value at belt position `position_mm`."""
    phase = 2 * pi / SLIP_EVERY_MM
    lost_mm = wheel.slip * (position_mm - sin(phase * position_mm) / phase)
    return (wheel.start + floor((position_mm - lost_mm) * wheel.counts_per_mm)) % wheel.wraps_at


def samples(
    wheel: EncoderWheel, drive: Drive, duration_s: float, seed: int
) -> Iterator[dict[str, Any]]:
    """One record per sample, the first at 0; timestamps increase and count from the first frame."""
    rng = np.random.default_rng((seed, 7))
    period_ns = 1e9 / wheel.rate_hz
    for k in range(floor(duration_s * wheel.rate_hz) + 1):
        t_s = k / wheel.rate_hz
        # Clipped below half a period, so that timestamps stay in order.
        off_ns = rng.normal(0, wheel.jitter_us * 1e3)
        off_ns = float(np.clip(off_ns, -0.45 * period_ns, 0.45 * period_ns))
        yield {
            "t_mono_ns": max(0, round(k * period_ns + off_ns)),
            "counts": counts_at(wheel, drive.position_at(t_s)),
            "run": drive.run_signal_at(t_s),
        }
