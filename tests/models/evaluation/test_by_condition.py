from pathlib import Path

import numpy as np

from detector.vision.detections import Detections
from models.data.belt_scenes import Conditions
from models.data.real_belts import real_belts
from models.data.wide_sources import WideSources
from models.evaluation.by_condition import Case, cases, measure, picture


def _bottles(wide: WideSources) -> Case:
    gas = tuple(each for each in wide.cutouts if each.label == 0)
    return Case("length", "300 mm", gas, Conditions(1.5))


def test_a_view_shows_one_hazard_of_the_case_s_length(wide: WideSources, wide_data: Path) -> None:
    waste = [each for each in wide.cutouts if each.label < 0]
    belts = real_belts(wide_data, held=False)
    made = picture(np.random.default_rng(1), _bottles(wide), belts, waste)
    assert made is not None
    image, box = made
    assert image.shape == (640, 384, 3)
    assert 120 < max(box[3:] - box[1:3]) < 230


def test_a_box_of_the_other_class_counts_only_as_one_of_any_class(
    wide: WideSources, wide_data: Path
) -> None:
    waste = [each for each in wide.cutouts if each.label < 0]
    belts = real_belts(wide_data, held=False)
    case = _bottles(wide)
    boxes = []
    for number in range(3):
        made = picture(np.random.default_rng([11, number]), case, belts, waste)
        assert made is not None
        boxes.append(made[1][1:])

    class _Engine:
        def detect(self, _image: np.ndarray, _min_score: float) -> Detections:
            box = boxes.pop(0)[None]
            return Detections(box, np.array([0.4], np.float32), np.array([1]))

    found = measure(_Engine(), case, belts, waste, count=3)
    assert found.of_class == [0.0] * 3
    assert [round(each, 2) for each in found.of_any] == [0.4] * 3
    assert found.false == 0


def test_one_thing_is_varied_at_a_time(wide: WideSources) -> None:
    blurred = [each for each in cases(wide.cutouts, lambda _: False) if each.factor == "blur"]
    assert len({each.conditions.blur_mm for each in blurred}) == len(blurred)
    assert {(each.length_mm, each.conditions.light) for each in blurred} == {(300.0, 1.0)}
