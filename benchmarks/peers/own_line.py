"""`vigitri run` on the clip in real time, with a subscriber: Vigitri as a plant runs it.

`python -m benchmarks.peers.own_line TASK.json`. In a process of its own, so that the CPU time of
its children is that of this line alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.child_process import children
from benchmarks.line_process import LineProcess
from detector import client
from detector.client import Received
from detector.profile.loading import load_profile
from detector.wire.messages import Alert, FrameDetections

_TICKS = os.sysconf("SC_CLK_TCK")


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run the line to the clip's end; see `contenders.Measurement`.

    A line publishes the passes: frames without one have no result that could be timed. CPU time
    and memory are of detector and capture process.
    """
    engine = load_profile(Path(task["line"])).model.engine
    pass_ms, alerts = [], []
    first_frame, last_frame, start_s, cpu_s, memory_mib = None, 0, 0.0, 0.0, 0.0
    with (
        LineProcess(Path(task["line"]), "--until-end") as line,
        client.Line(line.publish) as subscriber,
    ):
        for item in _until_end(line, subscriber):
            payload = item.payload
            if isinstance(payload, Alert):
                alerts.append(payload.model_dump(mode="json"))
            elif isinstance(payload, FrameDetections):
                if first_frame is None:
                    start_s = (time.monotonic_ns() - task["spawned_ns"]) / 1e9
                if first_frame is None or payload.frame_index < task["warm_up"]:
                    first_frame = payload.frame_index
                    cpu_s = sum(map(_cpu_s, _processes(line)))
                elif item.latency_ms is not None:
                    pass_ms.append(item.latency_ms)
                last_frame = payload.frame_index
                memory_mib = sum(map(_peak_mib, _processes(line))) or memory_mib
        missed = subscriber.missed
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "frame_ms": [],
        "pass_ms": pass_ms,
        "frames": last_frame - (first_frame or 0),
        "cpu_s": used.ru_utime + used.ru_stime - cpu_s,
        "start_s": start_s,
        "memory_mib": memory_mib,
        "messages_missed": missed,
        "versions": {name: version(name) for name in ("vigitri", engine)},
        "alerts": alerts,
    }


def _until_end(line: LineProcess, subscriber: client.Line) -> Iterator[Received]:
    while True:
        item = subscriber.receive(0.25)
        if item is None:
            if not line.running:
                return
        elif isinstance(item, Received):
            yield item


def _processes(line: LineProcess) -> list[int]:
    """The detector, and its capture process."""
    pid = line.process.pid
    return [pid, *children(pid, b"capture")]


def _cpu_s(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:  # it has ended
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    held = [each.split()[1] for each in status.splitlines() if each.startswith("VmHWM:")]
    return int(held[0]) / 1024 if held else 0.0


if __name__ == "__main__":
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(wanted["out"]).write_text(json.dumps(measure(wanted)), encoding="utf-8")
