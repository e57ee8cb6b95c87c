"""Belt motion between two frames: by a fixed speed, or by the image."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.belt.image_shift import ImageShift, Match
from detector.vocabulary import STOPPED_BELOW_MM_S, SpeedBasis

ViewSource = Callable[[], NDArray[np.uint8]]
"""Returns a frame's belt view reduced to `followed_px`, `(h, w, 3)` uint8 BGR. A callable, because
most frames need no view while another source gives the motion."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Displacement of the belt between two frames, belt coordinates (mm)."""

    dx_mm: float
    dy_mm: float
    known: bool
    """False: not measured and not assumed; the shift is then 0."""


class BeltMotion(Protocol):
    """Measures or assumes the belt's motion from frame to frame."""

    @property
    def basis(self) -> SpeedBasis: ...
    @property
    def speed_mm_s(self) -> float | None: ...
    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift since the last call."""
        ...


class FixedSpeed:
    """The belt runs at the profile's fixed speed."""

    basis: SpeedBasis = "profile"

    def __init__(self, speed_mm_s: float) -> None:
        self.speed_mm_s: float | None = speed_mm_s
        self._speed = speed_mm_s
        self._last_ns: int | None = None

    def advance(self, view: ViewSource, t_ns: int) -> Shift:  # noqa: ARG002
        elapsed_s = 0.0 if self._last_ns is None else (t_ns - self._last_ns) / 1e9
        self._last_ns = t_ns
        return Shift(0.0, self._speed * elapsed_s, True)


@dataclass(slots=True, eq=False)
class _Keyframe:
    """One image that later ones are compared with."""

    spectrum: NDArray[np.float32]
    t_ns: int
    position_mm: NDArray[np.float64]
    """`(2,)` belt position, across and along."""
    peak_mm: NDArray[np.float64]
    """The same by the highest peak of each frame against the one before, whatever it tracks."""
    velocity: NDArray[np.float64] | None = None
    """`(2,)` mm/s after this frame; None: unknown."""


class _CurrentImage:
    """The current image, compared with each keyframe at most once."""

    def __init__(
        self,
        shift: ImageShift,
        spectrum: NDArray[np.float32],
        across_px: float | None,
        max_shift_px: NDArray[np.float64],
    ) -> None:
        """`max_shift_px`: `(2,)` view px, the largest shift (u, v) that an image can show."""
        self.shift, self.across_px = shift, across_px
        self._max_shift_px = max_shift_px
        self._spectrum = spectrum
        self._matches: dict[int, Match] = {}
        """By the keyframe's timestamp."""

    def match(self, before: _Keyframe) -> Match:
        match = self._matches.get(before.t_ns)
        if match is None:
            match = self._matches[before.t_ns] = self.shift.match(
                before.spectrum, self._spectrum, across_at_most_px=self.across_px
            )
        return match

    def shift_px(self, before: _Keyframe) -> tuple[float, float] | None:
        """`(u, v)` view px of the shift since a keyframe; None if nothing can be tracked, or the
        shift is too large to be unambiguous."""
        shift_px = self.match(before).best_px()
        if shift_px is None or (np.abs(shift_px) > self._max_shift_px).any():
            return None
        return shift_px


class ImageSpeed:
    """The belt's speed, measured in the image.

    Each image is compared with the oldest recent keyframe of which most is still in view. Over
    that travel an error of a tenth of a pixel is negligible, and stationary detail (lamp light,
    dirt on the lens) is separated from the belt. Near the predicted position a low peak is enough,
    so the belt is tracked under a caught film and between stationary material.

    A belt is one body: the last keyframe and an old one must give the same position. If they do
    not, parts of the image move differently, and the highest peak belongs to the material or to
    nothing. The speed is then kept while the belt itself still shows at its predicted position,
    else it is lost, until the keyframes have agreed for a while.
    """

    KEYFRAMES_KEPT = 8
    # Share of the view that the belt may have travelled since the compared image.
    MAX_TRAVEL = 0.3
    # Peaks beyond that, plus a pixel or so, are ignored: a belt that has travelled 0.6 of the view
    # matches the image before as if it had run back by 0.4, with a peak of 23.
    MAX_SHIFT = 0.31
    # Parallax makes high objects seem to move across: at most this share of the view's width.
    ACROSS_AT_MOST = 0.03
    # A measured speed is kept this long while nothing on the belt can be tracked.
    SPEED_VALID_NS = 2_000_000_000
    # A step longer than that and than this number of steps before is a gap (a stalled camera, a
    # recording with a pause): images on both sides of it may look alike and show no travel.
    GAP_STEPS = 4
    # Distance from the predicted position: view pixels, and share of the travel.
    NEAR_PX, NEAR_SHARE = 5.0, 0.06
    # Within this distance the belt has kept its speed. Material that is held back slows down like
    # a belt that stops; it is taken for the belt only if no two frames show the belt running on.
    STEADY_PX, STEADY_INCONSISTENT_PX = 2.0, 1.0
    # No belt brakes or starts faster: a larger change is not the belt.
    MAX_ACCELERATION_MM_S2 = 3000.0
    # Motion is steady over keyframes whose positions are this close to a line.
    STEADY_LINE_PX = 1.0
    # Two keyframes agree within this, in pixels of the compared images. On drawn belts of every
    # scenario they differ by 0.2 (p99); with stationary material by 1.8 (median), and never by
    # less than this in 6 consecutive frames.
    AGREE, AGREE_FRAMES = 0.33, 16

    def __init__(
        self,
        view_px: tuple[int, int],
        mm_per_px: float,
        *,
        along_only: bool,
        belt_mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """`view_px`: `(width, height)` of the belt view, `mm_per_px` its scale. `along_only`: the
        travel is known (up in the view), so movement across is an error. `belt_mask`: `(h, w)`
        bool, belt pixels of the reduced view; None: all.
        """
        self._mm_per_px = mm_per_px
        self._along_only = along_only
        self._shift = ImageShift(view_px, belt_mask)
        self._across_px = self.ACROSS_AT_MOST * view_px[0] if along_only else None
        self._max_travel_mm = self.MAX_TRAVEL * mm_per_px * np.array(view_px)
        self._max_shift_px = self.MAX_SHIFT * np.array(view_px)
        self._keyframes: deque[_Keyframe] = deque(maxlen=self.KEYFRAMES_KEPT)
        self._velocity: NDArray[np.float64] | None = None
        """`(2,)` mm/s, across and along; None: unknown."""
        self._measured_ns = 0
        self._agreed = 0
        """Number of consecutive frames in which the keyframes agreed."""
        self.inconsistent = False
        """Parts of the image move differently: it does not show the belt alone."""

    @property
    def basis(self) -> SpeedBasis:
        return "none" if self._velocity is None else "image"

    @property
    def speed_mm_s(self) -> float | None:
        if self._velocity is None:
            return None
        across, along = self._velocity
        return float(along) if self._along_only else float(np.hypot(across, along))

    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        spectrum = self._shift.spectrum(view())
        last = self._keyframes[-1] if self._keyframes else None
        if last is None or self._is_gap(t_ns):
            self._keyframes.clear()
            self._velocity, self._agreed = None, 0
            self._keyframes.append(_Keyframe(spectrum, t_ns, np.zeros(2), np.zeros(2)))
            return Shift(0.0, 0.0, False)
        if t_ns <= last.t_ns:
            return Shift(0.0, 0.0, False)
        if self._velocity is not None and t_ns - self._measured_ns > self.SPEED_VALID_NS:
            self._velocity = None
        reported_mm = last.position_mm.copy()
        current = _CurrentImage(self._shift, spectrum, self._across_px, self._max_shift_px)
        peak_mm, uncontradicted = self._checked(current, t_ns)
        sure = uncontradicted and not self.inconsistent
        measured_mm = (
            self._measured_position(current, t_ns)
            if sure
            else self._position_at_last_speed(current, t_ns)[0]
        )
        if measured_mm is not None:
            self._measured_ns = t_ns
        position_mm = last.position_mm + self._predicted_travel_mm(t_ns - last.t_ns)
        position_mm = position_mm if measured_mm is None else measured_mm
        self._keyframes.append(_Keyframe(spectrum, t_ns, position_mm, peak_mm))
        if measured_mm is not None and sure:
            self._velocity = self._steady_velocity()
        self._keyframes[-1].velocity = self._velocity
        across, along = position_mm - reported_mm
        return Shift(float(across), float(along), self._velocity is not None)

    def _is_gap(self, t_ns: int) -> bool:
        if len(self._keyframes) < 2:
            return False
        step_ns = self._keyframes[-1].t_ns - self._keyframes[-2].t_ns
        since_ns = t_ns - self._keyframes[-1].t_ns
        return since_ns > max(self.SPEED_VALID_NS, self.GAP_STEPS * step_ns)

    def _checked(self, current: _CurrentImage, t_ns: int) -> tuple[NDArray[np.float64], bool]:
        """Position by the last keyframe, and whether no older keyframe contradicts it."""
        last = self._keyframes[-1]
        step_px = current.shift_px(last)
        if step_px is None:
            self._agreed = 0
            return last.peak_mm + self._predicted_travel_mm(t_ns - last.t_ns), True
        peak_mm = last.peak_mm + self._in_mm(step_px)
        max_travel_mm = self._max_travel_mm
        in_view = [
            k for k in self._keyframes if (np.abs(peak_mm - k.peak_mm) <= max_travel_mm).all()
        ]
        if not in_view or in_view[0] is last:
            return peak_mm, True
        travel_px = current.shift_px(in_view[0])
        if travel_px is None:
            self._agreed = 0
            return peak_mm, False
        off_mm = in_view[0].peak_mm + self._in_mm(travel_px) - peak_mm
        if float(np.hypot(*off_mm)) <= self.AGREE * current.shift.coarseness * self._mm_per_px:
            self._agreed += 1
            if self.inconsistent and self._agreed >= self.AGREE_FRAMES:
                self._become_consistent()
            return peak_mm, True
        if not self.inconsistent:
            self._become_inconsistent()
        self._agreed = 0
        return peak_mm, False

    def _become_inconsistent(self) -> None:
        """The last measurements may be of the material: continue at the speed before them."""
        self.inconsistent = True
        first = self._keyframes[0]
        # A speed that was never certain is discarded.
        self._velocity = first.velocity if self._agreed >= self.KEYFRAMES_KEPT else None
        if self._velocity is not None:
            for keyframe in self._keyframes:
                keyframe.position_mm[:] = (
                    first.position_mm + self._velocity * (keyframe.t_ns - first.t_ns) / 1e9
                )

    def _become_consistent(self) -> None:
        """All keyframes agree again: take the belt's position from them."""
        last = self._keyframes[-1]
        for keyframe in self._keyframes:
            keyframe.position_mm[:] = last.position_mm + keyframe.peak_mm - last.peak_mm
        self.inconsistent, self._velocity = False, self._steady_velocity()

    def _predicted_travel_mm(self, elapsed_ns: int) -> NDArray[np.float64]:
        """`(2,)` predicted travel in that time, at the last speed."""
        return np.zeros(2) if self._velocity is None else self._velocity * elapsed_ns / 1e9

    def _position_at_last_speed(
        self, current: _CurrentImage, t_ns: int
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Position of a belt that has kept its speed; else None, and a position near to it.

        By the oldest keyframe that can still be compared, or by a later one.
        """
        steady_px = self.STEADY_INCONSISTENT_PX if self.inconsistent else self.STEADY_PX
        changed_mm: NDArray[np.float64] | None = None
        keyframes = self._comparable(t_ns)
        # While inconsistent some peak is always near: it must fit over the longest travel.
        for before in keyframes[:1] if self.inconsistent else keyframes:
            position_mm, off_px = self._near(current, before, t_ns)
            if position_mm is not None and off_px <= steady_px:
                return position_mm, None
            changed_mm = position_mm if changed_mm is None else changed_mm
        return None, changed_mm

    def _measured_position(self, current: _CurrentImage, t_ns: int) -> NDArray[np.float64] | None:
        """Position of the belt, by the oldest keyframe that can still be compared, or by the last
        one, from which a belt that has changed its speed is still close."""
        steady_mm, changed_mm = self._position_at_last_speed(current, t_ns)
        if steady_mm is not None or changed_mm is not None:
            return changed_mm if steady_mm is None else steady_mm
        for before in self._comparable(t_ns):
            moved_px = current.shift_px(before)
            if moved_px is not None:
                position_mm = before.position_mm + self._in_mm(moved_px)
                if self._is_reachable(position_mm, t_ns):
                    return position_mm
        return None

    def _in_mm(self, moved_px: tuple[float, float]) -> NDArray[np.float64]:
        # The view shows the belt with downstream up, so y grows as v falls.
        across_px = 0.0 if self._along_only else moved_px[0]
        return np.array([across_px, -moved_px[1]]) * self._mm_per_px

    def _moves(self) -> bool:
        return self._velocity is not None and float(np.hypot(*self._velocity)) > STOPPED_BELOW_MM_S

    def _near(
        self, current: _CurrentImage, before: _Keyframe, t_ns: int
    ) -> tuple[NDArray[np.float64] | None, float]:
        """Position of the belt by the peak near its predicted position, and the distance between
        the two, view px; None: no such peak."""
        if not self._moves():
            return None, 0.0
        last = self._keyframes[-1]
        predicted_mm = last.position_mm + self._predicted_travel_mm(t_ns - last.t_ns)
        travel_px = (predicted_mm - before.position_mm) / self._mm_per_px
        reach_px = self.NEAR_PX + self.NEAR_SHARE * float(np.hypot(*travel_px))
        moved_px = current.match(before).near_px(
            (float(travel_px[0]), -float(travel_px[1])), (current.across_px or reach_px, reach_px)
        )
        if moved_px is None:
            return None, 0.0
        position_mm = before.position_mm + self._in_mm(moved_px)
        return position_mm, float(np.hypot(*(position_mm - predicted_mm))) / self._mm_per_px

    def _is_reachable(self, position_mm: NDArray[np.float64], t_ns: int) -> bool:
        """Whether the belt can have reached a position from its last speed."""
        if self._velocity is None or not self._moves():
            return True
        last = self._keyframes[-1]
        elapsed_s = (t_ns - last.t_ns) / 1e9
        changed_mm_s = (position_mm - last.position_mm) / elapsed_s - self._velocity
        return float(np.hypot(*changed_mm_s)) <= self.MAX_ACCELERATION_MM_S2 * elapsed_s

    def _comparable(self, t_ns: int) -> list[_Keyframe]:
        """The keyframes to compare with: the oldest still in view, one between, the last."""
        if self._velocity is None:
            return [self._keyframes[-1]]
        max_travel_mm = self._max_travel_mm
        last = self._keyframes[-1]
        predicted_mm = last.position_mm + self._predicted_travel_mm(t_ns - last.t_ns)
        in_view = [
            k
            for k in self._keyframes
            if (np.abs(predicted_mm - k.position_mm) <= max_travel_mm).all()
        ]
        in_view = in_view or [last]
        chosen = (in_view[0], in_view[len(in_view) // 2], last)
        return [keyframe for n, keyframe in enumerate(chosen) if keyframe not in chosen[:n]]

    def _steady_velocity(self) -> NDArray[np.float64]:
        """`(2,)` mm/s over the longest time up to now in which the belt ran steadily."""
        keyframes = list(self._keyframes)
        t_s = np.array([keyframe.t_ns - keyframes[-1].t_ns for keyframe in keyframes]) / 1e9
        positions_mm = (
            np.array([keyframe.position_mm for keyframe in keyframes]) - keyframes[-1].position_mm
        )
        for first in range(len(keyframes) - 2):
            velocity = positions_mm[first] / t_s[first]
            off_mm = positions_mm[first:] - t_s[first:, None] * velocity
            if np.abs(off_mm).max() <= self.STEADY_LINE_PX * self._mm_per_px:
                return np.asarray(velocity, dtype=np.float64)
        return np.asarray(positions_mm[-2] / t_s[-2], dtype=np.float64)
