#!/usr/bin/env bash
# PyAV 18.1.0 and opencv-python-headless 5.0.0.93 (PyPI wheels, Linux x86-64): the number of frames of
# an MP4 that was cut without encoding counts frames that no reader ever gets.
#
# Expected: `ffmpeg -ss 1 -i film.mp4 -c copy cut.mp4` starts at the key frame before and hides the
#   frames up to 1 s by an edit list; FFmpeg drops them, and the number of frames is that of the others.
# Seen: stream.frames and CAP_PROP_FRAME_COUNT are the entries of the file's index, hidden ones too. A
#   program that compares this number with the frames that it read calls a whole film cut off.
#
# Output seen (Python 3.11), a film of 90 images, key frames at 0 and 45, cut at 1 s (image 30):
#   PyAV  : states 90 frames, 60 can be read
#   OpenCV: states 90 frames, 60 can be read
#
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6

cat > show.py <<'PY'
import sys

import av
import cv2
import numpy as np

with av.open("film.mp4", "w") as film:
    stream = film.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
    stream.options = {"bf": "0", "g": "45", "sc_threshold": "0"}
    for number in range(90):
        image = np.full((48, 96, 3), 2 * number, np.uint8)
        film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
    film.mux(stream.encode(None))

with av.open("film.mp4") as film, av.open("cut.mp4", "w") as cut:  # as `ffmpeg -ss 1 -c copy`
    stream = film.streams.video[0]
    copied, start = cut.add_stream_from_template(stream), round(1 / stream.time_base)
    film.seek(start, stream=stream)
    for packet in film.demux(stream):
        if packet.dts is not None:
            packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, copied
            cut.mux(packet)

with av.open("cut.mp4") as film:
    stated, read = film.streams.video[0].frames, sum(1 for _ in film.decode(video=0))
capture = cv2.VideoCapture("cut.mp4")
stated_cv, read_cv = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0
while capture.read()[0]:
    read_cv += 1
print(f"PyAV  : states {stated} frames, {read} can be read")
print(f"OpenCV: states {stated_cv} frames, {read_cv} can be read")
sys.exit(0 if stated > read and stated_cv > read_cv else 1)
PY
venv/bin/python show.py
