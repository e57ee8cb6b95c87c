from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from detector.profile.line import DEPLOYED_MODEL
from models import cli as workshop
from models.training.adapt import AdaptationResult
from tests.commands.conftest import Vigitri


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("evaluate", "none", "--data", "."), "no model 'none'"),
        (("evaluate", DEPLOYED_MODEL, "--data", "nowhere"), "nowhere: no such data folder"),
        (("quantise", "none", "--data", ".", "-o", "out"), "no model 'none'"),
        (("build-data", "--data", "nowhere", "-o", "out"), "nowhere: no such data folder"),
        (("build-data", "--data", ".", "-o", "out", "--stage", "no"), "no stage 'no'; stages: "),
        (("export", "none.pt", "-o", "out"), "none.pt: no such checkpoint"),
        (("adapt", "--answers", "nowhere", "--data", ".", "-o", "out"), "nowhere: no such folder"),
        (("answers", "none.toml", "--data", ".", "-o", "out"), "none.toml: cannot be read"),
    ],
)
def test_a_missing_file_or_folder_is_refused_in_one_line(
    vigitri: Vigitri,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = vigitri("model", *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert reason in err[0]
    assert not (tmp_path / "out").exists()


def test_a_worse_candidate_is_reported_and_exits_with_1(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = SimpleNamespace(against=["scenes, battery: AP50 0.7 -> 0.5"], candidate=tmp_path)
    monkeypatch.setattr("models.training.adapt.run", lambda *_, **__: verdict)
    code, out, err = vigitri("model", "adapt", "--answers", ".", "--data", ".", "-o", "out")
    assert (code, out) == (1, [])
    assert err == [
        "vigitri: scenes, battery: AP50 0.7 -> 0.5",
        f"vigitri: not deployed; the candidate stays in {tmp_path}",
    ]


def test_a_mistake_in_a_recipe_or_an_export_is_refused_in_one_line(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Path(workshop.CATALOGUE / "recipes" / "first.toml").read_text()
    Path("misspelt.toml").write_text(first.replace("scenes = 3000", "scnes = 3000"))
    code, _, err = vigitri("model", "build-data", "--recipe", "misspelt.toml", "--data", ".",
                           "-o", "out")  # fmt: skip
    assert (code, err) == (2, [
        "vigitri: misspelt.toml: stages.0.data.scnes = 3000: no such key; did you mean scenes?"
    ])  # fmt: skip
    Path("site").mkdir()
    cv2.imwrite("site/a.jpg", np.zeros((60, 80, 3), np.uint8))
    Path("site/coco.json").write_text(json.dumps({
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20]}],
    }))  # fmt: skip
    code, _, err = vigitri("model", "adapt", "--answers", "site", "--data", ".", "-o", "out")
    assert (code, err) == (2, [
        "vigitri: site/coco.json: annotations[0]: unknown class 'dog', known: gas_canister, "
        "battery, harmless, ignore; leave it out of the export, or name ours: --class dog=ignore"
    ])  # fmt: skip


def test_a_detector_that_was_adapted_without_a_part_of_the_answers_exits_with_1(
    vigitri: Vigitri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def run(*_: Any, **options: Any) -> AdaptationResult:
        asked.update(options)
        return AdaptationResult([], tmp_path / "candidate", ("a.txt: its image is missing",))

    monkeypatch.setattr("models.training.adapt.run", run)
    code, out, err = vigitri("model", "adapt", "--answers", tmp_path, "--data", tmp_path,
                             "-o", tmp_path / "out", "--class", "bottle=ignore")  # fmt: skip
    assert asked["renamed"] == {"bottle": "ignore"}
    assert (code, out) == (1, [f"{tmp_path / 'out'}"])
    assert err == ["vigitri: deployed without what was left out"]
