"""Many hazards at once: piles, single cells that are counted, and how often people are called.

Every object has its alert and its PLC record whatever happens here; what is decided is whether an
operator is called for it too [DOMAIN, "Alarms"]. Gas always calls. Batteries lying together are
one alarm; a single small cell is counted, and too many of them in a minute are an alarm; and of all
alarms about batteries no more come in ten minutes than people can handle, the last of which says
that there are more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from detector.belt.now import BeltNow
from detector.hazards.tracking.tracker import Track
from detector.profile.line import Alarms
from detector.wire.messages import Hazard

MINUTE_NS = 60_000_000_000
TEN_MINUTES_NS = 600_000_000_000
PILE_LENGTH_MM = 1000.0
"""A pile is no longer than this: an endless row of things would be one alarm for ever [P]."""
REMEMBERED = 300
"""Things that a new one may lie beside; more than any view holds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a new object is among the others."""

    pile: str | None
    """The alarm of the pile that it lies in; None: it lies alone, or is the first."""
    held: bool
    """No call for it: it is counted, part of a pile, or one too many."""
    calls_pile: bool = False
    """Its pile was a single counted cell until now, and is an alarm from now on."""


@dataclass(frozen=True, slots=True)
class _Lying:
    pile: str
    hazard: Hazard
    x_mm: float
    along_mm: float
    """Its place on the belt itself: y less the belt's travel."""
    reach_mm: float
    first_mm: float
    """The same place of the pile's first."""


class Crowd:
    """Follows what lies on one line's belt, and how often people were called."""

    def __init__(self, alarms: Alarms, *, mm_known: bool) -> None:
        self._alarms, self._mm_known = alarms, mm_known
        self._lying: deque[_Lying] = deque(maxlen=REMEMBERED)
        self._counted: set[str] = set()
        """Alarms of single cells that nobody was called for."""
        self._came_ns: deque[int] = deque(maxlen=10_000)
        self._called_ns: deque[int] = deque(maxlen=100)
        self._uncalled_ns: deque[int] = deque(maxlen=10_000)
        self._rate_until_ns = 0

    def comes(
        self, event_id: str, hazard: Hazard, track: Track, belt: BeltNow, *, open_alarms: set[str]
    ) -> Standing:
        """A new object, and whether somebody is called for it."""
        pile = self._lay(event_id, hazard, track, belt, open_alarms)
        if hazard is not Hazard.BATTERY:
            return Standing(pile, held=False)
        now_ns = belt.t_mono_ns
        self._came_ns.append(now_ns)
        if pile is not None:
            calls = pile in self._counted and self.may_call(now_ns)
            if calls:
                self._counted.discard(pile)
            return Standing(pile, held=True, calls_pile=calls)
        if self._is_small(track):
            self._counted.add(event_id)
            return Standing(None, held=True)
        return Standing(None, held=not self.may_call(now_ns))

    def may_call(self, now_ns: int) -> bool:
        """Whether people can be called for one more battery; it then counts as done."""
        _forget(self._called_ns, now_ns - TEN_MINUTES_NS)
        # The last call is for the alarm that says that there are more.
        if len(self._called_ns) >= self._alarms.battery_calls_per_10_min - 1:
            self._uncalled_ns.append(now_ns)
            return False
        self._called_ns.append(now_ns)
        return True

    def ended(self, event_id: str) -> None:
        """An alarm is over."""
        self._counted.discard(event_id)

    def too_many(self, now_ns: int) -> str | None:
        """In words, why there is an alarm about the number of batteries; None: there is none.

        Kept for ten minutes after the last reason, so that it is no alarm that comes and goes.
        """
        _forget(self._came_ns, now_ns - MINUTE_NS)
        _forget(self._uncalled_ns, now_ns - TEN_MINUTES_NS)
        rate = len(self._came_ns)
        if rate >= self._alarms.cells_per_minute:
            self._rate_until_ns = now_ns + TEN_MINUTES_NS
        if not self._uncalled_ns and now_ns >= self._rate_until_ns:
            return None
        return (
            f"{rate} batteries in the last minute (an alarm from "
            f"{self._alarms.cells_per_minute} on); {len(self._uncalled_ns)} in ten minutes that "
            f"called nobody singly"
        )

    def _lay(
        self,
        event_id: str,
        hazard: Hazard,
        track: Track,
        belt: BeltNow,
        open_alarms: set[str],
    ) -> str | None:
        if not self._mm_known or belt.position_mm is None:
            return None
        x_mm, along_mm = track.x_mm, track.y_mm - belt.position_mm
        reach_mm = max(track.last.width_mm, track.last.height_mm) / 2
        near = None
        for other in reversed(self._lying):
            if other.hazard is not hazard or other.pile not in open_alarms:
                continue
            away_mm = max(abs(other.x_mm - x_mm), abs(other.along_mm - along_mm))
            gap_mm = away_mm - reach_mm - other.reach_mm
            if gap_mm <= self._alarms.pile_mm and abs(other.first_mm - along_mm) <= PILE_LENGTH_MM:
                near = other
                break
        pile, first_mm = (event_id, along_mm) if near is None else (near.pile, near.first_mm)
        self._lying.append(_Lying(pile, hazard, x_mm, along_mm, reach_mm, first_mm))
        return None if near is None else pile

    def _is_small(self, track: Track) -> bool:
        """A cell of a size that is counted. Of unknown size it is none: it might be a pack."""
        return (
            self._mm_known
            and track.size_mm is not None
            and max(track.size_mm) <= self._alarms.cell_mm
        )


def _forget(moments_ns: deque[int], before_ns: int) -> None:
    while moments_ns and moments_ns[0] < before_ns:
        moments_ns.popleft()
