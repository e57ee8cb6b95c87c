"""Detects an image whose belt does not move while the belt itself does.

A stream that repeats one image shows no fault: it arrives in time, and a clock that the camera
draws into it, or its encoder, makes each copy a little different. So only the belt's pixels are
compared, and the difference is measured by what travel would make of this very image: its own
difference from itself, shifted by one step of the grid.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.belt.motion import ImageSpeed
from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.faults import BlindImageError

SAME_SHARE = 0.3
"""Share of the difference that the travel would make. Running belts of the twin are at 1.0 and
more, with nearly all of the view in a jam at 0.55; a frozen image that H.264 encodes again (800
kbit/s, 3 Mbit/s, with and without a clock) at 0.23 and less."""
MOVING_SHARE = 0.8
"""An image that differs by this share from the one before shows a running belt."""
REPEATS = 2
"""Number of repetitions of an image, three periods of a camera: one may be the camera's own way to
keep its rate."""
NEVER_REPEATED = 50
"""After this number of images in a row that show a running belt, a camera that has never repeated a
single image is taken to have no such way."""
LEAST_CONTRAST = 2.0
"""Mean difference from one sample to the next, grey levels. Travel does not show on a bare belt of
one colour, which H.264 repeats bit for bit. Belts of the twin are at 6 and more."""
LEAST_STEPS = 0.15
"""Travel, in steps of the grid, that is certain to show."""
STOPPED_NS = 1_000_000_000
"""A belt without that travel by its encoder for this time has stopped."""
BRAKES_MM_S2 = ImageSpeed.MAX_ACCELERATION_MM_S2

MeasuredTravel = Callable[[int, int], float | None]
"""Travel between two times (ns) by the encoder's readings, mm; None: there is no reading."""


class FrozenBeltError(BlindImageError):
    """The image repeats while the belt moves."""


class FrozenBelt:
    """Compares each image with the last one that differed from its predecessor.

    That the belt moves is known from the encoder; or from the last two images before the
    repetition, if they showed it running so fast that it cannot have stopped within a period.
    """

    def __init__(self, samples: BeltSamples, step_mm: float, *, along_x: bool) -> None:
        """`step_mm`: length of belt between two samples; `along_x`: the travel is along the
        image's rows."""
        self._samples, self._step_mm = samples, step_mm
        head, tail = (slice(None), slice(1, None)), (slice(None), slice(None, -1))
        self._pair = (head, tail) if along_x else (head[::-1], tail[::-1])
        self._both = cv2.bitwise_and(samples.belt[self._pair[0]], samples.belt[self._pair[1]])
        self._anchor: NDArray[np.uint8] = np.zeros_like(samples.grey)
        self._difference: NDArray[np.uint8] = np.zeros_like(samples.grey)
        self._anchor_ns: int | None = None
        self._brightness = 0.0
        self._repeats = 0
        self._is_frozen = False
        """Set from a refusal until two images in a row are new, or the encoder shows that the belt
        has stopped: a key frame makes a stream's frozen image differ once."""
        self.old_since_ns: int | None = None
        """Capture of the image that the last one certainly repeats, from a camera that never
        repeated a single one: the last sight of the belt. None: the last image is new, or may be
        the camera's way to keep its rate."""
        self._has_repeated = self._repeats_single = False
        self._moved_in_a_row = 0
        self._moved = (False, False)
        self._ran_mm_s = 0.0
        """Speed at the anchor, if its image shows that the belt cannot have stopped since."""

    def refuse_frozen(
        self, t_ns: int, speed_mm_s: float | None, measured_mm: MeasuredTravel
    ) -> None:
        """Evaluate the samples of a frame. `speed_mm_s`: the belt's speed in use; None: unknown.

        Raises `FrozenBeltError`.
        """
        grey = self._samples.grey
        self.old_since_ns = None
        if self._anchor_ns is None or t_ns <= self._anchor_ns:
            self._set_anchor(t_ns, 0.0)
            return
        usual = self._difference_by_a_step()
        if usual < LEAST_CONTRAST:
            self._is_frozen = False
            self._set_anchor(t_ns, 0.0)
            return
        share = self._difference_from_anchor(grey) / usual
        if share > SAME_SHARE:
            self._changed(t_ns, share, speed_mm_s)
        else:
            self._repeated(t_ns, share, measured_mm(self._anchor_ns, t_ns))

    def _changed(self, t_ns: int, share: float, speed_mm_s: float | None) -> None:
        """The image differs from the anchor. Raises as `refuse_frozen` does."""
        since_ns, neighbours = t_ns - (self._anchor_ns or t_ns), self._repeats == 0
        # Between these two the belt was running, if they are neighbours.
        moved = share > MOVING_SHARE and neighbours
        self._moved = (self._moved[1], moved)
        self._moved_in_a_row = self._moved_in_a_row + 1 if moved else 0
        self._repeats_single |= self._has_repeated and self._repeats < REPEATS
        self._has_repeated = False
        self._set_anchor(t_ns, self._sure_speed(speed_mm_s, since_ns))
        if self._is_frozen and not neighbours:
            raise FrozenBeltError(
                "the image of the belt has changed once after it was frozen: the belt counts as "
                "seen when the next image is new too"
            )
        self._is_frozen = False

    def _repeated(self, t_ns: int, share: float, measured_mm: float | None) -> None:
        """The image repeats the anchor. `measured_mm`: travel since then by the encoder; None:
        there is no reading. Raises as `refuse_frozen` does."""
        self._repeats += 1
        since_ns = t_ns - (self._anchor_ns or t_ns)
        certain_mm = self._least_travel_mm(since_ns) if measured_mm is None else abs(measured_mm)
        steps = certain_mm / self._step_mm
        if steps < LEAST_STEPS or share > SAME_SHARE * min(1.0, steps):
            if self._is_frozen and (measured_mm is None or since_ns < STOPPED_NS):
                raise FrozenBeltError(
                    "the image of the belt was frozen and has not changed since: restart the "
                    "camera, or run the belt if it has stopped"
                )
            self._is_frozen = False
            return
        self._has_repeated = True
        if self._repeats < REPEATS and not self._is_frozen:
            trusted = self._moved_in_a_row >= NEVER_REPEATED and not self._repeats_single
            self.old_since_ns = self._anchor_ns if trusted else None
            return
        self._is_frozen = True
        raise FrozenBeltError(
            f"the image of the belt has not changed for {since_ns / 1e9:.1f} s, while the belt "
            f"has moved {certain_mm:.0f} mm or more: the camera repeats an image (restart it), "
            "or the belt is stuck while its encoder turns"
        )

    def _difference_by_a_step(self) -> float:
        first, second = self._pair
        grey = self._samples.grey
        return cv2.mean(cv2.absdiff(grey[first], grey[second]), self._both)[0]

    def _difference_from_anchor(self, grey: NDArray[np.uint8]) -> float:
        # Lamps that fade are no travel.
        gain = self._samples.brightness / max(self._brightness, 1.0)
        if abs(gain - 1) > 0.02:
            cv2.convertScaleAbs(self._anchor, dst=self._difference, alpha=gain)
            cv2.absdiff(grey, self._difference, dst=self._difference)
        else:
            cv2.absdiff(grey, self._anchor, dst=self._difference)
        return cv2.mean(self._difference, self._samples.belt)[0]

    def _set_anchor(self, t_ns: int, ran_mm_s: float) -> None:
        np.copyto(self._anchor, self._samples.grey)
        self._anchor_ns, self._brightness = t_ns, self._samples.brightness
        self._repeats, self._ran_mm_s = 0, ran_mm_s

    def _sure_speed(self, speed_mm_s: float | None, period_ns: int) -> float:
        """The speed at a new anchor, if the belt was certainly running then: two images in a row
        have moved, each by more than a belt that was braked to a stop in their period."""
        if speed_mm_s is None or not all(self._moved):
            return 0.0
        braked_mm = BRAKES_MM_S2 * (period_ns / 1e9) ** 2 / 2
        return abs(speed_mm_s) if braked_mm < 0.7 * self._step_mm else 0.0

    def _least_travel_mm(self, elapsed_ns: int) -> float:
        """Travel of the belt since the anchor if it was braked as hard as a belt can be."""
        speed = self._ran_mm_s
        braking_s = min(elapsed_ns / 1e9, speed / BRAKES_MM_S2)
        return speed * braking_s - BRAKES_MM_S2 * braking_s**2 / 2
