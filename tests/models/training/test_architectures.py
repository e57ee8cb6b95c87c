import re

import pytest

from models.errors import WorkshopError
from models.training.architectures import difference, layers, shipped


@pytest.mark.parametrize("name", shipped())
def test_what_the_workshop_ships_differs_from_a_stock_architecture_and_reads(name: str) -> None:
    differs = difference(name)
    assert differs.like == "yolo26n"
    if differs.taken_from is not None:
        backbone = 11 if differs.backbone is None else len(differs.backbone)
        assert len(differs.taken_from) == backbone + len(differs.head or ())


def test_an_architecture_of_ultralytics_differs_from_itself_in_nothing() -> None:
    differs = difference("yolo11n")
    assert differs.like == "yolo11n"
    assert differs.model_dump(exclude={"like"}, exclude_none=True) == {}


def test_an_architecture_that_nobody_knows_is_one_line_with_those_that_are_known() -> None:
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    known = re.escape(", ".join(shipped()))
    with pytest.raises(WorkshopError, match=rf"architecture = 'yolo99': is neither .* {known}"):
        layers("yolo99")


def test_a_narrower_one_keeps_the_layers_and_their_number() -> None:
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    stock, narrow = layers("yolo26n"), layers("yolo26-w1875")
    assert narrow["head"] == stock["head"]
    assert "scales" not in narrow
    assert (narrow["depth_multiple"], narrow["width_multiple"]) == (0.5, 0.1875)
