"""Labelled images of a site: a YOLO export, or COCO JSON (`detector.adaptation.labels`).

Classes are matched by name: gas_canister, battery, harmless for objects that no box is learned of,
and ignore for regions that are neither learned nor scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.adaptation.answers import HARMLESS
from detector.adaptation.labels import LabelError, LabelledImage, read_labelled_images
from models.data.sources import (
    CLASS_NAMES,
    GAS,
    IGNORE,
    Photograph,
    matching,
    read_photographs,
)
from models.training.recipe import read_recipe
from models.workshop import WorkshopError

KNOWN = {name: label for label, name in enumerate(CLASS_NAMES)} | {"gas": GAS, "ignore": IGNORE}


@dataclass(frozen=True)
class Answers:
    """A site's labelled images. noted, left_out: as of `LabelledImages`."""

    photographs: tuple[Photograph, ...]
    noted: tuple[str, ...]
    left_out: tuple[str, ...]


def read_answers(folder: Path, renamed: Mapping[str, str] | None = None) -> Answers:
    """All labelled images of an export, by name; each is decoded once as a check.

    renamed: classes of the export and what they are called here.
    Raises `WorkshopError` with one line per kind of mistake, with file and line number.
    """
    try:
        found = read_labelled_images(
            folder,
            lambda name: name in KNOWN or name in HARMLESS,
            f"{', '.join(CLASS_NAMES)}, harmless, ignore",
            renamed,
        )
    except LabelError as error:
        raise WorkshopError(str(error)) from None
    harmless = sum(label.name in HARMLESS for image in found.images for label in image.labels)
    noted = (f"{harmless} boxes of harmless objects learned as background",) if harmless else ()
    photographs = tuple(_photograph(image) for image in found.images)
    return Answers(photographs, (*found.noted, *noted), found.left_out)


def _photograph(image: LabelledImage) -> Photograph:
    rows = [(KNOWN[label.name], *label.box) for label in image.labels if label.name in KNOWN]
    boxes = np.array(rows, np.float32).reshape(-1, 5)
    return Photograph(image.path, boxes, False, image.path.stem)


def write_answers(photographs: tuple[Photograph, ...], folder: Path) -> Path:
    """Write photographs as a YOLO export, as a labelling tool does; returns the folder."""
    names = [*CLASS_NAMES, "ignore"]
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for photograph in photographs:
        lines = []
        for label, x0, y0, x1, y1 in photograph.boxes.tolist():
            number = len(CLASS_NAMES) if label == IGNORE else int(label)
            box = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(" ".join([str(number), *(f"{value:.6f}" for value in box)]))
        (folder / "images" / photograph.path.name).write_bytes(photograph.path.read_bytes())
        (folder / "labels" / f"{photograph.path.stem}.txt").write_text("\n".join(lines))
    listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{listed}")
    return folder


def export_left_out(recipe: Path, data: Path, out: Path) -> Path:
    """Write the photographs that a recipe leaves out as a site's export; returns the folder."""
    plan = read_recipe(recipe)
    if not data.is_dir():
        raise WorkshopError(f"{data}: no such data folder; give it with --data")
    photographs = read_photographs(data, "train")
    chosen = matching(photographs, plan.leave_out)
    if not chosen:
        raise WorkshopError(f"{recipe}: leave_out matches none of the photographs in {data}")
    return write_answers(tuple(each for each in photographs if each in chosen), out)
