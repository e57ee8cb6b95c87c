"""Crops of an archive's footage around alerts, with everything but the belt masked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError
from detector.ingest import Recording
from detector.vision.warp import OUTSIDE_GREY, polygon_mask
from fleet.store import is_uri, open_place
from fleet.tables import Row

Image = NDArray[np.uint8]
LEAST_PX = 120
"""Side of the smallest object for which a crop is made: smaller ones get more surroundings."""
AROUND = 1.8
"""Side of a crop, as a factor of its object's."""


@dataclass(frozen=True, slots=True)
class Crop:
    """The surroundings of an alert's object."""

    alert: Row
    image: Image
    """`(s, s, 3)` uint8 BGR, camera pixels."""
    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1 in the crop."""


@dataclass(slots=True)
class Crops:
    """The crops of some alerts."""

    found: list[Crop]
    """In the order of the alerts."""
    missing: dict[str, str]
    """Clips that can't be read any more, and why."""
    without_place: int = 0
    """Alerts without a box: states of the line."""


def cut_crops(alerts: Sequence[Row], settings: dict[tuple[str, str], dict[str, Any]]) -> Crops:
    """A crop for each alert that has a box. Each clip is read once, up to its last such frame.

    `settings`: the profile's settings by clip and line; the belt's polygon is read from them.
    """
    crops = Crops([], {})
    wanted: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for number, alert in enumerate(alerts):
        if alert["box_frame"] is None or alert["x0_px"] is None:
            crops.without_place += 1
        else:
            wanted[alert["clip"]].append((number, alert))
    found: dict[int, Crop] = {}
    for clip, numbered in wanted.items():
        try:
            found |= _of_clip(clip, numbered, settings)
        except (VigitriError, OSError) as error:
            crops.missing[clip] = str(error).splitlines()[0]
    crops.found = [found[number] for number in sorted(found)]
    return crops


def _of_clip(
    clip: str,
    numbered: list[tuple[int, Row]],
    settings: dict[tuple[str, str], dict[str, Any]],
) -> dict[int, Crop]:
    by_frame: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for number, alert in numbered:
        by_frame[alert["box_frame"]].append((number, alert))
    found: dict[int, Crop] = {}
    with (
        TemporaryDirectory(prefix="vigitri-crops-") as folder,
        Recording(str(_local(clip, Path(folder)))) as recording,
    ):
        for frame in recording:
            for number, alert in by_frame.pop(frame.index, ()):
                polygon_px = settings[clip, alert["line"]].get("belt", {}).get("polygon_px")
                found[number] = _crop(frame.image, alert, polygon_px)
            if not by_frame:
                break
    if by_frame:
        raise OSError(f"{clip}: ends before frame {min(by_frame)}: it is not the file that it was")
    return found


def _local(clip: str, folder: Path) -> Path:
    """The clip, or a copy of it from an object store."""
    if not is_uri(clip):
        return Path(clip.removeprefix("file://"))
    filesystem, path = open_place(clip)
    to = folder / Path(path).name
    with filesystem.open_input_stream(path) as source, to.open("wb") as file:
        while part := source.read(1 << 20):
            file.write(part)
    return to


def _crop(image: Image, alert: Row, polygon_px: Sequence[Sequence[float]] | None) -> Crop:
    height, width = image.shape[:2]
    shown = image
    if polygon_px:
        belt = polygon_mask(np.asarray(polygon_px, np.float64), (width, height))
        shown = np.full_like(image, OUTSIDE_GREY)
        cv2.copyTo(image, belt, shown)
    x0, y0, x1, y1 = (alert[f"{side}_px"] for side in ("x0", "y0", "x1", "y1"))
    side = int(min(max(x1 - x0, y1 - y0, LEAST_PX) * AROUND, width, height))
    left = int(np.clip((x0 + x1 - side) / 2, 0, width - side))
    top = int(np.clip((y0 + y1 - side) / 2, 0, height - side))
    inside = [float(np.clip(at, 0, side)) for at in (x0 - left, y0 - top, x1 - left, y1 - top)]
    crop = shown[top : top + side, left : left + side].copy()
    return Crop(alert, crop, (inside[0], inside[1], inside[2], inside[3]))
