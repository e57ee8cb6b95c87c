"""`kill -9` of a recorder under load: what its store lacks, compared with the journal."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.line_process import ROOT
from benchmarks.station.loaded_line import LoadedLine, journalled
from detector.child_process import ChildProcess
from detector.station.store import Store

Revision = tuple[str, str, int]
"""Boot id, event id, number."""
CALM_S = 120.0
"""Time for the last alerts to be recorded."""


@dataclass
class Outcome:
    """What became of the alerts."""

    kills: int = 0
    sent: int = 0
    """Alert revisions."""
    journalled: int = 0
    """Those that the journal still has; it keeps some 8,000."""
    missing: list[str] = field(default_factory=list)
    """Those that the store lacks."""
    damaged: int = 0
    """Starts that found the database damaged."""
    images: int = 0
    images_broken: int = 0
    """Images that the store names and that are incomplete or missing."""
    expired: int = 0
    elapsed_s: float = 0.0


class RecorderProcess(ChildProcess):
    """A recorder in a process of its own; a context manager."""

    def __init__(self, folder: Path, endpoints: tuple[str, str, str]) -> None:
        super().__init__(
            [
                *(sys.executable, "-m", "benchmarks.station.recorder_process"),
                *(str(folder), *endpoints),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def kill(self) -> None:
        self.process.kill()
        self.end(hung=True)


def run(
    kills: int,
    folder: Path,
    *,
    seed: int = 1,
    alerts_per_s: float = 60.0,
    advance: Callable[[int, int], object] = lambda *_: None,
) -> Outcome:
    """Kill a recorder at random moments between its confirmations, then let it catch up."""
    outcome, rng, started_s = Outcome(), random.Random(seed), time.monotonic()
    station = folder / "station"
    with LoadedLine(folder / "journal") as line:
        recorder = RecorderProcess(station, line.endpoints)
        try:
            for number in range(kills):
                recorder.start()
                # Alerts go on while it starts, and it has to catch up.
                after = line.confirmed + rng.randint(1, 120)
                while line.confirmed < after:
                    line.send()
                    line.serve()
                    time.sleep(rng.uniform(0, 2 / alerts_per_s))
                recorder.kill()
                outcome.kills += 1
                advance(number + 1, kills)
            recorder.start()
            ends_s = time.monotonic() + CALM_S
            # Not only until they are confirmed: a late one expires, and is recorded all the same.
            while line.sent - recorded(station) and time.monotonic() < ends_s:
                for _ in range(50):
                    line.serve()
                    time.sleep(0.01)
            outcome.expired = line.expired
        finally:
            recorder.end()
        outcome.sent = len(line.sent)
    written = journalled(folder / "journal")
    outcome.journalled = len(written)
    _compare(written | line.sent, station, outcome)
    outcome.elapsed_s = round(time.monotonic() - started_s, 1)
    return outcome


def _compare(written: set[Revision], station: Path, outcome: Outcome) -> None:
    with Store(station) as store:
        outcome.missing = sorted(str(each) for each in written - recorded(station))
        with closing(sqlite3.connect(station / "station.sqlite3")) as connection:
            names = [row[0] for row in connection.execute("SELECT evidence_id FROM evidence")]
        for name in names:
            for kind in ("crop", "frame"):
                path = store.image(name, kind)
                outcome.images += 1
                if path is None or not path.read_bytes().endswith(b"\xff\xd9"):
                    outcome.images_broken += 1
    outcome.damaged = len(list(station.glob("station.corrupt-*")))


def recorded(station: Path) -> set[Revision]:
    """All revisions in a store."""
    with closing(sqlite3.connect(station / "station.sqlite3")) as connection:
        rows = connection.execute(
            "SELECT boot_id, event_id, revisions.revision FROM revisions JOIN events ON event = id"
        )
        return {(boot_id, event_id, revision) for boot_id, event_id, revision in rows}
