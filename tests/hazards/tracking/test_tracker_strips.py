"""The tracker with passes over strips of the view, not on every frame."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.detection import Detection
from detector.hazards.tracking.tracker import BeltTracker
from tests.fakes import BATTERY, GAS, belt_detection, detections_of

EXTENT = (0.0, 0.0, 600.0, 800.0)


def along(dy_mm: float) -> Shift:
    return Shift(0.0, dy_mm, True)


def in_strip(detections: list[Detection], to_mm: float) -> list[Detection]:
    """The same detections in a strip from the upstream end to `to_mm`."""
    detected = []
    for each in detections:
        low, high = each.y_mm - each.height_mm / 2, each.y_mm + each.height_mm / 2
        if low >= to_mm:
            continue
        if high > to_mm:
            middle, length = (low + to_mm) / 2, to_mm - low
            each = replace(each, y_mm=middle, height_mm=length, whole=False, cut=True)  # noqa: PLW2901
        detected.append(each)
    return detected


@settings(max_examples=60)
@given(
    steps=st.lists(st.floats(0, 40), min_size=60, max_size=100),
    every=st.integers(1, 4),
    to_mm=st.sampled_from([300.0, 450.0, 800.0]),
    length_mm=st.floats(30, 150),
)
def test_an_object_is_one_track_whichever_strip_a_pass_covers(
    steps: list[float], every: int, to_mm: float, length_mm: float
) -> None:
    tracker = BeltTracker(2, 5, EXTENT, whole_mm=200)
    ids: set[int] = set()
    y_mm = -200.0
    for number, step_mm in enumerate(steps):
        y_mm += step_mm
        tracker.predict(along(step_mm))
        if number % every:
            continue
        objects = [(300.0, y_mm, (40.0, length_mm), BATTERY)]
        detected = in_strip(detections_of(objects, EXTENT), to_mm)
        tracks, left = tracker.update(detected, (0.0, to_mm), number, number)
        ids |= {track.id for track in [*tracks, *left]}
    assert len(ids) <= 1


def test_an_object_outside_the_strip_of_a_pass_is_not_a_miss() -> None:
    tracker = BeltTracker(1, 3, EXTENT, whole_mm=200)
    tracker.predict(along(0))
    tracker.update([belt_detection(300, 600)], (0.0, 800.0), 0, 0)
    for number in range(1, 20):
        tracker.predict(along(1))
        (track,), left = tracker.update([], (0.0, 300.0), number, number)
        assert (track.passes, track.hits, left) == (1, 1, [])
    assert track.y_mm == pytest.approx(619)


@pytest.mark.parametrize(("length_mm", "stopped"), [(260.0, False), (60.0, True)])
def test_an_unconfirmed_object_that_is_long_or_at_rest_needs_a_pass_that_covers_it(
    length_mm: float, stopped: bool
) -> None:
    tracker = BeltTracker(2, 3, EXTENT, whole_mm=200)
    assert tracker.needs_pass_to_mm(stopped=stopped) is None
    for number in range(2):
        tracker.predict(along(20))
        objects = [(300.0, 300.0 + 20 * number, (40.0, length_mm), GAS)]
        tracker.update(detections_of(objects, EXTENT), (0.0, 800.0), number, number)
        needed_mm = tracker.needs_pass_to_mm(stopped=stopped)
        if number == 0:
            assert needed_mm is not None
            assert 300 + length_mm / 2 <= needed_mm <= 800
    assert needed_mm is None


def test_a_short_object_on_a_running_belt_needs_no_pass_beside_those_that_are_due() -> None:
    tracker = BeltTracker(2, 3, EXTENT, whole_mm=200)
    tracker.predict(along(20))
    tracker.update([belt_detection(300, 300)], (0.0, 800.0), 0, 0)
    assert tracker.needs_pass_to_mm() is None
    # Nor does the end of it that the next strip shows.
    tracker.predict(along(20))
    part = in_strip(detections_of([(300, 320, (40, 60), BATTERY)], EXTENT), 310)
    tracker.update(part, (0.0, 310.0), 1, 1)
    assert tracker.needs_pass_to_mm() is None


def test_a_part_of_a_long_object_is_no_track_and_requests_a_pass_over_the_view() -> None:
    tracker = BeltTracker(1, 3, EXTENT, whole_mm=200)
    long: list[tuple[float, float, tuple[float, float], int]] = [(300, 300, (60, 500), GAS)]
    tracker.predict(along(0))
    tracks, _ = tracker.update(in_strip(detections_of(long, EXTENT), 300), (0.0, 300.0), 0, 0)
    assert tracks == []
    assert tracker.needs_pass_to_mm() == 800
    tracker.predict(along(0))
    (track,), _ = tracker.update(detections_of(long, EXTENT), (0.0, 800.0), 1, 1)
    assert track.size_mm == (60, 500)
    # Once it is confirmed, its part in the next strip needs no further pass.
    tracker.predict(along(0))
    tracker.update(in_strip(detections_of(long, EXTENT), 300), (0.0, 300.0), 2, 2)
    assert tracker.needs_pass_to_mm() is None


@pytest.mark.parametrize("rolls_mm", [-6.0, -3.0, 4.0, 8.0])
def test_an_object_that_rolls_with_or_against_the_belt_is_one_track(rolls_mm: float) -> None:
    tracker = BeltTracker(2, 5, EXTENT, whole_mm=200)
    ids, y_mm = set(), 60.0
    for number in range(30):
        tracker.predict(along(16))
        y_mm += 16 + rolls_mm
        if number % 2:
            continue
        detected = detections_of([(300, y_mm, (50, 50), GAS)], EXTENT)
        tracks, left = tracker.update(detected, (0.0, 800.0), number, number)
        ids |= {track.id for track in [*tracks, *left]}
    assert ids == {1}
