"""`vigitri replay` of a checkout in a process of its own: its CPU time, memory and alerts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.wire.alert import Place
from detector.wire.messages import AlarmState, Alert, Hazard, Revision

ROOT = Path(__file__).parents[2]


class ReplayError(RuntimeError):
    """A replay that failed; a one-line message."""


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """One replay, from its start to its end."""

    cpu_s: float
    """User and system time of the process, all threads."""
    elapsed_s: float
    peak_mib: float
    alerts: list[Alert]
    """On objects only; with the fields that matching with the ground truth needs."""


def replay_in(checkout: Path, source: Path, profile: Path) -> ReplayRun:
    """Run `vigitri replay` of a checkout, with its own virtual environment where it has one.

    Raises `ReplayError`.
    """
    command = "from detector.cli import main; main()"
    arguments = ["replay", str(source), "--line", str(profile), "--json"]
    if not (checkout / "detector" / "cli.py").is_file():
        raise ReplayError(f"{checkout}: no checkout of Vigitri: it has no detector/cli.py")
    return _run([_python(checkout), "-c", command, *arguments], checkout)


def decode_in(checkout: Path, source: Path) -> ReplayRun:
    """Decode all frames of a video in a process of this kind, and do nothing else.

    Raises `ReplayError`.
    """
    command = (
        "import sys; from detector.ingest import Recording\n"
        "with Recording(sys.argv[1]) as frames: print(sum(1 for _ in frames), file=sys.stderr)"
    )
    return _run([_python(checkout), "-c", command, str(source)], checkout)


def _python(checkout: Path) -> str:
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.is_file() else sys.executable


def _run(command: Sequence[str], checkout: Path) -> ReplayRun:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started_s = time.monotonic()
        process = subprocess.Popen(
            command, cwd=checkout, env=environment, stdout=out, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed_s = time.monotonic() - started_s
        for each in (out, errors):
            each.seek(0)
        if process.returncode != 0:
            said = errors.read().decode(errors="replace").strip().splitlines() or ["nothing"]
            raise ReplayError(f"{checkout}: replay failed ({process.returncode}): {said[-1]}")
        rows = [json.loads(line) for line in out.read().decode().splitlines()]
    cpu_s = usage.ru_utime + usage.ru_stime
    return ReplayRun(cpu_s, elapsed_s, usage.ru_maxrss / 1024, alerts_of(rows))


def alerts_of(rows: Sequence[dict[str, Any]]) -> list[Alert]:
    """Alerts on objects. Another checkout may have other fields, so only those that the matching
    reads are taken, and nothing is validated."""
    return [
        Alert.model_construct(  # type: ignore[call-arg]
            event_id=row["event_id"],
            kind=Revision(row["kind"]),
            hazard=Hazard(row["hazard"]),
            class_name=row["class_name"],
            state=AlarmState(row["state"]),
            probability=row["probability"],
            frame_index=row.get("frame_index", row["source_frame"]),
            place=Place.model_construct(  # type: ignore[call-arg]
                box_px=tuple(row["place"]["box_px"]), frame_index=row["place"]["frame_index"]
            ),
            arrivals=(),
        )
        for row in rows
        if row.get("place") is not None
    ]
