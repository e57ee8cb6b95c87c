from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.sighting import Sighting
from detector.hazards.tracking.tracker import BeltTracker, Track
from tests.fakes import BATTERY, GAS, seen_of, sighting

EXTENT = (0.0, 0.0, 600.0, 800.0)
WHOLE = (0.0, 800.0)
Thing = tuple[float, float, tuple[float, float], int]


class Watch:
    """A tracker with the confirmed tracks that it ever told."""

    def __init__(self, hits: int = 3, looks: int = 5) -> None:
        self.tracker = BeltTracker(hits, looks, EXTENT, whole_mm=200)
        self.told: dict[int, Track] = {}
        self.left: list[int] = []
        self.frame = 0

    def look(self, sightings: Sequence[Sighting], shift: Shift) -> list[Track]:
        self.tracker.carry(shift)
        tracks, left = self.tracker.follow(sightings, WHOLE, self.frame, self.frame)
        self.frame += 1
        self.told |= {track.id: track for track in [*tracks, *left]}
        self.left += [track.id for track in left]
        return tracks


def along(dy_mm: float) -> Shift:
    return Shift(0.0, dy_mm, True)


UNKNOWN = Shift(0.0, 0.0, False)


def carried(things: list[Thing], way_mm: float) -> list[Thing]:
    return [(x, y + way_mm, size, kind) for x, y, size, kind in things]


@settings(max_examples=60)
@given(
    step_mm=st.floats(1, 130),
    x_mm=st.floats(60, 540),
    size=st.tuples(st.floats(14, 120), st.floats(14, 120)),
    missed=st.sets(st.integers(0, 200)),
    speed_error=st.floats(-0.1, 0.1),
)
def test_an_object_that_the_belt_carries_is_one_track(
    step_mm: float, x_mm: float, size: tuple[float, float], missed: set[int], speed_error: float
) -> None:
    watch = Watch(hits=2, looks=5)
    way_mm, seen, missed_in_a_row = -100.0, 0, 0
    while way_mm < 1000:  # beyond the view by half of the longest, and a step
        sightings = seen_of([(x_mm, way_mm, size, BATTERY)], EXTENT)
        # A model misses now and then; twice running, where the belt's speed is wrong too.
        if watch.frame in missed and missed_in_a_row < 2:
            sightings, missed_in_a_row = [], missed_in_a_row + 1
        else:
            missed_in_a_row = 0
        seen += bool(sightings)
        watch.look(sightings, along(step_mm * (1 + speed_error)))
        way_mm += step_mm
    assert len(watch.told) <= 1
    if seen >= 5:
        assert watch.left == [1] or len(watch.left) == 1


@pytest.mark.parametrize("dropped", [0, 1, 3])
def test_frames_that_were_dropped_make_no_second_track(dropped: int) -> None:
    watch = Watch()
    step_mm = 15.0 * (1 + dropped)
    for n in range(int(800 / step_mm)):
        watch.look(seen_of([(300, n * step_mm, (50, 14), BATTERY)], EXTENT), along(step_mm))
    assert len(watch.told) == 1


@pytest.mark.parametrize("gap", [5, 12, 25])
def test_a_confirmed_object_that_is_missed_for_a_while_is_not_counted_twice(gap: int) -> None:
    watch = Watch()
    for n in range(40):
        hidden = 6 <= n < 6 + gap
        things: list[Thing] = [] if hidden else [(300, 20 + n * 18, (50, 14), BATTERY)]
        watch.look(seen_of(things, EXTENT), along(18))
    assert list(watch.told) == [1]


@settings(max_examples=30)
@given(step_mm=st.floats(2, 90), apart_mm=st.floats(32, 80), sideways=st.booleans())
def test_two_neighbours_keep_their_identities(
    step_mm: float, apart_mm: float, sideways: bool
) -> None:
    watch = Watch()
    things: list[Thing] = [
        (200, 100, (30, 30), BATTERY),
        (200 + apart_mm, 100, (30, 30), GAS) if sideways else (200, 100 + apart_mm, (30, 30), GAS),
    ]
    for n in range(7):
        for track in watch.look(seen_of(carried(things, n * step_mm), EXTENT), along(step_mm)):
            assert len(track.votes) == 1
    assert sorted(track.class_index for track in watch.told.values()) == [GAS, BATTERY]


@settings(max_examples=80)
@given(st.integers(1, 5), st.integers(0, 4), st.lists(st.booleans(), min_size=1, max_size=20))
def test_an_object_is_confirmed_by_exactly_k_of_n_looks(
    hits: int, spare: int, seen: list[bool]
) -> None:
    looks = hits + spare
    watch = Watch(hits, looks)
    confirmed_at = None
    for number, is_seen in enumerate(seen):
        if watch.look([sighting(300, 300)] if is_seen else [], along(0)) and confirmed_at is None:
            confirmed_at = number
    expected = next(
        (
            number
            for number in range(len(seen))
            if sum(seen[max(0, number - looks + 1) : number + 1]) >= hits and seen[number]
        ),
        None,
    )
    assert confirmed_at == expected
    assert len(watch.told) <= 1


def test_ids_are_never_given_twice() -> None:
    watch = Watch(hits=1, looks=1)
    for n in range(60):
        watch.look(seen_of([(300, (n * 90) % 880, (40, 40), BATTERY)], EXTENT), along(90))
    assert len(watch.told) == len(set(watch.told)) > 4
    assert sorted(watch.left) == watch.left


def test_a_belt_that_stops_and_runs_back_keeps_its_objects() -> None:
    watch = Watch()
    y_mm = 100.0
    for step_mm in [40.0] * 8 + [0.0] * 20 + [-30.0] * 6 + [45.0] * 8:
        y_mm += step_mm
        watch.look(seen_of([(300, y_mm, (50, 20), GAS)], EXTENT), along(step_mm))
    assert list(watch.told) == [1]
    assert watch.left == []


def test_a_speed_that_is_a_fifth_off_is_made_up_for() -> None:
    watch = Watch()
    for n in range(20):
        watch.look(seen_of([(300, 50 + n * 36, (50, 50), GAS)], EXTENT), along(30))
    assert list(watch.told) == [1]


def test_without_a_known_shift_objects_are_followed_by_their_own_movement() -> None:
    watch = Watch()
    for n in range(18):
        things: list[Thing] = [(150, n * 45, (50, 50), GAS), (450, n * 45, (50, 50), BATTERY)]
        if n in {7, 11}:
            things = things[:1]
        watch.look(seen_of(things, EXTENT), UNKNOWN)
    assert len(watch.told) == 2


def test_a_shift_that_is_lost_and_found_again_keeps_the_objects() -> None:
    watch = Watch()
    for n in range(10):
        shift = UNKNOWN if 4 <= n < 7 else along(75)
        watch.look(seen_of([(300, 60 + n * 75, (20, 20), GAS)], EXTENT), shift)
    assert list(watch.told) == [1]


def test_what_was_lost_while_the_shift_was_unknown_claims_no_new_object() -> None:
    watch = Watch()
    for n in range(5):
        watch.look(seen_of([(300, 100 + n * 40, (50, 50), GAS)], EXTENT), along(40))
    watch.look([], UNKNOWN)
    watch.look([], along(40))
    assert watch.left == [1]
    for n in range(5):
        watch.look(seen_of([(300, 340 + n * 40, (50, 50), GAS)], EXTENT), along(40))
    assert list(watch.told) == [1, 2]


def test_a_thing_that_flickers_between_classes_is_one_track_with_one_name() -> None:
    watch = Watch()
    names = []
    for n in range(30):
        kind, score = (GAS, 0.6) if n % 2 else (BATTERY, 0.5)
        seen = [sighting(300, 20 + n * 25, class_index=kind, score=score)]
        names += [track.class_index for track in watch.look(seen, along(25))]
    assert list(watch.told) == [1]
    assert len(set(names)) == 1


def test_a_thing_taken_for_another_at_first_is_renamed() -> None:
    watch = Watch()
    for n in range(10):
        kind = BATTERY if n < 2 else GAS
        watch.look(seen_of([(300, 100 + n * 25, (60, 60), kind)], EXTENT), along(25))
    assert watch.told[1].class_index == GAS


def test_one_thing_seen_as_two_classes_at_once_is_one_track() -> None:
    watch = Watch()
    for n in range(6):
        both = [
            sighting(300, 100 + n * 30, class_index=GAS, score=0.7),
            sighting(302, 101 + n * 30, class_index=BATTERY, score=0.5),
        ]
        watch.look(both, along(30))
    assert list(watch.told) == [1]


def test_the_size_is_the_middle_one_of_whole_sightings() -> None:
    watch = Watch()
    for n, size in enumerate([(20, 50), (21, 52), (300, 400), (20, 51), (19, 50)]):
        watch.look([sighting(300, 100 + n * 20, size_mm=size)], along(20))
    width_mm, height_mm = watch.told[1].size_mm or (0, 0)
    assert (width_mm, height_mm) == (20, 51)


def test_what_is_cut_by_the_edge_is_no_measure_of_size() -> None:
    watch = Watch(hits=1, looks=1)
    for n in range(4):
        watch.look([sighting(300, 20, size_mm=(40, 10 + n), whole=False)], along(0))
    assert watch.told[1].size_mm is None


@given(st.integers(0, 50))
def test_memory_stays_bounded_however_much_is_seen(seed: int) -> None:
    import random

    chance = random.Random(seed)
    tracker = BeltTracker(3, 5, EXTENT, whole_mm=200)
    for n in range(150):
        sightings = [
            sighting(chance.uniform(0, 600), chance.uniform(0, 800), score=chance.random())
            for _ in range(6)
        ]
        tracker.carry(along(60))
        tracker.follow(sightings, WHOLE, n, n)
        # The belt takes 14 looks through the view: what it has carried out is forgotten.
        assert len(tracker._tracks) <= 6 * 14 + 6


@pytest.mark.parametrize("speed_error", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("start_mm", range(-50, 40, 10))
def test_a_long_thing_that_comes_and_leaves_in_pieces_is_one_from_its_first_look(
    speed_error: float, start_mm: int
) -> None:
    watch = Watch(hits=1, looks=3)
    for n in range(12):
        things: list[Thing] = [(300, start_mm + n * 90, (20, 100), GAS)]
        watch.look(seen_of(things, EXTENT), along(90 * (1 + speed_error)))
    assert list(watch.told) == [1]
