"""Test doubles of a line: an engine with a scripted result, drawn belts, detections."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.hazards.tracking.detection import Detection
from detector.ingest.frame import Frame
from detector.vision.catalogue import Card, ModelFolder
from detector.vision.detections import Detections

GAS, BATTERY = 0, 1
FRAME_NS = 100_000_000
"""Frame period in tests: 10 fps."""


def make_card(**changes: Any) -> Card:
    """The card of a model with two classes; `input` overrides keys of its input."""
    document: dict[str, Any] = {
        "name": "test-n1",
        "version": 1,
        "head": "end2end",
        "input": {
            "name": "images",
            "layout": "nhwc_bgr_u8",
            "stride": 32,
            "size": [0, 0],
            "mm_per_px": [0.5, 2.0],
            "photo_sizes_px": [320],
        },
        "classes": [
            {
                "index": GAS,
                "name": "gas_canister",
                "hazard": "gas",
                "plausible_length_mm": [60, 1600],
                "threshold": 0.4,
            },
            {
                "index": BATTERY,
                "name": "battery",
                "hazard": "battery",
                "plausible_length_mm": [10, 400],
                "threshold": 0.35,
            },
        ],
        "files": {"model.onnx": hashlib.sha256(b"").hexdigest()},
        "training": {},
        "metrics": {},
    }
    document["input"].update(changes.pop("input", {}))
    return Card.model_validate({**document, **changes})


def folder_of(card: Card) -> ModelFolder:
    """A model folder that is never opened."""
    return ModelFolder(Path("no-folder"), card)


def detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """From rows of x0, y0, x1, y1, score, class."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


class FakeEngine:
    """Returns what `detect_in` detects, and records the sizes of its images."""

    def __init__(
        self, detect_in: Callable[[NDArray[np.uint8]], Detections], card: Card | None = None
    ) -> None:
        self.card = card or make_card()
        self.detect_in = detect_in
        self.sizes: list[tuple[int, int]] = []

    def detect(self, image: NDArray[np.uint8], min_score: float) -> Detections:  # noqa: ARG002
        self.sizes.append(image.shape[:2])
        return self.detect_in(image)


def bright_objects(image: NDArray[np.uint8]) -> Detections:
    """Each white object is a gas canister, each red one a battery: a detector without errors."""
    found: list[tuple[float, float, float, float, float, int]] = []
    blue, _, red = (image[..., channel].astype(int) for channel in range(3))
    for index, shown in ((GAS, blue > 230), (BATTERY, (red > 200) & (blue < 60))):
        _, _, stats, _ = cv2.connectedComponentsWithStats(shown.astype(np.uint8))
        found += [
            (x, y, x + w, y + h, 0.9, index) for x, y, w, h, area in stats[1:].tolist() if area >= 8
        ]
    return detections(*found)


def frame(image: NDArray[np.uint8], index: int, t_ns: int | None = None) -> Frame:
    t_ns = index * FRAME_NS if t_ns is None else t_ns
    return Frame(image, index, t_ns, t_ns, "test")


def texture(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    grain_px: float = 4.0,
    contrast: float = 25,
) -> NDArray[np.float32]:
    """Belt with texture of about `grain_px`, `(h, w, 3)` float32 around a dark grey."""
    fine = rng.normal(0, 1, (height, width)).astype(np.float32)
    marks = cv2.GaussianBlur(fine, (0, 0), grain_px / 2)
    marks *= contrast / marks.std()
    return np.repeat((80 + marks)[..., None], 3, axis=2).astype(np.float32)


def as_image(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def belt_detection(
    x_mm: float,
    y_mm: float,
    *,
    size_mm: tuple[float, float] = (60.0, 60.0),
    class_index: int = BATTERY,
    score: float = 0.8,
    whole: bool = True,
) -> Detection:
    return Detection(
        class_index=class_index,
        score=score,
        x_mm=x_mm,
        y_mm=y_mm,
        width_mm=size_mm[0],
        height_mm=size_mm[1],
        box_px=(x_mm, y_mm, x_mm + size_mm[0], y_mm + size_mm[1]),
        image_size_px=(1000, 1000),
        whole=whole,
    )


def detections_of(
    objects: Sequence[tuple[float, float, tuple[float, float], int]],
    extent_mm: tuple[float, float, float, float],
) -> list[Detection]:
    """The detections of a perfect model for objects (x, y, size, class), cut by the view's ends."""
    x0, y0, x1, y1 = extent_mm
    detected = []
    for x_mm, y_mm, (width, height), class_index in objects:
        left, right = max(x0, x_mm - width / 2), min(x1, x_mm + width / 2)
        low, high = max(y0, y_mm - height / 2), min(y1, y_mm + height / 2)
        if right - left < 5 or high - low < 5:
            continue
        whole = (right - left, high - low) == (width, height) and low > y0 and high < y1
        detected.append(
            belt_detection(
                (left + right) / 2,
                (low + high) / 2,
                size_mm=(right - left, high - low),
                class_index=class_index,
                whole=whole,
            )
        )
    return detected
