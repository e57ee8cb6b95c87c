from pathlib import Path

import numpy as np
import pytest

from detector.vision.crops import CropCutter, CropError
from models.verifier.pack import STORED_PX, Crop, Pack, stored_crop, write_pack
from models.workshop import WorkshopError


def _crop(level: int, side: str = "train") -> Crop:
    pixels = np.full((STORED_PX, STORED_PX, 3), level, np.uint8)
    return Crop(pixels, "cell", side, "somewhere", "laid", 40.0)


def test_a_pack_gives_back_what_was_packed(tmp_path: Path) -> None:
    path = tmp_path / "crops.npz"
    assert write_pack(path, [_crop(20), _crop(200, "held")]) == 2
    pack = Pack(path)
    assert [str(name) for name in pack.names] == ["cell", "cell"]
    assert list(pack.on("held")) == [1]
    assert abs(int(pack.pixels(0).mean()) - 20) <= 1
    assert abs(int(pack.pixels(1).mean()) - 200) <= 1


def test_a_pack_that_is_cut_off_is_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "crops.npz"
    write_pack(path, [_crop(20)])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(WorkshopError, match="not a pack of crops"):
        Pack(path)


def test_no_crops_at_all_are_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no crops"):
        write_pack(tmp_path / "crops.npz", [])


@pytest.mark.parametrize("length", [20, 400])
def test_a_stored_crop_is_what_the_line_would_cut(length: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    box = np.array([400 - length / 2, 300 - length / 4, 400 + length / 2, 300 + length / 4])
    cut = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    CropCutter(STORED_PX, 1.6).cut(image, (box[0], box[1], box[2], box[3]), cut)
    assert (stored_crop(image, box.astype(np.float32), 1.6) == cut).all()


@pytest.mark.parametrize("length", [20, 400])
def test_a_stored_crop_shows_the_box_in_its_middle(length: int) -> None:
    image = np.zeros((600, 800, 3), np.uint8)
    image[300 - length // 4 : 300 + length // 4, 400 - length // 2 : 400 + length // 2] = 255
    box = np.array([400 - length / 2, 300 - length / 4, 400 + length / 2, 300 + length / 4])
    shown = stored_crop(image, box.astype(np.float32), 1.28)
    assert shown.shape == (STORED_PX, STORED_PX, 3)
    bright = np.argwhere(shown[..., 0] > 127)
    assert np.abs(bright.min(0) - (49, 17)).max() <= 4
    assert np.abs(bright.max(0) - (111, 143)).max() <= 4


def test_beyond_the_image_its_last_pixels_are_repeated() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, :10] = 90
    shown = stored_crop(image, np.array([0, 40, 20, 60], np.float32), 2.0)
    assert (shown[:, :50] == 90).all()


def test_a_box_outside_the_image_is_a_one_line_error() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    with pytest.raises(CropError, match="no area in the image of 100 x 100 px"):
        stored_crop(image, np.array([120, 40, 140, 60], np.float32), 2.0)
