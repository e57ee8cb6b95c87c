"""Where the belt has carried an object since it was last detected."""

from __future__ import annotations

import numpy as np

from detector.hazards.tracking.tracker import Track
from detector.vision.belt_view import Rectifier
from detector.vision.crops import Box


def predicted_box(track: Track, rectifier: Rectifier) -> tuple[Box, bool]:
    """The object's box in the frame of the last `BeltTracker.predict`, image coordinates, px; and
    whether all of it is in view. The track must be `placed`."""
    width_mm, height_mm = track.size_mm or (track.last.width_mm, track.last.height_mm)
    x0, x1 = track.x_mm - width_mm / 2, track.x_mm + width_mm / 2
    y0, y1 = track.y_mm - height_mm / 2, track.y_mm + height_mm / 2
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    image = rectifier.plane.to_image(corners)
    (u0, v0), (u1, v1) = image.min(axis=0), image.max(axis=0)
    left_mm, first_mm, right_mm, last_mm = rectifier.extent_mm
    whole = x0 >= left_mm and x1 <= right_mm and y0 >= first_mm and y1 <= last_mm
    return (float(u0), float(v0), float(u1), float(v1)), whole
