"""Objects cut out of strips painted by the tests: black belt, white hazards."""

from pathlib import Path

import numpy as np
import pytest

from models.data.drawings import read_renders
from models.data.sources import BATTERY, GAS
from models.data.strip_objects import objects_on_strips
from models.workshop import WorkshopError
from tests.models.data.test_belt_strips import _object, write_bundle


def test_an_unobstructed_object_is_cut_out_along_its_outline(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", _object(1, "battery", 100, 80), _object(2, None, 300, 200))
    made = objects_on_strips(tmp_path)
    assert set(made) == {("box", BATTERY), ("box", -1)}
    ((image, px_per_mm),) = made["box", BATTERY]
    assert px_per_mm == 1
    alpha = image[..., 3]
    assert 50 <= np.count_nonzero((alpha > 127).any(axis=0)) + 2 <= 54
    assert (image[alpha > 200][:, :3] == 255).all()
    assert not alpha[0].any()


def test_objects_half_hidden_or_cut_by_the_strip_s_end_are_not_used(tmp_path: Path) -> None:
    write_bundle(
        tmp_path / "a",
        _object(1, "gas_canister", 100, 80, pixels_seen=1200),
        _object(2, "gas_canister", 575, 80),
        _object(3, "gas_canister", 300, 80),
    )
    assert len(objects_on_strips(tmp_path)["box", GAS]) == 1


def test_path_traced_objects_come_from_strips_if_there_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no path-traced object; make strips with"):
        read_renders(tmp_path)
    write_bundle(tmp_path / "strips" / "a", _object(1, "battery", 100, 80))
    drawer = read_renders(tmp_path)["box", BATTERY]
    assert drawer(np.random.default_rng(1), 0.5).shape[2] == 4


def test_a_broken_strip_is_a_one_line_error(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "a", _object(1, "battery", 100, 80))
    (bundle / "strip.json").write_text("{}")
    with pytest.raises(WorkshopError, match=r"strip\.json"):
        objects_on_strips(tmp_path)
