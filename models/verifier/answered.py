"""Crops of answered alerts: what the whole line raised, rightly or falsely.

A mining round: `vigitri bench accuracy ... --answers RENDERS/answers_1` over belts of the training,
then `vigitri model verifier crops` and `train` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detector.adaptation.labels import LabelError, read_labelled_images
from models.data.sources import read_image
from models.verifier.kinds import Kinds
from models.verifier.pack import Crop, stored_crop
from models.workshop import WorkshopError

_MEANT = {"false_alarm": "none", "harmless": "none", "gas_canister": "gas"}


def answer_folders(renders: Path | None) -> list[Path]:
    """The folders of answers, `renders/answers*`, by name."""
    return sorted(renders.glob("answers*")) if renders else []


def answered_crops(folder: Path, kinds: Kinds, context: float) -> Iterator[Crop]:
    """One crop of each answered box, for training. Raises `WorkshopError`, a line per mistake."""
    known = {*kinds.meanings, *_MEANT}
    try:
        export = read_labelled_images(folder, known.__contains__, ", ".join(sorted(known)))
    except LabelError as error:
        raise WorkshopError(str(error)) from error
    if export.left_out:
        raise WorkshopError("\n".join(export.left_out))
    for labelled in export.images:
        image = read_image(labelled.path)
        size = np.array([image.shape[1], image.shape[0]] * 2, np.float32)
        for label in labelled.labels:
            box = np.array(label.box, np.float32) * size
            longest = float(max(box[2] - box[0], box[3] - box[1]))
            pixels = stored_crop(image, box, context)
            name = _MEANT.get(label.name, label.name)
            yield Crop(pixels, name, "train", folder.name, "answered", longest)
