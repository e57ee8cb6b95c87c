"""How far the belt has moved since the last picture: from a fixed speed, or from the picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.belt.image_shift import Match, PictureShift

Basis = Literal["none", "profile", "picture", "encoder"]

ViewSource = Callable[[], NDArray[np.uint8]]
"""Gives a frame's belt view, shrunk to `followed_px`, `(h, w, 3)` uint8 BGR; most frames need none
where something else tells the motion."""


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
    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        """The shift since the last call."""
        ...


class FixedSpeed:
    """The belt runs at the speed that the profile says."""

    basis: Basis = "profile"

    def __init__(self, speed_mm_s: float) -> None:
        self.speed_mm_s: float | None = speed_mm_s
        self._speed = speed_mm_s
        self._last_ns: int | None = None

    def advance(self, view: ViewSource, t_ns: int) -> Shift:  # noqa: ARG002
        elapsed_s = 0.0 if self._last_ns is None else (t_ns - self._last_ns) / 1e9
        self._last_ns = t_ns
        return Shift(0.0, self._speed * elapsed_s, True)


@dataclass(slots=True, eq=False)
class _Look:
    """One picture that later ones are compared with."""

    spectrum: NDArray[np.complex64]
    t_ns: int
    place_mm: NDArray[np.float64]
    """`(2,)` how far the belt had come, across and along."""
    seen_mm: NDArray[np.float64]
    """The same by the highest peak of each look against the one before, whatever that follows."""
    velocity: NDArray[np.float64] | None = None
    """`(2,)` mm/s, with this look; None: not known."""


class _Seen:
    """One picture, compared with each look once at most."""

    def __init__(
        self,
        shift: PictureShift,
        spectrum: NDArray[np.complex64],
        across_px: float | None,
        farthest_px: NDArray[np.float64],
    ) -> None:
        """`farthest_px`: `(2,)` view px, the longest way (u, v) that is told from a picture."""
        self.shift, self.across_px = shift, across_px
        self._farthest_px = farthest_px
        self._spectrum = spectrum
        self._matches: dict[int, Match] = {}
        """By the look's stamp."""

    def match(self, before: _Look) -> Match:
        match = self._matches.get(before.t_ns)
        if match is None:
            match = self._matches[before.t_ns] = self.shift.match(
                before.spectrum, self._spectrum, across_at_most_px=self.across_px
            )
        return match

    def way_px(self, before: _Look) -> tuple[float, float] | None:
        """`(u, v)` view px of the way since that look; None where nothing can be followed, or it
        was too long to tell it from another one."""
        way_px = self.match(before).best_px()
        if way_px is None or (np.abs(way_px) > self._farthest_px).any():
            return None
        return way_px


class ImageSpeed:
    """The belt's speed as its picture moves.

    Each picture is compared with the oldest of the last ones of which most is still in view: over
    that way an error of a tenth of a pixel is nothing, and what stands still in the picture (lamp
    light, dirt of the lens) has parted from what moves. Where the belt is expected a low peak will
    do, so that it is followed under a film that is caught and between material that hangs.

    A belt is one body: the last look and an old one find it at the same place. Where they do not,
    parts of the picture move apart, and the highest peak is of the material or of nothing. Then
    the speed is held while the belt itself still shows where it is expected, else lost, until the
    looks have agreed for a while.
    """

    LOOKS_KEPT = 8
    # Of the view, how far the belt may have come since the picture that is compared with.
    FARTHEST = 0.3
    # A peak beyond that is no way, and a pixel or so more: a belt that has come by 0.6 of the view
    # lies beside the picture before as one that ran back by 0.4 does, 23 high.
    BEYOND = 0.31
    # Things stand above the belt and seem to wander: this far across, at most, of the view's width.
    ACROSS_AT_MOST = 0.03
    # A measured speed holds this long while nothing on the belt can be followed.
    HELD_NS = 2_000_000_000
    # Beside where it is expected: pixels of the view, and of the way that it has come.
    NEAR_PX, NEAR_SHARE = 5.0, 0.06
    # So near, it has kept its speed: material that is held back slows down like a belt that stops,
    # and is taken for it only where no two looks show the belt running on.
    STEADY_PX, STEADY_APART_PX = 2.0, 1.0
    # No belt is braked or started faster: what seems to has not been the belt.
    BRAKED_MM_S2 = 3000.0
    # Slower is standing: what is found then may be lamps that shine on a belt that runs.
    STANDS_MM_S = 5.0
    # A stretch of looks is even if its places lie so near to a line.
    EVEN_PX = 1.0
    # Two looks agree so near, in pixels of the compared pictures: on drawn belts of every scenario
    # they differ by 0.2 (p99); where material hangs, by 1.8 (median), never 6 looks running less.
    AGREE, AGREE_LOOKS = 0.33, 16

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
        bool, what of the shrunk view is belt; None: all of it.
        """
        self._mm_per_px = mm_per_px
        self._along_only = along_only
        self._shift = PictureShift(view_px, belt_mask)
        self._across_px = self.ACROSS_AT_MOST * view_px[0] if along_only else None
        self._farthest_mm = self.FARTHEST * mm_per_px * np.array(view_px)
        self._beyond_px = self.BEYOND * np.array(view_px)
        self._looks: deque[_Look] = deque(maxlen=self.LOOKS_KEPT)
        self._velocity: NDArray[np.float64] | None = None
        """`(2,)` mm/s, across and along; None: not known."""
        self._measured_ns = 0
        self._agreed = 0
        """So many looks running."""
        self.apart = False
        """Parts of the picture move apart: what it shows is not the belt alone."""

    @property
    def basis(self) -> Basis:
        return "none" if self._velocity is None else "picture"

    @property
    def speed_mm_s(self) -> float | None:
        if self._velocity is None:
            return None
        across, along = self._velocity
        return float(along) if self._along_only else float(np.hypot(across, along))

    def advance(self, view: ViewSource, t_ns: int) -> Shift:
        spectrum = self._shift.spectrum(view())
        last = self._looks[-1] if self._looks else None
        if last is None:
            self._looks.append(_Look(spectrum, t_ns, np.zeros(2), np.zeros(2)))
            return Shift(0.0, 0.0, False)
        if t_ns <= last.t_ns:
            return Shift(0.0, 0.0, False)
        if self._velocity is not None and t_ns - self._measured_ns > self.HELD_NS:
            self._velocity = None
        reported_mm = last.place_mm.copy()
        seen = _Seen(self._shift, spectrum, self._across_px, self._beyond_px)
        seen_mm, vouched = self._judged(seen, t_ns)
        sure = vouched and not self.apart
        measured_mm = self._measured(seen, t_ns) if sure else self._steady(seen, t_ns)[0]
        if measured_mm is not None:
            self._measured_ns = t_ns
        place_mm = last.place_mm + self._come_mm(t_ns - last.t_ns)
        place_mm = place_mm if measured_mm is None else measured_mm
        self._looks.append(_Look(spectrum, t_ns, place_mm, seen_mm))
        if measured_mm is not None and sure:
            self._velocity = self._even_velocity()
        self._looks[-1].velocity = self._velocity
        across, along = place_mm - reported_mm
        return Shift(float(across), float(along), self._velocity is not None)

    def _judged(self, seen: _Seen, t_ns: int) -> tuple[NDArray[np.float64], bool]:
        """Where the last look shows it, and whether no older one knows better."""
        last = self._looks[-1]
        step_px = seen.way_px(last)
        if step_px is None:
            self._agreed = 0
            return last.seen_mm + self._come_mm(t_ns - last.t_ns), True
        seen_mm = last.seen_mm + self._in_mm(step_px)
        farthest_mm = self._farthest_mm
        in_view = [k for k in self._looks if (np.abs(seen_mm - k.seen_mm) <= farthest_mm).all()]
        if not in_view or in_view[0] is last:
            return seen_mm, True
        come_px = seen.way_px(in_view[0])
        if come_px is None:
            self._agreed = 0
            return seen_mm, False
        off_mm = in_view[0].seen_mm + self._in_mm(come_px) - seen_mm
        if float(np.hypot(*off_mm)) <= self.AGREE * seen.shift.coarseness * self._mm_per_px:
            self._agreed += 1
            if self.apart and self._agreed >= self.AGREE_LOOKS:
                self._come_together()
            return seen_mm, True
        if not self.apart:
            self._fall_apart()
        self._agreed = 0
        return seen_mm, False

    def _fall_apart(self) -> None:
        """What was measured last may have been drawn aside: the belt goes on as before that."""
        self.apart = True
        first = self._looks[0]
        # A speed that was never sure is none.
        self._velocity = first.velocity if self._agreed >= self.LOOKS_KEPT else None
        if self._velocity is not None:
            for look in self._looks:
                look.place_mm[:] = first.place_mm + self._velocity * (look.t_ns - first.t_ns) / 1e9

    def _come_together(self) -> None:
        """All looks that are kept agree again: the belt has come as they show it."""
        last = self._looks[-1]
        for look in self._looks:
            look.place_mm[:] = last.place_mm + look.seen_mm - last.seen_mm
        self.apart, self._velocity = False, self._even_velocity()

    def _come_mm(self, elapsed_ns: int) -> NDArray[np.float64]:
        """`(2,)` how far the belt comes in that time, as fast as it was last."""
        return np.zeros(2) if self._velocity is None else self._velocity * elapsed_ns / 1e9

    def _steady(
        self, seen: _Seen, t_ns: int
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Where a belt that has kept its speed has come to, and where else near to that one may
        be; by the oldest picture that can still be compared, or by a later one."""
        steady_px = self.STEADY_APART_PX if self.apart else self.STEADY_PX
        changed_mm: NDArray[np.float64] | None = None
        looks = self._comparable(t_ns)
        # While parts move apart some peak is always near: only over the longest way it must fit.
        for before in looks[:1] if self.apart else looks:
            place_mm, off_px = self._near(seen, before, t_ns)
            if place_mm is not None and off_px <= steady_px:
                return place_mm, None
            changed_mm = place_mm if changed_mm is None else changed_mm
        return None, changed_mm

    def _measured(self, seen: _Seen, t_ns: int) -> NDArray[np.float64] | None:
        """Where the belt has come to: by the oldest picture that can still be compared, or by the
        last, past which a belt that has changed its speed is not yet."""
        steady_mm, changed_mm = self._steady(seen, t_ns)
        if steady_mm is not None or changed_mm is not None:
            return changed_mm if steady_mm is None else steady_mm
        for before in self._comparable(t_ns):
            moved_px = seen.way_px(before)
            if moved_px is not None:
                place_mm = before.place_mm + self._in_mm(moved_px)
                if self._can_be(place_mm, t_ns):
                    return place_mm
        return None

    def _in_mm(self, moved_px: tuple[float, float]) -> NDArray[np.float64]:
        # The view shows the belt with downstream up, so y grows as v falls.
        across_px = 0.0 if self._along_only else moved_px[0]
        return np.array([across_px, -moved_px[1]]) * self._mm_per_px

    def _moves(self) -> bool:
        return self._velocity is not None and float(np.hypot(*self._velocity)) > self.STANDS_MM_S

    def _near(
        self, seen: _Seen, before: _Look, t_ns: int
    ) -> tuple[NDArray[np.float64] | None, float]:
        """Where the belt has come to since `before`, if near to where it is expected, and how far
        beside that, px."""
        if not self._moves():
            return None, 0.0
        last = self._looks[-1]
        expected_mm = last.place_mm + self._come_mm(t_ns - last.t_ns)
        come_px = (expected_mm - before.place_mm) / self._mm_per_px
        reach_px = self.NEAR_PX + self.NEAR_SHARE * float(np.hypot(*come_px))
        moved_px = seen.match(before).near_px(
            (float(come_px[0]), -float(come_px[1])), (seen.across_px or reach_px, reach_px)
        )
        if moved_px is None:
            return None, 0.0
        place_mm = before.place_mm + self._in_mm(moved_px)
        return place_mm, float(np.hypot(*(place_mm - expected_mm))) / self._mm_per_px

    def _can_be(self, place_mm: NDArray[np.float64], t_ns: int) -> bool:
        """Whether a belt can have got there, as fast as it was."""
        if self._velocity is None or not self._moves():
            return True
        last = self._looks[-1]
        elapsed_s = (t_ns - last.t_ns) / 1e9
        changed_mm_s = (place_mm - last.place_mm) / elapsed_s - self._velocity
        return float(np.hypot(*changed_mm_s)) <= self.BRAKED_MM_S2 * elapsed_s

    def _comparable(self, t_ns: int) -> list[_Look]:
        """The looks to compare with: the oldest that is still in view, one between, the last."""
        if self._velocity is None:
            return [self._looks[-1]]
        farthest_mm = self._farthest_mm
        last = self._looks[-1]
        come_mm = last.place_mm + self._come_mm(t_ns - last.t_ns)
        in_view = [k for k in self._looks if (np.abs(come_mm - k.place_mm) <= farthest_mm).all()]
        in_view = in_view or [last]
        chosen = (in_view[0], in_view[len(in_view) // 2], last)
        return [look for n, look in enumerate(chosen) if look not in chosen[:n]]

    def _even_velocity(self) -> NDArray[np.float64]:
        """`(2,)` mm/s over the longest time up to now in which the belt ran evenly."""
        looks = list(self._looks)
        t_s = np.array([look.t_ns - looks[-1].t_ns for look in looks]) / 1e9
        places_mm = np.array([look.place_mm for look in looks]) - looks[-1].place_mm
        for first in range(len(looks) - 2):
            velocity = places_mm[first] / t_s[first]
            off_mm = places_mm[first:] - t_s[first:, None] * velocity
            if np.abs(off_mm).max() <= self.EVEN_PX * self._mm_per_px:
                return np.asarray(velocity, dtype=np.float64)
        return np.asarray(places_mm[-2] / t_s[-2], dtype=np.float64)
