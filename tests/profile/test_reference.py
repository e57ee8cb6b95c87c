from __future__ import annotations

import tomllib
from pathlib import Path

from detector.profile.line import LineProfile
from detector.profile.reference import profile_keys, profile_reference

ROOT = Path(__file__).parent.parent.parent


def test_the_committed_reference_page_matches_the_code() -> None:
    committed = (ROOT / "docs" / "profile.md").read_text(encoding="utf-8")
    assert committed == profile_reference(), "run: vigitri calibrate keys > docs/profile.md"


def test_every_key_has_a_meaning_and_is_listed_once() -> None:
    keys = list(profile_keys())
    assert all(each.meaning for each in keys)
    assert len({each.key for each in keys}) == len(keys)


def test_the_example_line_is_a_valid_profile() -> None:
    document = tomllib.loads((ROOT / "examples" / "line.toml").read_text(encoding="utf-8"))
    assert LineProfile.model_validate(document).line == "hall2-belt1"
