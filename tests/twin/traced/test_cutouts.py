"""The bank of cut-outs: its index, and colour under clear pixels."""

import json
from pathlib import Path

import numpy as np
import pytest

from twin.traced.cutouts import INDEX, BankError, bleed_colour, make, px_per_mm_for, read

LINE = {
    "file": "aa_cell/aa_cell_00000.webp",
    "kind": "aa_cell",
    "hazard": "battery",
    "length_mm": 50.0,
    "width_mm": 14.0,
    "height_mm": 14.0,
    "px_per_mm": 2.0,
    "seed": 1,
    "number": 0,
}


def test_a_line_truncated_by_a_crash_is_ignored(tmp_path: Path) -> None:
    whole = json.dumps(LINE)
    (tmp_path / INDEX).write_text(f"{whole}\n{whole[:40]}")
    assert [entry.kind for entry in read(tmp_path)] == ["aa_cell"]


def test_an_invalid_line_is_rejected_with_its_number(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text('{"kind": 3}\n' + json.dumps(LINE) + "\n")
    with pytest.raises(BankError, match=r"index.jsonl:1: not a valid bank entry"):
        read(tmp_path)


def test_a_bank_of_another_seed_is_rejected(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps(LINE) + "\n")
    with pytest.raises(BankError, match="another seed"):
        make(tmp_path, {"aa_cell": 1}, seed=2)


def test_an_unknown_kind_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BankError, match="unknown kind 'anvil'"):
        make(tmp_path, {"anvil": 1})


def test_small_objects_get_more_pixels() -> None:
    assert px_per_mm_for(50) > px_per_mm_for(300) > px_per_mm_for(600)


def test_colour_extends_beyond_the_outline() -> None:
    image = np.zeros((40, 40, 4), np.uint8)
    image[10:30, 10:30] = (10, 200, 30, 255)
    spread = bleed_colour(image)
    assert np.array_equal(spread[..., 3], image[..., 3])
    assert spread[8, 20, :3] == pytest.approx((10, 200, 30), abs=2)
    assert np.array_equal(spread[20, 20], image[20, 20])
