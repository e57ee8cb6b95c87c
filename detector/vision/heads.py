"""How the outputs of a detector's head become detections: one function per head.

`n` candidates, `c` classes, of one image:

| head | outputs | boxes | made by |
|---|---|---|---|
| `raw` | `(1, 4 + c, n)` | cx, cy, w, h | YOLOv5u, v8, v9, 11, 12; YOLOv10, 26 one-to-many |
| `end2end` | `(1, n, 6)`: box, score, class | x0, y0, x1, y1 | YOLOv10, 26 one-to-one; `nms=True` |
| `objectness` | `(1, n, 5 + c)`: box, object, classes | cx, cy, w, h | YOLOv5, v7; YOLOX, decoded |
| `yolox` | `(1, n, 5 + c)` | offset and log size in cells | YOLOX as it exports by default |
| `queries` | `(1, n, 4 + c)`, or `(1, n, 4)` and `(1, n, c)` | cx, cy, w, h | RT-DETR, RF-DETR |
| `labelled` | `(1, n)` classes, `(1, n, 4)`, `(1, n)` scores | x0, y0, x1, y1 | RT-DETR, D-FINE |

`raw`, `objectness` and `yolox` have several candidates per object, which are suppressed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.vision.detections import (
    IOU_MAX,
    Detections,
    from_end_to_end,
    from_raw_head,
    suppress_overlaps,
)

Outputs = Sequence[NDArray[Any]]
FIRST_STRIDE = 8
"""Side in px of YOLOX's smallest cells; each next layer's are twice as large."""


class HeadError(ValueError):
    """The outputs are not those of the head."""


class HeadReader:
    """Reads the outputs of one head."""

    def __init__(
        self, head: str, classes: int, *, in_shares: bool, logits: bool, stride: int
    ) -> None:
        """Args:
        head: One of the table above.
        classes: Number of classes.
        in_shares: Boxes are in shares of the input's width and height, not in px.
        logits: Scores are log-odds.
        stride: Side of the largest cells, px.
        """
        self._read = {
            "raw": _raw,
            "end2end": _end2end,
            "objectness": _objectness,
            "yolox": self._yolox,
            "queries": _queries,
            "labelled": _labelled,
        }[head]
        self._head, self._classes, self._stride = head, classes, stride
        self._in_shares, self._logits = in_shares, logits

    def read(self, outputs: Outputs, min_score: float, size_px: tuple[int, int]) -> Detections:
        """Detections in px, highest score first. `size_px`: height, width of the input.

        Raises `HeadError`.
        """
        arrays = [np.asarray(each, np.float32) for each in outputs]
        self.check_shapes([each.shape for each in arrays])
        if self._in_shares:
            arrays = self._in_px(arrays, size_px)
        if self._logits:
            arrays = self._in_probabilities(arrays)
        self._size_px = size_px
        return self._read(arrays, min_score)

    def check_shapes(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Raises `HeadError` if outputs of these shapes are not the head's."""
        c = self._classes
        if self._head == "labelled":
            fits = len(shapes) == 3 and len(shapes[0]) == 2 and shapes[1][2:] == (4,)
        elif self._head == "queries" and len(shapes) == 2:
            fits = all(len(s) == 3 for s in shapes) and [s[2] for s in shapes] == [4, c]
        else:
            at = 1 if self._head == "raw" else 2
            channels = {"end2end": 6, "raw": 4 + c, "queries": 4 + c}.get(self._head, 5 + c)
            fits = len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][at] == channels
        if not fits or shapes[0][0] != 1:
            given = ", ".join(str(shape) for shape in shapes)
            raise HeadError(f"gives {given}, not a {self._head} head of {c} classes")

    def _in_px(self, arrays: Outputs, size_px: tuple[int, int]) -> list[NDArray[Any]]:
        height, width = size_px
        factor = np.array([width, height, width, height], dtype=np.float32)
        made = list(arrays)
        at = 1 if self._head == "labelled" else 0
        made[at] = made[at].copy()  # an engine may own the output's memory
        if self._head == "raw":
            made[at][0, :4] *= factor[:, None]
        else:
            made[at][0, :, :4] *= factor
        return made

    def _in_probabilities(self, arrays: Outputs) -> list[NDArray[Any]]:
        if len(arrays) == 2:
            return [arrays[0], _sigmoid(arrays[1])]
        if self._head == "labelled":
            return [arrays[0], arrays[1], _sigmoid(arrays[2])]
        rows = arrays[0].copy()
        scores = rows[:, 4:] if self._head == "raw" else rows[..., 4:]
        if self._head == "end2end":
            scores = scores[..., :1]
        scores[:] = _sigmoid(scores)
        return [rows]

    def _yolox(self, arrays: Outputs, min_score: float) -> Detections:
        cells = grid(*self._size_px, self._stride)
        rows = arrays[0]
        if len(cells) != rows.shape[1]:
            raise HeadError(
                f"gives {rows.shape[1]} candidates, YOLOX has {len(cells)} at this size"
            )
        moved = rows.copy()
        moved[0, :, :2] = (rows[0, :, :2] + cells[:, :2]) * cells[:, 2:]
        moved[0, :, 2:4] = np.exp(rows[0, :, 2:4]) * cells[:, 2:]
        return _objectness([moved], min_score)


@lru_cache(maxsize=8)
def grid(height: int, width: int, stride: int) -> NDArray[np.float32]:
    """YOLOX's cells, `(n, 3)` float32: column, row, side in px."""
    layers = []
    side = FIRST_STRIDE
    while side <= stride:
        rows, columns = np.mgrid[: height // side, : width // side].astype(np.float32)
        layers.append(
            np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, side, np.float32)], 1)
        )
        side *= 2
    return np.concatenate(layers)


def _raw(arrays: Outputs, min_score: float) -> Detections:
    return from_raw_head(arrays[0], min_score)


def _end2end(arrays: Outputs, min_score: float) -> Detections:
    found = from_end_to_end(arrays[0], min_score)
    classes = arrays[0][0, arrays[0][0, :, 4] >= min_score, 5]
    if (classes % 1).any():
        raise HeadError("gives classes that are not whole numbers: this is not an end2end head")
    return found


def _objectness(arrays: Outputs, min_score: float) -> Detections:
    rows = arrays[0][0]
    rows = rows[rows[:, 4] >= min_score]  # a class's score is at most the object's
    by_class = rows[:, 5:] * rows[:, 4:5]
    return suppress_overlaps(_best(_corners(rows[:, :4]), by_class, min_score), IOU_MAX)


def _queries(arrays: Outputs, min_score: float) -> Detections:
    boxes, scores = arrays if len(arrays) == 2 else (arrays[0][..., :4], arrays[0][..., 4:])
    return _sorted(_best(_corners(boxes[0]), scores[0], min_score))


def _labelled(arrays: Outputs, min_score: float) -> Detections:
    classes, boxes, scores = (each[0] for each in arrays)
    keep = scores >= min_score
    return _sorted(Detections(boxes[keep], scores[keep], classes[keep].astype(np.int64)))


def _best(
    boxes: NDArray[np.float32], by_class: NDArray[np.float32], min_score: float
) -> Detections:
    """Each candidate as its best class, if that reaches `min_score`."""
    if not len(boxes):
        return Detections(boxes, np.empty(0, np.float32), np.empty(0, np.int64))
    scores = by_class.max(axis=1)
    keep = scores >= min_score
    classes = by_class.argmax(axis=1)[keep]
    return Detections(boxes[keep], scores[keep], classes.astype(np.int64))


def _sorted(found: Detections) -> Detections:
    order = np.argsort(-found.scores, kind="stable")
    return Detections(found.boxes_px[order], found.scores[order], found.classes[order])


def _corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """cx, cy, w, h to x0, y0, x1, y1."""
    half = boxes[:, 2:4] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-values.clip(-80, 80))), dtype=np.float32)
