"""Who takes part: Vigitri, other products, and the network alone, each in one engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

EngineName = Literal["onnxruntime", "openvino"]
ENGINES: tuple[EngineName, ...] = ("onnxruntime", "openvino")


@dataclass(frozen=True)
class Contender:
    """One measured program."""

    name: str
    peer: str
    """In `worker.PEERS`, or the module of Vigitri's own."""
    engine: EngineName | Literal["opencv"]
    environment: str | None = None
    """In `environments.PACKAGES`; None: Vigitri's own."""
    tracker: str | None = None
    lacks: str = ""
    """What it does not do, of what a line does."""

    @property
    def is_own(self) -> bool:
        return self.peer.startswith("own_")


class Task(TypedDict):
    """What one process is to measure."""

    peer: str
    engine: str
    tracker: str | None
    network: str
    """For peers: the network's file."""
    line: str
    """For Vigitri: the profile's file."""
    clip: str
    frames: int
    """Frames from the clip's start; `vigitri run` always takes all of them."""
    warm_up: int
    """The first frames, which are in no figure but `start_s`."""
    area_px: list[int]
    """The belt in the image, x0, y0, x1, y1: peers get no more."""
    size_px: list[int]
    """Height and width of the peers' network."""
    fps: float
    threads: int
    min_score: float
    classes: list[str]
    spawned_ns: int
    """When its process was started, CLOCK_MONOTONIC."""
    out: str


class Measurement(TypedDict, total=False):
    """What one process measured."""

    frame_ms: list[float]
    """From the decoded frame to its result, for each frame after the warm-up."""
    pass_ms: list[float]
    """Of Vigitri: the same for frames with an inference pass."""
    frames: int
    cpu_s: float
    """User and system time of all its threads after the warm-up, decoding included."""
    start_s: float
    """From the start of the process to its first result."""
    memory_mib: float
    """Peak resident memory."""
    messages_missed: int
    versions: dict[str, str]
    rows: list[list[float]]
    """Of peers: frame, track (-1: none), class, score, x0, y0, x1, y1 in px of the frame."""
    alerts: list[dict[str, Any]]
    """Of Vigitri: the published revisions."""


_NO_ALARMS = "no verifier, alarms, coverage, blindness or PLC"
_NO_TRACKS = f"no tracks, {_NO_ALARMS}"


def contenders() -> list[Contender]:
    """All, Vigitri first."""
    found = []
    for engine in ENGINES:
        found += [
            Contender("vigitri replay", "own_pipeline", engine),
            Contender("vigitri run, live", "own_line", engine),
            Contender(
                "ultralytics predict", "ultralytics-predict", engine, "ultralytics",
                lacks=_NO_TRACKS,
            ),
            Contender(
                "ultralytics track, ByteTrack", "ultralytics-track", engine, "ultralytics",
                "bytetrack", _NO_ALARMS,
            ),
            Contender("bare session", engine, engine, lacks=_NO_TRACKS),
        ]  # fmt: skip
    return [
        *found,
        Contender(
            "ultralytics track, BoT-SORT", "ultralytics-track", "onnxruntime", "ultralytics",
            "botsort", _NO_ALARMS,
        ),
        Contender(
            "supervision and trackers", "supervision", "onnxruntime", "supervision",
            "bytetrack", _NO_ALARMS,
        ),
        Contender("roboflow inference", "inference", "onnxruntime", "inference", lacks=_NO_TRACKS),
        Contender("cv2.dnn", "opencv-dnn", "opencv", lacks=_NO_TRACKS),
    ]  # fmt: skip
