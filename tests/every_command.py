"""All commands of `vigitri` in one process, and all libraries that any file of it imports.

`tests/test_nothing_leaves_the_plant.py` runs this file as a program that it watches.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from detector.bridge import bridge  # noqa: F401 - loaded before the first Ctrl-C
from detector.cli import main as vigitri
from detector.station.web import server  # noqa: F401
from detector.terminal import watch  # noqa: F401

ROOT = Path(__file__).parent.parent
PACKAGES = ("vigitri", "detector", "calibration", "fleet", "models", "twin", "benchmarks")
UNUSED = "tcp://127.0.0.1:9"

ENDING = {
    "replay": "replay belt.avi --line line.toml",
    "detect": "detect belt.png --model white-and-red/.",
    "schema": "schema --plc",
    "doctor": "doctor --line line.toml",
    "answer": f"answer 0123abcd/A-1 --at {UNUSED}",
    "shelve": f"shelve battery --at {UNUSED}",
    "model list": "model list",
    "model check": "model check white-and-red/.",
    "model signing-key": "model signing-key plant",
    "model sign": "model sign white-and-red/. --key plant.signing.pem",
    "model import": "model import white-and-red/model.onnx --class 0=gas --class 1=battery "
    "-o imported",
    "model attend": "model attend white-and-red/. belt.png -o attended.png",
    "model adapt": "model adapt --undo --model white-and-red/.",
    "calibrate line": "calibrate line line.toml --images .",
    "calibrate board": "calibrate board -o board.pdf",
    "calibrate intrinsics": "calibrate intrinsics line.toml belt.png",
    "calibrate plane": "calibrate plane line.toml belt.png",
    "calibrate verify": "calibrate verify line.toml belt.png",
    "calibrate speed": "calibrate speed line.toml --source belt.avi",
    "calibrate empty": "calibrate empty line.toml --source belt.avi -o empty.png",
    "calibrate health": "calibrate health line.toml --source belt.avi",
    "calibrate keys": "calibrate keys",
    "twin list": "twin list",
    "station export": "station export csv -o events.csv --folder store",
    "station account add": "station account add maria --role operator --folder store",
    "station account list": "station account list --folder store",
    "station account remove": "station account remove maria --folder store",
    "fleet report": "fleet report archive -o report.html",
    "fleet compare": "fleet compare archive archive -o changes",
    "fleet mine": "fleet mine archive -o mined",
    "keys new": "keys new line",
    "keys list": "keys list",
    "keys allow": "keys allow keys/line.public.toml",
    "keys revoke": "keys revoke line",
    "keys opcua": "keys opcua",
    "keys opcua-trust": "keys opcua-trust opcua/own/bridge.der",
    "keys opcua-user": "keys opcua-user maria",
}
"""Commands that end by themselves, whether they do it or refuse."""
UNTIL_INTERRUPTED = {
    "watch": f"watch {UNUSED}",
    "bridge": f"bridge --subscribe {UNUSED} --requests {UNUSED} --listen 127.0.0.1:0",
    "plc-sim": "plc-sim 127.0.0.1:9",
    "station serve": f"station serve --subscribe {UNUSED} --requests {UNUSED} --name belt-1 "
    "--listen 127.0.0.1:0 --folder store",
}
"""Commands that run until Ctrl-C."""
OWN_PROCESS = {"run", "fleet replay"}
"""They have worker processes of their own, and are watched by themselves."""
WORKSHOP = {
    *(f"model {name}" for name in ("train", "build-data", "export", "quantise", "evaluate")),
    *(f"model {name}" for name in ("proposals", "answers", "pack", "train-packed")),
    *(f"model verifier {name}" for name in ("crops", "train", "evaluate")),
    *(f"bench {name}" for name in ("latency", "twin", "accuracy", "faults", "strips", "lines")),
    "bench start",
    *(f"bench {name}" for name in ("belt", "load", "opcua", "station", "vanish")),
    *(f"bench {name}" for name in ("health", "fuzz", "cameras", "soak", "fleet", "peers", "cost")),
    *(f"twin {name}" for name in ("render", "cutouts", "trace", "composite")),
    "calibrate scores",
}
"""Only in a checkout, and long: watched by all that their files import."""


def main() -> None:
    """Run and import all; `ran.txt` then lists the commands that have ended."""
    for name, words in UNTIL_INTERRUPTED.items():
        timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        _run(name, words)
        timer.cancel()
    for name, words in ENDING.items():
        _run(name, words)
    import_everything()
    threading.Event().wait(8)  # telemetry waits: onnxruntime 1.32.0 for about five seconds
    atexit._run_exitfuncs()
    os._exit(0)  # no command has another one after it, and their libraries' ends may not fit


def _run(name: str, words: str) -> None:
    sys.argv = ["vigitri", *words.split()]
    sys.stdin = io.StringIO("a password of some length\n")
    with contextlib.suppress(SystemExit, KeyboardInterrupt):
        vigitri()
    with Path("ran.txt").open("a", encoding="utf-8") as ran:
        ran.write(f"{name}\n")


def import_everything() -> None:
    """All modules of the project, then all libraries that they import anywhere in them."""
    from detector.vision import openvino_engine

    with contextlib.suppress(Exception):  # the extra openvino is missing
        openvino_engine._core()
    with contextlib.suppress(Exception):  # the extra train is missing
        importlib.import_module("models.training.stages").quiet_tools()
    for name, _ in modules():
        _try_import(name)
    for name in sorted(libraries()):
        _try_import(name)


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.stem != "__main__":
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def libraries() -> set[str]:
    """Top-level names that any file imports, also inside functions."""
    found: set[str] = set()
    for _, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(PACKAGES) - set(sys.stdlib_module_names) - {"__future__"}


def _try_import(name: str) -> None:
    with contextlib.suppress(ImportError):  # its extra is not installed
        importlib.import_module(name)


if __name__ == "__main__":
    main()
