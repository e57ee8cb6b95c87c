"""The head of an ONNX file, found by the shapes and the values of its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detector.vision.catalogue import Head, ModelError
from detector.vision.heads import HeadError, HeadReader
from detector.vision.imports.notes import Notes
from detector.vision.sound_boxes import LEAST_SCORE, unsound

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """The card's keys of the head, and the number of classes."""

    head: Head
    outputs: tuple[str, ...]
    box_unit: Literal["px", "share"]
    scores: Literal["probability", "logit"]
    classes: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    head: Head
    outputs: tuple[str, ...]
    classes: int


def read_head(
    passes: Sequence[Outputs],
    size_px: tuple[int, int],
    notes: Notes,
    *,
    classes: int | None,
    stride: int,
    metadata: Mapping[str, str],
    where: str,
) -> HeadFacts:
    """The head that explains the outputs of several images.

    Args:
        passes: The outputs by name, in the file's order, one mapping per image.
        size_px: Height, width of the images.
        notes: Gets what was found and assumed.
        classes: None: not known.
        stride: Side of the largest cells, px.
        metadata: As Ultralytics writes it.
        where: The file, for messages.

    Raises:
        ModelError: It is no detector, or none that is supported.
    """
    shapes = {name: array.shape for name, array in passes[0].items()}
    _refuse_masks(shapes, where)
    why: list[str] = []
    for candidate in _candidates(passes[0], size_px, classes, metadata):
        facts, boxes, wrong = _tried(candidate, passes, size_px, stride)
        if wrong:
            why.append(f"as {candidate.head}: {wrong}")
            continue
        unit = "" if candidate.head == "end2end" and not boxes else f", boxes in {facts.box_unit}"
        notes.found.append(
            f"{facts.head} head of {facts.classes} classes, {_said(shapes, facts)}{unit}, scores "
            f"as {facts.scores}"
        )
        if _has_nms(metadata):
            notes.found.append(
                "NMS inside: what it dropped when it was exported (by default below 0.25) is lost"
            )
        if not boxes:
            notes.assumed.append(
                "what boxes and scores mean: none was found in the images that were tried; give a "
                "--picture with an object"
            )
        return facts
    given = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    known = "" if classes is None else f" of {classes} classes"
    reasons = f" ({'; '.join(why)})" if why else ""
    raise ModelError(
        f"{where}: gives {given}, which is no head{known} that Vigitri reads{reasons}. Supported: "
        "YOLOv5 to 26, YOLOX, RT-DETR, RF-DETR, D-FINE, for detection; if the classes are "
        "not in the file, give --names"
    )


def _has_nms(metadata: Mapping[str, str]) -> bool:
    return "'nms': True" in metadata.get("args", "")


def _said(shapes: Mapping[str, tuple[int, ...]], facts: HeadFacts) -> str:
    return ", ".join(f"{name} {shapes[name]}" for name in facts.outputs or shapes)


def _refuse_masks(shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """A segmentation model has a second output with mask prototypes."""
    ranks = [len(shape) for shape in shapes.values()]
    if 4 in ranks and 3 in ranks:
        raise ModelError(
            f"{where}: is a model for segmentation (it gives masks), not for detection. Export a "
            "model of the task detect"
        )


def _candidates(
    outputs: Outputs, size_px: tuple[int, int], classes: int | None, metadata: Mapping[str, str]
) -> Iterator[_Candidate]:
    """Heads that the shapes allow, the most likely first."""
    ranked = {name: array for name, array in outputs.items() if array.ndim == 3}
    boxes = [name for name, array in ranked.items() if array.shape[2] == 4]
    flat = {name: array for name, array in outputs.items() if array.ndim == 2}
    whole = [name for name, array in flat.items() if array.dtype.kind in "iu"]
    scores = [name for name in flat if name not in whole]
    if len(boxes) == 1 and len(whole) == 1 and len(scores) == 1 and classes is not None:
        yield _Candidate("labelled", (whole[0], boxes[0], scores[0]), classes)
    if len(ranked) == 2 and boxes:
        by_name = [name for name in boxes if "box" in name or "det" in name]
        box = (by_name or boxes)[0]
        (other,) = (name for name in ranked if name != box)
        if classes in {None, ranked[other].shape[2]}:
            yield _Candidate("queries", (box, other), ranked[other].shape[2])
    if not ranked:
        return
    # YOLOv5 also gives its three layers, of rank 5, beside the joined output.
    name = next(iter(ranked))
    chosen = () if len(outputs) == 1 else (name,)
    _, rows, columns = ranked[name].shape
    if rows < columns and classes in {None, rows - 4} and rows > 4:
        yield _Candidate("raw", chosen, rows - 4)
    told = metadata.get("end2end") == "True" or _has_nms(metadata)
    heads: list[tuple[Head, int]] = [("objectness", 5), ("yolox", 5), ("queries", 4)]
    if classes is None:  # several would fit: by the number of candidates
        heads = heads[:2] if rows in _cell_counts(size_px) else heads[2:]
    if columns == 6 and classes is not None:
        at = 0 if told or rows not in _cell_counts(size_px) else len(heads)
        heads.insert(at, ("end2end", 0))
    if told and columns == 6:
        heads = heads[:1]
    for head, before in heads:
        known = classes if head == "end2end" else columns - before
        if known and classes in {None, known}:
            yield _Candidate(head, chosen, known)


def _cell_counts(size_px: tuple[int, int]) -> set[int]:
    """Candidates of grids with strides 8 to 32 or 64: one per cell, or three."""
    counts = set()
    for last in (32, 64):
        sides = [side for side in (8, 16, 32, 64) if side <= last]
        cells = sum((size_px[0] // side) * (size_px[1] // side) for side in sides)
        counts |= {cells, 3 * cells}
    return counts


def _tried(
    candidate: _Candidate, passes: Sequence[Outputs], size_px: tuple[int, int], stride: int
) -> tuple[HeadFacts, int, str]:
    """The facts, the number of boxes, and what is wrong with them; empty: they make sense."""
    logits = _has_logits(candidate, passes)
    facts, seen, wrong = None, 0, ""
    for in_shares in (False, True):
        facts = HeadFacts(
            candidate.head,
            candidate.outputs,
            "share" if in_shares else "px",
            "logit" if logits else "probability",
            candidate.classes,
        )
        seen, wrong = _examined(facts, passes, size_px, stride)
        if not wrong or candidate.head == "yolox":
            break
    assert facts is not None
    return facts, seen, wrong


def _examined(
    facts: HeadFacts, passes: Sequence[Outputs], size_px: tuple[int, int], stride: int
) -> tuple[int, str]:
    reader = HeadReader(
        facts.head,
        facts.classes,
        in_shares=facts.box_unit == "share",
        logits=facts.scores == "logit",
        stride=stride,
    )
    seen = 0
    for outputs in passes:
        arrays = [outputs[name] for name in facts.outputs or outputs]
        try:
            found = reader.read(arrays, LEAST_SCORE, size_px)
        except HeadError as error:
            return 0, str(error)
        if len(found) and found.classes.max() >= facts.classes:
            return 0, f"there is a class {found.classes.max()}"
        if wrong := unsound(found, size_px):
            return 0, wrong
        seen += len(found)
    return seen, ""


def _has_logits(candidate: _Candidate, passes: Sequence[Outputs]) -> bool:
    """Whether scores leave 0 to 1."""
    for outputs in passes:
        arrays = [np.asarray(outputs[name], np.float32) for name in candidate.outputs or outputs]
        match candidate.head, len(arrays):
            case "labelled", _:
                scores = arrays[2]
            case "queries", 2:
                scores = arrays[1]
            case "raw", _:
                scores = arrays[0][:, 4:]
            case "end2end", _:
                scores = arrays[0][..., 4:5]
            case _:
                scores = arrays[0][..., 4:]
        if scores.min() < -1e-3 or scores.max() > 1 + 1e-3:
            return True
    return False
