#!/usr/bin/env bash
# datumaro 1.13.12 (PyPI wheel), which has the COCO exporter that CVAT's is a branch of: an object
# that was drawn as a mask, by brush or by SAM, is exported with iscrowd = 1.
#
# Expected: as COCO defines it, iscrowd = 1 is a region with several objects that were not told
#   apart, which is neither learned nor scored.
# Seen: it says how the outline is written. A mask becomes run lengths and iscrowd = 1, also where it
#   is one object; a polygon becomes points and iscrowd = 0. A reader that follows COCO ignores every
#   object that was drawn as a mask; one that ignores iscrowd learns regions as objects. What the file
#   has beside it is the key `attributes`, which COCO itself does not have, but for an object that a
#   person marked with is_crowd, where it is missing if there is no other attribute.
#   A box that was turned keeps its unturned corners in bbox, and its angle in attributes.rotation.
#
# Output seen (Python 3.11):
#   one object, a polygon        iscrowd 0  outline: points  attributes: occluded
#   one object, a mask           iscrowd 1  outline: runs    attributes: occluded
#   two objects, marked a crowd  iscrowd 1  outline: runs    attributes: none
#   a box turned by 90 degrees   iscrowd 0  outline: none    attributes: occluded rotation  bbox 20 25 40 10
#
# Exits 0 while this is so, else 1. Downloads 150 MB; takes about a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check datumaro==1.13.12

cat > show.py <<'PY'
import json
import sys

import numpy as np
from datumaro.components.annotation import Bbox, Mask, Polygon
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image

one, two = np.zeros((2, 60, 80), bool)
one[6:36, 8:48] = True
two[6:16, 8:18] = two[40:50, 60:70] = True
visible = {"occluded": False}
objects = {
    "one object, a polygon": Polygon([8, 6, 48, 6, 48, 36], label=0, attributes=visible),
    "one object, a mask": Mask(one, label=0, attributes=visible),
    "two objects, marked a crowd": Mask(two, label=0, attributes={"is_crowd": True}),
    "a box turned by 90 degrees": Bbox(
        20, 25, 40, 10, label=0, attributes={**visible, "rotation": 90.0}),
}
item = DatasetItem(
    id="a", subset="default", media=Image.from_numpy(data=np.zeros((60, 80, 3), np.uint8)),
    annotations=list(objects.values()))
Dataset.from_iterable([item], categories=["battery"]).export("out", "coco_instances")
with open("out/annotations/instances_default.json") as file:
    written = json.load(file)["annotations"]

kinds = {dict: "runs", list: "points"}
seen = []
for title, each in zip(objects, written):
    outline = kinds[type(each["segmentation"])] if each["segmentation"] else "none"
    attributes = " ".join(each.get("attributes", {})) or "none"
    corners = "  bbox " + " ".join(f"{side:g}" for side in each["bbox"]) if "box" in title else ""
    print(f"{title:28} iscrowd {each['iscrowd']}  outline: {outline:6}  "
          f"attributes: {attributes}{corners}")
    seen.append((each["iscrowd"], outline, attributes))
sys.exit(seen != [
    (0, "points", "occluded"), (1, "runs", "occluded"), (1, "runs", "none"),
    (0, "none", "occluded rotation"),
] or written[3]["bbox"] != [20.0, 25.0, 40.0, 10.0])
PY
if ! venv/bin/python show.py; then echo 'CHANGED: not as described above'; exit 1; fi
