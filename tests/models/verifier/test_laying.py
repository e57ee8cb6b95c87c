import numpy as np
import pytest

from models.verifier.crops import stored_context
from models.verifier.kinds import Kinds
from models.verifier.laying import Layer
from models.verifier.material import Material
from models.verifier.pack import STORED_PX
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError


@pytest.fixture
def layer(material: Material, recipe: VerifierRecipe, kinds: Kinds) -> Layer:
    things = [thing for thing in material.things if thing.side == "train"]
    grounds = [picture for picture in material.harmless if picture.side == "train"]
    return Layer(things, grounds, kinds, stored_context(recipe))


def test_a_crop_is_of_the_hazard_asked_for_and_the_same_for_the_same_seed(
    layer: Layer, kinds: Kinds
) -> None:
    for hazard in ("gas", "battery", "none"):
        made = [layer.crop(np.random.default_rng(5), hazard) for _ in range(2)]
        assert made[0] is not None
        assert made[1] is not None
        assert kinds.hazard(made[0].name) == hazard
        assert made[0].pixels.shape == (STORED_PX, STORED_PX, 3)
        assert np.array_equal(made[0].pixels, made[1].pixels)


def test_rare_kinds_are_picked_more_often_than_their_share(layer: Layer) -> None:
    rng = np.random.default_rng(1)
    picked = [layer.pick(rng, "gas").name for _ in range(300)]
    assert picked.count("aerosol") > 300 * 2 / 16
    assert picked.count("lpg_bottle") > 60


def test_a_background_is_harmless(layer: Layer, kinds: Kinds) -> None:
    crop = layer.background(np.random.default_rng(3))
    assert kinds.hazard(crop.name) == "none"
    assert crop.pixels.shape == (STORED_PX, STORED_PX, 3)


def test_a_side_without_cutouts_is_a_one_line_error(kinds: Kinds) -> None:
    empty = Layer([], [], kinds, 1.6)
    with pytest.raises(WorkshopError, match="no cut-outs of gas on this side"):
        empty.crop(np.random.default_rng(0), "gas")
