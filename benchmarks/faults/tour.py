"""Fault injection: a real line and a real consumer, killed, cut off and delayed at random.

A drawn belt keeps running while the detector (`vigitri run`, a process) and a consumer of its
alerts (a process, through a proxy) suffer faults at random times. At the end the detector's
journal, which contains every raised alert, is compared with the consumer's notes, and the objects
with the ids under which they were raised.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.faults.consumer import Note, read_notes
from benchmarks.faults.moving_belt import MovingBelt, profile
from benchmarks.line_process import ROOT, LineProcess
from benchmarks.seeing_model import write_model
from benchmarks.tcp_proxy import TcpProxy, free_ports
from detector.delivery.journal_folder import JournalFolder

START_S = 180.0
"""Start-up limit of a process on a loaded machine."""
CALM_S = 90.0
"""Time limit for the consumer to receive all outstanding alerts at the end."""
CALM_BETWEEN_S = 1.5
"""Largest pause between two faults, on average half of it, so that alerts are raised between."""
KINDS = ("detector killed", "consumer killed", "network cut", "network delayed")
WEIGHTS = (2, 2, 4, 2)


@dataclass
class Tally:
    """Injected faults and their effects."""

    injected: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    starts: int = 0
    alerts: int = 0
    """Alerts raised, according to the journal."""
    revisions: int = 0
    lost: list[str] = field(default_factory=list)
    """Revisions in the journal that the consumer never received."""
    duplicates: list[str] = field(default_factory=list)
    """Objects raised under a second id."""
    repeats: int = 0
    """Revisions that the consumer noted twice, because it was killed between note and confirmation;
    delivery is at least once."""
    ways: dict[str, int] = field(default_factory=dict)
    """Revisions noted, by how they were received."""
    elapsed_s: float = 0.0

    @property
    def sound(self) -> bool:
        return not self.lost and not self.duplicates and self.alerts > 0


class FaultyLine:
    """The line, its consumer and the network between them; a context manager."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._folder, self._rng = folder, rng
        self.journal, self.notes = folder / "journal", folder / "notes.jsonl"
        self.starts = 0
        self._line: LineProcess | None = None
        self._consumer: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FaultyLine:
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.belt = stack.enter_context(MovingBelt())
            model = write_model(self._folder / "white-and-red")
            self._profile = self._folder / "line.toml"
            self._profile.write_text(profile(self.belt, f"{model}/."), encoding="utf-8")
            ports = free_ports(2)
            self._endpoints = (f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}")
            self.proxies = [stack.enter_context(TcpProxy(port)) for port in ports]
            stack.callback(self._end)
            self._start_line()
            self._start_consumer()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def inject_fault(self, kind: str) -> None:
        """Inject one kind of fault after a random pause."""
        time.sleep(self._rng.uniform(0.05, CALM_BETWEEN_S))
        if kind == "detector killed":
            assert self._line is not None
            self._line.process.kill()
            self._line.__exit__(None, None, None)
            self._start_line()
        elif kind == "consumer killed":
            self._kill_consumer()
            time.sleep(self._rng.uniform(0.0, 0.3))
            self._start_consumer()
        elif kind == "network cut":
            for proxy in self._rng.choice([self.proxies, self.proxies[:1], self.proxies[1:]]):
                proxy.cut(self._rng.uniform(0.05, 1.0))
        else:
            for proxy in self.proxies:
                proxy.delay_s = self._rng.uniform(0.05, 0.5)
            time.sleep(self._rng.uniform(0.1, 0.5))
            for proxy in self.proxies:
                proxy.delay_s = 0.0

    def stop_detector(self) -> None:
        """Stop the detector cleanly, so that its journal can be read."""
        assert self._line is not None
        self._line.__exit__(None, None, None)

    def start_detector(self) -> None:
        self._start_line()

    def _start_line(self) -> None:
        self._line = LineProcess(
            self._profile, start_s=START_S, journal=self.journal, endpoints=self._endpoints
        )
        self._line.__enter__()
        self.starts += 1

    def _start_consumer(self) -> None:
        command = [sys.executable, "-m", "benchmarks.faults.consumer"]
        endpoints = [proxy.endpoint for proxy in self.proxies]
        self._consumer = subprocess.Popen(
            [*command, *endpoints, str(self.notes)], cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def _kill_consumer(self) -> None:
        if self._consumer is not None:
            self._consumer.send_signal(signal.SIGKILL)
            self._consumer.wait()

    def _end(self) -> None:
        self._kill_consumer()
        if self._line is not None:
            self._line.__exit__(None, None, None)


def inject(
    runs: int, seed: int = 1, advance: Callable[[int, int], object] = lambda *_: None
) -> Tally:
    """Inject `runs` faults and report their effects."""
    tally, rng, started_s = Tally(), random.Random(seed), time.monotonic()
    with TemporaryDirectory() as folder, FaultyLine(Path(folder), rng) as line:
        for run in range(runs):
            # The first ones have one of each kind, also on a short tour.
            kind = KINDS[run] if run < len(KINDS) else rng.choices(KINDS, WEIGHTS)[0]
            line.inject_fault(kind)
            tally.injected[kind] += 1
            advance(run + 1, runs)
        line.stop_detector()
        raised = read_journal(line.journal)
        # Alerts of the last start are still outstanding: they come when the detector is back.
        line.start_detector()
        _wait_until_noted(line.notes, set(raised))
        _evaluate(tally, raised, read_notes(line.notes), line.belt)
        tally.starts = line.starts
    tally.elapsed_s = round(time.monotonic() - started_s, 1)
    return tally


def read_journal(folder: Path) -> dict[tuple[str, str, int], dict[str, object]]:
    """Every alert revision that the consumer must receive, by its id: those in the journal since
    the consumer's first registration."""
    files = JournalFolder(folder)
    raised: dict[tuple[str, str, int], dict[str, object]] = {}
    registered = False
    try:
        for record in map(json.loads, files.open()):
            if record["kind"] == "consumer" and not registered:
                registered = True
                raised.clear()  # alerts raised before the consumer started
            elif record["kind"] == "alert":
                alert = record["message"]["payload"]
                raised[alert["boot_id"], alert["event_id"], alert["revision"]] = alert
    finally:
        files.close()
    return raised


def _wait_until_noted(notes: Path, wanted: set[tuple[str, str, int]]) -> None:
    ends_s = time.monotonic() + CALM_S
    while time.monotonic() < ends_s:
        if wanted <= {tuple(note["id"]) for note in read_notes(notes)}:
            return
        time.sleep(0.2)


def _evaluate(
    tally: Tally,
    raised: dict[tuple[str, str, int], dict[str, object]],
    notes: list[Note],
    belt: MovingBelt,
) -> None:
    noted: Counter[tuple[object, ...]] = Counter(tuple(note["id"]) for note in notes)
    tally.revisions, tally.alerts = len(raised), len({key[:2] for key in raised})
    tally.lost = sorted("/".join(map(str, key)) for key in raised if key not in noted)
    tally.repeats = sum(count - 1 for count in noted.values())
    tally.ways = dict(Counter(str(note["how"]) for note in notes))
    ids: defaultdict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    for (boot_id, event_id, _), alert in raised.items():
        place = alert["place"]
        if alert["kind"] != "raised" or not isinstance(place, dict):
            continue
        hazard, seen_ns = str(alert["hazard"]), int(place["t_utc_ns"])
        ids[hazard, belt.object_at(hazard, place["y_mm"], seen_ns)].add((boot_id, event_id))
    tally.duplicates = [
        f"{hazard} {number}: {sorted(names)}"
        for (hazard, number), names in sorted(ids.items())
        if len(names) > 1
    ]
