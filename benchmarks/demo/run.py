"""The demonstration: a real line on the bundled clip, with a subscriber, and with a simulated PLC
behind the bridge that diverts the reported hazards."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.bridge_process import BridgeProcess
from benchmarks.demo.annotated import write_sheet, write_video
from benchmarks.demo.diversions import evaluate_file
from benchmarks.line_process import DEMO_CLIP, DEMO_LINE, ROOT, LineProcess
from benchmarks.subscription import RunMessages, listen
from benchmarks.tcp_proxy import free_ports
from detector.child_process import VIGITRI, ChildFailedError, ChildProcess
from detector.cli_support.progress import progress_bar
from detector.client import Received
from detector.profile.line import ActionPoint, LineProfile
from detector.profile.loading import load_profile
from detector.terminal.watch import alert_line
from detector.wire.messages import Alert

OUT = ROOT / "out" / "demo"
_CLIP = DEMO_CLIP / "demo.mp4"


def main() -> int:
    """Run it; 0 if the line ran to the end of the clip."""
    console = Console(highlight=False)
    truth = GroundTruth.read(DEMO_CLIP / "demo.truth.jsonl")
    clip_s = len(truth.frames) / truth.header["fps"]
    console.print(
        f"A simulated belt, {clip_s:.0f} s in real time: "
        f"`vigitri run {DEMO_LINE.relative_to(ROOT)}` in one process,\n"
        "this subscriber in another, `vigitri bridge` and `vigitri plc-sim` in two more. Alerts\n"
        "as `vigitri watch` shows them:\n"
    )
    OUT.mkdir(parents=True, exist_ok=True)
    profile = load_profile(DEMO_LINE)
    publish, requests = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    plc_log = OUT / "plc.jsonl"

    def show(alert: Alert, item: Received) -> None:
        latency = "" if item.latency_ms is None else f"  [{item.latency_ms:.0f} ms after capture]"
        console.print(f"{alert_line(alert)}{latency}", markup=False, soft_wrap=True)

    try:
        # Both start before the line, so that they are ready for the clip's first objects.
        with (
            BridgeProcess([(publish, requests)]) as bridge,
            plc_log.open("w", encoding="utf-8") as log,
            # Its log is complete when it has ended.
            ChildProcess(
                [*VIGITRI, "plc-sim", f"{bridge.host}:{bridge.port}", "--json", *plant(profile)],
                end_s=10.0,
                stdout=log,
                stderr=subprocess.DEVNULL,
            ),
        ):
            with LineProcess(DEMO_LINE, "--until-end", endpoints=(publish, requests)) as line:
                received = listen(line, show)
            ends_s = time.monotonic() + _to_ejector_s(profile)
            if not received.latencies_ms:
                print("\n".join(line.stderr_lines), file=sys.stderr)
                return 1
            evaluation = match_alerts(received.alerts, LineGroundTruth(truth, profile))
            console.print(f"\n{summary(received, evaluation, len(truth.frames))}", markup=False)
            polygon = profile.belt.polygon_px
            with progress_bar("drawing the annotated video") as advance:
                write_video(_CLIP, profile.belt, received, OUT / "annotated.mp4", advance)
            write_sheet(_CLIP, polygon, received, evaluation, OUT / "alerts.png")
            # The objects of the last frame still have to reach the ejector.
            time.sleep(max(0.0, ends_s - time.monotonic()))
    except ChildFailedError as error:
        print(error, file=sys.stderr)
        return 1
    console.print(evaluate_file(plc_log, DEMO_CLIP / "demo.truth.jsonl"), markup=False)
    (OUT / "alerts.jsonl").write_text(
        "".join(f"{alert.model_dump_json()}\n" for alert in received.alerts), encoding="utf-8"
    )
    shown = ", ".join(str(_from_here(OUT / name)) for name in ("annotated.mp4", "alerts.png"))
    console.print(f"Look at {shown}; every alert revision is in {_from_here(OUT)}/alerts.jsonl")
    return 0


def plant(profile: LineProfile) -> tuple[str, ...]:
    """Options of the simulated PLC: speed, ejector distance and actuator time of the demo."""
    ejector = _ejector(profile)
    return (
        *("--speed", f"{profile.belt.speed_mm_s:g}"),
        *("--ejector-mm", f"{ejector.y_mm:g}", "--actuator-ms", f"{ejector.acting_ms:g}"),
    )


def _ejector(profile: LineProfile) -> ActionPoint:
    return next(point for point in profile.action_points if point.name == "ejector")


def _to_ejector_s(profile: LineProfile) -> float:
    assert profile.belt.speed_mm_s is not None
    return _ejector(profile).y_mm / profile.belt.speed_mm_s + 1.0


def summary(received: RunMessages, evaluation: Evaluation, clip_frames: int) -> str:
    """The result of the run, compared with the clip's ground truth."""
    p50, p95, p99 = np.percentile(received.latencies_ms, [50, 95, 99])
    last = received.states[-1]
    heaps = [each for each in evaluation.stretches if each.state == "overload"]
    missed = sorted(each.passage.kind for each in evaluation.counted() if each.found is None)
    return "\n".join(
        [
            f"frames    {clip_frames} in the clip, {last.inferences} seen by the model, "
            f"{last.frames_overwritten} overwritten by newer ones before they were seen",
            f"alerts    {_by_class(evaluation)}; {len(evaluation.false_alarms)} false, "
            f"{sum(len(event.duplicates) for event in evaluation.events)} duplicates",
            f"overload  {sum(each.after_s is not None for each in heaps)} of {len(heaps)} found",
            f"missed    {', '.join(missed) or 'none'}",
            f"latency   capture -> subscriber p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms "
            f"over {len(received.latencies_ms)} frames; {received.missed} messages missed",
        ]
    )


def _by_class(evaluation: Evaluation) -> str:
    parts = []
    for name in sorted({event.passage.class_name for event in evaluation.counted()}):
        those = [event for event in evaluation.counted() if event.passage.class_name == name]
        hit = sum(event.found is not None for event in those)
        parts.append(f"{hit} of {len(those)} {name}")
    return ", ".join(parts)


def _from_here(path: Path) -> Path:
    return path.relative_to(ROOT)
