"""The stripes that wear leaves along a belt: where they cannot be seen, something lies on them.

Grey sheets and dull plastic are of a belt's own colour, and of its brightness as far as shade and
stains leave that open; but they do not go on with the stripes of the belt below them. A belt
without stripes says nothing by this, nor does a part of it that has none, nor one whose stripes are
not seen for long: they were the light's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW_MM = 45.0
SURE, LOST = 0.5, 0.1
"""Correlation with the stripes over a window: nearly all of the empty belt has more than the first
where they are relied on, and less than the second is something else. On a real belt with stripes
(cut-outs on its plates) this took the error of coverage from -0.13 to -0.05."""
_NOISE = 2.0
"""Grey levels of a camera's noise: less contrast than that correlates with anything."""
_TRUST_BARE, _TRUST_STEP, _TRUST_LEAST = 0.4, 0.08, 0.5
"""Stripes are trusted as long as they are seen on so much of what is bare by its colour, as a mean
over some fifty looks on which so much of the belt is bare."""
LEARNS_EVERY = 4
"""Looks: it takes longer than judging, and neither stripes nor the belt's place change fast."""
_WANDER_MM, _WANDER_SURE, _WANDER_SHARE = 40.0, 0.7, 0.1
"""So far a belt runs off its middle; it is followed where so much of it is bare and agrees."""


@dataclass(frozen=True, slots=True)
class _Stripes:
    """The belt's grey averaged along the travel, its mean and variance in each window, and where it
    is relied on; `(h, w)` each."""

    around: NDArray[np.float32]
    mean: NDArray[np.float32]
    contrast: NDArray[np.float32]
    relied_on: NDArray[np.bool_]

    def moved(self, columns: int) -> _Stripes:
        """As far to the right; what leaves the picture there is relied on nowhere."""
        around, mean, contrast = (
            np.roll(each, columns, axis=1) for each in (self.around, self.mean, self.contrast)
        )
        relied_on = np.roll(self.relied_on, columns, axis=1)
        relied_on[:, : max(columns, 0)] = False
        relied_on[:, relied_on.shape[1] + min(columns, 0) :] = False
        return _Stripes(around, mean, contrast, relied_on)


class BeltPattern:
    """Tells where a belt's own stripes are missing. Follows a belt that wanders sideways."""

    def __init__(
        self,
        empty: NDArray[np.float32],
        around: NDArray[np.float32],
        belt: NDArray[np.bool_],
        mm_per_px: float,
    ) -> None:
        """`empty`: `(h, w)` grey, the empty belt; `around`: the same, averaged along the travel
        (rows); `belt`: `(h, w)` bool, what of it is belt."""
        self._side = max(3, round(WINDOW_MM / mm_per_px)) | 1
        self._belt = belt
        self._reach = round(_WANDER_MM / mm_per_px)
        window = np.ones((self._side, self._side), np.uint8)
        inside = cv2.erode(belt.astype(np.uint8), window, borderValue=0) > 0
        self._across = _means(around, inside)
        self._shift = 0
        self._trust = np.ones(belt.shape[1], np.float32)
        self._looks = 0
        mean = self._mean(around)
        contrast = np.maximum(self._mean(around * around) - mean * mean, 1e-3)
        self._now = _Stripes(around, mean, contrast, inside)
        likeness = self._likeness(empty)
        low = [
            float(np.percentile(likeness[rows, column], 5)) if rows.any() else 0.0
            for column, rows in enumerate(inside.T)
        ]
        self._still = self._now = replace(self._now, relied_on=inside & (np.array(low) > SURE))

    def missing(
        self, grey: NDArray[np.float32], bare: NDArray[np.bool_], *, learns: bool
    ) -> NDArray[np.bool_]:
        """`(h, w)` bool: where stripes should be seen and are not. `grey`: `(h, w)`, the view;
        `bare`: what passes for bare belt by its colour; `learns`: the belt's place across and what
        its stripes are worth may be taken from it."""
        if not self._still.relied_on.any():
            return self._still.relied_on
        self._looks += 1
        learns = learns and self._looks % LEARNS_EVERY == 0
        share = (
            np.count_nonzero(bare & self._belt) / np.count_nonzero(self._belt) if learns else 0.0
        )
        if share >= _WANDER_SHARE:
            self._follow(grey, bare)
        likeness = self._likeness(grey)
        if share >= _TRUST_BARE:
            self._weigh(likeness, bare)
        return np.asarray(self._now.relied_on & (likeness < LOST) & (self._trust >= _TRUST_LEAST))

    def _weigh(self, likeness: NDArray[np.float32], bare: NDArray[np.bool_]) -> None:
        """How often each column's stripes are seen where it is bare."""
        asked = self._now.relied_on & bare
        count = asked.sum(axis=0)
        seen = (asked & (likeness > SURE)).sum(axis=0) / np.maximum(count, 1)
        enough = count >= self._side
        self._trust[enough] += _TRUST_STEP * (seen[enough] - self._trust[enough])

    def _follow(self, grey: NDArray[np.float32], bare: NDArray[np.bool_]) -> None:
        """Take the belt's place across from where it is bare, a pixel at a time."""
        seen = _means(grey, bare & self._belt)
        likeness = {
            shift: _correlation(seen, np.roll(self._across, shift))
            for shift in range(self._shift - 1, self._shift + 2)
            if abs(shift) <= self._reach
        }
        best = max(likeness, key=lambda shift: (likeness[shift], -abs(shift)))
        if best != self._shift and likeness[best] > _WANDER_SURE:
            self._shift = best
            self._now = self._still.moved(best)

    def _likeness(self, grey: NDArray[np.float32]) -> NDArray[np.float32]:
        stripes, own = self._now, self._mean(grey)
        own_contrast = np.maximum(self._mean(grey * grey) - own * own, 0) + _NOISE**2
        together = self._mean(grey * stripes.around) - own * stripes.mean
        return np.asarray(together / np.sqrt(own_contrast * stripes.contrast), np.float32)

    def _mean(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(picture, (self._side, self._side)), np.float32)


def _means(grey: NDArray[np.float32], of: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Of each column; NaN where it has none."""
    count = of.sum(axis=0)
    total = np.where(of, grey, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Where both are known; 0 where they say nothing."""
    both = ~(np.isnan(one) | np.isnan(other))
    if np.count_nonzero(both) < 8:
        return 0.0
    a, b = one[both] - one[both].mean(), other[both] - other[both].mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-6 else 0.0
