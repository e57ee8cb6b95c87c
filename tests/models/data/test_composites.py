import numpy as np
import pytest

from models.data.composites import CLOSE_LARGEST_PX, CLOSE_ZOOM, DrawnObjects, Scene, compose
from models.data.sources import GREY, Sources
from models.data.textures import belt, fit, plain


def test_a_seed_gives_the_same_scene_pixel_for_pixel(sources: Sources) -> None:
    one, same = (compose(np.random.default_rng([1, 5]), sources, (128, 160)) for _ in range(2))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.boxes, same.boxes)
    other = compose(np.random.default_rng([1, 6]), sources, (128, 160))
    assert not np.array_equal(one.image, other.image)


def test_boxes_are_in_the_image_and_of_a_hazard_class(sources: Sources) -> None:
    found = 0
    for number in range(25):
        scene = compose(np.random.default_rng([2, number]), sources, (192, 256), hazards=True)
        assert scene.image.shape == (192, 256, 3)
        found += len(scene.boxes)
        for label, x0, y0, x1, y1 in scene.boxes:
            assert label in (0, 1)
            assert 0 <= x0 < x1 <= 256
            assert 0 <= y0 < y1 <= 192
            assert max(x1 - x0, y1 - y0) >= 12
    assert found >= 15


def test_a_scene_without_hazards_has_no_boxes(sources: Sources) -> None:
    for number in range(10):
        rng = np.random.default_rng([3, number])
        assert len(compose(rng, sources, (128, 128), hazards=False).boxes) == 0


def test_close_ups_show_larger_hazards(sources: Sources) -> None:
    def longest(scenes: list[Scene]) -> float:
        return float(
            np.mean([(s.boxes[:, 3:] - s.boxes[:, 1:3]).max() for s in scenes if len(s.boxes)])
        )

    far, near = [], []
    for number in range(12):
        rngs = (np.random.default_rng([5, number]) for _ in range(2))
        far.append(compose(next(rngs), sources, (416, 416), hazards=True))
        near.append(
            compose(next(rngs), sources, (416, 416), zoom=CLOSE_ZOOM,
                    largest_px=CLOSE_LARGEST_PX, hazards=True)
        )  # fmt: skip
    assert longest(near) > 1.2 * longest(far)


def test_no_box_is_completely_in_the_greyed_area(sources: Sources) -> None:
    for number in range(40):
        scene = compose(np.random.default_rng([4, number]), sources, (160, 160), hazards=True)
        for _, x0, y0, x1, y1 in scene.boxes.astype(int):
            assert (scene.image[y0:y1, x0:x1] != GREY).any()


def test_drawn_objects_are_used_according_to_their_share(sources: Sources) -> None:
    asked: list[float] = []

    def red(_rng: np.random.Generator, px_per_mm: float) -> np.ndarray:
        asked.append(px_per_mm)
        image = np.full((30, 60, 4), 255, np.uint8)
        image[..., :2] = 0
        return image

    drawn = DrawnObjects([(red, 1)], [red], drawn_share=1.0)
    compose(np.random.default_rng(8), sources, (160, 160), drawn=drawn, hazards=True)
    assert asked
    assert all(0.4 < scale < 1.8 for scale in asked)


@pytest.mark.parametrize("ground", [belt, plain])
def test_backgrounds_have_the_requested_size(ground: object) -> None:
    assert callable(ground)
    for number in range(12):
        image = ground(np.random.default_rng(number), (96, 160))
        assert image.shape == (96, 160, 3)
        assert image.dtype == np.uint8


def test_a_small_background_is_extended_by_mirroring() -> None:
    ground = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    assert fit(np.random.default_rng(1), ground, (200, 300), 0.7).shape == (200, 300, 3)


def test_a_scene_has_the_visible_share_of_each_hazard(sources: Sources) -> None:
    shares = [
        share
        for seed in range(12)
        for share in compose(np.random.default_rng(seed), sources, hazards=True).visible.tolist()
    ]
    assert all(0.3 < share <= 1 for share in shares)
    assert any(share < 0.95 for share in shares)
    assert any(share > 0.95 for share in shares)
