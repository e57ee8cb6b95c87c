"""Adapts a verifier's head to operators' answers; nothing that is worse comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.adaptation.adaptable_model import AdaptableModel
from detector.adaptation.answers import (
    Answer,
    AnswerFolder,
    AnswerNames,
    features_of,
    read_answer_folder,
)
from detector.adaptation.comparison import AnswerCrops, ComparisonRow, HeadComparison
from detector.adaptation.head_fit import fitted_head, moved
from detector.adaptation.labels import LabelError
from detector.adaptation.scenes import copies_of, split_by_scene
from detector.vision.verifier import VerifierHead

REACHES = (1.0, 0.6, 0.35)
"""Shares of the step from the deployed head to the fitted one; the first that passes is taken."""
SHARE = 0.3
"""Share of the answers' scenes that is held back."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadAdaptation:
    """The result of an adaptation."""

    head: VerifierHead | None
    """The new head; None: none passed."""
    against: list[str]
    """One line for each figure against a head that was tried."""
    rows: list[ComparisonRow]
    """The deployed head beside the new one, or beside the last that was tried."""
    summary: list[str]
    """What was learned and what was not, one line each."""
    left_out: tuple[str, ...]
    """One line for each kind of fault of files that nothing was learned from."""


def adapt_head(
    model: AdaptableModel,
    folder: Path,
    share: float = SHARE,
    renamed: Mapping[str, str] | None = None,
) -> HeadAdaptation:
    """Fit a new head to an answers folder and compare it with the deployed one.

    First a head that has learned only a part of the answers must pass on the held-back rest and on
    the bank. Then heads that have learned all of them are compared on the bank; if none passes, the
    first one is taken. `renamed`: classes of the export and what they are called here.

    Raises:
        LabelError: The answers can't be used; one line per mistake.
        EngineError: Inference failed.
    """
    names = AnswerNames(model.model.card, model.verifier)
    found = read_answer_folder(folder, names, renamed)
    crops = AnswerCrops(
        tuple(each.label.name for each in found.answers),
        features_of(found.answers, model.verifier, model.network),
        names.accepted([each.label.name for each in found.answers]),
    )
    is_held, copies = _held_back(found.answers, share)
    learned, held = crops.part(~is_held & ~copies), crops.part(is_held)
    if not learned.names:
        raise LabelError(
            f"{folder}: all {len(found.answers)} answers show the held-back images: add others"
        )
    comparison = HeadComparison(model)
    fitted = _fitted(model, comparison, learned)
    against: list[str] = []
    tried = model.head
    summary = _summary(found, held, int(copies.sum()))
    for reach in REACHES:
        tried = comparison.with_gas_floor(moved(model.head, fitted, reach))
        lines = [*comparison.not_better(held, tried), *comparison.against(tried)]
        against += [f"{line}, at {reach:g} of the step" for line in lines]
        if lines:
            continue
        rows = comparison.answer_rows("answers, held back", held, tried)
        head, step = _with_all(model, comparison, crops, tried)
        summary.append(f"step: {step or f'{reach:g} of the way to a head of the others'}")
        rows = [*comparison.answer_rows("answers, all", crops, head), *rows]
        return HeadAdaptation(
            head, [], [*rows, *comparison.bank_rows(head)], summary, found.left_out
        )
    rows = comparison.answer_rows("answers, held back", held, tried)
    return HeadAdaptation(
        None, against, [*rows, *comparison.bank_rows(tried)], summary, found.left_out
    )


def _with_all(
    model: AdaptableModel, comparison: HeadComparison, crops: AnswerCrops, passed: VerifierHead
) -> tuple[VerifierHead, str]:
    """Of `passed` and the heads on the way to one that has learned all answers, the one that fits
    the answers best and has nothing of the bank against it; and its step, empty for `passed`."""
    fitted = _fitted(model, comparison, crops)
    candidates = [(passed, "")]
    for reach in REACHES:
        head = comparison.with_gas_floor(moved(model.head, fitted, reach))
        if not comparison.against(head):
            candidates.append((head, f"{reach:g} of the way to a head of all answers"))
    return min(candidates, key=lambda each: crops.loss(each[0]))


def _fitted(model: AdaptableModel, comparison: HeadComparison, crops: AnswerCrops) -> VerifierHead:
    """The head that fits the answers. The crops of the gas floor answer back: each is gas."""
    floor = comparison.gas_floor
    is_gas = np.array([kind.hazard == "gas" for kind in model.verifier.kinds])
    return fitted_head(
        model.head,
        model.bank.replayed,
        np.concatenate([crops.features, floor]),
        np.concatenate([crops.accepted, np.tile(is_gas, (len(floor), 1))]),
    )


def _held_back(
    answers: Sequence[Answer], share: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Which answers are held back, by scene; and which others show a copy of a held-back image."""
    images = list({answer.path: answer for answer in answers}.values())
    learned, held = split_by_scene(images, share, neighbours=2 if len(images) > 3 else 1)
    held_paths = {each.path for each in held}
    copied = {each.path for each in copies_of(held, learned)}
    return (
        np.array([each.path in held_paths for each in answers]),
        np.array([each.path in copied for each in answers]),
    )


def _summary(found: AnswerFolder, held: AnswerCrops, copies: int) -> list[str]:
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    lines = [
        f"{len(found.answers)} answers: {counts}; {len(held.names)} of them held back, by scene"
    ]
    lines += found.noted
    if found.ignored:
        lines.append(f"{found.ignored} boxes named ignore: not learned")
    if found.empty:
        lines.append(f"{found.empty} images without a box: nothing is learned from them")
    if copies:
        lines.append(
            f"{copies} answers in copies of held-back images: not learned until the comparison "
            "has passed"
        )
    return lines
