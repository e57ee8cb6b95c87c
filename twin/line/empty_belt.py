"""Reconstructs the empty belt of a path-traced strip, whose belt is visible only between objects.

Covered pixels are filled from elsewhere in their row, after shadows are removed. What remains of
the belt is its colour profile across and its fine texture, which is all that a coverage monitor
needs.
"""

from copy import copy

import cv2
import numpy as np

from twin.line.scenario import ScenarioError
from twin.line.strip import Strip

EMPTY_BELT_MM = 4000.0
SHADOWS_MM = (110.0, 70.0, 40.0, 15.0)
"""Margins around objects that count as shaded, mm; the largest that leaves enough belt is used."""


def empty_belt_of(strip: Strip) -> Strip:
    """The belt of a strip without objects, at most `EMPTY_BELT_MM` long.

    Raises `ScenarioError` if no belt is visible.
    """
    scale = strip.px_per_mm
    wide = min(strip.image.shape[1], round(EMPTY_BELT_MM * scale))
    part, covered = strip.image[:, :wide], strip.covered[:, :wide]
    for near_mm in SHADOWS_MM:
        reach = max(3, round(2 * near_mm * scale)) | 1
        kernel = np.ones((reach, reach), np.uint8)
        near = cv2.dilate(covered.astype(np.uint8), kernel) > 0
        if (~near).mean(axis=1).min() >= 0.03:  # every row has pixels to fill from
            break
    open_ = ~near
    if not open_.any():
        raise ScenarioError(
            "traced.strips: the first strip is completely covered; no belt is visible on it"
        )
    pixels = part.astype(np.float32)
    whole = np.median(part[open_], axis=0)
    rows = [
        np.median(row[free], axis=0) if free.any() else whole
        for row, free in zip(part, open_, strict=True)
    ]
    profile = cv2.GaussianBlur(np.array(rows, np.float32)[:, None], (0, 0), 2 * scale)
    weight = open_.astype(np.float32)
    size = (0, 0)
    around = cv2.GaussianBlur(weight, size, 14 * scale)[..., None] + np.float32(1e-4)
    light = cv2.GaussianBlur(pixels * weight[..., None], size, 14 * scale) / around
    even = np.clip(pixels - light, -40, 40) + profile.reshape(-1, 1, 3)
    image = np.empty_like(even)
    image[:] = profile.reshape(-1, 1, 3)
    image[open_] = even[open_]
    # In random order, so that no pattern repeats along the belt.
    for shift in np.random.default_rng(3).permutation(np.arange(97, wide, 97)):
        if not near.any():
            break
        fill = near & np.roll(open_, shift, axis=1)
        image[fill] = np.roll(even, shift, axis=1)[fill]
        near &= ~fill
    other = copy(strip)
    other.image = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    other.covered = np.zeros(image.shape[:2], np.bool_)
    other.start_mm, other.objects = strip.end_mm - wide / scale, []
    return other
