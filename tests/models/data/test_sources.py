from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.sources import read_image, read_labels, read_photographs, read_sources
from models.workshop import WorkshopError


def test_a_label_of_an_unknown_class_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    label = tmp_path / "a.txt"
    label.write_text("0 0.5 0.5 0.1 0.1\n3 0.5 0.5 0.1 0.1\n")
    with pytest.raises(WorkshopError, match=r"a\.txt:2: unknown class 3, known: 0"):
        read_labels(label)


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.1", "0 a b c d", "1 1.5 0.5 0.1 0.1"])
def test_an_invalid_label_line_is_refused(tmp_path: Path, line: str) -> None:
    label = tmp_path / "a.txt"
    label.write_text(line)
    with pytest.raises(WorkshopError, match=r"a\.txt:1"):
        read_labels(label)


def test_a_truncated_photograph_is_refused_and_not_filled_with_grey(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WorkshopError, match=r"a\.jpg: the image is cut off"):
        read_image(path)


def test_a_truncated_png_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(WorkshopError, match=r"a\.png: the image is cut off"):
        read_image(path)


def test_a_photograph_with_data_appended_by_a_phone_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.zeros((90, 90, 3), np.uint8))
    path.write_bytes(path.read_bytes() + b"\x00" * 400 + b"SEFT")
    assert read_image(path).shape == (90, 90, 3)


def test_a_file_that_is_not_an_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no image")
    with pytest.raises(WorkshopError, match="not a readable image"):
        read_image(path)


def test_a_folder_without_a_manifest_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"no MANIFEST\.csv; give the data folder"):
        read_photographs(tmp_path, "train")


def test_held_back_sources_are_never_used_for_training(data: Path) -> None:
    train, held = (read_sources(data, 0.3, held=held) for held in (False, True))
    for kind in ("battery", "gas", "distractor"):
        trained = {cutout.source for cutout in train.cutouts[kind]}
        kept = {cutout.source for cutout in held.cutouts[kind]}
        assert len(trained | kept) == 10
        assert not trained & kept
    assert not {b.source for b in train.belts} & {b.source for b in held.belts}
