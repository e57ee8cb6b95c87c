"""The last alert revisions of a line, in order of publication, across restarts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

HELD_MAX = 2000
"""Alert revisions held for replay; some 4 MB."""


class LogPosition(NamedTuple):
    """A comparable position: rank of the start among known starts, and alert number."""

    rank: int
    alert_seq: int


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """One published alert revision."""

    boot_id: str
    alert_seq: int
    key: tuple[str, str]
    """(boot_id, event_id) of the alert."""
    message: bytes
    """JSON object with topic, header and payload."""
    is_open: bool
    expires_mono_ns: int
    """Delivery deadline for registered consumers, CLOCK_MONOTONIC."""


class AlertLog:
    """Append-only log of the last `held_max` revisions or a few more."""

    def __init__(self, *, held_max: int = HELD_MAX) -> None:
        self.open: dict[tuple[str, str], HeldAlert] = {}
        """The last revision of each open alert."""
        self._held: list[tuple[LogPosition, HeldAlert]] = []
        self._ranks: dict[str, int] = {}
        self._boots: list[str] = []
        self._held_max = held_max

    def begin_boot(self, boot_id: str) -> None:
        """Register a start of the detector; the last registered one is the current one."""
        if boot_id not in self._ranks:
            self._ranks[boot_id] = len(self._boots)
            self._boots.append(boot_id)

    def add(self, alert: HeldAlert) -> None:
        """Append an alert; ignores one that is held already (a journal repeats open alerts)."""
        self.begin_boot(alert.boot_id)
        place = LogPosition(self._ranks[alert.boot_id], alert.alert_seq)
        if self._held and place <= self._held[-1][0]:
            return
        self._held.append((place, alert))
        self.open.pop(alert.key, None)
        if alert.is_open:
            self.open[alert.key] = alert
        if len(self._held) > 2 * self._held_max:
            del self._held[: -self._held_max]

    @property
    def last(self) -> tuple[str, int]:
        """Position of the newest alert, (boot_id, alert_seq)."""
        boot_id = self._boots[-1] if self._boots else ""
        if self._held and self._held[-1][1].boot_id == boot_id:
            return boot_id, self._held[-1][1].alert_seq
        return boot_id, 0

    def after(
        self, boot_id: str | None, alert_seq: int, limit: int
    ) -> tuple[Sequence[HeldAlert], bool, bool]:
        """At most `limit` alerts after a position (boot_id None: from the oldest), oldest first.

        Also returns whether the sequence is complete, and whether there are more.
        """
        place = LogPosition(-1, 0) if boot_id is None else self._place(boot_id, alert_seq)
        known = boot_id is None or boot_id in self._ranks
        at = bisect_right(self._held, place, key=lambda held: held[0])
        found = self._held[at : at + limit]
        before, complete = place, known
        for here, _ in found:
            follows = here.alert_seq == (before.alert_seq + 1 if here.rank == before.rank else 1)
            complete = complete and (follows or (boot_id is None and before is place))
            before = here
        return [held for _, held in found], complete, at + limit < len(self._held)

    def _place(self, boot_id: str, alert_seq: int) -> LogPosition:
        # An unknown start was before all known ones.
        return LogPosition(self._ranks.get(boot_id, -1), alert_seq if boot_id in self._ranks else 0)
