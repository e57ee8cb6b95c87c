"""A belt that is stopped against its order."""

from __future__ import annotations

from detector.belt.now import BeltNow

AFTER_NS = 2_000_000_000
"""A belt needs about this long to start or stop."""


class UnexpectedStop:
    """Compares the PLC's run signal with the belt's motion."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._for_ns = 0

    def update(self, ordered: bool | None, belt: BeltNow) -> bool | None:
        """Whether the belt is stopped against its order, by this frame.

        None: the order or the motion is unknown (a speed from the profile is not measured).
        """
        stopped = belt.is_stopped and belt.speed_basis in {"encoder", "image"}
        if ordered is not True or not stopped:
            self._since_ns, self._for_ns = None, 0
            unknown = ordered is None or belt.speed_basis in {"none", "profile"}
            return None if unknown else False
        self._since_ns = belt.t_mono_ns if self._since_ns is None else self._since_ns
        self._for_ns = belt.t_mono_ns - self._since_ns
        return self._for_ns >= AFTER_NS

    def cue(self) -> str:
        """The alarm's cue: for how long, in one line."""
        return f"ordered to run, stopped for {self._for_ns / 1e9:.0f} s"
