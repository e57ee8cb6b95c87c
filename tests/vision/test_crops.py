"""Crops: from the camera's own pixels, with context, masked outside the belt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.vision.crops import CropCutter, CropError, square_around
from detector.vision.warp import OUTSIDE_GREY

PX = 32


def cut(
    image: NDArray[np.uint8],
    box_px: tuple[float, float, float, float],
    *,
    context: float = 1.0,
    belt_px: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    crop = np.zeros((PX, PX, 3), dtype=np.uint8)
    CropCutter(PX, context, belt_px).cut(image, box_px, crop)
    return crop


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_a_square_of_the_crops_size_is_copied_pixel_by_pixel() -> None:
    image = noise(100, 100)
    assert np.array_equal(cut(image, (40, 20, 72, 52)), image[20:52, 40:72])


def test_the_side_is_the_longest_side_of_the_box_times_the_context() -> None:
    assert square_around((10, 20, 50, 30), 1.5) == (0, -5, 60)
    image = noise(200, 200)
    crop = cut(image, (92, 96, 108, 104), context=2.0)
    assert np.array_equal(crop, image[84:116, 84:116])


def test_a_large_object_is_reduced_by_averaging_all_of_its_pixels() -> None:
    image = np.zeros((128, 128, 3), dtype=np.uint8)
    image[::2, ::2] = 200  # a quarter of the pixels
    assert np.all(cut(image, (0, 0, 128, 128)) == 50)


def test_a_small_object_is_enlarged() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, 32:] = 255
    crop = cut(image, (28, 28, 36, 36))
    assert crop[:, :12].max() == 0
    assert crop[:, 20:].min() == 255


def test_beyond_the_images_border_its_last_pixels_are_repeated() -> None:
    image = noise(64, 64)
    crop = cut(image, (-16, 32, 16, 64))
    assert np.array_equal(crop[:, 16:], image[32:64, :16])
    assert np.array_equal(crop[:, :16], np.repeat(image[32:64, :1], 16, axis=1))
    crop = cut(image, (48, 52, 80, 84))
    assert np.array_equal(crop[:12, :16], image[52:, 48:])
    assert np.all(crop[12:, 16:] == image[63, 63])


def test_an_object_larger_than_the_image_is_shown_whole() -> None:
    image = np.full((20, 40, 3), 90, dtype=np.uint8)
    assert np.all(cut(image, (0, 0, 40, 20), context=4.0) == 90)


def test_what_is_outside_the_belt_is_masked() -> None:
    image = np.full((100, 100, 3), 200, dtype=np.uint8)
    belt = np.array([[0, 0], [99, 0], [99, 49], [0, 49]], dtype=np.float64)
    crop = cut(image, (34, 34, 66, 66), belt_px=belt)
    assert np.all(crop[:14] == 200)
    assert np.all(crop[17:] == OUTSIDE_GREY)
    slanted = np.array([[0, 0], [99, 99], [0, 99]], dtype=np.float64)
    crop = cut(image, (34, 34, 66, 66), belt_px=slanted)
    assert np.all(crop[0, 3:] == OUTSIDE_GREY)
    assert np.all(crop[-1, :-3] == 200)


def test_a_belt_that_continues_beyond_the_image_is_not_masked_there() -> None:
    image = np.full((64, 64, 3), 200, dtype=np.uint8)
    belt = np.array([[-100, -100], [200, -100], [200, 200], [-100, 200]], dtype=np.float64)
    assert np.all(cut(image, (50, 50, 64, 64), context=3.0, belt_px=belt) == 200)


@pytest.mark.parametrize(
    "box_px",
    [
        (40, 40, 40, 80),
        (50, 40, 30, 80),
        (-20, 10, 0, 30),
        (100, 10, 120, 30),
        (float("nan"), 0, 1, 1),
    ],
)
def test_a_crop_of_no_area_is_refused_in_one_line(
    box_px: tuple[float, float, float, float],
) -> None:
    with pytest.raises(CropError, match="no area in the image of 100 x 100 px") as refused:
        cut(np.zeros((100, 100, 3), dtype=np.uint8), box_px)
    assert "\n" not in str(refused.value)


def test_any_box_with_area_fills_the_whole_crop() -> None:
    rng = np.random.default_rng(11)
    image = np.full((60, 80, 3), 77, dtype=np.uint8)
    for _ in range(300):
        x0, y0 = rng.uniform(-30, 79), rng.uniform(-30, 59)
        x1, y1 = max(x0, 0) + rng.uniform(0.01, 90), max(y0, 0) + rng.uniform(0.01, 90)
        assert np.all(cut(image, (x0, y0, x1, y1), context=rng.uniform(1, 4)) == 77)


def test_a_crop_is_written_in_place() -> None:
    buffer = np.zeros((3, PX, PX, 3), dtype=np.uint8)
    image = np.full((60, 80, 3), 77, dtype=np.uint8)
    CropCutter(PX, 1.3).cut(image, (70, 50, 80, 60), buffer[1])
    assert [int(crop.min()) for crop in buffer] == [0, 77, 0]
    assert cv2.countNonZero(buffer[2].reshape(-1, 3)[:, 0].copy()) == 0
