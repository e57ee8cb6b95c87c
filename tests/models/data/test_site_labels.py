import json
import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.site_labels import hand_in, read_answers, split_by_scene, write_answers
from models.data.sources import GAS, IGNORE, Photograph, matching, read_photographs, read_sources
from models.errors import WorkshopError
from models.training.adapt import apart_from, handed_in


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))


def _yolo(folder: Path, *labels: str, classes: str = "battery\ngas_canister\nignore\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "classes.txt").write_text(classes)
    for number, label in enumerate(labels):
        _picture(folder / f"{number:02d}.jpg")
        (folder / f"{number:02d}.txt").write_text(label)
    return folder


def test_classes_of_a_yolo_export_are_matched_by_name(tmp_path: Path) -> None:
    one, two = read_answers(_yolo(tmp_path, "1 0.5 0.5 0.2 0.4\n2 0.1 0.1 0.1 0.1", ""))
    assert one.boxes[:, 0].tolist() == [GAS, IGNORE]
    np.testing.assert_allclose(one.boxes[0, 1:], [0.4, 0.3, 0.6, 0.7], atol=1e-6)
    assert two.boxes.shape == (0, 5)


def test_everything_that_is_wrong_with_an_export_is_said_at_once_each_on_one_line(
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
    for said in (
        "00.txt:2: class 'bottle' is none of gas_canister, battery, ignore",
        "01.txt:1: box lies outside 0..1",
        "02.txt:1: want 'class cx cy w h'",
        "03.txt:1: class 4 is not in",
        "04.jpg: the image is cut off",
        "05.txt: label file is missing",
    ):
        assert sum(said in line for line in lines) == 1, said
    assert len(lines) == 6


def test_an_export_as_windows_and_macs_write_it_is_read(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "", classes="\ufeffbattery\r\ngas_canister\r\n")
    (folder / "00.txt").write_text("\ufeff1 0.5 0.5 0.2 0.4\r\n", encoding="utf-8")
    (folder / "._00.jpg").write_bytes(b"\x00\x05\x16\x07")  # beside each file of a Mac's archive
    (one,) = read_answers(folder)
    assert one.boxes[:, 0].tolist() == [GAS]


def test_names_of_classes_that_are_no_utf_8_are_one_line(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4")
    (folder / "classes.txt").write_bytes("bouteille détendeur\n".encode("cp1252"))
    with pytest.raises(WorkshopError, match="is none of gas_canister, battery, ignore"):
        read_answers(folder)


def test_labels_lie_in_labels_also_where_the_export_lies_in_a_folder_images(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images" / "site 1 (été)"
    _picture(folder / "images" / "train" / "a b.jpg")
    (folder / "classes.txt").write_text("battery")
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a b.txt").write_text("0 0.5 0.5 0.2 0.4")
    (one,) = read_answers(folder)
    assert len(one.boxes) == 1


@pytest.mark.parametrize("line", ["0 nan 0.5 0.2 0.4", "0 0.5 nan 0.2 0.4", "0 0.5 0.5 0.2 nan"])
def test_a_box_that_is_no_number_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(WorkshopError, match=r"00\.txt:1: box lies outside 0\.\.1"):
        read_answers(_yolo(tmp_path, line))


def _coco(folder: Path, **changes: object) -> Path:
    _picture(folder / "images" / "a.jpg")
    table = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 80, "height": 60}],
        "categories": [{"id": 3, "name": "Battery"}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [8, 6, 40, 30]}],
        **changes,
    }
    (folder / "coco.json").write_text(json.dumps(table))
    return folder


def test_a_coco_export_is_read_too(tmp_path: Path) -> None:
    (one,) = read_answers(_coco(tmp_path))
    np.testing.assert_allclose(one.boxes, [[1, 0.1, 0.1, 0.6, 0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"categories": [{"id": 3, "name": "dog"}]}, r"annotations\[0\]: class 'dog' is none of"),
        ({"categories": []}, r"annotations\[0\]: its picture or category is not listed"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [60, 6, 40, 30]}]}, "outside"),
        ({"annotations": [{"image_id": 7}]}, "is not COCO JSON"),
        (
            {"images": [{"id": 7, "file_name": "a.jpg", "width": 60, "height": 80}]},
            "is 80 x 60 px, and the JSON says 60 x 80: it was turned",
        ),
        ({"images": [{"id": 7, "file_name": "b.jpg", "width": 80, "height": 60}]}, "neither"),
    ],
)
def test_a_coco_export_that_is_wrong_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(WorkshopError, match=said) as refused:
        read_answers(_coco(tmp_path, **changes))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("lies", "told"),
    [
        ("e\u0301te\u0301 1.jpg", "\u00e9t\u00e9 1.jpg"),
        ("\u00e9t\u00e9.jpg", "e\u0301te\u0301.jpg"),
        ("hall 2/a.jpg", "hall 2\\a.jpg"),
    ],
)
def test_a_picture_is_found_however_a_system_spells_its_name(
    tmp_path: Path, lies: str, told: str
) -> None:
    picture = {"id": 7, "file_name": told, "width": 80, "height": 60}
    folder = _coco(tmp_path, images=[picture])
    _picture(folder / "images" / lies)
    (one,) = read_answers(folder)
    assert one.path == folder / "images" / lies


def test_a_json_with_a_mark_before_it_is_read(tmp_path: Path) -> None:
    folder = _coco(tmp_path)
    (folder / "coco.json").write_bytes(b"\xef\xbb\xbf" + (folder / "coco.json").read_bytes())
    assert len(read_answers(folder)) == 1


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"neither data\.yaml nor classes\.txt"):
        read_answers(tmp_path)
    with pytest.raises(WorkshopError, match="no such folder"):
        read_answers(tmp_path / "none")


def _answers(*names: str) -> tuple[Photograph, ...]:
    return tuple(
        Photograph(Path(name), np.zeros((0, 5), np.float32), False, name) for name in names
    )


def test_neighbours_are_held_back_together_and_none_is_in_both_parts() -> None:
    answers = _answers(*(f"{number:03d}.jpg" for number in range(40)))
    learned, held = split_by_scene(answers, 0.3)
    assert len(held) == 12
    assert {*learned, *held} == {*answers}
    assert not {*learned} & {*held}
    numbers = [int(each.path.stem) for each in held]
    assert sum(b - a > 1 for a, b in pairwise(numbers)) == 2


def test_where_pictures_lie_in_folders_a_folder_is_a_scene() -> None:
    answers = _answers(*(f"{hall}/{n}.jpg" for hall in "abcde" for n in range(3)))
    learned, held = split_by_scene(answers, 0.3)
    assert not {each.path.parent for each in learned} & {each.path.parent for each in held}
    assert len({each.path.parent for each in held}) == 2


def test_neighbours_are_told_by_their_numbers_and_not_by_the_folder_of_a_random_split() -> None:
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


def test_a_copy_under_another_name_of_what_is_held_back_is_not_learned(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(b"another")
    a, b, c = _answers(*(str(tmp_path / f"{name}.jpg") for name in "abc"))
    assert apart_from((a,), (b, c)) == (c,)


def test_two_pictures_are_too_few() -> None:
    with pytest.raises(WorkshopError, match="too few"):
        split_by_scene(_answers("a.jpg", "b.jpg"), 0.3)


def test_what_a_recipe_leaves_out_is_handed_in_as_a_site_would(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "a"\nversion = 1\nstart_from = "a.pt"\nseed = 1\nleave_out = ["train_gas_*"]\n'
        '[[stages]]\nname = "one"\nepochs = 1\nlr = 1e-3\nlr_end = 1e-4\ndata = { scenes = 1 }\n'
    )
    (one,) = read_answers(hand_in(recipe, data, tmp_path / "out"))
    (source,) = (p for p in read_photographs(data, "train") if p.path.stem == "train_gas_000")
    np.testing.assert_allclose(one.boxes, source.boxes, atol=2e-6)


def test_a_recipe_does_not_learn_from_what_it_leaves_out(data: Path) -> None:
    every = read_sources(data, 0.3, held=False).photographs
    kept = read_sources(data, 0.3, held=False, leave_out=["train_gas_*"]).photographs
    assert {p.path.stem for p in every} - {p.path.stem for p in kept} == {"train_gas_000"}
    assert not matching(kept, ["train_gas_*"])


def test_written_answers_need_no_labels_for_empty_pictures(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    write_answers(_answers(str(tmp_path / "a.jpg")), tmp_path / "out")
    assert (tmp_path / "out" / "labels" / "a.txt").read_text() == ""


def test_what_a_site_hands_in_is_not_replayed_from_the_standing_data(
    data: Path, tmp_path: Path
) -> None:
    standing = tmp_path / "standing"
    shutil.copytree(data, standing)
    mine = tmp_path / "of_the_site.jpg"
    _picture(mine)
    shutil.copy(mine, standing / "photos" / "images" / "train_battery_000.jpg")
    assert handed_in(_answers(str(mine)), standing) == ["train_battery_000"]
