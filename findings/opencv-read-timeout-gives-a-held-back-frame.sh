#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (PyPI wheel, Linux x86-64): after a read time-out over RTSP,
# VideoCapture hands out an old picture as if it had just come, and loses the rest.
#
# Expected: once a camera has fallen silent, a grab() that waits CAP_PROP_READ_TIMEOUT_MSEC for
#   nothing answers False. One may answer True before: FFmpeg knows that a picture is complete only
#   when the next one begins, or when the wait for it ends; PyAV 18.1.0 shows that one too.
# Seen: two grabs in a row use up the whole time and answer True. For the second nothing was read at
#   all: it asks the decoder, whose threads hold back a picture each, for what it has left, and takes
#   one. So silence shows after three times the time-out instead of one, the second picture was taken
#   two time-outs before it is handed out, and what else the decoder held never comes. PyAV raises at
#   the second time-out.
#
# Output seen (Python 3.11), 4 decoder threads, time-out 1 s, the camera sends pictures 1 to 40:
#   OpenCV  time-out 1: True, picture 37
#   OpenCV  time-out 2: True, picture 38
#   OpenCV  time-out 3: False
#   PyAV    time-out 1: picture 37
#   PyAV    time-out 2: ExitError
#
# Exits 0 while this is so, else 1. Takes about 25 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6

cat > show.py <<'PY'
import os
import re
import socket
import struct
import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"
import cv2

PICTURES, TIMEOUT_S, THREADS = 40, 1.0, 4
SDP = "v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n"
HEADERS = {
    "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n",
    "SETUP": "Session: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
}
silent = []

def pictures():
    """H.264, a list of NAL units for each picture; picture n has the luma 16 + 5 n."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"tune": "zerolatency", "g": "10"}
    for number in range(1, PICTURES + 1):
        planes = np.full((48 + 24, 64), 128, np.uint8)
        planes[:48] = 16 + 5 * number
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        for packet in encoder.encode(frame):
            yield number, [unit for unit in re.split(rb"\0?\0\0\x01", bytes(packet)) if unit]

def camera(connection):
    """Answers RTSP requests up to PLAY, sends the pictures at 25/s, and then nothing more."""
    requests = connection.makefile("r", newline="\r\n")
    method = ""
    while method != "PLAY":
        lines = [line.strip() for line in iter(requests.readline, "\r\n")]
        method = lines[0].split()[0]
        number = next(line for line in lines if line.startswith("CSeq:"))
        body = SDP if method == "DESCRIBE" else ""
        answer = f"RTSP/1.0 200 OK\r\n{number}\r\n{HEADERS.get(method, '')}\r\n{body}"
        connection.sendall(answer.encode())
    sequence = 0
    for number, units in pictures():
        for at, unit in enumerate(units, 1):
            marker = 0x80 if at == len(units) else 0
            packet = struct.pack(">BBHII", 0x80, 96 | marker, sequence, number * 3600, 1) + unit
            connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            sequence += 1
        time.sleep(1 / 25)
    silent.append(connection)  # kept open

def shown(picture):
    """Which of the pictures this is: BGR stretches luma of 16 to 235 to 0 to 255."""
    return f"picture {round(picture.mean() * 219 / 255 / 5)}"

def url():
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: camera(listening.accept()[0]), daemon=True).start()
    return f"rtsp://127.0.0.1:{listening.getsockname()[1]}/"

def opencv():
    timeout_ms = int(1000 * TIMEOUT_S)
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms,
                cv2.CAP_PROP_N_THREADS, THREADS]
    capture = cv2.VideoCapture(url(), cv2.CAP_FFMPEG, settings)
    answer = True
    while answer:
        asked_s = time.monotonic()
        answer = capture.grab()
        if time.monotonic() - asked_s > 0.9 * TIMEOUT_S:
            yield f"{answer}, {shown(capture.retrieve()[1])}" if answer else "False"

def pyav():
    with av.open(url(), timeout=(10, TIMEOUT_S), options={"rtsp_transport": "tcp"}) as stream:
        decoder = stream.streams.video[0].codec_context
        decoder.thread_type, decoder.thread_count = "FRAME", THREADS
        frames = stream.decode(video=0)
        while True:
            asked_s = time.monotonic()
            try:
                frame = next(frames)
            except av.FFmpegError as error:
                yield type(error).__name__
                return
            if time.monotonic() - asked_s > 0.9 * TIMEOUT_S:
                yield shown(frame.to_ndarray(format="bgr24"))

seen = []
for name, reader in (("OpenCV", opencv), ("PyAV", pyav)):
    for number, outcome in enumerate(reader(), 1):
        print(f"{name:7} time-out {number}: {outcome}", flush=True)
        seen.append(outcome)
sys.exit(seen != ["True, picture 37", "True, picture 38", "False", "picture 37", "ExitError"])
PY
if venv/bin/python show.py 2> stderr; then exit 0; fi
cat stderr
echo 'CHANGED: not as described above'
exit 1
