"""Stripes of wear along the belt, visible or hidden by material."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.hazards.overload.belt_pattern import LEARNS_EVERY, BeltPattern

HEIGHT, WIDTH = 120, 110
MM_PER_PX = 5.0
BELT = np.zeros((HEIGHT, WIDTH), dtype=bool)
BELT[:, 5:-5] = True


def striped(seed: int, contrast: float = 12.0, by_px: int = 0) -> NDArray[np.float32]:
    """Grey belt with the same stripes everywhere along it, and with different stains."""
    rows = np.random.default_rng(1).normal(0, 1, WIDTH).astype(np.float32)[None]
    stripes = cv2.GaussianBlur(rows, (0, 0), 2)
    stripes *= contrast / max(float(stripes.std()), 1e-6)
    stains = cv2.GaussianBlur(
        np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3
    )
    return np.asarray(80 + np.roll(stripes, by_px, axis=1) + 3 * stains / stains.std(), np.float32)


def striped_pattern(contrast: float = 12.0) -> BeltPattern:
    empty = striped(1, contrast)
    return BeltPattern(empty, cv2.blur(empty, (1, 81)), BELT, MM_PER_PX)


def missing_share(pattern: BeltPattern, view: NDArray[np.float32]) -> float:
    return float(pattern.missing(view, BELT, learns=True)[BELT].mean())


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 1000), st.floats(0.7, 1.4))
def test_bare_belt_shows_its_stripes_in_any_light(seed: int, light: float) -> None:
    assert missing_share(striped_pattern(), light * striped(seed)) < 0.01


def with_sheet(view: NDArray[np.float32]) -> NDArray[np.float32]:
    view[30:90, 30:80] = view.mean()
    return view


def test_a_grey_sheet_hides_the_stripes_below_it() -> None:
    found = striped_pattern().missing(with_sheet(striped(2)), BELT, learns=True)
    assert found[40:80, 40:70].mean() > 0.9
    assert not found[:18].any()


def test_a_belt_without_stripes_has_no_missing_ones() -> None:
    assert missing_share(striped_pattern(contrast=0.0), with_sheet(striped(2, contrast=0.0))) == 0


def test_a_belt_that_wanders_sideways_is_followed() -> None:
    pattern = striped_pattern()
    for by_px in (0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4):
        for turn in range(LEARNS_EVERY):
            found = missing_share(pattern, striped(20 + by_px + 100 * turn, by_px=by_px))
        assert found < 0.03
    assert missing_share(striped_pattern(), striped(2, by_px=-6)) > 0.3  # a jump is not followed


@pytest.mark.parametrize("direction", [1, -1])
def test_stripes_that_wander_out_of_the_image_are_not_expected(direction: int) -> None:
    everywhere, empty = np.ones_like(BELT), striped(1)
    pattern = BeltPattern(empty, cv2.blur(empty, (1, 81)), everywhere, MM_PER_PX)
    for by_px in range(9):
        view = striped(20, by_px=direction * by_px)
        for _ in range(LEARNS_EVERY):
            pattern.missing(view, everywhere, learns=True)
    unknown = slice(0, 6) if direction > 0 else slice(-6, None)
    found = pattern.missing(np.full_like(view, 80), everywhere, learns=False)
    assert found.any()
    assert not found[:, unknown].any()


def test_stripes_that_stay_invisible_for_long_are_no_longer_expected() -> None:
    pattern, dull = striped_pattern(), striped(3, contrast=0.0)
    assert missing_share(pattern, dull) > 0.3
    for _ in range(100):
        missing_share(pattern, dull)
    assert missing_share(pattern, dull) < 0.02


@pytest.mark.parametrize("learns", [True, False])
def test_trust_changes_only_while_learning_is_allowed(learns: bool) -> None:
    pattern, dull = striped_pattern(), striped(3, contrast=0.0)
    for _ in range(100):
        pattern.missing(dull, BELT, learns=learns)
    assert bool(pattern.missing(dull, BELT, learns=False).mean() < 0.02) is learns
