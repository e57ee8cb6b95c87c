"""Selects the strip of belt for each inference pass: work follows the belt, not the frame rate.

The belt is rigid, so belt that enough passes have covered needs no further pass. An object is seen
whole as soon as its rear end has passed the view's upstream end. A pass therefore processes a strip
from that end: the belt that has come in during the last passes, plus the length of an object. With
`d` mm of travel from pass to pass, an object of up to `object_mm` is whole in `passes_per_object`
strips of `passes_per_object * d + object_mm`.
"""

from __future__ import annotations

from collections import deque

from detector.belt.motion import Shift
from detector.profile.view import View
from detector.vision.belt_view import EDGE_PX, Rectifier, Strip

SHAPES = 12
"""Number of strip heights, in a geometric series from an object's length to the view's: an engine
keeps buffers for each, and OpenVINO needs a tenth of a second more for its first pass in each. With
1.2 m of belt, strips are 11 % longer than needed; with 16 heights 9 %, with 8 equal steps 15 %."""
BACK_MM = 5.0
"""Backward travel up to this is noise of the encoder or the image, not a belt that runs back."""
STOPPED_MM = 1.0
"""A belt that has moved less than this over the last passes counts as stopped."""
START_MM_S2 = 3000.0
"""Greatest acceleration of a belt; it bounds how much further the belt can travel until the next
frame than until this one."""
JITTER_NS = 1_000_000
"""Frames come up to a millisecond early or late."""


class StripPlan:
    """Plans one line's next inference pass from each frame's shift and each completed pass.

    If the travel is unknown, or the belt has run back or jumped, earlier passes no longer count:
    each frame's whole view is processed until `passes_per_object` passes have covered the running
    belt again.
    """

    def __init__(
        self, rectifier: Rectifier, settings: View, *, possible: bool = True, shapes: int = SHAPES
    ) -> None:
        """Args:
        rectifier: Gives the belt's extent and the strips.
        settings: The profile's [view].
        possible: False if the direction of travel is unknown, so that neither end is upstream.
        shapes: Number of strip heights; 1 for a model that takes only the whole view.
        """
        self._possible, self._on = possible, settings.strips and possible
        edges_mm = 2 * EDGE_PX * rectifier.mm_per_px
        self._object_mm = settings.object_mm + edges_mm
        """Object length plus the margin at both ends that shows that it is not cut off."""
        self._wait_ns = round(settings.max_wait_ms * 1e6)
        _, self._upstream_mm, _, self._downstream_mm = rectifier.extent_mm
        self._height_mm = self._downstream_mm - self._upstream_mm
        self._step_mm = (self._height_mm - self._object_mm) / settings.passes_per_object
        """Largest travel from one pass to the next."""
        self._whole = rectifier.strip(self._upstream_mm, self._downstream_mm)
        self._strip = rectifier.strip
        least = min(1.0, self._object_mm / self._height_mm)
        self._heights_mm = [
            self._rounded_mm(self._height_mm * least ** (part / shapes))
            for part in reversed(range(shapes))
        ]
        self._travel_mm = self._farthest_mm = 0.0
        self._passes_mm: deque[float] = deque(maxlen=settings.passes_per_object)
        """Travel at each of the last passes that covered the upstream end."""
        self._last_pass_ns = self._frame_ns = 0
        self._scanned_mm = 0.0
        self._last_pass_mm = 0.0
        """Travel at the last pass, even if that no longer counts."""
        self.unseen_mm = 0.0
        """By how much the last passes were too far apart: an object of `object_mm` that came in
        between them was not seen whole `passes_per_object` times. 0: the passes keep up."""

    @property
    def heights_px(self) -> list[int]:
        """Heights of all possible strips, the whole view's first."""
        strips = [self._strip(self._upstream_mm, self._upstream_mm + h) for h in self._heights_mm]
        heights = [each.bottom_px - each.top_px for each in (self._whole, *strips[::-1])]
        return list(dict.fromkeys(heights if self._on else heights[:1]))

    def next_strip(self, shift: Shift, t_ns: int, wanted_to_mm: float | None) -> Strip | None:
        """The strip to process in this frame; None: no pass is due.

        Args:
            shift: Belt shift since the previous frame.
            t_ns: The frame's time.
            wanted_to_mm: Downstream end of an object that the next due pass must cover, however
                long it is, belt coordinates; None: there is none.
        """
        period_ns, self._frame_ns = t_ns - self._frame_ns, t_ns
        self._travel_mm += shift.dy_mm
        self._farthest_mm = max(self._farthest_mm, self._travel_mm)
        runs_back = self._travel_mm < self._farthest_mm - BACK_MM
        if not shift.known or runs_back or shift.dy_mm > self._height_mm:
            self.reset()
        passes = self._passes_mm
        if not self._on or len(passes) < (passes.maxlen or 0):
            return self._whole
        if not self._is_due(shift.dy_mm, period_ns, t_ns):
            return None
        new_mm = self._travel_mm - passes[0]
        length_mm = new_mm + self._object_mm
        if wanted_to_mm is not None:
            length_mm = max(length_mm, wanted_to_mm - self._upstream_mm)
        elif new_mm < STOPPED_MM:
            return self._next_scan_strip()
        return self._strip(self._upstream_mm, self._upstream_mm + self._height_for(length_mm))

    def record_pass(self, strip: Strip, t_ns: int) -> None:
        """Record a completed pass on `strip` at `t_ns`."""
        passes = self._passes_mm
        if strip.upstream_mm <= self._upstream_mm:
            if self._travel_mm - self._last_pass_mm > self._height_mm:
                self.unseen_mm = self._height_mm
            elif len(passes) == passes.maxlen and self._possible:
                too_far_mm = self._travel_mm - passes[0] + self._object_mm - self._height_mm
                self.unseen_mm = max(0.0, round(too_far_mm, 3))
            else:
                self.unseen_mm = 0.0
            passes.append(self._travel_mm)
            self._last_pass_mm = self._travel_mm
        self._last_pass_ns = t_ns

    def reset(self) -> None:
        """Forget all earlier passes."""
        self._passes_mm.clear()
        self._farthest_mm = self._travel_mm

    def _is_due(self, moved_mm: float, period_ns: int, t_ns: int) -> bool:
        """Whether a pass at the next frame would be too late, by travel or by time."""
        waited_ns = t_ns - self._last_pass_ns
        # Negative when a recording starts over: then a pass is due.
        if period_ns < 0 or waited_ns < 0 or waited_ns + period_ns > self._wait_ns + JITTER_NS:
            return True
        next_mm = moved_mm + START_MM_S2 * (period_ns / 1e9) ** 2
        return self._travel_mm - self._passes_mm[-1] + next_mm > self._step_mm

    def _rounded_mm(self, height_mm: float) -> float:
        """Length of belt in a strip of this height, rounded to whole strides of rows."""
        strip = self._strip(self._upstream_mm, self._upstream_mm + height_mm)
        return strip.downstream_mm - self._upstream_mm

    def _height_for(self, length_mm: float) -> float:
        return next((each for each in self._heights_mm if each >= length_mm), self._heights_mm[-1])

    def _next_scan_strip(self) -> Strip:
        """The next stretch of a stopped belt, in turn: people may put objects anywhere on it."""
        height_mm = self._height_for(2 * self._object_mm)
        last_mm = self._height_mm - height_mm
        self._scanned_mm = (
            0.0
            if self._scanned_mm >= last_mm
            else min(last_mm, self._scanned_mm + height_mm - self._object_mm)
        )
        from_mm = self._upstream_mm + self._scanned_mm
        return self._strip(from_mm, from_mm + height_mm)
