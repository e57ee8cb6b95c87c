"""Reconstruction of the empty belt between objects."""

import numpy as np
import pytest

from twin.line.empty_belt import empty_belt_of
from twin.line.scenario import ScenarioError
from twin.line.strip import empty_strip


def test_the_empty_belt_keeps_the_colour_profile_and_has_no_objects() -> None:
    rng = np.random.default_rng(1)
    strip = empty_strip(0, 2400, 200, 0.6, loop_mm=2400, texture="clean", rng=rng)
    empty = strip.image.copy()
    for at in range(200, 2200, 400):
        strip.lay("carton_box", at, 100, 30, rng)
    bare = empty_belt_of(strip)
    assert not bare.covered.any()
    assert not bare.objects
    off = np.abs(bare.image.mean(axis=1) - np.median(empty, axis=1)).max(axis=1)
    assert np.percentile(off, 90) < 6
    there = strip.covered
    was, now = (np.abs(each[there].astype(int) - empty[there]).mean() for each in
                (strip.image, bare.image))  # fmt: skip
    assert now < 0.35 * was


def test_a_completely_covered_strip_is_rejected() -> None:
    strip = empty_strip(0, 1500, 200, 0.3, loop_mm=1500, rng=np.random.default_rng(1))
    strip.covered[:] = True
    with pytest.raises(ScenarioError, match="completely covered; no belt is visible"):
        empty_belt_of(strip)
