from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.hazards.tracking.detection import Detection
from detector.hazards.tracking.tracker import BeltTracker, Track
from tests.fakes import BATTERY, GAS, belt_detection, detections_of

EXTENT = (0.0, 0.0, 600.0, 800.0)
WHOLE = (0.0, 800.0)
Object = tuple[float, float, tuple[float, float], int]


class TrackedBelt:
    """A tracker, and all tracks that it has ever confirmed."""

    def __init__(self, hits: int = 3, passes: int = 5) -> None:
        self.tracker = BeltTracker(hits, passes, EXTENT, whole_mm=200)
        self.tracks: dict[int, Track] = {}
        self.left: list[int] = []
        self.frame = 0

    def run_pass(self, detections: Sequence[Detection], shift: Shift) -> list[Track]:
        self.tracker.predict(shift)
        tracks, left = self.tracker.update(detections, WHOLE, self.frame, self.frame)
        self.frame += 1
        self.tracks |= {track.id: track for track in [*tracks, *left]}
        self.left += [track.id for track in left]
        return tracks


def along(dy_mm: float) -> Shift:
    return Shift(0.0, dy_mm, True)


UNKNOWN = Shift(0.0, 0.0, False)


def moved(objects: list[Object], travel_mm: float) -> list[Object]:
    return [(x, y + travel_mm, size, kind) for x, y, size, kind in objects]


@settings(max_examples=60)
@given(
    step_mm=st.floats(1, 130),
    x_mm=st.floats(60, 540),
    size=st.tuples(st.floats(14, 120), st.floats(14, 120)),
    missed=st.sets(st.integers(0, 200)),
    speed_error=st.floats(-0.1, 0.1),
)
def test_an_object_that_moves_with_the_belt_is_one_track(
    step_mm: float, x_mm: float, size: tuple[float, float], missed: set[int], speed_error: float
) -> None:
    belt = TrackedBelt(hits=2, passes=5)
    travel_mm, hits, missed_in_a_row = -100.0, 0, 0
    while travel_mm < 1000:  # beyond the view by half of the longest, and a step
        detections = detections_of([(x_mm, travel_mm, size, BATTERY)], EXTENT)
        # A model misses now and then; twice running, where the belt's speed is wrong too.
        if belt.frame in missed and missed_in_a_row < 2:
            detections, missed_in_a_row = [], missed_in_a_row + 1
        else:
            missed_in_a_row = 0
        hits += bool(detections)
        belt.run_pass(detections, along(step_mm * (1 + speed_error)))
        travel_mm += step_mm
    assert len(belt.tracks) <= 1
    if hits >= 5:
        assert belt.left == [1] or len(belt.left) == 1


@pytest.mark.parametrize("dropped", [0, 1, 3])
def test_dropped_frames_start_no_second_track(dropped: int) -> None:
    belt = TrackedBelt()
    step_mm = 15.0 * (1 + dropped)
    for n in range(int(800 / step_mm)):
        belt.run_pass(
            detections_of([(300, n * step_mm, (50, 14), BATTERY)], EXTENT), along(step_mm)
        )
    assert len(belt.tracks) == 1


@pytest.mark.parametrize("gap", [5, 12, 25])
def test_a_confirmed_object_that_is_missed_for_a_while_is_not_counted_twice(gap: int) -> None:
    belt = TrackedBelt()
    for n in range(40):
        hidden = 6 <= n < 6 + gap
        objects: list[Object] = [] if hidden else [(300, 20 + n * 18, (50, 14), BATTERY)]
        belt.run_pass(detections_of(objects, EXTENT), along(18))
    assert list(belt.tracks) == [1]


@settings(max_examples=30)
@given(step_mm=st.floats(2, 90), apart_mm=st.floats(32, 80), sideways=st.booleans())
def test_two_neighbours_keep_their_identities(
    step_mm: float, apart_mm: float, sideways: bool
) -> None:
    belt = TrackedBelt()
    objects: list[Object] = [
        (200, 100, (30, 30), BATTERY),
        (200 + apart_mm, 100, (30, 30), GAS) if sideways else (200, 100 + apart_mm, (30, 30), GAS),
    ]
    for n in range(7):
        for track in belt.run_pass(
            detections_of(moved(objects, n * step_mm), EXTENT), along(step_mm)
        ):
            assert len(track.votes) == 1
    assert sorted(track.class_index for track in belt.tracks.values()) == [GAS, BATTERY]


@settings(max_examples=80)
@given(st.integers(1, 5), st.integers(0, 4), st.lists(st.booleans(), min_size=1, max_size=20))
def test_an_object_is_confirmed_by_exactly_k_of_n_passes(
    hits: int, spare: int, detected: list[bool]
) -> None:
    passes = hits + spare
    belt = TrackedBelt(hits, passes)
    confirmed_at = None
    for number, is_detected in enumerate(detected):
        if (
            belt.run_pass([belt_detection(300, 300)] if is_detected else [], along(0))
            and confirmed_at is None
        ):
            confirmed_at = number
    expected = next(
        (
            number
            for number in range(len(detected))
            if sum(detected[max(0, number - passes + 1) : number + 1]) >= hits and detected[number]
        ),
        None,
    )
    assert confirmed_at == expected
    assert len(belt.tracks) <= 1


def test_track_ids_are_never_reused() -> None:
    belt = TrackedBelt(hits=1, passes=1)
    for n in range(60):
        belt.run_pass(detections_of([(300, (n * 90) % 880, (40, 40), BATTERY)], EXTENT), along(90))
    assert len(belt.tracks) == len(set(belt.tracks)) > 4
    assert sorted(belt.left) == belt.left


def test_tracks_survive_a_stop_and_reverse_travel() -> None:
    belt = TrackedBelt()
    y_mm = 100.0
    for step_mm in [40.0] * 8 + [0.0] * 20 + [-30.0] * 6 + [45.0] * 8:
        y_mm += step_mm
        belt.run_pass(detections_of([(300, y_mm, (50, 20), GAS)], EXTENT), along(step_mm))
    assert list(belt.tracks) == [1]
    assert belt.left == []


def test_a_speed_error_of_a_fifth_is_compensated() -> None:
    belt = TrackedBelt()
    for n in range(20):
        belt.run_pass(detections_of([(300, 50 + n * 36, (50, 50), GAS)], EXTENT), along(30))
    assert list(belt.tracks) == [1]


def test_objects_are_tracked_by_their_own_movement_if_the_shift_is_unknown() -> None:
    belt = TrackedBelt()
    for n in range(18):
        objects: list[Object] = [(150, n * 45, (50, 50), GAS), (450, n * 45, (50, 50), BATTERY)]
        if n in {7, 11}:
            objects = objects[:1]
        belt.run_pass(detections_of(objects, EXTENT), UNKNOWN)
    assert len(belt.tracks) == 2


def test_tracks_survive_a_temporarily_unknown_shift() -> None:
    belt = TrackedBelt()
    for n in range(10):
        shift = UNKNOWN if 4 <= n < 7 else along(75)
        belt.run_pass(detections_of([(300, 60 + n * 75, (20, 20), GAS)], EXTENT), shift)
    assert list(belt.tracks) == [1]


def test_a_track_lost_while_the_shift_was_unknown_takes_no_new_object() -> None:
    belt = TrackedBelt()
    for n in range(5):
        belt.run_pass(detections_of([(300, 100 + n * 40, (50, 50), GAS)], EXTENT), along(40))
    belt.run_pass([], UNKNOWN)
    belt.run_pass([], along(40))
    assert belt.left == [1]
    for n in range(5):
        belt.run_pass(detections_of([(300, 340 + n * 40, (50, 50), GAS)], EXTENT), along(40))
    assert list(belt.tracks) == [1, 2]


def test_an_object_that_flickers_between_classes_is_one_track_with_one_class() -> None:
    belt = TrackedBelt()
    names = []
    for n in range(30):
        kind, score = (GAS, 0.6) if n % 2 else (BATTERY, 0.5)
        detections = [belt_detection(300, 20 + n * 25, class_index=kind, score=score)]
        names += [track.class_index for track in belt.run_pass(detections, along(25))]
    assert list(belt.tracks) == [1]
    assert len(set(names)) == 1


def test_an_object_misclassified_at_first_changes_its_class() -> None:
    belt = TrackedBelt()
    for n in range(10):
        kind = BATTERY if n < 2 else GAS
        belt.run_pass(detections_of([(300, 100 + n * 25, (60, 60), kind)], EXTENT), along(25))
    assert belt.tracks[1].class_index == GAS


def test_an_object_detected_as_two_classes_at_once_is_one_track() -> None:
    belt = TrackedBelt()
    for n in range(6):
        both = [
            belt_detection(300, 100 + n * 30, class_index=GAS, score=0.7),
            belt_detection(302, 101 + n * 30, class_index=BATTERY, score=0.5),
        ]
        belt.run_pass(both, along(30))
    assert list(belt.tracks) == [1]


def test_the_size_is_the_median_of_complete_detections() -> None:
    belt = TrackedBelt()
    for n, size in enumerate([(20, 50), (21, 52), (300, 400), (20, 51), (19, 50)]):
        belt.run_pass([belt_detection(300, 100 + n * 20, size_mm=size)], along(20))
    width_mm, height_mm = belt.tracks[1].size_mm or (0, 0)
    assert (width_mm, height_mm) == (20, 51)


def test_an_object_cut_by_the_edge_gives_no_size() -> None:
    belt = TrackedBelt(hits=1, passes=1)
    for n in range(4):
        belt.run_pass([belt_detection(300, 20, size_mm=(40, 10 + n), whole=False)], along(0))
    assert belt.tracks[1].size_mm is None


@given(st.integers(0, 50))
def test_the_number_of_tracks_stays_bounded(seed: int) -> None:
    import random

    chance = random.Random(seed)
    tracker = BeltTracker(3, 5, EXTENT, whole_mm=200)
    for n in range(150):
        detections = [
            belt_detection(chance.uniform(0, 600), chance.uniform(0, 800), score=chance.random())
            for _ in range(6)
        ]
        tracker.predict(along(60))
        tracker.update(detections, WHOLE, n, n)
        # An object is 14 passes in view; tracks that have left it are removed.
        assert len(tracker._tracks) <= 6 * 14 + 6


@pytest.mark.parametrize("speed_error", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("start_mm", range(-50, 40, 10))
def test_a_long_object_detected_in_parts_is_one_track_from_its_first_pass(
    speed_error: float, start_mm: int
) -> None:
    belt = TrackedBelt(hits=1, passes=3)
    for n in range(12):
        objects: list[Object] = [(300, start_mm + n * 90, (20, 100), GAS)]
        belt.run_pass(detections_of(objects, EXTENT), along(90 * (1 + speed_error)))
    assert list(belt.tracks) == [1]
