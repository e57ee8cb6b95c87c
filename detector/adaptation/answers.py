"""Operators' answers: labelled boxes as features, and the kinds that each answer allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.adaptation.labels import IGNORE, Label, LabelError, read_labelled_images
from detector.ingest import read_image_file
from detector.vision.catalogue import Card
from detector.vision.crops import CropCutter
from detector.vision.engine import EngineError
from detector.vision.verifier_card import VerifierCard

HARMLESS = ("harmless", "false_alarm")
_LEAST_PX = 0.5
"""A box that is narrower was clicked, not drawn."""


class FeatureNetwork(Protocol):
    """Gives `(n, d)` float32 features of `(n, px, px, 3)` uint8 BGR crops."""

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class AnswerNames:
    """The names that an answer may have, and what each allows."""

    def __init__(self, card: Card, verifier: VerifierCard) -> None:
        self._allowed = {kind.name: frozenset({index}) for index, kind in enumerate(verifier.kinds)}
        for name in HARMLESS:
            self._allowed.setdefault(name, frozenset(verifier.kinds_of("none")))
        for hazard in verifier.fusion:
            groups = [hazard, *(each.name for each in card.classes if each.hazard == hazard)]
            for name in groups:
                self._allowed.setdefault(name, frozenset(verifier.kinds_of(hazard)))
        self._kinds = len(verifier.kinds)
        self.expected = ", ".join([*self._allowed, IGNORE])

    def knows(self, name: str) -> bool:
        return name == IGNORE or bool(self._allowed.get(name))

    def accepted(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """`(n, k)` bool: the kinds that each name allows."""
        rows = np.zeros((len(names), self._kinds), dtype=np.bool_)
        for row, name in zip(rows, names, strict=True):
            row[list(self._allowed[name])] = True
        return rows


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a box in an image, and what it is."""

    path: Path
    label: Label


@dataclass(frozen=True, slots=True)
class AnswerFolder:
    """What an answers folder contains."""

    answers: tuple[Answer, ...]
    counts: dict[str, int]
    """Answers by name, most frequent first."""
    ignored: int
    """Boxes named `ignore`: not learned."""
    empty: int
    """Images without a box: nothing is learned from them."""
    noted: tuple[str, ...] = ()
    """As of `LabelledImages`."""
    left_out: tuple[str, ...] = ()
    """As of `LabelledImages`."""


def read_answer_folder(
    folder: Path, names: AnswerNames, renamed: Mapping[str, str] | None = None
) -> AnswerFolder:
    """All answers of a folder. Raises `LabelError` with one line per mistake.

    `renamed`: classes of the export and what they are called here.
    """
    export = read_labelled_images(folder, names.knows, names.expected, renamed)
    labelled = [Answer(image.path, label) for image in export.images for label in image.labels]
    answers = tuple(each for each in labelled if each.label.name != IGNORE)
    if not answers:
        raise LabelError(f"{folder}: contains no answer: label boxes with {names.expected}")
    counts = Counter(each.label.name for each in answers)
    return AnswerFolder(
        answers,
        dict(counts.most_common()),
        len(labelled) - len(answers),
        sum(not image.labels for image in export.images),
        export.noted,
        export.left_out,
    )


def features_of(
    answers: Sequence[Answer], verifier: VerifierCard, network: FeatureNetwork
) -> NDArray[np.float32]:
    """`(n, d)`: the network's features of each answer's crop.

    Raises:
        LabelError: No crop can be cut of a box; one line for each.
        EngineError: Inference failed.
    """
    cutter = CropCutter(verifier.input_px, verifier.context)
    size = verifier.batches[-1]
    # Always the largest batch: engines keep the memory of each size that they have seen.
    crops = np.zeros((size, verifier.input_px, verifier.input_px, 3), dtype=np.uint8)
    found: list[NDArray[np.float32]] = []
    wrong: list[str] = []
    shown, image = Path(), np.empty((0, 0, 3), dtype=np.uint8)
    for first in range(0, len(answers), size):
        batch = answers[first : first + size]
        for crop, answer in zip(crops, batch, strict=False):
            if answer.path != shown:
                shown, image = answer.path, read_image_file(answer.path)
            height, width = image.shape[:2]
            x0, y0, x1, y1 = answer.label.box
            box_px = x0 * width, y0 * height, x1 * width, y1 * height
            wide, high = box_px[2] - box_px[0], box_px[3] - box_px[1]
            if min(wide, high) < _LEAST_PX:
                wrong.append(
                    f"{answer.label.where}: box of {wide:.2f} x {high:.2f} px has no area; draw it "
                    "again or delete it"
                )
                continue
            cutter.cut(image, box_px, crop)
        if not wrong:
            found.append(network.features(crops)[: len(batch)])
    if wrong:
        raise LabelError("\n".join(wrong))
    rows = np.concatenate(found)
    if not np.isfinite(rows).all():
        raise EngineError(f"{verifier.features}: gives features that are not finite")
    return rows
