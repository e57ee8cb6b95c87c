"""How full the belt is, over belt travel (trop-plein), and whether material hangs on it (bourrage).

Each stretch of belt is judged once, when it has come fully into view; pictures that show little
new belt are not looked at. What lies on it is told from the empty belt (`empty_belt.py`), what of
that is the belt's own seam from where it came by before (`seam.py`), and what stands from the
belt's way (`standing_material.py`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import Shift, ViewSource
from detector.hazards.overload.empty_belt import EmptyBelt
from detector.hazards.overload.jam import JamWatch
from detector.hazards.overload.skirtboard import SkirtMarks
from detector.hazards.overload.splice import BeltMarks
from detector.hazards.overload.stationary_material import StandingMaterial
from detector.profile.belt_load import Jam
from detector.wire.messages import Cue, Hazard

State = Literal["unknown", "clear", "overload"]

# Length of belt that is judged at a time.
_STRETCH_MM = 50.0
# Looks are so far apart on the belt, or on one that creeps in time: with twice as much, a jam was
# told 0.6 s later than by looking at every frame, with this at the same moment.
_LOOK_MM, _LOOK_NS = 25.0, 200_000_000


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the monitor says after a frame."""

    state: State
    in_window: float | None
    """Share of the belt covered over the last window of travel, 0 to 1; None: not known yet."""
    in_view: float | None
    """Share of the belt in view covered now."""
    jam: bool | None = None
    """Material stands while the belt runs; None: not known yet."""


UNKNOWN = Coverage("unknown", None, None)
"""Nobody has looked, or nobody knows the empty belt."""


class OverloadMonitor:
    """Watches coverage against an empty belt, with hysteresis over belt travel."""

    def __init__(
        self,
        empty_belt: NDArray[np.uint8] | None,
        belt_mask: NDArray[np.bool_],
        mm_per_px: float,
        *,
        raise_at: float,
        release_at: float,
        window_mm: float,
        jam: Jam,
        marks: SkirtMarks | None = None,
        marks_at: float = 1.0,
        belt_length_mm: float | None = None,
    ) -> None:
        """`empty_belt`: `(h, w, 3)` uint8 BGR, the empty belt as it is judged
        (`SmallViews.judged`); None: coverage is unknown and stays so. `belt_mask`: `(h, w)` bool,
        what of that is belt; `mm_per_px`: its scale. `marks`: with that share of them hidden,
        coverage above `release_at` is too much already. `belt_length_mm`: after so much travel its
        seam comes round; None: found from the picture.
        """
        self._raise_at, self._release_at = raise_at, release_at
        self._state: State = "unknown"
        self._row_mm = mm_per_px
        self._mask = belt_mask
        self._rows = max(1, round(_STRETCH_MM / self._row_mm))
        self._stretch_mm = self._rows * self._row_mm
        self._window: deque[float] = deque(maxlen=max(1, round(window_mm / self._stretch_mm)))
        self._marks, self._marks_at = marks, marks_at
        self._hidden: deque[float] = deque(maxlen=self._window.maxlen)
        self._travelled_mm = 0.0
        self._jam = JamWatch(jam)
        self._standing = StandingMaterial(self._row_mm)
        self._empty: EmptyBelt | None = None
        if empty_belt is not None and belt_mask.any():
            self._empty = EmptyBelt(empty_belt, belt_mask, mm_per_px)
            self._seam = BeltMarks(belt_mask, mm_per_px, belt_length_mm)
        self._coverage = UNKNOWN
        self._come_mm = 0.0
        self._looked_ns: int | None = None

    def watch(
        self,
        picture: ViewSource,
        shift: Shift,
        t_ns: int,
        image: NDArray[np.uint8] | None = None,
        *,
        busy: bool = False,
        place_lost: bool = False,
    ) -> Coverage:
        """Take in one frame: the belt as it is judged, what it moved since the last one, when it
        was seen, and the camera's picture, for the marks beside the belt. `busy`: the model looks
        at this frame, and what can wait for the next one should. `place_lost`: the belt's position
        can't be relied on.
        """
        if self._empty is None:
            return UNKNOWN
        self._seam.carry(shift, lost=place_lost)
        self._come_mm += max(0.0, shift.dy_mm)
        if self._can_wait(t_ns, 2 if busy else 1):
            return self._coverage
        small = picture()
        moved_mm, self._come_mm, self._looked_ns = self._come_mm, 0.0, t_ns
        # What stands for long must not become the belt: while it does, nothing is learned.
        learns = not self._jam.suspected
        covered = self._empty.covered(small, learns=learns)
        material = self._seam.material(small, covered, learns=learns)
        in_view = float(material[self._mask].mean())
        self._take_in(material, moved_mm, image)
        standing = self._standing.share(small, covered & self._mask, self._mask, moved_mm)
        jam = self._jam.watch(standing, t_ns)
        in_window = float(np.mean(self._window)) if self._window else None
        if in_window is not None and len(self._window) == self._window.maxlen:
            if in_window >= self._raise_at or (in_window >= self._release_at and self._is_high()):
                self._state = "overload"
            elif in_window < self._release_at or self._state == "unknown":
                self._state = "clear"
        self._coverage = Coverage(self._state, in_window, in_view, jam)
        return self._coverage

    def _can_wait(self, t_ns: int, times: int) -> bool:
        """The last look is less than so many times as far back as it may be."""
        if self._looked_ns is None or not 0 <= t_ns - self._looked_ns < times * _LOOK_NS:
            return False
        return self._come_mm < times * _LOOK_MM

    def told(self, coverage: Coverage) -> list[tuple[Hazard, bool, tuple[Cue, ...]]]:
        """Each state of the line that is known, and the cues, the one that decides it first.

        What is unknown is left out: it ends no alarm.
        """
        full, standing = self._cues(), self._jam.cue()
        states: list[tuple[Hazard, bool, tuple[Cue, ...]]] = []
        if coverage.state != "unknown":
            states.append((Hazard.OVERLOAD, coverage.state == "overload", (*full, standing)))
        if coverage.jam is not None:
            states.append((Hazard.JAM, coverage.jam, (standing, *full)))
        return states

    def _is_high(self) -> bool:
        return bool(self._hidden) and float(np.mean(self._hidden)) >= self._marks_at

    def _cues(self) -> tuple[Cue, ...]:
        """Coverage, and height where the line has marks; the one that speaks first."""
        share = float(np.mean(self._window)) if self._window else 0.0
        coverage = Cue(
            name="coverage",
            share=round(share, 3),
            raised_at=self._raise_at,
            cleared_below=self._release_at,
            over_mm=round(len(self._window) * self._stretch_mm, 1),
            over_s=None,
        )
        if self._marks is None:
            return (coverage,)
        height = Cue(
            name="skirt_marks",
            share=round(float(np.mean(self._hidden)), 3) if self._hidden else 0.0,
            raised_at=self._marks_at,
            cleared_below=self._marks_at,
            over_mm=coverage.over_mm,
            over_s=None,
        )
        high_alone = self._is_high() and share < self._raise_at
        return (height, coverage) if high_alone else (coverage, height)

    def _take_in(
        self, covered: NDArray[np.bool_], moved_mm: float, image: NDArray[np.uint8] | None
    ) -> None:
        """Judge each stretch that has come into view."""
        valid = np.flatnonzero(self._mask.any(axis=1))
        first, last = int(valid[0]), int(valid[-1]) + 1
        if moved_mm > (last - first) * self._row_mm:
            # Belt has passed that nobody saw: what is known begins anew.
            self._window.clear()
            self._hidden.clear()
            self._state = "unknown" if self._state == "clear" else self._state
            self._travelled_mm = 0.0
            return
        self._travelled_mm += moved_mm
        stretches = int(self._travelled_mm / self._stretch_mm)
        self._travelled_mm -= stretches * self._stretch_mm
        if stretches and self._marks is not None and image is not None:
            self._hidden.extend([self._marks.hidden(image)] * stretches)
        for number in range(stretches, 0, -1):  # the one farthest downstream came first
            # One stretch inside the edge, where nothing is cut.
            top = max(first, last - (number + 1) * self._rows)
            band = slice(top, top + self._rows)
            mask = self._mask[band]
            self._window.append(float(covered[band][mask].mean()) if mask.any() else 0.0)


def said(cues: tuple[Cue, ...]) -> str:
    """Which cue spoke and by how much, in one line."""
    cue = cues[0]
    over = f"{cue.over_s:g} s" if cue.over_mm is None else f"{cue.over_mm / 1000:.1f} m of belt"
    return (
        f"{cue.name.replace('_', ' ')} {cue.share:.0%} over {over} "
        f"(raised at {cue.raised_at:.0%}, cleared below {cue.cleared_below:.0%})"
    )
