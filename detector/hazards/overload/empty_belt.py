"""What of a belt view is bare belt, known from a picture of the empty belt.

The belt moves under the camera, so its stains and ridges are never where the picture showed them,
while lamps, their mirror images in water and dirt of the lens are: each place is held against the
belt's colour around it and against the picture itself. Shade and light stretch a colour along its
own direction, material turns it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.hazards.overload.belt_pattern import BeltPattern

TURNED_LEAST, TURNED_MOST = 6.0, 9.0
"""Grey levels beside the belt's own colour, at the belt's brightness, that are something else: less
on an even belt, more on a stained one. Dark sheets on a grey belt lie 4 to 8 beside it."""
TURNED_BEYOND, TURNED_OF_LIGHT = 3.0, 0.045
"""So much further than nearly all of the empty belt, and of its brightness: lamps change colour."""
DARKER_MOST, BRIGHTER_MOST = 0.5, 1.35
"""Of the belt's brightness: shade at a thing's foot, a worn patch or a damp one."""
TEXTURE_MIN = 10.0
"""Edges stronger than the empty belt's by this much: dark things on a dark belt."""
LIGHT_MOST, LIGHT_SHARE = 1.6, 0.08
"""Lamps, the sun and the camera's exposure brighten the whole belt by up to this much; so many of
the belt's pixels must agree on it."""
LIGHT_STEP, LIGHT_STEP_SHARE = 0.1, 0.15
"""A light further from the last one that is sure is only believed of so many of the belt's pixels:
on a full belt the greatest part that agrees may be a sheet of the belt's own colour."""
WET_MOST = 0.25
"""Of the belt's brightness: how much more colourful water makes it."""
_AROUND_MM = 400.0
"""The belt's colour is taken over this much of it along the travel."""
_CLOSED_MM = 20.0
"""Gaps narrower than this inside a thing are part of it."""
_HALO_PX = 2
"""Texture is judged in a window of 5 px, so it reaches 2 px beyond a thing's edge: taken off."""
_EVERY = 4
"""Each how manieth place the light is taken from: a quarter says as much."""
_DARK = 12.0
"""Grey levels that a camera's noise and black level are worth; colours of less mean nothing."""


class EmptyBelt:
    """Tells bare belt from what lies on it. One light for the whole view is followed."""

    def __init__(self, empty: NDArray[np.uint8], belt: NDArray[np.bool_], mm_per_px: float) -> None:
        """`empty`: `(h, w, 3)` uint8 BGR, the view of the empty belt; `belt`: `(h, w)` bool."""
        self._belt = belt
        self._light = self._sure_light = 1.0
        picture = empty.astype(np.float32)
        mask = belt.astype(np.float32)
        along = max(3, round(_AROUND_MM / mm_per_px)) | 1
        weight = cv2.blur(mask, (3, along)) + 1e-6
        around = cv2.blur(picture * mask[..., None], (3, along)) / weight[..., None]
        # The belt's own colour first: the light is taken from it.
        self._colours = (
            BeltColour(around),
            BeltColour(cv2.blur(picture, (3, 3)).astype(np.float32)),
        )
        grey = np.asarray(cv2.cvtColor(empty, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        self._turned = self._turned_from(picture)
        self._pattern = BeltPattern(
            grey, np.asarray(cv2.cvtColor(around, cv2.COLOR_BGR2GRAY), np.float32), belt, mm_per_px
        )
        self._texture = float(np.percentile(_texture(grey)[belt], 90)) if belt.any() else 0.0
        side = max(3, round(_CLOSED_MM / mm_per_px)) | 1
        self._gaps = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        reach = 2 * _HALO_PX + 1
        self._halo = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))

    def covered(self, view: NDArray[np.uint8], *, learns: bool) -> NDArray[np.bool_]:
        """`(h, w)` bool: where something lies. `view`: `(h, w, 3)` uint8 BGR; `learns`: the light
        may be taken from it."""
        grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        textured = _texture(grey) > self._texture + TEXTURE_MIN
        picture = view.astype(np.float32)
        square = _dot(picture, picture)
        apart = [colour.apart(picture, square) for colour in self._colours]
        level, turned = apart[0]
        if learns:
            self._light = self._light_on(
                level[self._belt & (turned < self._turned) & ~textured][::_EVERY]
            )
        darkest, brightest = DARKER_MOST * self._light, BRIGHTER_MOST * self._light
        bare = np.zeros_like(textured)
        for level, turned in apart:
            bare |= (turned < self._turned) & (level > darkest) & (level < brightest)
        bare &= ~self._pattern.missing(grey, bare, learns=learns)
        covered = (~bare | textured).astype(np.uint8)
        closed = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, self._gaps)
        things = cv2.erode(closed, self._halo, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        # Single specks are dirt of the belt.
        return np.asarray(cv2.medianBlur(things, 3) > 0)

    def _turned_from(self, empty: NDArray[np.float32]) -> float:
        """How many grey levels beside the belt's colour are something else, on this belt."""
        if not self._belt.any():
            return TURNED_MOST
        _, turned = self._colours[0].apart(empty, _dot(empty, empty))
        stained = float(np.percentile(turned[self._belt], 98)) + TURNED_BEYOND
        bright = float(np.median(empty[self._belt])) * TURNED_OF_LIGHT
        return float(np.clip(max(stained, bright), TURNED_LEAST, TURNED_MOST))

    def _light_on(self, level: NDArray[np.float32]) -> float:
        """How much brighter the belt is now: what most of it agrees on, if enough of it is seen."""
        counts, edges = np.histogram(
            np.log(np.maximum(level, 1e-3)),
            bins=60,
            range=(-np.log(LIGHT_MOST), np.log(LIGHT_MOST)),
        )
        agreeing = np.convolve(counts, np.ones(5), mode="same")
        best = int(agreeing.argmax())
        share = agreeing[best] * _EVERY / self._belt.sum()
        light = float(np.exp((edges[best] + edges[best + 1]) / 2))
        if share >= LIGHT_STEP_SHARE:
            self._sure_light = light
        is_far = abs(np.log(light / self._sure_light)) > LIGHT_STEP
        return self._light if is_far or share < LIGHT_SHARE else light


class BeltColour:
    """The belt's colour at each place."""

    def __init__(self, colour: NDArray[np.float32]) -> None:
        self._square = _dot(colour, colour) + _DARK**2
        self._of_level = np.ascontiguousarray(colour / self._square[..., None])
        # From grey away: water makes a coloured belt darker and more colourful.
        deeper = colour - colour.mean(axis=2, keepdims=True)
        deeper -= colour * (_dot(colour, deeper) / self._square)[..., None]
        length = np.sqrt(_dot(deeper, deeper))
        self._deeper = deeper / np.maximum(length, 1.0)[..., None]
        self._wet = WET_MOST * np.sqrt(self._square)

    def apart(
        self, picture: NDArray[np.float32], square: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How bright a place is in parts of the belt's brightness, and how many grey levels it
        lies beside the belt's colour; `(h, w)` both. `square`: of the picture."""
        level = _dot(picture, self._of_level)
        beside = square - level * level * (self._square + _DARK**2)
        deeper = np.maximum(_dot(picture, self._deeper), 0)
        beside -= deeper * deeper
        beside += np.square(np.maximum(deeper - self._wet * level, 0))
        turned = np.sqrt(np.maximum(beside, 0)) / np.clip(level, 0.6, 1.5)
        return level, np.asarray(turned, dtype=np.float32)


_SUM = np.ones((1, 3), dtype=np.float32)


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The dot product at each place, `(h, w)`: a tenth of the time that numpy's sum takes."""
    return np.asarray(cv2.transform(cv2.multiply(a, b), _SUM), dtype=np.float32)


def _texture(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Local standard deviation of brightness over 5 x 5 pixels, `(h, w)`."""
    mean = cv2.blur(grey, (5, 5))
    square = cv2.blur(grey * grey, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)
