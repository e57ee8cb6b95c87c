"""Distinguish bare belt from material, with a reference image of the empty belt.

The belt moves under the camera, so its stains and ridges are never where the reference image shows
them, while lamps, their reflections in water and dirt on the lens are: each place is compared with
the belt's mean colour around it and with the reference image itself. Shade and light scale a colour
along its own direction, material rotates it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.hazards.overload.belt_pattern import BeltPattern

TURNED_MIN, TURNED_MAX = 6.0, 9.0
"""Limits of the colour distance, in grey levels at the belt's brightness, from which a place is
material: lower on an even belt, higher on a stained one. Dark sheets on a grey belt are at 4 to
8."""
TURNED_BEYOND, TURNED_OF_LIGHT = 3.0, 0.045
"""Margin beyond nearly all of the empty belt; and a share of its brightness, as lamps change
colour."""
DARKER_MAX, BRIGHTER_MAX = 0.5, 1.35
"""Shares of the belt's brightness: shade at an object's foot, a worn or a damp patch."""
TEXTURE_MIN = 10.0
"""Margin over the empty belt's texture: finds dark objects on a dark belt by their edges."""
LIGHT_MAX, LIGHT_SHARE = 1.6, 0.08
"""Lamps, the sun and the camera's exposure brighten the whole belt by up to this factor; this share
of the belt's pixels must agree on it."""
LIGHT_STEP, LIGHT_STEP_SHARE = 0.1, 0.15
"""A larger step from the last certain illumination needs this share of the belt's pixels: on a full
belt the largest area that agrees may be a sheet of the belt's own colour."""
WET_MAX = 0.25
"""Share of the belt's brightness by which water makes its colour more saturated."""
_AROUND_MM = 400.0
"""Length along the travel over which the belt's colour is averaged."""
_CLOSED_MM = 20.0
"""Gaps narrower than this inside an object are part of it."""
_HALO_PX = 2
"""Texture is measured in a window of 5 px, so it reaches 2 px beyond an object's edge: removed."""
_EVERY = 4
"""Sample every 4th pixel to estimate illumination; a quarter gives the same estimate."""
_DARK = 12.0
"""Grey levels of a camera's noise and black level; darker colours are meaningless."""


class EmptyBelt:
    """Distinguishes bare belt from material. Follows one illumination factor for the whole view."""

    def __init__(self, empty: NDArray[np.uint8], belt: NDArray[np.bool_], mm_per_px: float) -> None:
        """`empty`: `(h, w, 3)` uint8 BGR, the view of the empty belt; `belt`: `(h, w)` bool, mask
        of the belt."""
        self._belt = belt
        self._light = self._certain_light = 1.0
        image = empty.astype(np.float32)
        mask = belt.astype(np.float32)
        along = max(3, round(_AROUND_MM / mm_per_px)) | 1
        weight = cv2.blur(mask, (3, along)) + 1e-6
        around = cv2.blur(image * mask[..., None], (3, along)) / weight[..., None]
        # The mean colour first: illumination is estimated with it.
        self._colours = (
            BeltColour(around),
            BeltColour(cv2.blur(image, (3, 3)).astype(np.float32)),
        )
        grey = np.asarray(cv2.cvtColor(empty, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        self._turned = self._turned_limit(image)
        self._pattern = BeltPattern(
            grey, np.asarray(cv2.cvtColor(around, cv2.COLOR_BGR2GRAY), np.float32), belt, mm_per_px
        )
        self._texture = float(np.percentile(_texture(grey)[belt], 90)) if belt.any() else 0.0
        side = max(3, round(_CLOSED_MM / mm_per_px)) | 1
        self._gaps = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        reach = 2 * _HALO_PX + 1
        self._halo = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))

    def covered(self, view: NDArray[np.uint8], *, learns: bool) -> NDArray[np.bool_]:
        """`(h, w)` bool: covered by material. `view`: `(h, w, 3)` uint8 BGR; `learns`: whether
        illumination and stripes may be updated from it."""
        grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        textured = _texture(grey) > self._texture + TEXTURE_MIN
        image = view.astype(np.float32)
        square = _dot(image, image)
        differences = [colour.difference(image, square) for colour in self._colours]
        level, turned = differences[0]
        if learns:
            self._light = self._estimate_light(
                level[self._belt & (turned < self._turned) & ~textured][::_EVERY]
            )
        darkest, brightest = DARKER_MAX * self._light, BRIGHTER_MAX * self._light
        bare = np.zeros_like(textured)
        for level, turned in differences:
            bare |= (turned < self._turned) & (level > darkest) & (level < brightest)
        bare &= ~self._pattern.missing(grey, bare, learns=learns)
        covered = (~bare | textured).astype(np.uint8)
        closed = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, self._gaps)
        material = cv2.erode(closed, self._halo, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        # Single specks are dirt on the belt.
        return np.asarray(cv2.medianBlur(material, 3) > 0)

    def _turned_limit(self, empty: NDArray[np.float32]) -> float:
        """The colour distance, in grey levels, from which a place is material on this belt."""
        if not self._belt.any():
            return TURNED_MAX
        _, turned = self._colours[0].difference(empty, _dot(empty, empty))
        stained = float(np.percentile(turned[self._belt], 98)) + TURNED_BEYOND
        bright = float(np.median(empty[self._belt])) * TURNED_OF_LIGHT
        return float(np.clip(max(stained, bright), TURNED_MIN, TURNED_MAX))

    def _estimate_light(self, level: NDArray[np.float32]) -> float:
        """Illumination now, as a factor of the reference image's: the most frequent level, if
        enough pixels agree on it."""
        counts, edges = np.histogram(
            np.log(np.maximum(level, 1e-3)),
            bins=60,
            range=(-np.log(LIGHT_MAX), np.log(LIGHT_MAX)),
        )
        agreeing = np.convolve(counts, np.ones(5), mode="same")
        best = int(agreeing.argmax())
        share = agreeing[best] * _EVERY / self._belt.sum()
        light = float(np.exp((edges[best] + edges[best + 1]) / 2))
        if share >= LIGHT_STEP_SHARE:
            self._certain_light = light
        is_far = abs(np.log(light / self._certain_light)) > LIGHT_STEP
        return self._light if is_far or share < LIGHT_SHARE else light


class BeltColour:
    """The belt's colour at each pixel."""

    def __init__(self, colour: NDArray[np.float32]) -> None:
        """`colour`: `(h, w, 3)` float32 BGR."""
        self._square = _dot(colour, colour) + _DARK**2
        self._of_level = np.ascontiguousarray(colour / self._square[..., None])
        # Away from grey: water makes a coloured belt darker and more saturated.
        deeper = colour - colour.mean(axis=2, keepdims=True)
        deeper -= colour * (_dot(colour, deeper) / self._square)[..., None]
        length = np.sqrt(_dot(deeper, deeper))
        self._deeper = deeper / np.maximum(length, 1.0)[..., None]
        self._wet = WET_MAX * np.sqrt(self._square)

    def difference(
        self, image: NDArray[np.float32], square: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Brightness as a factor of the belt's, and distance from the belt's colour in grey levels;
        both `(h, w)` float32. `image`: `(h, w, 3)` float32 BGR; `square`: `(h, w)`, its squared
        length."""
        level = _dot(image, self._of_level)
        beside = square - level * level * (self._square + _DARK**2)
        deeper = np.maximum(_dot(image, self._deeper), 0)
        beside -= deeper * deeper
        beside += np.square(np.maximum(deeper - self._wet * level, 0))
        turned = np.sqrt(np.maximum(beside, 0)) / np.clip(level, 0.6, 1.5)
        return level, np.asarray(turned, dtype=np.float32)


_SUM = np.ones((1, 3), dtype=np.float32)


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The dot product at each pixel, `(h, w)`: a tenth of the time of numpy's sum."""
    return np.asarray(cv2.transform(cv2.multiply(a, b), _SUM), dtype=np.float32)


def _texture(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Local standard deviation of brightness over 5 x 5 pixels, `(h, w)`."""
    mean = cv2.blur(grey, (5, 5))
    square = cv2.blur(grey * grey, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)
