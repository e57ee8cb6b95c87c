"""What belongs to the belt and is no material: its seam, cleats and patches.

They come round with the belt, so they are learned by belt position: a place that counts as covered
and looks as it did one belt length ago, and two once there are two, is belt. Loads do not come
round: two different ones do not look alike, and a plain surface says nothing, whatever lies there.

**A thing that rides round on the belt for two lengths, stuck to it, is belt after that.** Coverage
leaves it out; hazards are not concerned, they are tracked and alarmed in another way.

Where the belt's position is lost (it is not known, it jumped, it ran back, it slips) or material
stands on a running belt, all that was learned is forgotten, and learned anew. A belt whose seam
always lies under a load is not learned: what shows of it then counts as covered, as before.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import Shift
from detector.hazards.overload.belt_length import MOST_MM, BeltLength

ALIKE_MIN = 0.7
"""Correlation around a place, along the belt, from which it is the same."""
OTHER_MOST = 0.3
"""Of the place's contrast (squared), how much may differ at the place itself."""
CONTRAST_MIN, CONTRAST_SHARE = 6.0, 0.04
"""Grey levels (rms, and in parts of its brightness) below which a place is plain."""
LEVEL_SHARE, LEVEL_MIN = 0.2, 6.0
"""How far brightness and colour may differ, in parts and in grey levels: light changes."""
_PLAIN_SHARE, _PLAIN_MIN = 0.05, 6.0
"""How far what is plain may differ, in parts and in grey levels."""
_PLAIN_MOST_MM = 400.0
"""A patch is plain between its ends: so far behind one that looks as before it is the belt's."""
_CELL_MM = 25.0
"""The belt is remembered in cells so wide, as long as a row of the view."""
_AROUND_MM = 50.0
"""Before and behind a place, what must look the same, and to both sides."""
_ALIGNED_MM = 200.0
"""Stretch of belt that is found again as a whole."""
_STRONG, _ALIGNED_MIN = 12.0, 0.35
"""Correlation from which it is found; what differs from the belt around by more grey levels says
no more, so that a load does not outshout the belt between."""
_NEAR_MM, _DRIFT = 30.0, 0.015
"""How far from where it was it is looked for, and, in parts of the way, how far a belt position
drifts that is measured from the picture."""
_WIDE_EVERY_MM = 500.0
_BACK_MM = 50.0
"""A belt that runs back by more has lost its place."""


class BeltMarks:
    """Remembers the last two belt lengths. Views have downstream up, so rows enter at the end."""

    def __init__(
        self, belt: NDArray[np.bool_], mm_per_px: float, length_mm: float | None = None
    ) -> None:
        """`belt`: `(h, w)` bool, what of the view is belt; `mm_per_px`: its scale; `length_mm`: of
        the belt; None: found from what comes round."""
        valid = np.flatnonzero(belt.any(axis=1))
        self._first, self._last = int(valid[0]), int(valid[-1]) + 1
        self._row_mm = mm_per_px
        self._around = max(1, round(_AROUND_MM / mm_per_px))
        # Where an edge of the belt runs across the rows that enter, the corner is left out.
        whole = np.flatnonzero(
            belt[max(self._first, self._last - self._around) : self._last].all(0)
        )
        self._columns = slice(int(whole[0]), int(whole[-1]) + 1) if whole.size else slice(0, 0)
        across = self._columns.stop - self._columns.start
        self._cells = max(1, round(across * mm_per_px / _CELL_MM))
        self._wide = 2 * round(_AROUND_MM / _CELL_MM) + 1
        self._length_mm = length_mm
        self._search = None if length_mm is not None else BeltLength(mm_per_px, self._cells)
        most_mm = 2 * (1 + _DRIFT) * (length_mm or MOST_MM) + _ALIGNED_MM + 2 * _NEAR_MM
        rows = ceil(most_mm / mm_per_px) + self._last - self._first
        self._rows = np.zeros((rows, self._cells, 3), dtype=np.uint8)
        """A ring, by rows of belt."""
        self._own = np.zeros((self._last - self._first + 1, self._cells), dtype=np.uint8)
        """The same for the rows in view: 1 where the belt itself looks as if covered."""
        self._loops: list[_Loop] = []
        self._forget()

    def carry(self, shift: Shift, *, lost: bool) -> None:
        """What the belt moved; `lost`: its position can't be relied on."""
        self._come_mm += shift.dy_mm
        if lost or not shift.known or self._come_mm < self._taken * self._row_mm - _BACK_MM:
            self._forget()

    def material(
        self, view: NDArray[np.uint8], covered: NDArray[np.bool_], *, learns: bool
    ) -> NDArray[np.bool_]:
        """`(h, w)` bool: what of the covered is not the belt's own.

        `view`: `(h, w, 3)` uint8 BGR; `covered`: `(h, w)` bool; `learns`: False while material may
        stand on the belt.
        """
        fresh = int(self._come_mm / self._row_mm) - self._taken
        if not learns or fresh > self._last - self._first:
            self._forget()
            return covered
        if self._columns.stop == 0:
            return covered
        if fresh > 0:
            self._take(view, fresh)
            self._judge(covered)
        return self._without_own(covered)

    def _forget(self) -> None:
        self._come_mm = 0.0
        self._taken = self._judged = self._stepped = 0
        self._own[:] = 0
        self._behind = np.full(self._cells, 2**30)
        """Rows since the last cell that looked as before."""
        self._loops = []
        if self._search is not None:
            self._search.forget_place()

    def _take(self, view: NDArray[np.uint8], fresh: int) -> None:
        rows = view[self._last - fresh : self._last, self._columns]
        cells = cv2.resize(rows, (self._cells, fresh), interpolation=cv2.INTER_AREA)
        self._rows[np.arange(self._taken, self._taken + fresh) % len(self._rows)] = cells
        self._taken += fresh
        if self._search is None:
            return
        while self._taken - self._stepped >= self._search.rows_needed:
            self._search.step(
                self._between(self._stepped, self._stepped + self._search.rows_needed)
            )
            self._stepped += self._search.rows_per_step
        if self._search.mm != self._length_mm:
            self._length_mm, self._loops = self._search.mm, []

    def _between(self, first: int, end: int) -> NDArray[np.uint8]:
        """`(end - first, cells, 3)` uint8: those rows of belt."""
        return self._rows.take(range(first, end), axis=0, mode="wrap")

    def _judge(self, covered: NDArray[np.bool_]) -> None:
        """The rows behind which enough belt has come now."""
        first, end = self._judged, self._taken - self._around
        self._judged = max(first, end)
        if end <= first:
            return
        own = np.zeros((end - first, self._cells), dtype=np.bool_)
        top = self._last - (self._taken - first)
        lies = covered[top : top + end - first, self._columns].astype(np.float32)
        if lies.any():
            share = cv2.resize(lies, (self._cells, end - first), interpolation=cv2.INTER_AREA)
            same, plain = self._looks_as_before(first, end)
            own = self._in_one_piece(same, plain & (share > 0))
        self._own[np.arange(first, end) % len(self._own)] = own

    def _in_one_piece(self, same: NDArray[np.bool_], plain: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What looks as before, and the plain behind it; `(rows, cells)` each."""
        own = same.copy()
        most = round(_PLAIN_MOST_MM / self._row_mm)
        for row in range(len(own)):
            own[row] |= plain[row] & (self._behind < most)
            self._behind = np.where(same[row], 0, np.where(own[row], self._behind + 1, most))
        return own

    def _looks_as_before(self, first: int, end: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where it looks as one belt length ago, and two, and where plain places do; `(end - first,
        cells)` bool both."""
        nothing = np.zeros((end - first, self._cells), dtype=np.bool_)
        if self._length_mm is None or first < self._around:
            return nothing, nothing
        if not self._loops:
            rows = self._length_mm / self._row_mm
            self._loops = [_Loop(times * rows, self._row_mm) for times in (1, 2)]
        begin = max(
            0, min(first - self._around, end + self._around - round(_ALIGNED_MM / self._row_mm))
        )
        around = first - begin - self._around
        now = self._between(begin, end + self._around).astype(np.float32)
        found: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
        for loop in self._loops:
            if begin < loop.farthest:
                break
            reach = loop.reach(end)
            oldest = begin - loop.back - reach
            before = self._between(oldest, end + self._around - loop.back + reach)
            then = loop.aligned(now, before.astype(np.float32), reach)
            found.append(self._same(now[around:], then[around:]))
        if not found:
            return nothing, nothing
        same, plain = zip(*found, strict=True)
        return np.logical_and.reduce(same), np.logical_and.reduce(plain)

    def _same(
        self, now: NDArray[np.float32], then: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where they look the same, and where they are the same but plain; `(rows, cells)` bool,
        without the rows around. Both are `(rows + 2 around, cells, 3)`."""
        along = (1, 2 * self._around + 1)
        now_level, then_level = cv2.blur(now, along), cv2.blur(then, along)
        a, b = now - now_level, then - then_level

        def around(products: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(cv2.blur(products.mean(axis=2), (self._wide, along[1])))

        aa, bb, ab = around(a * a), around(b * b), around(a * b)
        least = np.maximum(CONTRAST_MIN, CONTRAST_SHARE * now_level.max(axis=2)) ** 2
        same = (ab >= ALIKE_MIN * np.sqrt(aa * bb)) & (np.minimum(aa, bb) >= least)
        level = np.maximum(now_level, then_level) * LEVEL_SHARE + LEVEL_MIN
        same &= (np.abs(now_level - then_level) <= level).all(axis=2)
        # A thing that lies on the seam is smaller than what is around it.
        near = (3, 5)
        other = cv2.blur(np.square(now - then).mean(axis=2), near)
        contrast = cv2.blur(np.maximum(a * a, b * b).mean(axis=2), near)
        same &= other <= OTHER_MOST * contrast + CONTRAST_MIN**2
        plain = other <= np.square(_PLAIN_SHARE * now_level.max(axis=2) + _PLAIN_MIN)
        inner = slice(self._around, len(same) - self._around)
        return np.asarray(same[inner]), np.asarray(plain[inner])

    def _without_own(self, covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        first = max(0, self._taken - (self._last - self._first))
        own = self._own.take(range(first, self._judged), axis=0, mode="wrap")
        if not own.any():
            return covered
        across = self._columns.stop - self._columns.start
        places = cv2.resize(own, (across, len(own)), interpolation=cv2.INTER_NEAREST)
        top = self._last - (self._taken - first)
        material = covered.copy()
        material[top : top + len(own), self._columns] &= places == 0
        return material


class _Loop:
    """Finds a stretch of belt again that came by some belt lengths ago."""

    def __init__(self, rows: float, row_mm: float) -> None:
        self.back = round(rows)
        """So many rows ago it came by."""
        self._nominal = round(rows)
        self._near = max(1, round(_NEAR_MM / row_mm))
        self._far = self._near + int(_DRIFT * rows)
        self.farthest = self._nominal + self._far
        """It is looked for no farther back."""
        self._every = round(_WIDE_EVERY_MM / row_mm)
        self._look_wide_at = 0
        self._lost = True

    def reach(self, row: int) -> int:
        """How far it is looked for around `back`, in rows."""
        if self._lost and row >= self._look_wide_at:
            self._look_wide_at = row + self._every
            self.back = self._nominal
            return self._far
        return min(self._near, self.farthest - self.back)

    def aligned(
        self, now: NDArray[np.float32], before: NDArray[np.float32], reach: int
    ) -> NDArray[np.float32]:
        """The part of `before`, `(rows + 2 reach, cells, 3)`, that `now`, `(rows, cells, 3)`, is
        held against."""
        along = (1, 21)
        found = cv2.matchTemplate(
            np.clip(before - cv2.blur(before, along), -_STRONG, _STRONG),
            np.clip(now - cv2.blur(now, along), -_STRONG, _STRONG),
            cv2.TM_CCORR_NORMED,
        )[:, 0]
        best = int(found.argmax())
        self._lost = not found[best] >= _ALIGNED_MIN
        shifted = reach if self._lost else best
        self.back += reach - shifted
        return before[shifted : shifted + len(now)]
