"""`vigitri bench soak`: run the plant, inject the schedule, and write everything down as it comes.

All that the report needs is in the folder at any time, so that a run that is cut off can be
reported: `vigitri bench soak --report OUT`.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.background_thread import BackgroundThread
from benchmarks.faults.consumer import read_notes
from benchmarks.soak.faults import Injector, schedule
from benchmarks.soak.journal_tail import JournalTail
from benchmarks.soak.operator import Operator
from benchmarks.soak.plant import Plant
from benchmarks.soak.small_disk import SmallDisk
from benchmarks.soak.vital_signs import VitalSigns
from benchmarks.speed.latency import machine

MINUTE_S = 60.0
SIGNS_EVERY_S = 20.0
SETTLE_S = 15.0
"""After the start, before the first fault."""
CALM_S = 90.0
"""Longest wait at the end for outstanding alerts."""


class Notebook:
    """The files of a run; every line is on disk at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, record: dict[str, Any]) -> None:
        with (self.folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(record)}\n")

    def say(self, line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S')} {line}"
        print(stamped, flush=True)
        with (self.folder / "progress.txt").open("a", encoding="utf-8") as file:
            file.write(f"{stamped}\n")


def soak(folder: Path, *, hours: float, faults: bool, seed: int) -> None:
    """Run it; raises `ChildFailedError`, and `FileExistsError` for a folder with an earlier run."""
    if (folder / "run.jsonl").exists():
        raise FileExistsError(
            f"{folder} has an earlier run: report it with --report, or name another folder"
        )
    notebook, rng, stop = Notebook(folder), random.Random(seed), threading.Event()
    with _stopping(stop), _disk(folder, notebook) as disk, _plant(folder, disk) as plant:
        about = {"machine": machine(), "hours": hours, "seed": seed, "faults": faults}
        start_ns = time.monotonic_ns()
        notebook.add("run", {**about, "start_ns": start_ns, "disk": disk is not None})
        planned = schedule(hours * 3600, rng, with_disk=disk is not None) if faults else []
        notebook.say(f"running for {hours:g} h with {len(planned)} faults, seed {seed}")
        tail = JournalTail(plant.journal, folder / "journalled.jsonl")
        with Operator(plant.ends, folder / "states.jsonl") as operator:
            watch = _Watch(notebook, plant, operator, tail)
            with watch:
                _inject_all(planned, Injector(plant, disk, rng), notebook, stop, start_ns)
                stop.wait(max(0.0, hours * 3600 - (time.monotonic_ns() - start_ns) / 1e9))
                end_ns = time.monotonic_ns()
                if not stop.is_set():
                    _wait_for_notes(plant, tail)
            tail.update()
        notebook.add("run", {"end_ns": end_ns, "whole": not stop.is_set()})


def _inject_all(
    planned: list[tuple[float, str]],
    injector: Injector,
    notebook: Notebook,
    stop: threading.Event,
    start_ns: int,
) -> None:
    for at_s, kind in planned:
        due_s = start_ns / 1e9 + SETTLE_S + at_s
        if stop.wait(max(0.0, due_s - time.monotonic())):
            return
        notebook.add("faults", {"kind": kind, "begun_ns": time.monotonic_ns()})
        injected = injector.inject(kind)
        notebook.add("faults", asdict(injected))


class _Watch(BackgroundThread):
    """A thread that samples the processes, and writes a line every minute; a context manager."""

    def __init__(
        self, notebook: Notebook, plant: Plant, operator: Operator, tail: JournalTail
    ) -> None:
        super().__init__()
        self._notebook, self._plant = notebook, plant
        self._operator, self._tail = operator, tail

    def _run(self) -> None:
        minute_s = time.monotonic()
        with (self._notebook.folder / "signs.jsonl").open(
            "a", encoding="utf-8", buffering=1
        ) as out:
            while True:
                over = self._over.wait(SIGNS_EVERY_S)
                signs = [
                    each
                    for name, pid in list(self._plant.pids())
                    if (each := VitalSigns.of(name, pid)) is not None
                ]
                out.writelines(f"{each.line()}\n" for each in signs)
                if over or time.monotonic() - minute_s >= MINUTE_S:
                    minute_s = time.monotonic()
                    self._minute(signs)
                if over:
                    return

    def _minute(self, signs: list[VitalSigns]) -> None:
        latencies_ms = self._operator.take_latencies_ms()
        self._notebook.add("latencies", {"t_s": time.monotonic(), "ms": latencies_ms})
        self._tail.update()
        noted = {tuple(note["id"]) for note in read_notes(self._plant.notes)}
        missing = len(self._tail.revisions - noted)
        memory = ", ".join(f"{each.name} {each.rss_mib:.0f}" for each in signs)
        self._notebook.say(
            f"{self._operator.vision}; {len(latencies_ms)} passes; alert revisions: "
            f"{len(self._tail.revisions)} journalled, {missing} not noted yet; MiB: {memory}"
        )


def _wait_for_notes(plant: Plant, tail: JournalTail) -> None:
    ends_s = time.monotonic() + CALM_S
    while time.monotonic() < ends_s:
        time.sleep(1.0)
        tail.update()
        noted = {tuple(note["id"]) for note in read_notes(plant.notes)}
        if tail.revisions <= noted:
            return


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the run in order."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _disk(folder: Path, notebook: Notebook) -> Iterator[SmallDisk | None]:
    with ExitStack() as stack:
        disk = None
        if SmallDisk.available():
            try:
                disk = stack.enter_context(SmallDisk((folder / "disk").resolve()))
            except subprocess.CalledProcessError as error:
                why = error.stderr.decode(errors="replace").strip()
                notebook.say(f"left out: a full disk ({why})")
        else:
            notebook.say("left out: a full disk (only root may mount a small one)")
        yield disk


def _plant(folder: Path, disk: SmallDisk | None) -> Plant:
    journal = None if disk is None else disk.folder / "journal"
    return Plant(folder.resolve(), journal=journal)
