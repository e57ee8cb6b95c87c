"""The Grafana dashboard asks only for metrics that the station serves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detector.station.web.broadcast import Broadcast
from detector.station.web.line_status import LineStatus
from detector.station.web.metrics import StationCollector
from detector.wire import samples

DASHBOARD = Path(__file__).parent.parent.parent / "examples" / "grafana" / "vigitri.json"


@pytest.fixture(scope="module")
def served() -> set[str]:
    """Names of all metrics of a station with one line."""
    status = LineStatus("belt-1")
    status.state, status.metrics = samples.STATE, samples.METRICS
    feed = SimpleNamespace(
        status_of=status, status=lambda: status.content([], []), open_alerts=list, raised={}
    )
    station: Any = SimpleNamespace(
        lines={"belt-1": feed},
        store=SimpleNamespace(notice=None),
    )
    station.broadcast = Broadcast()
    names = set()
    for family in StationCollector(station).collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return names


def test_every_panel_asks_for_metrics_that_exist(served: set[str]) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"vigitri_\w+", target["expr"])
    }
    assert asked
    assert asked <= served


def test_no_panel_overlaps_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        taken |= cells
