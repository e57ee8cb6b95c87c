"""Pictures of the board, from files or from the line's camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from calibration.board import BoardSight, find_board
from detector.cli_support.progress import progress_bar
from detector.ingest import CameraBlind, CameraProcess, CameraState, Recording, SourceError
from detector.ingest.source import Image

FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
_LOOKS_A_SECOND = 4
"""Of a video: a hand moves a board no further between two looks than a view needs."""


def boards_in(sources: Sequence[str]) -> tuple[list[BoardSight], int]:
    """The board in pictures, folders, globs and videos, and how many pictures were looked at.

    Raises `SourceError`.
    """
    sights, looked_at = [], 0
    for source in sources:
        with Recording(source) as recording, progress_bar(Path(source).name) as advance:
            film = Path(source).is_file() and (recording.frame_count or 0) > 1
            step = max(1, round(recording.fps / _LOOKS_A_SECOND)) if film else 1
            for frame in recording:
                advance(frame.index + 1, recording.frame_count)
                if frame.index % step:
                    continue
                looked_at += 1
                sight = find_board(frame.image, f"{recording.name}, picture {frame.index}")
                if sight is not None:
                    sights.append(sight)
    return sights, looked_at


def live_boards(
    source: str, fps: float | None, seconds: float, told: Callable[[BoardSight | None], bool]
) -> list[BoardSight]:
    """The board as the camera sees it now, until `told` says that it is enough, or time is up.

    Raises `SourceError`.
    """
    sights: list[BoardSight] = []
    for image in _live(source, fps, seconds):
        sight = find_board(image, f"picture {len(sights)} of the camera")
        if sight is not None:
            sights.append(sight)
        if told(sight):
            break
    return sights


def picture_now(source: str, fps: float | None) -> Image:
    """One picture of the camera. Raises `SourceError`."""
    with CameraProcess(source, name="calibration", fps=fps) as camera:
        try:
            return camera.read_latest(FIRST_FRAME_S).image.copy()
        except CameraBlind as blind:
            raise SourceError(source, str(blind), "check it with `vigitri doctor`") from None


def _live(source: str, fps: float | None, seconds: float) -> Iterator[Image]:
    ends_s = time.monotonic() + FIRST_FRAME_S + seconds
    with CameraProcess(source, name="calibration", fps=fps) as camera:
        while time.monotonic() < ends_s:
            try:
                yield camera.read_latest(FIRST_FRAME_S).image
            except CameraBlind as blind:
                if blind.state is CameraState.ENDED:
                    return
                raise SourceError(source, str(blind), "check it with `vigitri doctor`") from None
