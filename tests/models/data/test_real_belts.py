from pathlib import Path

import numpy as np

from models.data.real_belts import PLANT, real_belts, stretch


def test_belts_are_split_by_place(wide_data: Path) -> None:
    assert set(real_belts(wide_data, held=False)) == {PLANT, "lab_floor"}
    assert set(real_belts(wide_data, held=True)) == {PLANT, "parcel_green_lab", "intel_bottles"}


def test_only_the_belt_is_cut_out_of_a_place_s_frames(wide_data: Path) -> None:
    (first, *_) = real_belts(wide_data, held=True)["parcel_green_lab"]
    assert first.pixels.shape == (106, 134, 3)


def test_a_stretch_is_longer_than_one_frame_and_the_same_for_the_same_seed(
    wide_data: Path,
) -> None:
    for belts in real_belts(wide_data, held=False).values():
        one, two = (stretch(np.random.default_rng(3), belts, (900, 160), 1.0) for _ in range(2))
        assert one.shape == (900, 160, 3)
        assert (one == two).all()
