"""The process in which one parser is fuzzed: with limits on memory and time.

A case that crashes or hangs ends this process; the one that started it finds the case in the file
`slot`, and goes on behind it. Findings are printed on stdout, one JSON object per line.

    python -m benchmarks.fuzz.worker PARSER SEED FIRST CASES SLOT
"""

from __future__ import annotations

import faulthandler
import json
import logging
import mmap
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path
from typing import TextIO

from benchmarks.fuzz.parser import Finding, Parser
from benchmarks.fuzz.parsers import opened

CASE_CPU_S = 1.0
"""Longest CPU time of one case: all are small."""
CASE_WALL_S = 30.0
"""Longest time of one case that waits; the machine may be busy."""
MEMORY_MORE = 1 << 30
"""Address space beyond that of the started process."""
RESIDENT_MORE = 256 << 20
"""Memory that one case may need."""
SLOT_BYTES = 1 << 23
_HEAD = struct.Struct("<QI")


class Slot:
    """The case that is being parsed, in a file that outlives this process."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOT_BYTES)

    def put(self, done: int, case: bytes) -> None:
        """`done`: cases before this one."""
        self._map[: _HEAD.size + len(case)] = _HEAD.pack(done, len(case)) + case

    @staticmethod
    def read(path: Path) -> tuple[int, bytes]:
        """Number of cases before the last one, and that case."""
        data = path.read_bytes()
        done, length = _HEAD.unpack_from(data)
        return done, data[_HEAD.size : _HEAD.size + length]


def work(  # noqa: PLR0917
    parser: Parser, seed: int, first: int, cases: int, slot: Slot, report: TextIO
) -> None:
    """Parse `cases` cases from `first` on; each finding is a line of the report."""
    memory = _Memory()
    for done in range(cases):
        number = first + done
        case = parser.case(seed, number)
        slot.put(done, case)
        signal.setitimer(signal.ITIMER_PROF, CASE_CPU_S)
        signal.setitimer(signal.ITIMER_REAL, CASE_WALL_S)
        finding = parser.finding(case)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        needed = memory.needed()
        if finding is None and needed > RESIDENT_MORE:
            finding = Finding("much memory", f"{needed >> 20} MiB")
        if finding is not None:
            line = {**finding._asdict(), "case": number, "input": case.hex()}
            print(json.dumps(line), file=report, flush=True)
    slot.put(cases, b"")


class _Memory:
    """The most memory that this process has used.

    Not by `getrusage`, whose figure begins with that of the process that started this one.
    """

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._most = self._now()

    def needed(self) -> int:
        """Bytes by which it has grown since the last call."""
        before, self._most = self._most, self._now()
        return self._most - before

    def _now(self) -> int:
        return int(os.pread(self._status, 4096, 0).split(b"VmHWM:", 1)[1].split(None, 1)[0]) << 10


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_MORE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(name: str, *numbers: str) -> None:
    """Run as a process."""
    *counts, slot = numbers
    seed, first, cases = map(int, counts)
    logging.disable(logging.CRITICAL)
    report = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print there
    faulthandler.enable()
    # Their default is the end of the process; before that, where it was.
    for late in (signal.SIGPROF, signal.SIGALRM):
        faulthandler.register(late, all_threads=False, chain=True)
    with opened(name) as parser:
        _limit_memory()
        started_s = time.process_time()
        work(parser, seed, first, cases, Slot(Path(slot)), report)
        used_s = time.process_time() - started_s
        print(json.dumps({"cpu_s": used_s, "unread": parser.unread}), file=report, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
