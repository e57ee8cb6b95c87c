"""A detection in belt coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.vision.belt_view import EDGE_PX, BeltView, Rectifier, Strip
from detector.vision.detections import Detections


@dataclass(frozen=True, slots=True)
class Detection:
    """One detection of one inference pass, in belt coordinates."""

    class_index: int
    score: float
    x_mm: float
    """Centre, across the belt."""
    y_mm: float
    """Centre, along the travel."""
    width_mm: float
    """Extent across the belt."""
    height_mm: float
    """Extent along the travel."""
    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1 in image coordinates."""
    image_size_px: tuple[int, int]
    """Width and height of that image."""
    whole: bool
    """False: the box touches an edge of the strip or the belt, so its size is no measurement."""
    cut: bool = False
    """True: the box touches an end of the strip that is inside the view: the object continues."""


def place_on_belt(
    boxes_in_strip: Detections, view: BeltView, strip: Strip, rectifier: Rectifier
) -> list[Detection]:
    """Boxes in px of a strip as detections in belt coordinates (mm) and image coordinates (px)."""
    if len(boxes_in_strip) == 0:
        return []
    boxes = boxes_in_strip.boxes_px.astype(np.float64)
    boxes[:, [1, 3]] += strip.top_px
    in_image = rectifier.boxes_in_image(boxes)
    on_belt = rectifier.view_to_belt(boxes.reshape(-1, 2)).reshape(-1, 4)
    edge_mm = EDGE_PX * rectifier.mm_per_px
    left_mm, first_mm, right_mm, last_mm = rectifier.extent_mm
    detections = []
    for row in range(len(boxes_in_strip)):
        x0, y1, x1, y0 = (float(side) for side in on_belt[row])  # the view's top is downstream
        u0, v0, u1, v1 = (float(side) for side in in_image[row])
        at_upstream_end = y0 <= strip.upstream_mm + edge_mm
        at_downstream_end = y1 >= strip.downstream_mm - edge_mm
        at_side = x0 <= left_mm + edge_mm or x1 >= right_mm - edge_mm
        detections.append(
            Detection(
                class_index=int(boxes_in_strip.classes[row]),
                score=float(boxes_in_strip.scores[row]),
                x_mm=(x0 + x1) / 2,
                y_mm=(y0 + y1) / 2,
                width_mm=x1 - x0,
                height_mm=y1 - y0,
                box_px=(u0, v0, u1, v1),
                image_size_px=view.frame.size_px,
                whole=not (at_side or at_upstream_end or at_downstream_end),
                cut=(at_upstream_end and strip.upstream_mm > first_mm)
                or (at_downstream_end and strip.downstream_mm < last_mm),
            )
        )
    return detections
