from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.web.running_station import Browser, Event, RunningStation, wait_for
from tests.station.web.scripted_line import ScriptedLine


@pytest.fixture
def line() -> Iterator[ScriptedLine]:
    with ScriptedLine() as started:
        yield started


@pytest.fixture
def station(line: ScriptedLine, tmp_path: Path) -> Iterator[RunningStation]:
    with RunningStation(tmp_path / "station", [line.address]) as started:
        yield started


@pytest.fixture
def browser(station: RunningStation) -> Iterator[Browser]:
    with Browser(station) as opened:
        yield opened


@pytest.fixture
def events(browser: Browser) -> Iterator[Iterator[Event]]:
    """The events of a page, from when it sees the line."""
    with browser.events() as stream:
        wait_for(stream, "line", lambda status: status["vision"] == "ready")
        yield stream
