from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from detector.vision.photograph import detect_in_photograph
from tests.fakes import FakeEngine, bright_objects, make_card


@settings(max_examples=20)
@given(
    st.integers(40, 900),
    st.integers(40, 900),
    st.sampled_from([(0, 0), (320, 320), (128, 320), (320, 128), (96, 96)]),
    st.sampled_from([[320], [160], [320, 512]]),
)
def test_boxes_match_the_object_in_an_image_of_any_size(
    width: int, height: int, size: tuple[int, int], photo_sizes_px: list[int]
) -> None:
    card = make_card(input={"size": size, "photo_sizes_px": photo_sizes_px})
    engine = FakeEngine(bright_objects, card)
    image = np.full((height, width, 3), 60, dtype=np.uint8)
    x0, y0, x1, y1 = width // 4, height // 3, width * 3 // 4, height * 2 // 3
    image[y0:y1, x0:x1] = 255
    found = detect_in_photograph(engine, image, 0.25)
    assert len(found) == 1
    # A pixel of the resized image, in the image's own pixels.
    reach = [size[0] or photo_sizes_px[0], size[1] or photo_sizes_px[0]]
    off = 2 * max(1, height / reach[0], width / reach[1], max(height, width) / photo_sizes_px[0])
    np.testing.assert_allclose(found.boxes_px[0], [x0, y0, x1, y1], atol=off)
    for shown in engine.sizes:
        assert all(
            side == fixed if fixed else side % 32 == 0
            for side, fixed in zip(shown, size, strict=True)
        )


def test_an_object_detected_at_two_sizes_is_one_detection() -> None:
    engine = FakeEngine(bright_objects, make_card(input={"photo_sizes_px": [320, 640]}))
    image = np.full((300, 500, 3), 60, dtype=np.uint8)
    image[100:200, 100:200] = 255
    assert len(detect_in_photograph(engine, image, 0.25)) == 1
    assert len(engine.sizes) == 2


def test_an_object_detected_in_one_of_two_passes_has_half_the_score() -> None:
    def only_when_small(image: np.ndarray) -> Detections:
        seen = bright_objects(image)
        return seen if max(image.shape) <= 320 else seen.at_least(2.0)

    image = np.full((300, 500, 3), 60, dtype=np.uint8)
    image[100:200, 100:200] = 255
    card = make_card(input={"photo_sizes_px": [320, 640]})
    both = detect_in_photograph(FakeEngine(bright_objects, card), image, 0.01)
    one = detect_in_photograph(FakeEngine(only_when_small, card), image, 0.01)
    np.testing.assert_allclose(one.scores, both.scores / 2, rtol=1e-5)
    assert len(detect_in_photograph(FakeEngine(only_when_small, card), image, 0.6)) == 0


def test_an_engine_error_is_raised() -> None:
    def fails(_: np.ndarray) -> Detections:
        raise EngineError("no")

    with pytest.raises(EngineError):
        detect_in_photograph(FakeEngine(fails), np.zeros((50, 50, 3), dtype=np.uint8), 0.25)


def test_a_model_that_was_trained_on_stretched_images_gets_them_stretched() -> None:
    card = make_card(input={"size": [320, 320], "photo_sizes_px": [320], "fit": "stretch"})
    shown: list[np.ndarray] = []

    def look(image: np.ndarray) -> Detections:
        shown.append(image)
        return bright_objects(image)

    image = np.full((200, 800, 3), 60, dtype=np.uint8)
    image[50:150, 200:600] = 255
    found = detect_in_photograph(FakeEngine(look, card), image, 0.25)
    assert (shown[0][:, [0, -1]] == 60).all()  # no margin
    np.testing.assert_allclose(found.boxes_px[0], [200, 50, 600, 150], atol=3)
