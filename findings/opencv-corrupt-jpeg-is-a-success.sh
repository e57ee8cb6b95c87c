#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (PyPI wheel, Linux x86-64; libjpeg-turbo 3.1.2 inside):
# cv2.imdecode and cv2.imread return an image for a JPEG that is damaged in the middle.
#
# Expected: None, as for a file that is no image, or an error that the caller can see.
# Seen: libjpeg fills in what it cannot decode, and warns; OpenCV passes over the warning. It goes to
#   the process's stderr, without the name of the file, and the image is returned as if it were
#   whole. OPENCV_LOG_LEVEL=SILENT does not stop the line. simplejpeg 1.9.0, on the same libjpeg,
#   raises it as an error; Pillow 13.0.0 returns the image and warns nowhere, but for a file that
#   ends too early.
#
# Output seen (Python 3.11), an image of 320 x 240 px with 600 bytes missing in the middle:
#   whole    OpenCV: an image; simplejpeg: an image; Pillow: an image
#   damaged  OpenCV: an image; simplejpeg: Corrupt JPEG data: premature end of data segment; Pillow: an image
#   on stderr: Corrupt JPEG data: premature end of data segment
#
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 simplejpeg==1.9.0 pillow==13.0.0 numpy==2.4.6

cat > show.py <<'PY'
import io
import sys

import cv2
import numpy as np
import simplejpeg
from PIL import Image

noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
whole = bytes(cv2.imencode(".jpg", cv2.resize(noise, (320, 240)))[1])
middle = len(whole) // 2
damaged = whole[:middle] + whole[middle + 600 :]

def by_opencv(data):
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return "None" if image is None else "an image"

def by_simplejpeg(data):
    try:
        simplejpeg.decode_jpeg(data, strict=True)
    except ValueError as error:
        return str(error)
    return "an image"

def by_pillow(data):
    try:
        Image.open(io.BytesIO(data)).load()
    except OSError as error:
        return str(error)
    return "an image"

seen = {}
for title, data in (("whole", whole), ("damaged", damaged)):
    seen[title] = by_opencv(data), by_simplejpeg(data), by_pillow(data)
    print(f"{title:7}  OpenCV: {seen[title][0]}; simplejpeg: {seen[title][1]}; "
          f"Pillow: {seen[title][2]}")
first, second = seen.values()
sys.exit(not (set(first) == {"an image"} and second[0] == second[2] == "an image"
              and second[1].startswith("Corrupt JPEG data")))
PY
changed=0
OPENCV_LOG_LEVEL=SILENT venv/bin/python show.py 2> stderr || changed=1
echo "on stderr: $(cat stderr)"
grep -q '^Corrupt JPEG data' stderr || changed=1
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
