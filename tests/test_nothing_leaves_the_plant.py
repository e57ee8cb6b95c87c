"""No command sends a packet or writes to the home folder: real processes with an empty home."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer.main

from detector.cli import app
from tests import every_command
from tests.leak_watch import Leaks, hook_allowed, leaks_of, namespace_allowed, start
from tests.small_line import passing, write_model, write_profile, write_video

VIGITRI = (sys.executable, "-m", "detector.cli")

COMMANDS = ["detect", "replay", "run", "doctor", "model check", "every command"]
if find_spec("ray") and find_spec("pyarrow"):  # the extra fleet
    COMMANDS.append("fleet replay")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model, a clip and a profile."""
    return tmp_path_factory.mktemp("plant")


@pytest.fixture(scope="module")
def leaks(plant: Path) -> Iterator[dict[str, Leaks]]:
    """The leaks of every command; all run at once."""
    if not (namespace_allowed() or hook_allowed()):
        pytest.skip("neither a network namespace nor a C compiler is available here")
    place = plant
    model = write_model(place / "white-and-red")
    clip = write_video(place / "belt.avi", passing())
    profile = write_profile(place / "line.toml", clip, model)
    image = place / "belt.png"
    cv2.imwrite(str(image), passing()[8])
    if find_spec("pyarrow") and find_spec("duckdb"):
        write_archive(place / "archive", clip)
    words = {
        "detect": [*VIGITRI, "detect", str(image), "--model", str(model)],
        "replay": [*VIGITRI, "replay", str(clip), "--line", str(profile)],
        "run": [*VIGITRI, "run", str(profile), "--until-end"],
        "doctor": [*VIGITRI, "doctor", "--line", str(profile)],
        "model check": [*VIGITRI, "model", "check", str(model)],
        "fleet replay": [
            *VIGITRI,
            "fleet",
            "replay",
            str(clip),
            "--line",
            str(profile),
            "-o",
            str(place / "results"),
            "--workers",
            "1",
        ],
        "every command": [sys.executable, every_command.__file__],
    }
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in COMMANDS:
            folder = place / name
            if name == "every command":  # it writes where it is
                shutil.copytree(place, folder, ignore=shutil.ignore_patterns(*COMMANDS))
            running[name] = start(words[name], folder, namespace=namespace_allowed())
        yield {name: leaks_of(process, place / name) for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def write_archive(place: Path, clip: Path) -> None:
    """Results of a fleet run, for what asks them."""
    from tests.fleet.results_folder import alert, total, write_results

    alerts = [alert(1, clip=str(clip))]
    write_results(place, alerts, [total(str(clip), alerts)])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_sends_no_packet_and_writes_nothing_to_an_empty_home(
    command: str, leaks: dict[str, Leaks]
) -> None:
    found = leaks[command]
    # Requests to the loopback address that the command line names are no leak; a look-up is UDP.
    sent = [line for line in found.sent if not line.startswith("tcp to 127.0.0.1:")]
    assert (found.code, sent, found.written) == (0, [], []), found.stderr


def test_every_command_that_is_watched_came_to_its_end(
    plant: Path, leaks: dict[str, Leaks]
) -> None:
    assert leaks["every command"].code == 0
    ran = (plant / "every command" / "ran.txt").read_text(encoding="utf-8").splitlines()
    assert ran == [*every_command.UNTIL_INTERRUPTED, *every_command.ENDING]


def test_every_command_of_the_command_line_is_watched() -> None:
    group = typer.main.get_command(app)
    known = {*every_command.ENDING, *every_command.UNTIL_INTERRUPTED}
    known |= every_command.OWN_PROCESS | every_command.WORKSHOP
    assert {" ".join(path) for path in _commands(group, ())} == known


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        elif not command.hidden:
            yield (*path, name)


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
