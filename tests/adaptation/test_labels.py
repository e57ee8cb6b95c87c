from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.adaptation.labels import (
    LabelError,
    LabelledImage,
    LabelledImages,
    read_labelled_images,
)

KNOWN = ("gas_canister", "battery", "ignore")


def _read(folder: Path) -> tuple[LabelledImage, ...]:
    return _export(folder).images


def _export(folder: Path, **renamed: str) -> LabelledImages:
    return read_labelled_images(folder, KNOWN.__contains__, ", ".join(KNOWN), renamed)


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
        ({"annotations": [{"image_id": 7}]}, "not COCO JSON"),
        (
            {"images": [{"id": 7, "file_name": "a.jpg", "width": 60, "height": 80}]},
            "is 80 x 60 px, but 60 x 80 in the JSON: rotated",
        ),
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


def test_a_label_file_whose_image_is_missing_is_left_out_and_reported(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "1 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2 0.4", "")
    (folder / "01.jpg").unlink()
    (folder / "02.jpg").unlink()  # nothing is lost: it has no label
    (folder / "README.txt").write_text("exported on Monday")
    export = _export(folder)
    assert len(export.images) == 1
    (line,) = export.left_out
    assert line == f"{folder}/01.txt: its image is missing; add it, or delete the label file"


def test_images_without_a_label_file_and_of_kinds_that_are_not_read_are_left_out_and_counted(
    tmp_path: Path,
) -> None:
    folder = _yolo(tmp_path, *["1 0.5 0.5 0.2 0.4"] * 8)
    for number in range(2, 8):
        (folder / f"0{number}.txt").unlink()
    (folder / "a.nef").write_bytes(b"MM\0*")
    export = _export(folder)
    assert len(export.images) == 2
    assert export.left_out == (
        f"{folder}/02.txt: label file is missing; an empty one means no objects "
        "(6 in all: also 03.txt, 04.txt, 05.txt, …)",
        f"{folder}/a.nef: not read: a camera's raw image; export it as JPEG or PNG",
    )


def test_labelled_images_of_every_suffix_are_read(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "1 0.5 0.5 0.2 0.4", "1 0.5 0.5 0.2 0.4")
    (folder / "00.jpg").rename(folder / "00.JFIF")
    _write_image(folder / "01.tif")
    (folder / "01.jpg").unlink()
    assert [each.path.name for each in _read(folder)] == ["00.JFIF", "01.tif"]


def test_an_image_that_is_listed_but_missing_and_one_that_is_not_listed_are_left_out(
    tmp_path: Path,
) -> None:
    images = [
        {"id": number, "file_name": name, "width": 80, "height": 60}
        for number, name in ((7, "a.jpg"), (8, "b.jpg"))
    ]
    folder = _coco(tmp_path, images=images)
    _write_image(folder / "images" / "c.jpg")
    export = _export(folder)
    assert [each.path.name for each in export.images] == ["a.jpg"]
    missing, unlisted = export.left_out
    assert missing.startswith(f"{folder}/coco.json: b.jpg: images are neither beside the JSON")
    assert unlisted == f"{folder}/images/c.jpg: is listed in no JSON of annotations"
    (folder / "images" / "a.jpg").unlink()
    with pytest.raises(LabelError, match="neither") as refused:
        _read(folder)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize(
    "line",
    [
        "1 0.4 0.4 0.6 0.42 0.58 0.6 0.41 0.59",
        "1 0.5 0.4 0.6 0.5 0.5 0.6 0.4 0.5",
        "1 0.4 0.4 0.6 0.4 0.5 0.6",
    ],
    ids=["polygon", "rotated box", "triangle"],
)
def test_outlines_are_read_as_their_outer_box_and_counted(tmp_path: Path, line: str) -> None:
    export = _export(_yolo(tmp_path, line, line))
    for image in export.images:
        assert image.labels[0].box == pytest.approx((0.4, 0.4, 0.6, 0.6))
    assert export.noted == (
        f"2 polygons or rotated boxes read as their outer box (first: {tmp_path}/00.txt:1)",
    )


def test_of_a_pose_the_box_is_read(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.55 2")
    (folder / "data.yaml").write_text("names: [battery]\nkpt_shape: [2, 3]\n")
    export = _export(folder)
    assert export.images[0].labels[0].box == pytest.approx((0.4, 0.4, 0.6, 0.6))
    assert export.noted[0].startswith("1 boxes read without their keypoints")


def test_the_output_of_a_model_is_refused_as_labels(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"00\.txt:1: a number too many: the confidence of a mod"):
        _read(_yolo(tmp_path, "1 0.5 0.5 0.2 0.2 0.87"))


def test_a_box_that_is_slightly_outside_is_clipped_and_counted(tmp_path: Path) -> None:
    export = _export(_yolo(tmp_path, "1 0.99 0.5 0.06 0.2", "1 0.9 0.5 0.201 0.2"))
    assert [image.labels[0].box[2] for image in export.images] == [1.0, 1.0]
    (line,) = export.noted  # a thousandth is rounding
    assert line.startswith("1 boxes clipped that reach beyond the image (first: ")


def test_a_corner_of_a_rotated_box_may_reach_further_beyond_the_image(tmp_path: Path) -> None:
    # As Label Studio writes it.
    line = "1 0.1 0.1 0.533 0.4333 0.3455 0.8663 -0.0875 0.533"
    export = _export(_yolo(tmp_path, line))
    assert export.images[0].labels[0].box == (0.0, 0.1, 0.533, 0.8663)
    with pytest.raises(LabelError, match=r"00\.txt:1: box is outside 0\.\.1"):
        _export(_yolo(tmp_path / "pixels", "1 10 10 50 10 50 40 10 40"))


def test_a_class_that_is_not_ours_is_reported_once_with_its_count_and_can_be_renamed(
    tmp_path: Path,
) -> None:
    classes = "battery\nButane 500-g\nbottle"
    folder = _yolo(tmp_path, *["2 0.5 0.5 0.2 0.4\n1 0.5 0.5 0.1 0.1"] * 30, classes=classes)
    with pytest.raises(LabelError) as refused:
        _read(folder)
    bottle, butane = str(refused.value).splitlines()
    assert "unknown class 'bottle', known: gas_canister, battery, ignore; leave it out" in bottle
    assert "--class bottle=ignore (30 in all: also 01.txt:1, 02.txt:1, 03.txt:1, …)" in bottle
    assert "--class 'Butane 500-g=ignore' (30 in all" in butane
    export = _export(folder, **{"butane 500-g": "gas-canister", "Bottle": "ignore"})
    assert [each.name for each in export.images[0].labels] == ["ignore", "gas_canister"]
    assert [line.partition(" (")[0] for line in export.noted] == [
        "30 boxes of class 'bottle' read as ignore",
        "30 boxes of class 'Butane 500-g' read as gas_canister",
    ]


def test_a_class_is_renamed_only_if_the_export_has_it_and_to_one_that_is_known(
    tmp_path: Path,
) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4", classes="battery\nbottle")
    with pytest.raises(LabelError, match="has no class 'botle' to rename; it has battery, bottle"):
        _export(folder, botle="ignore")
    with pytest.raises(LabelError, match="unknown class 'accu', known: gas_canister, battery"):
        _export(folder, battery="accu")


def test_two_images_with_one_label_file_are_a_mistake(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4")
    _write_image(folder / "00.png")
    with pytest.raises(LabelError, match=r"00\.txt: is the label file of several images"):
        _read(folder)


def test_an_export_of_cvat_yolo_1_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "obj.data").write_text("classes = 2\ntrain = data/train.txt\n")
    (tmp_path / "obj.names").write_text("gas_canister\nbattery\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/frame_000000.PNG\n")
    _write_image(tmp_path / "obj_train_data" / "frame_000000.PNG")
    (tmp_path / "obj_train_data" / "frame_000000.txt").write_text("1 0.5 0.5 0.2 0.2")
    export = _export(tmp_path)
    assert [each.name for each in export.images[0].labels] == ["battery"]
    assert (export.noted, export.left_out) == ((), ())


def test_a_file_data_yml_is_read_too(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4")
    (folder / "classes.txt").unlink()
    (folder / "data.yml").write_text("names: {0: battery}")
    assert len(_read(folder)) == 1


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("annotations.xml", "<annotations/>", r"but annotations\.xml \(Pascal VOC's or CVAT's XML"),
        ("project-1.json", '[{"id": 1, "annotations": []}]', r"but project-1\.json \(Label Studio"),
        ("export/classes.txt", "battery", r"; give .*/export, which has"),
    ],
)
def test_an_export_of_another_format_or_one_folder_below_is_named(
    tmp_path: Path, file: str, text: str, expected: str
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    with pytest.raises(LabelError, match=expected):
        _read(tmp_path)


def test_a_damaged_image_is_left_out_and_named(tmp_path: Path) -> None:
    folder = _yolo(tmp_path, "0 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2 0.4")
    data = (folder / "01.jpg").read_bytes()
    (folder / "01.jpg").write_bytes(data[: len(data) // 2] + data[-2:])
    export = _export(folder)
    assert [each.path.name for each in export.images] == ["00.jpg"]
    (line,) = export.left_out
    assert line.startswith(f"{folder}/01.jpg: the image is damaged: a part of its data is missing")
