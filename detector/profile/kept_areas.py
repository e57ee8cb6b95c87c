"""The areas of the camera's image that a line needs; everything else is masked."""

from __future__ import annotations

from detector.profile.areas import Polygon
from detector.profile.line import LineProfile

MARKS_MARGIN_PX = 16.0
"""Skirt marks are compared after shrinking and blurring, which reads some pixels around them."""


def kept_polygons(profile: LineProfile) -> tuple[Polygon, ...] | None:
    """The polygons to keep, image px: the belt, the skirt marks, `camera.also_kept_px`. None: the
    line does not mask its images."""
    if not profile.camera.mask:
        return None
    marks = tuple(_box_around(area) for area in profile.overload.marks_px)
    return (profile.belt.polygon_px, *marks, *profile.camera.also_kept_px)


def _box_around(area: Polygon) -> Polygon:
    x, y = zip(*area, strict=True)
    left, right = min(x) - MARKS_MARGIN_PX, max(x) + MARKS_MARGIN_PX
    top, bottom = min(y) - MARKS_MARGIN_PX, max(y) + MARKS_MARGIN_PX
    return (left, top), (right, top), (right, bottom), (left, bottom)
