#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (PyPI wheel, Linux x86-64; libswscale 9.5.101 inside):
# cv2.VideoCapture answers True for interlaced pictures that it has not converted.
#
# Expected: an interlaced H.264 film is shown like its progressive twin, or retrieve() answers False.
# Seen: libswscale refuses each interlaced picture with a line on stderr, and OpenCV passes over that
#   refusal: grab() and retrieve() answer True for every picture, and each is the same. Its array is
#   the buffer that the picture should have gone into: memory that nothing was written to, or, where
#   a stream goes from progressive to interlaced, the last progressive picture, over and over: a view
#   that stands still, with nothing in the API that says so. PyAV 18.1.0 decodes and converts all.
#
# Output seen (Python 3.11), 20 pictures, each of another grey:
#   progressive film              OpenCV: 20 answers of True, 20 different pictures; PyAV: 20 different
#   interlaced film               OpenCV: 20 answers of True,  1 different picture;  PyAV: 20 different
#   progressive, then interlaced  OpenCV: 40 answers of True, 20 different pictures; PyAV: 20 different
#       pictures 21 to 40 are picture 20: OpenCV True, PyAV False
#   libswscale wrote "Cannot convert interlaced to progressive frames" 40 times
#
# (Both parts of the third stream show the same 20 greys.) Exits 0 while this is so, else 1.
# Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6

cat > show.py <<'PY'
import shutil
import sys

import av
import cv2
import numpy as np

PICTURES = 20

def encode(path, settings):
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"x264-params": settings}
        for number in range(PICTURES):
            grey = np.full((240, 320, 3), 30 + 10 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        out.mux(stream.encode())

def by_opencv(path):
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    answers, pictures = 0, []
    while capture.grab():
        answer, picture = capture.retrieve()
        answers += answer
        pictures.append(picture)
    return answers, pictures

def by_pyav(path):
    with av.open(path) as film:
        return [frame.to_ndarray(format="bgr24") for frame in film.decode(video=0)]

def different(pictures):
    return len({picture.tobytes() for picture in pictures})

def stands_still(pictures):
    return all(np.array_equal(pictures[PICTURES - 1], later) for later in pictures[PICTURES:])

encode("progressive.mp4", "")
encode("interlaced.mp4", "tff=1")
encode("progressive.h264", "")
encode("interlaced.h264", "tff=1")
with open("both.h264", "wb") as both:
    for part in ("progressive.h264", "interlaced.h264"):
        with open(part, "rb") as stream:
            shutil.copyfileobj(stream, both)

as_described = True
for title, path, answers_wanted, seen_wanted in (
    ("progressive film", "progressive.mp4", 20, 20),
    ("interlaced film", "interlaced.mp4", 20, 1),
    ("progressive, then interlaced", "both.h264", 40, 20),
):
    answers, shown = by_opencv(path)
    decoded = by_pyav(path)
    seen = different(shown)
    plural = "picture; " if seen == 1 else "pictures;"
    print(f"{title:29} OpenCV: {answers} answers of True, {seen:2} different {plural} "
          f"PyAV: {different(decoded)} different")
    as_described &= (answers, seen) == (answers_wanted, seen_wanted)
    as_described &= len(decoded) == answers_wanted and different(decoded) == PICTURES
print(f"    pictures 21 to 40 are picture 20: OpenCV {stands_still(shown)}, "
      f"PyAV {stands_still(decoded)}")
sys.exit(not (as_described and stands_still(shown) and not stands_still(decoded)))
PY
changed=0
venv/bin/python show.py 2> stderr || changed=1
refusal='Cannot convert interlaced to progressive frames'
refusals=$(grep -c "$refusal" stderr || true)
echo "libswscale wrote \"$refusal\" $refusals times"
[ "$refusals" = 40 ] || changed=1
if [ $changed = 1 ]; then grep -v "$refusal" stderr || true; echo 'CHANGED: not as described above'; fi
exit $changed
