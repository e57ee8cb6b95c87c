"""One track per object on the belt.

The belt is rigid, so its shift predicts the position of every object; the rest is the object's own
movement (rolling), estimated by an alpha-beta filter. A confirmed object that is missed for a while
keeps moving with the belt until it leaves the view, so it is never counted twice. A pass over part
of the view counts no misses outside that part.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import Shift
from detector.hazards.tracking.detection import Detection
from detector.hazards.tracking.same_object import is_part, one_per_object
from detector.hazards.tracking.verdict import CropLook, KindScores

SUPPORT_KEPT = 8
"""Hits that an alert lists as its support."""
SIZES_KEPT = 9
"""Number of complete detections whose median gives the object's size."""

# Gain for own movement: low where the belt's shift is known, high where it is not.
_GAIN_KNOWN, _GAIN_UNKNOWN = 0.15, 0.6
# Maximum distance from the predicted position, in the object's lengths: half of it where the belt's
# shift is known, twice where it has to be guessed.
_GATE_KNOWN, _GATE_UNKNOWN = 0.5, 2.0
# A box is accurate to a few pixels; below this distance two detections are one object at any size.
_GATE_MIN_MM = 12.0
# A track changes its class only when the other class has this many times its sum of scores.
_CLASS_CHANGE = 1.5


@dataclass(frozen=True, slots=True)
class Hit:
    """An inference pass that detected a track's object."""

    frame_index: int
    t_utc_ns: int
    score: float
    box_px: tuple[float, float, float, float]
    """In that frame, image coordinates."""


@dataclass(slots=True)
class Track:
    """One object, tracked along the belt; `x_mm`, `y_mm`: its centre in belt coordinates."""

    id: int
    last: Detection
    """The newest detection."""
    last_frame: int
    x_mm: float
    y_mm: float
    vx_mm: float = 0.0
    """Own movement per frame, beyond the belt's."""
    vy_mm: float = 0.0
    best_score: float = 0.0
    hits: int = 0
    passes: int = 0
    """Hits and misses."""
    recent: deque[bool] = field(default_factory=deque)
    """The last passes, newest last: True for a hit; as long as the confirmation window."""
    votes: Counter[int] = field(default_factory=Counter)
    weights: dict[int, float] = field(default_factory=dict)
    """Sum of scores per class."""
    support: deque[Hit] = field(default_factory=lambda: deque(maxlen=SUPPORT_KEPT))
    class_index: int = -1
    """The class with the greatest sum of scores, by a margin."""
    sizes_mm: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SIZES_KEPT))
    """Extent across and along in the last complete detections."""
    confirmed: bool = False
    placed: bool = True
    """False: missed while the belt's shift was unknown, so its position is unknown."""
    kind_scores: KindScores | None = None
    """What the verifier has said about it; None: nothing yet, or there is no verifier."""
    looks: list[CropLook] = field(default_factory=list)
    """The crops that the verifier had of it."""
    crop: NDArray[np.uint8] | None = None
    """The newest of them, `(px, px, 3)` uint8 BGR, while it is undecided: it may be out of view by
    the time that it is decided on."""
    undecided: bool = False
    """The verifier will see it again before it has to be decided on."""

    @property
    def size_mm(self) -> tuple[float, float] | None:
        """Extent across and along; None: never seen whole. A median: one outlier has no effect."""
        return sorted(self.sizes_mm, key=sum)[len(self.sizes_mm) // 2] if self.sizes_mm else None


class BeltTracker:
    """Predicts tracks on every frame, and updates them with the detections of each pass."""

    def __init__(
        self,
        hits: int,
        passes: int,
        extent_mm: tuple[float, float, float, float],
        *,
        whole_mm: float,
    ) -> None:
        """`hits`: hits in the last `passes` passes that confirm a track; on a belt too fast for
        this number of passes per object, the same share of the possible ones.

        `extent_mm`: x0, y0, x1, y1 of the belt in view, belt coordinates. `whole_mm`: objects up to
        this length are seen whole; a longer one may be seen in parts.
        """
        self._hits, self._passes, self._whole_mm = hits, passes, whole_mm
        self._extent = extent_mm
        self._tracks: list[Track] = []
        self._next_id = 1
        self._last_shift = Shift(0.0, 0.0, False)
        self._frames = 0
        """Frames since the last pass, this one included."""
        self._known = True
        """Whether the belt's shift was known in all of them."""
        self._continues = False
        """An object that was never seen whole continues beyond the last strip."""

    @property
    def tracks(self) -> Sequence[Track]:
        """All tracks, confirmed or not."""
        return self._tracks

    def predict(self, shift: Shift) -> None:
        """Move all tracks with the belt, by its shift since the last frame."""
        self._convert_velocities(shift)
        for track in self._tracks:
            track.x_mm += shift.dx_mm + track.vx_mm
            track.y_mm += shift.dy_mm + track.vy_mm
        self._known = shift.known and (self._known or not self._frames)
        self._frames += 1

    def needs_pass_to_mm(self, *, stopped: bool = False) -> float | None:
        """How far downstream the next pass must reach to confirm or drop tracks, `y_mm`; None: as
        far as it does. Only long objects need more: others are whole in every pass that is due,
        unless the belt is `stopped`."""
        _, _, _, downstream_mm = self._extent
        if self._continues:
            return downstream_mm
        unsure = [
            track.y_mm + track.last.height_mm / 2 + _GATE_MIN_MM
            for track in self._tracks
            if not track.confirmed and (stopped or track.last.height_mm > self._whole_mm)
        ]
        return min(downstream_mm, max(unsure)) if unsure else None

    def update(
        self,
        detections: Sequence[Detection],
        covered_mm: tuple[float, float],
        frame_index: int,
        t_utc_ns: int,
    ) -> tuple[list[Track], list[Track]]:
        """Update with the detections of a pass on the frame of the last `predict`.

        `covered_mm`: the pass's strip, from and to along the belt. Returns the confirmed tracks in
        view, and those that have left it since the last pass.
        """
        free = one_per_object([each for each in detections if not each.cut])
        used: list[Detection] = []
        matched = self._match(free, self._known)
        for track, detection in sorted(matched, key=lambda pair: not pair[0].confirmed):
            free.remove(detection)
            if not track.confirmed and is_part(detection, used, self._whole_mm):
                self._tracks.remove(track)
                continue
            used.append(detection)
            self._hit(track, detection, frame_index, t_utc_ns)
        for detection in free:
            if is_part(detection, used, self._whole_mm):
                continue
            used.append(detection)
            track = Track(self._next_id, detection, frame_index, detection.x_mm, detection.y_mm)
            self._next_id += 1
            self._tracks.append(track)
            self._hit(track, detection, frame_index, t_utc_ns)
        self._continues = any(each.cut and not self._is_tracked(each) for each in detections)
        left: list[Track] = []
        for track in list(self._tracks):
            if track.last_frame != frame_index and self._was_covered(track, covered_mm):
                self._miss(track)
            if self._is_over(track):
                self._tracks.remove(track)
                if track.confirmed:
                    left.append(track)
        self._frames = 0
        return [track for track in self._tracks if track.confirmed], left

    def _is_tracked(self, part: Detection) -> bool:
        """Whether a partial detection belongs to an object that was seen whole, or is confirmed."""
        return any(
            (track.confirmed or track.last.height_mm >= part.height_mm)
            and abs(track.x_mm - part.x_mm) <= (track.last.width_mm + part.width_mm) / 2
            and abs(track.y_mm - part.y_mm) <= (track.last.height_mm + part.height_mm) / 2
            for track in self._tracks
        )

    def _was_covered(self, track: Track, covered_mm: tuple[float, float]) -> bool:
        """Whether the pass covered all of the track's object that is in view."""
        _, y0, _, y1 = self._extent
        low, high = covered_mm
        half_mm = track.last.height_mm / 2
        return (low <= y0 or low <= track.y_mm - half_mm) and (
            y1 <= high or track.y_mm + half_mm <= high
        )

    def _convert_velocities(self, shift: Shift) -> None:
        """When the shift becomes known or unknown, remove the belt's movement from the objects' own
        or add it."""
        for track in self._tracks if shift.known != self._last_shift.known else ():
            if shift.known:
                track.vx_mm = track.vy_mm = 0.0
            else:
                track.vx_mm += self._last_shift.dx_mm
                track.vy_mm += self._last_shift.dy_mm
        self._last_shift = shift

    def _match(
        self, detections: Iterable[Detection], shift_known: bool
    ) -> list[tuple[Track, Detection]]:
        """Nearest pairs first, each track and each detection once."""
        reach = _GATE_KNOWN if shift_known else _GATE_UNKNOWN
        pairs: list[tuple[float, int, int, Track, Detection]] = []
        for number, detection in enumerate(detections):
            length = math.hypot(detection.width_mm, detection.height_mm)
            for track in self._tracks:
                gate = max(
                    _GATE_MIN_MM,
                    reach * max(length, math.hypot(track.last.width_mm, track.last.height_mm)),
                )
                along_mm = _distance_along_mm(track, detection)
                distance = math.hypot(detection.x_mm - track.x_mm, along_mm) / gate
                if distance <= 1:
                    # Of two tracks equally near, the one of the same class.
                    other = 0.0 if detection.class_index in track.votes else 0.5
                    pairs.append((distance + other, track.id, number, track, detection))
        pairs.sort(key=lambda pair: pair[:3])
        used_tracks: set[int] = set()
        used_detections: set[int] = set()
        matched = []
        for _, track_id, number, track, detection in pairs:
            if track_id not in used_tracks and number not in used_detections:
                used_tracks.add(track_id)
                used_detections.add(number)
                matched.append((track, detection))
        return matched

    def _hit(self, track: Track, detection: Detection, frame_index: int, t_utc_ns: int) -> None:
        # The centre of an object that the view's edge cuts moves with the cut.
        if track.hits and detection.whole and track.last.whole:
            gain = (_GAIN_KNOWN if self._known else _GAIN_UNKNOWN) / max(1, self._frames)
            track.vx_mm += gain * (detection.x_mm - track.x_mm)
            track.vy_mm += gain * (detection.y_mm - track.y_mm)
        track.x_mm, track.y_mm = detection.x_mm, detection.y_mm
        track.last, track.last_frame, track.placed = detection, frame_index, True
        track.hits += 1
        track.best_score = max(track.best_score, detection.score)
        track.votes[detection.class_index] += 1
        weights = track.weights
        weights[detection.class_index] = weights.get(detection.class_index, 0.0) + detection.score
        heaviest = max(weights, key=lambda each: weights[each])
        if weights[heaviest] > _CLASS_CHANGE * weights.get(track.class_index, 0.0):
            track.class_index = heaviest
        track.support.append(Hit(frame_index, t_utc_ns, detection.score, detection.box_px))
        if detection.whole:
            track.sizes_mm.append((detection.width_mm, detection.height_mm))
        self._count_pass(track, hit=True)

    def _miss(self, track: Track) -> None:
        if self._known:
            # The last own movement fades, so that a wrong one does not move the track away.
            track.vx_mm *= 0.5
            track.vy_mm *= 0.5
        else:
            track.placed = False
        self._count_pass(track, hit=False)

    def _count_pass(self, track: Track, *, hit: bool) -> None:
        track.passes += 1
        track.recent.append(hit)
        if len(track.recent) > self._passes:
            track.recent.popleft()
        if sum(track.recent) >= self._min_hits:
            track.confirmed = True

    @property
    def _min_hits(self) -> int:
        """Hits that confirm a track: if fewer passes are possible, the same share of them."""
        _, y0, _, y1 = self._extent
        step_mm = abs(self._last_shift.dy_mm)
        possible = self._passes if step_mm == 0 else min(self._passes, (y1 - y0) / step_mm)
        return min(self._hits, max(1, math.ceil(self._hits / self._passes * int(possible))))

    def _is_over(self, track: Track) -> bool:
        """Out of view; or lost, where its predicted position can't be relied on."""
        x0, y0, x1, y1 = self._extent
        if not (x0 <= track.x_mm <= x1 and y0 <= track.y_mm <= y1):
            return True
        if not track.confirmed:
            return track.recent.count(False) > self._passes - self._hits
        if self._known:
            return not track.placed
        return len(track.recent) == self._passes and not any(track.recent)


def _distance_along_mm(track: Track, detection: Detection) -> float:
    """Distance along the belt between a detection and the track's predicted position.

    If the view's edge cuts the object, in this pass or the last, one of its ends is as predicted:
    the smallest distance between centres or ends counts.
    """
    centre_mm = detection.y_mm - track.y_mm
    if detection.whole and track.last.whole:
        return abs(centre_mm)
    longer_mm = (detection.height_mm - track.last.height_mm) / 2
    return min(abs(centre_mm), abs(centre_mm + longer_mm), abs(centre_mm - longer_mm))
