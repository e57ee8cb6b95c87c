"""Features of the belt that are not material: its splice, cleats and patches.

They return with the belt, so they are learned by belt position: a place that counts as covered and
is unchanged since one belt length ago (and two, once two are known) is belt. Loads do not return:
two different loads do not correlate, and a plain surface gives no evidence.

**An object that is stuck to the belt is belt after two belt lengths.** Coverage excludes it;
hazards are not affected, they are tracked and alarmed separately.

If the belt's position is lost (unknown, a jump, reverse travel, slip) or material is stationary on
a running belt, everything learned is dropped and learned again. A splice that is always under a
load is not learned: its visible parts count as covered, as before.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import Shift
from detector.hazards.overload.belt_length import MAX_MM, BeltLength

CORRELATION_MIN = 0.7
"""Correlation around a place, along the belt, from which it is unchanged."""
DIFFERENCE_MAX = 0.3
"""Squared difference allowed at the place itself, as a share of its squared contrast."""
CONTRAST_MIN, CONTRAST_SHARE = 6.0, 0.04
"""Contrast (grey levels rms, and as a share of the brightness) below which a place is plain."""
LEVEL_SHARE, LEVEL_MIN = 0.2, 6.0
"""Allowed change of brightness and colour, as a share and in grey levels: light changes."""
_PLAIN_SHARE, _PLAIN_MIN = 0.05, 6.0
"""Allowed change of a plain place, as a share and in grey levels."""
_PLAIN_MAX_MM = 400.0
"""A patch is plain between its ends: up to this far behind an unchanged place, plain is belt."""
_CELL_MM = 25.0
"""Width of the cells in which the belt is stored; they are as long as a row of the view."""
_AROUND_MM = 50.0
"""The surroundings that must be unchanged too: before, behind and on both sides."""
_ALIGNED_MM = 200.0
"""Length of belt that is aligned as a whole."""
_CLIP, _ALIGNED_MIN = 12.0, 0.35
"""Correlation from which it is aligned; larger differences in grey levels from the surrounding belt
are clipped, so that a load does not outweigh the belt."""
_NEAR_MM, _DRIFT = 30.0, 0.015
"""Search range around the last match; and the drift of a belt position that is measured from the
images, as a share of the travel."""
_WIDE_EVERY_MM = 500.0
_BACK_MM = 50.0
"""If the belt runs back by more than this, its position is lost."""


class BeltFeatures:
    """Stores the last two belt lengths. Views have downstream up, so rows enter at the end."""

    def __init__(
        self, belt: NDArray[np.bool_], mm_per_px: float, length_mm: float | None = None
    ) -> None:
        """`belt`: `(h, w)` bool, mask of the belt in the view; `mm_per_px`: its scale; `length_mm`:
        the belt's length; None: measured from features that return."""
        valid = np.flatnonzero(belt.any(axis=1))
        self._first, self._last = int(valid[0]), int(valid[-1]) + 1
        self._row_mm = mm_per_px
        self._around = max(1, round(_AROUND_MM / mm_per_px))
        # Where an edge of the belt crosses the rows that enter, the corner is left out.
        whole = np.flatnonzero(
            belt[max(self._first, self._last - self._around) : self._last].all(0)
        )
        self._columns = slice(int(whole[0]), int(whole[-1]) + 1) if whole.size else slice(0, 0)
        across = self._columns.stop - self._columns.start
        self._cells = max(1, round(across * mm_per_px / _CELL_MM))
        self._wide = 2 * round(_AROUND_MM / _CELL_MM) + 1
        self._length_mm = length_mm
        self._search = None if length_mm is not None else BeltLength(mm_per_px, self._cells)
        stored_mm = 2 * (1 + _DRIFT) * (length_mm or MAX_MM) + _ALIGNED_MM + 2 * _NEAR_MM
        rows = ceil(stored_mm / mm_per_px) + self._last - self._first
        self._rows = np.zeros((rows, self._cells, 3), dtype=np.uint8)
        """A ring buffer, by rows of belt."""
        self._own = np.zeros((self._last - self._first + 1, self._cells), dtype=np.uint8)
        """A ring buffer for the rows in view: 1 where the belt itself seems to be material."""
        self._loops: list[_Loop] = []
        self._reset()

    def advance(self, shift: Shift, *, lost: bool) -> None:
        """Add the belt's shift; `lost`: its position can't be relied on."""
        self._travel_mm += shift.dy_mm
        if lost or not shift.known or self._travel_mm < self._stored * self._row_mm - _BACK_MM:
            self._reset()

    def material(
        self, view: NDArray[np.uint8], covered: NDArray[np.bool_], *, learns: bool
    ) -> NDArray[np.bool_]:
        """`(h, w)` bool: `covered` without the belt's own features.

        `view`: `(h, w, 3)` uint8 BGR; `covered`: `(h, w)` bool; `learns`: False while material may
        be stationary on the belt.
        """
        fresh = int(self._travel_mm / self._row_mm) - self._stored
        if not learns or fresh > self._last - self._first:
            self._reset()
            return covered
        if self._columns.stop == 0:
            return covered
        if fresh > 0:
            self._store(view, fresh)
            self._evaluate(covered)
        return self._without_own(covered)

    def _reset(self) -> None:
        self._travel_mm = 0.0
        self._stored = self._evaluated = self._stepped = 0
        """Rows since the last reset."""
        self._own[:] = 0
        self._behind = np.full(self._cells, 2**30)
        """Rows since the last unchanged cell, by cell."""
        self._loops = []
        if self._search is not None:
            self._search.reset_position()

    def _store(self, view: NDArray[np.uint8], fresh: int) -> None:
        rows = view[self._last - fresh : self._last, self._columns]
        cells = cv2.resize(rows, (self._cells, fresh), interpolation=cv2.INTER_AREA)
        self._rows[np.arange(self._stored, self._stored + fresh) % len(self._rows)] = cells
        self._stored += fresh
        if self._search is None:
            return
        while self._stored - self._stepped >= self._search.rows_needed:
            self._search.step(
                self._between(self._stepped, self._stepped + self._search.rows_needed)
            )
            self._stepped += self._search.rows_per_step
        if self._search.mm != self._length_mm:
            self._length_mm, self._loops = self._search.mm, []

    def _between(self, first: int, end: int) -> NDArray[np.uint8]:
        """`(end - first, cells, 3)` uint8: those rows of belt."""
        return self._rows.take(range(first, end), axis=0, mode="wrap")

    def _evaluate(self, covered: NDArray[np.bool_]) -> None:
        """Evaluate the rows behind which enough belt has entered the view."""
        first, end = self._evaluated, self._stored - self._around
        self._evaluated = max(first, end)
        if end <= first:
            return
        own = np.zeros((end - first, self._cells), dtype=np.bool_)
        top = self._last - (self._stored - first)
        mask = covered[top : top + end - first, self._columns].astype(np.float32)
        if mask.any():
            share = cv2.resize(mask, (self._cells, end - first), interpolation=cv2.INTER_AREA)
            same, plain = self._unchanged(first, end)
            own = self._with_plain(same, plain & (share > 0))
        self._own[np.arange(first, end) % len(self._own)] = own

    def _with_plain(self, same: NDArray[np.bool_], plain: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The unchanged cells, and the plain ones behind them; `(rows, cells)` bool each."""
        own = same.copy()
        max_rows = round(_PLAIN_MAX_MM / self._row_mm)
        for row in range(len(own)):
            own[row] |= plain[row] & (self._behind < max_rows)
            self._behind = np.where(same[row], 0, np.where(own[row], self._behind + 1, max_rows))
        return own

    def _unchanged(self, first: int, end: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Cells that are unchanged since one belt length ago, and two, and unchanged plain ones;
        `(end - first, cells)` bool both."""
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
        results: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
        for loop in self._loops:
            if begin < loop.farthest:
                break
            reach = loop.reach(end)
            oldest = begin - loop.back - reach
            before = self._between(oldest, end + self._around - loop.back + reach)
            then = loop.aligned(now, before.astype(np.float32), reach)
            results.append(self._same(now[around:], then[around:]))
        if not results:
            return nothing, nothing
        same, plain = zip(*results, strict=True)
        return np.logical_and.reduce(same), np.logical_and.reduce(plain)

    def _same(
        self, now: NDArray[np.float32], then: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Cells that are unchanged, and cells that are unchanged but plain; `(rows, cells)` bool,
        without the rows around. `now`, `then`: `(rows + 2 around, cells, 3)` float32 BGR."""
        along = (1, 2 * self._around + 1)
        now_level, then_level = cv2.blur(now, along), cv2.blur(then, along)
        a, b = now - now_level, then - then_level

        def around(products: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(cv2.blur(products.mean(axis=2), (self._wide, along[1])))

        aa, bb, ab = around(a * a), around(b * b), around(a * b)
        min_contrast = np.maximum(CONTRAST_MIN, CONTRAST_SHARE * now_level.max(axis=2)) ** 2
        same = (ab >= CORRELATION_MIN * np.sqrt(aa * bb)) & (np.minimum(aa, bb) >= min_contrast)
        level = np.maximum(now_level, then_level) * LEVEL_SHARE + LEVEL_MIN
        same &= (np.abs(now_level - then_level) <= level).all(axis=2)
        # An object on the splice is smaller than the surroundings that are correlated.
        near = (3, 5)
        difference = cv2.blur(np.square(now - then).mean(axis=2), near)
        contrast = cv2.blur(np.maximum(a * a, b * b).mean(axis=2), near)
        same &= difference <= DIFFERENCE_MAX * contrast + CONTRAST_MIN**2
        plain = difference <= np.square(_PLAIN_SHARE * now_level.max(axis=2) + _PLAIN_MIN)
        inner = slice(self._around, len(same) - self._around)
        return np.asarray(same[inner]), np.asarray(plain[inner])

    def _without_own(self, covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        first = max(0, self._stored - (self._last - self._first))
        own = self._own.take(range(first, self._evaluated), axis=0, mode="wrap")
        if not own.any():
            return covered
        across = self._columns.stop - self._columns.start
        mask = cv2.resize(own, (across, len(own)), interpolation=cv2.INTER_NEAREST)
        top = self._last - (self._stored - first)
        material = covered.copy()
        material[top : top + len(own), self._columns] &= mask == 0
        return material


class _Loop:
    """Finds the position at which a length of belt passed some belt lengths ago."""

    def __init__(self, rows: float, row_mm: float) -> None:
        self.back = round(rows)
        """Number of rows since it passed."""
        self._nominal = round(rows)
        self._near = max(1, round(_NEAR_MM / row_mm))
        self._far = self._near + int(_DRIFT * rows)
        self.farthest = self._nominal + self._far
        """Limit of the search, in rows back."""
        self._every = round(_WIDE_EVERY_MM / row_mm)
        self._next_wide_search = 0
        self._lost = True

    def reach(self, row: int) -> int:
        """Search range around `back`, in rows."""
        if self._lost and row >= self._next_wide_search:
            self._next_wide_search = row + self._every
            self.back = self._nominal
            return self._far
        return min(self._near, self.farthest - self.back)

    def aligned(
        self, now: NDArray[np.float32], before: NDArray[np.float32], reach: int
    ) -> NDArray[np.float32]:
        """The part of `before`, `(rows + 2 reach, cells, 3)`, that matches `now`, `(rows, cells,
        3)`, best."""
        along = (1, 21)
        correlation = cv2.matchTemplate(
            np.clip(before - cv2.blur(before, along), -_CLIP, _CLIP),
            np.clip(now - cv2.blur(now, along), -_CLIP, _CLIP),
            cv2.TM_CCORR_NORMED,
        )[:, 0]
        best = int(correlation.argmax())
        self._lost = not correlation[best] >= _ALIGNED_MIN
        shifted = reach if self._lost else best
        self.back += reach - shifted
        return before[shifted : shifted + len(now)]
