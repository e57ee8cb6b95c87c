"""Many hazards at once: piles, counted single cells, and a limit on operator calls.

Every object gets its alert and its PLC record in any case; this module decides only whether an
operator is called for it too [DOMAIN, "Alarms"]. Gas always calls. Batteries that lie together are
one alarm. A single small cell is only counted, and too many cells in a minute are an alarm. Battery
alarms are limited to the number in ten minutes that people can handle; the last one states that
there are more.
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
"""Maximum length of a pile: an endless row of objects would be one alarm for ever [P]."""
OBJECTS_KEPT = 300
"""Objects that a new one may lie beside; more than any view contains."""


@dataclass(frozen=True, slots=True)
class CallDecision:
    """Whether a new object joins a pile, and whether an operator is called for it."""

    pile: str | None
    """The alarm of the pile that it joins; None: it is alone, or the first."""
    suppressed: bool
    """No call for it: it is a counted cell, part of a pile, or beyond the limit."""
    calls_pile: bool = False
    """Its pile was a single counted cell until now; an operator is called for it from now on."""


@dataclass(frozen=True, slots=True)
class _PlacedObject:
    pile: str
    hazard: Hazard
    x_mm: float
    along_mm: float
    """Position on the belt itself: y minus the belt's travel."""
    reach_mm: float
    first_mm: float
    """`along_mm` of the pile's first object."""


class FloodControl:
    """Tracks the hazards on one line's belt, and how often operators were called."""

    def __init__(self, alarms: Alarms, *, mm_known: bool) -> None:
        self._alarms, self._mm_known = alarms, mm_known
        self._objects: deque[_PlacedObject] = deque(maxlen=OBJECTS_KEPT)
        self._counted: set[str] = set()
        """Alarms of single cells for which no operator was called."""
        self._came_ns: deque[int] = deque(maxlen=10_000)
        self._called_ns: deque[int] = deque(maxlen=100)
        self._uncalled_ns: deque[int] = deque(maxlen=10_000)
        self._rate_until_ns = 0

    def decide(
        self, event_id: str, hazard: Hazard, track: Track, belt: BeltNow, *, open_alarms: set[str]
    ) -> CallDecision:
        """Place a new object, and decide whether an operator is called for it."""
        pile = self._place(event_id, hazard, track, belt, open_alarms)
        if hazard is not Hazard.BATTERY:
            return CallDecision(pile, suppressed=False)
        now_ns = belt.t_mono_ns
        self._came_ns.append(now_ns)
        if pile is not None:
            calls = pile in self._counted and self.may_call(now_ns)
            if calls:
                self._counted.discard(pile)
            return CallDecision(pile, suppressed=True, calls_pile=calls)
        if self._is_small(track):
            self._counted.add(event_id)
            return CallDecision(None, suppressed=True)
        return CallDecision(None, suppressed=not self.may_call(now_ns))

    def count(self, hazard: Hazard, belt: BeltNow) -> None:
        """Count an object of a kind for which the site never calls an operator: it joins no pile,
        but many batteries in a minute are an alarm whatever their kind."""
        if hazard is Hazard.BATTERY:
            self._came_ns.append(belt.t_mono_ns)

    def may_call(self, now_ns: int) -> bool:
        """Whether operators can be called for one more battery; if so, the call is counted."""
        _drop_before(self._called_ns, now_ns - TEN_MINUTES_NS)
        # The last call is reserved for the alarm that states that there are more.
        if len(self._called_ns) >= self._alarms.battery_calls_per_10_min - 1:
            self._uncalled_ns.append(now_ns)
            return False
        self._called_ns.append(now_ns)
        return True

    def ended(self, event_id: str) -> None:
        """An alarm has ended."""
        self._counted.discard(event_id)

    def flood(self, now_ns: int) -> str | None:
        """The reason for an alarm about the number of batteries; None: no such alarm.

        It lasts ten minutes beyond its last reason, so that the alarm does not come and go.
        """
        _drop_before(self._came_ns, now_ns - MINUTE_NS)
        _drop_before(self._uncalled_ns, now_ns - TEN_MINUTES_NS)
        rate = len(self._came_ns)
        if rate >= self._alarms.cells_per_minute:
            self._rate_until_ns = now_ns + TEN_MINUTES_NS
        if not self._uncalled_ns and now_ns >= self._rate_until_ns:
            return None
        return (
            f"{rate} batteries in the last minute (alarm from {self._alarms.cells_per_minute}); "
            f"{len(self._uncalled_ns)} in ten minutes without a call of their own"
        )

    def _place(
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
        for other in reversed(self._objects):
            if other.hazard is not hazard or other.pile not in open_alarms:
                continue
            away_mm = max(abs(other.x_mm - x_mm), abs(other.along_mm - along_mm))
            gap_mm = away_mm - reach_mm - other.reach_mm
            if gap_mm <= self._alarms.pile_mm and abs(other.first_mm - along_mm) <= PILE_LENGTH_MM:
                near = other
                break
        pile, first_mm = (event_id, along_mm) if near is None else (near.pile, near.first_mm)
        self._objects.append(_PlacedObject(pile, hazard, x_mm, along_mm, reach_mm, first_mm))
        return None if near is None else pile

    def _is_small(self, track: Track) -> bool:
        """Whether it is a cell small enough to be only counted; False if its size is unknown, since
        it might be a pack."""
        return (
            self._mm_known
            and track.size_mm is not None
            and max(track.size_mm) <= self._alarms.cell_mm
        )


def _drop_before(times_ns: deque[int], before_ns: int) -> None:
    while times_ns and times_ns[0] < before_ns:
        times_ns.popleft()
