import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.training import adapt
from models.training.adapt import REACHES, Adaptation
from models.workshop import WorkshopError


class _Judging(Adaptation):
    """Candidates beyond `sound_up_to` of the way have forgotten something."""

    sound_up_to = 1.0

    def seen(self, model: str) -> Any:
        return {model: ()}

    def judged(
        self, name: str, weights: Path, candidate: Path, old: Any, reach: float
    ) -> tuple[dict[str, Any], list[str]]:
        candidate.mkdir(exist_ok=True)
        (candidate / "model.onnx").write_text(weights.read_text())
        return {name: old}, ["scenes, battery: worse"] if reach > self.sound_up_to else []


@pytest.fixture
def judging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Judging:
    def between(_: Path, __: Path, reach: float, out: Path, *, layout: str) -> Path:
        out.write_text(f"{layout} at {reach:g}")
        return out

    monkeypatch.setattr(adapt, "between", between)
    monkeypatch.setattr(adapt, "_tell", lambda *_: None)
    (tmp_path / "tuned.pt").write_text("tuned")
    parent: Any = SimpleNamespace(path=tmp_path, card=SimpleNamespace(training={}))
    anything: Any = None
    return _Judging(parent, anything, (), (), tmp_path, 1)


def _deploy(judging: _Judging, folder: Path) -> list[str]:
    return judging.deploy(
        folder / "start.pt", folder / "tuned.pt", folder / "candidate", folder / "out"
    )


def test_what_is_sound_as_it_was_tuned_is_deployed_so(judging: _Judging, tmp_path: Path) -> None:
    assert _deploy(judging, tmp_path) == []
    assert (tmp_path / "out" / "model.onnx").read_text() == "tuned"


def test_what_has_forgotten_goes_back_towards_the_old_weights_until_it_is_sound(
    judging: _Judging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Judging, "sound_up_to", REACHES[1])
    assert _deploy(judging, tmp_path) == []
    assert (tmp_path / "out" / "model.onnx").read_text() == f"yolo26n at {REACHES[1]:g}"


def test_what_is_sound_nowhere_on_the_way_is_not_deployed(
    judging: _Judging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Judging, "sound_up_to", 0.0)
    assert _deploy(judging, tmp_path) == [f"scenes, battery: worse, at {REACHES[-1]:g} of the way"]
    assert not (tmp_path / "out").exists()


def test_the_architecture_is_the_one_that_the_card_tells(judging: _Judging) -> None:
    assert judging.layout == "yolo26n"
    card = SimpleNamespace(training={"architecture": "yolo26n-p4"})
    parent: Any = SimpleNamespace(path=Path(), card=card)
    assert dataclasses.replace(judging, parent=parent).layout == "yolo26n-p4"


def test_what_was_begun_from_one_model_does_not_go_on_from_another(tmp_path: Path) -> None:
    def model(digest: str) -> Any:
        return SimpleNamespace(sha256=digest, card=SimpleNamespace(name="vigitri-x"))

    note = tmp_path / "started_from.txt"
    for _ in range(2):
        adapt._refuse_another_start(note, model("aa"))
    with pytest.raises(WorkshopError, match="was begun from another model than vigitri-x"):
        adapt._refuse_another_start(note, model("bb"))
