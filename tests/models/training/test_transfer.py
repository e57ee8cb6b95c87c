"""Needs the train extra, but for the arithmetic of channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.architectures import difference, layers, shipped
from models.training.transfer import _places, _strongest, start_checkpoint, transfer

PICTURES = [np.random.default_rng(n).integers(0, 256, (64, 96, 3), np.uint8) for n in range(2)]


@given(
    st.lists(st.floats(0, 100, width=32), min_size=2, max_size=40).filter(lambda x: len(x) % 2 == 0)
)
def test_of_each_part_the_strongest_channels_stay_in_their_old_order(
    strengths: list[float],
) -> None:
    strength = np.array(strengths, np.float32)
    half = len(strength) // 2
    kept = _strongest(strength, 2 * max(1, half // 2), parts=2)
    for part in range(2):
        mine = kept[(kept >= part * half) & (kept < (part + 1) * half)]
        assert len(mine) == max(1, half // 2)
        assert (np.diff(mine) > 0).all()
        gone = np.setdiff1d(np.arange(part * half, (part + 1) * half), mine)
        assert strength[mine].min() >= strength[gone].max(initial=0)


def test_an_input_that_the_old_layer_did_not_have_starts_from_noise() -> None:
    among = [np.array([70, 71]), np.array([-1, 30])]
    assert _places(np.array([30, 99, -1, 70]), among).tolist() == [3, -1, -1, 0]


def _net(name: str, seed: int) -> Any:
    torch = pytest.importorskip("torch", reason="comes with the train extra")
    pytest.importorskip("ultralytics", reason="comes with the train extra")
    plan = layers(name)
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(seed)
    return DetectionModel(plan, ch=3, nc=2, verbose=False).eval()


def _same(old: Any, new: Any) -> bool:
    before, after = old.state_dict(), new.state_dict()
    return before.keys() == after.keys() and all(
        np.array_equal(value, after[key]) for key, value in before.items() if value.ndim
    )


@pytest.mark.parametrize("name", ["yolo26n", "yolo11n"])
def test_into_the_same_architecture_everything_goes(name: str) -> None:
    old, new = _net(name, 0), _net(name, 1)
    assert not _same(old, new)
    transfer(old, new)
    assert _same(old, new)


def test_a_level_more_leaves_the_others_as_they_were() -> None:
    old, new = _net("yolo26n", 0), _net("yolo26n-p2", 1)
    transfer(old, new, difference("yolo26n-p2").taken_from)
    assert all(_same(old.model[number], new.model[number]) for number in range(23))
    assert _same(old.model[23].cv2, new.model[26].cv2[1:])


def test_a_narrower_one_keeps_the_kernels_of_the_channels_that_stay() -> None:
    old, new = _net("yolo26n", 0), _net("yolo26-w125", 1)
    transfer(old, new)
    strength = old.model[0].conv.weight.flatten(1).norm(dim=1).detach().numpy()
    first = _strongest(strength, 8, 1)
    assert np.array_equal(
        new.model[0].conv.weight.detach(), old.model[0].conv.weight.detach()[first]
    )
    strength = old.model[1].conv.weight.flatten(1).norm(dim=1).detach().numpy()
    second = _strongest(strength, 16, 1)
    assert np.array_equal(
        new.model[1].conv.weight.detach(), old.model[1].conv.weight.detach()[second][:, first]
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, of its own exporter
@pytest.mark.parametrize("name", shipped())
def test_every_architecture_starts_exports_and_is_restored(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxslim", reason="comes with the train extra")
    from ultralytics import YOLO

    from models.export.onnx import export_onnx
    from models.training.restore import restore

    source = tmp_path / "source.pt"
    YOLO("yolo26n.yaml", task="detect").save(source)
    start = start_checkpoint(name, source, tmp_path / "start.pt", PICTURES)
    model = export_onnx(start, tmp_path / "model", rounds=1).path  # which compares it itself
    assert restore(model, tmp_path / "again.pt", PICTURES, layout=name).is_file()
