"""A small line that runs in its own processes: footage, a camera, a model, a listener."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.child_process import children
from benchmarks.seeing_model import write_model  # noqa: F401  (for the tests that use this line)
from detector import client
from detector.client import Gap, Received
from detector.wire.messages import Message

SIZE_PX = (320, 240)
FPS = 5
"""Slow, so that three periods are longer than a loaded machine delays a process."""
BELT_PX_A_FRAME = 16
"""Half a pixel is a millimetre: 160 mm/s."""
WHITE, RED = (255, 255, 255), (20, 20, 230)
GAS_PX, BATTERY_PX = (60, 40), (24, 14)
PATIENCE_S = 90.0
"""An upper bound for a machine that trains a model at the same time; no test waits that long."""


def promised(seconds: float) -> float:
    """A guaranteed time limit, enforced only if the machine has spare cores."""
    return seconds if os.getloadavg()[0] <= len(os.sched_getaffinity(0)) else PATIENCE_S


# --- footage ---------------------------------------------------------------------------------


def belt_image(*objects: tuple[tuple[int, int], tuple[int, int], tuple[int, int, int]]) -> Any:
    """Objects (centre, size, colour; px) on a belt, `(h, w, 3)` uint8 BGR."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), 70, np.uint8)
    for (x, y), (width, height), colour in objects:
        corner = (x - width // 2, y - height // 2)
        cv2.rectangle(image, (*corner, width, height), colour, cv2.FILLED)
    return image


def passing(frames: int = 32) -> list[NDArray[np.uint8]]:
    """A gas canister, and a battery behind it, pass from left to right."""
    return [
        belt_image(
            ((BELT_PX_A_FRAME * i - 40, 80), GAS_PX, WHITE),
            ((BELT_PX_A_FRAME * i - 100, 170), BATTERY_PX, RED),
        )
        for i in range(frames)
    ]


def write_video(path: Path, images: Sequence[NDArray[np.uint8]], fps: float = FPS) -> Path:
    partial = path.with_stem(f"{path.stem}-partial")
    height, width = images[0].shape[:2]
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(partial), code, fps, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
    partial.rename(path)  # appears at once and complete, for those who wait for it
    return path


def write_interlaced(path: Path, images: Sequence[NDArray[np.uint8]], fps: float = FPS) -> Path:
    """The same as interlaced H.264, as a recorder for analogue cameras writes it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"x264-params": "tff=1", "crf": "4"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


class StreetCamera:
    """A network camera (Motion JPEG over HTTP on loopback), controlled by the test."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.frozen = threading.Event()
        """It repeats one image."""
        self.silent = threading.Event()
        """It keeps the connection and sends nothing."""

    def __enter__(self) -> StreetCamera:
        self._stop = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/video.mjpg"

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError), self._listening.accept()[0] as client:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        if not client.recv(4096):  # connected only to test the port
            return
        kind = b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        client.sendall(b"HTTP/1.0 200 OK\r\n" + kind)
        moment = 0
        while not self._stop.wait(1 / self.fps):
            if self.silent.is_set():
                continue
            moment += not self.frozen.is_set()
            # All differ, since a real sensor has noise.
            shown = belt_image()
            shown[: SIZE_PX[1] // 2] += np.uint8(moment % 40)
            data = cv2.imencode(".jpg", shown)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            client.sendall(head.encode() + data + b"\r\n")


# --- profile and model -----------------------------------------------------------------------


def write_profile(path: Path, source: str | Path, model: Path, *, camera: str = "") -> Path:
    """The profile of a line with that camera; `camera`: more keys of its section."""
    path.write_text(
        f"""
line = "belt-1"
[camera]
source = "{source}"
{camera}
[belt]
polygon_px = [[0, 0], [319, 0], [319, 239], [0, 239]]
travel = "right"
px_per_mm = 0.5
speed_mm_s = {BELT_PX_A_FRAME * FPS / 0.5:g}
[view]
mm_per_px = 2
[model]
name = "{model}/."
[wire]
publish = "tcp://127.0.0.1:*"
requests = "tcp://127.0.0.1:*"
detections = true
""",
        encoding="utf-8",
    )
    return path


# --- observing processes ---------------------------------------------------------------------


class Listener:
    """A subscriber that records all messages."""

    def __init__(self, subscriber: client.Line) -> None:
        self._subscriber = subscriber
        self.received: list[Received] = []
        self.gaps: list[Gap] = []

    def until(self, wanted: Callable[[Any], bool], kind: type[Message]) -> Received:
        """The next message with a payload of that kind for which `wanted` is true."""
        ends_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_s:
            item = self._subscriber.receive(1.0)
            if isinstance(item, Gap):
                self.gaps.append(item)
            elif isinstance(item, Received):
                self.received.append(item)
                if isinstance(item.payload, kind) and wanted(item.payload):
                    return item
        received = "\
".join(str(item.payload)[:300] for item in self.received[-12:])
        raise AssertionError(
            f"no such {kind.__name__} in {PATIENCE_S:g} s, but\
{received}"
        )

    def sooner_or_later(self, wanted: Callable[[Any], bool], kind: type[Message]) -> Received:
        """The first such message, received already or later."""
        for item in self.received:
            if isinstance(item.payload, kind) and wanted(item.payload):
                return item
        return self.until(wanted, kind)

    def to_the_end(self) -> None:
        """Receive until the line has closed the connection, after its last message."""
        ends_s = time.monotonic() + PATIENCE_S
        hung_up = False
        while not hung_up:
            assert time.monotonic() < ends_s, f"the line has not hung up in {PATIENCE_S:g} s"
            hung_up = "connection to the detector lost" in self._subscriber.vision_reason
            while (item := self._subscriber.receive(0 if hung_up else 0.3)) is not None:
                if isinstance(item, Received):
                    self.received.append(item)

    def all(self, kind: type[Message]) -> list[Any]:
        return [item.payload for item in self.received if isinstance(item.payload, kind)]


@contextlib.contextmanager
def listening(endpoint: str, *topics: str) -> Iterator[Listener]:
    with client.Line(endpoint, topics=topics or ("",)) as subscriber:
        yield Listener(subscriber)


def capture_processes(parent: int) -> set[int]:
    """The capture processes of a detector."""
    return set(children(parent, b"capture.child"))


def wait_for(condition: Callable[[], Any]) -> Any:
    """Poll for a condition without an event."""
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"not within {PATIENCE_S:g} s")


def read_terminal(ours: int) -> bytes:
    """All output to the other side of a pseudo-terminal until every process has closed it."""
    shown = b""
    with contextlib.suppress(OSError):  # how Linux reports that it is closed everywhere
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    return shown
