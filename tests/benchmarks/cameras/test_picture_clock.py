from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cameras.picture_clock import UNIT_NS, WIDTH_PX, draw_clock, read_clock

DAY_NS = 86_400_000_000_000


@given(st.integers(0, 2**62), st.integers(-2 * DAY_NS, 2 * DAY_NS))
def test_the_clock_in_an_image_is_read_again(t_ns: int, off_ns: int) -> None:
    image = np.full((32, WIDTH_PX, 3), 90, np.uint8)
    draw_clock(image, t_ns)
    assert read_clock(image, t_ns + off_ns) == t_ns // UNIT_NS * UNIT_NS


def test_an_image_without_a_clock_or_with_a_smeared_one_has_none() -> None:
    image = np.full((32, WIDTH_PX, 3), 90, np.uint8)
    assert read_clock(image, 0) is None
    draw_clock(image, 123_456_789_000)
    assert read_clock(cv2.blur(image, (99, 1)), 0) is None
    assert read_clock(image[:, :300], 0) is None
