from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt

from benchmarks.accuracy.plots import _precision_recall


@pytest.mark.parametrize("hours", [0.0, 0.5])
def test_curves_are_drawn_also_for_a_stopped_belt(hours: float) -> None:
    row = {"threshold": 0.4, "found": 1, "hazards": 2, "recall": 0.5, "false_alarms": 3}
    figures: dict[str, Any] = {
        "belt_h": hours,
        "curves": {"battery": [row]},
        "thresholds": {"battery": 0.4},
    }
    figure = _precision_recall(figures)
    events, hourly = figure.axes
    assert len(events.lines) == 1
    assert len(hourly.lines) == bool(hours)
    plt.close(figure)
