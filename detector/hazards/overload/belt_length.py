"""Measure the belt's length from features that return with it: its splice, patches and stains."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_MM, MAX_MM = 1000.0, 60_000.0
"""Range of belt lengths. Cleats repeat within less and give no length."""
_STEP_MM = 25.0
_LANES = 16
_CLIP = 12.0
"""Grey levels of difference from the belt before and behind; larger differences are clipped."""
_MIN_CORRELATION = 0.25
"""Autocorrelation of the belt from which a length is accepted. Loads that do not repeat stay below
a tenth of that."""
_CHANGE_FACTOR = 1.3
"""Factor by which another length must correlate better than the accepted one."""
_HARMONIC_SHARE = 0.7
"""Share of the best correlation: twice the length correlates as well, except for the alignment of
its steps."""
_EVALUATED_EVERY = 40
"""Steps."""
_MEMORY_STEPS = 8000
"""200 m: older steps fade."""


class BeltLength:
    """Correlates each step of the belt with all steps before it, up to `MAX_MM` back."""

    def __init__(self, row_mm: float, cells: int) -> None:
        """`row_mm`: length of a row of belt; `cells`: number of cells across."""
        self._rows = max(1, round(_STEP_MM / row_mm))
        self.step_mm = self._rows * row_mm
        self._lanes = min(_LANES, cells)
        self._steps = int(MAX_MM / self.step_mm) + 1
        self._history = np.zeros((self._steps, self._lanes), dtype=np.float32)
        self._energy = np.zeros(self._steps, dtype=np.float32)
        # By lag in steps: sums of products, of squares of both sides, and number of pairs.
        self._products = np.zeros(self._steps, dtype=np.float64)
        self._squares = np.zeros((2, self._steps), dtype=np.float64)
        self._pairs = np.zeros(self._steps, dtype=np.float64)
        self._count = 0
        self._length_steps: int | None = None

    @property
    def rows_needed(self) -> int:
        """Rows that `step` needs: the step itself, and two steps before and behind it."""
        return 5 * self._rows

    @property
    def rows_per_step(self) -> int:
        return self._rows

    @property
    def mm(self) -> float | None:
        """The belt's length; None: not known yet."""
        return None if self._length_steps is None else self._length_steps * self.step_mm

    def reset_position(self) -> None:
        """Do not compare the next steps with earlier ones. The length is kept."""
        self._count = 0

    def step(self, rows: NDArray[np.uint8]) -> None:
        """Add one step of belt. `rows`: `(rows_needed, cells, 3)` uint8 BGR, the step itself in the
        middle."""
        grey = rows.mean(axis=2, dtype=np.float32)
        own = grey[2 * self._rows : 3 * self._rows].mean(axis=0) - grey.mean(axis=0)
        lanes = cv2.resize(own[None], (self._lanes, 1), interpolation=cv2.INTER_AREA)[0]
        lanes = np.clip(lanes / _CLIP, -1, 1)
        energy = float(lanes @ lanes)
        known = min(self._count, self._steps)
        if known:
            # Newest first: the step before this one is one step back.
            back = (self._count - 1 - np.arange(known)) % self._steps
            lag = slice(1, known + 1) if known < self._steps else slice(1, known)
            back = back[: self._steps - 1]
            self._products[lag] += (self._history @ lanes)[back]
            self._squares[0, lag] += energy
            self._squares[1, lag] += self._energy[back]
            self._pairs[lag] += 1
        self._history[self._count % self._steps] = lanes
        self._energy[self._count % self._steps] = energy
        self._count += 1
        if self._count % _EVALUATED_EVERY == 0:
            self._evaluate()

    def _evaluate(self) -> None:
        # A length is accepted once the belt has passed twice.
        enough = self._pairs >= np.arange(self._steps)
        enough[: int(MIN_MM / self.step_mm)] = False
        correlation = self._products / np.sqrt(self._squares.prod(axis=0) + 1e-9) * enough
        best = float(correlation.max())
        now = 0.0 if self._length_steps is None else float(correlation[self._length_steps])
        if best >= max(_MIN_CORRELATION, _CHANGE_FACTOR * now):
            # The shortest lag that is high enough, at its local maximum.
            first = int(np.argmax(correlation >= _HARMONIC_SHARE * best))
            self._length_steps = first + int(np.argmax(correlation[first : first + 4]))
        fade = 1 - _EVALUATED_EVERY / _MEMORY_STEPS
        self._products *= fade
        self._squares *= fade
        self._pairs *= fade
