"""A belt that stands although it is ordered to run."""

from __future__ import annotations

from detector.belt.now import BeltNow

AFTER_NS = 2_000_000_000
"""A belt that starts or stops is between the two for about as long."""


class StandingBelt:
    """Holds the PLC's run signal against what the belt does."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._for_ns = 0

    def watch(self, ordered: bool | None, belt: BeltNow) -> bool | None:
        """Whether it stands against its order; None: nobody says what is ordered, or what the belt
        does (a speed from the profile is no measurement)."""
        stands = belt.is_stopped and belt.speed_basis in {"encoder", "picture"}
        if ordered is not True or not stands:
            self._since_ns, self._for_ns = None, 0
            unknown = ordered is None or belt.speed_basis in {"none", "profile"}
            return None if unknown else False
        self._since_ns = belt.t_mono_ns if self._since_ns is None else self._since_ns
        self._for_ns = belt.t_mono_ns - self._since_ns
        return self._for_ns >= AFTER_NS

    def cue(self) -> str:
        """For how long, in one line."""
        return f"ordered to run, stands for {self._for_ns / 1e9:.0f} s"
