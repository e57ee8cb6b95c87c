"""The stripes that wear leaves along a belt: where they are hidden, material covers them.

Grey sheets and dull plastic have the belt's own colour, and its brightness within the range that
shade and stains leave open; but they do not continue the stripes of the belt below them. A belt or
a part of it without stripes gives no evidence, nor do stripes that stay invisible for long: they
came from the light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW_MM = 45.0
SURE, LOST = 0.5, 0.1
"""Correlation with the stripes over a window: on the empty belt nearly all reliable places exceed
the first; less than the second is material. On a real belt with stripes (cut-outs on its plates)
this reduced the error of coverage from -0.13 to -0.05."""
_NOISE = 2.0
"""Grey levels of a camera's noise: less contrast than that correlates with anything."""
_TRUST_BARE, _TRUST_STEP, _TRUST_MIN = 0.4, 0.08, 0.5
"""The trust in a column's stripes is the share of its bare pixels on which they are visible, as a
mean over some fifty evaluations on which at least `_TRUST_BARE` of the belt is bare by its colour;
below `_TRUST_MIN` they are ignored."""
LEARNS_EVERY = 4
"""Evaluations: learning costs more than evaluating, and stripes and lateral position change
slowly."""
_WANDER_MM, _WANDER_SURE, _WANDER_SHARE = 40.0, 0.7, 0.1
"""Maximum lateral offset of the belt; the correlation and the bare share of the belt from which the
offset is followed."""


@dataclass(frozen=True, slots=True)
class _Stripes:
    """The belt's grey averaged along the travel, its mean and variance in each window, and where it
    is reliable; `(h, w)` each."""

    around: NDArray[np.float32]
    mean: NDArray[np.float32]
    contrast: NDArray[np.float32]
    reliable: NDArray[np.bool_]

    def moved(self, columns: int) -> _Stripes:
        """Shifted to the right; columns that enter at an edge are not reliable."""
        around, mean, contrast = (
            np.roll(each, columns, axis=1) for each in (self.around, self.mean, self.contrast)
        )
        reliable = np.roll(self.reliable, columns, axis=1)
        reliable[:, : max(columns, 0)] = False
        reliable[:, reliable.shape[1] + min(columns, 0) :] = False
        return _Stripes(around, mean, contrast, reliable)


class BeltPattern:
    """Finds where a belt's own stripes are missing. Follows a belt that wanders sideways."""

    def __init__(
        self,
        empty: NDArray[np.float32],
        around: NDArray[np.float32],
        belt: NDArray[np.bool_],
        mm_per_px: float,
    ) -> None:
        """`empty`: `(h, w)` float32 grey, the empty belt; `around`: the same, averaged along the
        travel (rows); `belt`: `(h, w)` bool, mask of the belt."""
        self._side = max(3, round(WINDOW_MM / mm_per_px)) | 1
        self._belt = belt
        self._reach = round(_WANDER_MM / mm_per_px)
        window = np.ones((self._side, self._side), np.uint8)
        inside = cv2.erode(belt.astype(np.uint8), window, borderValue=0) > 0
        self._across = _column_means(around, inside)
        self._shift = 0
        self._trust = np.ones(belt.shape[1], np.float32)
        self._evaluations = 0
        mean = self._mean(around)
        contrast = np.maximum(self._mean(around * around) - mean * mean, 1e-3)
        self._stripes = _Stripes(around, mean, contrast, inside)
        correlation = self._correlation(empty)
        low = [
            float(np.percentile(correlation[rows, column], 5)) if rows.any() else 0.0
            for column, rows in enumerate(inside.T)
        ]
        reliable = inside & (np.array(low) > SURE)
        self._centred = self._stripes = replace(self._stripes, reliable=reliable)

    def missing(
        self, grey: NDArray[np.float32], bare: NDArray[np.bool_], *, learns: bool
    ) -> NDArray[np.bool_]:
        """`(h, w)` bool: where stripes should be visible and are not. `grey`: `(h, w)` float32, the
        view; `bare`: `(h, w)` bool, bare belt by its colour; `learns`: whether the belt's lateral
        position and the trust in its stripes may be updated from it."""
        if not self._centred.reliable.any():
            return self._centred.reliable
        self._evaluations += 1
        learns = learns and self._evaluations % LEARNS_EVERY == 0
        share = (
            np.count_nonzero(bare & self._belt) / np.count_nonzero(self._belt) if learns else 0.0
        )
        if share >= _WANDER_SHARE:
            self._update_lateral_position(grey, bare)
        correlation = self._correlation(grey)
        if share >= _TRUST_BARE:
            self._update_trust(correlation, bare)
        trusted = self._trust >= _TRUST_MIN
        return np.asarray(self._stripes.reliable & (correlation < LOST) & trusted)

    def _update_trust(self, correlation: NDArray[np.float32], bare: NDArray[np.bool_]) -> None:
        """How often each column's stripes are visible where it is bare."""
        tested = self._stripes.reliable & bare
        count = tested.sum(axis=0)
        visible = (tested & (correlation > SURE)).sum(axis=0) / np.maximum(count, 1)
        enough = count >= self._side
        self._trust[enough] += _TRUST_STEP * (visible[enough] - self._trust[enough])

    def _update_lateral_position(self, grey: NDArray[np.float32], bare: NDArray[np.bool_]) -> None:
        """Follow the belt's lateral offset where it is bare, one pixel at a time."""
        profile = _column_means(grey, bare & self._belt)
        correlation = {
            shift: _profile_correlation(profile, np.roll(self._across, shift))
            for shift in range(self._shift - 1, self._shift + 2)
            if abs(shift) <= self._reach
        }
        best = max(correlation, key=lambda shift: (correlation[shift], -abs(shift)))
        if best != self._shift and correlation[best] > _WANDER_SURE:
            self._shift = best
            self._stripes = self._centred.moved(best)

    def _correlation(self, grey: NDArray[np.float32]) -> NDArray[np.float32]:
        stripes, own = self._stripes, self._mean(grey)
        own_contrast = np.maximum(self._mean(grey * grey) - own * own, 0) + _NOISE**2
        together = self._mean(grey * stripes.around) - own * stripes.mean
        return np.asarray(together / np.sqrt(own_contrast * stripes.contrast), np.float32)

    def _mean(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(image, (self._side, self._side)), np.float32)


def _column_means(grey: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`(w,)` float32: the mean of each column within the mask; NaN where the mask has none."""
    count = mask.sum(axis=0)
    total = np.where(mask, grey, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _profile_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Over the columns known in both; 0 if they are too few or have no contrast."""
    both = ~(np.isnan(one) | np.isnan(other))
    if np.count_nonzero(both) < 8:
        return 0.0
    a, b = one[both] - one[both].mean(), other[both] - other[both].mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-6 else 0.0
