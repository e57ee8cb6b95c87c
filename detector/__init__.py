"""Vigitri detects hazards on the belt of a waste-sorting line.

`detector.pipeline` processes one frame; `detector.cli` is the command line.
"""

import os

LARGEST_PIXELS = 1 << 27
"""Of one image: a few bytes may state any size, and decoding takes memory and time for it."""

# OpenCV reads it when it is loaded, which is later than this.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(LARGEST_PIXELS))

__version__ = "0.1.0"
