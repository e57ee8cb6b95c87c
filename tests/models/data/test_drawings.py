import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.drawings import drawings, read_renders
from models.data.sources import BATTERY, GAS
from models.workshop import WorkshopError

ROWS = (
    {"file": "a.png", "kind": "gas_bottle", "hazard": "gas_canister", "px_per_mm": 2.0},
    {"file": "b.png", "kind": "aa_cell", "hazard": "battery", "px_per_mm": 2.0},
    {"file": "b.png", "kind": "aa_cell", "hazard": "battery", "px_per_mm": 2.0},
    {"file": "c.png", "kind": "pet_bottle", "hazard": None, "px_per_mm": 1.0},
)


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    for name in "abc":
        image = np.full((40, 100, 4), 200, np.uint8)
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    (tmp_path / "index.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return tmp_path


def test_path_traced_objects_have_the_right_size(renders: Path) -> None:
    made = read_renders(renders)
    assert set(made) == {("gas_bottle", GAS), ("aa_cell", BATTERY), ("pet_bottle", -1)}
    for (_, label), drawer in made.items():
        for number in range(8):
            width = drawer(np.random.default_rng(number), 0.5).shape[1]
            true = 50 if label < 0 else 25
            assert 0.85 * true <= width <= 1.15 * true


def test_scenes_may_use_only_path_traced_objects(renders: Path) -> None:
    drawn = drawings(0.5, [], seed=1, renders=renders, rendered_share=1.0)
    assert sorted(label for _, label in drawn.hazards) == [GAS, BATTERY]
    assert len(drawn.waste) == 1


def test_the_error_for_missing_path_traced_objects_has_the_command_to_make_them(
    tmp_path: Path,
) -> None:
    with pytest.raises(WorkshopError, match="vigitri twin trace"):
        drawings(0.5, [], seed=1, rendered_share=0.5)
    with pytest.raises(WorkshopError, match="no path-traced object; make strips with"):
        drawings(0.5, [], seed=1, renders=tmp_path, rendered_share=1.0)


@pytest.mark.parametrize("broken", ["{", '{"kind": "aa_cell"}', '{"file": "a.png", "kind": "x", '
                                    '"hazard": "dynamite", "px_per_mm": 1}'])  # fmt: skip
def test_an_invalid_line_of_the_index_is_named(renders: Path, broken: str) -> None:
    with (renders / "index.jsonl").open("a") as index:
        index.write(broken)
    with pytest.raises(WorkshopError, match=r"index\.jsonl:5: not a line about a cut-out"):
        read_renders(renders)
