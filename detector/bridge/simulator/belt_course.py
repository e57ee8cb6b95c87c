"""The belt course of a simulated PLC: a repeated sequence of speeds, stops and reversals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from detector.errors import VigitriError

FASTEST_MM_S = 5000.0
LONGEST_S = 86_400.0


class CourseError(VigitriError, ValueError):
    """An invalid course; the message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class Course:
    """Speeds, each for a duration; repeats from the first after the last."""

    stretches: tuple[tuple[float, float], ...]
    """Speed in mm/s (negative: against the travel) and duration in s."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse `MM_S:SECONDS,…`. Raises CourseError."""
        stretches = []
        for part in text.split(","):
            speed, _, seconds = part.partition(":")
            try:
                stretch = float(speed), float(seconds)
            except ValueError:
                raise CourseError(
                    f"--course {text!r}: {part!r} is not a speed and a time; write mm/s and "
                    "seconds, e.g. 400:20,0:3,-200:2"
                ) from None
            if not (abs(stretch[0]) <= FASTEST_MM_S and 0 < stretch[1] <= LONGEST_S):
                raise CourseError(
                    f"--course {text!r}: {part!r}: use at most {FASTEST_MM_S:.0f} mm/s in either "
                    f"direction, for more than 0 and at most {LONGEST_S:.0f} s"
                )
            stretches.append(stretch)
        return cls(tuple(stretches))

    def speed_at(self, t_s: float) -> float:
        """Speed in mm/s at time `t_s`, from 0."""
        return self._state_at(t_s)[0]

    def travel_mm(self, t_s: float) -> float:
        """Belt travel up to time `t_s`; reversals reduce it."""
        return self._state_at(t_s)[1]

    def _state_at(self, t_s: float) -> tuple[float, float]:
        """Speed and travel at a time."""
        round_s = sum(seconds for _, seconds in self.stretches)
        rounds, left_s = divmod(t_s, round_s)
        travel_mm = rounds * sum(speed * seconds for speed, seconds in self.stretches)
        for speed, seconds in self.stretches:
            if left_s < seconds:
                break
            travel_mm, left_s = travel_mm + speed * seconds, left_s - seconds
        return speed, travel_mm + speed * left_s
