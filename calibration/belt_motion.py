"""How far the belt has moved since the last picture: from a fixed speed, or from the picture."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from calibration.picture_shift import PictureShift

Basis = Literal["none", "profile", "picture", "encoder"]


@dataclass(frozen=True, slots=True)
class Shift:
    """What the belt moved between two frames, belt coordinates (mm)."""

    dx_mm: float
    dy_mm: float
    known: bool
    """False: nothing could be measured and nothing is assumed; the shift is then 0."""

    def then(self, next_one: Shift) -> Shift:
        """Both, one after the other."""
        return Shift(
            self.dx_mm + next_one.dx_mm,
            self.dy_mm + next_one.dy_mm,
            self.known and next_one.known,
        )


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


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One picture that later ones are compared with."""

    spectrum: NDArray[np.complex64]
    t_ns: int
    place_mm: NDArray[np.float64]
    """`(2,)` how far the belt had come, across and along."""


class PictureSpeed:
    """The belt's speed as its picture moves.

    Each picture is compared with the oldest of the last ones of which most is still in view: over
    that way an error of a tenth of a pixel is nothing, and what stands still in the picture (lamp
    light, dirt of the lens) has parted from what moves.
    """

    LOOKS_KEPT = 8
    # Each speed spans up to that many looks: the middle one of three is late by half of them.
    SPEEDS_KEPT = 3
    # Of the view, how far the belt may have come since the picture that is compared with.
    FARTHEST = 0.3
    # Things stand above the belt and seem to wander: this far across, at most, of the view's width.
    ACROSS_AT_MOST = 0.03
    # A measured speed holds this long while nothing on the belt can be followed.
    HELD_NS = 2_000_000_000

    def __init__(
        self,
        mm_per_px: float,
        *,
        along_only: bool,
        belt_mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """`along_only`: the travel is known (up in the view), so movement across is an error.
        `belt_mask`: `(h, w)` bool, what of the view is belt; None: all of it.
        """
        self._mm_per_px = mm_per_px
        self._along_only = along_only
        self._belt_mask = belt_mask
        self._shift: PictureShift | None = None
        self._looks: deque[_Look] = deque(maxlen=self.LOOKS_KEPT)
        self._velocities: deque[NDArray[np.float64]] = deque(maxlen=self.SPEEDS_KEPT)
        self._measured_ns = 0

    @property
    def basis(self) -> Basis:
        return "picture" if self._velocities else "none"

    @property
    def speed_mm_s(self) -> float | None:
        if not self._velocities:
            return None
        across, along = self._velocity()
        return float(along) if self._along_only else float(np.hypot(across, along))

    def advance(self, view: NDArray[np.uint8], t_ns: int) -> Shift:
        self._shift = self._shift or PictureShift(view.shape[:2], self._belt_mask)
        spectrum = self._shift.spectrum(view)
        last = self._looks[-1] if self._looks else None
        if last is None:
            self._looks.append(_Look(spectrum, t_ns, np.zeros(2)))
            return Shift(0.0, 0.0, False)
        if t_ns <= last.t_ns:
            return Shift(0.0, 0.0, False)
        place_mm = self._measured(self._shift, spectrum, view.shape[:2], t_ns)
        if place_mm is not None:
            self._measured_ns = t_ns
        elif t_ns - self._measured_ns > self.HELD_NS:
            self._velocities.clear()
        known = bool(self._velocities)
        if place_mm is None:
            place_mm = last.place_mm + self._velocity() * (t_ns - last.t_ns) / 1e9
        self._looks.append(_Look(spectrum, t_ns, place_mm))
        across, along = place_mm - last.place_mm
        return Shift(float(across), float(along), known)

    def _measured(
        self,
        shift: PictureShift,
        spectrum: NDArray[np.complex64],
        view_hw_px: tuple[int, ...],
        t_ns: int,
    ) -> NDArray[np.float64] | None:
        """Where the belt has come to, by the oldest picture that can still be compared."""
        oldest, last = self._comparable(view_hw_px, t_ns), self._looks[-1]
        # A belt that has changed its speed may be past the oldest, but not yet past the last.
        for before in (oldest, last) if oldest is not last else (last,):
            moved_px = shift.between_px(
                before.spectrum,
                spectrum,
                across_at_most_px=self.ACROSS_AT_MOST * view_hw_px[1] if self._along_only else None,
            )
            if moved_px is not None:
                # The view shows the belt with downstream up, so y grows as v falls.
                across_px = 0.0 if self._along_only else moved_px[0]
                moved_mm = np.array([across_px, -moved_px[1]]) * self._mm_per_px
                self._velocities.append(moved_mm / ((t_ns - before.t_ns) / 1e9))
                return np.asarray(before.place_mm + moved_mm, dtype=np.float64)
        return None

    def _comparable(self, view_hw_px: tuple[int, ...], t_ns: int) -> _Look:
        if self._velocities:
            farthest_mm = self.FARTHEST * self._mm_per_px * np.array(view_hw_px[::-1])
            for look in self._looks:
                come_mm = np.abs(self._velocity()) * (t_ns - look.t_ns) / 1e9
                if (come_mm <= farthest_mm).all():
                    return look
        return self._looks[-1]

    def _velocity(self) -> NDArray[np.float64]:
        """`(2,)` mm/s, across and along; 0 where nothing has been measured."""
        if not self._velocities:
            return np.zeros(2)
        return np.asarray(np.median(np.array(self._velocities), axis=0), dtype=np.float64)
