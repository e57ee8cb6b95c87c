"""What the verifier attended to: on a small network, and the deployed one on drawn objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.profile.line import ModelChoice
from detector.vision.attention import attention, overlay
from detector.vision.catalogue import find_model
from detector.vision.engines import open_verifier
from detector.vision.verifier import Verifier
from tests.verifiers import MeanColour, verifier
from twin.drawn.belt import belt_loop
from twin.drawn.objects import SIZE_MM, draw

LONGEST_PX = 120.0


@pytest.fixture(scope="module")
def deployed() -> Verifier:
    made = open_verifier(find_model("vigitri-n7"), ModelChoice(engine="onnxruntime"))
    assert made is not None
    return made


def drawn_crop(kind: str, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An object in the middle of its crop, on belt; and where it is."""
    rng = np.random.default_rng(seed)
    scale = LONGEST_PX / SIZE_MM[kind][0]
    belt = belt_loop(900 / scale, 320 / scale, scale, "worn", rng)
    thing = draw(kind, rng, scale)
    height, width = thing.shape[:2]
    side = round(1.3 * max(height, width))
    crop = belt[100 : 100 + side, 500 : 500 + side].copy()
    top, left = (side - height) // 2, (side - width) // 2
    alpha = thing[..., 3:] / 255
    place = np.s_[top : top + height, left : left + width]
    crop[place] = thing[..., :3] * alpha + crop[place] * (1 - alpha)
    shown = np.zeros((side, side), dtype=np.bool_)
    shown[place] = thing[..., 3] > 127
    return crop, shown


def reduced(shown: NDArray[np.bool_], px: int) -> NDArray[np.bool_]:
    rows = np.arange(px) * len(shown) // px
    return shown[np.ix_(rows, rows)]


@pytest.mark.parametrize(
    ("kind", "hazard", "named"),
    [("gas_bottle", "gas", "cartridge"), ("aa_cell", "battery", "cell")],
)
def test_the_deployed_verifier_attends_to_the_object_more_than_to_the_belt(
    deployed: Verifier, kind: str, hazard: str, named: str
) -> None:
    crop, shown = drawn_crop(kind, 5)
    found = attention(deployed, crop)
    assert (found.hazard, found.kinds[0][0]) == (hazard, named)
    assert found.hazard_probability > 0.5
    assert found.lowest_probability < found.hazard_probability - 0.2
    on_it = reduced(shown, len(found.fall))
    assert found.fall[on_it].mean() > 2 * found.fall[~on_it].mean()
    assert on_it[np.unravel_index(found.fall.argmax(), found.fall.shape)]


def white_corner() -> NDArray[np.uint8]:
    """A crop that is gas to `MeanColour` by its upper left quarter alone."""
    crop = np.full((64, 64, 3), 100, dtype=np.uint8)
    crop[:32, :32] = 255
    return crop


def test_only_what_carries_the_verdict_is_marked() -> None:
    found = attention(verifier(), white_corner(), "gas")
    assert found.fall.shape == (32, 32)
    assert found.fall[:16, :16].min() > 0
    assert found.fall[22:, 22:].max() == 0


def test_small_batches_are_used_however_many_parts_are_hidden() -> None:
    engine = MeanColour()
    attention(verifier(engine), white_corner())
    assert set(engine.batches) <= {2, 4}
    assert sum(engine.batches) >= 1 + 12 * 12


def test_another_hazard_can_be_asked_for() -> None:
    checked = verifier()
    red = np.zeros((64, 64, 3), dtype=np.uint8)
    red[..., 2] = 255
    assert attention(checked, red).hazard == "battery"
    gas = attention(checked, red, "gas")
    assert (gas.hazard, gas.kinds[0][:2]) == ("gas", ("cell", "battery"))
    assert gas.hazard_probability < 0.1


@pytest.mark.parametrize("side", [20, 64, 400])
def test_the_overlay_is_grey_but_where_the_verdict_rests(side: int) -> None:
    crop: Any = np.full((side, side, 3), (10, 200, 30), dtype=np.uint8)
    fall = np.zeros((32, 32), dtype=np.float32)
    fall[:8, :8] = 3
    shown = overlay(crop, fall).astype(int)
    assert shown.shape == (max(320, side),) * 2 + (3,)
    assert np.ptp(shown[-50:, -50:], axis=2).max() == 0
    assert np.ptp(shown[30, 30]) > 60
