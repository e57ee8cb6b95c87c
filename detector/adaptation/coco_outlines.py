"""Outlines of COCO annotations: polygons, and masks as run lengths."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.adaptation.export_reading import Box

_LARGEST_MASK = 1 << 28
"""Pixels: more than an image that is read has; a few runs may state any number."""
_LARGEST_PIECE = 0.95
"""Of a mask's area: a brush leaves crumbs."""


def outer_box(segmentation: Any) -> Box:
    """x0, y0, x1, y1 in pixels of polygons or a mask. Raises `ValueError`, `KeyError`."""
    if isinstance(segmentation, dict):
        rows, columns = np.nonzero(mask_of(segmentation))
        if not len(rows):
            return 0.0, 0.0, 0.0, 0.0
        return float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0
    points = np.concatenate([np.asarray(each, float).reshape(-1, 2) for each in segmentation])
    (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
    return x0, y0, x1, y1


def turned(box: Box, degrees: float) -> Box:
    """The outer box of a box that is turned about its centre."""
    x0, y0, x1, y1 = box
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    half_w, half_h = (x1 - x0) / 2, (y1 - y0) / 2
    wide, high = half_w * cos + half_h * sin, half_w * sin + half_h * cos
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return cx - wide, cy - high, cx + wide, cy + high


def is_one_piece(segmentation: Any) -> bool:
    """Whether a mask is one connected piece, but for crumbs."""
    if not isinstance(segmentation, dict):
        return False
    try:
        mask = mask_of(segmentation)
    except (ValueError, KeyError, TypeError, OverflowError):
        return False
    _, _, pieces, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = pieces[1:, cv2.CC_STAT_AREA]
    return bool(len(areas)) and bool(areas.max() >= _LARGEST_PIECE * areas.sum())


def mask_of(runs: dict[str, Any]) -> NDArray[np.uint8]:
    """`(h, w)` of 0 and 1, of run lengths in columns, beginning with 0, as numbers or packed.

    Raises:
        ValueError: The runs are not those of an image of this size.
        KeyError: It is no mask.
    """
    high, wide = (int(side) for side in runs["size"])
    if not 0 < high * wide <= _LARGEST_MASK:
        raise ValueError(f"a mask of {wide} x {high} px")
    counts = runs["counts"]
    lengths = np.array(_unpacked(counts) if isinstance(counts, str) else counts, np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or int(lengths.sum()) != high * wide:
        raise ValueError(f"a mask's runs are not those of {wide} x {high} px")
    values = np.arange(len(lengths), dtype=np.uint8) % 2
    return np.repeat(values, lengths).reshape(wide, high).T.copy()


def _unpacked(text: str) -> list[int]:
    """COCO's packed runs: 5 bits in each character; from the fourth on, less the run two before."""
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:  # more follow
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths
