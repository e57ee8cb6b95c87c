"""How far the belt has moved since the last picture: from a fixed speed, or from the picture."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Basis = Literal["none", "profile", "picture"]


@dataclass(frozen=True, slots=True)
class Shift:
    """What the belt moved between two frames, belt coordinates (mm)."""

    dx_mm: float
    dy_mm: float
    known: bool
    """False: nothing could be measured and nothing is assumed; the shift is then 0."""


class BeltMotion(Protocol):
    """Follows the belt from frame to frame."""

    @property
    def basis(self) -> Basis: ...
    @property
    def speed_mm_s(self) -> float | None: ...
    def advance(self, view: NDArray[np.uint8], t_ns: int) -> Shift:
        """The shift since the last call. `view`: `(h, w, 3)` uint8 BGR belt view."""
        ...


class FixedSpeed:
    """The belt runs at the speed that the profile says."""

    basis: Basis = "profile"

    def __init__(self, speed_mm_s: float) -> None:
        self.speed_mm_s: float | None = speed_mm_s
        self._speed = speed_mm_s
        self._last_ns: int | None = None

    def advance(self, view: NDArray[np.uint8], t_ns: int) -> Shift:  # noqa: ARG002
        elapsed_s = 0.0 if self._last_ns is None else (t_ns - self._last_ns) / 1e9
        self._last_ns = t_ns
        return Shift(0.0, self._speed * elapsed_s, True)


class PictureSpeed:
    """The belt's speed as its picture moves: phase correlation of two belt views.

    Kuglin & Hines 1975, by `cv2.phaseCorrelate`. What stands still in the picture (lamp light,
    vignette, lengthwise ridges) would correlate at zero shift, so only what differs from a blurred
    picture and from the running mean of each place is compared.
    """

    # Long side of the compared picture: AA cells are still blobs, and one correlation takes 1 ms.
    COMPARED_PX = 192
    # Below this share of the energy in the peak the two pictures show different stretches of belt.
    RESPONSE_MIN = 0.08
    SPEEDS_KEPT = 9

    def __init__(self, mm_per_px: float, *, along_only: bool) -> None:
        """`along_only`: the travel is known (up in the view), so movement across is an error."""
        self._mm_per_px = mm_per_px
        self._along_only = along_only
        self._last: NDArray[np.float32] | None = None
        self._last_ns = 0
        self._window: NDArray[np.float32] | None = None
        self._standing: NDArray[np.float32] | None = None
        self._velocities: deque[tuple[float, float]] = deque(maxlen=self.SPEEDS_KEPT)

    @property
    def basis(self) -> Basis:
        return "picture" if self._velocities else "none"

    @property
    def speed_mm_s(self) -> float | None:
        if not self._velocities:
            return None
        vx, vy = self._velocity()
        return vy if self._along_only else float(np.hypot(vx, vy))

    def advance(self, view: NDArray[np.uint8], t_ns: int) -> Shift:
        scale = self.COMPARED_PX / max(view.shape[:2])
        small = cv2.cvtColor(
            cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
            cv2.COLOR_BGR2GRAY,
        ).astype(np.float32)
        detail = small - cv2.GaussianBlur(small, (0, 0), 6)
        if self._standing is None:
            self._standing = np.zeros_like(detail)
            size = (detail.shape[1], detail.shape[0])
            self._window = np.asarray(cv2.createHanningWindow(size, cv2.CV_32F), dtype=np.float32)
        # Learned over about 20 frames: a belt's own marks pass, what stands in the picture stays.
        cv2.accumulateWeighted(detail, self._standing, 0.05)
        moving = np.asarray(detail - self._standing, dtype=np.float32)
        last, self._last = self._last, moving
        elapsed_s, self._last_ns = (t_ns - self._last_ns) / 1e9, t_ns
        if last is None or elapsed_s <= 0:
            return Shift(0.0, 0.0, False)
        (du, dv), response = cv2.phaseCorrelate(last, moving, self._window)
        mm = self._mm_per_px / scale
        # The view shows the belt with downstream up, so y grows as v falls.
        dx, dy = (0.0 if self._along_only else du * mm), -dv * mm
        if response >= self.RESPONSE_MIN:
            self._velocities.append((dx / elapsed_s, dy / elapsed_s))
            return Shift(dx, dy, True)
        if not self._velocities:
            return Shift(0.0, 0.0, False)
        vx, vy = self._velocity()
        return Shift(vx * elapsed_s, vy * elapsed_s, True)

    def _velocity(self) -> tuple[float, float]:
        vx, vy = np.median(np.array(self._velocities), axis=0)
        return float(vx), float(vy)
