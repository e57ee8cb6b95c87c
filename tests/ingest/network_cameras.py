"""Network cameras on loopback: H.264 over RTSP, JPEG over HTTP, and their faults."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Container, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np

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
    lost: Container[int] = (),
    resized_at: int = -1,
    behind_s: float | None = None,
) -> None:
    """RTSP with a login (RFC 2326) and H.264 in RTP over the same connection (RFC 6184).

    queued: number of old images that are sent at once to a new client.
    hangs_at: number of images after which it sets `hang` and sends nothing until `resume`; then it
    sends `kept` images at once.
    lost: images that are not sent. resized_at: image from which on they are 96 x 64 px.
    behind_s: seconds by which the time of day in the sender's reports (RFC 3550) is behind; None:
    no reports.
    """
    if not login_and_play(client):
        return
    encoder = h264_encoder(64, 48)
    sequence = shown = 0
    at_once = queued
    while at_once > 0 or not stop.wait(1 / FPS):
        at_once -= 1
        if shown == hangs_at and hang is not None and resume is not None:
            hang.set()
            while not (stop.is_set() or resume.wait(0.02)):
                pass
            at_once = kept
        if shown == resized_at:
            encoder = h264_encoder(96, 64)
        if behind_s is not None and shown % 10 == 0:
            client.sendall(sender_report(shown, behind_s))
        image = av.VideoFrame.from_ndarray(
            np.full((encoder.height, encoder.width, 3), shown * 8 % 256, np.uint8), format="bgr24"
        )
        image.pts = shown
        for packet in encoder.encode(image):
            if shown in lost:
                continue
            units = bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
            for unit in filter(None, units):
                last = 0x80 if unit is units[-1] else 0
                rtp = struct.pack(
                    ">BBHII", 0x80, 96 | last, sequence % 65536, shown * 90_000 // FPS, 1
                )
                client.sendall(struct.pack(">cBH", b"$", 0, len(rtp) + len(unit)) + rtp + unit)
                sequence += 1
        shown += 1


def login_and_play(client: socket.socket) -> bool:
    """RTSP's requests up to PLAY; False: the client has gone before."""
    asked = client.makefile("rb")
    login = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
    playing = False
    while not playing:
        lines = []
        while (line := asked.readline().strip()) != b"":
            lines.append(line.decode())
        if not lines:
            return False
        fields = dict(line.split(": ", 1) for line in lines[1:])
        method = lines[0].split()[0]
        status, answer, body = "200 OK", [f"CSeq: {fields['CSeq']}"], ""
        if "gone" in lines[0]:
            status = "404 Not Found"
        elif method != "OPTIONS" and fields.get("Authorization") != login:
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
    return True


def sender_report(shown: int, behind_s: float) -> bytes:
    """RTCP's report of the time of day at that image."""
    since_1900_s = time.time() + 2_208_988_800 - behind_s
    now = int(since_1900_s), int(since_1900_s % 1 * 2**32), shown * 90_000 // FPS
    return struct.pack(">cBHBBHIIIIII", b"$", 1, 28, 0x80, 200, 6, 1, *now, 0, 0)


def h264_encoder(width: int, height: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "10"}
    return encoder


def belt_url(port: int) -> str:
    return f"rtsp://{LOGIN[0]}:{LOGIN[1].replace('@', '%40')}@127.0.0.1:{port}/belt"
