"""The bridge as a process between a real detector and a real Modbus client."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from benchmarks.child_process import children
from benchmarks.line_process import LineProcess
from detector.bridge.modbus_server import CLIENTS_MAX
from detector.bridge.register_map import INPUT_WORDS
from detector.bridge.register_words import Mode, RecordState, RunSignal, Status, VisionWord
from tests.bridge.plc_client import Plc, Read
from tests.small_line import (
    FPS,
    PATIENCE_S,
    passing,
    wait_for,
    write_model,
    write_profile,
    write_video,
)

UNKNOWN, ACTIVE = 0, 2


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    model = write_model(folder / "white-and-red")
    clip = write_video(folder / "belt.avi", passing())
    return write_profile(folder / "line.toml", clip, model, camera=f"fps = {FPS}\nloop = true")


@pytest.fixture
def line(profile: Path) -> Iterator[LineProcess]:
    with LineProcess(profile, start_s=PATIENCE_S) as running:
        yield running


@pytest.fixture
def bridge(line: LineProcess) -> Iterator[BridgeProcess]:
    with BridgeProcess([(line.publish, line.requests)], start_s=PATIENCE_S) as running:
        yield running


@pytest.fixture
def plc(bridge: BridgeProcess) -> Iterator[Plc]:
    made = Plc(bridge)
    yield made
    made.close()


def hazards(read: Read) -> set[int]:
    return {read[0][name] for name in ("gas", "battery", "jam")}


def watched(read: Read) -> bool:
    return bool(read[0]["status"] & Status.WATCHING)


def blind(read: Read) -> bool:
    return read[0]["state"] == VisionWord.UNAVAILABLE and hazards(read) == {UNKNOWN}


def test_a_plc_reads_hazards_and_answers_them(plc: Plc) -> None:
    first = plc.until(lambda read: read[0]["gas"] == ACTIVE)
    assert watched(first)
    record = next(each for each in plc.until(lambda read: read[1][0]["seq"] > 0)[1])
    assert record["seq_again"] == record["seq"] & 0xFFFF
    beat = first[0]["heartbeat"]
    plc.until(lambda read: read[0]["heartbeat"] not in (beat, beat + 1))

    plc.write(plc_heartbeat=1, acknowledged_seq=record["seq"], mode=Mode.ACKNOWLEDGES)
    plc.until(lambda read: all(each["seq"] != record["seq"] for each in read[1]))
    plc.write(plc_heartbeat=2, acknowledged_seq=record["seq"], shelve_mask=1, shelve_minutes=5)
    plc.until(lambda read: bool(read[0]["status"] & Status.GAS_SHELVED))
    assert not plc.seen[-1][0]["status"] & Status.COMMAND_REFUSED
    assert plc.seen[-1][0]["status"] & Status.PLC_ALIVE


def test_alarms_are_suppressed_while_the_plc_reports_a_stopped_belt(plc: Plc) -> None:
    plc.until(watched)
    beats = iter(range(1, 1_000_000))

    def stopped(read: Read) -> bool:
        plc.write(plc_heartbeat=next(beats) & 0xFFFF, belt_run=RunSignal.STOP)
        suppressed = any(each["alarm_state"] == RecordState.SUPPRESSED for each in read[1])
        # A single battery is suppressed too, belt or no belt.
        return suppressed and bool(read[0]["status"] & Status.BELT_STOPPED)

    plc.until(stopped)


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_when_the_detector_hangs_or_dies_hazards_read_unknown_and_the_heartbeat_stops(
    line: LineProcess, plc: Plc, fault: signal.Signals
) -> None:
    plc.until(watched)
    line.process.send_signal(fault)
    plc.until(blind)
    beat = plc.seen[-1][0]["heartbeat"]
    for _ in range(50):
        read = plc.read()
        assert blind(read)
        assert read[0]["heartbeat"] == beat
    if fault is signal.SIGSTOP:
        line.process.send_signal(signal.SIGCONT)
        plc.until(watched)


def test_a_bridge_that_was_suspended_does_not_serve_outdated_states(
    line: LineProcess, bridge: BridgeProcess, plc: Plc
) -> None:
    plc.until(watched)
    bridge.process.send_signal(signal.SIGSTOP)
    line.process.kill()
    line.process.wait()
    time.sleep(0.7)  # the belt moves on: longer than three periods of this camera
    bridge.process.send_signal(signal.SIGCONT)
    for _ in range(50):
        assert blind(plc.read())


def test_the_bridge_logs_who_holds_the_places_when_they_are_full() -> None:
    no_line = ("tcp://127.0.0.1:9", "tcp://127.0.0.1:9")
    with (
        BridgeProcess([no_line], start_s=PATIENCE_S) as bridge,
        ExitStack() as stack,
    ):
        for _ in range(CLIENTS_MAX + 1):
            last = socket.create_connection(("127.0.0.1", bridge.port), PATIENCE_S)
            stack.enter_context(last)
        _, port = last.getsockname()
        wait_for(lambda: any(f"by 127.0.0.1:{port}" in each for each in bridge.stderr_lines))
        (line,) = [each for each in bridge.stderr_lines if "slots are in use" in each]
        assert "all 16 slots are in use, 16 by 127.0.0.1" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_bridge_ends_on_a_signal_while_messages_keep_arriving(
    bridge: BridgeProcess, plc: Plc, number: signal.Signals
) -> None:
    plc.until(watched)
    bridge.process.send_signal(number)
    assert bridge.process.wait(PATIENCE_S) == 0


def test_a_restarted_bridge_starts_with_unknown_states(
    line: LineProcess, bridge: BridgeProcess, plc: Plc
) -> None:
    last = plc.until(lambda read: read[1][0]["seq"] > 0)
    os.kill(bridge.process.pid, signal.SIGKILL)
    bridge.process.wait()
    ends = [(line.publish, line.requests)]
    listen = f"127.0.0.1:{bridge.port}"
    with (
        BridgeProcess(ends, listen=listen, start_s=PATIENCE_S) as again,
        closing(Plc(again)) as client,
    ):
        first = client.read()
        assert hazards(first) <= {UNKNOWN, ACTIVE}
        read = client.until(lambda read: read[1][0]["seq"] > 0)
        assert read[0]["last_seq"] > last[0]["last_seq"]


def test_a_line_restarts_its_own_bridge_which_ends_with_the_line(
    profile: Path,
) -> None:
    with LineProcess(
        profile, "--with-bridge", "--bridge-listen", "127.0.0.1:0", start_s=PATIENCE_S
    ) as line:

        def port_after(first: int) -> int:
            logged = [each for each in line.stderr_lines[first:] if "serving Modbus TCP at" in each]
            return int(logged[0].rpartition(":")[2]) if logged else 0

        port = wait_for(lambda: port_after(0))
        with ModbusTcpClient("127.0.0.1", port=port, timeout=PATIENCE_S) as client:
            assert not client.read_input_registers(0, count=INPUT_WORDS).isError()
        (bridge,) = children(line.process.pid, b"--until-stdin-ends")
        known = len(line.stderr_lines)
        os.kill(bridge, signal.SIGKILL)
        wait_for(lambda: port_after(known))
        (again,) = children(line.process.pid, b"--until-stdin-ends")
        line.process.kill()
        wait_for(lambda: not Path(f"/proc/{again}").exists())
