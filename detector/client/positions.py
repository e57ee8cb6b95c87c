"""A client's position in a line's alerts."""

from __future__ import annotations

from detector.wire.requests import Position

AHEAD_MAX = 10_000
"""Numbers remembered beyond a gap; more than a detector holds for replay."""


class AlertProgress:
    """Follows `alert_seq`: the position up to which no alert is missing, and those beyond it."""

    def __init__(self, after: Position | None = None) -> None:
        self.upto = after
        """All alerts up to here have been received; None: the first position is not known yet."""
        self._ahead: set[tuple[str, int]] = set()

    def begin(self, at: Position) -> None:
        """Expect the alerts after `at`; no effect once a position is known."""
        if self.upto is None:
            self.reach(at)

    def reach(self, at: Position) -> None:
        """No alert is missing up to `at`, where a replay has ended."""
        known = self.upto
        if known is None or known.boot_id != at.boot_id or known.alert_seq < at.alert_seq:
            self.upto = at
        self._absorb()

    def add(self, boot_id: str, alert_seq: int) -> None:
        """An alert has been received."""
        known = self.upto
        old = known is not None and known.boot_id == boot_id and alert_seq <= known.alert_seq
        if not old and len(self._ahead) < AHEAD_MAX:
            self._ahead.add((boot_id, alert_seq))
        self._absorb()

    def lacks(self, boot_id: str, alert_seq: int) -> bool:
        """Whether alerts up to this published number are missing."""
        known = self.upto
        if known is None:
            return False
        return known.boot_id != boot_id or known.alert_seq < alert_seq

    def _absorb(self) -> None:
        if self.upto is None:
            return
        boot_id, seq = self.upto.boot_id, self.upto.alert_seq
        while (boot_id, seq + 1) in self._ahead:
            seq += 1
            self._ahead.discard((boot_id, seq))
        if seq != self.upto.alert_seq:
            self.upto = Position(boot_id=boot_id, alert_seq=seq)
        if self._ahead:
            self._ahead = {each for each in self._ahead if each[0] != boot_id or each[1] > seq}
