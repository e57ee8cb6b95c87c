"""The station as a process beside a real detector."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from benchmarks.child_process import children
from benchmarks.line_process import LineProcess
from benchmarks.station_process import StationProcess
from tests.small_line import (
    FPS,
    PATIENCE_S,
    passing,
    wait_for,
    write_model,
    write_profile,
    write_video,
)

STATION = b"station"
SERVING = re.compile(r"station: serving (\S+)$")


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    model = write_model(folder / "white-and-red")
    clip = write_video(folder / "belt.avi", passing())
    return write_profile(folder / "line.toml", clip, model, camera=f"fps = {FPS}\nloop = true")


def addresses(line: LineProcess) -> list[str]:
    """Where the line's stations have served, oldest first."""
    found = (SERVING.search(each) for each in list(line.stderr_lines))
    return [each[1] for each in found if each]


def stored(url: str) -> list[dict[str, object]]:
    try:
        return list(httpx.get(f"{url}/api/events", trust_env=False).json()["events"])
    except httpx.TransportError:  # it is being restarted
        return []


def test_a_line_restarts_its_own_station_which_ends_with_the_line(
    profile: Path, tmp_path: Path
) -> None:
    options = ("--with-station", "--station-listen", "127.0.0.1:0")
    folder = ("--station-folder", str(tmp_path / "station"))
    with LineProcess(profile, *options, *folder, start_s=PATIENCE_S) as line:
        wait_for(lambda: addresses(line))
        wait_for(lambda: any(event["evidence_id"] for event in stored(addresses(line)[0])))
        (station,) = children(line.process.pid, STATION)
        os.kill(station, signal.SIGKILL)
        wait_for(lambda: len(addresses(line)) == 2)
        assert line.running
        wait_for(lambda: stored(addresses(line)[1]))
        (again,) = children(line.process.pid, STATION)
        line.process.kill()
        wait_for(lambda: not Path(f"/proc/{again}").exists())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_station_waits_for_a_detector_and_ends_when_it_is_asked(
    tmp_path: Path, number: signal.Signals
) -> None:
    nowhere = ("belt-1", "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "tcp://127.0.0.1:3")
    with StationProcess([nowhere], tmp_path / "station", start_s=PATIENCE_S) as station:
        status = httpx.get(f"{station.url}/api/lines", trust_env=False).json()["lines"][0]
        assert status["vision"] == "unknown"
        with httpx.stream("GET", f"{station.url}/api/stream", trust_env=False) as stream:
            assert next(stream.iter_lines())
            station.process.send_signal(number)
            assert station.process.wait(PATIENCE_S) == 0
    assert not [line for line in station.stderr_lines if "Traceback" in line]
