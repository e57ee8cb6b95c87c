from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.vision.belt_images import BeltImages
from detector.vision.crops import CropError
from detector.vision.warp import OUTSIDE_GREY

BELT_PX = np.array([[100, 0], [500, 0], [400, 479], [200, 479]], dtype=np.float64)
SIZE_PX = (640, 480)
GREEN = (0, 255, 0)


def decoded(jpeg: bytes) -> NDArray[Any]:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def people_beside_a_belt() -> NDArray[np.uint8]:
    """Everything outside the belt is green, a colour that the belt does not have."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), GREEN, dtype=np.uint8)
    cv2.fillPoly(image, [BELT_PX.astype(np.int32)], (60, 60, 60))
    return image


def greenest(image: NDArray[Any]) -> int:
    return int((image[..., 1] - (image[..., 0] + image[..., 2]) // 2).max())


def test_nothing_outside_the_belt_is_in_the_frame_or_in_a_crop() -> None:
    images = BeltImages(BELT_PX, SIZE_PX)
    image = people_beside_a_belt()
    images.mask(image)
    frame = decoded(images.frame(image).jpeg)
    crop = decoded(images.crop(image, (90, 100, 190, 180)).jpeg)
    assert greenest(frame) < 10
    assert greenest(crop) < 10
    assert np.abs(frame[10:40, 10:40] - OUTSIDE_GREY).max() <= 2
    assert np.abs(crop[:20, :10] - OUTSIDE_GREY).max() <= 2
    assert np.abs(frame[200, 320] - 60).max() <= 2


def test_a_frame_is_reduced_to_its_longest_side_and_a_small_one_stays_as_it_is() -> None:
    large = np.full((1080, 1920, 3), 60, dtype=np.uint8)
    frame = BeltImages(BELT_PX, (1920, 1080)).frame(large)
    assert (frame.size_px, frame.scale) == ((960, 540), 0.5)
    assert decoded(frame.jpeg).shape == (540, 960, 3)
    small = BeltImages(BELT_PX, SIZE_PX).frame(people_beside_a_belt())
    assert (small.size_px, small.scale) == (SIZE_PX, 1.0)


def test_a_crop_has_the_cameras_own_pixels_up_to_a_side_of_320() -> None:
    images = BeltImages(BELT_PX, SIZE_PX, context=1.5)
    image = people_beside_a_belt()
    near = images.crop(image, (250, 200, 350, 260))
    assert near.square_px == (225, 155, 375, 305)
    assert (near.side_px, decoded(near.jpeg).shape) == (150, (150, 150, 3))
    assert images.crop(image, (150, 100, 450, 300)).side_px == 320


def test_the_crop_shows_what_is_in_its_box() -> None:
    image = people_beside_a_belt()
    cv2.rectangle(image, (280, 220, 40, 20), (0, 0, 255), cv2.FILLED)
    crop = decoded(BeltImages(BELT_PX, SIZE_PX, 1.3).crop(image, (280, 220, 320, 240)).jpeg)
    red = (crop[..., 2] > 180) & (crop[..., 1] < 90)
    rows, columns = np.nonzero(red)
    assert abs((rows.min() + rows.max()) / 2 - 25.5) <= 1
    assert abs(np.ptp(columns) - 39) <= 2


def test_an_object_outside_the_image_has_no_crop() -> None:
    with pytest.raises(CropError):
        BeltImages(BELT_PX, SIZE_PX).crop(people_beside_a_belt(), (700, 100, 800, 200))
