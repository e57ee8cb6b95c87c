from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.adaptation.labels import LabelError, LabelledImage, read_labelled_images

KNOWN = ("gas_canister", "battery", "ignore")


def _read(folder: Path) -> tuple[LabelledImage, ...]:
    return read_labelled_images(folder, KNOWN.__contains__, ", ".join(KNOWN))


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
    with pytest.raises(LabelError) as refused:
        _read(folder)
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


@pytest.mark.parametrize("line", ["0 0.5 0.5 0 0.4", "0 0.5 0.5 0.2 -0.1"])
def test_a_box_without_area_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(LabelError, match=r"00\.txt:1: box has no area.*draw it again"):
        _read(_yolo(tmp_path, line))


def test_a_class_that_many_boxes_have_is_one_mistake(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.2 0.4"
    with pytest.raises(LabelError) as refused:
        _read(_yolo(tmp_path, line, line, line, classes="person"))
    (only,) = str(refused.value).splitlines()
    assert "00.txt:1: unknown class 'person' (3 boxes), known: gas_canister" in only


def test_an_export_written_on_windows_or_macos_is_read(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "", classes="\ufeffbattery\r\ngas_canister\r\n")
    (folder / "00.txt").write_text("\ufeff1 0.5 0.5 0.2 0.4\r\n", encoding="utf-8")
    (folder / "._00.jpg").write_bytes(
        b"\x00\x05\x16\x07"
    )  # macOS adds one for each file of an archive
    (one,) = _read(folder)
    assert [each.name for each in one.labels] == ["gas_canister"]


def test_class_names_that_are_not_utf_8_are_a_one_line_error(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4")
    (folder / "classes.txt").write_bytes("bouteille détendeur\n".encode("cp1252"))
    with pytest.raises(LabelError, match=r"unknown class .*, known: gas_canister, battery, ignore"):
        _read(folder)


def test_labels_are_found_also_if_the_export_is_in_a_folder_images(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images" / "site 1 (été)"
    _write_image(folder / "images" / "train" / "a b.jpg")
    (folder / "classes.txt").write_text("battery")
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a b.txt").write_text("0 0.5 0.5 0.2 0.4")
    (one,) = _read(folder)
    assert len(one.labels) == 1


@pytest.mark.parametrize("line", ["0 nan 0.5 0.2 0.4", "0 0.5 nan 0.2 0.4", "0 0.5 0.5 0.2 nan"])
def test_a_box_with_nan_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(LabelError, match=r"00\.txt:1: box is outside 0\.\.1"):
        _read(_yolo(tmp_path, line))


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
    (one,) = _read(_coco(tmp_path))
    (label,) = one.labels
    assert label.name == "battery"
    assert label.box == pytest.approx((0.1, 0.1, 0.6, 0.6))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"categories": [{"id": 3, "name": "dog"}]},
            r"annotations\[0\]: unknown class 'dog', known: ",
        ),
        ({"categories": []}, r"annotations\[0\]: its image or category is not listed"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [60, 6, 40, 30]}]}, "outside"),
        (
            {"annotations": [{"image_id": 7, "category_id": 3, "bbox": [8, 6, 0, 30]}]},
            r"box \[8, 6, 0, 30\] has no area; draw it again",
        ),
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
    with pytest.raises(LabelError, match=expected) as refused:
        _read(_coco(tmp_path, **changes))
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
    (one,) = _read(folder)
    assert one.path == folder / "images" / on_disk


def test_a_json_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = _coco(tmp_path)
    (folder / "coco.json").write_bytes(b"\xef\xbb\xbf" + (folder / "coco.json").read_bytes())
    assert len(_read(folder)) == 1


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"neither data\.yaml nor classes\.txt"):
        _read(tmp_path)
    with pytest.raises(LabelError, match="no such folder"):
        _read(tmp_path / "none")


def test_a_label_file_whose_image_is_missing_is_reported(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "1 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2 0.4", "")
    (folder / "01.jpg").unlink()
    (folder / "02.jpg").unlink()  # nothing is lost: it has no label
    (folder / "README.txt").write_text("exported on Monday")
    with pytest.raises(LabelError, match=r"01\.txt: its image is missing") as refused:
        _read(folder)
    assert "\n" not in str(refused.value)
