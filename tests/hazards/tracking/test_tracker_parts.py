"""An object detected in parts is one track; two objects side by side are two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.detection import Detection
from detector.hazards.tracking.tracker import BeltTracker
from tests.fakes import BATTERY, GAS, detections_of

VIEW_MM, LONG_VIEW_MM = 600.0, 1400.0
WHOLE_MM = 200.0
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in mm, before the belt moves."""


def tracks_of(
    boxes_at: Callable[[int], Sequence[tuple[Box, int]]], step_mm: float, view_mm: float = VIEW_MM
) -> dict[int, int]:
    """All tracks, and their classes, of boxes that move through the view with the belt."""
    extent_mm = (0.0, 0.0, 600.0, view_mm)
    tracker = BeltTracker(2, 5, extent_mm, whole_mm=WHOLE_MM)
    tracks: dict[int, int] = {}
    for number in range(int((view_mm + 800) / step_mm)):
        detections: list[Detection] = []
        for (x0, y0, x1, y1), kind in boxes_at(number):
            middle = (y0 + y1) / 2 - 650 + number * step_mm
            item = ((x0 + x1) / 2, middle, (x1 - x0, y1 - y0), kind)
            detections += detections_of([item], extent_mm)
        tracker.predict(Shift(0.0, step_mm, True))
        confirmed, left = tracker.update(detections, (0.0, view_mm), number, number)
        tracks |= {track.id: track.class_index for track in [*confirmed, *left]}
    return tracks


def shared(a: Box, b: Box) -> float:
    """The share of the smaller box that is inside the other."""
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return max(0.0, sides[0]) * max(0.0, sides[1]) / min(areas)


@st.composite
def long_object(draw: st.DrawFn) -> Box:
    """The box of an object that is longer than one inference window."""
    width, height = draw(st.floats(220, 540)), draw(st.floats(260, 560))
    x0, y0 = draw(st.floats(10, 590 - width)), draw(st.floats(0, 200))
    return x0, y0, x0 + width, y0 + height


@settings(max_examples=25)
@given(
    box=long_object(),
    part=st.floats(0.72, 0.9),
    step_mm=st.floats(60, 160),
    visible=st.lists(st.sampled_from(["head", "foot", "both"]), min_size=60, max_size=60),
)
def test_a_long_object_detected_in_two_parts_is_one_track(
    box: Box, part: float, step_mm: float, visible: list[str]
) -> None:
    x0, y0, x1, y1 = box
    width, height = part * (x1 - x0), part * (y1 - y0)
    head = (x0, y1 - height, x0 + width, y1)
    foot = (x1 - width, y0, x1, y0 + height)
    # Parts that look complete must share 0.6; boxes that overlap more are one in any tracker.
    assume(shared(head, foot) > 0.62)

    def parts(number: int) -> list[tuple[Box, int]]:
        ends = {"head": [head], "foot": [foot], "both": [head, foot]}[visible[number]]
        return [(end, GAS) for end in ends]

    assert len(tracks_of(parts, step_mm)) <= 1


@settings(max_examples=25)
@given(
    box=long_object(),
    across=st.floats(0, 1),
    ahead=st.floats(0.62, 1),
    step_mm=st.floats(50, 120),
)
def test_two_long_objects_detected_whole_together_are_two_tracks(
    box: Box, across: float, ahead: float, step_mm: float
) -> None:
    x0, y0, x1, y1 = box
    left, off_y = 5 + across * (590 - (x1 - x0)), ahead * (y1 - y0)
    other = (left, y0 + off_y, left + x1 - x0, y1 + off_y)
    assert shared(box, other) < 0.4
    both = [(box, GAS), (other, GAS)]
    assert len(tracks_of(lambda _: both, step_mm, LONG_VIEW_MM)) == 2


@settings(max_examples=25)
@given(
    size=st.tuples(st.floats(15, 90), st.floats(15, 90)),
    share=st.floats(0.5, 1.0),
    sideways=st.booleans(),
    step_mm=st.floats(30, 60),
)
def test_two_cells_with_overlapping_boxes_are_two_tracks(
    size: tuple[float, float], share: float, sideways: bool, step_mm: float
) -> None:
    width, height = size
    one = (200.0, 100.0, 200 + width, 100 + height)
    off_x, off_y = (share * width, 0.0) if sideways else (0.0, share * height)
    other = (one[0] + off_x, one[1] + off_y, one[2] + off_x, one[3] + off_y)
    assert len(tracks_of(lambda _: [(one, BATTERY), (other, BATTERY)], step_mm)) == 2


@settings(max_examples=25)
@given(
    box=long_object(),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    length_mm=st.floats(14, 90),
    kind=st.sampled_from([GAS, BATTERY]),
)
def test_a_small_object_in_the_box_of_a_long_one_is_its_own_track(
    box: Box, at: tuple[float, float], length_mm: float, kind: int
) -> None:
    x0, y0, x1, y1 = box
    x, y = x0 + at[0] * (x1 - x0 - length_mm), y0 + at[1] * (y1 - y0 - length_mm)
    small = (x, y, x + length_mm, y + length_mm)
    assert len(tracks_of(lambda _: [(box, GAS), (small, kind)], 40)) == 2


@settings(max_examples=25)
@given(long_object(), st.floats(60, 160))
def test_a_long_object_that_flickers_between_classes_is_one_track(box: Box, step_mm: float) -> None:
    kinds = tracks_of(lambda number: [(box, BATTERY if number % 3 == 0 else GAS)], step_mm)
    assert len(kinds) <= 1
