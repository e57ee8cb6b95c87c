"""Right or wrong: detections against truth, with regions that count for neither.

A detection is right if it overlaps a box of its class, not yet taken by a better one, by an IoU of
0.5. One that is wrong but lies by half in an ignore region is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import Detections

Floats = NDArray[np.float32]
IOU = 0.5


@dataclass(frozen=True)
class Truth:
    """What is in one picture.

    boxes_px, ignored_px: (n, 4) float32 x0, y0, x1, y1. classes: (n,) int64.
    """

    boxes_px: Floats
    classes: NDArray[np.int64]
    ignored_px: Floats


@dataclass(frozen=True)
class Tally:
    """All detections of one class over one set of pictures.

    scores: (d,) float32, best first. hits: (d,) bool. truths: boxes there are. pictures: how many.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    truths: int
    pictures: int


def overlaps(boxes: Floats, others: Floats) -> tuple[Floats, Floats]:
    """IoU, and the intersection as a share of each of `boxes`: two (n, m) float32 arrays."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    other = np.prod(others[:, 2:] - others[:, :2], axis=1)[None]
    tiny = np.float32(1e-9)
    iou = shared / np.maximum(area + other - shared, tiny)
    return iou.astype(np.float32), (shared / np.maximum(area, tiny)).astype(np.float32)


def _hits(found: Detections, truth: Truth, label: int) -> list[tuple[float, bool]]:
    mine = found.classes == label
    boxes, scores = found.boxes_px[mine], found.scores[mine]
    wanted = truth.boxes_px[truth.classes == label]
    iou, _ = overlaps(boxes, wanted)
    _, ignored = overlaps(boxes, truth.ignored_px)
    free = np.ones(len(wanted), bool)
    result = []
    for number in np.argsort(-scores, kind="stable"):
        candidates = np.where(free, iou[number], 0)
        best = int(candidates.argmax()) if len(wanted) else -1
        if best >= 0 and candidates[best] >= IOU:
            free[best] = False
            result.append((float(scores[number]), True))
        elif not (ignored[number] >= 0.5).any():
            result.append((float(scores[number]), False))
    return result


def tally(found: Sequence[Detections], truths: Sequence[Truth], label: int) -> Tally:
    """Match every picture's detections of one class."""
    rows = [
        row for d, t in zip(found, truths, strict=True) for row in _hits(d, t, label)
    ]  # fmt: skip
    rows.sort(key=lambda row: -row[0])
    return Tally(
        np.array([score for score, _ in rows], np.float32),
        np.array([hit for _, hit in rows], bool),
        int(sum(np.count_nonzero(t.classes == label) for t in truths)),
        len(truths),
    )


def average_precision(t: Tally) -> float:
    """Area under the precision envelope over recall (every point, not eleven)."""
    if not t.truths:
        return float("nan")
    right = np.cumsum(t.hits)
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * t.hits).sum() / t.truths)


def at_threshold(t: Tally, threshold: float) -> tuple[float, float]:
    """(recall, false boxes per picture) of what scores at least `threshold`."""
    above = t.scores >= threshold
    right = int(np.count_nonzero(t.hits & above))
    wrong = int(np.count_nonzero(~t.hits & above))
    recall = right / t.truths if t.truths else float("nan")
    return recall, wrong / max(1, t.pictures)


def threshold_for(t: Tally, false_per_picture: float) -> float:
    """The lowest score that still gives at most so many false boxes per picture."""
    wrong = np.cumsum(~t.hits)
    over = np.flatnonzero(wrong > false_per_picture * t.pictures)
    if len(over) == 0:
        return 0.0
    return float(np.nextafter(t.scores[over[0]], np.float32(2)))


def wilson(right: float, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share `right` of `total` trials."""
    if total == 0:
        return 0.0, 1.0
    middle = (right + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(right * (1 - right) / total + (z / (2 * total)) ** 2) / (1 + z * z / total)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
