"""Captioned crops of the belt, tiled on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.warp import OUTSIDE_GREY

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
COLOUR: dict[str, Colour] = {"gas": (40, 40, 230), "battery": (0, 170, 255)}
WHITE: Colour = (255, 255, 255)
_SIDE_PX, _LINE_PX, _GROUND = 300, 18, 40
_COLUMNS = 4


def masked(image: Image, polygon_px: Sequence[Sequence[float]]) -> Image:
    """Grey out everything outside the belt; workers may be there, and they are not stored."""
    belt = np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillPoly(belt, [np.rint(np.array(polygon_px)).astype(np.int32)], 255)
    shown = np.full_like(image, OUTSIDE_GREY)
    cv2.copyTo(image, belt, shown)
    return shown


def write_text(image: Image, text: str, at: tuple[int, int], colour: Colour) -> None:
    """One line of text; its baseline begins at `at`, px."""
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)


def tile(image: Image, box_px: Sequence[float], captions: Sequence[str], colour: Colour) -> Image:
    """The surroundings of a box with the box drawn in, and some lines of text below."""
    x0, y0, x1, y1 = box_px
    height, width = image.shape[:2]
    side = min(max(x1 - x0, y1 - y0, 120) * 1.8, height, width)
    left = int(np.clip((x0 + x1 - side) / 2, 0, width - side))
    top = int(np.clip((y0 + y1 - side) / 2, 0, height - side))
    crop = image[top : top + int(side), left : left + int(side)]
    scale = _SIDE_PX / crop.shape[0]
    shown = np.full((_SIDE_PX + 20 + _LINE_PX * (len(captions) - 1), _SIDE_PX, 3), _GROUND, "uint8")
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown[:_SIDE_PX] = cv2.resize(crop, (_SIDE_PX, _SIDE_PX), interpolation=method)
    corner = (round((x0 - left) * scale), round((y0 - top) * scale))
    far = (round((x1 - left) * scale), round((y1 - top) * scale))
    cv2.rectangle(shown[:_SIDE_PX], corner, far, colour, 2)
    for number, text in enumerate(captions):
        write_text(shown, text, (6, _SIDE_PX + 14 + _LINE_PX * number), colour)
    return shown


def write_sheet(tiles: Sequence[Image], target: Path) -> None:
    """Write all tiles, four in a row; without tiles nothing is written."""
    if not tiles:
        return
    blank = np.full_like(tiles[0], _GROUND)
    filled = [*tiles, *[blank] * (-len(tiles) % _COLUMNS)]
    rows = [np.hstack(filled[at : at + _COLUMNS]) for at in range(0, len(filled), _COLUMNS)]
    cv2.imwrite(str(target), np.vstack(rows))
