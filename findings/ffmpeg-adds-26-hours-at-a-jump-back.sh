#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI wheel, Linux x86-64; FFmpeg 8 inside): where the timestamps of an MPEG transport
# stream jump back, FFmpeg adds 2^33 / 90000 s = 95443.7 s, as if they had wrapped.
#
# Expected: two transport streams in one file (`cat b.ts a.ts`, as recorders and people do), the
#   second one 100 s older: the timestamps go from 101 s back to 0 s, and a program sees that.
# Seen: they go from 101 s to 95444 s, and the file states a duration of 26.5 hours. With the
#   container option correct_ts_overflow=0 they go back.
#
# Output seen (Python 3.11):
#   default                : last of the first 101.0 s, first of the second 95443.7 s, duration  95344.7 s
#   correct_ts_overflow=0  : last of the first 101.0 s, first of the second     0.0 s, duration      1.0 s
#
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check av==18.1.0 numpy==2.4.6

cat > show.py <<'PY'
import sys
from fractions import Fraction

import av
import numpy as np

TICKS, FPS, IMAGES = 90_000, 30, 30


def write(path, start_s):
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        stream.options = {"bf": "0"}
        stream.codec_context.time_base = Fraction(1, TICKS)
        for number in range(IMAGES):
            image = np.full((48, 96, 3), 5 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round((start_s + number / FPS) * TICKS), Fraction(1, TICKS)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return open(path, "rb").read()


open("both.ts", "wb").write(write("b.ts", 100) + write("a.ts", 0))


def second(name, options):
    with av.open("both.ts", options=options) as film:
        duration_s = (film.duration or 0) / av.time_base
        times_s = [frame.time for frame in film.decode(video=0)]
    print(
        f"{name:23}: last of the first {times_s[IMAGES - 1]:5.1f} s, first of the second "
        f"{times_s[IMAGES]:7.1f} s, duration {duration_s:8.1f} s"
    )
    return times_s[IMAGES]


wrapped_s = second("default", {}) - second("correct_ts_overflow=0", {"correct_ts_overflow": "0"})
sys.exit(0 if abs(wrapped_s - 2**33 / TICKS) < 1 else 1)
PY
venv/bin/python show.py
