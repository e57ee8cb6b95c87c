"""Features that return with the belt are belt; everything else on it is material."""

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
from tests.fakes import as_image, texture

MM_PER_PX = 5.0
HEIGHT, WIDTH = 120, 60
LOOP = 400
"""Rows: a belt of 2 m."""
STEP = 6
SPLICE, PATCH = range(90, 104), range(240, 276)
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)

Belt = NDArray[np.float64]


def loops(count: int, *, marked: bool = True) -> Belt:
    """That many lengths of bare belt, `(rows, WIDTH, 3)`, upstream last."""
    once = texture(np.random.default_rng(1), LOOP, WIDTH, contrast=3).astype(np.float64)
    if marked:
        for row in SPLICE:
            once[row] = (150, 155, 160) if row % 4 else (30, 30, 30)
        once[PATCH.start : PATCH.stop, 15:45] = (150, 70, 30)
    return np.tile(once, (count, 1, 1))


def add_object(belt: Belt, seed: int, row: int, size: int = 24) -> NDArray[np.bool_]:
    """Draws an object on the belt; returns its mask, `(rows, WIDTH)` bool."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(belt.shape[:2], dtype=np.uint8)
    half = (int(rng.integers(6, 20)), int(rng.integers(6, size // 2)))
    cv2.ellipse(mask, (int(rng.integers(WIDTH)), row), half, 0, 0, 360, 1, -1)
    shine = cv2.GaussianBlur(rng.normal(0, 1, belt.shape[:2]), (0, 0), 2) * 60
    paint = rng.uniform(120, 250, 3)
    paint[rng.integers(3)] *= 0.4
    belt[mask > 0] = (paint + shine[..., None])[mask > 0]
    return mask > 0


def monitor(length_mm: float | None = LOOP * MM_PER_PX) -> OverloadMonitor:
    return OverloadMonitor(
        as_image(loops(1, marked=False)[:HEIGHT]),
        EVERYWHERE,
        MM_PER_PX,
        raise_at=0.85,
        release_at=0.7,
        window_mm=300,
        jam=Jam(),
        belt_length_mm=length_mm,
    )


def coverage_of(
    belt: Belt, overload: OverloadMonitor, *, learns: bool = True, stretched: float = 1.0
) -> NDArray[np.float64]:
    """Coverage of each window of 300 mm, by the row at which its evaluation begins."""
    grain = np.random.default_rng(7).normal(0, 1, (7, HEIGHT, WIDTH, 3))
    covered = np.zeros(len(belt))
    for end, view in views(belt):
        noisy = as_image(view + grain[end // STEP % 7])
        shift = Shift(0, STEP * MM_PER_PX * stretched, True)
        coverage = overload.update(lambda now=noisy: now, shift, 0, position_lost=not learns)  # type: ignore[misc]
        covered[end - STEP : end] = coverage.in_window or 0.0
    return covered


def views(belt: Belt) -> Iterator[tuple[int, Belt]]:
    for end in range(HEIGHT, len(belt), STEP):
        yield end, belt[end - HEIGHT : end]


def loop_of(covered: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    return covered[number * LOOP : (number + 1) * LOOP]


def test_a_splice_and_a_patch_count_as_material_until_they_have_returned() -> None:
    belt = loops(4)
    plain, learned = coverage_of(belt, monitor(), learns=False), coverage_of(belt, monitor())
    assert loop_of(plain, 3).max() > 0.2
    assert loop_of(learned, 0).max() == pytest.approx(loop_of(plain, 0).max())
    assert loop_of(learned, 2).max() < 0.05
    assert loop_of(learned, 3).max() < 0.05


def test_the_belts_length_is_measured_from_features_that_return() -> None:
    covered = coverage_of(loops(6), monitor(None))
    assert loop_of(covered, 0).max() > 0.2
    assert loop_of(covered, 5).max() < 0.05


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True))
def test_material_never_exceeds_coverage_and_a_load_that_does_not_return_stays(
    seeds: list[int],
) -> None:
    belt = loops(4)
    for seed in seeds:
        # Between patch and splice, and anywhere along the four lengths.
        add_object(belt, seed, seed % 4 * LOOP + 160 + seed % 41)
    plain, learned = coverage_of(belt, monitor(), learns=False), coverage_of(belt, monitor())
    assert (learned <= plain + 1e-9).all()
    for number in range(4):
        # Stretches of 10 rows lag a row or two behind; the window holds six of them.
        between = slice(number * LOOP + 192, number * LOOP + 240)
        assert learned[between] == pytest.approx(plain[between], abs=0.02)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 1000))
def test_different_loads_stay_material_at_every_belt_length(seed: int) -> None:
    belt = loops(4, marked=False)
    rng = np.random.default_rng(seed)
    for row in range(0, len(belt), 12):
        add_object(belt, int(rng.integers(1_000_000)), row, size=60)
    learned, plain = coverage_of(belt, monitor()), coverage_of(belt, monitor(), learns=False)
    assert learned == pytest.approx(plain, abs=0.03)


def test_plain_material_over_the_whole_belt_is_not_learned_as_belt() -> None:
    belt = loops(4, marked=False)
    belt[:] = (235, 235, 235)
    assert coverage_of(belt, monitor())[-LOOP : -2 * STEP].min() > 0.95


def test_an_object_stuck_to_the_belt_counts_as_belt_after_two_belt_lengths() -> None:
    belt = loops(6)
    once = belt[:LOOP].copy()
    add_object(once, 3, 180)
    belt[2 * LOOP :] = np.tile(once, (4, 1, 1))
    covered = coverage_of(belt, monitor())
    on_it = slice(192, 220)
    assert [loop_of(covered, number)[on_it].max() > 0.05 for number in range(2, 6)] == [
        True,
        True,
        False,
        False,
    ]


def test_the_splice_is_found_again_when_the_position_drifts_by_one_percent() -> None:
    covered = coverage_of(loops(4), monitor(), stretched=1.01)
    assert loop_of(covered, 3).max() < 0.1


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
def test_features_are_learned_again_after_the_position_was_lost(shift: Shift, lost: bool) -> None:
    belt, overload = loops(3), monitor()
    assert loop_of(coverage_of(belt, overload), 2).max() < 0.05
    overload.update(lambda: as_image(belt[:HEIGHT]), shift, 0, position_lost=lost)
    again = coverage_of(belt, overload)
    assert loop_of(again, 0).max() > 0.2
    assert loop_of(again, 2).max() < 0.05


def test_no_length_is_found_if_nothing_returns() -> None:
    rng, length = np.random.default_rng(5), BeltLength(MM_PER_PX, 12)
    for _ in range(600):
        length.step(rng.integers(0, 255, (length.rows_needed, 12, 3)).astype(np.uint8))
    assert length.mm is None
