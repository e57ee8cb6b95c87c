"""The condition of a line's images, frame by frame.

Each frame is sampled on a grid. What makes an image useless is evaluated in every frame; what makes
it worse needs seconds, so its checks take turns.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detector.belt.encoder import ReportedMotion
from detector.belt.motion import ViewSource
from detector.ingest.frame import Frame
from detector.vision.belt_view import Rectifier
from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.clock_step import ClockStep
from detector.vision.condition.exposure import CLIPPED, refuse_unlit
from detector.vision.condition.faults import ImageFault
from detector.vision.condition.flicker import Flicker
from detector.vision.condition.frozen_belt import FrozenBelt
from detector.vision.condition.lens_dirt import LensDirt
from detector.vision.condition.limits import ConditionLimits
from detector.vision.condition.sharpness import Sharpness
from detector.vision.warp import polygon_mask
from detector.vocabulary import ImageFaultKind

CHECKED_NS = 250_000_000
"""Interval of the slow checks."""
CONFIRM_NS, CLEAR_NS = 2_000_000_000, 10_000_000_000
"""A fault degrades vision after it has lasted, and until it has been absent, for this time."""
_MOVED = (
    "the camera has moved by {value:.0f} px since commissioning: run `vigitri calibrate verify`"
)
_LOST = (
    "the fixed structures beside the belt are not where they were at commissioning: uncover the "
    "camera or light them; if it has moved, run `vigitri calibrate verify`"
)
RELEASE = 0.85
"""Share of its limit at which a fault ends."""


class ConditionMonitor:
    """Evaluates each frame on a grid of belt pixels."""

    def __init__(
        self,
        rectifier: Rectifier,
        view_mask: NDArray[np.bool_],
        *,
        along_x: bool,
        belt_length_mm: float | None = None,
        limits: ConditionLimits | None = None,
    ) -> None:
        """`view_mask`: `(h, w)` bool, belt pixels of the view for motion; `along_x`: the belt
        travels along the image's rows; `limits`: those learned on this line, if any."""
        plane = rectifier.plane
        self.limits = limits or ConditionLimits()
        self._samples = samples = BeltSamples(plane.polygon_px, rectifier.image_size_px)
        middle = plane.polygon_px.mean(axis=0)
        step_px = np.array([samples.step_px, 0] if along_x else [0, samples.step_px])
        ends_mm = plane.to_belt(np.array([middle - step_px / 2, middle + step_px / 2]))
        step_mm = max(1e-3, float(np.linalg.norm(ends_mm[1] - ends_mm[0])))
        self._frozen = FrozenBelt(samples, step_mm, along_x=along_x)
        self.flicker, self._clock = Flicker(), ClockStep()
        belt = polygon_mask(plane.polygon_px, rectifier.image_size_px)
        self.sharpness = Sharpness(belt, along_x=along_x)
        self.dirt = LensDirt(view_mask, belt_length_mm)
        self.overexposed_share = 0.0
        self._length_mm = rectifier.extent_mm[3] - rectifier.extent_mm[1]
        self._position_mm = 0.0
        self.shift_px: float | None = None
        """How far the camera has moved, px, as measured in the capture process."""
        self._checked_ns: int | None = None
        self._states: dict[ImageFaultKind, _FaultState] = {}
        self.faults: tuple[ImageFault, ...] = ()
        """What degrades vision now."""

    def update(
        self, frame: Frame, motion: ReportedMotion, view: ViewSource, position_mm: float
    ) -> None:
        """Evaluate a frame, after the belt's motion up to it. `view`: its belt at the scale for
        motion; `position_mm`: travel of the belt.

        Raises `BlindImageError` if the frame does not show the belt as it is now.
        """
        self._samples.update(frame.image)
        refuse_unlit(self._samples)
        now_ns = frame.t_mono_ns
        self._frozen.refuse_frozen(now_ns, motion.speed_mm_s, motion.measured_mm)
        stepped = self._clock.update(now_ns, frame.t_utc_ns)
        if self._measure(
            frame, view, position_mm, has_view=motion.has_tracked, busy=motion.is_checking
        ):
            self._evaluate(now_ns, stepped=stepped)

    def measure(self, frame: Frame, view: ViewSource, position_mm: float) -> bool:
        """Measure a frame whose view has been made, without evaluating it, as for `update`; whether
        the slow checks were made. Raises `BlindImageError` if it is dark or white."""
        self._samples.update(frame.image)
        refuse_unlit(self._samples)
        return self._measure(frame, view, position_mm, has_view=True, busy=False)

    def _measure(
        self, frame: Frame, view: ViewSource, position_mm: float, *, has_view: bool, busy: bool
    ) -> bool:
        """`has_view`: the view has been made for the motion; `busy`: this frame has other work, so
        that what can wait should."""
        now_ns = frame.t_mono_ns
        new_share = abs(position_mm - self._position_mm) / self._length_mm
        self._position_mm = position_mm
        self.flicker.update(self._samples.brightness, new_share)
        if self.dirt.is_due(position_mm, has_view=has_view):
            self.dirt.update(view(), position_mm)
        interval_ns = 2 * CHECKED_NS if busy else CHECKED_NS
        if self._checked_ns is not None and 0 <= now_ns - self._checked_ns < interval_ns:
            return False
        self._checked_ns = now_ns
        self.sharpness.update(frame.image)
        self.overexposed_share = self._samples.share(CLIPPED, 255)
        return True

    @property
    def old_since_ns(self) -> int | None:
        """See `FrozenBelt.old_since_ns`."""
        return self._frozen.old_since_ns

    def _evaluate(self, now_ns: int, *, stepped: bool) -> None:
        limits = self.limits
        faults = [
            self._over(now_ns, "overexposed", self.overexposed_share, limits.overexposed_share,
                       "{value:.0%} of the belt is white without detail (limit {limit:.0%}): "
                       "shorten the camera's exposure, or shade the lamps"),
            self._over(now_ns, "flicker", self.flicker.value, limits.flicker,
                       "the light pulses by {value:.1%} from frame to frame (limit {limit:.1%}): "
                       "use lamps without mains flicker, or an exposure of whole mains periods"),
            self._over(now_ns, "dirty_lens", self.dirt.value, limits.dirt_share,
                       "{value:.0%} of the view shows less than half of what passes (limit "
                       "{limit:.0%}): clean the lens and its window"),
            self._over(now_ns, "moved", self.shift_px, limits.moved_px,
                       _LOST if self.shift_px == math.inf else _MOVED),
            self._over(now_ns, "blurred", _inverse(self.sharpness.value), 1 / limits.sharpness,
                       "the image is blurred (edges {value:.2f}, limit {limit:.2f}): focus the "
                       "lens, clean it, check for condensation"),
        ]  # fmt: skip
        if stepped:
            reason = (
                f"the clock was set by {self._clock.step_s:+.1f} s: times of alerts before and "
                "after it do not compare; let NTP or PTP slew it"
            )
            faults.append(ImageFault("clock_step", reason))
        self.faults = tuple(fault for fault in faults if fault is not None)

    def _over(
        self, now_ns: int, kind: ImageFaultKind, value: float | None, limit: float, reason: str
    ) -> ImageFault | None:
        state = self._states.setdefault(kind, _FaultState())
        if not state.update(now_ns, value, limit):
            return None
        return ImageFault(kind, reason.format(value=value, limit=limit))


class _FaultState:
    """A fault with hysteresis in value and time."""

    def __init__(self) -> None:
        self._active = False
        self._since_ns: int | None = None
        """Since when the value has contradicted the state."""

    def update(self, now_ns: int, value: float | None, limit: float) -> bool:
        if value is None:
            return self._active
        contradicts = value < RELEASE * limit if self._active else value > limit
        if not contradicts:
            self._since_ns = None
            return self._active
        self._since_ns = now_ns if self._since_ns is None else self._since_ns
        if now_ns - self._since_ns >= (CLEAR_NS if self._active else CONFIRM_NS):
            self._active, self._since_ns = not self._active, None
        return self._active


def _inverse(value: float | None) -> float | None:
    return None if value is None else 1 / max(value, 1e-3)
