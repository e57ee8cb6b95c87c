#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI wheel, Linux x86-64; FFmpeg 8 inside): where one H.264 image of a stream is
# missing, the images after it are decoded on the wrong one, and none is marked as corrupt.
#
# Expected: from the missing image to the next key frame, an error, or `VideoFrame.is_corrupt`, as
#   after a missing part of an image; the stream's own `frame_num` shows the gap. (Of H.265, FFmpeg
#   withholds these images.)
# Seen: the 24 images up to the next key frame are given out, visibly damaged, without an error, and
#   with is_corrupt False.
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

IMAGES, KEY, MISSING = 60, 30, 35


def encoded():
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": str(KEY)}
    belt = np.random.default_rng(1).integers(30, 226, (8, 40, 3), np.uint8)
    belt = belt.repeat(30, 0).repeat(30, 1)
    for number in range(IMAGES):
        pixels = np.ascontiguousarray(np.roll(belt, 7 * number, 1)[:, :320])
        image = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        image.pts = number
        for packet in encoder.encode(image):
            yield packet.pts, bytes(packet)


def decoded(packets):
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    found, errors = {}, 0
    for pts, data in packets:
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, Fraction(1, 25)
        try:
            for frame in decoder.decode(packet):
                found[frame.pts] = frame.to_ndarray(format="gray").astype(int), frame.is_corrupt
        except av.FFmpegError:
            errors += 1
    return found, errors


print("PyAV", av.__version__)
packets = list(encoded())
whole, _ = decoded(packets)
found, errors = decoded([each for each in packets if each[0] != MISSING])
damaged = [pts for pts in found if np.abs(found[pts][0] - whole[pts][0]).mean() > 1.5]
marked = [pts for pts in damaged if found[pts][1]]
print(f"image {MISSING} of {IMAGES} is missing; key frames every {KEY} images")
print(f"given out: {len(found)}, errors: {errors}")
print(f"visibly damaged: {len(damaged)}, of them marked: {len(marked)}")
sys.exit(not (len(damaged) >= 15 and not marked and not errors))
PY
venv/bin/python show.py
