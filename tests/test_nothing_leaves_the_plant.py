"""No command sends a packet or writes where it has nothing to write: real processes, fresh home."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.leak_watch import Leaks, hook_allowed, leaks_of, namespace_allowed, start
from tests.small_line import passing, write_model, write_profile, write_video

VIGITRI = (sys.executable, "-m", "detector.cli")

# What a line, its bridge, its screens and its tools import. It stays for longer than telemetry
# waits before it sends: onnxruntime 1.32.0 sends its first batch after some five seconds.
IMPORTS = """
import importlib.util, threading
import detector.cli, detector.pipeline, detector.live, detector.replay
import detector.bridge.bridge, detector.terminal.watch, detector.client
from detector.vision.openvino_engine import worth_it
worth_it()
for name in ("asyncua", "av", "onnx"):
    if importlib.util.find_spec(name):
        importlib.import_module(name)
threading.Event().wait(8)
"""

COMMANDS = ("detect", "replay", "run", "doctor", "model check", "all imports")


@pytest.fixture(scope="module")
def under_watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Leaks]]:
    """Every command, all at once."""
    if not (namespace_allowed() or hook_allowed()):
        pytest.skip("neither a network namespace nor a C compiler is to be had here")
    place = tmp_path_factory.mktemp("plant")
    model = write_model(place / "white-and-red")
    clip = write_video(place / "belt.avi", passing())
    profile = write_profile(place / "line.toml", clip, model)
    picture = place / "belt.png"
    cv2.imwrite(str(picture), passing()[8])
    words = {
        "detect": [*VIGITRI, "detect", str(picture), "--model", str(model)],
        "replay": [*VIGITRI, "replay", str(clip), "--line", str(profile)],
        "run": [*VIGITRI, "run", str(profile), "--until-end"],
        "doctor": [*VIGITRI, "doctor", "--line", str(profile)],
        "model check": [*VIGITRI, "model", "check", str(model)],
        "all imports": [sys.executable, "-c", IMPORTS],
    }
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in COMMANDS:
            running[name] = start(words[name], place / name, namespace=namespace_allowed())
        yield {name: leaks_of(process, place / name) for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_sends_nothing_and_writes_nothing_into_a_fresh_home(
    command: str, under_watch: dict[str, Leaks]
) -> None:
    found = under_watch[command]
    assert (found.code, found.sent, found.written) == (0, [], []), found.stderr


@pytest.mark.parametrize("namespace", [True, False], ids=["namespace", "hook"])
def test_the_watch_sees_a_look_up_a_connection_and_a_file(namespace: bool, tmp_path: Path) -> None:
    allowed = namespace_allowed() if namespace else hook_allowed()
    if not allowed:
        pytest.skip("not allowed here")
    chatty = (
        "import contextlib, pathlib, socket\n"
        "with contextlib.suppress(OSError): socket.getaddrinfo('telemetry.invalid', 443)\n"
        "with contextlib.suppress(OSError): socket.create_connection(('192.0.2.7', 443), 0.2)\n"
        "(pathlib.Path.home() / 'deviceid').write_text('1')\n"
    )
    process = start([sys.executable, "-c", chatty], tmp_path, namespace=namespace)
    found = leaks_of(process, tmp_path)
    assert found.code == 0, found.stderr
    assert any("telemetry.invalid" in line for line in found.sent)
    assert any("192.0.2.7:443" in line or line.startswith("connection") for line in found.sent)
    assert found.written == ["deviceid"]
