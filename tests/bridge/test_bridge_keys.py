"""Bridges with and without keys at a line with CURVE."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from benchmarks.line_process import LineProcess
from detector.bridge.register_map import INPUT_WORDS, decode
from detector.bridge.register_words import Status
from detector.commands.keys import allow_key, make_keys
from detector.wire.endpoints import reachable
from tests.small_line import (
    FPS,
    PATIENCE_S,
    passing,
    wait_for,
    write_model,
    write_profile,
    write_video,
)

EVERY_ADDRESS = "tcp://0.0.0.0:*"


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    for name in ("line", "bridge"):
        make_keys(name, folder)
    allow_key(str(folder / "bridge.public.toml"), folder / "allowed", None)
    model = write_model(folder / "white-and-red")
    clip = write_video(folder / "belt.avi", passing())
    path = write_profile(folder / "line.toml", clip, model, camera=f"fps = {FPS}\nloop = true")
    keys = 'keys = "line.secret.toml"\nallowed_keys = "allowed"\n'
    path.write_text(path.read_text(encoding="utf-8") + keys, encoding="utf-8")
    return path


def watched(host: str, port: int) -> bool:
    with ModbusTcpClient(host, port=port, timeout=PATIENCE_S) as client:
        block = client.read_input_registers(0, count=INPUT_WORDS)
    return bool(decode(list(block.registers))[0]["status"] & Status.WATCHING)


def test_bridges_with_keys_receive_a_line_on_a_public_address(profile: Path) -> None:
    with LineProcess(
        profile,
        *("--with-bridge", "--bridge-listen", "127.0.0.1:0"),
        endpoints=(EVERY_ADDRESS, EVERY_ADDRESS),
        start_s=PATIENCE_S,
    ) as line:
        served = "serving Modbus TCP at 127.0.0.1:"
        wait_for(lambda: any(served in each for each in line.stderr_lines))
        port = next(int(each.rpartition(":")[2]) for each in line.stderr_lines if served in each)
        wait_for(lambda: watched("127.0.0.1", port))

        ends = [(reachable(line.publish), reachable(line.requests))]
        keys = ("--own-key", str(profile.parent / "bridge.secret.toml"))
        server = ("--line-key", str(profile.parent / "line.public.toml"))
        with BridgeProcess(ends, *keys, *server, start_s=PATIENCE_S) as bridge:
            wait_for(lambda: watched(bridge.host, bridge.port))
        with BridgeProcess(ends, start_s=PATIENCE_S) as bridge:
            wait_for(lambda: any("may need keys" in each for each in bridge.stderr_lines))
            assert not watched(bridge.host, bridge.port)
