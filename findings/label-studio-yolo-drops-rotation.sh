#!/usr/bin/env bash
# label-studio-sdk 2.1.2 (PyPI wheel), the converter behind Label Studio's exports: a rectangle that
# was turned is exported to YOLO as the rectangle before it was turned.
#
# Expected: the outer box of the turned rectangle, or a warning.
# Seen: "YOLO" drops the angle, so the box is beside the object: a bottle of 50 x 12 % of the image,
#   turned by 60 degrees, is labelled where it would lie flat, at an IoU of 0.15 with what is right.
#   "YOLO OBB" gives the four corners, and "COCO" the outer box, both right; the corners, and with
#   them the outer box, may lie outside the image.
#
# Output seen (Python 3.11), shares of the image:
#   the turned rectangle's outer box: 0.20 0.20 0.55 0.69
#   YOLO:      0.30 0.20 0.80 0.32
#   YOLO OBB:  0.20 0.20 0.55 0.69
#   COCO:      0.20 0.20 0.55 0.69
#
# Exits 0 while this is so, else 1. Takes about a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check label-studio-sdk==2.1.2 pillow==13.0.0

cat > show.py <<'PY'
import json
import math
import os
import sys

from label_studio_sdk.converter import Converter
from PIL import Image

SIDE = 100
X, Y, WIDE, HIGH, DEGREES = 30, 20, 50, 12, 60
CONFIG = """<View><Image name="image" value="$image"/><RectangleLabels name="label"
toName="image"><Label value="battery"/></RectangleLabels></View>"""

cos, sin = math.cos(math.radians(DEGREES)), math.sin(math.radians(DEGREES))
corners = [(X + a * cos - b * sin, Y + a * sin + b * cos)  # about the upper left one, clockwise
           for a, b in ((0, 0), (WIDE, 0), (WIDE, HIGH), (0, HIGH))]

def outer(points):
    across, down = zip(*points)
    return min(across), min(down), max(across), max(down)

def numbers(folder):
    with open(f"{folder}/labels/a.txt") as file:
        return [100 * float(word) for word in file.read().split()[1:]]

os.makedirs("upload/1")
Image.new("RGB", (SIDE, SIDE)).save("upload/1/a.jpg")
value = {"x": X, "y": Y, "width": WIDE, "height": HIGH, "rotation": DEGREES,
         "rectanglelabels": ["battery"]}
result = {"id": "a", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
          "original_width": SIDE, "original_height": SIDE, "image_rotation": 0, "value": value}
tasks = [{"id": 1, "data": {"image": "/data/upload/1/a.jpg"},
          "annotations": [{"id": 1, "result": [result], "was_cancelled": False}]}]
with open("tasks.json", "w") as file:
    json.dump(tasks, file)

for name, obb in (("yolo", False), ("obb", True)):
    converter = Converter(CONFIG, project_dir=".", upload_dir="upload")
    converter.convert_to_yolo("tasks.json", name, output_image_dir=f"{name}/images",
                              output_label_dir=f"{name}/labels", is_dir=False, is_obb=obb)
converter = Converter(CONFIG, project_dir=".", upload_dir="upload")
converter.convert_to_coco("tasks.json", "coco", output_image_dir="coco/images", is_dir=False)
with open("coco/result.json") as file:
    x, y, w, h = json.load(file)["annotations"][0]["bbox"]

cx, cy, wide, high = numbers("yolo")
flat = numbers("obb")
seen = {
    "YOLO": (cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2),
    "YOLO OBB": outer(list(zip(flat[::2], flat[1::2]))),
    "COCO": (x, y, x + w, y + h),
}
right = outer(corners)
print("the turned rectangle's outer box:", *(f"{side / 100:.2f}" for side in right))
for name, box in seen.items():
    print(f"{name + ':':10}", *(f"{side / 100:.2f}" for side in box))

def near(box, other):
    return max(abs(a - b) for a, b in zip(box, other)) < 1

unturned = (X, Y, X + WIDE, Y + HIGH)
sys.exit(not (near(seen["YOLO"], unturned) and near(seen["YOLO OBB"], right)
              and near(seen["COCO"], right)))
PY
if ! venv/bin/python show.py; then echo 'CHANGED: not as described above'; exit 1; fi
