"""The belt's drive: its speed, its position, and when it reaches a position."""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf, sqrt

from twin.line.conditions import SpeedChange


class Drive:
    """Piecewise linear speed over time; the belt is stopped or runs forwards."""

    def __init__(self, speed_mm_s: float, changes: Sequence[SpeedChange] = ()) -> None:
        self._changes = tuple(changes)
        times, speeds = [0.0], [speed_mm_s]
        for change in self._changes:
            times += [change.at_s, change.at_s + change.over_s]
            speeds += [speeds[-1], change.speed_mm_s]
        places = [0.0]
        for k in range(1, len(times)):
            mean = (speeds[k] + speeds[k - 1]) / 2
            places.append(places[-1] + mean * (times[k] - times[k - 1]))
        self._times, self._speeds, self._places = times, speeds, places

    @property
    def steady(self) -> bool:
        """Whether the belt runs at one constant speed."""
        return len(set(self._speeds)) == 1

    def speed_at(self, t_s: float) -> float:
        """Speed in mm/s at a time from 0 on."""
        k = bisect_right(self._times, t_s) - 1
        return self._speeds[k] + self._gain(k) * (t_s - self._times[k])

    def position_at(self, t_s: float) -> float:
        """Belt position in mm."""
        k = bisect_right(self._times, t_s) - 1
        after = t_s - self._times[k]
        return self._places[k] + after * (self._speeds[k] + self._gain(k) * after / 2)

    def time_at(self, position_mm: float) -> float | None:
        """Time at which the belt reaches a position, s; None if never, or before 0."""
        if position_mm < 0:
            return None
        for k, begin in enumerate(self._places):
            end = self._places[k + 1] if k + 1 < len(self._places) else inf
            distance, speed, gain = position_mm - begin, self._speeds[k], self._gain(k)
            if distance <= 0:
                return self._times[k]
            if position_mm > end:
                continue
            if gain == 0:
                return self._times[k] + distance / speed if speed > 0 else None
            root = sqrt(max(0.0, speed * speed + 2 * gain * distance))
            # 2 distance / (speed + root): the numerically stable form of the first root.
            return self._times[k] + 2 * distance / (speed + root)
        return None

    def run_signal_at(self, t_s: float) -> bool:
        """The run signal: whether the PLC orders the belt to run."""
        ordered = self._speeds[0] > 0
        for change in self._changes:
            if t_s < change.at_s:
                break
            ordered = change.speed_mm_s > 0 if change.ordered is None else change.ordered
        return ordered

    def _gain(self, k: int) -> float:
        """Acceleration after breakpoint `k`, mm/s²."""
        if k + 1 >= len(self._times) or self._times[k + 1] == self._times[k]:
            return 0.0
        return (self._speeds[k + 1] - self._speeds[k]) / (self._times[k + 1] - self._times[k])
