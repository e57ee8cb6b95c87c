"""An encoder that was recorded beside footage: a JSON record of time and counts a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.belt.encoder import HELD_NS, BeltReport, ReportedBelt, shortest_way


class EncoderFileError(ValueError):
    """A recording that can't be used; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class EncoderTrack:
    """The counter over time, not wrapped."""

    t_ns: NDArray[np.int64]
    """`(n,)`, rising; 0 is the first frame of the footage."""
    counts: NDArray[np.float64]
    """`(n,)`"""
    runs: NDArray[np.float64]
    """`(n,)` the run signal: 1 runs, 0 stands, nan: it was not recorded."""

    def counts_at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Between the readings; nan before the first, more than 0.1 s after the last, and where
        two lie so far apart that nobody knows what it did in between."""
        counts = np.interp(t_ns, self.t_ns, self.counts)
        outside = (t_ns < self.t_ns[0] - 10_000_000) | (t_ns > self.t_ns[-1] + 100_000_000)
        after = np.searchsorted(self.t_ns, t_ns).clip(1, len(self.t_ns) - 1)
        lost = self.t_ns[after] - self.t_ns[after - 1] > HELD_NS
        return np.where(outside | lost, np.nan, counts)


class RecordedBelt(ReportedBelt):
    """A belt as its encoder was recorded beside footage, in the place of what a PLC says now."""

    def __init__(self, track: EncoderTrack, fps: float) -> None:
        """`fps`: of the footage, whose frames are numbered from the recording's start."""
        super().__init__()
        self._track, self._fps = track, fps
        self._begun_ns: int | None = None

    def anchor(self, frame_index: int, t_ns: int) -> None:
        if self._begun_ns is None:
            self._begun_ns = t_ns - round(frame_index * 1e9 / self._fps)

    def add(self, report: BeltReport) -> None:
        """A PLC that is connected while recorded footage is watched speaks of another belt."""

    def runs(self, t_ns: int) -> bool | None:
        at_ns = t_ns - (self._begun_ns or 0)
        last = int(np.searchsorted(self._track.t_ns, at_ns, side="right")) - 1
        if last < 0 or np.isnan(self._track.counts_at(np.array([at_ns]))[0]):
            return None
        run = float(self._track.runs[last])
        return None if np.isnan(run) else bool(run)

    def counts_at(self, t_ns: int) -> float | None:
        counts = float(self._track.counts_at(np.array([t_ns - (self._begun_ns or 0)]))[0])
        return None if np.isnan(counts) else counts


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
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EncoderFileError(
                f'{path}:{number}: is no reading ({error}). Write {{"t_mono_ns": 0, "counts": 0}}'
            ) from None
        if not 0 <= count < wraps_at:
            raise EncoderFileError(
                f"{path}:{number}: counts = {count}, and belt.encoder_wraps_at = {wraps_at}. "
                "Give what the counter wraps at"
            )
        if times and t_ns <= times[-1]:
            raise EncoderFileError(f"{path}:{number}: is not later than the line before it")
        if counts:
            count = counts[-1] + shortest_way(count - counts[-1], wraps_at)
        times.append(t_ns)
        counts.append(count)
        runs.append(np.nan if run is None else float(bool(run)))
    if len(times) < 2:
        raise EncoderFileError(f"{path}: holds {len(times)} readings. Record it beside the footage")
    track = EncoderTrack(
        np.array(times, np.int64), np.array(counts, np.float64), np.array(runs, np.float64)
    )
    _refuse_jumps(path, track)
    return track


def _refuse_jumps(path: Path, track: EncoderTrack) -> None:
    """A step far beyond all others is a counter that has gone round, or readings that are lost."""
    steps = np.abs(np.diff(track.counts))
    jump = int(steps.argmax())
    usual = float(np.percentile(steps, 90))
    if steps[jump] > 100 * usual + 200:
        # Of a counter that has gone round, one step short of what it wraps at.
        wraps_at = 2 ** round(float(np.log2(steps[jump] + usual)))
        raise EncoderFileError(
            f"{path}:{jump + 2}: counts jump by {steps[jump]:.0f}. If the counter went round, "
            f"write belt.encoder_wraps_at = {wraps_at}; else its readings were lost"
        )
