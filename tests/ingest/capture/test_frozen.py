from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.capture.frozen import FrozenDetector, usual_repeats


def image(level: int, height: int = 24) -> np.ndarray:
    return np.full((height, 32, 3), level, np.uint8)


@given(levels=st.lists(st.integers(0, 2), max_size=40), after=st.integers(2, 5))
def test_a_run_of_identical_images_is_frozen(levels: list[int], after: int) -> None:
    detector = FrozenDetector(after)
    for index, level in enumerate(levels):
        run = levels[: index + 1][-after:]
        assert detector.is_frozen(image(level)) == (len(run) == after and len(set(run)) == 1)


def test_after_reopening_the_same_image_is_frozen_at_once() -> None:
    before = FrozenDetector(3)
    before.is_frozen(image(7))
    after = FrozenDetector(3, before.digest())
    assert after.is_frozen(image(7))
    assert not after.is_frozen(image(8))


def test_an_image_of_another_size_is_different() -> None:
    detector = FrozenDetector(2)
    detector.is_frozen(image(7))
    assert not detector.is_frozen(image(7, height=48))
    assert detector.is_frozen(image(7, height=48))


@pytest.mark.parametrize(
    ("url", "live", "repeats"),
    [("v4l2:///dev/video0", True, 3), ("rtsp://cam/s", True, 50), ("still.mp4", False, 0)],
)
def test_the_default_number_of_identical_images_depends_on_the_kind_of_source(
    url: str, live: bool, repeats: int
) -> None:
    assert usual_repeats(url, live=live) == repeats


def test_a_limit_of_0_images_disables_the_frozen_check() -> None:
    detector = FrozenDetector(0)
    assert not any(detector.is_frozen(image(7)) for _ in range(5))
