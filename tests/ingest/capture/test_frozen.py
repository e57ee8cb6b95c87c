from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.capture.frozen import FrozenWatch, usual_repeats


def picture(level: int, height: int = 24) -> np.ndarray:
    return np.full((height, 32, 3), level, np.uint8)


@given(levels=st.lists(st.integers(0, 2), max_size=40), after=st.integers(2, 5))
def test_frozen_is_a_run_of_the_same_picture(levels: list[int], after: int) -> None:
    watch = FrozenWatch(after)
    for index, level in enumerate(levels):
        run = levels[: index + 1][-after:]
        assert watch.sees_frozen(picture(level)) == (len(run) == after and len(set(run)) == 1)


def test_a_camera_that_was_frozen_on_a_picture_is_frozen_on_it_again_at_once() -> None:
    before = FrozenWatch(3)
    before.sees_frozen(picture(7))
    after = FrozenWatch(3, before.digest())
    assert after.sees_frozen(picture(7))
    assert not after.sees_frozen(picture(8))


def test_another_size_is_another_picture() -> None:
    watch = FrozenWatch(2)
    watch.sees_frozen(picture(7))
    assert not watch.sees_frozen(picture(7, height=48))
    assert watch.sees_frozen(picture(7, height=48))


@pytest.mark.parametrize(
    ("url", "live", "repeats"),
    [("v4l2:///dev/video0", True, 3), ("rtsp://cam/s", True, 50), ("still.mp4", False, 0)],
)
def test_patience_with_identical_pictures_follows_the_kind_of_source(
    url: str, live: bool, repeats: int
) -> None:
    assert usual_repeats(url, live=live) == repeats


def test_a_watch_of_none_never_sees_frozen() -> None:
    watch = FrozenWatch(0)
    assert not any(watch.sees_frozen(picture(7)) for _ in range(5))
