"""What can't become a model folder is refused before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.export import onnx as exporting
from models.export import plain
from models.workshop import WorkshopError


def checkpoint(monkeypatch: pytest.MonkeyPatch, task: str, names: dict[int, str]) -> None:
    """Ultralytics opens every file as this model."""
    opened = SimpleNamespace(task=task, names=names)
    monkeypatch.setattr(plain, "quiet_tools", lambda: None)
    monkeypatch.setitem(sys.modules, "ultralytics", SimpleNamespace(YOLO=lambda _: opened))


@pytest.mark.parametrize("task", ["segment", "obb", "pose", "classify"])
def test_other_tasks_than_detection_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, task: str
) -> None:
    checkpoint(monkeypatch, task, {0: "gas_canister", 1: "battery"})
    (tmp_path / "best.pt").write_bytes(b"")
    with pytest.raises(WorkshopError, match=f"is a model of the task {task}, not for detection"):
        exporting.run(tmp_path / "best.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_classes_are_referred_to_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkpoint(monkeypatch, "detect", {0: "battery", 1: "gas_canister"})
    (tmp_path / "best.pt").write_bytes(b"")
    with pytest.raises(WorkshopError, match=r"was trained for .*vigitri model import .*best\.pt"):
        exporting.run(tmp_path / "best.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()
