"""Drawn material of which it is known how fast it goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.hazards.overload.stationary_material import StandingMaterial
from tests.fakes import as_picture, texture

HEIGHT, WIDTH = 120, 100
MM_PER_PX = 5.0
BELT_PX = 4
"""The belt's way in a look: 20 mm."""
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)
_SHEET = texture(np.random.default_rng(1), 400, WIDTH, contrast=40)


def sheet(at_px: int) -> NDArray[np.uint8]:
    """What is seen of a sheet of material that has come that far; downstream is up."""
    return as_picture(_SHEET[at_px : at_px + HEIGHT])


def told(
    looks: list[NDArray[np.uint8]],
    material: NDArray[np.bool_] = EVERYWHERE,
    moved_mm: float = BELT_PX * MM_PER_PX,
) -> list[float | None]:
    standing = StandingMaterial(MM_PER_PX)
    return [standing.share(look, material, EVERYWHERE, moved_mm) for look in looks]


def test_what_rides_along_does_not_stand() -> None:
    assert told([sheet(n * BELT_PX) for n in range(12)])[-1] == pytest.approx(0, abs=0.02)


def test_what_hangs_while_the_belt_runs_stands() -> None:
    assert told([sheet(30)] * 12)[-1] == pytest.approx(1, abs=0.02)


def test_what_creeps_at_a_tenth_of_the_belts_speed_stands() -> None:
    assert (told([sheet(round(n * BELT_PX / 10)) for n in range(30)])[-1] or 0) > 0.9


def test_half_of_the_view_that_stands_is_half() -> None:
    looks = []
    for n in range(12):
        view = sheet(n * BELT_PX)
        view[:, : WIDTH // 2] = sheet(7)[:, : WIDTH // 2]
        looks.append(view)
    assert told(looks)[-1] == pytest.approx(0.5, abs=0.1)


def test_no_more_stands_than_there_is_material() -> None:
    material = EVERYWHERE.copy()
    material[:, 25:] = False
    assert told([sheet(30)] * 12, material)[-1] == pytest.approx(0.25, abs=0.01)


def test_an_empty_belt_carries_nothing_that_stands() -> None:
    assert told([sheet(n * BELT_PX) for n in range(12)], ~EVERYWHERE)[-1] == 0


def test_a_belt_that_stands_tells_nothing() -> None:
    assert set(told([sheet(30)] * 12, moved_mm=0.0)) == {None}


def test_a_plain_surface_tells_nothing() -> None:
    plain = np.full((HEIGHT, WIDTH, 3), 120, dtype=np.uint8)
    assert told([plain] * 12)[-1] is None


def test_after_a_jump_of_the_belt_nothing_is_told_until_it_can_be() -> None:
    standing = StandingMaterial(MM_PER_PX)
    for _ in range(6):
        standing.share(sheet(30), EVERYWHERE, EVERYWHERE, 20.0)
    assert standing.share(sheet(200), EVERYWHERE, EVERYWHERE, 5000.0) is None


@settings(max_examples=25)
@given(st.integers(2, 14), st.integers(0, 5))
def test_at_any_speed_what_rides_along_and_what_hangs_are_told_apart(
    belt_px: int, noise: int
) -> None:
    rng = np.random.default_rng(belt_px)

    def noisy(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return as_picture(view + rng.normal(0, noise, view.shape))

    moved_mm = belt_px * MM_PER_PX
    riding = [noisy(sheet(n * belt_px)) for n in range(8)]
    assert (told(riding, moved_mm=moved_mm)[-1] or 0) < 0.1
    assert (told([noisy(sheet(30)) for _ in range(8)], moved_mm=moved_mm)[-1] or 0) > 0.9
