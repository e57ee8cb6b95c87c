"""`vigitri bench fuzz`: fuzzes parsers in processes of their own, and keeps what failed."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.fuzz.parser import Finding
from benchmarks.fuzz.parsers import PARSERS, opened
from benchmarks.fuzz.worker import SLOT_BYTES, Slot
from benchmarks.report_out import write_json
from detector.errors import VigitriError

PART = 20_000
"""Cases of one process: memory that a library loses does not add up."""
KEPT = 3
"""Inputs kept of each kind of finding."""
CRASHES_MOST = 50
"""Crashes and hangs after which a parser is given up."""
_ENDS = {signal.SIGPROF: "hang", signal.SIGALRM: "hang while it waits", signal.SIGKILL: "killed"}


class FuzzError(VigitriError, RuntimeError):
    """The fuzzer itself failed."""


@dataclass
class ParserResult:
    """What came of one parser's cases."""

    parser: str
    messages: int = 0
    seconds: float = 0.0
    """Wall clock, with the start of each process."""
    findings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """The first case of each finding."""
    crashes: int = 0
    """Processes that a case ended: crash or hang. Also among the findings."""
    gave_up: bool = False


class _Campaign:
    """One parser: parts of its cases, each in a process."""

    def __init__(self, name: str, seed: int, corpus: Path | None) -> None:
        self.result = ParserResult(name)
        self._name, self._seed, self._corpus = name, seed, corpus
        self._per_case = opened(name).messages_per_case
        self._lock = threading.Lock()

    def run(self, messages: int, jobs: int) -> ParserResult:
        cases = -(-messages // self._per_case)
        parts = [(first, min(PART, cases - first)) for first in range(0, cases, PART)]
        started_s = time.monotonic()
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda part: self._part(*part), parts))
        self.result.seconds = time.monotonic() - started_s
        return self.result

    def _part(self, first: int, cases: int) -> None:
        """A process for these cases; after one that ended it, another for the rest."""
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
            file.truncate(SLOT_BYTES)
            slot = Path(file.name)
            while cases and not self.result.gave_up:
                done = self._process(first, cases, slot)
                first, cases = first + done, cases - done

    def _process(self, first: int, cases: int, slot: Path) -> int:
        """Returns the number of cases that are done."""
        command = [sys.executable, "-m", "benchmarks.fuzz.worker", self._name]
        command += [str(self._seed), str(first), str(cases), str(slot)]
        Slot(slot).put(0, b"")
        ended = subprocess.run(command, capture_output=True, check=False)
        done, case = Slot.read(slot)
        with self._lock:
            for line in ended.stdout.splitlines():
                found = json.loads(line)
                if "kind" not in found:
                    self.result.messages -= found["unread"]
                    continue
                wrong = Finding(found["kind"], found["detail"])
                self._add(wrong, bytes.fromhex(found["input"]), found["case"])
            self.result.messages += done * self._per_case
            if ended.returncode == 0:
                return done
            why = ended.stderr.decode(errors="replace")
            if ended.returncode > 0:
                raise FuzzError(f"the fuzzer of {self._name} failed:\n{why[-2000:]}")
            self.result.crashes += 1
            self.result.messages += self._per_case
            self.result.gave_up = self.result.crashes >= CRASHES_MOST
            end = signal.Signals(-ended.returncode)
            how = _ENDS.get(end, f"crash ({end.name})")
            self._add(Finding(f"{how} {_where(why)}", why), case, first + done)
        return done + 1

    def _add(self, finding: Finding, case: bytes, number: int) -> None:
        kind = finding.kind
        self.result.findings[kind] += 1
        self.result.examples.setdefault(kind, f"case {number}: {finding.detail[:200]}")
        if self._corpus is None or self.result.findings[kind] > KEPT:
            return
        folder = self._corpus / self._name
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{hashlib.sha256(kind.encode()).hexdigest()[:8]}-{self._seed}-{number}"
        (folder / name).write_bytes(case)
        (folder / f"{name}.txt").write_text(f"{kind}\n{finding.detail}\n", encoding="utf-8")


def _where(stack: str) -> str:
    """The innermost place of the product in a stack of faulthandler, innermost first."""
    places = [line.strip() for line in stack.splitlines() if line.startswith("  File ")]
    ours = next((place for place in places if "/detector/" in place), "")
    return f"at detector/{ours.rpartition('/detector/')[2]}" if ours else "outside the product"


def run(
    names: Sequence[str],
    *,
    cases: int,
    seed: int,
    jobs: int,
    corpus: Path | None,
    out: Path | None,
) -> bool:
    """Fuzz these parsers, all if none is named; returns whether there was no finding."""
    if unknown := sorted(set(names) - set(PARSERS)):
        raise FuzzError(f"no parser {', '.join(unknown)}; known: {', '.join(PARSERS)}")
    console = Console()
    results = []
    for name in names or PARSERS:
        result = _Campaign(name, seed, corpus).run(cases, jobs)
        results.append(result)
        console.print(_row(result), highlight=False, soft_wrap=True)
    table = Table("parser", "cases", "per second", "crashes and hangs", "other findings")
    for result in results:
        others = sum(result.findings.values()) - result.crashes
        rate = result.messages / max(result.seconds, 1e-9)
        cells = (result.parser, f"{result.messages:,}", f"{rate:,.0f}", f"{result.crashes:,}")
        table.add_row(*cells, f"{others:,}")
    console.print(table)
    write_json([_as_json(each) for each in results], out)
    return not any(result.findings for result in results)


def _row(result: ParserResult) -> str:
    lines = [f"{result.parser}: {result.messages:,} cases in {result.seconds:.0f} s"]
    for what, count in result.findings.most_common():
        lines.append(f"  {count:,} x {what} ({result.examples[what]})")
    if result.gave_up:
        lines.append(f"  given up after {result.crashes} crashes and hangs")
    return "\n".join(ascii(line)[1:-1] for line in lines)


def _as_json(result: ParserResult) -> dict[str, Any]:
    return {**vars(result), "findings": dict(result.findings)}
