"""Network cameras on loopback: real sockets, real H.264 over RTSP, real JPEG over HTTP."""

from __future__ import annotations

import base64
import contextlib
import socket
import string
import struct
import threading
import time
import unittest.mock
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import (
    CameraBlind,
    CameraProcess,
    CameraState,
    Frame,
    SourceError,
    describe_source,
    open_source,
)
from detector.ingest.sources.network_stream import NetworkStream
from tests.ingest.capture_camera import AT_ONCE, camera_of

PATIENCE_S = 20.0
FPS = 50
LOGIN = ("operator", "p@ss")

Serve = Callable[[socket.socket, threading.Event], None]


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Yields the port of a camera, with a thread per client; its event ends `serve`."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def attend(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            serve(client, stop)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listening.accept()[0]
                client.settimeout(PATIENCE_S)
                threads.append(threading.Thread(target=attend, args=(client,), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listening.close()
        for thread in threads:
            thread.join()


def silent(client: socket.socket, stop: threading.Event) -> None:
    """Accepts the connection and sends nothing."""
    while client.recv(4096):
        pass
    stop.wait()


def jpegs(
    client: socket.socket, stop: threading.Event, *, images: int | None = None, hang: bool = False
) -> None:
    """Motion JPEG over HTTP."""
    if not client.recv(4096):  # only a test of the connection
        return
    client.sendall(
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
    )
    sent = 0
    while sent != images and not stop.wait(1 / FPS):
        data = cv2.imencode(".jpg", np.full((48, 64, 3), sent * 8 % 256, np.uint8))[1].tobytes()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        client.sendall(head.encode() + data + b"\r\n")
        sent += 1
    if hang:
        stop.wait()


def h264(
    client: socket.socket,
    stop: threading.Event,
    *,
    queued: int = 0,
    hangs_at: int = -1,
    hang: threading.Event | None = None,
    resume: threading.Event | None = None,
    kept: int = 0,
) -> None:
    """RTSP with a login (RFC 2326) and H.264 in RTP over the same connection (RFC 6184).

    queued: number of old images that are sent at once to a new client.
    hangs_at: number of images after which it sets `hang` and sends nothing until `resume`; then it
    sends `kept` images at once.
    """
    asked = client.makefile("rb")
    login = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
    playing = False
    while not playing:
        lines = []
        while (line := asked.readline().strip()) != b"":
            lines.append(line.decode())
        if not lines:
            return
        fields = dict(line.split(": ", 1) for line in lines[1:])
        method = lines[0].split()[0]
        status, answer, body = "200 OK", [f"CSeq: {fields['CSeq']}"], ""
        if method != "OPTIONS" and fields.get("Authorization") != login:
            status = "401 Unauthorized"
            answer.append('WWW-Authenticate: Basic realm="belt"')
        elif method == "DESCRIBE":
            body = "\r\n".join(
                [
                    "v=0",
                    "o=- 0 0 IN IP4 127.0.0.1",
                    "s=belt",
                    "t=0 0",
                    "m=video 0 RTP/AVP 96",
                    "a=rtpmap:96 H264/90000",
                    "a=fmtp:96 packetization-mode=1",
                    "a=control:0",
                    "",
                ]
            )
            answer += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            answer += ["Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        elif method == "PLAY":
            answer.append("Session: 1")
            playing = True
        client.sendall("\r\n".join([f"RTSP/1.0 {status}", *answer, "", body]).encode())

    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "10"}
    sequence = shown = 0
    at_once = queued
    while at_once > 0 or not stop.wait(1 / FPS):
        at_once -= 1
        if shown == hangs_at and hang is not None and resume is not None:
            hang.set()
            while not (stop.is_set() or resume.wait(0.02)):
                pass
            at_once = kept
        image = av.VideoFrame.from_ndarray(
            np.full((48, 64, 3), shown * 8 % 256, np.uint8), format="bgr24"
        )
        image.pts = shown
        for packet in encoder.encode(image):
            units = bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
            for unit in filter(None, units):
                last = 0x80 if unit is units[-1] else 0
                rtp = struct.pack(
                    ">BBHII", 0x80, 96 | last, sequence % 65536, shown * 90_000 // FPS, 1
                )
                client.sendall(struct.pack(">cBH", b"$", 0, len(rtp) + len(unit)) + rtp + unit)
                sequence += 1
        shown += 1


def belt_url(port: int) -> str:
    return f"rtsp://{LOGIN[0]}:{LOGIN[1].replace('@', '%40')}@127.0.0.1:{port}/belt"


def reads(camera: CameraProcess, count: int) -> list[Frame]:
    return [camera.read_latest(PATIENCE_S) for _ in range(count)]


def blind(camera: CameraProcess, state: CameraState) -> CameraBlind:
    while True:
        try:
            camera.read_latest(PATIENCE_S)
        except CameraBlind as error:
            if error.state is state:
                return error


def test_an_rtsp_camera_is_read_with_its_login_and_reported_without_it() -> None:
    with server(h264) as port, camera_of(belt_url(port)) as camera:
        frames = reads(camera, 10)
        assert frames[-1].source == f"rtsp://127.0.0.1:{port}/belt"
        assert frames[-1].size_px == (64, 48)
        assert camera.health.state is CameraState.LIVE
        assert camera.fps == FPS
        stamps = [frame.t_mono_ns for frame in frames]
        assert stamps == sorted(set(stamps))


def test_a_wrong_password_is_reported_but_not_printed() -> None:
    with server(h264) as port, pytest.raises(SourceError) as error:
        open_source(f"rtsp://operator:wrong@127.0.0.1:{port}/belt")
    assert str(error.value).startswith(
        f"rtsp://127.0.0.1:{port}/belt: refuses the login; check user and password"
    )


def test_an_http_camera_is_read() -> None:
    with (
        server(jpegs) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg") as camera,
    ):
        frame = reads(camera, 5)[-1]
        assert np.ptp(frame.image) <= 2
        assert camera.health.state is CameraState.LIVE


def test_a_stream_without_data_is_stalled_and_reopened() -> None:
    with (
        server(partial(jpegs, images=20, hang=True)) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg", frame_timeout_s=0.3, backoff=AT_ONCE) as camera,
    ):
        reads(camera, 1)
        assert "no image for" in blind(camera, CameraState.STALLED).reason
        blind(camera, CameraState.STALLED)
        assert camera.health.restarts >= 1


def test_images_queued_before_the_connection_are_skipped_and_counted() -> None:
    queued = 25
    with (
        server(partial(h264, queued=queued)) as port,
        camera_of(belt_url(port)) as camera,
    ):
        frames = reads(camera, 5)
        assert min(frame.index for frame in frames) >= queued
        assert camera.health.frames_withheld >= queued


def last_before(hang: threading.Event, camera: CameraProcess) -> Frame | None:
    """Reads until the camera hangs and all images in transit have arrived; the last frame."""
    last = None
    quiet = 0
    while not hang.is_set() or quiet < 2:
        try:
            last = camera.read_latest(0.3)
            quiet = 0
        except CameraBlind:
            quiet += hang.is_set()
    return last


def test_after_a_hang_the_images_queued_during_it_are_skipped() -> None:
    hang, resume = threading.Event(), threading.Event()
    serve = partial(h264, hangs_at=150, hang=hang, resume=resume, kept=30)
    with (
        server(serve) as port,
        camera_of(belt_url(port), frame_timeout_s=PATIENCE_S) as camera,
    ):
        last = last_before(hang, camera)
        assert last is not None
        index, before = last.index, camera.health.frames_withheld
        resume.set()
        while True:
            with contextlib.suppress(CameraBlind):  # the hang may still be reported
                after = camera.read_latest(PATIENCE_S)
                break
        assert after.index >= index + 30
        assert camera.health.frames_withheld >= before + 30


def test_a_read_that_times_out_gives_no_image() -> None:
    """FFmpeg hands out an image that it had begun before the timeout, as if it were new."""
    hang, timeout_s = threading.Event(), 2.0
    serve = partial(h264, hangs_at=100, hang=hang, resume=threading.Event())
    with server(serve) as port:
        source = open_source(belt_url(port), read_timeout_s=timeout_s)
        asked_s = time.monotonic()
        while source.grab():
            assert time.monotonic() - asked_s < timeout_s
            asked_s = time.monotonic()
        assert hang.is_set()
        source.close()


def test_an_image_that_arrives_as_the_read_times_out_is_skipped_and_counted() -> None:
    with server(h264) as port:
        source = open_source(belt_url(port), read_timeout_s=PATIENCE_S)
        assert isinstance(source, NetworkStream)
        assert source.grab()
        before = source.passed_over
        source._read_timeout_s = 0.0  # each read lasts longer than that
        assert not source.grab()
        assert source.passed_over == before + 1
        source.close()


def test_a_camera_that_closes_the_stream_is_reopened() -> None:
    with (
        server(partial(jpegs, images=20)) as port,
        camera_of(f"http://127.0.0.1:{port}/mjpg", backoff=AT_ONCE) as camera,
    ):
        assert "the camera closed the stream" in blind(camera, CameraState.ENDED).reason
        reads(camera, 3)
        assert camera.health.restarts >= 1


def test_a_camera_that_accepts_the_connection_and_sends_nothing_times_out() -> None:
    with server(silent) as port, pytest.raises(SourceError) as error:
        open_source(f"rtsp://u:secret@127.0.0.1:{port}/belt", open_timeout_s=0.5)
    assert "sends no image within 0.5 s" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_refused_connection_is_reported_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceError, match="connection refused; check that the camera is on"):
        open_source(f"rtsp://u:secret@127.0.0.1:{port}/belt")
    with pytest.raises(SourceError, match="connection refused"):
        describe_source(f"rtsp://u:secret@127.0.0.1:{port}/belt", PATIENCE_S)


@given(
    password=st.text(string.printable, min_size=1, max_size=20).map(lambda text: f"{text}geheim"),
    answer=st.sampled_from([ConnectionRefusedError(111, "Connection refused"), socket.gaierror()]),
)
def test_no_error_contains_the_password(password: str, answer: OSError) -> None:
    with (
        unittest.mock.patch("socket.create_connection", side_effect=answer),
        pytest.raises(SourceError) as error,
    ):
        open_source(f"rtsp://operator:{password}@10.0.0.7/belt")
    assert "geheim" not in str(error.value)
    assert "operator" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rtsp://", "names no host"),
        ("rtsp://u:p@cam:99999/s", "not a valid address"),
        ("rtsp://camera.invalid/s", "no such host"),
        ("gopher://host/s", "unknown kind of source gopher://"),
    ],
)
def test_an_invalid_address_is_refused(url: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        open_source(url)
