from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from detector.vision.catalogue import read_card, sha256, write_card
from tests.adaptation.small_model import PATTERNS, crop_of, lookalikes, write_answers, write_model
from tests.commands.conftest import Vigitri


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return write_answers(tmp_path / "answers", [("tin", each) for each in lookalikes(6)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_answers_become_a_new_head_and_undo_takes_it_back(
    vigitri: Vigitri, folder: Path, answers: Path
) -> None:
    before = files(folder)
    where = ("--model", f"{folder}/")
    code, out, err = vigitri("model", "adapt", "--head-only", "--answers", answers, *where)
    assert (code, len(err)) == (0, 1)
    assert "new head verifier_head.1.npz: 6 answers: 6 tin" in err[0]
    assert out[0] == "6 answers: 6 tin; 2 of them held back, by scene"
    assert "| answers, all | tin | 6 | false alarms | 6 | 0 |  |" in out
    assert out[-1].startswith(f"deployed: {folder}/verifier_head.1.npz, with the table beside it")
    assert "A detector that is running keeps its head until it is restarted" in out[-1]
    report = json.loads((folder / "verifier_head.1.json").read_text())
    assert report["rows"][0]["after"] == 0
    assert "| bank, held back | all gas |" in (folder / "verifier_head.1.md").read_text()

    code, out, err = vigitri("model", "adapt", "--undo", *where)
    assert (code, len(err)) == (0, 1)
    assert "verifier_head.npz" in err[0]
    assert out[0].startswith("taken back: 6 answers: 6 tin; 2 of them held back, by scene (")
    assert "The head is verifier_head.npz again" in out[0]
    assert files(folder) == before | {
        name: data for name, data in files(folder).items() if name.startswith("verifier_head.1.")
    }


def test_a_worse_head_exits_with_1_and_changes_nothing(
    vigitri: Vigitri, folder: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    wrong = write_answers(
        tmp_path / "wrong", [("false_alarm", crop_of(PATTERNS[0], rng)) for _ in range(30)]
    )
    before = files(folder)
    code, out, err = vigitri(
        "model", "adapt", "--head-only", "--answers", wrong, "--model", f"{folder}/"
    )
    assert code == 1
    assert any(line.startswith("| bank, held back | gas_bottle |") for line in out)
    assert any("gas floor" in line for line in err)
    assert err[-1] == "vigitri: not deployed; nothing was changed"
    assert files(folder) == before


def test_an_adapted_copy_leaves_the_model_as_it_is(
    vigitri: Vigitri, folder: Path, answers: Path, tmp_path: Path
) -> None:
    before = files(folder)
    words = ("model", "adapt", "--head-only", "--answers", answers, "--model", f"{folder}/")
    assert vigitri(*words, "-o", tmp_path / "copy").code == 0
    assert files(folder) == before
    assert (tmp_path / "copy" / "verifier_head.1.npz").is_file()
    code, _, err = vigitri(*words, "-o", tmp_path / "copy")
    assert (code, len(err)) == (2, 1)
    assert "is there already; give a new folder" in err[0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--head-only",), "--answers: is missing"),
        (("--head-only", "--answers", "nowhere"), "nowhere: no such folder"),
        (("--undo",), "has not been adapted; there is nothing to undo"),
        (("--answers", "answers"), "--data: is missing; it is needed without --head-only"),
        (("--answers", "answers", "--data", "."), "-o: is missing; it is needed without"),
    ],
)
def test_a_mistake_is_refused_in_one_line_and_nothing_changes(
    vigitri: Vigitri,
    folder: Path,
    answers: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    words: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(answers.parent)
    before = files(folder)
    code, out, err = vigitri("model", "adapt", "--model", f"{folder}/", *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert reason in err[0]
    assert files(folder) == before


def _cut_off(folder: Path, name: str, *, named: bool) -> None:
    """Cut a file of the model off. `named`: with the hash that the card names."""
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if named:
        card = read_card(folder / "card.toml")
        write_card(folder, card.model_copy(update={"files": {**card.files, name: sha256(path)}}))


def _head_of_fewer_kinds(folder: Path) -> None:
    path = folder / "verifier_head.npz"
    with np.load(path) as arrays:
        weights, bias = arrays["weights"][:-1], arrays["bias"][:-1]
    np.savez(path, weights=weights, bias=bias)
    card = read_card(folder / "card.toml")
    files = {**card.files, path.name: sha256(path)}
    write_card(folder, card.model_copy(update={"files": files}))


def _other_input(folder: Path) -> None:
    card = read_card(folder / "card.toml")
    assert card.verifier is not None
    verifier = card.verifier.model_copy(update={"input_px": 32})
    write_card(folder, card.model_copy(update={"verifier": verifier}))


def _is_refused(vigitri: Vigitri, folder: Path, answers: Path, reason: str) -> None:
    before = files(folder)
    code, out, err = vigitri(
        "model", "adapt", "--head-only", "--answers", answers, "--model", f"{folder}/"
    )
    assert (code, out, len(err)) == (2, [], 1)
    assert re.search(reason, err[0])
    assert files(folder) == before


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (partial(_cut_off, name="verifier_bank.npz", named=True), "can't be read as a feature"),
        (partial(_cut_off, name="verifier.onnx", named=False), r"verifier\.onnx: its sha256 is"),
        (partial(_cut_off, name="verifier_head.npz", named=True), "can't be read as a verifier's"),
        (lambda folder: (folder / "verifier_bank.npz").unlink(), "a head can't be checked"),
        (_head_of_fewer_kinds, "has 4 kinds, the card has 5"),
        (_other_input, r"takes crops of \[16, 16, 3\], the card has verifier.input_px = 32"),
    ],
)
def test_a_verifier_that_does_not_fit_its_card_is_refused_and_nothing_changes(
    vigitri: Vigitri, folder: Path, answers: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(folder)
    _is_refused(vigitri, folder, answers, reason)


def _of_another_model(answers: Path) -> None:
    (answers / "classes.txt").write_text("dishwasher")


def _of_no_area(answers: Path) -> None:
    (answers / "labels" / "002.txt").write_text("0 0.5 0.5 0.0001 0.5")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_of_another_model, r"000\.txt:1: unknown class 'dishwasher.*\(6 in all"),
        (_of_no_area, r"002\.txt:1: box of 0\.00 x 8\.00 px has no area; draw it again"),
    ],
)
def test_answers_that_cannot_be_learned_are_refused_and_nothing_changes(
    vigitri: Vigitri, folder: Path, answers: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(answers)
    _is_refused(vigitri, folder, answers, reason)


def test_a_model_without_a_verifier_is_refused(
    vigitri: Vigitri, model: Path, answers: Path
) -> None:
    code, _, err = vigitri(
        "model", "adapt", "--head-only", "--answers", answers, "--model", f"{model}/"
    )
    assert (code, len(err)) == (2, 1)
    assert "has no verifier, so it has no head to adapt" in err[0]


def test_where_the_training_tools_are_not_installed_the_other_way_says_what_it_needs(
    vigitri: Vigitri, answers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "models.cli", None)
    code, out, err = vigitri("model", "adapt", "--answers", answers, "--data", ".", "-o", "out")
    assert (code, out) == (2, [])
    assert err == [
        "vigitri: models/ is not installed: without --head-only the detector is fine-tuned, in a "
        "checkout with the extra train. Add --head-only to adapt the verifier's head here"
    ]


def test_what_is_left_out_of_the_answers_is_named_and_exits_with_1(
    vigitri: Vigitri, folder: Path, answers: Path
) -> None:
    (answers / "images" / "000.png").rename(answers / "images" / "007.nef")
    words = ("model", "adapt", "--head-only", "--answers", answers, "--model", f"{folder}/")
    code, out, err = vigitri(*words)
    assert code == 1
    assert out[0].startswith("5 answers: 5 tin")
    assert out[-1].startswith("deployed: ")
    assert [line for line in err if line.startswith("vigitri: ")] == [
        f"vigitri: left out: {answers}/labels/000.txt: its image is missing; add it, or delete "
        "the label file",
        f"vigitri: left out: {answers}/images/007.nef: not read: a camera's raw image; export "
        "it as JPEG or PNG",
        "vigitri: deployed without what was left out",
    ]


def test_a_class_of_the_export_is_renamed(vigitri: Vigitri, folder: Path, answers: Path) -> None:
    (answers / "classes.txt").write_text("Paint can")
    words = ("model", "adapt", "--head-only", "--answers", answers, "--model", f"{folder}/")
    code, _, err = vigitri(*words)
    assert (code, len(err)) == (2, 1)
    assert "unknown class 'Paint can', known: " in err[0]
    assert "--class 'Paint can=ignore' (6 in all: also 001.txt:1, " in err[0]
    code, out, _ = vigitri(*words, "--class", "paint can=tin")
    assert code == 0
    assert out[0].startswith("6 answers: 6 tin")
    assert out[1].startswith("6 boxes of class 'Paint can' read as tin (first: ")
    code, _, err = vigitri(*words, "--class", "tin")
    assert (code, len(err)) == (2, 1)
    assert "--class 'tin': is not THEIRS=OURS" in err[0]
