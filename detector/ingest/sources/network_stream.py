"""A camera on the network, over RTSP or HTTP."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import av

from detector.ingest.names import scheme_of, without_credentials
from detector.ingest.source import TIMED_OUT, Image, SourceAwayError, SourceError
from detector.ingest.sources.decoder import Decoder
from detector.ingest.sources.live_edge import LiveEdge

NETWORK_SCHEMES = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Schemes and their default ports."""

_ESCAPE = "in a password write / as %2F, @ as %40, # as %23, ? as %3F"


_OPTIONS = {"rtsp_flags": "prefer_tcp", "analyzeduration": "1000000"}
"""TCP, or UDP if the camera offers no TCP. One second (us) of images is enough to find size and
rate; FFmpeg's default is up to five, during which the line is blind. It then delivers these images
at once (`LiveEdge`); with `fflags nobuffer` it would drop them with their key frame, and wait for
the next one."""


class NetworkStream:
    """A network camera, read through FFmpeg.

    Images queue in the sockets unless they are read: read them continuously, as the capture process
    does. Images that had queued up nevertheless are skipped.
    """

    live = True
    frame_count: int | None = None
    position_ns: int | None = None
    time_notes: Sequence[str] = ()

    def __init__(self, url: str, *, open_timeout_s: float, read_timeout_s: float) -> None:
        self.name = without_credentials(url)
        self.fps: float | None = None
        self.colours = ""
        self.unreadable: list[str] = []
        self._url = url
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self.passed_over = 0
        self._decoder: Decoder | None = None
        self._edge = LiveEdge()

    def open(self) -> None:
        started_s = time.monotonic()
        self._check_reachable()
        left_s = max(0.1, self._open_timeout_s - (time.monotonic() - started_s))
        timeouts_s = (left_s, self._read_timeout_s)
        try:
            self._decoder = Decoder(self._url, options=_OPTIONS, timeouts_s=timeouts_s, threads=1)
        except (av.FFmpegError, OSError):
            if time.monotonic() - started_s >= TIMED_OUT * self._open_timeout_s:
                raise SourceAwayError(
                    self.name,
                    f"accepts the connection but sends no image within {self._open_timeout_s:g} s",
                    "restart the camera, or check that this port has the right protocol",
                ) from None
            raise SourceError(  # it may have refused the login, and would lock the account
                self.name,
                "answers, but gives no video",
                "check user, password and the path of the stream (try it in VLC)",
            ) from None
        self.colours = self._decoder.colours
        rate = self._decoder.average_fps
        self.fps = rate if rate is not None and 0 < rate < 1000 else None

    def grab(self) -> bool:
        """Advance to the next live image; False if the stream has ended or timed out."""
        decoder = self._decoder
        asked_s = time.monotonic()
        while decoder is not None and decoder.grab():
            arrived_s = time.monotonic()
            if arrived_s - asked_s >= TIMED_OUT * self._read_timeout_s:
                # FFmpeg gives the image that it had begun before the timeout (PyAV 18.1).
                self.passed_over += 1
                return False
            asked_s = arrived_s
            # Motion JPEG over HTTP has no timestamps: FFmpeg generates them at 25 a second.
            taken_ns = None if decoder.format == "mpjpeg" else decoder.taken_ns
            taken_s = None if taken_ns is None else taken_ns / 1e9
            if self._edge.is_live(arrived_s, taken_s):
                return True
            self.passed_over += 1
        return False

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._decoder is not None, "retrieve follows a grab that was True"
        image = self._decoder.image(into)
        if image is None:
            self.unreadable.append(f"{self.name}: an image cannot be decoded")
        return image

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _check_reachable(self) -> None:
        """Connect once: FFmpeg's errors do not distinguish a refusal from an unknown host.

        The errors contain no part of the address: after an unescaped `/` in a password, part of
        the password is parsed as host or port.
        """
        try:
            where = urlsplit(self._url)
            host, port = where.hostname, where.port or NETWORK_SCHEMES[scheme_of(self._url)]
        except ValueError:
            raise SourceError(self.name, "not a valid address", _ESCAPE) from None
        if not host:
            raise SourceError(self.name, "names no host", "write rtsp://host/stream")
        try:
            socket.create_connection((host, port), timeout=self._open_timeout_s).close()
        except TimeoutError:
            why = f"no answer within {self._open_timeout_s:g} s"
            raise SourceAwayError(
                self.name, why, "check that the camera has power and is on this network"
            ) from None
        except (socket.gaierror, UnicodeError):
            raise SourceError(self.name, "no such host", f"use its IP address; {_ESCAPE}") from None
        except OSError as error:
            why = (error.strerror or "no connection").lower()
            raise SourceAwayError(
                self.name, why, f"check that the camera is on and listens at port {port}"
            ) from None
