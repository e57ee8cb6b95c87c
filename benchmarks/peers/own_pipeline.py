"""Vigitri's own pipeline on the clip, as `vigitri replay` runs it, in a process of its own.

`python -m benchmarks.peers.own_pipeline TASK.json`; measures as `worker` does, which cannot import
this package.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.peers.worker import peak_mib
from detector.ingest import Recording
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.loading import load_profile
from detector.vision.catalogue import find_model
from detector.vision.engines import open_engine, open_verifier


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run the frames through the whole pipeline; see `contenders.Measurement`."""
    profile = load_profile(Path(task["line"]))
    choice = profile.model
    model = find_model(choice.name, choice.signed_by)
    engine, verifier = open_engine(model, choice), open_verifier(model, choice)
    pipeline = Pipeline(Line(profile, model, engine, "bench", verifier))
    frame_ms, pass_ms, alerts = [], [], []
    start_s = cpu_s = 0.0
    with Recording(task["clip"]) as recording:
        for frame in islice(recording, task["frames"]):
            captured_ns = time.monotonic_ns()
            result = pipeline.process(frame)
            done_ns = time.monotonic_ns()
            if result.inferred and not start_s:
                start_s = (done_ns - task["spawned_ns"]) / 1e9
            if frame.index + 1 == task["warm_up"]:
                cpu_s = _cpu_s()
            if frame.index >= task["warm_up"]:
                frame_ms.append((done_ns - captured_ns) / 1e6)
                pass_ms += frame_ms[-1:] if result.inferred else []
            alerts += [alert.model_dump(mode="json") for alert in result.alerts]
    return {
        "frame_ms": frame_ms,
        "pass_ms": pass_ms,
        "cpu_s": _cpu_s() - cpu_s,
        "start_s": start_s,
        "memory_mib": peak_mib(),
        "versions": {name: version(name) for name in ("vigitri", choice.engine)},
        "alerts": alerts,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(wanted["out"]).write_text(json.dumps(measure(wanted)), encoding="utf-8")
