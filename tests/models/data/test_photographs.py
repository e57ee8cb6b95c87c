from pathlib import Path

import numpy as np

from models.data.composites import Scene
from models.data.photographs import at_belt_size, cropped, masked, turned
from models.data.sources import GREY, Sources, read_photographs


def _boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_ignore_regions_are_greyed_and_have_no_boxes() -> None:
    image = np.full((100, 200, 3), 7, np.uint8)
    scene = masked(image, _boxes((0, 0.5, 0.5, 1, 1), (9, 0, 0, 0.25, 0.5)))
    assert (scene.image[:50, :50] == GREY).all()
    assert (scene.image[50:] == 7).all()
    assert scene.boxes.tolist() == [[0, 100, 50, 200, 100]]
    assert (image == 7).all(), "the photograph itself must not change"


def test_a_hazard_inside_an_ignore_region_stays_visible() -> None:
    image = np.full((100, 100, 3), 7, np.uint8)
    scene = masked(image, _boxes((9, 0, 0, 1, 1), (1, 0.2, 0.2, 0.4, 0.4)))
    assert (scene.image[20:40, 20:40] == 7).all()
    assert (scene.image[60:] == GREY).all()


def test_cropping_greys_the_rest_of_a_cut_hazard() -> None:
    image = np.full((100, 100, 3), 7, np.uint8)
    scene = cropped(Scene(image, _boxes((0, 40, 10, 60, 30), (1, 10, 60, 49, 80))), 0, 0, (100, 45))
    assert scene.boxes.tolist() == [[1, 10, 60, 45, 80]]
    assert (scene.image[12:28, 41:45] == GREY).all()


def test_boxes_rotate_with_their_image() -> None:
    image = np.zeros((60, 100, 3), np.uint8)
    image[10:20, 30:70] = 255
    for seed in range(8):
        scene = turned(np.random.default_rng(seed), Scene(image, _boxes((1, 30, 10, 70, 20))))
        x0, y0, x1, y1 = scene.boxes[0, 1:].astype(int)
        assert (scene.image[y0:y1, x0:x1] == 255).all()
        assert (scene.image > 0).sum() == 3 * (y1 - y0) * (x1 - x0)


def test_photographs_are_scaled_to_the_size_of_objects_on_a_belt(
    data: Path, sources: Sources
) -> None:
    for photograph in read_photographs(data, "train"):
        for number in range(6):
            rng = np.random.default_rng([7, number])
            scene = at_belt_size(rng, photograph, sources, busy=[], size=160, objects_px=(30, 90))
            assert scene.image.shape == (160, 160, 3)
            if len(photograph.boxes) == 1:
                longest = (scene.boxes[:, 3:] - scene.boxes[:, 1:3]).max()
                assert 27 <= longest <= 93
