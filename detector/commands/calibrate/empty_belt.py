"""`vigitri calibrate empty`: what the belt looks like with nothing on it."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.cli_support.progress import progress_bar
from detector.ingest import CameraBlind, CameraProcess, CameraState, SourceError
from detector.profile.loading import load_profile

FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
FRAMES_MIN = 5
"""With fewer no thing that passes falls out of a median."""
_MEDIAN_ROWS = 64
"""Rows taken at a time: the median of 60 pictures of 1080p would need 3 GB at once."""


def learn_empty_belt(line: Path, out: Path | None, source: str | None, frames: int) -> str:
    """Write the median of some frames of the running belt; things that pass fall out of it.

    Raises `ProfileError`, `SourceError`. Returns what to write into the profile.
    """
    profile = load_profile(line)
    target = out or line.with_name(f"{profile.line}-empty.png")
    pictures = _grabbed(source or profile.camera.source, profile.camera.fps, frames)
    empty = np.empty_like(pictures[0])
    for top in range(0, empty.shape[0], _MEDIAN_ROWS):
        rows = np.stack([picture[top : top + _MEDIAN_ROWS] for picture in pictures])
        empty[top : top + _MEDIAN_ROWS] = np.median(rows, axis=0).astype(np.uint8)
    encoded, png = cv2.imencode(".png", empty)
    if not encoded:
        raise SourceError(str(target), "the picture can't be encoded as PNG", "report this")
    if target.is_dir():
        raise SourceError(str(target), "is a folder", "name the picture to write, -o empty.png")
    beside = target.with_name(f"{target.name}.part")
    beside.write_bytes(png.tobytes())
    beside.replace(target)
    inside = os.path.relpath(target, line.parent)
    return (
        f"{target}: the median of {len(pictures)} frames. Look at it: nothing may lie on the belt. "
        f'Then write under [overload]: empty_belt = "{inside}"'
    )


def _grabbed(source: str, fps: float | None, frames: int) -> list[NDArray[np.uint8]]:
    """That many frames, spread over the time that it takes to see them."""
    pictures: list[NDArray[np.uint8]] = []
    with (
        CameraProcess(source, name="empty belt", fps=fps) as camera,
        progress_bar("empty belt") as advance,
    ):
        while len(pictures) < frames:
            try:
                picture = camera.read_latest(FIRST_FRAME_S).image.copy()
            except CameraBlind as blind:
                if blind.state is CameraState.ENDED:
                    if len(pictures) >= FRAMES_MIN:
                        break
                    why = blind.reason.removeprefix(f"{camera.source}: ")
                    why += f", and {FRAMES_MIN} pictures are needed"
                    raise SourceError(source, why, "record the running belt for longer") from None
                raise SourceError(source, str(blind), "check it with `vigitri doctor`") from None
            if pictures and picture.shape != pictures[0].shape:
                raise SourceError(source, "its pictures have different sizes", "give one camera's")
            pictures.append(picture)
            advance(len(pictures), frames)
    return pictures
