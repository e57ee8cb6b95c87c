from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.pixel_formats import GENICAM_FORMATS

BY_NAME = {coded.name: coded for coded in GENICAM_FORMATS.values()}
BAYER = {"BayerRG8": "rggb", "BayerGR8": "grbg", "BayerGB8": "gbrg", "BayerBG8": "bggr"}
BGR = (40, 90, 200)
"""Blue, green and red of a uniform image."""


@pytest.mark.parametrize(("name", "pattern"), BAYER.items())
def test_a_bayer_pattern_is_named_by_its_first_two_rows(name: str, pattern: str) -> None:
    level = dict(zip("bgr", BGR, strict=True))
    first, second = ([level[colour] for colour in row] * 8 for row in (pattern[:2], pattern[2:]))
    raw = np.array([first, second] * 8, np.uint8)
    image = BY_NAME[name].to_bgr(raw.ravel(), (16, 16))
    assert image is not None
    assert (image == BGR).all()


def test_colours_keep_their_order() -> None:
    rgb = np.tile(np.array(BGR[::-1], np.uint8), (8, 8, 1))
    for name, raw in (("RGB8", rgb), ("BGR8", rgb[..., ::-1])):
        image = BY_NAME[name].to_bgr(np.ascontiguousarray(raw).ravel(), (8, 8))
        assert image is not None
        assert (image == BGR).all()


@pytest.mark.parametrize(("name", "luma_at"), [("YUV422_8", 0), ("YUV422_8_UYVY", 1)])
def test_yuv_is_read_in_its_own_order(name: str, luma_at: int) -> None:
    y, u, v = cv2.cvtColor(np.full((1, 1, 3), BGR, np.uint8), cv2.COLOR_BGR2YUV)[0, 0]
    del u, v
    raw = np.full((8, 8, 2), 128, np.uint8)
    raw[..., luma_at] = y
    image = BY_NAME[name].to_bgr(raw.ravel(), (8, 8))
    assert image is not None
    assert np.ptp(image) == 0, "grey"
    assert abs(int(image[0, 0, 0]) - (int(y) - 16) * 255 / 219) < 2


@given(
    name=st.sampled_from(sorted(BY_NAME)),
    half_px=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    padding=st.integers(0, 9),
    short=st.integers(0, 3),
)
def test_padding_is_left_out_and_a_short_image_is_none(
    name: str, half_px: tuple[int, int], padding: int, short: int
) -> None:
    coded, (width, height) = BY_NAME[name], (2 * half_px[0], 2 * half_px[1])
    rows = np.full((height, coded.row_bytes(width) + padding), 255, np.uint8)
    rows[:, : coded.row_bytes(width)] = 128
    raw = rows.ravel()[: rows.size - padding - short]
    image = coded.to_bgr(raw, (width, height), padding=padding)
    if short:
        assert image is None
    else:
        assert image is not None
        assert image.shape == (height, width, 3)
        assert image.max() < 200, "no pixel of the padding"
