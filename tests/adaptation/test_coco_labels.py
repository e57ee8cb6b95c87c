"""COCO as CVAT, Roboflow, Label Studio and COCO itself write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.adaptation.labels import LabelError, LabelledImages, read_labelled_images

KNOWN = ("gas_canister", "battery", "ignore")


def read(folder: Path) -> LabelledImages:
    return read_labelled_images(folder, KNOWN.__contains__, ", ".join(KNOWN))


def write_image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 80, 3), value, np.uint8))


def table(file_name: str, *annotations: dict[str, Any], **image: Any) -> str:
    return json.dumps(
        {
            "images": [{"id": 7, "file_name": file_name, "width": 80, "height": 60, **image}],
            "categories": [{"id": 3, "name": "battery", "supercategory": ""}],
            "annotations": [{"image_id": 7, "category_id": 3, **each} for each in annotations],
        }
    )


def cvat(folder: Path, *annotations: dict[str, Any], subset: str = "default") -> Path:
    write_image(folder / "images" / subset / "frame_000000.PNG")
    (folder / "annotations").mkdir()
    text = table("frame_000000.PNG", *annotations)
    (folder / "annotations" / f"instances_{subset}.json").write_text(text)
    return folder


def runs(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    """A mask as CVAT writes it: lengths of runs in columns, beginning with 0."""
    flat = np.concatenate([[0], mask.T.ravel(), [1 - mask[-1, -1]]])
    ends = np.flatnonzero(np.diff(flat))
    lengths = np.diff(np.concatenate([[0], ends])).tolist()
    return {"counts": lengths, "size": list(mask.shape)}


BOX = {"bbox": [8, 6, 40, 30]}


@pytest.mark.parametrize("subset", ["default", "Train"])
def test_cvat_s_images_are_in_a_folder_for_each_subset(tmp_path: Path, subset: str) -> None:
    export = read(cvat(tmp_path, BOX, subset=subset))
    assert [len(each.labels) for each in export.images] == [1]
    assert export.left_out == ()


def test_roboflow_s_parts_are_read_with_a_table_and_equal_names_in_each(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "valid", "test")):
        write_image(tmp_path / part / "im0.jpg", number)
        (tmp_path / part / "_annotations.coco.json").write_text(table("im0.jpg", BOX))
    paths = [each.path.parent.name for each in read(tmp_path).images]
    assert sorted(paths) == ["test", "train", "valid"]


def test_label_studio_s_paths_of_its_server_are_found_by_name(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "1a2b-im0.jpg")
    (tmp_path / "notes.json").write_text('{"categories": []}')
    name = "../../label-studio/data/media/upload/1/1a2b-im0.jpg"
    (tmp_path / "result.json").write_text(table(name, BOX))
    assert len(read(tmp_path).images) == 1


def test_the_image_in_the_export_is_preferred_to_the_labeller_s_own_copy(tmp_path: Path) -> None:
    write_image(tmp_path / "upload" / "im0.jpg")
    write_image(tmp_path / "export" / "images" / "im0.jpg")
    text = table("../upload/im0.jpg", BOX)
    (tmp_path / "export" / "result.json").write_text(text)
    export = read(tmp_path / "export")
    assert [each.path for each in export.images] == [tmp_path / "export" / "images" / "im0.jpg"]
    assert export.left_out == ()


def test_of_coco_s_own_tables_that_of_instances_is_read(tmp_path: Path) -> None:
    folder = cvat(tmp_path, BOX)
    for task in ("person_keypoints", "image_info", "panoptic"):
        other = folder / "annotations" / f"{task}_default.json"
        other.write_text(table("frame_000000.PNG", BOX, BOX))
    write_image(folder / "annotations" / "panoptic_default" / "frame_000000.PNG")
    export = read(folder)
    assert [len(each.labels) for each in export.images] == [1]
    assert export.left_out == ()


def test_one_image_in_two_tables_is_a_mistake(tmp_path: Path) -> None:
    folder = cvat(tmp_path, BOX)
    (folder / "annotations" / "mine.json").write_text(table("frame_000000.PNG", BOX))
    (folder / "annotations" / "instances_default.json").rename(folder / "annotations" / "a.json")
    with pytest.raises(LabelError, match=r"mine\.json: lists images that .*a\.json lists too"):
        read(folder)


def test_the_size_is_the_image_s_if_the_table_states_none(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    (tmp_path / "a.json").write_text(table("a.jpg", BOX, width=None, height=None))
    document = json.loads((tmp_path / "a.json").read_text())
    for key in ("width", "height"):
        del document["images"][0][key]
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert read(tmp_path).images[0].labels[0].box == pytest.approx((0.1, 0.1, 0.6, 0.6))


@pytest.mark.parametrize(
    "segmentation",
    [
        [[8, 6, 48, 6, 48, 20], [20, 20, 30, 36, 10, 36]],
        runs(cv2.rectangle(np.zeros((60, 80), np.uint8), (8, 6), (47, 35), 1, -1)),
        {"size": [60, 80], "counts": f"V?n0n0{77 * '0'}jk1"},  # by pycocotools
    ],
    ids=["polygons", "runs", "packed runs"],
)
def test_without_a_box_the_outline_s_outer_box_is_read_and_counted(
    tmp_path: Path, segmentation: Any
) -> None:
    export = read(cvat(tmp_path, {"segmentation": segmentation}))
    assert export.images[0].labels[0].box == pytest.approx((0.1, 0.1, 0.6, 0.6))
    assert export.noted[0].startswith("1 outlines read as their outer box (first: ")


def test_a_box_that_was_turned_in_cvat_is_read_as_its_outer_box(tmp_path: Path) -> None:
    turned = {"bbox": [20, 25, 40, 10], "attributes": {"occluded": False, "rotation": 90.0}}
    export = read(cvat(tmp_path, turned))
    left, top, right, bottom = export.images[0].labels[0].box
    assert (left * 80, top * 60, right * 80, bottom * 60) == pytest.approx((35, 10, 45, 50))
    assert export.noted[0].startswith("1 rotated boxes read as their outer box")


def test_iscrowd_is_ignored_where_it_covers_several_and_not_where_cvat_drew_one(
    tmp_path: Path,
) -> None:
    one, two = np.zeros((2, 60, 80), np.uint8)
    cv2.circle(one, (28, 21), 15, 1, -1)
    cv2.circle(two, (18, 21), 8, 1, -1)
    cv2.circle(two, (60, 21), 8, 1, -1)
    crowd = {**BOX, "iscrowd": 1}
    by_cvat = {"attributes": {"occluded": False}}
    export = read(
        cvat(
            tmp_path,
            {**crowd, **by_cvat, "segmentation": runs(one)},
            {**crowd, **by_cvat, "segmentation": runs(two)},
            {**crowd, "segmentation": runs(one)},
            {**crowd, **by_cvat, "segmentation": {"counts": [1, 2], "size": [60, 80]}},
            BOX,
        )
    )
    names = [each.name for each in export.images[0].labels]
    assert names == ["battery", "ignore", "ignore", "ignore", "battery"]
    assert [line.partition(" (first")[0] for line in export.noted] == [
        "1 masks in one piece, which CVAT marks iscrowd, read as one object each",
        "3 boxes of several objects (iscrowd) read as ignore",
    ]


def test_boxes_without_an_area_are_passed_over_and_counted(tmp_path: Path) -> None:
    export = read(cvat(tmp_path, BOX, {"bbox": [9.5, 8.3, 1.03, 0.0]}))
    assert len(export.images[0].labels) == 1
    assert export.noted[0].startswith("1 boxes without an area in the image passed over")


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [8, 6, 10**400, 30]}, "OverflowError"),
        ({"segmentation": {"size": [60, float("inf")], "counts": [1]}}, "OverflowError"),
        ({"segmentation": {"size": [60, 80], "counts": [10**30]}}, "OverflowError"),
        ({"segmentation": {"size": [10**7, 10**7], "counts": [10**14]}}, "a mask of"),
        ({**BOX, "attributes": "x"}, "AttributeError"),
    ],
)
def test_an_annotation_with_odd_values_is_a_one_line_error(
    tmp_path: Path, annotation: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LabelError, match=f"not COCO JSON: .*{reason}") as error:
        read(cvat(tmp_path, annotation))
    assert "\n" not in str(error.value)


def test_json_that_is_nested_too_deeply_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(LabelError, match="has neither"):
        read(tmp_path)


def test_an_image_s_name_that_no_file_can_have_is_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    (tmp_path / "a.json").write_text(table("x" * 5000, BOX))
    with pytest.raises(LabelError, match="images are neither beside the JSON"):
        read(tmp_path)
