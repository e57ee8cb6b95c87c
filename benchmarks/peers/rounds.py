"""Runs of all contenders in turn, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.line_process import ROOT
from benchmarks.peers import environments
from benchmarks.peers.contenders import Contender, Measurement, Task
from benchmarks.peers.environments import PeerError

_MOST_S = 600.0
_WORKER = Path(__file__).with_name("worker.py")

Measured = dict[Contender, list[Measurement]]


def run_rounds(
    tasks: dict[Contender, Task],
    rounds: int,
    venv: Path | None,
    advance: Callable[[int, int | None], None],
) -> tuple[Measured, dict[str, str]]:
    """Measure each `rounds` times, interleaved.

    Returns the measurements, in the order of the rounds, and why a contender was left out, by
    `name, engine`. One that fails once is left out of all later rounds.
    """
    measured: Measured = {each: [] for each in tasks}
    left_out: dict[str, str] = {}
    for number in range(rounds):
        for place, (contender, task) in enumerate(tasks.items(), start=1):
            label = f"{contender.name}, {contender.engine}"
            if label not in left_out:
                try:
                    measured[contender].append(run_once(contender, task, venv))
                except PeerError as error:
                    left_out[label] = str(error)
            advance(number * len(tasks) + place, rounds * len(tasks))
    complete = {each: runs for each, runs in measured.items() if len(runs) == rounds}
    return complete, left_out


def run_once(contender: Contender, task: Task, venv: Path | None) -> Measurement:
    """One process. Raises `PeerError`."""
    out = Path(task["out"])
    out.unlink(missing_ok=True)
    file = out.with_suffix(".task.json")
    environment = None
    if contender.is_own:
        command = [sys.executable, "-m", f"benchmarks.peers.{contender.peer}", str(file)]
    elif contender.environment is None:
        command = [sys.executable, str(_WORKER), str(file)]
    elif venv is None:
        raise PeerError("needs an environment of its own: give a folder with --venv")
    else:
        before, environment = environments.refuse_network(venv)
        python = environments.python_of(contender.environment, venv)
        command = [*before, str(python), str(_WORKER), str(file)]
    file.write_text(json.dumps({**task, "spawned_ns": time.monotonic_ns()}), encoding="utf-8")
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
            timeout=_MOST_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PeerError(f"gave no result within {_MOST_S:g} s") from None
    if done.returncode or not out.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"ended with {done.returncode}: {last}")
    measurement: Measurement = json.loads(out.read_text(encoding="utf-8"))
    return measurement


def needed(tasks: Iterable[Contender]) -> list[str]:
    """The environments that they need."""
    return sorted({each.environment for each in tasks if each.environment is not None})
