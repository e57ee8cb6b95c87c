"""OpenCV with the log output of its decoders turned off.

What libjpeg and OpenCV print on stderr lacks the name of the file or camera, and a damaged stream
prints it many times a second. `SourceError` and `Source.unreadable` report it instead. Set
OPENCV_LOG_LEVEL to see it.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2

if os.environ["OPENCV_LOG_LEVEL"] == "SILENT":  # for a program that had imported cv2 before
    # OpenCV 4, which the renderer's numpy 1 requires, has it in another module than OpenCV 5.
    _log: Any = getattr(cv2.utils, "logging", cv2)
    _log.setLogLevel(0)  # LOG_LEVEL_SILENT

__all__ = ["cv2"]
