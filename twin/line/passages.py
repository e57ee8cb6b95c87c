"""Truth records of objects in the view."""

from typing import Any

import numpy as np

from twin.line.camera import BeltCamera, Points
from twin.line.moving import MovingObject
from twin.line.reel import Reel
from twin.line.strip import PlacedObject

MIN_BOX_PX = 2.0


class Passage:
    """One hazard's passage through the image."""

    def __init__(self, obj: PlacedObject, camera: BeltCamera, reel: Reel) -> None:
        self.obj, self.camera = obj, camera
        self._datum_mm, self._scale = reel.datum_mm, reel.px_per_mm
        self._sums = np.concatenate(([0.0], np.cumsum(obj.visible_alpha.sum(axis=0))))
        ends = camera.image_points(np.array([[obj.x_mm, 0.0], [obj.x_mm, camera.view_mm]]))
        mm_per_px = camera.view_mm / (ends[1, 0] - ends[0, 0])
        # Where along the belt the image starts and ends in this object's row.
        self._first_mm = float(-0.5 - ends[0, 0]) * mm_per_px
        self._end_mm = float(camera.size[0] - 0.5 - ends[0, 0]) * mm_per_px

    @property
    def last_mm(self) -> float:
        """Position of its upstream end, mm."""
        return float(self.obj.outline_mm[:, 0].max())

    def record(self, position_mm: float) -> dict[str, Any] | None:
        obj = self.obj
        along = position_mm - obj.outline_mm[:, 0]
        if along.max() < self._first_mm or along.min() > self._end_mm:
            return None
        visible = self._visible(position_mm)
        outline = np.stack((obj.outline_mm[:, 1], along), axis=1)
        box = box_px(outline, self.camera)
        if visible < 0.005 or box is None:
            return None
        return {
            "id": obj.id,
            "kind": obj.kind,
            "class": obj.hazard,
            "box_px": box,
            "visible": round(visible, 2),
            "x_mm": tenths(obj.x_mm),
            "y_mm": tenths(position_mm - obj.at_mm),
            "height_mm": tenths(obj.height_mm),
        }

    def _visible(self, position_mm: float) -> float:
        """Share (0..1) of the object that is uncovered and inside the image."""
        obj = self.obj
        left = round((self._datum_mm - position_mm + self._first_mm) * self._scale) - obj.left
        right = round((self._datum_mm - position_mm + self._end_mm) * self._scale) - obj.left
        limit = len(self._sums) - 1
        a, b = (int(np.clip(edge, 0, limit)) for edge in (left, right))
        return float(self._sums[b] - self._sums[a]) / obj.total_alpha if obj.total_alpha else 0.0


def object_record(obj: PlacedObject) -> dict[str, Any]:
    """Header record of an object on the belt."""
    record: dict[str, Any] = {
        "id": obj.id,
        "kind": obj.kind,
        "class": obj.hazard,
        "at_mm": tenths(obj.at_mm),
        "x_mm": tenths(obj.x_mm),
        "length_mm": tenths(obj.length_mm),
        "width_mm": tenths(obj.width_mm),
        "height_mm": tenths(obj.height_mm),
        "angle_deg": tenths(obj.angle_deg % 360),
    }
    if obj.hazard is not None:
        record["visible"] = round(obj.visible(), 2)
        record["outline_mm"] = [tenths(*point) for point in obj.outline_mm[::3]]
    return record


def moving_object_record(each: MovingObject, position_mm: float) -> dict[str, Any]:
    """Header record of an independently moving object; `at_mm` as if it moved with the belt."""
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
    """Bounding box of an outline, clipped to the image: x0, y0, x1, y1; None if too small."""
    points = camera.image_points(outline_mm)
    limit = np.array(camera.size, np.float64)
    low, high = np.clip(points.min(axis=0), 0, limit), np.clip(points.max(axis=0), 0, limit)
    if (high - low).min() < MIN_BOX_PX:
        return None
    return [*tenths(*low), *tenths(*high)]


def tenths(*values: float) -> Any:
    """Rounds to tenths of px or mm, finer than the rendering; one value returns a scalar."""
    rounded = [round(float(value), 1) for value in values]
    return rounded[0] if len(rounded) == 1 else rounded
