"""An encoder recorded alongside footage: one JSON record of time and counts per line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.belt.encoder import VALID_NS, BeltReport, ReportedBelt
from detector.counter import shortest_step
from detector.errors import VigitriError

_NO_READING = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

T_BELOW_NS = 2**62
"""Timestamps are closer to 0 than this, 146 years: the difference of two is an int64."""


class EncoderFileError(VigitriError, ValueError):
    """An unusable recording; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class EncoderTrack:
    """The counter over time, unwrapped."""

    t_ns: NDArray[np.int64]
    """`(n,)`, increasing; 0 is the first frame of the footage."""
    counts: NDArray[np.float64]
    """`(n,)`"""
    runs: NDArray[np.float64]
    """`(n,)` run signal: 1 run, 0 stop, nan not recorded."""

    def counts_at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(m,)` counts at these times, interpolated.

        nan before the first reading, more than 0.1 s after the last, and in gaps longer than
        `VALID_NS`.
        """
        counts = np.interp(t_ns, self.t_ns, self.counts)
        outside = (t_ns < self.t_ns[0] - 10_000_000) | (t_ns > self.t_ns[-1] + 100_000_000)
        after = np.searchsorted(self.t_ns, t_ns).clip(1, len(self.t_ns) - 1)
        lost = self.t_ns[after] - self.t_ns[after - 1] > VALID_NS
        return np.where(outside | lost, np.nan, counts)


class RecordedBelt(ReportedBelt):
    """A belt with its recorded encoder, instead of a live PLC's reports."""

    def __init__(self, track: EncoderTrack, fps: float) -> None:
        """`fps`: of footage whose frames have no timestamps, numbered from its start."""
        super().__init__()
        self._track, self._fps = track, fps
        self._start_ns: int | None = None

    def anchor(self, frame_index: int, t_ns: int, position_ns: int | None) -> None:
        if self._start_ns is None:
            by_index_ns = round(frame_index * 1e9 / self._fps)
            self._start_ns = t_ns - (by_index_ns if position_ns is None else position_ns)

    def add(self, report: BeltReport) -> None:
        """Ignored: a PLC that is connected during a replay reports another belt."""

    def runs(self, t_ns: int) -> bool | None:
        at_ns = t_ns - (self._start_ns or 0)
        last = int(np.searchsorted(self._track.t_ns, at_ns, side="right")) - 1
        if last < 0 or np.isnan(self._track.counts_at(np.array([at_ns]))[0]):
            return None
        run = float(self._track.runs[last])
        return None if np.isnan(run) else bool(run)

    def counts_at(self, t_ns: int) -> float | None:
        counts = float(self._track.counts_at(np.array([t_ns - (self._start_ns or 0)]))[0])
        return None if np.isnan(counts) else counts

    def measured_counts(self, since_ns: int, until_ns: int) -> float | None:
        return self._counts_between(since_ns, until_ns)


def read_encoder(path: Path, wraps_at: int) -> EncoderTrack:
    """Read lines of `{"t_mono_ns": …, "counts": …}`. Raises `EncoderFileError`."""
    times: list[int] = []
    counts: list[int] = []
    runs: list[float] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderFileError(f"encoder {path}: can't be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            t_ns, count, run = int(record["t_mono_ns"]), int(record["counts"]), record.get("run")
            if abs(t_ns) >= T_BELOW_NS:
                raise OverflowError(f"t_mono_ns = {t_ns} is no time in nanoseconds")
        except _NO_READING as error:
            raise EncoderFileError(
                f'{path}:{number}: not a reading ({error}). Write {{"t_mono_ns": 0, "counts": 0}}'
            ) from None
        if not 0 <= count < wraps_at:
            raise EncoderFileError(
                f"{path}:{number}: counts = {count}, and belt.encoder_wraps_at = {wraps_at}. "
                "Write the value at which the counter wraps"
            )
        if times and t_ns <= times[-1]:
            raise EncoderFileError(
                f"{path}:{number}: t_mono_ns is not later than on the line before"
            )
        if counts:
            count = counts[-1] + shortest_step(count - counts[-1], wraps_at)
        times.append(t_ns)
        counts.append(count)
        runs.append(np.nan if run is None else float(bool(run)))
    if len(times) < 2:
        raise EncoderFileError(
            f"{path}: has {len(times)} readings. Record the encoder alongside the footage"
        )
    track = EncoderTrack(
        np.array(times, np.int64), np.array(counts, np.float64), np.array(runs, np.float64)
    )
    _refuse_jumps(path, track)
    return track


def _refuse_jumps(path: Path, track: EncoderTrack) -> None:
    """Refuse a step far larger than all others: the counter wrapped, or readings are missing."""
    steps = np.abs(np.diff(track.counts))
    jump = int(steps.argmax())
    usual = float(np.percentile(steps, 90))
    if steps[jump] > 100 * usual + 200:
        # If the counter wrapped, the jump is one step short of the value at which it wraps.
        wraps_at = 2 ** round(float(np.log2(steps[jump] + usual)))
        raise EncoderFileError(
            f"{path}:{jump + 2}: counts jump by {steps[jump]:.0f}. If the counter wrapped, "
            f"write belt.encoder_wraps_at = {wraps_at}; else readings are missing"
        )
