"""Contact sheets of the worst misses and the worst false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy.detections_file import RecordedFootage
from benchmarks.accuracy.ground_truth import Box, iou
from benchmarks.accuracy.matching import FalseAlarm
from benchmarks.accuracy.passages import LineGroundTruth, Passage
from fleet.contact_sheet import COLOUR, WHITE, Image, masked, tile, write_sheet

if TYPE_CHECKING:
    from benchmarks.accuracy.case import Case

MOST = 24
"""Tiles on a sheet."""
_MISSED = (90, 220, 90)


def draw(cases: Sequence[Case], out: Path) -> list[str]:
    """Write the sheets that are not empty; returns their names."""
    misses = [
        (case, event.passage)
        for case in cases
        for event in case.evaluation.counted()
        if event.found is None
    ]
    # Worst first: the most visible, and among these the longest.
    misses.sort(key=lambda each: (-round(each[1].visible, 1), -each[1].length_mm))
    false = [
        (case, alarm)
        for case in cases
        for alarm in case.evaluation.false_alarms
        if alarm.box_px is not None
    ]
    false.sort(key=lambda each: -(each[1].probability or 0.0))
    sheets = {
        "misses.png": [_miss(case, passage) for case, passage in misses[:MOST]],
        "false_alarms.png": [_false_alarm(case, alarm) for case, alarm in false[:MOST]],
    }
    for name, wanted in sheets.items():
        (out / name).unlink(missing_ok=True)
        write_sheet(_tiles(wanted), out / name)
    return [name for name, wanted in sheets.items() if wanted]


@dataclass(frozen=True)
class _Wanted:
    """One tile before its image is read."""

    case: Case
    frame: int
    box_px: Sequence[float]
    captions: Sequence[str]
    colour: tuple[int, int, int]


def _tiles(wanted: Sequence[_Wanted]) -> list[Image]:
    """Every tile in order; each piece of footage is read once."""
    tiles: dict[int, Image] = {}
    for case in {id(each.case): each.case for each in wanted}.values():
        mine = [number for number, each in enumerate(wanted) if each.case is case]
        frames = sorted({wanted[number].frame for number in mine})
        polygon_px = case.recorded.profile.belt.polygon_px
        for frame, image in zip(frames, case.footage.images(frames), strict=True):
            shown = masked(image, polygon_px)
            for number in mine:
                each = wanted[number]
                if each.frame == frame:
                    tiles[number] = tile(shown, each.box_px, each.captions, each.colour)
    return [tiles[number] for number in range(len(wanted))]


def best_score(
    recorded: RecordedFootage, ground: LineGroundTruth, passage: Passage
) -> tuple[str | None, float]:
    """Class and score of the best detection on a hazard; one of the right class comes first."""
    detections = recorded.detections
    ends = np.concatenate(([0], np.cumsum(detections.counts)))
    best: tuple[bool, float, int] | None = None
    names = [known for known, _ in _classes(recorded)]
    passes = ~np.isnan(detections.strips[:, 0])
    tops_px = detections.strips[passes, 0].tolist()
    for at, frame in enumerate(detections.indices[passes].tolist()):
        true_mm = passage.boxes_mm.get(frame)
        if true_mm is None:
            continue
        for row in range(int(ends[at]), int(ends[at + 1])):
            box_px = detections.boxes_px[row].astype(np.float64).reshape(2, 2)
            box_px[:, 1] += tops_px[at]
            (x0, y1), (x1, y0) = ground.view.view_to_belt(box_px).tolist()
            if iou((x0, y0, x1, y1), true_mm) < 0.3:
                continue
            label = int(detections.classes[row])
            rank = (names[label] == passage.class_name, float(detections.scores[row]), label)
            best = rank if best is None else max(best, rank)
    return (None, 0.0) if best is None else (names[best[2]], best[1])


def _classes(recorded: RecordedFootage) -> Iterable[tuple[str, float]]:
    classes: dict[str, float] = recorded.about["classes"]
    return classes.items()


def _miss(case: Case, passage: Passage) -> _Wanted:
    """The frame that shows most of the hazard, its true box, and the best detection on it."""
    boxes = passage.boxes_mm
    passes = [frame for frame in case.footage.evaluated if frame in boxes] or list(boxes)
    most = max(_area(boxes[each]) for each in passes)
    whole = [each for each in passes if _area(boxes[each]) > 0.98 * most]
    frame = whole[len(whole) // 2]
    called, score = best_score(case.recorded, case.ground, passage)
    hint = "not detected" if called is None else f"best score: {_short(called)} {score:.2f}"
    record = next(
        each for each in case.ground.truth.frames[frame]["objects"] if each["id"] == passage.id
    )
    return _Wanted(
        case,
        frame,
        record["box_px"],
        [
            passage.kind,
            f"{passage.length_mm:.0f} mm, {passage.visible:.0%} visible",
            hint,
            _where(case, frame),
        ],
        _MISSED,
    )


def _false_alarm(case: Case, alarm: FalseAlarm) -> _Wanted:
    assert alarm.box_px is not None
    return _Wanted(
        case,
        alarm.frame,
        alarm.box_px,
        [
            f"{alarm.hazard.value} {alarm.probability or 0.0:.2f}",
            f"on {alarm.under}",
            alarm.event_id,
            _where(case, alarm.frame),
        ],
        COLOUR.get(alarm.hazard.value, WHITE),
    )


def _where(case: Case, frame: int) -> str:
    return f"{case.footage.name[:18]} {frame / case.footage.truth.fps:.1f} s"


def _short(name: str) -> str:
    return name.removesuffix("_canister")


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
