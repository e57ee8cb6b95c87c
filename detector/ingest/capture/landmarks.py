"""Fixed structures beside the belt: how far the camera has moved since commissioning.

Small patches of a reference are searched for, once a second, around the places where they were. A
person or a forklift hides some patches, which then do not count; changing light does not matter,
because each is compared by its normalised correlation.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH_PX, SEARCH_PX = 32, 32
"""Side of a patch, and greatest shift along x and y; reduced px, see `reduction`."""
FULL_WIDTH_PX = 1280
"""Wider images are reduced."""
LEAST, MOST = 4, 16
"""Number of patches: with fewer the camera's movement is not measured."""
ALIKE = 0.7
"""Normalised correlation from which a patch counts as found. Chosen."""
AGREE_PX = 1.5
"""Patches that have moved as one differ by less, reduced px."""
FOUND_LEAST = 3
SAMPLES = 5
"""The shift is the median of this number of samples."""
LOST_SAMPLES = 30
"""After this number of samples without enough patches the structures count as lost."""
DARK = 12
"""A patch that is darker on average (of 255) is not looked for."""
STEADY = 6.0
"""Greatest usual deviation of a fixed structure from its median, grey levels. Chosen."""
STRUCTURE = 2e-5
"""Least corner strength (smaller eigenvalue, grey levels as 0 to 1). Chosen."""
STAYS = 0.9
"""Share of the samples in which a patch must be found at its place to be taken."""

Grey = NDArray[np.uint8]


def reduction(width_px: int) -> int:
    """By what whole factor an image of this width is reduced."""
    return math.ceil(width_px / FULL_WIDTH_PX)


def reduced(image: NDArray[np.uint8]) -> Grey:
    """The grey, reduced image `(h, w)` of a `(h, w, 3)` BGR one, uint8."""
    factor = reduction(image.shape[1])
    if factor > 1:
        size = image.shape[1] // factor, image.shape[0] // factor
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


class Landmarks:
    """Measures the shift of an image against the reference."""

    def __init__(self, corners: Sequence[tuple[int, int]], patches: Sequence[Grey]) -> None:
        """`corners`: left and top of each patch, reduced px; `patches`: `(32, 32)` uint8 each."""
        self.corners, self.patches = tuple(corners), tuple(patches)
        self._recent: deque[float] = deque(maxlen=SAMPLES)
        self._missing = 0

    @classmethod
    def read(cls, file: Path, corners: Sequence[tuple[int, int]]) -> Landmarks:
        """Landmarks from the file of their `png`.

        Raises `ValueError`, one line, if it is not one with a patch for each corner.
        """
        strip = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
        if strip is None or strip.shape != (PATCH_PX, PATCH_PX * len(corners)):
            raise ValueError(f"{file}: is not an image of {len(corners)} landmarks")
        patches = np.split(np.asarray(strip, np.uint8), len(corners), axis=1)
        return cls([(x, y) for x, y in corners], patches)

    def png(self) -> bytes:
        """All patches side by side, as PNG."""
        _, data = cv2.imencode(".png", np.hstack(self.patches))
        return data.tobytes()

    @property
    def shift_px(self) -> float | None:
        """Shift of the structures in the last seconds, full-size px; infinite: they are lost;
        None: not known yet."""
        if self._missing >= LOST_SAMPLES:
            return math.inf
        return median(self._recent) if len(self._recent) == SAMPLES else None

    def update(self, image: NDArray[np.uint8]) -> None:
        """Sample a `(h, w, 3)` uint8 BGR image that is not masked."""
        grey = reduced(image)
        found = [self.locate(grey, number) for number in range(len(self.corners))]
        shift = _common_shift(self.corners, [each[0] if each else None for each in found])
        if shift is not None:
            self._recent.append(shift * reduction(image.shape[1]))
            self._missing = 0
        elif not self._is_dark(grey):
            self._missing += 1

    def locate(self, grey: Grey, number: int) -> tuple[tuple[float, float], float] | None:
        """The left and top of a patch in a reduced image, px, and its correlation; None: it is not
        found."""
        left, top = self.corners[number]
        x, y = max(0, left - SEARCH_PX), max(0, top - SEARCH_PX)
        window = grey[y : top + PATCH_PX + SEARCH_PX, x : left + PATCH_PX + SEARCH_PX]
        compared = cv2.matchTemplate(window, self.patches[number], cv2.TM_CCOEFF_NORMED)
        alike = np.asarray(compared, np.float32)
        _, best, _, (at_x, at_y) = cv2.minMaxLoc(alike)
        if not ALIKE <= best <= 1.01:  # a plain window gives an infinite value
            return None
        fine_x = at_x + _peak(alike[at_y], at_x)
        fine_y = at_y + _peak(alike[:, at_x], at_y)
        return (x + fine_x, y + fine_y), best

    def _is_dark(self, grey: Grey) -> bool:
        means = [grey[y : y + PATCH_PX, x : x + PATCH_PX].mean() for x, y in self.corners]
        return bool(median(means) < DARK)


def choose(samples: Sequence[Grey], elsewhere: NDArray[np.uint8]) -> Landmarks | None:
    """Landmarks from reduced images of some minutes; None: too few structures are fixed.

    `elsewhere`: `(h, w)` uint8, reduced px: 255 where none may be taken: on the belt.
    """
    stack = np.stack(samples)
    usual = np.median(stack, axis=0).astype(np.uint8)
    deviation = np.median(np.abs(stack.astype(np.int16) - usual), axis=0).astype(np.float32)
    box = (PATCH_PX, PATCH_PX)
    structure = cv2.boxFilter(cv2.cornerMinEigenVal(usual, 7), -1, box)
    taken = cv2.boxFilter((elsewhere > 0).astype(np.float32), -1, box)
    structure[(cv2.boxFilter(deviation, -1, box) > STEADY) | (taken > 1e-4)] = 0
    half = PATCH_PX // 2
    for edge in (np.s_[:half], np.s_[-half:], np.s_[:, :half], np.s_[:, -half:]):
        structure[edge] = 0
    corners: list[tuple[int, int]] = []
    patches: list[Grey] = []
    while len(corners) < MOST:
        _, best, _, (x, y) = cv2.minMaxLoc(structure)
        if best < STRUCTURE:
            break
        left, top = x - half, y - half
        patch = usual[top : top + PATCH_PX, left : left + PATCH_PX].copy()
        cv2.rectangle(structure, (x - PATCH_PX, y - PATCH_PX), (x + PATCH_PX, y + PATCH_PX), 0, -1)
        if _stays(stack, (left, top), patch):
            corners.append((left, top))
            patches.append(patch)
    return Landmarks(corners, patches) if len(corners) >= LEAST else None


def _stays(stack: Grey, corner: tuple[int, int], patch: Grey) -> bool:
    alone = Landmarks([corner], [patch])
    places = [found[0] for grey in stack if (found := alone.locate(grey, 0)) is not None]
    near = [at for at in places if math.dist(at, corner) < AGREE_PX / 2]
    return len(near) >= STAYS * len(stack)


def _common_shift(
    corners: Sequence[tuple[int, int]], found: Sequence[tuple[float, float] | None]
) -> float | None:
    """Root mean square shift of the patches that have moved as one, by a rigid movement and a
    change of scale; None: too few agree."""
    pairs = [(corner, at) for corner, at in zip(corners, found, strict=True) if at is not None]
    if len(pairs) < FOUND_LEAST:
        return None
    before = np.array([each[0] for each in pairs], np.float64)
    after = np.array([each[1] for each in pairs], np.float64)
    matrix, inliers = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=AGREE_PX)
    if matrix is None or inliers is None:
        return None
    agree = inliers[:, 0] > 0
    if agree.sum() < max(FOUND_LEAST, len(pairs) / 2):
        return None
    shifts = before[agree] @ matrix[:, :2].T + matrix[:, 2] - before[agree]
    return float(np.sqrt((shifts**2).sum(axis=1).mean()))


def _peak(values: NDArray[np.float32], at: int) -> float:
    """Offset of a parabola's top from the greatest of three values."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, top, after = (float(values[at + step]) for step in (-1, 0, 1))
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
