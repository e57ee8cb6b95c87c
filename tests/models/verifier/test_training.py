from pathlib import Path

import numpy as np
import pytest

from models.verifier.batches import Batch, Batches
from models.verifier.kinds import Kinds
from models.verifier.pack import STORED_PX, Crop, Pack, write_pack
from models.verifier.recipe import VerifierRecipe
from models.verifier.training import one_cycle, prefetched
from models.workshop import WorkshopError

BATCH = Batch(np.zeros((1, 4, 4, 3), np.uint8), np.ones((1, 2), bool), np.ones((1, 2), bool))


def test_the_learning_rate_rises_once_and_falls_to_nearly_nothing() -> None:
    rates = [one_cycle(share) for share in np.linspace(0, 1, 101)]
    peak = int(np.argmax(rates))
    assert 5 <= peak <= 15
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_prefetched_batches_are_the_same_and_an_error_comes_through() -> None:
    assert len(list(prefetched(iter([BATCH] * 9)))) == 9

    def broken():
        yield BATCH
        raise WorkshopError("a crop is missing")

    with pytest.raises(WorkshopError, match="a crop is missing"):
        list(prefetched(broken()))


def test_a_loss_asks_for_the_allowed_kinds_and_the_hazard() -> None:
    torch = pytest.importorskip("torch", reason="comes with the train extra")
    from models.verifier.network import loss

    logits = torch.tensor([[5.0, 0.0, 0.0]])
    right, wrong = np.array([[True, False, False]]), np.array([[False, True, False]])
    good = loss(logits, right, right, smoothing=0.0, hazard=1.0)
    bad = loss(logits, wrong, wrong, smoothing=0.0, hazard=1.0)
    either = loss(logits, right | wrong, right | wrong, smoothing=0.0, hazard=1.0)
    assert float(either) < float(good) < 0.1
    assert float(bad) > 5


def test_a_training_goes_on_and_its_export_gives_the_same_features(
    tmp_path: Path, kinds: Kinds, recipe: VerifierRecipe
) -> None:
    pytest.importorskip("torch", reason="comes with the train extra")
    pytest.importorskip("efficientnet_lite_pytorch", reason="comes with the train extra")
    from models.verifier.export import export
    from models.verifier.training import train

    pixels = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    names = ("cell", "aerosol", "tin", "none")
    crops = [Crop(pixels, name, "train", "s", "laid", 40.0) for name in names]
    write_pack(tmp_path / "crops.npz", crops)
    batches = Batches([Pack(tmp_path / "crops.npz")], kinds, recipe.input_px)
    out = tmp_path / "run"
    first = train(batches, kinds, recipe, out, pretrained=False)
    assert (out / "last.pt").is_file()
    again = train(batches, kinds, recipe, out, pretrained=False)  # it is complete already
    assert again == first
    export(first, recipe, kinds, out)
    assert (out / "verifier.onnx").stat().st_size < 7.5e6
    other = recipe.model_copy(update={"features": 8})
    with pytest.raises(WorkshopError, match=r"last\.pt: is cut off, or of another recipe"):
        train(batches, kinds, other, out, pretrained=False)
    (out / "last.pt").write_bytes((out / "last.pt").read_bytes()[:5000])
    with pytest.raises(WorkshopError, match=r"last\.pt: is cut off, or of another recipe"):
        train(batches, kinds, recipe, out, pretrained=False)
