from __future__ import annotations

from pathlib import Path

from detector.bridge.plc_doc import plc_reference

PAGE = Path(__file__).parents[2] / "docs" / "plc.md"


def test_the_page_for_plc_programmers_matches_the_map() -> None:
    assert PAGE.read_text(encoding="utf-8") == plc_reference(), (
        "regenerate it: vigitri schema --plc > docs/plc.md"
    )
