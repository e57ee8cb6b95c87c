"""How a simulated PLC has its belt run: forth, not at all, and back, over and over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from detector.errors import VigitriError

FASTEST_MM_S = 5000.0
LONGEST_S = 86_400.0


class CourseError(VigitriError, ValueError):
    """A course that no belt can run; one line that says why."""


@dataclass(frozen=True, slots=True)
class Course:
    """Speeds, each held for a time; after the last the first comes again."""

    stretches: tuple[tuple[float, float], ...]
    """mm/s (below 0: against the travel) and seconds."""

    @classmethod
    def read(cls, text: str) -> Self:
        """From `MM_S:SECONDS,…`. Raises CourseError."""
        stretches = []
        for part in text.split(","):
            speed, _, seconds = part.partition(":")
            try:
                stretch = float(speed), float(seconds)
            except ValueError:
                raise CourseError(
                    f"--course {text!r}: {part!r} is no speed and time; write mm/s and seconds, "
                    "e.g. 400:20,0:3,-200:2"
                ) from None
            if not (abs(stretch[0]) <= FASTEST_MM_S and 0 < stretch[1] <= LONGEST_S):
                raise CourseError(
                    f"--course {text!r}: {part!r}: a belt runs at {FASTEST_MM_S:.0f} mm/s at most, "
                    f"forth or back, for more than 0 and at most {LONGEST_S:.0f} s"
                )
            stretches.append(stretch)
        return cls(tuple(stretches))

    def speed_at(self, t_s: float) -> float:
        """mm/s at a moment from 0 on."""
        return self._followed(t_s)[0]

    def way_mm(self, t_s: float) -> float:
        """How far the belt has come by then; less where it ran back."""
        return self._followed(t_s)[1]

    def _followed(self, t_s: float) -> tuple[float, float]:
        """Speed and way at a moment."""
        round_s = sum(seconds for _, seconds in self.stretches)
        rounds, left_s = divmod(t_s, round_s)
        way_mm = rounds * sum(speed * seconds for speed, seconds in self.stretches)
        for speed, seconds in self.stretches:
            if left_s < seconds:
                break
            way_mm, left_s = way_mm + speed * seconds, left_s - seconds
        return speed, way_mm + speed * left_s
