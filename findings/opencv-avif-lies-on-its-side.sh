#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (PyPI wheel, Linux x86-64; libavif 1.4.2 inside): cv2.imread turns
# a JPEG, PNG or WebP upright, but not an AVIF.
#
# Expected: IMREAD_COLOR shows an image as a viewer does, whatever its format.
# Seen: the orientation of an AVIF is not in its EXIF tags but in two properties of the file, irot
#   and imir; OpenCV ignores them, so a picture from a turned phone lies on its side, and boxes that
#   were labelled on the upright one are elsewhere. Pillow, which wrote the file, turns it.
#
# Output seen (Python 3.11), an image stored as 64 x 48 px and to be shown as 48 x 64:
#   JPEG: OpenCV 48 x 64, Pillow 48 x 64
#   PNG:  OpenCV 48 x 64, Pillow 48 x 64
#   WEBP: OpenCV 48 x 64, Pillow 48 x 64
#   AVIF: OpenCV 64 x 48, Pillow 48 x 64
#
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6

cat > show.py <<'PY'
import io
import sys

import cv2
import numpy as np
from PIL import Image, ImageOps

stored = Image.fromarray(np.full((48, 64, 3), 120, np.uint8))
tags = Image.Exif()
tags[0x112] = 6  # turn it by 90 degrees clockwise
as_described = True
for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
    file = io.BytesIO()
    stored.save(file, kind, exif=tags)
    data = np.frombuffer(file.getvalue(), np.uint8)
    high, wide = cv2.imdecode(data, cv2.IMREAD_COLOR).shape[:2]
    upright = ImageOps.exif_transpose(Image.open(file)).size
    print(f"{kind + ':':5} OpenCV {wide} x {high}, Pillow {upright[0]} x {upright[1]}")
    as_described &= upright == (48, 64) and (wide, high) == ((64, 48) if kind == "AVIF" else upright)
sys.exit(not as_described)
PY
if ! venv/bin/python show.py; then echo 'CHANGED: not as described above'; exit 1; fi
