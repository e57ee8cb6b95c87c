from pathlib import Path

import pytest

from models.verifier import drawn_bank
from models.verifier.drawn_bank import write_drawn_bank
from models.verifier.kinds import Kinds
from models.verifier.material import Material
from models.verifier.recipe import VerifierRecipe
from twin.drawn.objects import SIZE_MM


def test_a_drawn_bank_is_read_like_a_traced_one(
    verifier_data: Path, recipe: VerifierRecipe, kinds: Kinds, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(drawn_bank, "SIZE_MM", {k: SIZE_MM[k] for k in ("aa_cell", "lighter")})
    index = write_drawn_bank(tmp_path, 1, seed=3)
    before = index.stat().st_mtime_ns
    assert write_drawn_bank(tmp_path, 1, seed=3).stat().st_mtime_ns == before
    things = [
        thing
        for thing in Material(verifier_data, recipe, kinds, tmp_path).things
        if thing.source == "drawn"
    ]
    assert sorted(thing.name for thing in things) == ["aa_cell", "lighter"]
    assert all(thing.path.is_file() and 20 < thing.longest_mm < 120 for thing in things)
