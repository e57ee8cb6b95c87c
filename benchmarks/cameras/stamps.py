"""The times of a network camera's images, and its return after a fault, against its own clock.

    python -m benchmarks.cameras.stamps --seconds 30 --returns 30 --out report.json

A live RTSP server draws its clock into each image; `CameraProcess` reads it as a line does. Needs
GStreamer's RTSP server (packages: see `rtsp_server.py`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cameras.camera_server import CameraServer, missing
from benchmarks.cameras.picture_clock import read_clock
from benchmarks.report_out import write_report
from detector.ingest import CameraBlind, CameraProcess

RATES = (5, 15, 30)
TARGET_PERIODS = 0.25
TARGET_RETURN_S = 2.0
OLD_PERIODS = 3
FAULT_S = 3.0
"""Longer than the read timeout: the capture process gives up and connects again."""
FIRST_S = 30.0
SETTLED_S = 11.0
"""Of sight before the next fault: after less, the capture process waits longer to connect again."""
Reading = tuple[float, float, float]
"""When it was handed out, its time by the frame, its time by the camera (s, CLOCK_MONOTONIC)."""


def readings(camera: CameraProcess, seconds: float, period_s: float) -> Iterator[Reading]:
    """Of each frame whose clock can be read, for so long."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        try:
            frame = camera.read_latest(3 * period_s)
        except CameraBlind:
            continue
        now_ns = time.monotonic_ns()
        true_ns = read_clock(frame.image, now_ns)
        if true_ns is not None:
            yield now_ns / 1e9, frame.t_mono_ns / 1e9, true_ns / 1e9


def age_errors(fps: int, codec: str, seconds: float, *options: str) -> dict[str, Any]:
    """Age by the frame minus true age, in frame periods; from the first frame on."""
    period_s = 1 / fps
    errors: list[float] = []
    delays: list[float] = []
    sources: Counter[str] = Counter()
    given = ("--fps", str(fps), "--codec", codec, "--clock", *options)
    with CameraServer(*given) as server, CameraProcess(server.url, name="bench") as camera:
        for _ in readings(camera, FIRST_S, period_s):
            break
        for now_s, told_s, true_s in readings(camera, seconds, period_s):
            errors.append((true_s - told_s) / period_s)
            delays.append((now_s - true_s) / period_s)
            sources[str(camera.health.stamp_source)] += 1
    return {
        "fps": fps,
        "codec": codec,
        "frames": len(errors),
        "stamp_source": dict(sources),
        "delay_periods_p50": _percentile(delays, 50),
        "error_periods_p50": _percentile(errors, 50),
        "error_periods_p95": _percentile(np.abs(errors), 95),
        "error_periods_max": _percentile(np.abs(errors), 100),
    }


def _percentile(values: Any, percent: float) -> float:
    return round(float(np.percentile(values, percent)), 3) if len(values) else float("nan")


def _stall(server: CameraServer) -> Callable[[], int]:
    server.order("stall")
    return lambda: server.order("play")


def _away(server: CameraServer) -> Callable[[], int]:
    server.order("away")
    return lambda: server.order("play")


def _hang(server: CameraServer) -> Callable[[], int]:
    server.hang()

    def wake() -> int:
        woken_ns = time.monotonic_ns()
        server.wake()
        return woken_ns

    return wake


FAULTS = {"stalls": _stall, "away": _away, "hangs": _hang}


def returns(fault: str, count: int, fps: int) -> dict[str, Any]:
    """Seconds to sight after the camera's return, and frames handed out that were old."""
    period_s = 1 / fps
    to_sight: list[float] = []
    old = frames = 0
    given = ("--fps", str(fps), "--clock")
    with CameraServer(*given) as server, CameraProcess(server.url, name="bench") as camera:
        for _ in readings(camera, FIRST_S, period_s):
            break
        for _ in range(count):
            for _ in readings(camera, SETTLED_S, period_s):
                pass
            end_fault = FAULTS[fault](server)
            for _ in readings(camera, FAULT_S, period_s):
                pass
            back_s = end_fault() / 1e9
            seen_s: float | None = None
            for now_s, _, true_s in readings(camera, 5.0, period_s):
                frames += 1
                old += now_s - true_s > OLD_PERIODS * period_s
                if seen_s is None and true_s >= back_s:
                    seen_s = now_s
                if seen_s is not None and now_s >= seen_s + 1:
                    break
            to_sight.append(float("inf") if seen_s is None else seen_s - back_s)
    return {
        "fault": fault,
        "times": count,
        "to_sight_s_p50": _percentile(to_sight, 50),
        "to_sight_s_max": _percentile(to_sight, 100),
        "frames_after": frames,
        "old_frames": old,
    }


def show(report: dict[str, Any]) -> None:
    """Print the report's tables."""
    for row in report["ages"]:
        sources = ", ".join(f"{name} {count}" for name, count in row["stamp_source"].items())
        print(
            f"{row['codec']} {row['fps']}/s: {row['frames']} frames, handed out "
            f"{row['delay_periods_p50']:.2f} periods after capture; error of the age p50 "
            f"{row['error_periods_p50']:+.3f}, p95 {row['error_periods_p95']:.3f}, max "
            f"{row['error_periods_max']:.3f} periods ({sources})"
        )
    for row in report["returns"]:
        print(
            f"{row['fault']}, {row['times']} times: sight after {row['to_sight_s_p50']:.2f} s, at "
            f"most {row['to_sight_s_max']:.2f} s; {row['old_frames']} of {row['frames_after']} "
            "frames were old"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Times of a live RTSP camera's images.")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each rate")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="images per second")
    parser.add_argument("--codecs", nargs="*", default=["h264"])
    parser.add_argument("--sender-clock", default="ntp", help="as of rtsp_server.py")
    parser.add_argument("--returns", type=int, default=0, help="faults of each kind")
    parser.add_argument("--return-fps", type=int, default=15)
    parser.add_argument("--out", type=Path, help="write the report to this file (JSON)")
    given = parser.parse_args()
    if why := missing():
        sys.exit(why)
    clock = ("--sender-clock", given.sender_clock)
    ages = [
        age_errors(fps, codec, given.seconds, *clock)
        for codec in given.codecs
        for fps in given.rates
    ]
    after = [returns(fault, given.returns, given.return_fps) for fault in FAULTS if given.returns]
    write_report({"ages": ages, "returns": after}, given.out, show, as_json=False)
    sound = all(row["error_periods_p95"] <= TARGET_PERIODS for row in ages) and all(
        row["to_sight_s_max"] <= TARGET_RETURN_S and not row["old_frames"] for row in after
    )
    sys.exit(not sound)


if __name__ == "__main__":
    main()
