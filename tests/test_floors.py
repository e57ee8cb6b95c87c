"""Layered architecture: a file imports only from its own package or from lower layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    # package: layer. A file belongs to the package with the longest matching prefix.
    "vigitri": 10,
    "benchmarks": 10,
    "detector.cli": 10,
    "detector.commands": 10,
    "fleet": 9,
    "detector": 8,
    "detector.cores": 0,
    "detector.counter": 0,
    "detector.errors": 0,
    "detector.state_folder": 0,
    "detector.service_manager": 0,
    "detector.vocabulary": 0,
    "detector.log_output": 1,
    "detector.child_process": 1,
    "models": 8,
    "detector.runtime": 6,
    "detector.hazards.alarms": 7,
    "detector.hazards.overload": 6,
    "detector.hazards.tracking": 6,
    "detector.hazards": 6,
    "detector.adaptation": 6,
    "detector.vision": 5,
    "calibration": 5,
    "detector.bridge": 4,
    "detector.terminal": 4,
    "detector.station": 4,
    "detector.delivery": 3,
    "detector.cli_support": 3,
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
"""Packages that count as part of another: the command line, its commands and the benchmarks that
are commands too; the client is the other end of the wire."""
NEIGHBOURS_OF_THE_WIRE = {"detector.bridge", "detector.terminal", "detector.station"}
"""Separate processes: like any external program, they import only the wire."""
WORKSHOP_ONLY = {"torch", "torchvision", "ultralytics"}
"""Large, AGPL, and one of them sends telemetry: never in the installed runtime."""


def room_of(module: str) -> str | None:
    """The package of `FLOORS` that a module belongs to; None for other libraries."""
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
    """The forbidden imports of a file, one line each."""
    here = room_of(module)
    assert here is not None
    wrong = []
    for name in imported(source, module):
        there = room_of(name)
        if name.split(".")[0] in WORKSHOP_ONLY and module.split(".", maxsplit=1)[0] in {
            "detector",
            "calibration",
        }:
            wrong.append(f"{module} imports {name}, which is not part of the runtime")
        elif there is None or there == here or name == "detector":
            continue  # the package itself is empty; it only gives its own path
        elif here in NEIGHBOURS_OF_THE_WIRE and there != "detector.wire" and FLOORS[there]:
            wrong.append(f"{module} imports {name}: it may import only detector.wire")
        elif FLOORS[there] >= FLOORS[here]:
            wrong.append(f"{module} (layer {FLOORS[here]}) imports {name} (layer {FLOORS[there]})")
    return wrong


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("vigitri", "detector", "calibration", "models", "twin", "benchmarks", "fleet"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_file_imports_only_from_its_own_package_or_from_lower_layers() -> None:
    found = [
        wrong
        for module, path in modules()
        for wrong in violations(path.read_text(encoding="utf-8"), module)
    ]
    assert found == []


def test_no_file_imports_itself_through_others() -> None:
    files = dict(modules())
    graph = {
        module: {name for name in files_imported(path) if name in files}
        for module, path in files.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' <- '.join(error.args[1])}")


def files_imported(path: Path) -> Iterator[str]:
    """Everything that a file imports, as modules and as names in them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FOREIGN = {"benchmarks.peers.network", "benchmarks.peers.worker"}
"""They run beside other makers' products, without a network."""


def test_only_its_engine_imports_openvino() -> None:
    users = {
        module
        for module, path in modules()
        for name in imported(path.read_text(encoding="utf-8"), module)
        if name.split(".")[0] == "openvino" and not module.startswith("models.")
    }
    assert users - FOREIGN == {"detector.vision.openvino_engine"}


def test_onnxruntime_is_imported_only_where_its_telemetry_is_turned_off() -> None:
    tests = ((f"tests.{path.stem}", path) for path in (ROOT / "tests").rglob("*.py"))
    places = {
        module
        for module, path in (*modules(), *tests)
        for name in imported(path.read_text(encoding="utf-8"), module)
        if name.split(".")[0] == "onnxruntime"
    }
    assert places - FOREIGN == {"detector.vision.onnx_runtime"}


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
def test_an_import_from_a_higher_layer_or_a_sibling_is_a_violation(
    module: str, source: str
) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("detector.cli", "from detector.commands import run"),
        ("benchmarks.speed.latency", "from detector.cli_support.progress import progress_bar"),
        ("detector.commands.run", "from detector.live import LineRunner"),
        ("detector.pipeline", "from detector.line_setup import Line"),
        ("detector.terminal.store", "from detector.wire import messages"),
        ("detector.hazards.tracking.tracker", "from detector.belt.motion import Shift"),
        ("detector.vision.catalogue", "import detector"),
        ("models.training.train", "import torch\nfrom twin.drawn.objects import Thing"),
    ],
)
def test_an_import_from_a_lower_layer_is_allowed(module: str, source: str) -> None:
    assert violations(source, module) == []
