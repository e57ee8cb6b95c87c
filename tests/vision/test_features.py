"""The verifier's network in both engines, and networks that do not fit their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.seeing_model import write_model
from detector.vision.catalogue import ModelError, ModelFolder
from detector.vision.engine import EngineError
from detector.vision.features import OnnxFeatures
from detector.vision.openvino_engine import OpenVinoFeatures
from detector.vision.verifier import Verifier, load_head
from tests.fakes import make_card
from tests.verifiers import KINDS, verifier, verifier_card, write_verifier
from tests.vision.test_verifier import BLUE, GREY, RED, WHITE, most_probable


def folder(tmp_path: Path, **changes: Any) -> ModelFolder:
    write_verifier(tmp_path, **changes)
    return ModelFolder(tmp_path, make_card())


@pytest.mark.parametrize("engine", [OnnxFeatures, OpenVinoFeatures])
def test_both_engines_run_the_network_of_the_folder(tmp_path: Path, engine: Any) -> None:
    model, card = folder(tmp_path), verifier_card()
    checked = Verifier("n1", card, load_head(tmp_path / card.head), engine(model, card, threads=1))
    assert most_probable(checked, WHITE, BLUE, RED, GREY) == list(KINDS)
    expected = verifier()
    checked.crops[:] = expected.crops[:] = np.random.default_rng(2).integers(
        0, 255, checked.crops.shape, dtype=np.uint8
    )
    for count in (1, 3):
        ours, theirs = checked.probabilities(count), expected.probabilities(count)
        assert ours == pytest.approx(theirs, abs=0.05)  # bfloat16


@pytest.mark.parametrize("engine", [OnnxFeatures, OpenVinoFeatures])
def test_a_failure_inside_the_network_is_an_engine_error(tmp_path: Path, engine: Any) -> None:
    run = engine(folder(tmp_path), verifier_card(), threads=1)
    with pytest.raises(EngineError, match="test-n1: inference failed: "):
        run.features(np.zeros((2, 8), dtype=np.uint8))


def test_a_network_for_crops_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"crops of \[64, 64, 3\], the card has .*input_px = 32"):
        OnnxFeatures(folder(tmp_path, px=64), verifier_card())


def test_a_network_with_another_batch_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"batches of 3 only, the card has .* \[2, 4\]"):
        OnnxFeatures(folder(tmp_path, batch=3), verifier_card())


def test_a_network_that_is_no_verifier_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    with pytest.raises(ModelError, match=r"takes images tensor\(uint8\) and gives found; a verif"):
        OnnxFeatures(
            ModelFolder(tmp_path / "model", make_card()), verifier_card(features="model.onnx")
        )
