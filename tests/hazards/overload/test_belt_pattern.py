"""Stripes of wear that go on along the belt, or do not."""

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
    """Grey belt whose stripes are the same everywhere along it, and whose stains are not."""
    rows = np.random.default_rng(1).normal(0, 1, WIDTH).astype(np.float32)[None]
    stripes = cv2.GaussianBlur(rows, (0, 0), 2)
    stripes *= contrast / max(float(stripes.std()), 1e-6)
    stains = cv2.GaussianBlur(
        np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3
    )
    return np.asarray(80 + np.roll(stripes, by_px, axis=1) + 3 * stains / stains.std(), np.float32)


def pattern(contrast: float = 12.0) -> BeltPattern:
    empty = striped(1, contrast)
    return BeltPattern(empty, cv2.blur(empty, (1, 81)), BELT, MM_PER_PX)


def missing(of: BeltPattern, view: NDArray[np.float32]) -> float:
    return float(of.missing(view, BELT, learns=True)[BELT].mean())


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 1000), st.floats(0.7, 1.4))
def test_belt_that_comes_after_goes_on_with_the_stripes_in_any_light(
    seed: int, light: float
) -> None:
    assert missing(pattern(), light * striped(seed)) < 0.01


def with_sheet(view: NDArray[np.float32]) -> NDArray[np.float32]:
    view[30:90, 30:80] = view.mean()
    return view


def test_a_grey_sheet_hides_the_stripes_below_it() -> None:
    found = pattern().missing(with_sheet(striped(2)), BELT, learns=True)
    assert found[40:80, 40:70].mean() > 0.9
    assert not found[:18].any()


def test_a_belt_without_stripes_says_nothing() -> None:
    assert missing(pattern(contrast=0.0), with_sheet(striped(2, contrast=0.0))) == 0


def test_a_belt_that_wanders_sideways_is_followed() -> None:
    of = pattern()
    for by_px in (0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4):
        for look in range(LEARNS_EVERY):
            found = missing(of, striped(20 + by_px + 100 * look, by_px=by_px))
        assert found < 0.03
    assert missing(pattern(), striped(2, by_px=-6)) > 0.3  # a jump is not


@pytest.mark.parametrize("way", [1, -1])
def test_stripes_that_wander_out_of_the_picture_are_expected_nowhere(way: int) -> None:
    everywhere, empty = np.ones_like(BELT), striped(1)
    of = BeltPattern(empty, cv2.blur(empty, (1, 81)), everywhere, MM_PER_PX)
    for by_px in range(9):
        view = striped(20, by_px=way * by_px)
        for _ in range(LEARNS_EVERY):
            of.missing(view, everywhere, learns=True)
    unknown = slice(0, 6) if way > 0 else slice(-6, None)
    found = of.missing(np.full_like(view, 80), everywhere, learns=False)
    assert found.any()
    assert not found[:, unknown].any()


def test_stripes_that_are_not_seen_for_long_were_the_lights() -> None:
    of, dull = pattern(), striped(3, contrast=0.0)
    assert missing(of, dull) > 0.3
    for _ in range(100):
        missing(of, dull)
    assert missing(of, dull) < 0.02


@pytest.mark.parametrize("learns", [True, False])
def test_nothing_is_learned_while_nothing_may_be(learns: bool) -> None:
    of, dull = pattern(), striped(3, contrast=0.0)
    for _ in range(100):
        of.missing(dull, BELT, learns=learns)
    assert bool(of.missing(dull, BELT, learns=False).mean() < 0.02) is learns
