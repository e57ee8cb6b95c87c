"""One track per object on the belt.

The belt is rigid, so its shift predicts where everything lies; what is left is the object's own
movement (rolling), followed by an alpha-beta filter. A confirmed object that is missed for a while
stays where the belt carries it until it leaves the view, so it is never counted twice. A look that
took in a part of the view only says nothing of what lies outside it.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from detector.belt.motion import Shift
from detector.hazards.tracking.same_object import is_part, one_per_thing
from detector.hazards.tracking.sighting import Sighting

SUPPORT_KEPT = 8
"""Looks that an alert names as its support."""
SIZES_KEPT = 9
"""Whole sightings that an object's size is the middle one of."""

# Own movement, learned slowly where the belt's shift is known and fast where it is not.
_GAIN_KNOWN, _GAIN_UNKNOWN = 0.15, 0.6
# How far from its predicted place a thing may be found, in its own lengths: half of it where the
# belt's shift is known, twice where it has to be guessed.
_GATE_KNOWN, _GATE_UNKNOWN = 0.5, 2.0
# A box is good to a few pixels; below this distance two sightings are one thing at any size (mm).
_GATE_LEAST_MM = 12.0
# A thing is called something else only when that has gathered so much more score.
_RENAME = 1.5


@dataclass(frozen=True, slots=True)
class SeenIn:
    """A look that supports a track."""

    frame_index: int
    t_utc_ns: int
    score: float


@dataclass(slots=True)
class Track:
    """One object, followed along the belt."""

    id: int
    last: Sighting
    """The newest sighting."""
    last_frame: int
    x_mm: float
    y_mm: float
    vx_mm: float = 0.0
    """Own movement per frame, beyond the belt's."""
    vy_mm: float = 0.0
    best_score: float = 0.0
    hits: int = 0
    looks: int = 0
    """Those that should have seen it."""
    recent: deque[bool] = field(default_factory=deque)
    """Whether the last looks saw it, newest last; as long as the confirmation's n."""
    votes: Counter[int] = field(default_factory=Counter)
    weights: dict[int, float] = field(default_factory=dict)
    """Score sums per class: which class it is."""
    support: deque[SeenIn] = field(default_factory=lambda: deque(maxlen=SUPPORT_KEPT))
    class_index: int = -1
    """The class with the greatest sum of scores, by a margin."""
    sizes_mm: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SIZES_KEPT))
    """Extent across and along in the last whole sightings."""
    confirmed: bool = False
    placed: bool = True
    """False: missed while the belt's shift was unknown, so nobody knows where it lies."""

    @property
    def size_mm(self) -> tuple[float, float] | None:
        """Extent across and along; None: never seen whole. One odd box changes nothing."""
        return sorted(self.sizes_mm, key=sum)[len(self.sizes_mm) // 2] if self.sizes_mm else None


class BeltTracker:
    """Carries tracks along from frame to frame and follows sightings from look to look."""

    def __init__(
        self,
        hits: int,
        looks: int,
        extent_mm: tuple[float, float, float, float],
        *,
        whole_mm: float,
    ) -> None:
        """Confirms a track that was seen in `hits` of its last `looks` looks; on a belt so fast
        that nothing can be looked at so often, in as large a part of those that are possible.

        `extent_mm`: x0, y0, x1, y1 of the belt in view, belt coordinates. `whole_mm`: up to that
        length a thing is seen whole; a longer one may be seen in parts.
        """
        self._hits, self._looks, self._whole_mm = hits, looks, whole_mm
        self._extent = extent_mm
        self._tracks: list[Track] = []
        self._next_id = 1
        self._last_shift = Shift(0.0, 0.0, False)
        self._frames = 0
        """Since the last look, this frame included."""
        self._known = True
        """Whether the belt's shift was known in all of them."""
        self._longer = False

    def carry(self, shift: Shift) -> None:
        """The belt has moved from one frame to the next, and everything on it with it."""
        self._take_over(shift)
        for track in self._tracks:
            track.x_mm += shift.dx_mm + track.vx_mm
            track.y_mm += shift.dy_mm + track.vy_mm
        self._known = shift.known and (self._known or not self._frames)
        self._frames += 1

    @property
    def wants_look_to_mm(self) -> float | None:
        """How far downstream something lies that another look would settle; None: nothing."""
        _, _, _, downstream_mm = self._extent
        if self._longer:
            return downstream_mm
        unsure = [
            track.y_mm + track.last.height_mm / 2 + _GATE_LEAST_MM
            for track in self._tracks
            if not track.confirmed
        ]
        return min(downstream_mm, max(unsure)) if unsure else None

    def follow(
        self,
        sightings: Sequence[Sighting],
        looked_at_mm: tuple[float, float],
        frame_index: int,
        t_utc_ns: int,
    ) -> tuple[list[Track], list[Track]]:
        """Take in one look at the frame to which everything was carried last.

        `looked_at_mm`: from and to along the belt. Returns the confirmed tracks in view, and those
        that have left it since the last look.
        """
        free = one_per_thing([each for each in sightings if not each.cut])
        taken: list[Sighting] = []
        matched = self._matched(free, self._known)
        for track, sighting in sorted(matched, key=lambda pair: not pair[0].confirmed):
            free.remove(sighting)
            if not track.confirmed and is_part(sighting, taken, self._whole_mm):
                self._tracks.remove(track)
                continue
            taken.append(sighting)
            self._hit(track, sighting, frame_index, t_utc_ns)
        for sighting in free:
            if is_part(sighting, taken, self._whole_mm):
                continue
            taken.append(sighting)
            track = Track(self._next_id, sighting, frame_index, sighting.x_mm, sighting.y_mm)
            self._next_id += 1
            self._tracks.append(track)
            self._hit(track, sighting, frame_index, t_utc_ns)
        self._longer = any(each.cut and not self._is_known(each) for each in sightings)
        left: list[Track] = []
        for track in list(self._tracks):
            if track.last_frame != frame_index and self._was_looked_at(track, looked_at_mm):
                self._miss(track)
            if self._is_over(track):
                self._tracks.remove(track)
                if track.confirmed:
                    left.append(track)
        self._frames = 0
        return [track for track in self._tracks if track.confirmed], left

    def _is_known(self, part: Sighting) -> bool:
        """Whether a part of something belongs to an object that is confirmed already."""
        return any(
            track.confirmed
            and abs(track.x_mm - part.x_mm) <= (track.last.width_mm + part.width_mm) / 2
            and abs(track.y_mm - part.y_mm) <= (track.last.height_mm + part.height_mm) / 2
            for track in self._tracks
        )

    def _was_looked_at(self, track: Track, looked_at_mm: tuple[float, float]) -> bool:
        """Whether a look took in all of it that lies in view."""
        _, y0, _, y1 = self._extent
        low, high = looked_at_mm
        half_mm = track.last.height_mm / 2
        return (low <= y0 or low <= track.y_mm - half_mm) and (
            y1 <= high or track.y_mm + half_mm <= high
        )

    def _take_over(self, shift: Shift) -> None:
        """What the belt's movement explains is no movement of the objects' own, and back."""
        for track in self._tracks if shift.known != self._last_shift.known else ():
            if shift.known:
                track.vx_mm = track.vy_mm = 0.0
            else:
                track.vx_mm += self._last_shift.dx_mm
                track.vy_mm += self._last_shift.dy_mm
        self._last_shift = shift

    def _matched(
        self, sightings: Iterable[Sighting], shift_known: bool
    ) -> list[tuple[Track, Sighting]]:
        """Nearest pairs first, each track and each sighting once."""
        reach = _GATE_KNOWN if shift_known else _GATE_UNKNOWN
        pairs: list[tuple[float, int, int, Track, Sighting]] = []
        for number, sighting in enumerate(sightings):
            length = math.hypot(sighting.width_mm, sighting.height_mm)
            for track in self._tracks:
                gate = max(
                    _GATE_LEAST_MM,
                    reach * max(length, math.hypot(track.last.width_mm, track.last.height_mm)),
                )
                away = math.hypot(sighting.x_mm - track.x_mm, _along(track, sighting)) / gate
                if away <= 1:
                    # Of two tracks equally near, the one of the same class.
                    other = 0.0 if sighting.class_index in track.votes else 0.5
                    pairs.append((away + other, track.id, number, track, sighting))
        pairs.sort(key=lambda pair: pair[:3])
        taken_tracks: set[int] = set()
        taken_sightings: set[int] = set()
        matched = []
        for _, track_id, number, track, sighting in pairs:
            if track_id not in taken_tracks and number not in taken_sightings:
                taken_tracks.add(track_id)
                taken_sightings.add(number)
                matched.append((track, sighting))
        return matched

    def _hit(self, track: Track, sighting: Sighting, frame_index: int, t_utc_ns: int) -> None:
        # The centre of a thing that the view's edge cuts moves with the cut.
        if track.hits and sighting.whole and track.last.whole:
            gain = (_GAIN_KNOWN if self._known else _GAIN_UNKNOWN) / max(1, self._frames)
            track.vx_mm += gain * (sighting.x_mm - track.x_mm)
            track.vy_mm += gain * (sighting.y_mm - track.y_mm)
        track.x_mm, track.y_mm = sighting.x_mm, sighting.y_mm
        track.last, track.last_frame, track.placed = sighting, frame_index, True
        track.hits += 1
        track.best_score = max(track.best_score, sighting.score)
        track.votes[sighting.class_index] += 1
        weights = track.weights
        weights[sighting.class_index] = weights.get(sighting.class_index, 0.0) + sighting.score
        heaviest = max(weights, key=lambda each: weights[each])
        if weights[heaviest] > _RENAME * weights.get(track.class_index, 0.0):
            track.class_index = heaviest
        track.support.append(SeenIn(frame_index, t_utc_ns, sighting.score))
        if sighting.whole:
            track.sizes_mm.append((sighting.width_mm, sighting.height_mm))
        self._look(track, seen=True)

    def _miss(self, track: Track) -> None:
        if self._known:
            # The last own movement fades, so that a wrong one carries nothing away.
            track.vx_mm *= 0.5
            track.vy_mm *= 0.5
        else:
            track.placed = False
        self._look(track, seen=False)

    def _look(self, track: Track, *, seen: bool) -> None:
        track.looks += 1
        track.recent.append(seen)
        if len(track.recent) > self._looks:
            track.recent.popleft()
        if sum(track.recent) >= self._enough:
            track.confirmed = True

    @property
    def _enough(self) -> int:
        """Hits that confirm: of few possible looks as large a part as of many."""
        _, y0, _, y1 = self._extent
        step_mm = abs(self._last_shift.dy_mm)
        possible = self._looks if step_mm == 0 else min(self._looks, (y1 - y0) / step_mm)
        return min(self._hits, max(1, math.ceil(self._hits / self._looks * int(possible))))

    def _is_over(self, track: Track) -> bool:
        """Out of view; or lost, where nothing says that it still lies where the belt carries it."""
        x0, y0, x1, y1 = self._extent
        if not (x0 <= track.x_mm <= x1 and y0 <= track.y_mm <= y1):
            return True
        if not track.confirmed:
            return track.recent.count(False) > self._looks - self._hits
        if self._known:
            return not track.placed
        return len(track.recent) == self._looks and not any(track.recent)


def _along(track: Track, sighting: Sighting) -> float:
    """How far along the belt a sighting lies from where the track was expected.

    Of a thing that the view's edge cuts, in this look or the last, one end is where it belongs.
    """
    centre_mm = sighting.y_mm - track.y_mm
    if sighting.whole and track.last.whole:
        return abs(centre_mm)
    longer_mm = (sighting.height_mm - track.last.height_mm) / 2
    return min(abs(centre_mm), abs(centre_mm + longer_mm), abs(centre_mm - longer_mm))
