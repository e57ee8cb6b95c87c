"""The ground truth of footage: the objects on the belt, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import VigitriError

SCHEMA = "vigitri-twin-truth/1"
VISIBLE_MIN = 0.5
"""An object counts if at least half of it was visible in some frame; a buried one is invisible."""
APART_MM = 1000.0
"""Two stretches of overload nearer than this are one: the monitor evaluates a metre of belt."""
STARTS_S = 1.0
"""Delay between the order to run and the belt's motion."""

Box = tuple[float, float, float, float]
State = Literal["overload", "jam", "belt_stopped"]


class GroundTruthError(VigitriError, ValueError):
    """A truth file that cannot be used; the message is one line."""


@dataclass(frozen=True)
class GroundTruth:
    """The header and one record per frame, as `twin/line/ground_truth.py` writes them.

    Unknown fields are ignored: the twin may add some.
    """

    header: dict[str, Any]
    frames: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> GroundTruth:
        """Read a truth file. Raises `GroundTruthError`."""
        try:
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except FileNotFoundError:
            raise GroundTruthError(
                f"{path}: no such file; footage needs its truth beside it"
            ) from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise GroundTruthError(
                f"{path}: not a truth file ({error}); render the footage again"
            ) from None
        return cls.of(records, str(path))

    @classmethod
    def of(cls, records: Iterable[dict[str, Any]], name: str) -> GroundTruth:
        """Make one from its records, the header first. Raises `GroundTruthError`."""
        first, *frames = records or [{}]
        if first.get("schema") != SCHEMA:
            raise GroundTruthError(f"{name}: schema {first.get('schema')!r}; expected {SCHEMA!r}")
        if not frames:
            raise GroundTruthError(f"{name}: contains no frame; render the footage again")
        return cls(first, frames)

    @property
    def fps(self) -> float:
        return float(self.header["fps"])

    @cached_property
    def positions_mm(self) -> NDArray[np.float64]:
        """`(frames,)` belt travel since the first frame's origin, at each frame."""
        return np.array([frame["belt_position_mm"] for frame in self.frames], np.float64)

    def running_s(self) -> float:
        """How long the belt ran; a stopped belt brings no objects."""
        return float(np.count_nonzero(np.diff(self.positions_mm) > 0)) / self.fps

    def image_to_belt(self) -> NDArray[np.float64]:
        """`(3, 3)` homography: image px to the truth's belt mm."""
        points = self.header["points"]
        return np.asarray(
            cv2.getPerspectiveTransform(
                np.array([each["image_px"] for each in points[:4]], np.float32),
                np.array([each["belt_mm"] for each in points[:4]], np.float32),
            ),
            np.float64,
        )

    def objects(self) -> dict[int, dict[str, Any]]:
        """All objects on the belt, harmless or not, by id."""
        return {record["id"]: record for record in self.header.get("objects", ())}

    def stretches(self, state: State) -> list[tuple[int, int]]:
        """First and last frame of each stretch of that state.

        A belt stopped by order does not count, nor one that was ordered to run within `STARTS_S`.
        """
        positions = self.positions_mm
        found: list[tuple[int, int]] = []
        for number, frame in enumerate(self.frames):
            if not frame.get(state) or (state == "belt_stopped" and not frame.get("run")):
                continue
            if found and positions[number] - positions[found[-1][1]] <= APART_MM:
                found[-1] = (found[-1][0], number)
            else:
                found.append((number, number))
        least = STARTS_S * self.fps if state == "belt_stopped" else 0
        return [(first, last) for first, last in found if last - first >= least]


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
