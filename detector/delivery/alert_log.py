"""The last alerts of a line, in the order in which they were told, over restarts too."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

HELD_MAX = 2000
"""Alert revisions held for replay; some 4 MB."""


class Place(NamedTuple):
    """A position that can be compared: the start's rank among those known, and the number."""

    rank: int
    alert_seq: int


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """One revision as it was published."""

    boot_id: str
    alert_seq: int
    key: tuple[str, str]
    """The alert's own (boot_id, event_id)."""
    message: bytes
    """JSON: its topic, header and payload."""
    is_open: bool
    expires_mono_ns: int
    """Until then it is owed to registered consumers."""


class AlertLog:
    """Appends only; the oldest fall out."""

    def __init__(self, *, held_max: int = HELD_MAX) -> None:
        self.open: dict[tuple[str, str], HeldAlert] = {}
        """The last revision of each open alert."""
        self._held: list[tuple[Place, HeldAlert]] = []
        self._ranks: dict[str, int] = {}
        self._boots: list[str] = []
        self._held_max = held_max

    def begin_boot(self, boot_id: str) -> None:
        """A start of the detector; the last one begun is the one that alerts are added of."""
        if boot_id not in self._ranks:
            self._ranks[boot_id] = len(self._boots)
            self._boots.append(boot_id)

    def add(self, alert: HeldAlert) -> None:
        """Raises nothing; one that is held already (a journal repeats open alerts) is passed."""
        self.begin_boot(alert.boot_id)
        place = Place(self._ranks[alert.boot_id], alert.alert_seq)
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
        """The position of the newest, as (boot_id, alert_seq)."""
        boot_id = self._boots[-1] if self._boots else ""
        if self._held and self._held[-1][1].boot_id == boot_id:
            return boot_id, self._held[-1][1].alert_seq
        return boot_id, 0

    def after(
        self, boot_id: str | None, alert_seq: int, limit: int
    ) -> tuple[Sequence[HeldAlert], bool, bool]:
        """What came after a position (boot_id None: all that is held), oldest first.

        Also whether nothing is missing among them, and whether there are more.
        """
        place = Place(-1, 0) if boot_id is None else self._place(boot_id, alert_seq)
        known = boot_id is None or boot_id in self._ranks
        at = bisect_right(self._held, place, key=lambda held: held[0])
        found = self._held[at : at + limit]
        before, complete = place, known
        for here, _ in found:
            follows = here.alert_seq == (before.alert_seq + 1 if here.rank == before.rank else 1)
            complete = complete and (follows or (boot_id is None and before is place))
            before = here
        return [held for _, held in found], complete, at + limit < len(self._held)

    def _place(self, boot_id: str, alert_seq: int) -> Place:
        # A start that nobody remembers was before all of those that are.
        return Place(self._ranks.get(boot_id, -1), alert_seq if boot_id in self._ranks else 0)
