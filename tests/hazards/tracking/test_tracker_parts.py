"""One physical object is one track, however a model sees it; two that lie side by side are two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.sighting import Sighting
from detector.hazards.tracking.tracker import BeltTracker
from tests.fakes import BATTERY, GAS, seen_of

VIEW_MM, LONG_VIEW_MM = 600.0, 1400.0
WHOLE_MM = 200.0
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 mm, where the belt has not moved yet."""


def told(
    seen_at: Callable[[int], Sequence[tuple[Box, int]]], step_mm: float, view_mm: float = VIEW_MM
) -> dict[int, int]:
    """Every track that was ever told, and its class, of boxes that ride through the view."""
    extent_mm = (0.0, 0.0, 600.0, view_mm)
    tracker = BeltTracker(2, 5, extent_mm, whole_mm=WHOLE_MM)
    tracks: dict[int, int] = {}
    for number in range(int((view_mm + 800) / step_mm)):
        seen: list[Sighting] = []
        for (x0, y0, x1, y1), kind in seen_at(number):
            middle = (y0 + y1) / 2 - 650 + number * step_mm
            thing = ((x0 + x1) / 2, middle, (x1 - x0, y1 - y0), kind)
            seen += seen_of([thing], extent_mm)
        tracker.carry(Shift(0.0, step_mm, True))
        confirmed, left = tracker.follow(seen, (0.0, view_mm), number, number)
        tracks |= {track.id: track.class_index for track in [*confirmed, *left]}
    return tracks


def shared(a: Box, b: Box) -> float:
    """Of the smaller box, how much lies in the other."""
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return max(0.0, sides[0]) * max(0.0, sides[1]) / min(areas)


@st.composite
def lying_askew(draw: st.DrawFn) -> Box:
    """The box of something that is longer than looks see whole."""
    width, height = draw(st.floats(220, 540)), draw(st.floats(260, 560))
    x0, y0 = draw(st.floats(10, 590 - width)), draw(st.floats(0, 200))
    return x0, y0, x0 + width, y0 + height


@settings(max_examples=25)
@given(
    thing=lying_askew(),
    part=st.floats(0.72, 0.9),
    step_mm=st.floats(60, 160),
    seen=st.lists(st.sampled_from(["head", "foot", "both"]), min_size=60, max_size=60),
)
def test_a_long_thing_seen_in_two_parts_is_one_track(
    thing: Box, part: float, step_mm: float, seen: list[str]
) -> None:
    x0, y0, x1, y1 = thing
    width, height = part * (x1 - x0), part * (y1 - y0)
    head = (x0, y1 - height, x0 + width, y1)
    foot = (x1 - width, y0, x1, y0 + height)
    # Boxes that overlap more are one to any tracker; parts that seem whole must share 0.6.
    assume(shared(head, foot) > 0.62)

    def parts(number: int) -> list[tuple[Box, int]]:
        ends = {"head": [head], "foot": [foot], "both": [head, foot]}[seen[number]]
        return [(end, GAS) for end in ends]

    assert len(told(parts, step_mm)) <= 1


@settings(max_examples=25)
@given(
    thing=lying_askew(),
    across=st.floats(0, 1),
    ahead=st.floats(0.62, 1),
    step_mm=st.floats(50, 120),
)
def test_two_long_things_that_are_seen_whole_together_remain_two(
    thing: Box, across: float, ahead: float, step_mm: float
) -> None:
    x0, y0, x1, y1 = thing
    left, off_y = 5 + across * (590 - (x1 - x0)), ahead * (y1 - y0)
    other = (left, y0 + off_y, left + x1 - x0, y1 + off_y)
    assert shared(thing, other) < 0.4
    seen = [(thing, GAS), (other, GAS)]
    assert len(told(lambda _: seen, step_mm, LONG_VIEW_MM)) == 2


@settings(max_examples=25)
@given(
    size=st.tuples(st.floats(15, 90), st.floats(15, 90)),
    share=st.floats(0.5, 1.0),
    sideways=st.booleans(),
    step_mm=st.floats(30, 60),
)
def test_two_cells_whose_boxes_overlap_remain_two(
    size: tuple[float, float], share: float, sideways: bool, step_mm: float
) -> None:
    width, height = size
    one = (200.0, 100.0, 200 + width, 100 + height)
    off_x, off_y = (share * width, 0.0) if sideways else (0.0, share * height)
    other = (one[0] + off_x, one[1] + off_y, one[2] + off_x, one[3] + off_y)
    assert len(told(lambda _: [(one, BATTERY), (other, BATTERY)], step_mm)) == 2


@settings(max_examples=25)
@given(
    thing=lying_askew(),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    length_mm=st.floats(14, 90),
    kind=st.sampled_from([GAS, BATTERY]),
)
def test_a_small_thing_in_the_box_of_a_long_one_is_a_track_of_its_own(
    thing: Box, at: tuple[float, float], length_mm: float, kind: int
) -> None:
    x0, y0, x1, y1 = thing
    x, y = x0 + at[0] * (x1 - x0 - length_mm), y0 + at[1] * (y1 - y0 - length_mm)
    small = (x, y, x + length_mm, y + length_mm)
    assert len(told(lambda _: [(thing, GAS), (small, kind)], 40)) == 2


@settings(max_examples=25)
@given(lying_askew(), st.floats(60, 160))
def test_a_long_thing_in_parts_that_flicker_between_classes_keeps_one_name(
    thing: Box, step_mm: float
) -> None:
    kinds = told(lambda number: [(thing, BATTERY if number % 3 == 0 else GAS)], step_mm)
    assert len(kinds) <= 1
