"""A packed set of crops: one file of JPEGs with their labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.vision.array_file import ArrayFileError, read_arrays
from detector.vision.crops import CropCutter
from models.data.sources import Image
from models.workshop import WorkshopError

STORED_PX = 160
"""Side of a stored crop; the middle `input_px` of it show the box with the recipe's context."""
_QUALITY = 92


@dataclass(frozen=True)
class Crop:
    """One crop. name: a kind, group or name of the data. how: laid, labelled, mined, background.

    px: length of the box's longest side in the image it was cut from. score: the detector's, 0 if
    it did not propose this.
    """

    pixels: Image
    name: str
    side: str
    source: str
    how: str
    px: float
    score: float = 0.0


_ARRAYS = ("bytes", "ends", "names", "sides", "sources", "how", "px", "scores")


class Pack:
    """Crops of a file, decoded one by one."""

    def __init__(self, path: Path) -> None:
        try:
            arrays = read_arrays(path, _ARRAYS)
        except ArrayFileError as error:
            raise WorkshopError(f"{path}: not a pack of crops: {error}; build it again") from error
        self._bytes, self._ends = arrays["bytes"], arrays["ends"]
        self.names, self.sides = arrays["names"], arrays["sides"]
        self.sources, self.how = arrays["sources"], arrays["how"]
        self.px, self.scores = arrays["px"], arrays["scores"]

    def __len__(self) -> int:
        return len(self._ends)

    def pixels(self, index: int) -> Image:
        """(160, 160, 3) uint8 BGR."""
        start = int(self._ends[index - 1]) if index else 0
        code = self._bytes[start : int(self._ends[index])]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)

    def on(self, *sides: str) -> NDArray[np.int64]:
        """Indices of the crops on these sides."""
        return np.flatnonzero(np.isin(self.sides, sides))


def write_pack(path: Path, crops: Iterable[Crop]) -> int:
    """Write crops as one file; returns their number."""
    codes, rows = [], []
    for crop in crops:
        code = cv2.imencode(".jpg", crop.pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        codes.append(code.ravel())
        rows.append((crop.name, crop.side, crop.source, crop.how, crop.px, crop.score))
    if not rows:
        raise WorkshopError(f"{path}: no crops to write; check the recipe's numbers")
    names, sides, sources, how, px, scores = zip(*rows, strict=True)
    partial = path.with_name(f"{path.stem}.part.npz")
    np.savez(
        partial,
        bytes=np.concatenate(codes),
        ends=np.cumsum([len(code) for code in codes]),
        names=np.array(names), sides=np.array(sides), sources=np.array(sources), how=np.array(how),
        px=np.array(px, np.float32), scores=np.array(scores, np.float32),
    )  # fmt: skip
    partial.replace(path)
    return len(rows)


def stored_crop(image: Image, box: NDArray[np.float32], context: float) -> Image:
    """The crop of a box as the line cuts it, larger: (160, 160, 3) uint8 BGR.

    box: (4,) x0, y0, x1, y1 px. context: side of the square / longest side of the box.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    crop = np.empty((STORED_PX, STORED_PX, 3), np.uint8)
    CropCutter(STORED_PX, context).cut(image, (x0, y0, x1, y1), crop)
    return crop
