"""A few kills of a real recorder; `vigitri bench station` kills it more often."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.station.kills import run


@pytest.mark.timeout(600)
def test_a_recorder_that_is_killed_under_load_lacks_no_alert(tmp_path: Path) -> None:
    outcome = run(3, tmp_path, seed=2)
    assert outcome.kills == 3
    assert outcome.sent == outcome.journalled > 10
    assert outcome.missing == []
    assert outcome.damaged == 0
    assert outcome.images_broken == 0
