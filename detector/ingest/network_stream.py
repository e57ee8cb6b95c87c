"""A camera on the network, over RTSP or HTTP."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from detector.ingest.names import scheme_of, without_credentials
from detector.ingest.opencv import cv2
from detector.ingest.source import Image, SourceError

NETWORK_SCHEMES = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Schemes and their usual ports."""

_ESCAPE = "in a password write / as %2F, @ as %40, # as %23, ? as %3F"


class NetworkStream:
    """A network camera, read through FFmpeg.

    OpenCV ignores CAP_PROP_BUFFERSIZE here, so pictures queue in the sockets when nobody reads:
    drain it, as the capture process does.
    """

    live = True
    frame_count: int | None = None

    def __init__(self, url: str, *, open_timeout_s: float, read_timeout_s: float) -> None:
        self.name = without_credentials(url)
        self.fps: float | None = None
        self.unreadable: list[str] = []
        self._url = url
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        started_s = time.monotonic()
        self._knock()
        left_s = max(0.1, self._open_timeout_s - (time.monotonic() - started_s))
        # The timeouts count only when given here, and only with CAP_FFMPEG named. One decoder
        # thread: with several, FFmpeg holds back one frame for each of them.
        self._capture = cv2.VideoCapture(
            self._url,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                int(left_s * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                int(self._read_timeout_s * 1000),
                cv2.CAP_PROP_N_THREADS,
                1,
            ],
        )
        if not self._capture.isOpened():
            self.close()
            if time.monotonic() - started_s >= 0.9 * self._open_timeout_s:
                raise SourceError(
                    self.name,
                    f"takes the connection but sends no picture within {self._open_timeout_s:g} s",
                    "restart the camera, or check that this port speaks the right protocol",
                )
            raise SourceError(
                self.name,
                "answers, but gives no video",
                "check user, password and the path of the stream (try it in VLC)",
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 0 < rate < 1000 else None

    def grab(self) -> bool:
        return self._capture is not None and self._capture.grab()

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._capture is not None, "retrieve follows a grab that was True"
        readable, image = self._capture.retrieve(into)
        if not readable or image is None:
            self.unreadable.append(f"{self.name}: a picture cannot be decoded")
            return None
        return image.astype("uint8", copy=False)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _knock(self) -> None:
        """Connect once by ourselves: FFmpeg's failure does not tell refused from unknown host.

        What is wrong is told without parts of the address: with an unescaped `/` in a password,
        a part of that is where the host or the port should be.
        """
        try:
            where = urlsplit(self._url)
            host, port = where.hostname, where.port or NETWORK_SCHEMES[scheme_of(self._url)]
        except ValueError:
            raise SourceError(self.name, "not a proper address", _ESCAPE) from None
        if not host:
            raise SourceError(self.name, "names no host", "write rtsp://host/stream")
        try:
            socket.create_connection((host, port), timeout=self._open_timeout_s).close()
        except TimeoutError:
            why = f"no answer within {self._open_timeout_s:g} s"
            raise SourceError(
                self.name, why, "check that the camera has power and is on this network"
            ) from None
        except (socket.gaierror, UnicodeError):
            raise SourceError(self.name, "no such host", f"use its IP address; {_ESCAPE}") from None
        except OSError as error:
            why = (error.strerror or "no connection").lower()
            raise SourceError(
                self.name, why, f"check that the camera is on and listens at port {port}"
            ) from None
