"""A drawn belt that keeps running, as a network camera (Motion JPEG over HTTP, loopback)."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE_PX = (320, 240)
FPS = 10
SPEED_PX_S = 40.0
"""80 mm/s: an object is in view for 8 s, and a detector takes about 3 s to restart."""
PX_PER_MM = 0.5
GAS_EVERY_PX, BATTERY_EVERY_PX = 400.0, 370.0
"""Longer than the view, so that it contains at most one of each."""
GAS, BATTERY = "gas", "battery"


class MovingBelt:
    """White objects are gas canisters, red ones batteries; a context manager."""

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._start_ns = time.time_ns()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="camera")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/video.mjpg"

    def object_at(self, hazard: str, y_mm: float, t_utc_ns: int) -> int:
        """Number of the object of a kind that is nearest to `y_mm` along the travel at a time."""
        every_px = GAS_EVERY_PX if hazard == GAS else BATTERY_EVERY_PX
        return round((self._travel_px(t_utc_ns) - y_mm * PX_PER_MM) / every_px)

    def _travel_px(self, t_utc_ns: int) -> float:
        return (t_utc_ns - self._start_ns) / 1e9 * SPEED_PX_S

    def _image(self, t_utc_ns: int, noise: int) -> NDArray[np.uint8]:
        image = np.full((SIZE_PX[1], SIZE_PX[0], 3), 70, np.uint8)
        image[: SIZE_PX[1] // 3] += np.uint8(noise % 40)  # the images of a real sensor differ
        travel_px = self._travel_px(t_utc_ns)
        for every_px, y, size, colour in (
            (GAS_EVERY_PX, 80, (60, 40), (255, 255, 255)),
            (BATTERY_EVERY_PX, 170, (24, 14), (20, 20, 230)),
        ):
            x = round(travel_px % every_px)
            corner = (x - size[0] // 2, y - size[1] // 2)
            cv2.rectangle(image, (*corner, *size), colour, cv2.FILLED)
        return image

    def _accept(self) -> None:
        viewers = []
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listening.accept()
                viewers.append(threading.Thread(target=self._serve, args=(client,)))
                viewers[-1].start()
        for viewer in viewers:
            viewer.join()

    def _serve(self, client: socket.socket) -> None:
        kind = b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        with contextlib.suppress(OSError), client:
            client.settimeout(2.0)
            if not client.recv(4096):  # connection probe
                return
            client.sendall(b"HTTP/1.0 200 OK\r\n" + kind)
            shown = 0
            while not self._over.wait(1 / FPS):
                shown += 1
                data = cv2.imencode(".jpg", self._image(time.time_ns(), shown))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                client.sendall(head.encode() + data + b"\r\n")


def profile(belt: MovingBelt, model: str) -> str:
    """The profile of a line with this camera, as TOML."""
    return f"""
line = "belt-1"
[camera]
source = "{belt.url}"
fps = {FPS}
[belt]
polygon_px = [[0, 0], [319, 0], [319, 239], [0, 239]]
travel = "right"
px_per_mm = {PX_PER_MM}
speed_mm_s = {SPEED_PX_S / PX_PER_MM:g}
[view]
mm_per_px = 2
[model]
name = "{model}"
threads = 1
[alarms]
cell_mm = 0
"""
