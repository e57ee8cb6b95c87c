import json
import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.site_labels import export_left_out, read_answers, split_by_scene, write_answers
from models.data.sources import GAS, IGNORE, Photograph, matching, read_photographs, read_sources
from models.training.adapt import names_of_copies, without_copies
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
    one, two = read_answers(_yolo(tmp_path, "1 0.5 0.5 0.2 0.4\n2 0.1 0.1 0.1 0.1", ""))
    assert one.boxes[:, 0].tolist() == [GAS, IGNORE]
    np.testing.assert_allclose(one.boxes[0, 1:], [0.4, 0.3, 0.6, 0.7], atol=1e-6)
    assert two.boxes.shape == (0, 5)


def test_all_mistakes_of_an_export_are_reported_at_once_with_one_line_each(
    tmp_path: Path,
) -> None:
    folder = _yolo(
        tmp_path,
        "1 0.5 0.5 0.2 0.4\n3 0.5 0.5 0.1 0.1",
        "1 0.9 0.5 0.4 0.4",
        "1 0.5 0.5",
        "4 0.5 0.5 0.1 0.1",
        "",
        "",
        classes="battery\ngas_canister\nignore\nbottle",
    )
    cut = folder / "04.jpg"
    cut.write_bytes(cut.read_bytes()[:900])
    (folder / "05.txt").unlink()
    with pytest.raises(WorkshopError) as refused:
        read_answers(folder)
    lines = str(refused.value).splitlines()
    for expected in (
        "00.txt:2: unknown class 'bottle', known: gas_canister, battery, ignore",
        "01.txt:1: box is outside 0..1",
        "02.txt:1: expected 'class cx cy w h'",
        "03.txt:1: class 4 is not in",
        "04.jpg: the image is cut off",
        "05.txt: label file is missing",
    ):
        assert sum(expected in line for line in lines) == 1, expected
    assert len(lines) == 6


def test_an_export_written_on_windows_or_macos_is_read(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "", classes="\ufeffbattery\r\ngas_canister\r\n")
    (folder / "00.txt").write_text("\ufeff1 0.5 0.5 0.2 0.4\r\n", encoding="utf-8")
    (folder / "._00.jpg").write_bytes(
        b"\x00\x05\x16\x07"
    )  # macOS adds one for each file of an archive
    (one,) = read_answers(folder)
    assert one.boxes[:, 0].tolist() == [GAS]


def test_class_names_that_are_not_utf_8_are_a_one_line_error(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4")
    (folder / "classes.txt").write_bytes("bouteille détendeur\n".encode("cp1252"))
    with pytest.raises(
        WorkshopError, match=r"unknown class .*, known: gas_canister, battery, ignore"
    ):
        read_answers(folder)


def test_labels_are_found_also_if_the_export_is_in_a_folder_images(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images" / "site 1 (été)"
    _write_image(folder / "images" / "train" / "a b.jpg")
    (folder / "classes.txt").write_text("battery")
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a b.txt").write_text("0 0.5 0.5 0.2 0.4")
    (one,) = read_answers(folder)
    assert len(one.boxes) == 1


@pytest.mark.parametrize("line", ["0 nan 0.5 0.2 0.4", "0 0.5 nan 0.2 0.4", "0 0.5 0.5 0.2 nan"])
def test_a_box_with_nan_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(WorkshopError, match=r"00\.txt:1: box is outside 0\.\.1"):
        read_answers(_yolo(tmp_path, line))


def _coco(folder: Path, **changes: object) -> Path:
    _write_image(folder / "images" / "a.jpg")
    table = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 80, "height": 60}],
        "categories": [{"id": 3, "name": "Battery"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [8, 6, 40, 30]}],
        **changes,
    }
    (folder / "coco.json").write_text(json.dumps(table))
    return folder


def test_a_coco_export_is_read(tmp_path: Path) -> None:
    (one,) = read_answers(_coco(tmp_path))
    np.testing.assert_allclose(one.boxes, [[1, 0.1, 0.1, 0.6, 0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"categories": [{"id": 3, "name": "dog"}]},
            r"annotations\[0\]: unknown class 'dog', known: ",
        ),
        ({"categories": []}, r"annotations\[0\]: its image or category is not listed"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [60, 6, 40, 30]}]}, "outside"),
        ({"annotations": [{"image_id": 7}]}, "not COCO JSON"),
        (
            {"images": [{"id": 7, "file_name": "a.jpg", "width": 60, "height": 80}]},
            "is 80 x 60 px, but 60 x 80 in the JSON: rotated",
        ),
        ({"images": [{"id": 7, "file_name": "b.jpg", "width": 80, "height": 60}]}, "neither"),
    ],
)
def test_a_wrong_coco_export_is_a_one_line_error(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(WorkshopError, match=expected) as refused:
        read_answers(_coco(tmp_path, **changes))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("on_disk", "in_json"),
    [
        ("e\u0301te\u0301 1.jpg", "\u00e9t\u00e9 1.jpg"),
        ("\u00e9t\u00e9.jpg", "e\u0301te\u0301.jpg"),
        ("hall 2/a.jpg", "hall 2\\a.jpg"),
    ],
)
def test_an_image_is_found_with_any_system_s_spelling_of_its_name(
    tmp_path: Path, on_disk: str, in_json: str
) -> None:
    image = {"id": 7, "file_name": in_json, "width": 80, "height": 60}
    folder = _coco(tmp_path, images=[image])
    _write_image(folder / "images" / on_disk)
    (one,) = read_answers(folder)
    assert one.path == folder / "images" / on_disk


def test_a_json_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = _coco(tmp_path)
    (folder / "coco.json").write_bytes(b"\xef\xbb\xbf" + (folder / "coco.json").read_bytes())
    assert len(read_answers(folder)) == 1


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"neither data\.yaml nor classes\.txt"):
        read_answers(tmp_path)
    with pytest.raises(WorkshopError, match="no such folder"):
        read_answers(tmp_path / "none")


def _answers(*names: str) -> tuple[Photograph, ...]:
    return tuple(
        Photograph(Path(name), np.zeros((0, 5), np.float32), False, name) for name in names
    )


def test_neighbours_are_held_back_together_and_no_image_is_in_both_parts() -> None:
    answers = _answers(*(f"{number:03d}.jpg" for number in range(40)))
    learned, held = split_by_scene(answers, 0.3)
    assert len(held) == 12
    assert {*learned, *held} == {*answers}
    assert not {*learned} & {*held}
    numbers = [int(each.path.stem) for each in held]
    assert sum(b - a > 1 for a, b in pairwise(numbers)) == 2


def test_each_folder_is_a_scene() -> None:
    answers = _answers(*(f"{hall}/{n}.jpg" for hall in "abcde" for n in range(3)))
    learned, held = split_by_scene(answers, 0.3)
    assert not {each.path.parent for each in learned} & {each.path.parent for each in held}
    assert len({each.path.parent for each in held}) == 2


def test_neighbours_are_found_by_number_and_not_by_the_folders_of_a_random_split() -> None:
    answers = _answers(*(f"{('train', 'valid', 'test')[n % 3]}/f{n}.jpg" for n in range(120)))
    _, held = split_by_scene(answers, 0.3)
    numbers = sorted(int(each.path.stem[1:]) for each in held)
    assert len(numbers) == 36
    assert sum(b - a > 1 for a, b in pairwise(numbers)) == 2


def test_augmented_copies_of_one_original_are_held_back_together() -> None:
    answers = _answers(*(f"f{n}_jpg.rf.{copy}.jpg" for n in range(25) for copy in "abc"))
    learned, held = split_by_scene(answers, 0.3)
    originals = [{each.path.name.split(".rf.")[0] for each in part} for part in (learned, held)]
    assert not originals[0] & originals[1]
    assert len(learned) + len(held) == 75


def test_a_copy_of_a_held_back_image_under_another_name_is_not_used_for_training(
    tmp_path: Path,
) -> None:
    _write_image(tmp_path / "a.jpg")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(b"another")
    a, b, c = _answers(*(str(tmp_path / f"{name}.jpg") for name in "abc"))
    assert without_copies((a,), (b, c)) == (c,)


def test_two_images_are_too_few() -> None:
    with pytest.raises(WorkshopError, match="too few"):
        split_by_scene(_answers("a.jpg", "b.jpg"), 0.3)


def test_photographs_left_out_by_a_recipe_are_exported_like_a_site_s(
    data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("yaml")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "a"\nversion = 1\nstart_from = "a.pt"\nseed = 1\nleave_out = ["train_gas_*"]\n'
        '[[stages]]\nname = "one"\nepochs = 1\nlr = 1e-3\nlr_end = 1e-4\ndata = { scenes = 1 }\n'
    )
    (one,) = read_answers(export_left_out(recipe, data, tmp_path / "out"))
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
