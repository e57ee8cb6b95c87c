from pathlib import Path

import numpy as np
import pytest

from models.verifier.kinds import HAZARDS, read_kinds
from models.workshop import WorkshopError
from twin.traced.objects import HAZARDS as TRACED
from twin.traced.objects import MAKERS

KINDS = read_kinds()


def test_every_kind_has_one_hazard_and_every_hazard_some_kinds() -> None:
    assert len(KINDS.names) == len(set(KINDS.names)) == len(KINDS.hazards)
    assert [hazard for hazard in HAZARDS if hazard in KINDS.hazards] == list(HAZARDS)


def test_a_name_of_the_data_means_kinds_of_a_single_hazard() -> None:
    for name in KINDS.meanings:
        hazards = {h for h, ok in zip(KINDS.hazards, KINDS.allowed(name), strict=True) if ok}
        assert len(hazards) == 1, name


def test_every_traced_object_has_the_hazard_that_the_twin_gives_it() -> None:
    ours = {"gas_canister": "gas", "battery": "battery", None: "none"}
    for kind in MAKERS:
        assert KINDS.hazard(kind) == ours[TRACED.get(kind)], kind


def test_probabilities_of_kinds_add_up_by_hazard() -> None:
    even = np.full((1, len(KINDS.names)), 1 / len(KINDS.names), np.float32)
    shares = KINDS.shares(even)
    assert shares.sum() == pytest.approx(1)
    assert shares[0, 0] == pytest.approx(KINDS.members("gas").mean())


def test_an_unknown_name_is_a_one_line_error() -> None:
    with pytest.raises(WorkshopError, match=r"\[names\] has no 'anvil'; add it"):
        KINDS.allowed("anvil")


def test_a_list_that_names_no_kind_is_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "kinds.toml"
    listed = '[kinds]\ngas = ["bottle"]\nbattery = ["cell"]\nnone = ["tin"]\n'
    path.write_text(f'{listed}[names]\naa = "sell"\n')
    with pytest.raises(WorkshopError, match=r"aa = 'sell': no such kind or group"):
        read_kinds(path)
    path.write_text(f'{listed}[groups]\nmetal = ["can"]\n')
    with pytest.raises(WorkshopError, match=r"metal: 'can' is no kind"):
        read_kinds(path)
