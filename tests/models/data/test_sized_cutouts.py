from pathlib import Path

from models.data.sized_cutouts import sized_cutouts

HELD_BACK = 0.3


def test_no_cut_out_is_both_trained_on_and_held_out(wide_data: Path) -> None:
    train, held = (sized_cutouts(wide_data, HELD_BACK, held=each) for each in (False, True))
    assert not {each.path for each in train} & {each.path for each in held}
    assert {each.source for each in train if each.part == "cutouts3"} == {"a/maker"}
    assert {each.source for each in held if each.part == "cutouts3"} == {"BRANDEMMA/2mg"}
    assert {each.source for each in held if each.part == "cutouts2"} == {"ohitz/3d-models"}


def test_what_was_cut_from_a_held_out_picture_is_not_trained_on(wide_data: Path) -> None:
    names = {
        each.path.name for each in sized_cutouts(wide_data, HELD_BACK, held=False)
        if each.part == "cutouts2" and each.label < 0
    }  # fmt: skip
    assert names == {"distractor_0.webp"}


def test_a_length_is_the_manifest_s_within_a_fifth(wide_data: Path) -> None:
    for each in sized_cutouts(wide_data, HELD_BACK, held=False):
        low, high = each.longest_mm
        assert 0 < low < high
        if each.part == "cutouts2" and each.label == 0:
            assert (low, high) == (400.0, 600.0)
            assert each.read().shape[2] == 4
