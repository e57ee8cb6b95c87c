import numpy as np
import pytest

from models.data.belt_scenes import Conditions, Placed, belt_scene, labelled, lay, shown
from models.data.composites import NO_DRAWINGS
from models.data.sources import GAS
from models.data.wide_sources import WideSources

GROUND = np.full((400, 400, 3), 90, np.uint8)


def _bottle(wide: WideSources, length_mm: float, centre: tuple[float, float]) -> Placed:
    bottle = next(each for each in wide.cutouts if each.label == GAS and each.part == "cutouts2")
    return Placed(bottle, length_mm, centre)


def _box(wide: WideSources, length_mm: float, centre: tuple[float, float]) -> np.ndarray:
    canvas, _ = lay(
        np.random.default_rng(1), GROUND, [_bottle(wide, length_mm, centre)], Conditions(1.0)
    )
    return labelled(canvas)[0]


def test_an_object_has_its_size_in_mm_at_the_view_s_scale(wide: WideSources) -> None:
    sizes = []
    for scale in (1.0, 2.0):
        placed = _bottle(wide, 200.0, (200.0, 200.0))
        canvas, _ = lay(np.random.default_rng(1), GROUND, [placed], Conditions(scale))
        box = labelled(canvas)[0][0, 1:]
        sizes.append(max(box[2:] - box[:2]))
    assert sizes[0] / sizes[1] == pytest.approx(2, rel=0.1)


def test_the_part_of_a_bottle_inside_the_image_is_labelled(wide: WideSources) -> None:
    (whole,), (cut,) = _box(wide, 300, (200, 200)), _box(wide, 300, (200, 400))
    assert cut[4] == 400
    assert 0.3 < (cut[4] - cut[2]) / (whole[4] - whole[2]) < 0.7


def test_a_sliver_at_the_edge_is_removed_and_not_labelled(wide: WideSources) -> None:
    placed = [_bottle(wide, 300, (200, 400 + 120))]
    canvas, _ = lay(np.random.default_rng(4), GROUND, placed, Conditions(1.0))
    assert not len(labelled(canvas)[0])
    assert not (canvas.owner > 0).any() or (canvas.image[canvas.owner > 0] == 90).all()


def test_blur_runs_along_the_travel_and_light_darkens_everything(wide: WideSources) -> None:
    canvas, _ = lay(
        np.random.default_rng(1), GROUND, [_bottle(wide, 200, (200, 200))], Conditions(1.0)
    )
    sharp = shown(canvas, Conditions(1.0)).astype(float)
    blurred = shown(canvas, Conditions(1.0, blur_mm=30)).astype(float)
    assert np.abs(np.diff(blurred, axis=0)).max() < 0.3 * np.abs(np.diff(sharp, axis=0)).max()
    assert shown(canvas, Conditions(1.0, light=0.3)).mean() == pytest.approx(
        0.3 * sharp.mean(), rel=0.02
    )


def test_the_same_seed_makes_the_same_scene_with_boxes_inside_it(wide: WideSources) -> None:
    for number in range(12):
        one, two = (
            belt_scene(np.random.default_rng(number), wide, 128, NO_DRAWINGS) for _ in range(2)
        )
        assert (one.image == two.image).all()
        assert one.image.shape == (128, 128, 3)
        assert one.visible is not None
        assert len(one.visible) == len(one.boxes)
        assert (one.boxes[:, 1:] >= 0).all()
        assert (one.boxes[:, 1:] <= 128).all()
