"""A camera on the network, over RTSP or HTTP."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import av

from detector.ingest.names import NETWORK_SCHEMES, scheme_of, without_credentials
from detector.ingest.source import TIMED_OUT, Image, LoginRefusedError, NoAnswerError, SourceError
from detector.ingest.sources.capture_times import Arrival, CaptureTimes
from detector.ingest.sources.live_edge import LiveEdge
from detector.ingest.sources.stream_decoder import StreamDecoder
from detector.vocabulary import StampSource

_ESCAPE = "in a password write / as %2F, @ as %40, # as %23, ? as %3F"


_OPTIONS = {"rtsp_flags": "prefer_tcp", "analyzeduration": "50000", "fpsprobesize": "0"}
"""TCP, or UDP if the camera offers no TCP. FFmpeg examines this time (us) of images, the first two
or three, in which the line is blind; its default is up to five seconds. Size and colours come with
the key frame, however late, and the rate is the one that the stream states. It then delivers these
images at once (`LiveEdge`); with `fflags nobuffer` it would drop them with their key frame, and
wait for the next one."""

_UNREACHABLE = {
    errno.EHOSTUNREACH: "no route to it",
    errno.ENETUNREACH: "no route to its network",
}

_TRY_ELSEWHERE = "check the path of the stream (try it in VLC)"
_CHECK_NETWORK = "check that the camera has power and is on this network"


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
        self.captured_ns: int | None = None
        """Capture of the image just grabbed (ns, CLOCK_MONOTONIC); None: not known."""
        self._url = url
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self.passed_over = 0
        self._decoder: StreamDecoder | None = None
        self._edge = LiveEdge()
        self._times = CaptureTimes()
        self.stamp_note = ""
        self._noted: tuple[StampSource, bool] | None = None

    @property
    def stamp_source(self) -> StampSource:
        """What the last image's time was taken from."""
        return self._times.source

    def open(self) -> None:
        started_s = time.monotonic()
        host, port = self._address()
        left_s = max(0.1, self._open_timeout_s - (time.monotonic() - started_s))
        timeouts_s = (left_s, self._read_timeout_s)
        try:
            self._decoder = StreamDecoder(self._url, options=_OPTIONS, timeouts_s=timeouts_s)
        except (av.FFmpegError, OSError) as error:
            timed_out = time.monotonic() - started_s >= TIMED_OUT * self._open_timeout_s
            raise self._refusal(error, timed_out, host, port) from None
        self.colours = self._decoder.colours
        rate = self._decoder.average_fps
        self.fps = rate if rate is not None and 0 < rate < 1000 else None

    def grab(self) -> bool:
        """Advance to the next live image; False if the stream has ended or timed out."""
        decoder = self._decoder
        asked_s = time.monotonic()
        was_live = True
        while decoder is not None and decoder.grab():
            now_s = time.monotonic()
            if now_s - asked_s >= TIMED_OUT * self._read_timeout_s:
                # FFmpeg gives the image that it had begun before the timeout (PyAV 18.1).
                self.passed_over += 1
                return False
            asked_s = now_s
            arrival = decoder.arrival or Arrival(now_s, None)
            # By its delivery: what hung in transit had begun to arrive before.
            if self._edge.is_live(decoder.delivered_s, arrival.taken_s, decoder.busy_s):
                captured_s = self._times.captured_s(arrival, restart=not was_live)
                self.captured_ns = round(captured_s * 1e9)
                self._note_stamps()
                return True
            was_live = False
            self.passed_over += 1
        return False

    def retrieve(self, into: Image | None = None) -> Image | None:
        assert self._decoder is not None, "retrieve follows a grab that was True"
        image = self._decoder.image(into)
        if image is None:
            self.unreadable.append(f"{self.name}: an image {self._decoder.damage}")
        return image

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _note_stamps(self) -> None:
        source, behind_s = self._times.source, self._times.sender_behind_s
        known = source, behind_s is not None
        if known == self._noted:
            return
        self._noted = known
        self.stamp_note = f"{self.name}: the times of its images are taken from: {source}"
        if behind_s is not None and source is not StampSource.SENDER_CLOCK:
            self.stamp_note += (
                f"; the camera's time of day is {abs(behind_s):.2f} s "
                f"{'slow' if behind_s > 0 else 'fast'}: set it by NTP"
            )

    def _address(self) -> tuple[str, int]:
        """Host and port, after a look for the host's address.

        Nothing is sent to the camera, which may serve a single client. The errors contain no part
        of the address: after an unescaped `/` in a password, part of the password is parsed as host
        or port.
        """
        try:
            where = urlsplit(self._url)
            host, port = where.hostname, where.port or NETWORK_SCHEMES[scheme_of(self._url)]
        except ValueError:
            raise SourceError(self.name, "not a valid address", _ESCAPE) from None
        if not host:
            raise SourceError(self.name, "names no host", "write rtsp://host/stream")
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):  # FFmpeg would report an input/output error
            raise SourceError(self.name, "no such host", f"use its IP address; {_ESCAPE}") from None
        return host, port

    def _refusal(self, error: OSError, timed_out: bool, host: str, port: int) -> SourceError:
        """What FFmpeg's error at opening means, and what helps. It has no part of the address."""
        if isinstance(error, (av.HTTPUnauthorizedError, av.HTTPForbiddenError)):
            return LoginRefusedError(self.name, "refuses the login", "check user and password")
        why, fix, kind = "answers, but gives no video", _TRY_ELSEWHERE, SourceError
        if isinstance(error, av.HTTPNotFoundError):
            why = "has no stream at this path"
        elif isinstance(error, (av.HTTPClientError, av.HTTPServerError)):
            why = "answers, but gives this client no stream"
            fix = "close other viewers of it, or restart the camera"
        elif isinstance(error, ConnectionRefusedError):
            why, kind = "connection refused", NoAnswerError
            fix = f"check that the camera is on and listens at port {port}"
        elif error.errno in _UNREACHABLE:
            why, fix, kind = _UNREACHABLE[error.errno], _CHECK_NETWORK, NoAnswerError
        elif timed_out and self._accepts(host, port):
            why = f"accepts the connection but sends no image within {self._open_timeout_s:g} s"
            fix = "restart the camera, or check that this port has the right protocol"
            kind = NoAnswerError
        elif timed_out:
            why, fix = f"no answer within {self._open_timeout_s:g} s", _CHECK_NETWORK
            kind = NoAnswerError
        return kind(self.name, why, fix)

    def _accepts(self, host: str, port: int) -> bool:
        """Whether it accepts a connection; asked only after it gave no image in time."""
        try:
            socket.create_connection((host, port), timeout=0.2).close()
        except OSError:
            return False
        return True
