"""One thing on its way through the picture, as the truth tells it."""

from typing import Any

import numpy as np

from twin.line.camera import BeltCamera, Points
from twin.line.moving import Moving
from twin.line.reel import Reel
from twin.line.strip import Lying

LEAST_BOX_PX = 2.0


class Passing:
    """One hazard on its way through the picture."""

    def __init__(self, thing: Lying, camera: BeltCamera, reel: Reel) -> None:
        self.thing, self.camera = thing, camera
        self._datum_mm, self._scale = reel.datum_mm, reel.px_per_mm
        self._sums = np.concatenate(([0.0], np.cumsum(thing.shown.sum(axis=0))))
        ends = camera.image_points(np.array([[thing.x_mm, 0.0], [thing.x_mm, camera.view_mm]]))
        mm_per_px = camera.view_mm / (ends[1, 0] - ends[0, 0])
        # Where along the belt the picture begins and ends on this thing's row.
        self._first_mm = float(-0.5 - ends[0, 0]) * mm_per_px
        self._end_mm = float(camera.size[0] - 0.5 - ends[0, 0]) * mm_per_px

    @property
    def last_mm(self) -> float:
        """The upstream-most place of it."""
        return float(self.thing.outline_mm[:, 0].max())

    def record(self, position_mm: float) -> dict[str, Any] | None:
        thing = self.thing
        along = position_mm - thing.outline_mm[:, 0]
        if along.max() < self._first_mm or along.min() > self._end_mm:
            return None
        visible = self._visible(position_mm)
        outline = np.stack((thing.outline_mm[:, 1], along), axis=1)
        box = box_px(outline, self.camera)
        if visible < 0.005 or box is None:
            return None
        return {
            "id": thing.id,
            "kind": thing.kind,
            "class": thing.hazard,
            "box_px": box,
            "visible": round(visible, 2),
            "x_mm": tenths(thing.x_mm),
            "y_mm": tenths(position_mm - thing.at_mm),
            "height_mm": tenths(thing.height_mm),
        }

    def _visible(self, position_mm: float) -> float:
        """Share of the thing that nothing covers and that lies inside the picture."""
        thing = self.thing
        left = round((self._datum_mm - position_mm + self._first_mm) * self._scale) - thing.left
        right = round((self._datum_mm - position_mm + self._end_mm) * self._scale) - thing.left
        limit = len(self._sums) - 1
        a, b = (int(np.clip(edge, 0, limit)) for edge in (left, right))
        return float(self._sums[b] - self._sums[a]) / thing.whole if thing.whole else 0.0


def lying_thing(thing: Lying) -> dict[str, Any]:
    """A thing of the belt, for the header."""
    record: dict[str, Any] = {
        "id": thing.id,
        "kind": thing.kind,
        "class": thing.hazard,
        "at_mm": tenths(thing.at_mm),
        "x_mm": tenths(thing.x_mm),
        "length_mm": tenths(thing.length_mm),
        "width_mm": tenths(thing.width_mm),
        "height_mm": tenths(thing.height_mm),
        "angle_deg": tenths(thing.angle_deg % 360),
    }
    if thing.hazard is not None:
        record["visible"] = round(thing.visible(), 2)
        record["outline_mm"] = [tenths(*point) for point in thing.outline_mm[::3]]
    return record


def moving_thing(each: Moving, position_mm: float) -> dict[str, Any]:
    """A thing that moves against the belt, for the header; `at_mm` as if it had not."""
    sprite = each.sprite
    return {
        "id": each.id,
        "kind": sprite.kind,
        "class": sprite.hazard,
        "at_mm": tenths(position_mm - sprite.y_mm),
        "x_mm": tenths(sprite.x_mm),
        "length_mm": tenths(sprite.size_mm[0]),
        "width_mm": tenths(sprite.size_mm[1]),
        "height_mm": tenths(sprite.size_mm[2]),
        "angle_deg": tenths(sprite.angle_deg % 360),
        "moves": True,
    }


def box_px(outline_mm: Points, camera: BeltCamera) -> list[float] | None:
    """The box around an outline, cut to the picture: x0, y0, x1, y1; None: too little of it."""
    points = camera.image_points(outline_mm)
    limit = np.array(camera.size, np.float64)
    low, high = np.clip(points.min(axis=0), 0, limit), np.clip(points.max(axis=0), 0, limit)
    if (high - low).min() < LEAST_BOX_PX:
        return None
    return [*tenths(*low), *tenths(*high)]


def tenths(*values: float) -> Any:
    """Tenths, of px or mm: finer than anything is drawn; a single value stays single."""
    rounded = [round(float(value), 1) for value in values]
    return rounded[0] if len(rounded) == 1 else rounded
