"""The demonstration: a real line on the bundled clip, with a subscriber, and with a simulated PLC
behind the bridge that diverts the reported hazards; the operators' page shows it meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import tomlkit
from rich.console import Console

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.bridge_process import BridgeProcess
from benchmarks.demo.alert_row import alert_row
from benchmarks.demo.annotated import write_sheet, write_video
from benchmarks.demo.diversions import evaluate_file
from benchmarks.line_process import DEMO_CLIP, DEMO_LINE, ROOT, LineProcess
from benchmarks.station_process import StationProcess
from benchmarks.subscription import RunMessages, listen
from benchmarks.tcp_proxy import free_ports
from detector.child_process import VIGITRI, ChildFailedError, ChildProcess
from detector.cli_support.progress import progress_bar
from detector.client import Received
from detector.profile.line import ActionPoint, LineProfile
from detector.profile.loading import load_profile
from detector.station.web.server import LISTEN, ListenAddress, ListenError, listening_socket
from detector.wire.messages import Alert, Revision

OUT = ROOT / "out" / "demo"
_CLIP = DEMO_CLIP / "demo.mp4"
Ends = tuple[str, str, str]
"""Endpoints for alerts, requests and images."""


def main(*, keep: bool = False) -> int:
    """Run it; 0 if the line ran to the end of the clip.

    `keep`: repeat the clip until Ctrl-C, without comparing it with the ground truth.
    """
    console = Console(highlight=False)
    truth = GroundTruth.read(DEMO_CLIP / "demo.truth.jsonl")
    OUT.mkdir(parents=True, exist_ok=True)
    # What an earlier demo has stored, or a line of the user's own, is not shown.
    shutil.rmtree(OUT / "station", ignore_errors=True)
    profile = load_profile(DEMO_LINE)
    publish, requests, evidence = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
    ends = publish, requests, evidence
    try:
        # All start before the line, so that they are ready for the clip's first objects.
        with (
            BridgeProcess([(publish, requests)]) as bridge,
            StationProcess([(profile.line, *ends)], OUT / "station", listen=page_address()) as page,
        ):
            clip_s = len(truth.frames) / truth.header["fps"]
            console.print(_introduction(page.url, clip_s, keep=keep), markup=False, soft_wrap=True)
            if keep:
                return _until_interrupted(ends, console)
            return _compared(profile, truth, ends, bridge, console)
    except ChildFailedError as error:
        print(error, file=sys.stderr)
        return 1


def page_address() -> str:
    """Where the page is served: at the usual port if that is free."""
    try:
        listening_socket(ListenAddress.parse(LISTEN)).close()
    except ListenError:
        return "127.0.0.1:0"
    return LISTEN


def _introduction(url: str, clip_s: float, *, keep: bool) -> str:
    how = "again and again, until Ctrl-C" if keep else f"{clip_s:.0f} s in real time"
    return (
        f"The operators' page, while this runs: {url}\n\n"
        f"A simulated belt, {how}. `vigitri run`, `bridge` and `station`\n"
        "run as they do in a plant. One line for each alert: UTC of the capture, what, where,\n"
        "time left to act, whether it calls people, capture -> here:\n"
    )


def _until_interrupted(ends: Ends, console: Console) -> int:
    with suppress(KeyboardInterrupt), _line(endless_profile(OUT), ends) as line:
        _listen(line, console)
    return 0


def _compared(
    profile: LineProfile,
    truth: GroundTruth,
    ends: Ends,
    bridge: BridgeProcess,
    console: Console,
) -> int:
    """Run the clip once, with a simulated PLC, and compare with the ground truth."""
    with (
        (OUT / "plc.jsonl").open("w", encoding="utf-8") as log,
        # Its log is complete when it has ended.
        ChildProcess(
            [*VIGITRI, "plc-sim", f"{bridge.host}:{bridge.port}", "--json", *plant(profile)],
            end_s=10.0,
            stdout=log,
            stderr=subprocess.DEVNULL,
        ),
    ):
        with _line(DEMO_LINE, ends, "--until-end") as line:
            received = _listen(line, console)
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
    console.print(evaluate_file(OUT / "plc.jsonl", DEMO_CLIP / "demo.truth.jsonl"), markup=False)
    (OUT / "alerts.jsonl").write_text(
        "".join(f"{alert.model_dump_json()}\n" for alert in received.alerts), encoding="utf-8"
    )
    shown = ", ".join(str(_from_here(OUT / name)) for name in ("annotated.mp4", "alerts.png"))
    console.print(f"Look at {shown}; every alert revision is in {_from_here(OUT)}/alerts.jsonl")
    return 0


def _line(profile: Path, ends: Ends, *options: str) -> LineProcess:
    publish, requests, evidence = ends
    return LineProcess(profile, "--evidence", evidence, *options, endpoints=(publish, requests))


def _listen(line: LineProcess, console: Console) -> RunMessages:
    def show(alert: Alert, item: Received) -> None:
        if alert.kind is Revision.RAISED:
            console.print(alert_row(alert, item.latency_ms), markup=False, soft_wrap=True)

    return listen(line, show)


def endless_profile(folder: Path) -> Path:
    """The demo's profile with a clip that repeats, written into `folder`."""
    document = tomlkit.parse(DEMO_LINE.read_text(encoding="utf-8"))
    document["camera"].update({"source": str(_CLIP), "loop": True})
    document["overload"]["empty_belt"] = str(DEMO_CLIP / "empty.png")
    path = folder / "line.toml"
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    return path


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
