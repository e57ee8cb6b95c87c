"""The house of nine floors: a file imports only from its own room or from floors below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    # room: floor. A file lies in the room of its longest prefix.
    "benchmarks": 9,
    "detector.cli": 9,
    "detector.commands": 9,
    "detector": 8,
    "models": 8,
    "detector.runtime": 6,
    "detector.hazards.alarms": 7,
    "detector.hazards.overload": 6,
    "detector.hazards.tracking": 6,
    "detector.hazards": 6,
    "detector.vision": 5,
    "calibration": 5,
    "detector.bridge": 4,
    "detector.terminal": 4,
    "detector.delivery": 3,
    "detector.belt": 3,
    "detector.profile": 2,
    "detector.wire": 2,
    "detector.client": 2,
    "detector.ingest.capture": 3,
    "detector.ingest.sources": 3,
    "detector.ingest": 3,
    "twin": 1,
}
ONE_ROOM = {
    "detector.cli": "detector.commands",
    "benchmarks": "detector.commands",
    "detector.client": "detector.wire",
    "detector.ingest.capture": "detector.ingest",
    "detector.ingest.sources": "detector.ingest",
}
"""What people start: one file, its commands, and the benches that are commands too; the client is
the other end of the wire."""
NEIGHBOURS_OF_THE_WIRE = {"detector.bridge", "detector.terminal"}
"""They are processes of their own: like any outsider, they know the wire alone."""
WORKSHOP_ONLY = {"torch", "torchvision", "ultralytics"}
"""Heavy, AGPL, and one of them phones home: never in the installed runtime."""


def room_of(module: str) -> str | None:
    """The room that a module lies in; None for other people's."""
    rooms = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    room = max(rooms, key=len, default=None)
    return None if room is None else ONE_ROOM.get(room, room)


def imported(source: str, module: str) -> Iterator[str]:
    """All modules that a file imports, in whatever place of it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = ".".join(module.split(".")[: -node.level]) if node.level else ""
            base = ".".join(part for part in (parent, node.module) if part)
            # `from detector import cli` imports a module too.
            yield from (
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in FLOORS else base
                for alias in node.names
            )


def violations(source: str, module: str) -> list[str]:
    """What a file imports from where it must not."""
    here = room_of(module)
    assert here is not None
    wrong = []
    for name in imported(source, module):
        there = room_of(name)
        if name.split(".")[0] in WORKSHOP_ONLY and module.split(".", maxsplit=1)[0] in {
            "detector",
            "calibration",
        }:
            wrong.append(f"{module} imports {name}, which is no part of the runtime")
        elif there is None or there == here or name == "detector":
            continue  # the package itself is empty: it says where it lies
        elif here in NEIGHBOURS_OF_THE_WIRE and there != "detector.wire":
            wrong.append(f"{module} imports {name}: outsiders know detector.wire alone")
        elif FLOORS[there] >= FLOORS[here]:
            wrong.append(f"{module} (floor {FLOORS[here]}) imports {name} (floor {FLOORS[there]})")
    return wrong


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("detector", "calibration", "models", "twin", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_file_imports_only_from_its_own_room_or_from_floors_below() -> None:
    found = [
        wrong
        for module, path in modules()
        for wrong in violations(path.read_text(encoding="utf-8"), module)
    ]
    assert found == []


def test_openvino_is_known_to_its_own_engine_alone() -> None:
    users = {
        module
        for module, path in modules()
        for name in imported(path.read_text(encoding="utf-8"), module)
        if name.split(".")[0] == "openvino" and not module.startswith("models.")
    }
    assert users == {"detector.vision.openvino_engine"}


def test_onnxruntime_is_imported_in_the_one_place_that_turns_its_telemetry_off() -> None:
    tests = ((f"tests.{path.stem}", path) for path in (ROOT / "tests").rglob("*.py"))
    places = {
        module
        for module, path in (*modules(), *tests)
        for name in imported(path.read_text(encoding="utf-8"), module)
        if name.split(".")[0] == "onnxruntime"
    }
    assert places == {"detector.vision.onnx_runtime"}


def test_the_package_detector_itself_imports_nothing() -> None:
    source = (ROOT / "detector" / "__init__.py").read_text(encoding="utf-8")
    assert [name for name in imported(source, "detector") if room_of(name)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("detector.belt.plane", "from detector.vision.engine import OnnxEngine"),
        ("detector.belt.plane", "def late():\n    import detector.ingest.frame"),
        ("detector.delivery.publisher", "from detector.ingest import Frame"),
        ("detector.vision.engine", "from detector.hazards import tracker"),
        ("detector.hazards.tracking.tracker", "from detector.pipeline import Pipeline"),
        ("detector.pipeline", "from detector.commands import run"),
        ("detector.pipeline", "from detector import cli"),
        ("detector.pipeline", "from . import cli"),
        ("detector.terminal.store", "from detector.ingest.frame import Frame"),
        ("detector.bridge.map", "from ..terminal import store"),
        ("models.training.train", "from detector.pipeline import Pipeline"),
        ("twin.line.render", "from detector.belt.plane import BeltPlane"),
        ("detector.vision.engine", "try:\n    import torch\nexcept ImportError:\n    pass"),
        ("calibration.fit", "from ultralytics.utils import LOGGER"),
    ],
)
def test_the_check_catches_an_import_from_above_or_beside(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("detector.cli", "from detector.commands import run"),
        ("benchmarks.speed.latency", "from detector.commands.progress import progress_bar"),
        ("detector.commands.run", "from detector.live import LineAtWork"),
        ("detector.pipeline", "from detector.line_setup import Line"),
        ("detector.terminal.store", "from detector.wire import messages"),
        ("detector.hazards.tracking.tracker", "from detector.belt.motion import Shift"),
        ("detector.vision.catalogue", "import detector"),
        ("models.training.train", "import torch\nfrom twin.drawn.objects import Thing"),
    ],
)
def test_the_check_lets_a_file_use_what_lies_below(module: str, source: str) -> None:
    assert violations(source, module) == []
