"""Cut-outs with their kind and their size in mm, from every part of the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2

from models.data.held_out import bare, split_by_source
from models.data.sources import CUTOUT_KINDS, Image, read_image, source_files

# The old cut-outs have no size in the manifest: longest sides in mm, from and to.
_OLD_MM = {"gas": (300.0, 560.0), "battery": (40.0, 75.0), "distractor": (60.0, 300.0)}
_OLD_NAMED_MM = {"laptop": (180.0, 280.0), "car": (200.0, 300.0), "9v": (44.0, 52.0)}
_JITTER = 0.2
"""Share by which the manifests' typical sizes are varied."""


@dataclass(frozen=True)
class SizedCutout:
    """One cut-out's file. label: a class, or -1 for harmless waste. longest_mm: from and to.

    part: folder of the data. kind: the manifest's subclass, or the folder for the old ones.
    """

    path: Path
    label: int
    kind: str
    longest_mm: tuple[float, float]
    source: str
    part: str

    def read(self) -> Image:
        """Pixels, (h, w, 4) uint8 BGRA."""
        return _read(self.path)


@cache
def _read(path: Path) -> Image:
    return read_image(path, cv2.IMREAD_UNCHANGED)


def sized_cutouts(data: Path, held_back: float, *, held: bool) -> tuple[SizedCutout, ...]:
    """Every cut-out of the training part (`held=False`) or of the held-out sources."""
    found = [
        SizedCutout(path, CUTOUT_KINDS[folder], folder, _old_mm(path.stem, folder), key, "cutouts")
        for folder, files in source_files(data, held_back, held=held).cutouts.items()
        for path, key in files
    ]
    for part in ("cutouts2", "cutouts3"):
        for row in _rows(data, part, held_back, held=held):
            mm = float(row["longest_mm"])
            name = row["file"].removeprefix("cutouts/")
            found.append(
                SizedCutout(
                    data / part / name,
                    CUTOUT_KINDS[row["class"]],
                    row["subclass"],
                    (mm * (1 - _JITTER), mm * (1 + _JITTER)),
                    bare(row.get("source_repo") or row["source"]),
                    part,
                )
            )
    return tuple(found)


def _rows(data: Path, part: str, held_back: float, *, held: bool) -> list[dict[str, str]]:
    """Rows of the manifest; those cut from a held-out picture of another part are in neither."""
    rows = split_by_source(data, part)[held]
    pictures = {f"harmless/{row['file']}" for row in split_by_source(data, "harmless")[1]}
    photographs = source_files(data, held_back, held=True).photographs
    pictures |= {f"photos/images/{each.path.name}" for each in photographs}
    return [row for row in rows if row.get("source_file") not in pictures]


def _old_mm(stem: str, folder: str) -> tuple[float, float]:
    named = (mm for word, mm in _OLD_NAMED_MM.items() if word in stem.lower())
    return next(named, _OLD_MM[folder])
