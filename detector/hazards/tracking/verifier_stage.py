"""Which crops the verifier gets in each inference pass, and when an object is decided on.

An object gets a crop for each pass that detected it whole, and once its track is confirmed for each
pass in which it is in view, until it has enough, or until more would not turn its verdict: most
objects are harmless at a glance. Of more crops than the budget of a pass, those of the objects with
the earliest deadline are cut; the rest waits for the next pass. An object is decided on when it
needs no more, or when its deadline comes before the next pass: then with what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.belt.now import BeltNow
from detector.hazards.tracking.predicted_box import predicted_box
from detector.hazards.tracking.tracker import Track
from detector.hazards.tracking.verdict import (
    PASSES_ENOUGH,
    PASSES_MAX,
    CropLook,
    KindScores,
    VerifierRules,
)
from detector.ingest.frame import Frame
from detector.profile.line import ActionPoint
from detector.vision.belt_view import Rectifier
from detector.vision.crops import Box, CropCutter, has_area
from detector.vision.verifier import Verifier

_MARGIN = 1.5
"""The next pass is expected within this many times the longest wait between two passes."""


class KindScorer(Protocol):
    """Says what objects are."""

    @property
    def most(self) -> int:
        """Number of objects that it takes at once."""
        ...

    def probabilities(
        self, frame: Frame, objects: Sequence[tuple[Track, Box]]
    ) -> NDArray[np.float32]:
        """`(n, k)` float32, the probability of each kind, of objects and their boxes in the frame
        (image coordinates, px).

        Raises:
            EngineError: Inference failed.
        """
        ...

    def crop(self, row: int) -> NDArray[np.uint8] | None:
        """The crop of one of these objects, `(px, px, 3)` uint8 BGR, until the next pass; None: it
        has no pixels."""
        ...


class CropScorer:
    """The verifier on crops from the camera's own pixels."""

    def __init__(self, verifier: Verifier, belt_px: NDArray[np.float64]) -> None:
        """`belt_px`: `(n, 2)` corners of the belt, image coordinates."""
        card = verifier.card
        self._verifier = verifier
        self._cutter = CropCutter(card.input_px, card.context, belt_px)
        self.most = card.max_crops_per_pass

    def probabilities(
        self, frame: Frame, objects: Sequence[tuple[Track, Box]]
    ) -> NDArray[np.float32]:
        for row, (_, box) in enumerate(objects):
            self._cutter.cut(frame.image, box, self._verifier.crops[row])
        return self._verifier.probabilities(len(objects))

    def crop(self, row: int) -> NDArray[np.uint8]:
        crop: NDArray[np.uint8] = self._verifier.crops[row]
        return crop


class VerifierStage:
    """The verifier of one line, for images of one size."""

    def __init__(
        self,
        scorer: KindScorer,
        rules: VerifierRules,
        rectifier: Rectifier,
        *,
        action_points: Sequence[ActionPoint],
        max_wait_ms: float,
    ) -> None:
        """`max_wait_ms`: the longest wait between two passes."""
        self._scorer, self._rules, self._rectifier = scorer, rules, rectifier
        self._action_points, self._wait_s = action_points, max_wait_ms / 1000

    def update(self, frame: Frame, tracks: Sequence[Track], belt: BeltNow) -> None:
        """Add one pass of the verifier to the tracks that need it, and set which are undecided.

        Raises:
            EngineError: Inference failed.
        """
        waiting = [
            (_done(track) >= PASSES_ENOUGH, self._remaining_mm(track, belt), track.id, track, box)
            for track in tracks
            if _needed(track) > 0 and (box := self._box(track, frame)) is not None
        ]
        waiting.sort(key=lambda each: each[:3])
        chosen = [(track, box) for *_, track, box in waiting[: self._scorer.most]]
        if chosen:
            rows = self._scorer.probabilities(frame, chosen)
            for (track, box), probabilities in zip(chosen, rows, strict=True):
                track.kind_scores = track.kind_scores or KindScores(self._rules)
                track.kind_scores.add(probabilities)
                track.looks.append(CropLook(frame.index, frame.t_utc_ns, box, probabilities))
        margin_mm = _MARGIN * self._wait_s * max(0.0, belt.speed_mm_s or 0.0)
        for track in tracks:
            track.undecided = (
                _done(track) < PASSES_ENOUGH
                and not _settled(track)
                and self._remaining_mm(track, belt) > margin_mm
            )
        for row, (track, _) in enumerate(chosen):
            if track.undecided and (crop := self._scorer.crop(row)) is not None:
                track.crop = np.empty_like(crop) if track.crop is None else track.crop
                np.copyto(track.crop, crop)

    def _remaining_mm(self, track: Track, belt: BeltNow) -> float:
        """Travel until the object has to be decided on: until it leaves the view, or until the last
        moment to act at the next action point."""
        leading_mm = track.y_mm + track.last.height_mm / 2
        speed_mm_s = max(0.0, belt.speed_mm_s or 0.0)
        left_mm = [
            point.y_mm - point.acting_ms / 1000 * speed_mm_s - leading_mm
            for point in self._action_points
        ]
        in_time_mm = min((each for each in left_mm if each >= 0), default=inf)
        return min(self._rectifier.extent_mm[3] - leading_mm, in_time_mm)

    def _box(self, track: Track, frame: Frame) -> Box | None:
        """The object's box in this frame, image coordinates; None: it can't be cut out, or another
        pass shows more of it."""
        if track.last_frame == frame.index:
            box, whole = track.last.box_px, track.last.whole
        elif track.placed:
            box, whole = predicted_box(track, self._rectifier)
        else:
            return None
        only_parts = not track.sizes_mm or not _done(track)
        return box if (whole or only_parts) and has_area(box, frame.size_px) else None


def _done(track: Track) -> int:
    """How many crops a track has had."""
    return 0 if track.kind_scores is None else track.kind_scores.passes


def _needed(track: Track) -> int:
    """How many more crops a track needs. One that an edge of the view cuts off tells less: before
    the object is confirmed, only passes that detected it whole count."""
    if _settled(track):
        return 0
    wanted = min(PASSES_MAX, len(track.sizes_mm))
    return max(wanted, PASSES_ENOUGH if track.confirmed else 0) - _done(track)


def _settled(track: Track) -> bool:
    return track.kind_scores is not None and track.kind_scores.is_settled(track.best_score)
