"""Each hazard's passage through the belt in view, in the line's own millimetres."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.ground_truth import Box, GroundTruth
from detector.belt.line_plane import line_plane
from detector.profile.line import LineProfile
from detector.vision.belt_view import Rectifier

# A box whose cut side is this near to its own side is completely in view.
_EDGE_MM = 2.0


@dataclass(slots=True)
class Passage:
    """One hazard, from the first frame that shows it in the belt view to the last."""

    id: int
    kind: str
    class_name: str
    length_mm: float
    height_mm: float | None = None
    """Height of its top above the belt, at its highest; None: not in the truth."""
    visible: float = 0.0
    """Its largest visible share while it was in view, 0 to 1."""
    boxes_mm: dict[int, Box] = field(default_factory=dict)
    """Frame to its box, cut to the belt in view."""
    centres_mm: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Frame to its centre, in view or not: x across, y along."""
    whole_frame: int | None = None
    """First frame with all of it in view; if it never is, the first with some of it."""
    leading_mm: float = 0.0
    """Distance from its centre to its downstream end."""

    @property
    def first_frame(self) -> int:
        return min(self.boxes_mm)


class LineGroundTruth:
    """The ground truth in the belt coordinates of a line's profile."""

    def __init__(self, truth: GroundTruth, profile: LineProfile) -> None:
        """Raises `CalibrationError` for a calibration edited by hand, or without a plane."""
        self.truth = truth
        self.profile = profile
        self._plane = line_plane(profile, None)
        width, height = truth.header["size_px"]
        self.view = Rectifier(self._plane, (width, height), profile.view.mm_per_px, 32)
        self.extent_mm = self.view.extent_mm
        self._to_truth = truth.image_to_belt()
        self._objects = truth.objects()
        self._by_position = sorted(self._objects.values(), key=lambda record: record["at_mm"])
        self._placed_mm = np.array([record["at_mm"] for record in self._by_position], np.float64)
        self._longest_mm = max((_reach_mm(record) for record in self._by_position), default=0.0)
        self._positions_mm = truth.positions_mm
        self.passages = self._all_passages()
        self._in_view: dict[int, list[Passage]] = defaultdict(list)
        for passage in self.passages.values():
            for frame in passage.boxes_mm:
                self._in_view[frame].append(passage)

    @cached_property
    def harmless(self) -> Counter[str]:
        """Number of harmless objects of each kind that passed through the view, open or buried."""
        _, upstream_mm, _, downstream_mm = self.extent_mm
        first, last = self._positions_mm[0] - downstream_mm, self._positions_mm[-1] - upstream_mm
        return Counter(
            record["kind"]
            for record in self._by_position[slice(*np.searchsorted(self._placed_mm, (first, last)))]
            if record["class"] is None
        )

    def in_view(self, frame: int) -> list[Passage]:
        """The hazards that are at least partly in the belt view at a frame."""
        return self._in_view.get(frame, [])

    def box_on_belt(self, box_px: tuple[float, ...]) -> Box:
        """The bounding box of an image box, x0, y0, x1, y1 in belt mm."""
        x0, y0, x1, y1 = box_px
        corners = self._plane.to_belt(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
        (left, upstream), (right, downstream) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(upstream), float(right), float(downstream)

    def to_line_mm(self, truth_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, 2)` float64: the truth's belt mm to the line's belt mm."""
        image = cv2.perspectiveTransform(truth_mm[None], np.linalg.inv(self._to_truth))[0]
        return self._plane.to_belt(np.asarray(image, np.float64))

    def to_truth_mm(self, image_px: tuple[float, float]) -> tuple[float, float]:
        """Image px to the truth's belt mm."""
        x, y = cv2.perspectiveTransform(np.array([[image_px]], np.float64), self._to_truth)[0, 0]
        return float(x), float(y)

    def beside_mm(self, image_px: tuple[float, float], frame: int, key: int) -> float | None:
        """How far an image point is inside an object's outline, mm; negative: outside.

        None: no outline, or the object is not in the frame.
        """
        outline = self._objects.get(key, {}).get("outline_mm")
        record = self._record(frame, key)
        if outline is None or record is None:
            return None
        x, y = self.to_truth_mm(image_px)
        placed = self._objects[key]
        # The record has its current position, also if it has moved on the belt since it was placed.
        place = (placed["at_mm"] + record["y_mm"] - y, x - record["x_mm"] + placed["x_mm"])
        contour = np.array(outline, np.float32).reshape(-1, 1, 2)
        return float(cv2.pointPolygonTest(contour, place, True))

    def under(self, image_px: tuple[float, float], frame: int) -> str:
        """Kind of the object at an image point, or `bare belt`, for a caption."""
        x, y = self.to_truth_mm(image_px)
        best, nearest = "bare belt", 1.0
        at_mm = self._positions_mm[frame] - y
        near = at_mm - self._longest_mm, at_mm + self._longest_mm
        for record in self._by_position[slice(*np.searchsorted(self._placed_mm, near))]:
            along = record["at_mm"] - at_mm
            away = float(np.hypot(along, x - record["x_mm"])) / _reach_mm(record)
            if away < nearest:
                best, nearest = record["kind"], away
        return best

    def time_at_s(self, passage: Passage, y_mm: float) -> float | None:
        """When the object's downstream end reaches `y_mm`; after the footage, at its last speed.

        None: the belt never gets there.
        """
        frame, (_, middle_mm) = next(reversed(passage.centres_mm.items()))
        wanted = self._positions_mm[frame] + y_mm - (middle_mm + passage.leading_mm)
        last = float(self._positions_mm[-1])
        if wanted <= last:
            at = int(np.searchsorted(self._positions_mm, wanted))
            if at == 0:
                return 0.0
            before, after = self._positions_mm[at - 1 : at + 1]
            share = (wanted - before) / (after - before) if after > before else 0.0
            return float((at - 1 + share) / self.truth.fps)
        speed = float(self.truth.header["speed_mm_s"])
        if speed <= 0:
            return None
        return float((len(self._positions_mm) - 1) / self.truth.fps + (wanted - last) / speed)

    def _record(self, frame: int, key: int) -> dict[str, Any] | None:
        objects = self.truth.frames[frame]["objects"]
        return next((each for each in objects if each["id"] == key), None)

    def _all_passages(self) -> dict[int, Passage]:
        frames: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for number, frame in enumerate(self.truth.frames):
            for record in frame["objects"]:
                if record["class"] is not None:
                    frames[record["id"]].append((number, record))
        made = {key: self._passage(key, records) for key, records in frames.items()}
        return {key: passage for key, passage in made.items() if passage.boxes_mm}

    def _passage(self, key: int, records: list[tuple[int, dict[str, Any]]]) -> Passage:
        placed, first = self._objects.get(key, {}), records[0][1]
        passage = Passage(key, first["kind"], first["class"], placed.get("length_mm", 0.0))
        heights_mm = [record["height_mm"] for _, record in records if "height_mm" in record]
        passage.height_mm = max(heights_mm, default=placed.get("height_mm"))
        middles = self.to_line_mm(
            np.array([(record["x_mm"], record["y_mm"]) for _, record in records], np.float64)
        )
        x0, y0, x1, y1 = self.extent_mm
        for (frame, record), (x_mm, y_mm) in zip(records, middles.tolist(), strict=True):
            passage.centres_mm[frame] = (x_mm, y_mm)
            left, upstream, right, downstream = whole = self.box_on_belt(record["box_px"])
            cut = (max(left, x0), max(upstream, y0), min(right, x1), min(downstream, y1))
            if cut[2] - cut[0] <= 0 or cut[3] - cut[1] <= 0:
                continue
            passage.boxes_mm[frame] = cut
            passage.visible = max(passage.visible, record["visible"])
            if passage.whole_frame is None and np.abs(np.subtract(whole, cut)).max() <= _EDGE_MM:
                passage.whole_frame = frame
        if passage.boxes_mm and passage.whole_frame is None:
            passage.whole_frame = passage.first_frame
        outline = placed.get("outline_mm")
        half = (
            max(box[3] - box[1] for box in passage.boxes_mm.values()) / 2
            if passage.boxes_mm
            else 0.0
        )
        passage.leading_mm = (
            half if outline is None else placed["at_mm"] - min(place[0] for place in outline)
        )
        passage.length_mm = passage.length_mm or 2 * half
        return passage


def _reach_mm(record: dict[str, Any]) -> float:
    """Distance from an object's centre to its ends."""
    return float(max(record["length_mm"], record["width_mm"], 2.0)) / 2
