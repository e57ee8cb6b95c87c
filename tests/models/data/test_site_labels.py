import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.site_labels import export_left_out, read_answers, write_answers
from models.data.sources import GAS, IGNORE, Photograph, matching, read_photographs, read_sources
from models.training.adapt import names_of_copies
from models.workshop import WorkshopError


def _write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))


def _yolo(folder: Path, *labels: str, classes: str = "battery\ngas_canister\nignore\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "classes.txt").write_text(classes)
    for number, label in enumerate(labels):
        _write_image(folder / f"{number:02d}.jpg")
        (folder / f"{number:02d}.txt").write_text(label)
    return folder


def test_classes_of_a_yolo_export_are_matched_by_name(tmp_path: Path) -> None:
    one, two = read_answers(_yolo(tmp_path, "1 0.5 0.5 0.2 0.4\n2 0.1 0.1 0.1 0.1", "")).photographs
    assert one.boxes[:, 0].tolist() == [GAS, IGNORE]
    np.testing.assert_allclose(one.boxes[0, 1:], [0.4, 0.3, 0.6, 0.7], atol=1e-6)
    assert two.boxes.shape == (0, 5)


def _answers(*names: str) -> tuple[Photograph, ...]:
    return tuple(
        Photograph(Path(name), np.zeros((0, 5), np.float32), False, name) for name in names
    )


def test_photographs_left_out_by_a_recipe_are_exported_like_a_site_s(
    data: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "a"\nversion = 1\nstart_from = "a.pt"\nseed = 1\nleave_out = ["train_gas_*"]\n'
        '[[stages]]\nname = "one"\nepochs = 1\nlr = 1e-3\nlr_end = 1e-4\ndata = { scenes = 1 }\n'
    )
    (one,) = read_answers(export_left_out(recipe, data, tmp_path / "out")).photographs
    (source,) = (p for p in read_photographs(data, "train") if p.path.stem == "train_gas_000")
    np.testing.assert_allclose(one.boxes, source.boxes, atol=2e-6)


def test_photographs_left_out_by_a_recipe_are_not_used_for_training(data: Path) -> None:
    every = read_sources(data, 0.3, held=False).photographs
    kept = read_sources(data, 0.3, held=False, leave_out=["train_gas_*"]).photographs
    assert {p.path.stem for p in every} - {p.path.stem for p in kept} == {"train_gas_000"}
    assert not matching(kept, ["train_gas_*"])


def test_an_image_without_objects_is_written_with_an_empty_label_file(tmp_path: Path) -> None:
    _write_image(tmp_path / "a.jpg")
    write_answers(_answers(str(tmp_path / "a.jpg")), tmp_path / "out")
    assert (tmp_path / "out" / "labels" / "a.txt").read_text() == ""


def test_base_photographs_identical_to_an_answer_are_not_replayed(
    data: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(data, base)
    mine = tmp_path / "of_the_site.jpg"
    _write_image(mine)
    shutil.copy(mine, base / "photos" / "images" / "train_battery_000.jpg")
    assert names_of_copies(_answers(str(mine)), base) == ["train_battery_000"]


def test_a_mistake_in_an_export_is_a_mistake_of_the_workshop(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="unknown class 'bottle', known: gas_canister, battery"):
        read_answers(_yolo(tmp_path, "0 0.5 0.5 0.2 0.4", classes="bottle"))


def test_harmless_objects_are_learned_as_background_and_counted(tmp_path: Path) -> None:
    export = read_answers(
        _yolo(tmp_path, "0 0.5 0.5 0.2 0.4\n1 0.5 0.5 0.2 0.4", classes="bottle\nbattery"),
        {"bottle": "harmless"},
    )
    assert export.photographs[0].boxes[:, 0].tolist() == [1]
    assert export.noted[1:] == ("1 boxes of harmless objects learned as background",)
