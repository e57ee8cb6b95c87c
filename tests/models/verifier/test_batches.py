from pathlib import Path

import numpy as np

from models.verifier.batches import Batches, changed, middle
from models.verifier.kinds import read_kinds
from models.verifier.pack import STORED_PX, Crop, Pack, write_pack

KINDS = read_kinds()


def _pack(path: Path) -> Pack:
    names = ["cell"] * 30 + ["vape"] * 2 + ["aerosol"] * 3 + ["none"] * 40
    crops = [
        Crop(np.full((STORED_PX, STORED_PX, 3), number, np.uint8), name, "train", "s", "laid", 40.0)
        for number, name in enumerate(names)
    ]
    write_pack(path, [*crops, Crop(crops[0].pixels, "tin", "held", "s", "laid", 40.0)])
    return Pack(path)


def test_batches_show_every_hazard_whatever_its_number_and_nothing_held_out(
    tmp_path: Path,
) -> None:
    batches = Batches([_pack(tmp_path / "crops.npz")], KINDS, 64)
    assert len(batches) == 75
    shown = list(batches.drawn(np.random.default_rng(1), 50, 4))
    allowed = np.concatenate([batch.allowed for batch in shown])
    gas = (allowed & KINDS.members("gas")).any(1).mean()
    harmless = (allowed & KINDS.members("none")).any(1).mean()
    assert 0.2 < gas < 0.4
    assert 0.3 < harmless < 0.55
    assert not (allowed.sum(1) == 1)[(allowed & KINDS.allowed("tin")).any(1)].any()
    assert shown[0].pixels.shape == (50, 64, 64, 3)


def test_the_same_seed_gives_the_same_batches(tmp_path: Path) -> None:
    batches = Batches([_pack(tmp_path / "crops.npz")], KINDS, 64)
    one, two = (next(iter(batches.drawn(np.random.default_rng(5), 8, 1))) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)
    assert np.array_equal(one.allowed, two.allowed)


def test_a_changed_crop_keeps_its_middle_in_view() -> None:
    stored = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    stored[70:90, 70:90] = 255
    for seed in range(20):
        shown = changed(np.random.default_rng(seed), stored, 128)
        assert shown.shape == (128, 128, 3)
        assert shown.dtype == np.uint8
        assert shown.max() > 2 * np.median(shown) + 5


def test_the_shown_part_is_the_middle_of_what_is_stored() -> None:
    stored = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    stored[STORED_PX // 2, STORED_PX // 2] = 9
    assert middle(stored, 128)[64, 64, 0] == 9
