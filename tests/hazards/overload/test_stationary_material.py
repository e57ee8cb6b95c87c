"""The share of stationary material in drawn views of known speed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.hazards.overload.stationary_material import StationaryMaterial
from tests.fakes import as_image, texture

HEIGHT, WIDTH = 120, 100
MM_PER_PX = 5.0
BELT_PX = 4
"""Belt travel between two views: 20 mm."""
EVERYWHERE = np.ones((HEIGHT, WIDTH), dtype=bool)
_SHEET = texture(np.random.default_rng(1), 400, WIDTH, contrast=40)


def sheet(at_px: int) -> NDArray[np.uint8]:
    """The view of a sheet of material that has moved that far; downstream is up."""
    return as_image(_SHEET[at_px : at_px + HEIGHT])


def shares(
    views: list[NDArray[np.uint8]],
    material: NDArray[np.bool_] = EVERYWHERE,
    moved_mm: float = BELT_PX * MM_PER_PX,
) -> list[float | None]:
    stationary = StationaryMaterial(MM_PER_PX)
    return [stationary.share(view, material, EVERYWHERE, moved_mm) for view in views]


def test_material_that_moves_with_the_belt_is_not_stationary() -> None:
    assert shares([sheet(n * BELT_PX) for n in range(12)])[-1] == pytest.approx(0, abs=0.02)


def test_material_that_hangs_while_the_belt_runs_is_stationary() -> None:
    assert shares([sheet(30)] * 12)[-1] == pytest.approx(1, abs=0.02)


def test_material_that_creeps_at_a_tenth_of_the_belts_speed_is_stationary() -> None:
    assert (shares([sheet(round(n * BELT_PX / 10)) for n in range(30)])[-1] or 0) > 0.9


def test_half_of_the_view_that_is_stationary_is_a_half() -> None:
    views = []
    for n in range(12):
        view = sheet(n * BELT_PX)
        view[:, : WIDTH // 2] = sheet(7)[:, : WIDTH // 2]
        views.append(view)
    assert shares(views)[-1] == pytest.approx(0.5, abs=0.1)


def test_the_stationary_share_never_exceeds_the_material() -> None:
    material = EVERYWHERE.copy()
    material[:, 25:] = False
    assert shares([sheet(30)] * 12, material)[-1] == pytest.approx(0.25, abs=0.01)


def test_an_empty_belt_has_no_stationary_material() -> None:
    assert shares([sheet(n * BELT_PX) for n in range(12)], ~EVERYWHERE)[-1] == 0


def test_nothing_is_measurable_on_a_stopped_belt() -> None:
    assert set(shares([sheet(30)] * 12, moved_mm=0.0)) == {None}


def test_nothing_is_measurable_on_a_plain_surface() -> None:
    plain = np.full((HEIGHT, WIDTH, 3), 120, dtype=np.uint8)
    assert shares([plain] * 12)[-1] is None


def test_nothing_is_measurable_right_after_a_jump_of_the_belt() -> None:
    stationary = StationaryMaterial(MM_PER_PX)
    for _ in range(6):
        stationary.share(sheet(30), EVERYWHERE, EVERYWHERE, 20.0)
    assert stationary.share(sheet(200), EVERYWHERE, EVERYWHERE, 5000.0) is None


@settings(max_examples=25)
@given(st.integers(2, 14), st.integers(0, 5))
def test_moving_and_stationary_material_are_distinguished_at_any_speed(
    belt_px: int, noise: int
) -> None:
    rng = np.random.default_rng(belt_px)

    def noisy(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return as_image(view + rng.normal(0, noise, view.shape))

    moved_mm = belt_px * MM_PER_PX
    moving = [noisy(sheet(n * belt_px)) for n in range(8)]
    assert (shares(moving, moved_mm=moved_mm)[-1] or 0) < 0.1
    assert (shares([noisy(sheet(30)) for _ in range(8)], moved_mm=moved_mm)[-1] or 0) > 0.9
