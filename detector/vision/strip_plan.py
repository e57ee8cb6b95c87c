"""Which part of the belt the model looks at, and when: work follows the belt, not the frame rate.

The belt is rigid, so belt that has been looked at often enough needs no further look. A thing is
seen whole from the moment when its end has come over the view's upstream end. A look therefore
takes a strip from that end on: as much belt as has come in over the last looks, and the length of
a thing on top. With a step of `d` mm of belt from look to look, a thing of up to `object_mm` lies
whole in `looks_per_object` strips of `looks_per_object * d + object_mm`.
"""

from __future__ import annotations

from collections import deque

from detector.belt.motion import Shift
from detector.profile.view import View
from detector.vision.belt_view import EDGE_PX, Rectifier, Strip

SHAPES = 12
"""Heights of a strip, from a thing's length up to the view's, each longer than the one before by
the same share: an engine keeps buffers for each, and OpenVINO takes a tenth of a second more for
its first look in one. Of 1.2 m of belt strips are 11 % longer than they need be; 16 heights make it
9, 8 equal steps 15."""
BACK_MM = 5.0
"""Less than this is no belt that runs back, but its encoder or its picture that trembles."""
STANDS_MM = 1.0
"""Belt that has moved less than this since the last looks stands."""
STARTED_MM_S2 = 3000.0
"""No belt is started faster; a frame later it may have come further than in this one by so much."""
EVEN_NS = 1_000_000
"""Frames come a millisecond early or late."""


class StripPlan:
    """One line's next look; told of each frame's shift and of each look that was completed.

    Where the belt's way is not known, or it has run back or jumped, nothing that was looked at
    counts any more: each frame's whole view is looked at until `looks_per_object` looks have seen
    the belt run again.
    """

    def __init__(
        self, rectifier: Rectifier, settings: View, *, possible: bool = True, shapes: int = SHAPES
    ) -> None:
        """`possible`: False where the travel is not known, so that no end is the new one.
        `shapes`: 1 for a model that takes the whole view only.
        """
        self._possible, self._on = possible, settings.strips and possible
        edges_mm = 2 * EDGE_PX * rectifier.mm_per_px
        self._object_mm = settings.object_mm + edges_mm
        """A thing, and the room around it that shows that nothing cuts it."""
        self._wait_ns = round(settings.max_wait_ms * 1e6)
        _, self._upstream_mm, _, self._downstream_mm = rectifier.extent_mm
        self._height_mm = self._downstream_mm - self._upstream_mm
        self._step_mm = (self._height_mm - self._object_mm) / settings.looks_per_object
        """Most belt that may come in from one look to the next."""
        self._whole = rectifier.strip(self._upstream_mm, self._downstream_mm)
        self._strip = rectifier.strip
        least = min(1.0, self._object_mm / self._height_mm)
        self._heights_mm = [
            self._rounded_mm(self._height_mm * least ** (part / shapes))
            for part in reversed(range(shapes))
        ]
        self._come_mm = self._farthest_mm = 0.0
        self._looked_at_mm: deque[float] = deque(maxlen=settings.looks_per_object)
        """How far the belt had come at each of the last looks at what is new."""
        self._looked_ns = self._frame_ns = 0
        self._walked_mm = 0.0
        self._last_look_mm = 0.0
        """Where the last look found it, also where that counts no more."""
        self.unseen_mm = 0.0
        """By how much the last looks lay too far apart: a thing as long as `object_mm` that came
        in between them was not seen whole `looks_per_object` times. 0: the looks keep up."""

    @property
    def heights_px(self) -> list[int]:
        """Of all strips that may come, the whole view's first."""
        strips = [self._strip(self._upstream_mm, self._upstream_mm + h) for h in self._heights_mm]
        heights = [each.bottom_px - each.top_px for each in (self._whole, *strips[::-1])]
        return list(dict.fromkeys(heights if self._on else heights[:1]))

    def next_strip(self, shift: Shift, t_ns: int, wanted_to_mm: float | None) -> Strip | None:
        """What to look at in the frame of that moment; None: nothing, what is new can wait.

        `shift`: since the frame before. `wanted_to_mm`: how far downstream something lies that
        needs another look at once, belt coordinates; None: nothing does.
        """
        period_ns, self._frame_ns = t_ns - self._frame_ns, t_ns
        self._come_mm += shift.dy_mm
        self._farthest_mm = max(self._farthest_mm, self._come_mm)
        runs_back = self._come_mm < self._farthest_mm - BACK_MM
        if not shift.known or runs_back or shift.dy_mm > self._height_mm:
            self.begin_anew()
        looks = self._looked_at_mm
        if not self._on or len(looks) < (looks.maxlen or 0):
            return self._whole
        if wanted_to_mm is None and not self._is_due(shift.dy_mm, period_ns, t_ns):
            return None
        new_mm = self._come_mm - looks[0]
        length_mm = new_mm + self._object_mm
        if wanted_to_mm is not None:
            length_mm = max(length_mm, wanted_to_mm - self._upstream_mm)
        elif new_mm < STANDS_MM:
            return self._walk()
        return self._strip(self._upstream_mm, self._upstream_mm + self._height_for(length_mm))

    def looked(self, strip: Strip, t_ns: int) -> None:
        """That look was completed."""
        looks = self._looked_at_mm
        if strip.upstream_mm <= self._upstream_mm:
            if self._come_mm - self._last_look_mm > self._height_mm:
                self.unseen_mm = self._height_mm
            elif len(looks) == looks.maxlen and self._possible:
                too_far_mm = self._come_mm - looks[0] + self._object_mm - self._height_mm
                self.unseen_mm = max(0.0, round(too_far_mm, 3))
            else:
                self.unseen_mm = 0.0
            looks.append(self._come_mm)
            self._last_look_mm = self._come_mm
        self._looked_ns = t_ns

    def begin_anew(self) -> None:
        """Nothing that was looked at counts any more."""
        self._looked_at_mm.clear()
        self._farthest_mm = self._come_mm

    def _is_due(self, came_mm: float, period_ns: int, t_ns: int) -> bool:
        """Whether by the next frame too much belt would have come in, or too much time gone."""
        waited_ns = t_ns - self._looked_ns
        # A recording that starts over is looked at anew.
        if period_ns < 0 or waited_ns < 0 or waited_ns + period_ns > self._wait_ns + EVEN_NS:
            return True
        next_mm = came_mm + STARTED_MM_S2 * (period_ns / 1e9) ** 2
        return self._come_mm - self._looked_at_mm[-1] + next_mm > self._step_mm

    def _rounded_mm(self, height_mm: float) -> float:
        """What a strip of that height shows: its rows are as many as the model's stride divides."""
        strip = self._strip(self._upstream_mm, self._upstream_mm + height_mm)
        return strip.downstream_mm - self._upstream_mm

    def _height_for(self, length_mm: float) -> float:
        return next((each for each in self._heights_mm if each >= length_mm), self._heights_mm[-1])

    def _walk(self) -> Strip:
        """On a belt that stands, the next stretch of it: people may put something there."""
        height_mm = self._height_for(2 * self._object_mm)
        last_mm = self._height_mm - height_mm
        self._walked_mm = (
            0.0
            if self._walked_mm >= last_mm
            else min(last_mm, self._walked_mm + height_mm - self._object_mm)
        )
        from_mm = self._upstream_mm + self._walked_mm
        return self._strip(from_mm, from_mm + height_mm)
