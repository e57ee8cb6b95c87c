"""The detections of one inference pass, and how model outputs are decoded into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """`n` detections, highest score first, in pixels of the image given to the model."""

    boxes_px: NDArray[np.float32]
    """`(n, 4)` float32: x0, y0, x1, y1."""
    scores: NDArray[np.float32]
    """`(n,)` float32, 0 to 1."""
    classes: NDArray[np.int64]
    """`(n,)` int64, index into the card's classes."""

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes_px.shape != (n, 4) or self.classes.shape != (n,):
            raise ValueError(
                f"boxes {self.boxes_px.shape}, scores {self.scores.shape} and classes "
                f"{self.classes.shape} do not match"
            )

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, thresholds: NDArray[np.float32]) -> Detections:
        """The detections at or above their class's threshold; `thresholds`: `(classes,)`."""
        keep = self.scores >= thresholds[self.classes]
        return Detections(self.boxes_px[keep], self.scores[keep], self.classes[keep])

    def at_least(self, min_score: float) -> Detections:
        """The detections with at least this score."""
        keep = self.scores >= min_score
        return Detections(self.boxes_px[keep], self.scores[keep], self.classes[keep])


IOU_MAX = 0.6
"""Of two boxes of one class that overlap more, the lower-scoring one is dropped. 0.6 keeps two
cells that lie side by side at an angle."""
NOTHING = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))


def from_end_to_end(output: NDArray[np.float32], min_score: float) -> Detections:
    """Decode an end-to-end head, `(1, n, 6)`: x0, y0, x1, y1, score, class; no NMS needed."""
    rows = output[0]
    rows = rows[rows[:, 4] >= min_score]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    return Detections(
        np.ascontiguousarray(rows[:, :4]), rows[:, 4].copy(), rows[:, 5].astype(np.int64)
    )


def from_raw_head(output: NDArray[np.float32], min_score: float) -> Detections:
    """Decode a raw head, `(1, 4 + classes, anchors)`: cx, cy, w, h and a score per class; NMS."""
    rows = output[0].T
    scores_by_class = rows[:, 4:]
    classes = scores_by_class.argmax(axis=1)
    scores = scores_by_class.max(axis=1)
    keep = scores >= min_score
    cx, cy, w, h = rows[keep, :4].T
    boxes = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
    return suppress_overlaps(
        Detections(boxes.astype(np.float32), scores[keep], classes[keep].astype(np.int64)), IOU_MAX
    )


def suppress_overlaps(found: Detections, iou_max: float) -> Detections:
    """Non-maximum suppression within each class; the result is sorted, highest score first."""
    order = rows_without_overlaps(found, iou_max)
    return Detections(found.boxes_px[order], found.scores[order], found.classes[order])


def rows_without_overlaps(found: Detections, iou_max: float) -> NDArray[np.int64]:
    """The rows that `suppress_overlaps` keeps, highest score first."""
    if len(found) == 0:
        return np.empty(0, dtype=np.int64)
    sized = found.boxes_px.copy()
    sized[:, 2:] -= sized[:, :2]
    kept = cv2.dnn.NMSBoxesBatched(
        sized.tolist(), found.scores.tolist(), found.classes.tolist(), 0.0, iou_max
    )
    order = np.asarray(kept, dtype=np.int64).ravel()
    return np.asarray(order[np.argsort(-found.scores[order], kind="stable")], dtype=np.int64)


def fused(passes: Sequence[Detections], iou_min: float) -> Detections:
    """Fuse the detections of several inference passes on one image.

    Boxes of one class that overlap the highest-scoring one by more than `iou_min` are one object.
    Its score is the mean over all passes of its best score in each, 0 for a pass that missed it;
    its box is the mean of its boxes, weighted by the squares of their scores. Compared with keeping
    the best box, at two sizes of the development photographs: recall at 0.2 false boxes per image
    rises from 0.42 to 0.54 for gas and from 0.92 to 0.96 for batteries (vigitri-n1).
    """
    boxes = np.concatenate([each.boxes_px for each in passes])
    scores = np.concatenate([each.scores for each in passes])
    classes = np.concatenate([each.classes for each in passes])
    pass_of = np.repeat(np.arange(len(passes)), [len(each) for each in passes])
    left = np.ones(len(scores), dtype=np.bool_)
    objects: list[tuple[NDArray[np.float32], float, int]] = []
    for top in np.argsort(-scores, kind="stable"):
        if not left[top]:
            continue
        same = left & (classes == classes[top])
        same[same] = _overlap(boxes[top], boxes[same]) > iou_min
        same[top] = True
        left &= ~same
        best = np.zeros(len(passes), dtype=np.float32)
        np.maximum.at(best, pass_of[same], scores[same])
        weights = scores[same, None] ** 2
        box = (boxes[same] * weights).sum(axis=0) / weights.sum()
        objects.append((box, float(best.mean()), int(classes[top])))
    objects.sort(key=lambda each: -each[1])
    return Detections(
        np.array([box for box, _, _ in objects], dtype=np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in objects], dtype=np.float32),
        np.array([kind for _, _, kind in objects], dtype=np.int64),
    )


def _overlap(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box with `(n, 4)` others, `(n,)` float32."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = sides.clip(0).prod(axis=1)
    area = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / np.maximum(area, np.float32(1e-9)), dtype=np.float32)
