"""How much of the belt carries material that stands while the belt runs on below it (bourrage).

Each picture is held against an earlier one, from which the belt has come some centimetres: what
stands lies where it lay, what rides along lies that much farther downstream. Where neither fits
better (plain surfaces, things that tumble) nothing is said; what is said around it decides.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

APART_MM, APART_MOST_MM = 40.0, 220.0
"""The belt's way between the two pictures: less can't be told apart, more has left the view."""
STANDS_BELOW, RIDES_FROM = 0.2, 0.6
"""Of the belt's speed [DOMAIN, "Jams"]; what a heap pushes ahead of it lies between the two."""
RIDES_MOST = 1.15
"""A thing that stands 200 mm above the belt seems to run that much faster."""
CLEARLY = 0.6
"""The better match must leave at most this share of the other's difference."""
DIFFERENCE_MIN = 5.0
"""Mean difference of grey levels under which there is nothing to tell apart."""
_COMPARED_MM = 45.0
JUDGED_MIN = 0.15
"""Of the material, how much must say something."""
_LOOKS_KEPT = 24


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    grey: NDArray[np.uint8]
    travelled_mm: float


class StandingMaterial:
    """Holds each look against an earlier one. Views have downstream up."""

    def __init__(self, mm_per_px: float) -> None:
        self._mm_per_px = mm_per_px
        side = max(3, round(_COMPARED_MM / mm_per_px)) | 1
        self._compared = (side, side)
        self._looks: deque[_Look] = deque(maxlen=_LOOKS_KEPT)
        self._travelled_mm = 0.0

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
        self._looks.append(_Look(grey, self._travelled_mm))
        if before is None:
            return None
        way_px = (self._travelled_mm - before.travelled_mm) / self._mm_per_px
        standing = self._difference(grey, before.grey, 0.0, STANDS_BELOW * way_px)
        riding = self._difference(grey, before.grey, RIDES_FROM * way_px, RIDES_MOST * way_px)
        told = material & (np.maximum(standing, riding) > DIFFERENCE_MIN)
        # What has only now come into view has nothing to be held against.
        fresh = round(RIDES_MOST * way_px) + self._compared[0] // 2
        told[max(0, len(told) - fresh) :] = False
        stands = int((told & (standing < CLEARLY * riding)).sum())
        rides = int((told & (riding < CLEARLY * standing)).sum())
        covered = int(material.sum())
        if stands + rides < JUDGED_MIN * covered or not covered:
            return 0.0 if not covered else None
        return covered / float(belt.sum()) * stands / (stands + rides)

    def _before(self) -> _Look | None:
        """The newest look from which the belt has come far enough."""
        for look in reversed(self._looks):
            way_mm = self._travelled_mm - look.travelled_mm
            if way_mm >= APART_MM:
                return look if way_mm <= APART_MOST_MM else None
        return None

    def _difference(
        self, now: NDArray[np.uint8], before: NDArray[np.uint8], from_px: float, to_px: float
    ) -> NDArray[np.float32]:
        """How far each place differs, at the best of the ways from..to downstream."""
        best: NDArray[np.float32] | None = None
        height = now.shape[0]
        for way_px in range(round(from_px), round(to_px) + 1):
            difference = np.full(now.shape, 255, dtype=np.float32)
            kept = max(0, height - way_px)
            difference[:kept] = cv2.absdiff(now[:kept], before[height - kept :])
            near = cv2.blur(difference, self._compared)
            best = near if best is None else np.minimum(best, near)
        assert best is not None
        return np.asarray(best, dtype=np.float32)
