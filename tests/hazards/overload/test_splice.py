"""What comes round with the belt is belt; what lies on it is material."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.motion import Shift
from detector.hazards.overload.belt_length import BeltLength
from detector.hazards.overload.monitor import OverloadMonitor
from detector.profile.belt_load import Jam
from tests.fakes import as_picture, texture

MM_PER_PX = 5.0
HEIGHT, WIDTH = 120, 60
LOOP = 400
"""Rows: a belt of 2 m."""
STEP = 6
SEAM, PATCH = range(90, 104), range(240, 276)
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)

Belt = NDArray[np.float64]


def loops(count: int, *, marked: bool = True) -> Belt:
    """That many lengths of bare belt, `(rows, WIDTH, 3)`, upstream last."""
    once = texture(np.random.default_rng(1), LOOP, WIDTH, contrast=3).astype(np.float64)
    if marked:
        for row in SEAM:
            once[row] = (150, 155, 160) if row % 4 else (30, 30, 30)
        once[PATCH.start : PATCH.stop, 15:45] = (150, 70, 30)
    return np.tile(once, (count, 1, 1))


def thing(belt: Belt, seed: int, row: int, size: int = 24) -> NDArray[np.bool_]:
    """Puts something on the belt; `(rows, WIDTH)` bool, where."""
    rng = np.random.default_rng(seed)
    lies = np.zeros(belt.shape[:2], dtype=np.uint8)
    half = (int(rng.integers(6, 20)), int(rng.integers(6, size // 2)))
    cv2.ellipse(lies, (int(rng.integers(WIDTH)), row), half, 0, 0, 360, 1, -1)
    shine = cv2.GaussianBlur(rng.normal(0, 1, belt.shape[:2]), (0, 0), 2) * 60
    paint = rng.uniform(120, 250, 3)
    paint[rng.integers(3)] *= 0.4
    belt[lies > 0] = (paint + shine[..., None])[lies > 0]
    return lies > 0


def watch(length_mm: float | None = LOOP * MM_PER_PX) -> OverloadMonitor:
    return OverloadMonitor(
        as_picture(loops(1, marked=False)[:HEIGHT]),
        EVERYWHERE,
        MM_PER_PX,
        raise_at=0.85,
        release_at=0.7,
        window_mm=300,
        jam=Jam(),
        belt_length_mm=length_mm,
    )


def seen(
    belt: Belt, monitor: OverloadMonitor, *, learns: bool = True, stretched: float = 1.0
) -> NDArray[np.float64]:
    """Share covered of each window of 300 mm, by the row at which it begins to be judged."""
    grain = np.random.default_rng(7).normal(0, 1, (7, HEIGHT, WIDTH, 3))
    told = np.zeros(len(belt))
    for end, view in views(belt):
        noisy = as_picture(view + grain[end // STEP % 7])
        shift = Shift(0, STEP * MM_PER_PX * stretched, True)
        coverage = monitor.watch(lambda now=noisy: now, shift, 0, place_lost=not learns)  # type: ignore[misc]
        told[end - STEP : end] = coverage.in_window or 0.0
    return told


def views(belt: Belt) -> Iterator[tuple[int, Belt]]:
    for end in range(HEIGHT, len(belt), STEP):
        yield end, belt[end - HEIGHT : end]


def loop_of(told: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    return told[number * LOOP : (number + 1) * LOOP]


def test_a_seam_and_a_patch_cover_the_belt_until_they_have_come_round() -> None:
    belt = loops(4)
    without, learned = seen(belt, watch(), learns=False), seen(belt, watch())
    assert loop_of(without, 3).max() > 0.2
    assert loop_of(learned, 0).max() == pytest.approx(loop_of(without, 0).max())
    assert loop_of(learned, 2).max() < 0.05
    assert loop_of(learned, 3).max() < 0.05


def test_the_belts_length_is_found_from_what_comes_round() -> None:
    told = seen(loops(6), watch(None))
    assert loop_of(told, 0).max() > 0.2
    assert loop_of(told, 5).max() < 0.05


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True))
def test_material_is_never_more_than_what_is_covered_and_what_does_not_repeat_stays(
    seeds: list[int],
) -> None:
    belt = loops(4)
    for seed in seeds:
        # Between patch and seam, and anywhere along the four lengths.
        thing(belt, seed, seed % 4 * LOOP + 160 + seed % 41)
    without, learned = seen(belt, watch(), learns=False), seen(belt, watch())
    assert (learned <= without + 1e-9).all()
    for number in range(4):
        # Stretches of 10 rows lag a row or two behind; the window holds six of them.
        between = slice(number * LOOP + 192, number * LOOP + 240)
        assert learned[between] == pytest.approx(without[between], abs=0.02)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 1000))
def test_different_loads_are_material_however_often_the_belt_has_come_round(seed: int) -> None:
    belt = loops(4, marked=False)
    rng = np.random.default_rng(seed)
    for row in range(0, len(belt), 12):
        thing(belt, int(rng.integers(1_000_000)), row, size=60)
    learned, without = seen(belt, watch()), seen(belt, watch(), learns=False)
    assert learned == pytest.approx(without, abs=0.03)


def test_plain_material_that_covers_all_of_the_belt_is_not_taken_for_it() -> None:
    belt = loops(4, marked=False)
    belt[:] = (235, 235, 235)
    assert seen(belt, watch())[-LOOP : -2 * STEP].min() > 0.95


def test_a_thing_that_rides_round_is_material_for_two_lengths_and_belt_after_that() -> None:
    belt = loops(6)
    once = belt[:LOOP].copy()
    thing(once, 3, 180)
    belt[2 * LOOP :] = np.tile(once, (4, 1, 1))
    told = seen(belt, watch())
    on_it = slice(192, 220)
    assert [loop_of(told, number)[on_it].max() > 0.05 for number in range(2, 6)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_position_that_drifts_by_a_hundredth_finds_the_seam_again() -> None:
    told = seen(loops(4), watch(), stretched=1.01)
    assert loop_of(told, 3).max() < 0.08


@pytest.mark.parametrize(
    ("shift", "lost"),
    [
        (Shift(0, 0, False), False),
        (Shift(0, 5000, True), False),
        (Shift(0, -200, True), False),
        (Shift(0, 0, True), True),
    ],
    ids=["unknown", "jumped", "ran back", "slips"],
)
def test_where_the_position_is_lost_all_is_learned_anew(shift: Shift, lost: bool) -> None:
    belt, monitor = loops(3), watch()
    assert loop_of(seen(belt, monitor), 2).max() < 0.05
    monitor.watch(lambda: as_picture(belt[:HEIGHT]), shift, 0, place_lost=lost)
    again = seen(belt, monitor)
    assert loop_of(again, 0).max() > 0.2
    assert loop_of(again, 2).max() < 0.05


def test_no_length_is_found_where_nothing_comes_round() -> None:
    rng, length = np.random.default_rng(5), BeltLength(MM_PER_PX, 12)
    for _ in range(600):
        length.step(rng.integers(0, 255, (length.rows_needed, 12, 3)).astype(np.uint8))
    assert length.mm is None
