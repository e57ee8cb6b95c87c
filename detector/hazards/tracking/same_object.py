"""Boxes of one inference pass that show one object: duplicates, and parts of a long object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detector.hazards.tracking.detection import Detection

# Two boxes of any class that overlap more are two detections of one object.
_SAME_OBJECT_IOU = 0.6
# An object longer than one inference window yields several partial boxes. Two boxes of a class are
# parts of one object if their union exceeds the window, if the shorter has at least this share of
# the longer's length, and if overlap / smaller area exceeds this share (a larger one if both look
# complete). On path-traced belts two objects across each other shared up to 0.44, parts 0.36 to 1.0
# (0.66 to 0.86 where both looked complete).
_PART_LENGTH, _PART_SHARED, _PART_SHARED_WHOLE = 0.5, 0.45, 0.6


def is_part(detection: Detection, others: Iterable[Detection], whole_mm: float) -> bool:
    """Whether a detection is part of a long object of which others are parts already.

    `whole_mm`: objects up to this length are seen whole.
    """
    return any(
        detection.class_index == other.class_index
        and _length_around(detection, other) > whole_mm
        and _are_parts(detection, other)
        for other in others
    )


def one_per_object(detections: Sequence[Detection]) -> list[Detection]:
    """Of detections that overlap, of any class, the one with the highest score."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda each: -each.score):
        if all(_iou(detection, other) < _SAME_OBJECT_IOU for other in kept):
            kept.append(detection)
    return kept


def _iou(a: Detection, b: Detection) -> float:
    """Intersection over union on the belt."""
    both = _shared(a, b)
    return both / (_area(a) + _area(b) - both) if both else 0.0


def _shared(a: Detection, b: Detection) -> float:
    """Intersection of both boxes on the belt, mm²."""
    across = min(a.x_mm + a.width_mm / 2, b.x_mm + b.width_mm / 2) - max(
        a.x_mm - a.width_mm / 2, b.x_mm - b.width_mm / 2
    )
    along = min(a.y_mm + a.height_mm / 2, b.y_mm + b.height_mm / 2) - max(
        a.y_mm - a.height_mm / 2, b.y_mm - b.height_mm / 2
    )
    return max(0.0, across) * max(0.0, along)


def _area(detection: Detection) -> float:
    return detection.width_mm * detection.height_mm


def _length_around(a: Detection, b: Detection) -> float:
    """The longer side of the box around both."""
    across = abs(a.x_mm - b.x_mm) + (a.width_mm + b.width_mm) / 2
    along = abs(a.y_mm - b.y_mm) + (a.height_mm + b.height_mm) / 2
    return max(across, along)


def _are_parts(a: Detection, b: Detection) -> bool:
    """Whether two boxes are placed like parts of one object, not a small object beside a long
    one."""
    shorter, longer = sorted(max(each.width_mm, each.height_mm) for each in (a, b))
    share = _PART_SHARED_WHOLE if a.whole and b.whole else _PART_SHARED
    return shorter >= _PART_LENGTH * longer and _shared(a, b) > share * min(_area(a), _area(b))
