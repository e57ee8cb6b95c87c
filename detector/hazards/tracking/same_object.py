"""Boxes of one look that show one thing: what is seen twice, and parts of what is long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detector.hazards.tracking.sighting import Sighting

# Two boxes of any class that overlap more are one thing seen twice.
_SAME_THING_IOU = 0.6
# Of a thing longer than looks see whole a model sees parts, each a box of its own. Two boxes of a
# class are parts of one thing if together they are longer than what is seen whole, if the shorter
# is so long in parts of the longer, and if they share so much of the smaller: more, where both seem
# whole. On path-traced belts two things that lie across each other shared up to 0.44 of it, parts
# 0.36 to 1.0 (0.66 to 0.86 where both seemed whole).
_PART_LENGTH, _PART_SHARED, _PART_SHARED_WHOLE = 0.5, 0.45, 0.6


def is_part(sighting: Sighting, others: Iterable[Sighting], whole_mm: float) -> bool:
    """Whether what is seen belongs to a long thing of which others are seen already.

    `whole_mm`: up to that length a thing is seen whole.
    """
    return any(
        sighting.class_index == other.class_index
        and _length_around(sighting, other) > whole_mm
        and _are_parts(sighting, other)
        for other in others
    )


def one_per_thing(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Of sightings that overlap, of whatever class, the surest."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda each: -each.score):
        if all(_overlap(sighting, other) < _SAME_THING_IOU for other in kept):
            kept.append(sighting)
    return kept


def _overlap(a: Sighting, b: Sighting) -> float:
    """Intersection over union on the belt."""
    both = _shared(a, b)
    return both / (_area(a) + _area(b) - both) if both else 0.0


def _shared(a: Sighting, b: Sighting) -> float:
    """The belt that both boxes cover, mm²."""
    across = min(a.x_mm + a.width_mm / 2, b.x_mm + b.width_mm / 2) - max(
        a.x_mm - a.width_mm / 2, b.x_mm - b.width_mm / 2
    )
    along = min(a.y_mm + a.height_mm / 2, b.y_mm + b.height_mm / 2) - max(
        a.y_mm - a.height_mm / 2, b.y_mm - b.height_mm / 2
    )
    return max(0.0, across) * max(0.0, along)


def _area(sighting: Sighting) -> float:
    return sighting.width_mm * sighting.height_mm


def _length_around(a: Sighting, b: Sighting) -> float:
    """The longer side of the box around both."""
    across = abs(a.x_mm - b.x_mm) + (a.width_mm + b.width_mm) / 2
    along = abs(a.y_mm - b.y_mm) + (a.height_mm + b.height_mm) / 2
    return max(across, along)


def _are_parts(a: Sighting, b: Sighting) -> bool:
    """Whether two boxes lie as parts of one thing do: no small thing beside a long one."""
    shorter, longer = sorted(max(each.width_mm, each.height_mm) for each in (a, b))
    least = _PART_SHARED_WHOLE if a.whole and b.whole else _PART_SHARED
    return shorter >= _PART_LENGTH * longer and _shared(a, b) > least * min(_area(a), _area(b))
