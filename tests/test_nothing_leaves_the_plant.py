"""No command sends a packet or writes to the home folder: real processes with an empty home."""

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

# The imports of a line, its bridge, its screens and its tools. The process runs for longer than
# telemetry waits: onnxruntime 1.32.0 sends its first batch after about five seconds.
IMPORTS = """
import importlib.util, threading
import detector.cli, detector.pipeline, detector.live, detector.replay
import detector.bridge.bridge, detector.terminal.watch, detector.client
import detector.station.web.server
from detector.vision.openvino_engine import faster_here
faster_here()
for name in ("asyncua", "av", "onnx"):
    if importlib.util.find_spec(name):
        importlib.import_module(name)
threading.Event().wait(8)
"""

COMMANDS = ("detect", "replay", "run", "doctor", "model check", "all imports")


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Leaks]]:
    """The leaks of every command; all run at once."""
    if not (namespace_allowed() or hook_allowed()):
        pytest.skip("neither a network namespace nor a C compiler is available here")
    place = tmp_path_factory.mktemp("plant")
    model = write_model(place / "white-and-red")
    clip = write_video(place / "belt.avi", passing())
    profile = write_profile(place / "line.toml", clip, model)
    image = place / "belt.png"
    cv2.imwrite(str(image), passing()[8])
    words = {
        "detect": [*VIGITRI, "detect", str(image), "--model", str(model)],
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
def test_a_command_sends_no_packet_and_writes_nothing_to_an_empty_home(
    command: str, leaks: dict[str, Leaks]
) -> None:
    found = leaks[command]
    assert (found.code, found.sent, found.written) == (0, [], []), found.stderr


@pytest.mark.parametrize("namespace", [True, False], ids=["namespace", "hook"])
def test_a_name_look_up_a_connection_and_a_file_are_detected(
    namespace: bool, tmp_path: Path
) -> None:
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
