from __future__ import annotations

from pathlib import Path

from benchmarks.station.volume import run


def test_the_figures_are_of_the_alerts_that_were_asked_for(tmp_path: Path) -> None:
    figures = run(40, tmp_path)
    assert (figures.alerts, figures.revisions) == (40, 120)
    assert figures.size_mb > 0
    assert len(figures.query_p95_ms) == 12
