"""`vigitri calibrate empty`: a reference image of the empty belt."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.ingest import (
    CameraBlind,
    CameraProcess,
    CameraState,
    Recording,
    SourceError,
    camera_identity,
)
from detector.profile.loading import load_profile

FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
FRAMES_MIN = 5
"""With fewer, passing objects remain in the median."""
_MEDIAN_ROWS = 64
"""Rows per step: the median of 60 images of 1080p would need 3 GB at once."""


def capture_empty_belt(line: Path, out: Path | None, source: str | None, frames: int) -> str:
    """Write the median of some frames of the running belt, from which passing objects disappear.

    Returns the line to print, with the key to write into the profile. Raises `ProfileError`,
    `SourceError`.
    """
    profile = load_profile(line)
    target = out or line.with_name(f"{profile.line}-empty.png")
    images = _grabbed(source or profile.camera.source, profile.camera.fps, frames)
    empty = np.empty_like(images[0])
    for top in range(0, empty.shape[0], _MEDIAN_ROWS):
        rows = np.stack([image[top : top + _MEDIAN_ROWS] for image in images])
        empty[top : top + _MEDIAN_ROWS] = np.median(rows, axis=0).astype(np.uint8)
    encoded, png = cv2.imencode(".png", empty)
    if not encoded:
        raise SourceError(str(target), "the image can't be encoded as PNG", "report this")
    if target.is_dir():
        raise SourceError(str(target), "is a folder", "name the image to write, -o empty.png")
    partial = target.with_name(f"{target.name}.part")
    partial.write_bytes(png.tobytes())
    partial.replace(target)
    inside = os.path.relpath(target, line.parent)
    return (
        f"{target}: the median of {len(images)} frames. Check that the belt in it is empty. "
        f'Then write under [overload]: empty_belt = "{inside}"'
    )


def _grabbed(source: str, fps: float | None, frames: int) -> list[NDArray[np.uint8]]:
    """The next `frames` frames of a source, copied."""
    images: list[NDArray[np.uint8]] = []
    # A recording is read without its times: a gap in it is no fault here.
    next_ones = _camera(source, fps) if camera_identity(source) else _recording(source, fps)
    with progress_bar("empty belt") as advance, closing(next_ones):
        for image in islice(next_ones, frames):
            if images and image.shape != images[0].shape:
                raise SourceError(
                    source, "its images have different sizes", "give images of one camera"
                )
            images.append(image)
            advance(len(images), frames)
    if len(images) < FRAMES_MIN:
        why = f"has ended after {len(images)} frames, and {FRAMES_MIN} images are needed"
        raise SourceError(source, why, "record the running belt for longer")
    return images


def _recording(source: str, fps: float | None) -> Generator[NDArray[np.uint8]]:
    with Recording(source, fps=fps) as recording:
        try:
            for frame in recording:
                yield frame.image
        finally:
            for line in recording.unreadable:
                print_error(line)


def _camera(source: str, fps: float | None) -> Generator[NDArray[np.uint8]]:
    with CameraProcess(source, name="empty belt", fps=fps) as camera:
        while True:
            try:
                image = camera.read_latest(FIRST_FRAME_S).image.copy()
            except CameraBlind as blind:
                if blind.state is CameraState.ENDED:
                    return
                raise SourceError(source, blind.reason, "check it with `vigitri doctor`") from None
            yield image
