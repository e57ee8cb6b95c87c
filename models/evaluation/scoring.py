"""Match detections with the ground truth, with ignore regions.

A detection is right if it overlaps a box of its class, not yet matched by a better one, by an IoU
of 0.5. A wrong one that is at least half in an ignore region does not count.
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
class GroundTruth:
    """The ground truth of one image.

    boxes_px, ignored_px: (n, 4) float32 x0, y0, x1, y1. classes: (n,) int64. size_px: the image's
    width, height. visible: (n,) float32 0 to 1; None: unknown.
    """

    boxes_px: Floats
    classes: NDArray[np.int64]
    ignored_px: Floats
    size_px: tuple[int, int] = (2**31, 2**31)
    visible: Floats | None = None

    @property
    def longest_px(self) -> Floats:
        """(n,) float32: longest side of each box."""
        return np.asarray((self.boxes_px[:, 2:] - self.boxes_px[:, :2]).max(1, initial=0))

    @property
    def visible_share(self) -> Floats:
        """(n,) float32, NaN: unknown."""
        if self.visible is not None:
            return self.visible
        return np.full(len(self.boxes_px), np.nan, np.float32)

    @property
    def unobstructed(self) -> NDArray[np.bool_]:
        """(n,) bool, by `UNOBSTRUCTED_RULE`."""
        others = np.concatenate([self.boxes_px, self.ignored_px])
        _, covered = overlaps(self.boxes_px, others)
        covered[np.arange(len(self.boxes_px)), np.arange(len(self.boxes_px))] = 0
        margin = 0.003 * max(self.size_px) if max(self.size_px) < 2**31 else 0.0
        inside = (self.boxes_px[:, :2] >= margin).all(1) & (
            self.boxes_px[:, 2:] <= np.array(self.size_px) - margin
        ).all(1)
        return np.asarray((covered.max(1, initial=0) <= 0.1) & inside & (self.longest_px >= 40))


UNOBSTRUCTED_RULE = (
    "by the labels: no other box or ignore region covers over 10 % of its box (boxes of leaning "
    "objects overlap where the objects do not), it ends 0.3 % of the image's longest side from the "
    "border or more, and its longest side is 40 px or more"
)


@dataclass(frozen=True)
class Tally:
    """All detections of one class on one set of images.

    scores: (d,) float32, best first. hits: (d,) bool. truths: number of true boxes.
    images: number of images. found_at: (truths,) float32, score of the detection that found
    each box, 0: missed.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    truths: int
    images: int
    found_at: Floats


def overlaps(boxes: Floats, others: Floats) -> tuple[Floats, Floats]:
    """IoU, and intersection as a share of each of `boxes`: two (n, m) float32 arrays."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    other = np.prod(others[:, 2:] - others[:, :2], axis=1)[None]
    tiny = np.float32(1e-9)
    iou = shared / np.maximum(area + other - shared, tiny)
    return iou.astype(np.float32), (shared / np.maximum(area, tiny)).astype(np.float32)


def _hits(
    found: Detections, truth: GroundTruth, label: int
) -> tuple[list[tuple[float, bool]], Floats]:
    mine = found.classes == label
    boxes, scores = found.boxes_px[mine], found.scores[mine]
    wanted = truth.boxes_px[truth.classes == label]
    iou, _ = overlaps(boxes, wanted)
    _, ignored = overlaps(boxes, truth.ignored_px)
    found_at = np.zeros(len(wanted), np.float32)
    result = []
    for number in np.argsort(-scores, kind="stable"):
        candidates = np.where(found_at == 0, iou[number], 0)
        best = int(candidates.argmax()) if len(wanted) else -1
        if best >= 0 and candidates[best] >= IOU:
            found_at[best] = scores[number]
            result.append((float(scores[number]), True))
        elif not (ignored[number] >= 0.5).any():
            result.append((float(scores[number]), False))
    return result, found_at


def tally(found: Sequence[Detections], truths: Sequence[GroundTruth], label: int) -> Tally:
    """Match the detections of one class in every image."""
    matched = [_hits(d, t, label) for d, t in zip(found, truths, strict=True)]
    rows = sorted((row for hits, _ in matched for row in hits), key=lambda row: -row[0])
    found_at = [at for _, at in matched]
    return Tally(
        np.array([score for score, _ in rows], np.float32),
        np.array([hit for _, hit in rows], bool),
        sum(len(at) for at in found_at),
        len(truths),
        np.concatenate(found_at) if found_at else np.zeros(0, np.float32),
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
    """(recall, false boxes per image) of the detections with a score of at least `threshold`."""
    above = t.scores >= threshold
    right = int(np.count_nonzero(t.hits & above))
    wrong = int(np.count_nonzero(~t.hits & above))
    recall = right / t.truths if t.truths else float("nan")
    return recall, wrong / max(1, t.images)


def threshold_for(t: Tally, false_per_image: float) -> float:
    """The lowest threshold with at most that many false boxes per image."""
    wrong = np.cumsum(~t.hits)
    over = np.flatnonzero(wrong > false_per_image * t.images)
    if len(over) == 0:
        return 0.0
    return float(np.nextafter(t.scores[over[0]], np.float32(2)))
