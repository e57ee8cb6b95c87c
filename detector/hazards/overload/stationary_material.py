"""How much of the belt carries material that stands while the belt runs on below it (bourrage).

Each picture is held against an earlier one, from which the belt has come some centimetres: what
stands lies where it lay, what rides along lies that much farther downstream. Where neither fits
better (plain surfaces, things that tumble) nothing is said; what is said around it decides.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

APART_MM, APART_MOST_MM = 40.0, 220.0
"""The belt's way between the two pictures: less can't be told apart, more has left the view."""
STANDS_BELOW, RIDES_FROM = 0.2, 0.6
"""Of the belt's speed [DOMAIN, "Jams"]; what a heap pushes ahead of it lies between the two."""
RUNS_MM = 0.1
"""In a look less is a belt that stands, by which nothing can be told."""
RIDES_MOST = 1.15
"""A thing that stands 200 mm above the belt seems to run that much faster."""
CLEARLY = 0.6
"""The better match must leave at most this share of the other's difference."""
DIFFERENCE_MIN = 5.0
"""Mean difference of grey levels under which there is nothing to tell apart."""
JUDGED_MIN = 0.15
"""Of the material, how much must say something."""
_PLACE_MM = 15.0
"""Each place is judged as a whole, with those around it."""
_KEPT_EVERY_MM, _LOOKS_KEPT = 5.0, 24


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    grey: NDArray[np.uint8]
    travelled_mm: float


class StandingMaterial:
    """Holds each look against an earlier one. Views have downstream up."""

    def __init__(self, mm_per_px: float) -> None:
        self._mm_per_px = mm_per_px
        self._place_px = max(1, round(_PLACE_MM / mm_per_px))
        self._looks: deque[_Look] = deque(maxlen=_LOOKS_KEPT)
        self._travelled_mm = 0.0
        self._apart: NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)

    def share(
        self,
        view: NDArray[np.uint8],
        material: NDArray[np.bool_],
        belt: NDArray[np.bool_],
        moved_mm: float,
    ) -> float | None:
        """Share of the belt that carries standing material; None: the belt has not come far enough
        to tell.

        `view`: `(h, w, 3)` uint8 BGR; `material`, `belt`: `(h, w)` bool, what of it is covered and
        what is belt at all; `moved_mm`: the belt's way since the last look.
        """
        grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        self._travelled_mm += moved_mm
        before = self._before()
        if not self._looks or self._way_mm(self._looks[-1]) >= _KEPT_EVERY_MM:
            self._looks.append(_Look(grey, self._travelled_mm))
        if before is None or moved_mm < RUNS_MM:
            return None
        covered = int(material.sum())
        if not covered:
            return 0.0
        way_px = self._way_mm(before) / self._mm_per_px
        standing = self._difference(grey, before.grey, 0.0, STANDS_BELOW * way_px)
        riding = self._difference(grey, before.grey, RIDES_FROM * way_px, RIDES_MOST * way_px)
        told = self._places(material.view(np.uint8) * np.uint8(255)) >= 128
        told &= cv2.max(standing, riding) > DIFFERENCE_MIN
        # What has only now come into view has nothing to be held against.
        fresh = ceil(RIDES_MOST * way_px / self._place_px) + 1
        told[max(0, len(told) - fresh) :] = False
        stands = int((told & (standing < CLEARLY * riding)).sum())
        rides = int((told & (riding < CLEARLY * standing)).sum())
        if (stands + rides) * self._place_px**2 < JUDGED_MIN * covered:
            return None
        return covered / float(belt.sum()) * stands / (stands + rides)

    def _way_mm(self, look: _Look) -> float:
        return self._travelled_mm - look.travelled_mm

    def _before(self) -> _Look | None:
        """The newest look from which the belt has come far enough."""
        for look in reversed(self._looks):
            if self._way_mm(look) >= APART_MM:
                return look if self._way_mm(look) <= APART_MOST_MM else None
        return None

    def _difference(
        self, now: NDArray[np.uint8], before: NDArray[np.uint8], from_px: float, to_px: float
    ) -> NDArray[np.uint8]:
        """How far each place differs, at the best of the ways from..to downstream."""
        if self._apart.shape != now.shape:
            self._apart = np.empty_like(now)
        best: NDArray[np.uint8] | None = None
        for way_px in range(round(from_px), round(to_px) + 1):
            kept = max(0, len(now) - way_px)
            self._apart[:kept] = cv2.absdiff(now[:kept], before[len(now) - kept :])
            self._apart[kept:] = 255
            around = np.asarray(cv2.blur(self._places(self._apart), (3, 3)), dtype=np.uint8)
            best = around if best is None else np.minimum(best, around)
        assert best is not None
        return best

    def _places(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = (max(1, side // self._place_px) for side in picture.shape)
        cut = picture[: height * self._place_px, : width * self._place_px]
        shrunk = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, dtype=np.uint8)
