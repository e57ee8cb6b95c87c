"""The tracker where only a part of the view is looked at, and not in every frame."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.sighting import Sighting
from detector.hazards.tracking.tracker import BeltTracker
from tests.fakes import BATTERY, GAS, seen_of, sighting

EXTENT = (0.0, 0.0, 600.0, 800.0)


def along(dy_mm: float) -> Shift:
    return Shift(0.0, dy_mm, True)


def in_strip(sightings: list[Sighting], to_mm: float) -> list[Sighting]:
    """What a look from the upstream end to there sees of them."""
    seen = []
    for each in sightings:
        low, high = each.y_mm - each.height_mm / 2, each.y_mm + each.height_mm / 2
        if low >= to_mm:
            continue
        if high > to_mm:
            middle, length = (low + to_mm) / 2, to_mm - low
            each = replace(each, y_mm=middle, height_mm=length, whole=False, cut=True)  # noqa: PLW2901
        seen.append(each)
    return seen


@settings(max_examples=60)
@given(
    steps=st.lists(st.floats(0, 40), min_size=60, max_size=100),
    every=st.integers(1, 4),
    to_mm=st.sampled_from([300.0, 450.0, 800.0]),
    length_mm=st.floats(30, 150),
)
def test_a_thing_is_one_track_whatever_part_of_the_belt_is_looked_at(
    steps: list[float], every: int, to_mm: float, length_mm: float
) -> None:
    tracker = BeltTracker(2, 5, EXTENT, whole_mm=200)
    told: set[int] = set()
    y_mm = -200.0
    for number, step_mm in enumerate(steps):
        y_mm += step_mm
        tracker.carry(along(step_mm))
        if number % every:
            continue
        things = [(300.0, y_mm, (40.0, length_mm), BATTERY)]
        seen = in_strip(seen_of(things, EXTENT), to_mm)
        tracks, left = tracker.follow(seen, (0.0, to_mm), number, number)
        told |= {track.id for track in [*tracks, *left]}
    assert len(told) <= 1


def test_what_lies_outside_of_a_look_was_not_missed_by_it() -> None:
    tracker = BeltTracker(1, 3, EXTENT, whole_mm=200)
    tracker.carry(along(0))
    tracker.follow([sighting(300, 600)], (0.0, 800.0), 0, 0)
    for number in range(1, 20):
        tracker.carry(along(1))
        (track,), left = tracker.follow([], (0.0, 300.0), number, number)
        assert (track.looks, track.hits, left) == (1, 1, [])
    assert track.y_mm == pytest.approx(619)


def test_a_doubtful_thing_asks_for_a_look_that_takes_it_in_and_a_sure_one_for_none() -> None:
    tracker = BeltTracker(2, 3, EXTENT, whole_mm=200)
    assert tracker.wants_look_to_mm is None
    for number in range(2):
        tracker.carry(along(20))
        tracker.follow([sighting(300, 300 + 20 * number)], (0.0, 800.0), number, number)
        wanted = tracker.wants_look_to_mm
        if number == 0:
            assert wanted is not None
            assert 330 <= wanted <= 800
    assert wanted is None


def test_a_part_of_something_long_asks_for_the_whole_view_and_is_no_track_of_its_own() -> None:
    tracker = BeltTracker(1, 3, EXTENT, whole_mm=200)
    long: list[tuple[float, float, tuple[float, float], int]] = [(300, 300, (60, 500), GAS)]
    tracker.carry(along(0))
    tracks, _ = tracker.follow(in_strip(seen_of(long, EXTENT), 300), (0.0, 300.0), 0, 0)
    assert tracks == []
    assert tracker.wants_look_to_mm == 800
    tracker.carry(along(0))
    (track,), _ = tracker.follow(seen_of(long, EXTENT), (0.0, 800.0), 1, 1)
    assert track.size_mm == (60, 500)
    # Now it is known, and its part in the next strip asks for nothing more.
    tracker.carry(along(0))
    tracker.follow(in_strip(seen_of(long, EXTENT), 300), (0.0, 300.0), 2, 2)
    assert tracker.wants_look_to_mm is None


@pytest.mark.parametrize("rolls_mm", [-6.0, -3.0, 4.0, 8.0])
def test_a_thing_that_rolls_against_or_with_the_belt_is_one_track(rolls_mm: float) -> None:
    tracker = BeltTracker(2, 5, EXTENT, whole_mm=200)
    told, y_mm = set(), 60.0
    for number in range(30):
        tracker.carry(along(16))
        y_mm += 16 + rolls_mm
        if number % 2:
            continue
        seen = seen_of([(300, y_mm, (50, 50), GAS)], EXTENT)
        tracks, left = tracker.follow(seen, (0.0, 800.0), number, number)
        told |= {track.id for track in [*tracks, *left]}
    assert told == {1}
