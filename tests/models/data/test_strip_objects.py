"""Things cut out of strips that the tests paint themselves: black belt, white hazards."""

from pathlib import Path

import numpy as np
import pytest

from models.data.drawings import read_renders
from models.data.sources import BATTERY, GAS
from models.data.strip_objects import things_on_strips
from models.workshop import WorkshopError
from tests.models.data.test_belt_strips import _thing, write_bundle


def test_what_lies_open_on_a_strip_is_cut_out_along_its_outline(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", _thing(1, "battery", 100, 80), _thing(2, None, 300, 200))
    made = things_on_strips(tmp_path)
    assert set(made) == {("box", BATTERY), ("box", -1)}
    ((picture, px_per_mm),) = made["box", BATTERY]
    assert px_per_mm == 1
    alpha = picture[..., 3]
    assert 50 <= np.count_nonzero((alpha > 127).any(axis=0)) + 2 <= 54
    assert (picture[alpha > 200][:, :3] == 255).all()
    assert not alpha[0].any()


def test_what_is_half_hidden_or_leaves_the_strip_is_left_there(tmp_path: Path) -> None:
    write_bundle(
        tmp_path / "a",
        _thing(1, "gas_canister", 100, 80, pixels_seen=1200),
        _thing(2, "gas_canister", 575, 80),
        _thing(3, "gas_canister", 300, 80),
    )
    assert len(things_on_strips(tmp_path)["box", GAS]) == 1


def test_scenes_take_path_traced_things_from_strips_where_there_is_no_bank(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no path-traced thing; make strips with"):
        read_renders(tmp_path)
    write_bundle(tmp_path / "strips" / "a", _thing(1, "battery", 100, 80))
    drawer = read_renders(tmp_path)["box", BATTERY]
    assert drawer(np.random.default_rng(1), 0.5).shape[2] == 4


def test_a_broken_strip_is_one_line(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "a", _thing(1, "battery", 100, 80))
    (bundle / "strip.json").write_text("{}")
    with pytest.raises(WorkshopError, match=r"strip\.json"):
        things_on_strips(tmp_path)
