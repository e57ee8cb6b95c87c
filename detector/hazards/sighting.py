"""A detection, placed on the belt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.vision.belt_view import BeltView, Rectifier
from detector.vision.detections import Detections

_EDGE_PX = 4.0
"""A box that comes this near to an end of the belt in view may be cut by it; a model's boxes are
good to about as much."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection of one frame."""

    class_index: int
    score: float
    x_mm: float
    """Centre, across the belt."""
    y_mm: float
    """Centre, along the travel."""
    width_mm: float
    """Extent across."""
    height_mm: float
    """Extent along the travel."""
    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1 in the image."""
    image_size_px: tuple[int, int]
    """Width and height of that image."""
    whole: bool
    """False: the box touches an edge of the belt in view, so its size measures nothing."""


def place_on_belt(found: Detections, view: BeltView, rectifier: Rectifier) -> list[Sighting]:
    """Detections of a belt view (view px) as sightings on the belt (mm) and in the image (px)."""
    if len(found) == 0:
        return []
    boxes = found.boxes_px.astype(np.float64)
    in_image = rectifier.boxes_in_image(boxes)
    on_belt = rectifier.view_to_belt(boxes.reshape(-1, 2)).reshape(-1, 4)
    edge_mm = _EDGE_PX * rectifier.mm_per_px
    left_mm, upstream_mm, right_mm, downstream_mm = rectifier.extent_mm
    sightings = []
    for row in range(len(found)):
        x0, y1, x1, y0 = (float(side) for side in on_belt[row])  # the view's top is downstream
        u0, v0, u1, v1 = (float(side) for side in in_image[row])
        sightings.append(
            Sighting(
                class_index=int(found.classes[row]),
                score=float(found.scores[row]),
                x_mm=(x0 + x1) / 2,
                y_mm=(y0 + y1) / 2,
                width_mm=x1 - x0,
                height_mm=y1 - y0,
                box_px=(u0, v0, u1, v1),
                image_size_px=view.frame.size_px,
                whole=left_mm + edge_mm < x0
                and x1 < right_mm - edge_mm
                and upstream_mm + edge_mm < y0
                and y1 < downstream_mm - edge_mm,
            )
        )
    return sightings
