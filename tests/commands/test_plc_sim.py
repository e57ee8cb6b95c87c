from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.bridge_process import BridgeProcess
from tests.commands.conftest import Vigitri
from tests.small_line import PATIENCE_S, wait_for


@pytest.fixture
def silent_ports() -> Iterator[list[int]]:
    """Two bound ports that do not listen, so that no other process can use them."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        yield [int(each.getsockname()[1]) for each in sockets]


def test_without_a_bridge_it_reports_the_reason_and_an_unwatched_line(
    vigitri: Vigitri, silent_ports: list[int]
) -> None:
    port, _ = silent_ports
    result = vigitri("plc-sim", f"127.0.0.1:{port}", "--seconds", "0.2")
    assert result.code == 1
    assert result.out[-1].startswith("plc: never watched in")
    assert result.err == [f"vigitri: at the end: no bridge listens at 127.0.0.1:{port}"]


def test_a_unit_id_without_a_line_is_reported(vigitri: Vigitri, silent_ports: list[int]) -> None:
    silent = [(f"tcp://127.0.0.1:{each}", f"tcp://127.0.0.1:{each}") for each in silent_ports]
    with BridgeProcess(silent, start_s=PATIENCE_S) as bridge:
        address = f"{bridge.host}:{bridge.port}"
        result = vigitri("plc-sim", address, "--unit", "7", "--seconds", "0.3", "--json")
        assert result.code == 1
        assert "unit 7 with exception 11: no line of that bridge" in result.err[0]
        assert json.loads(result.out[-1])["totals"]["watched"] is False
        # The bridge logs refused requests.
        wait_for(lambda: any("requests refused" in line for line in bridge.stderr_lines))
        result = vigitri("plc-sim", address, "--unit", "2", "--seconds", "0.3")
        assert (result.code, result.err) == (1, [])


def test_a_missing_ground_truth_is_refused_in_one_line(vigitri: Vigitri, tmp_path: Path) -> None:
    code, out, err = vigitri("plc-sim", "--truth", tmp_path / "no.jsonl", "--seconds", 0.1)
    assert (code, out, len(err)) == (2, [], 1)
    assert "no.jsonl: no such file" in err[0]


def test_an_invalid_course_is_refused_in_one_line(vigitri: Vigitri) -> None:
    result = vigitri("plc-sim", "--course", "400:20,back")
    assert result.code == 2
    (line,) = result.err
    assert (
        "'back' is not a speed and a time; write mm/s and seconds, e.g. 400:20,0:3,-200:2" in line
    )


@pytest.mark.parametrize("option", ["--ejector-mm", "--actuator-ms"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_position_or_time_that_is_not_finite_is_refused(
    vigitri: Vigitri, option: str, value: str
) -> None:
    result = vigitri("plc-sim", "127.0.0.1:1", "--seconds", "0.2", option, value)
    assert result.code == 2
    assert option in result.err[-1]
