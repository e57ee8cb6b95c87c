"""Measure stationary material: the share of the belt on which material does not move while the belt
runs on below it (bourrage).

Each view is compared with an earlier one, since which the belt has moved some centimetres:
stationary material has kept its place, material that moves with the belt is that much farther
downstream. Where neither matches better (plain surfaces, tumbling objects) a place does not count;
the places around it decide.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

APART_MM, APART_MAX_MM = 40.0, 220.0
"""Belt travel between the two views: with less, moving and stationary material can't be
distinguished; with more, the material has left the view."""
STATIONARY_BELOW, MOVING_FROM = 0.2, 0.6
"""Shares of the belt's speed [DOMAIN, "Jams"]; material pushed ahead by a heap is between them."""
RUNNING_MM = 0.1
"""With less travel per evaluation the belt is stopped, and nothing can be measured."""
MOVING_MAX = 1.15
"""The top of an object 200 mm above the belt seems to move this much faster."""
CLEARLY = 0.6
"""The better match must leave at most this share of the other's difference."""
DIFFERENCE_MIN = 5.0
"""Mean difference in grey levels below which the two matches can't be distinguished."""
DECIDED_MIN = 0.15
"""Minimum share of the material whose places give evidence."""
_PLACE_MM = 15.0
"""Each place is evaluated as a whole, with the places around it."""
_KEPT_EVERY_MM, _VIEWS_KEPT = 5.0, 24


@dataclass(frozen=True, slots=True, eq=False)
class _EarlierView:
    grey: NDArray[np.uint8]
    travelled_mm: float


class StationaryMaterial:
    """Compares each view with an earlier one. Views have downstream up."""

    def __init__(self, mm_per_px: float) -> None:
        self._mm_per_px = mm_per_px
        self._place_px = max(1, round(_PLACE_MM / mm_per_px))
        self._views: deque[_EarlierView] = deque(maxlen=_VIEWS_KEPT)
        self._travelled_mm = 0.0
        self._difference: NDArray[np.uint8] = np.empty((0, 0), dtype=np.uint8)

    def share(
        self,
        view: NDArray[np.uint8],
        material: NDArray[np.bool_],
        belt: NDArray[np.bool_],
        moved_mm: float,
    ) -> float | None:
        """Share of the belt with stationary material, 0 to 1; None: not measurable, as the belt has
        not moved far enough or too few places give evidence.

        `view`: `(h, w, 3)` uint8 BGR; `material`, `belt`: `(h, w)` bool, the masks of material and
        belt; `moved_mm`: belt travel since the last call.
        """
        grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        self._travelled_mm += moved_mm
        before = self._earlier_view()
        if not self._views or self._travel_since_mm(self._views[-1]) >= _KEPT_EVERY_MM:
            self._views.append(_EarlierView(grey, self._travelled_mm))
        if before is None or moved_mm < RUNNING_MM:
            return None
        covered = int(material.sum())
        if not covered:
            return 0.0
        travel_px = self._travel_since_mm(before) / self._mm_per_px
        stationary = self._mismatch(grey, before.grey, 0.0, STATIONARY_BELOW * travel_px)
        moving = self._mismatch(grey, before.grey, MOVING_FROM * travel_px, MOVING_MAX * travel_px)
        usable = self._places(material.view(np.uint8) * np.uint8(255)) >= 128
        usable &= cv2.max(stationary, moving) > DIFFERENCE_MIN
        # Material that has only just entered the view is not in the earlier one.
        fresh = ceil(MOVING_MAX * travel_px / self._place_px) + 1
        usable[max(0, len(usable) - fresh) :] = False
        is_stationary = int((usable & (stationary < CLEARLY * moving)).sum())
        is_moving = int((usable & (moving < CLEARLY * stationary)).sum())
        if (is_stationary + is_moving) * self._place_px**2 < DECIDED_MIN * covered:
            return None
        return covered / float(belt.sum()) * is_stationary / (is_stationary + is_moving)

    def _travel_since_mm(self, view: _EarlierView) -> float:
        return self._travelled_mm - view.travelled_mm

    def _earlier_view(self) -> _EarlierView | None:
        """The newest view since which the belt has moved far enough."""
        for view in reversed(self._views):
            if self._travel_since_mm(view) >= APART_MM:
                return view if self._travel_since_mm(view) <= APART_MAX_MM else None
        return None

    def _mismatch(
        self, now: NDArray[np.uint8], before: NDArray[np.uint8], from_px: float, to_px: float
    ) -> NDArray[np.uint8]:
        """Mean difference of each place in grey levels, at the best displacement downstream within
        from_px..to_px."""
        if self._difference.shape != now.shape:
            self._difference = np.empty_like(now)
        best: NDArray[np.uint8] | None = None
        for moved_px in range(round(from_px), round(to_px) + 1):
            kept = max(0, len(now) - moved_px)
            self._difference[:kept] = cv2.absdiff(now[:kept], before[len(now) - kept :])
            self._difference[kept:] = 255
            around = np.asarray(cv2.blur(self._places(self._difference), (3, 3)), dtype=np.uint8)
            best = around if best is None else np.minimum(best, around)
        assert best is not None
        return best

    def _places(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = (max(1, side // self._place_px) for side in image.shape)
        cut = image[: height * self._place_px, : width * self._place_px]
        shrunk = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, dtype=np.uint8)
