import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detector.vision.catalogue import Training
from models.training import adapt
from models.training.adapt import REACHES, Adaptation
from models.workshop import WorkshopError


class _FakeAdaptation(Adaptation):
    """Candidates with a reach above `good_up_to` are worse somewhere."""

    good_up_to = 1.0

    def detect(self, model: str) -> Any:
        return {model: ()}

    def compare(
        self, name: str, weights: Path, candidate: Path, old: Any, reach: float
    ) -> tuple[dict[str, Any], list[str]]:
        candidate.mkdir(exist_ok=True)
        (candidate / "model.onnx").write_text(weights.read_text())
        return {name: old}, ["scenes, battery: worse"] if reach > self.good_up_to else []


@pytest.fixture
def adaptation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _FakeAdaptation:
    def interpolated(_: Path, __: Path, reach: float, out: Path, *, layout: str) -> Path:
        out.write_text(f"{layout} at {reach:g}")
        return out

    monkeypatch.setattr(adapt, "interpolated", interpolated)
    monkeypatch.setattr(adapt, "_write_comparison", lambda *_: None)
    (tmp_path / "tuned.pt").write_text("tuned")
    parent: Any = SimpleNamespace(path=tmp_path, card=SimpleNamespace(training=Training()))
    unused: Any = None
    return _FakeAdaptation(parent, unused, (), (), tmp_path, 1)


def _deploy(adaptation: _FakeAdaptation, folder: Path) -> list[str]:
    return adaptation.deploy(
        folder / "start.pt", folder / "tuned.pt", folder / "candidate", folder / "out"
    )


def test_a_good_fine_tuned_model_is_deployed(adaptation: _FakeAdaptation, tmp_path: Path) -> None:
    assert _deploy(adaptation, tmp_path) == []
    assert (tmp_path / "out" / "model.onnx").read_text() == "tuned"


def test_a_worse_model_is_moved_towards_the_old_weights_until_it_is_good(
    adaptation: _FakeAdaptation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_FakeAdaptation, "good_up_to", REACHES[1])
    assert _deploy(adaptation, tmp_path) == []
    assert (tmp_path / "out" / "model.onnx").read_text() == f"yolo26n at {REACHES[1]:g}"


def test_a_model_that_is_worse_at_all_reaches_is_not_deployed(
    adaptation: _FakeAdaptation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_FakeAdaptation, "good_up_to", 0.0)
    assert _deploy(adaptation, tmp_path) == [
        f"scenes, battery: worse, at {REACHES[-1]:g} of the step"
    ]
    assert not (tmp_path / "out").exists()


def test_the_architecture_comes_from_the_card(adaptation: _FakeAdaptation) -> None:
    assert adaptation.layout == "yolo26n"
    card = SimpleNamespace(training=Training(architecture="yolo26n-p4"))
    parent: Any = SimpleNamespace(path=Path(), card=card)
    assert dataclasses.replace(adaptation, parent=parent).layout == "yolo26n-p4"


def test_a_run_is_not_resumed_from_another_model(tmp_path: Path) -> None:
    def model(digest: str) -> Any:
        return SimpleNamespace(sha256=digest, card=SimpleNamespace(name="vigitri-x"))

    note = tmp_path / "started_from.txt"
    for _ in range(2):
        adapt._refuse_another_start(note, model("aa"))
    with pytest.raises(WorkshopError, match="started from another model than vigitri-x"):
        adapt._refuse_another_start(note, model("bb"))
