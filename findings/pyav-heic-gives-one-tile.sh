#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI wheel, Linux x86-64; libavformat 62.12.102 inside): of a HEIC image in tiles, as
# phones write it, it gives one tile as if it were the image.
#
# Expected: av.open() of a HEIC image gives one image, or names the grid that the tiles belong to.
# Seen: an image of 1300 x 900 px in tiles of 512 is six video streams of 512 x 512 px, and decoding
#   the first, as one does for any film or image, gives the upper left corner, without an error. The
#   number of columns and the size of the whole are in FFmpeg's stream group (AVStreamGroup, tile
#   grid), which PyAV does not have. An image that was not divided is whole. pillow-heif gives both
#   whole.
#
# Output seen (Python 3.11):
#   undivided  PyAV: streams 1, first image 1300 x 900; pillow-heif: 1300 x 900
#   in tiles   PyAV: streams 6, first image 512 x 512; pillow-heif: 1300 x 900
#   PyAV has stream groups: False
#
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    av==18.1.0 pillow-heif==1.8.1 pillow==13.0.0 numpy==2.4.6

cat > show.py <<'PY'
import sys

import av
import numpy as np
import pillow_heif
from PIL import Image

WHOLE = (1300, 900)
ramp = np.add.outer(np.arange(900), np.arange(1300)) // 9
picture = Image.fromarray(np.repeat(ramp[..., np.newaxis], 3, 2).astype(np.uint8))

as_described = True
for title, options, streams_wanted, seen_wanted in (
    ("undivided", {}, 1, WHOLE),
    ("in tiles", {"tile_size": 512}, 6, (512, 512)),
):
    pillow_heif.from_pillow(picture).save("picture.heic", quality=90, **options)
    with av.open("picture.heic") as file:
        streams = len(file.streams.video)
        groups = hasattr(file, "stream_groups")
        first = next(file.decode(video=0))
    seen = first.width, first.height
    whole = pillow_heif.open_heif("picture.heic").size
    print(f"{title:9}  PyAV: streams {streams}, first image {seen[0]} x {seen[1]}; "
          f"pillow-heif: {whole[0]} x {whole[1]}")
    as_described &= (streams, seen, tuple(whole)) == (streams_wanted, seen_wanted, WHOLE)
print(f"PyAV has stream groups: {groups}")
sys.exit(not (as_described and not groups))
PY
if ! venv/bin/python show.py; then echo 'CHANGED: not as described above'; exit 1; fi
