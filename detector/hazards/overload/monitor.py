"""Coverage over belt travel (trop-plein), and jams (bourrage).

Each stretch of belt is evaluated once, when it is fully in view; frames with little new belt are
skipped. `empty_belt.py` distinguishes material from bare belt, `splice.py` excludes the belt's own
splice by its return, and `stationary_material.py` compares material with the belt's travel.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import Shift, ViewSource
from detector.hazards.overload.empty_belt import EmptyBelt
from detector.hazards.overload.jam import JamMonitor
from detector.hazards.overload.skirtboard import SkirtMarks
from detector.hazards.overload.splice import BeltFeatures
from detector.hazards.overload.stationary_material import StationaryMaterial
from detector.profile.belt_load import Jam
from detector.wire.messages import Cue, Hazard

State = Literal["unknown", "clear", "overload"]

# Length of belt that is evaluated at a time.
_STRETCH_MM = 50.0
# Interval between evaluations, in travel, or in time on a belt that creeps. At 30 frames/s and 0.5
# m/s it is every third frame: jams were raised after 1.1 s (median; 2.07 s at most), with 25 mm,
# every second frame, after 0.9 s (2.07 s), for nearly twice the time. With 50 mm they were raised
# 0.6 s later than by evaluating every frame.
_INTERVAL_MM, _INTERVAL_NS = 34.0, 200_000_000


@dataclass(frozen=True, slots=True)
class Coverage:
    """The monitor's result after a frame."""

    state: State
    in_window: float | None
    """Coverage over the last window of travel, 0 to 1; None: not known yet."""
    in_view: float | None
    """Coverage of the belt in view now."""
    jam: bool | None = None
    """Material is stationary while the belt runs; None: not known yet."""


UNKNOWN = Coverage("unknown", None, None)
"""Vision is unavailable, or there is no reference image of the empty belt."""


class OverloadMonitor:
    """Measures coverage with a reference of the empty belt, with hysteresis over belt travel."""

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
        """`empty_belt`: `(h, w, 3)` uint8 BGR, the empty belt as `SmallViews.for_coverage` has it;
        None: coverage stays unknown. `belt_mask`: `(h, w)` bool, mask of the belt in it;
        `mm_per_px`: its scale. `marks`, `marks_at`: if this share of the skirt marks is hidden,
        coverage from `release_at` on is an overload already. `belt_length_mm`: travel after which
        the splice returns; None: measured from the images.
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
        self._jam = JamMonitor(jam)
        self._stationary = StationaryMaterial(self._row_mm)
        self._empty: EmptyBelt | None = None
        if empty_belt is not None and belt_mask.any():
            self._empty = EmptyBelt(empty_belt, belt_mask, mm_per_px)
            self._features = BeltFeatures(belt_mask, mm_per_px, belt_length_mm)
        self._coverage = UNKNOWN
        self._new_mm = 0.0
        self._evaluated_ns: int | None = None

    def update(
        self,
        view: ViewSource,
        shift: Shift,
        t_ns: int,
        image: NDArray[np.uint8] | None = None,
        *,
        busy: bool = False,
        position_lost: bool = False,
    ) -> Coverage:
        """Update with one frame.

        `view`: makes the belt at the monitor's scale, `(h, w, 3)` uint8 BGR; `shift`: the belt's,
        since the last frame; `t_ns`: the frame's CLOCK_MONOTONIC; `image`: `(h, w, 3)` uint8 BGR,
        the camera's image, for the marks beside the belt. `busy`: this frame has other work, so
        that what can wait should. `position_lost`: the belt's position can't be relied on.
        """
        if self._empty is None:
            return UNKNOWN
        self._features.advance(shift, lost=position_lost)
        self._new_mm += max(0.0, shift.dy_mm)
        if self._can_wait(t_ns, 2 if busy else 1):
            return self._coverage
        small = view()
        moved_mm, self._new_mm, self._evaluated_ns = self._new_mm, 0.0, t_ns
        # Material that is stationary for long must not be learned as belt.
        learns = not self._jam.suspected
        covered = self._empty.covered(small, learns=learns)
        material = self._features.material(small, covered, learns=learns)
        in_view = float(material[self._mask].mean())
        self._evaluate_stretches(material, moved_mm, image)
        stationary = self._stationary.share(small, covered & self._mask, self._mask, moved_mm)
        jam = self._jam.update(stationary, t_ns)
        in_window = float(np.mean(self._window)) if self._window else None
        if in_window is not None and len(self._window) == self._window.maxlen:
            if in_window >= self._raise_at or (in_window >= self._release_at and self._is_high()):
                self._state = "overload"
            elif in_window < self._release_at or self._state == "unknown":
                self._state = "clear"
        self._coverage = Coverage(self._state, in_window, in_view, jam)
        return self._coverage

    def _can_wait(self, t_ns: int, times: int) -> bool:
        """True if less than `times` × the interval has passed since the last evaluation."""
        since_ns = None if self._evaluated_ns is None else t_ns - self._evaluated_ns
        if since_ns is None or not 0 <= since_ns < times * _INTERVAL_NS:
            return False
        return self._new_mm < times * _INTERVAL_MM

    def line_states(self, coverage: Coverage) -> list[tuple[Hazard, bool, tuple[Cue, ...]]]:
        """Each known state of the line, whether it is active, and its cues, the deciding one first.

        Unknown states are left out: they end no alarm.
        """
        full, stationary = self._cues(), self._jam.cue()
        states: list[tuple[Hazard, bool, tuple[Cue, ...]]] = []
        if coverage.state != "unknown":
            states.append((Hazard.OVERLOAD, coverage.state == "overload", (*full, stationary)))
        if coverage.jam is not None:
            states.append((Hazard.JAM, coverage.jam, (stationary, *full)))
        return states

    def _is_high(self) -> bool:
        return bool(self._hidden) and float(np.mean(self._hidden)) >= self._marks_at

    def _cues(self) -> tuple[Cue, ...]:
        """Coverage, and height if the line has marks; the deciding one first."""
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

    def _evaluate_stretches(
        self, covered: NDArray[np.bool_], moved_mm: float, image: NDArray[np.uint8] | None
    ) -> None:
        """Evaluate each stretch that has come into view."""
        valid = np.flatnonzero(self._mask.any(axis=1))
        first, last = int(valid[0]), int(valid[-1]) + 1
        if moved_mm > (last - first) * self._row_mm:
            # Belt has passed unseen: the window starts again.
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
            # One stretch inside the edge, where no object is cut.
            top = max(first, last - (number + 1) * self._rows)
            band = slice(top, top + self._rows)
            mask = self._mask[band]
            self._window.append(float(covered[band][mask].mean()) if mask.any() else 0.0)


def describe_cues(cues: tuple[Cue, ...]) -> str:
    """The deciding cue with its share and limits, in one line."""
    cue = cues[0]
    over = f"{cue.over_s:g} s" if cue.over_mm is None else f"{cue.over_mm / 1000:.1f} m of belt"
    return (
        f"{cue.name.replace('_', ' ')} {cue.share:.0%} over {over} "
        f"(raised at {cue.raised_at:.0%}, cleared below {cue.cleared_below:.0%})"
    )
