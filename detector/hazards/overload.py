"""How much of the belt is covered, over belt travel (trop-plein).

Each stretch of belt is judged once, when it has come fully into view: it counts as covered where
it differs from the empty belt in colour, in brightness or in fine texture. The belt itself moves
under the camera, so the empty belt is known by its colour across, not by its marks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.belt_motion import Shift

State = Literal["unknown", "clear", "overload"]

# Everything is judged at this scale: bottles and cartons are tens of pixels, belt marks fade.
_SCALE_MM_PER_PX = 5.0
# Length of belt that is judged at a time.
_STRETCH_MM = 50.0
# Differences that count as covered, in 8-bit Lab: wet or unevenly lit belt changes in brightness,
# so colour weighs more [DOMAIN, "False triggers"]. Fitted on drawn belts with known coverage.
_COLOUR_WEIGHT, _BRIGHTNESS_WEIGHT = 1.6, 0.7
_DIFFERENCE_MIN = 18.0
# Edges stronger than the empty belt's by this much: dark things on a dark belt.
_TEXTURE_MIN = 12.0
# Lamps, the sun and the camera's exposure brighten the whole belt by up to a quarter. In 8-bit Lab
# that multiplies L + 41, by up to this much; so many of the belt's pixels must agree on it.
_LIGHT_MOST, _LIGHT_OFFSET, _LIGHT_SHARE = 1.25, 41.0, 0.08
# Gaps narrower than this inside a thing are part of it.
_CLOSED_MM = 30.0
# Texture is judged in a window of 5 px, so it reaches 2 px beyond a thing's edge: taken off again.
_HALO_PX = 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the monitor says after a frame."""

    state: State
    in_window: float | None
    """Share of the belt covered over the last window of travel, 0 to 1; None: not known yet."""
    in_view: float | None
    """Share of the belt in view covered now."""


UNKNOWN = Coverage("unknown", None, None)
"""Nobody has looked, or nobody knows the empty belt."""


class OverloadMonitor:
    """Watches coverage against an empty belt, with hysteresis over belt travel."""

    def __init__(
        self,
        empty_view: NDArray[np.uint8] | None,
        belt_mask: NDArray[np.bool_],
        mm_per_px: float,
        *,
        raise_at: float,
        release_at: float,
        window_mm: float,
    ) -> None:
        """`empty_view`: `(h, w, 3)` uint8 BGR belt view of the empty belt; None: coverage is
        unknown and stays so. `belt_mask`: `(h, w)` bool, what of the view is belt.
        """
        self._raise_at, self._release_at = raise_at, release_at
        self._state: State = "unknown"
        self._factor = min(1.0, mm_per_px / _SCALE_MM_PER_PX)
        self._row_mm = mm_per_px / self._factor
        self._mask = self._small(belt_mask.astype(np.uint8) * 255) > 250
        self._rows = max(1, round(_STRETCH_MM / self._row_mm))
        self._stretch_mm = self._rows * self._row_mm
        self._window: deque[float] = deque(maxlen=max(1, round(window_mm / self._stretch_mm)))
        self._travelled_mm = 0.0
        self._light = 1.0
        self._empty = None if empty_view is None else self._empty_belt(empty_view)

    def watch(self, view: NDArray[np.uint8], shift: Shift) -> Coverage:
        """Take in one belt view and what the belt moved since the last."""
        if self._empty is None or not self._mask.any():
            return UNKNOWN
        covered = self._covered(view, *self._empty)
        in_view = float(covered[self._mask].mean())
        self._take_in(covered, max(0.0, shift.dy_mm))
        in_window = float(np.mean(self._window)) if self._window else None
        if in_window is not None and len(self._window) == self._window.maxlen:
            if in_window >= self._raise_at:
                self._state = "overload"
            elif in_window < self._release_at or self._state == "unknown":
                self._state = "clear"
        return Coverage(self._state, in_window, in_view)

    def cue(self) -> str:
        """Which cue spoke, and by how much."""
        share = float(np.mean(self._window)) if self._window else 0.0
        over_m = len(self._window) * self._stretch_mm / 1000
        return (
            f"coverage {share:.0%} over {over_m:.1f} m of belt "
            f"(raised at {self._raise_at:.0%}, cleared below {self._release_at:.0%})"
        )

    def _take_in(self, covered: NDArray[np.bool_], moved_mm: float) -> None:
        """Judge each stretch that has come into view."""
        valid = np.flatnonzero(self._mask.any(axis=1))
        first, last = int(valid[0]), int(valid[-1]) + 1
        if moved_mm > (last - first) * self._row_mm:
            # Belt has passed that nobody saw: what is known begins anew.
            self._window.clear()
            self._state = "unknown" if self._state == "clear" else self._state
            self._travelled_mm = 0.0
            return
        self._travelled_mm += moved_mm
        stretches = int(self._travelled_mm / self._stretch_mm)
        self._travelled_mm -= stretches * self._stretch_mm
        for number in range(stretches, 0, -1):  # the one farthest downstream came first
            # One stretch inside the edge, where nothing is cut.
            top = max(first, last - (number + 1) * self._rows)
            band = slice(top, top + self._rows)
            mask = self._mask[band]
            self._window.append(float(covered[band][mask].mean()) if mask.any() else 0.0)

    def _covered(
        self, view: NDArray[np.uint8], empty_lab: NDArray[np.float32], empty_texture: float
    ) -> NDArray[np.bool_]:
        small = self._small(view)
        lab = _lab(small)
        colour = _COLOUR_WEIGHT * np.hypot(*np.moveaxis(lab - empty_lab, 2, 0)[1:])
        texture = _texture(lab[..., 0]) - empty_texture
        like_belt = self._mask & (colour < _DIFFERENCE_MIN) & (texture < _TEXTURE_MIN)
        ratio = (lab[..., 0] + _LIGHT_OFFSET) / (empty_lab[..., 0] + _LIGHT_OFFSET)
        self._light = self._light_on(ratio[like_belt])
        brightness = np.abs(ratio - self._light) * (empty_lab[..., 0] + _LIGHT_OFFSET)
        distance = _BRIGHTNESS_WEIGHT * brightness + colour
        covered = ((distance > _DIFFERENCE_MIN) | (texture > _TEXTURE_MIN)).astype(np.uint8)
        size = max(3, round(_CLOSED_MM / self._row_mm)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        closed = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, kernel)
        side = 2 * _HALO_PX + 1
        halo = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        things = cv2.erode(closed, halo, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        # Single specks are dirt of the belt.
        return cv2.medianBlur(things, 3) > 0

    def _light_on(self, ratio: NDArray[np.float32]) -> float:
        """How much brighter the belt is now: what most of it agrees on, if enough of it is seen."""
        counts, edges = np.histogram(ratio, bins=40, range=(1 / _LIGHT_MOST, _LIGHT_MOST))
        agreeing = np.convolve(counts, np.ones(3), mode="same")
        best = int(agreeing.argmax())
        if agreeing[best] < _LIGHT_SHARE * self._mask.sum():
            return self._light
        return float((edges[best] + edges[best + 1]) / 2)

    def _empty_belt(self, view: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """The empty belt's colour at each place, its marks smoothed away along the travel."""
        lab = _lab(self._small(view))
        mask = self._mask.astype(np.float32)
        along = max(3, round(400 / self._row_mm)) | 1
        weight = cv2.blur(mask, (3, along)) + 1e-6
        smooth = cv2.blur(lab * mask[..., None], (3, along)) / weight[..., None]
        texture = _texture(lab[..., 0])
        return smooth.astype(np.float32), float(np.percentile(texture[self._mask], 90))

    def _small(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(
            cv2.resize(
                picture, None, fx=self._factor, fy=self._factor, interpolation=cv2.INTER_AREA
            ),
            dtype=np.uint8,
        )


def _lab(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8-bit Lab as float32, `(h, w, 3)`: L, a, b each 0 to 255."""
    return cv2.cvtColor(picture, cv2.COLOR_BGR2LAB).astype(np.float32)


def _texture(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Local standard deviation of brightness over 5 x 5 pixels, `(h, w)`."""
    mean = cv2.blur(brightness, (5, 5))
    square = cv2.blur(brightness * brightness, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)
