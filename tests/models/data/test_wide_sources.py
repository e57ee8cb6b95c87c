from pathlib import Path

import pytest

from models.data.wide_sources import WideSources, digest, read_wide


def test_each_class_has_its_share_whatever_the_number_of_cut_outs(wide: WideSources) -> None:
    of = {
        label: sum(
            chance
            for each, chance in zip(wide.cutouts, wide.chances, strict=True)
            if each.label == label
        )
        for label in (0, 1, -1)
    }
    assert of == pytest.approx({0: 0.3, 1: 0.34, -1: 0.36})


def test_photographs_and_pictures_are_split_by_source_and_place(wide_data: Path) -> None:
    for held, source, places in (
        (False, "a/maker", {"lab_floor"}),
        (True, "ohitz/3d-models", {"parcel_green_lab", "intel_bottles"}),
    ):
        of = read_wide(wide_data, 0.3, held=held)
        assert [each.source for each in of.photographs] == [source]
        assert of.photographs[0].white
        assert len(of.photographs[0].boxes) == 1
        assert {each.source for each in of.harmless} == places


def test_other_sources_have_another_digest(wide_data: Path, wide: WideSources) -> None:
    assert digest(wide) == digest(read_wide(wide_data, 0.3, held=False))
    assert digest(wide) != digest(read_wide(wide_data, 0.3, held=True))
