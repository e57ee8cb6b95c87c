from pathlib import Path

from models.verifier.provenance import held_out_sources, learned_from
from tests.models.verifier.conftest import HELD_SHOP, HELD_SOURCE


def test_only_what_was_learned_from_is_listed_each_source_once(verifier_data: Path) -> None:
    lines = learned_from(verifier_data)
    assert len(lines) == len(set(lines))
    assert any(line.startswith("someone/else@1234, no licence stated") for line in lines)
    assert not any(HELD_SOURCE in line or HELD_SHOP in line for line in lines)
    assert held_out_sources(verifier_data) == 3
