"""Dirt on the lens: places where less shows of all that passes below them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

STEP_MM = 120.0
"""Travel between two samples, so that each shows other belt."""
STEP_MOST_MM = 250.0
"""Travel between two samples if the view must be made for the second."""
DEFAULT_LENGTH_MM = 15_000.0
"""Travel over which it is measured where the belt's length is unknown."""
SAMPLES_MIN = 60
DULL = 0.5
"""Share of the usual detail below which a place is dirty."""
_DETAIL_PX = 9


class LensDirt:
    """Measures, over a full belt length, how much detail shows at each place of the view.

    All that is on the belt passes every place along one line of travel, so each place must show as
    much as the others on its line. Where there is dirt on the lens there is less.
    """

    def __init__(self, belt_mask: NDArray[np.bool_], length_mm: float | None) -> None:
        """`belt_mask`: `(h, w)` bool, belt pixels of the view, downstream up."""
        self._mask = cv2.erode(belt_mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        self._length_mm = length_mm or DEFAULT_LENGTH_MM
        self._detail = np.zeros(belt_mask.shape, np.float32)
        self._samples, self._from_mm, self._last_mm = 0, 0.0, -np.inf
        self.value: float | None = None
        """Share of the view that is dirty; None: no full belt length has passed yet."""

    def is_due(self, position_mm: float, *, has_view: bool) -> bool:
        """Whether the belt at this position is worth a sample. `has_view`: its view has been made
        for something else; another frame may have it soon."""
        if position_mm < self._last_mm:  # the position was lost
            self._restart(position_mm)
        return position_mm - self._last_mm >= (STEP_MM if has_view else STEP_MOST_MM)

    def update(self, view: NDArray[np.uint8], position_mm: float) -> None:
        """`view`: `(h, w, 3)` uint8 BGR, the belt, downstream up."""
        if self._samples == 0:
            self._from_mm = position_mm
        self._last_mm = position_mm
        grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), np.float32)
        detail = np.abs(grey - cv2.blur(grey, (_DETAIL_PX, _DETAIL_PX)))
        # By the light at each place, or a lamp's edge would look like dirt.
        self._detail += detail / (cv2.blur(grey, (_DETAIL_PX, _DETAIL_PX)) + 8)
        self._samples += 1
        if self._samples >= SAMPLES_MIN and position_mm - self._from_mm >= self._length_mm:
            self.value = self._share()
            self._restart(position_mm)

    def _restart(self, position_mm: float) -> None:
        self._detail[:] = 0
        self._samples, self._last_mm = 0, position_mm

    def _share(self) -> float:
        shown = np.where(self._mask, cv2.blur(self._detail, (5, 5)), np.nan)
        with np.errstate(invalid="ignore"):
            usual = np.nanmedian(shown[:, self._mask.any(axis=0)], axis=0)
        dull = np.zeros_like(self._mask)
        dull[:, self._mask.any(axis=0)] = shown[:, self._mask.any(axis=0)] < DULL * usual
        return float(dull[self._mask].mean())
