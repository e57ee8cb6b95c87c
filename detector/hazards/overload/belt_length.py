"""How long the belt is, found from what comes round again on it: its seam, patches and stains."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_MM, MOST_MM = 1000.0, 60_000.0
"""Belts so long are looked for. Cleats repeat within less and say nothing of the length."""
_STEP_MM = 25.0
_LANES = 16
_STRONG = 12.0
"""Grey levels beside the belt before and behind; what differs by more says no more than this."""
_ALIKE = 0.25
"""Correlation of the belt with itself from which a length is believed. Loads that do not repeat
lie below a tenth of that."""
_CLEARLY = 1.3
"""So much better must another length be than the one that is believed."""
_AS_MUCH = 0.7
"""Of the best: twice the length is as much alike, but for how the steps fall on it."""
_JUDGED_EVERY = 40
"""Steps."""
_REMEMBERED_STEPS = 8000
"""200 m: what was seen longer ago fades."""


class BeltLength:
    """Correlates each step of the belt with all those before it, up to `MOST_MM` back."""

    def __init__(self, row_mm: float, cells: int) -> None:
        """`row_mm`: length of a row of belt; `cells`: so many across."""
        self._rows = max(1, round(_STEP_MM / row_mm))
        self.step_mm = self._rows * row_mm
        self._lanes = min(_LANES, cells)
        self._steps = int(MOST_MM / self.step_mm) + 1
        self._seen = np.zeros((self._steps, self._lanes), dtype=np.float32)
        self._energy = np.zeros(self._steps, dtype=np.float32)
        # By how many steps lie between: sums of products, of squares before and behind, and pairs.
        self._products = np.zeros(self._steps, dtype=np.float64)
        self._squares = np.zeros((2, self._steps), dtype=np.float64)
        self._pairs = np.zeros(self._steps, dtype=np.float64)
        self._count = 0
        self._found: int | None = None

    @property
    def rows_needed(self) -> int:
        """A step is taken with what lies two steps before and behind it."""
        return 5 * self._rows

    @property
    def rows_per_step(self) -> int:
        return self._rows

    @property
    def mm(self) -> float | None:
        """None: not found yet."""
        return None if self._found is None else self._found * self.step_mm

    def forget_place(self) -> None:
        """What comes now is not held against what came before. The length stays."""
        self._count = 0

    def step(self, rows: NDArray[np.uint8]) -> None:
        """One more step of belt. `rows`: `(rows_needed, cells, 3)` uint8 BGR, the step's own in
        their middle."""
        grey = rows.mean(axis=2, dtype=np.float32)
        own = grey[2 * self._rows : 3 * self._rows].mean(axis=0) - grey.mean(axis=0)
        lanes = cv2.resize(own[None], (self._lanes, 1), interpolation=cv2.INTER_AREA)[0]
        lanes = np.clip(lanes / _STRONG, -1, 1)
        energy = float(lanes @ lanes)
        known = min(self._count, self._steps)
        if known:
            # Newest first: the step before this one lies one step back.
            back = (self._count - 1 - np.arange(known)) % self._steps
            lag = slice(1, known + 1) if known < self._steps else slice(1, known)
            back = back[: self._steps - 1]
            self._products[lag] += (self._seen @ lanes)[back]
            self._squares[0, lag] += energy
            self._squares[1, lag] += self._energy[back]
            self._pairs[lag] += 1
        self._seen[self._count % self._steps] = lanes
        self._energy[self._count % self._steps] = energy
        self._count += 1
        if self._count % _JUDGED_EVERY == 0:
            self._judge()

    def _judge(self) -> None:
        # A length is believed once the belt has come by twice.
        often = self._pairs >= np.arange(self._steps)
        often[: int(LEAST_MM / self.step_mm)] = False
        alike = self._products / np.sqrt(self._squares.prod(axis=0) + 1e-9) * often
        best = float(alike.max())
        now = 0.0 if self._found is None else float(alike[self._found])
        if best >= max(_ALIKE, _CLEARLY * now):
            # The shortest counts, where it is highest.
            first = int(np.argmax(alike >= _AS_MUCH * best))
            self._found = first + int(np.argmax(alike[first : first + 4]))
        fade = 1 - _JUDGED_EVERY / _REMEMBERED_STEPS
        self._products *= fade
        self._squares *= fade
        self._pairs *= fade
