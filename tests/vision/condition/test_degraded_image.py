"""What makes an image worse, and the time after which it is reported."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.vision.condition.clock_step import REPORTED_NS, ClockStep
from detector.vision.condition.flicker import FRAMES, Flicker
from detector.vision.condition.lens_dirt import STEP_MM, STEP_MOST_MM, LensDirt
from detector.vision.condition.limits import (
    LEARNED,
    LOOSEST,
    ConditionLimits,
    PoorFootageError,
    learned_limit,
)
from detector.vision.condition.sharpness import CHECKS, Sharpness

LIMITS = ConditionLimits()
SECOND = 1_000_000_000
RNG = np.random.default_rng(5)
STRIP: NDArray[np.uint8] = RNG.integers(30, 90, (96, 2000, 3), dtype=np.uint8)
for _ in range(120):
    at = (int(RNG.integers(0, 2000)), int(RNG.integers(0, 96)))
    cv2.circle(STRIP, at, int(RNG.integers(4, 14)), RNG.integers(0, 255, 3).tolist(), cv2.FILLED)


def test_light_that_pulses_is_flicker_and_material_that_passes_is_not() -> None:
    pulsing, passing = Flicker(), Flicker()
    for n in range(2 * FRAMES):
        pulsing.update(100 * (1 + 0.08 * np.sin(2.1 * n)))
        passing.update(100 + 40 * np.sin(n / 10))
    assert pulsing.value is not None
    assert passing.value is not None
    assert pulsing.value > LIMITS.flicker > 2 * passing.value


def test_a_belt_that_is_new_in_each_frame_tells_nothing_of_flicker() -> None:
    fast, rng = Flicker(), np.random.default_rng(6)
    for _ in range(2 * FRAMES):
        fast.update(100 + rng.normal(0, 10), new_share=0.2)
    assert fast.value is None


def test_a_blurred_image_has_edges_that_are_as_flat_as_they_look() -> None:
    sharp, blurred = (Sharpness(np.full((480, 640), 255, np.uint8), along_x=True) for _ in "ab")
    shown = np.full((480, 640, 3), 60, np.uint8)
    for _ in range(60):
        corner = RNG.integers(0, 460, 2).tolist()
        cv2.rectangle(shown, (*corner, 60, 20), RNG.integers(90, 255, 3).tolist(), cv2.FILLED)
    for _ in range(CHECKS):
        sharp.update(shown)
        blurred.update(np.asarray(cv2.GaussianBlur(shown, (0, 0), 3.5), np.uint8))
    assert sharp.value is not None
    assert blurred.value is not None
    assert blurred.value < LIMITS.sharpness < sharp.value


def test_a_bare_belt_has_no_edges_and_gives_no_sharpness() -> None:
    bare = Sharpness(np.full((480, 640), 255, np.uint8), along_x=True)
    for _ in range(2 * CHECKS):
        bare.update(np.asarray(60 + RNG.normal(0, 2, (480, 640, 3)), np.uint8))
    assert bare.value is None


def dirty_share(*, smudge: bool, has_view: bool = True) -> float | None:
    """Of a view of 96 px across and 160 along, over 20 m of belt."""
    dirt = LensDirt(np.ones((160, 96), np.bool_), 12_000.0)
    for position_mm in range(0, 20_000, 130):
        if not dirt.is_due(position_mm, has_view=has_view):
            continue
        at = position_mm % 1800
        view = np.ascontiguousarray(STRIP[:, at : at + 160].transpose(1, 0, 2))
        if smudge:
            view[40:80, 30:60] = cv2.GaussianBlur(view, (0, 0), 9.0)[40:80, 30:60]
        dirt.update(view, float(position_mm))
    return dirt.value


def test_what_stays_dull_while_a_belt_length_passes_is_dirt_on_the_lens() -> None:
    clean, dirty = dirty_share(smudge=False), dirty_share(smudge=True)
    assert clean is not None
    assert dirty is not None
    assert dirty > LIMITS.dirt_share > clean


def test_dirt_is_found_where_the_view_is_made_for_nothing_else() -> None:
    dirty = dirty_share(smudge=True, has_view=False)
    assert dirty is not None
    assert dirty > LIMITS.dirt_share


def test_dirt_waits_for_a_view_that_is_made_anyway_but_not_for_long() -> None:
    dirt = LensDirt(np.ones((160, 96), np.bool_), 12_000.0)
    dirt.update(np.zeros((160, 96, 3), np.uint8), 0.0)
    assert not dirt.is_due(STEP_MM - 1, has_view=True)
    assert dirt.is_due(STEP_MM, has_view=True)
    assert not dirt.is_due(STEP_MM, has_view=False)
    assert dirt.is_due(STEP_MOST_MM, has_view=False)


@settings(max_examples=30)
@given(st.floats(-3600, 3600), st.integers(1, 9))
def test_a_clock_that_is_set_is_reported_for_ten_seconds(step_s: float, slewed_ms: int) -> None:
    clock, utc = ClockStep(), 1_800_000_000 * SECOND
    for n in range(5):  # a clock that is slewed is not
        assert not clock.update(n * SECOND, utc + n * SECOND + n * slewed_ms * 1_000_000)
    stepped = abs(step_s) > 0.2
    utc += round(step_s * 1e9)
    assert clock.update(5 * SECOND, utc + 5 * SECOND) is stepped or abs(step_s) <= 0.2
    after_ns = 5 * SECOND + REPORTED_NS
    assert not clock.update(after_ns, utc + after_ns)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2_000_000_000), min_size=2, max_size=20))
def test_stamps_that_are_taken_from_another_source_are_no_step_of_the_clock(
    ages_ns: list[int],
) -> None:
    """A frame's capture is dated back on both clocks by the same time, which may change at once."""
    clock = ClockStep()
    for n, age_ns in enumerate(ages_ns):
        now_ns, utc_ns = 10 * SECOND + n * SECOND, 1_800_000_000 * SECOND + n * SECOND
        assert not clock.update(now_ns - age_ns, utc_ns - age_ns)


@given(st.sampled_from(LEARNED), st.floats(0, 4))
def test_a_learned_limit_leaves_good_footage_alone_and_switches_no_check_off(
    key: str, worst: float
) -> None:
    fixed = float(getattr(LIMITS, key))
    try:
        limit = learned_limit(key, worst)
    except PoorFootageError:
        return
    if key == "sharpness":
        assert 1 + (fixed - 1) / LOOSEST - 1e-3 <= limit <= fixed
        assert limit < worst
    else:
        assert fixed / 2 - 1e-3 <= limit <= LOOSEST * fixed
        assert limit > worst - 1e-4


@pytest.mark.parametrize("key", LEARNED)
def test_footage_with_the_fault_itself_sets_no_limit(key: str) -> None:
    with pytest.raises(PoorFootageError, match=f"{key} is "):
        learned_limit(key, 1.1 if key == "sharpness" else 1.0)
