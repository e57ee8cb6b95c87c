"""Images of the board, from files or from the line's camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from calibration.board import BoardView, find_board
from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.ingest import CameraBlind, CameraProcess, CameraState, Recording, SourceError
from detector.ingest.source import Image

FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
_IMAGES_PER_SECOND = 4
"""Images per second of a video: a hand moves the board only a little between two of them."""


def boards_in(sources: Sequence[str]) -> tuple[list[BoardView], int]:
    """The boards found in images, folders, globs and videos, and the number of images searched.

    Images that cannot be read are printed. Raises `SourceError`.
    """
    boards, searched = [], 0
    for source in sources:
        with Recording(source) as recording, progress_bar(Path(source).name) as advance:
            is_video = Path(source).is_file() and (recording.frame_count or 0) > 1
            step = max(1, round(recording.fps / _IMAGES_PER_SECOND)) if is_video else 1
            for frame in recording:
                advance(frame.index + 1, recording.frame_count)
                if frame.index % step:
                    continue
                searched += 1
                board = find_board(frame.image, f"{recording.name}, image {frame.index}")
                if board is not None:
                    boards.append(board)
            for line in recording.unreadable:
                print_error(line)
    return boards, searched


def live_boards(
    source: str, fps: float | None, seconds: float, enough: Callable[[BoardView | None], bool]
) -> list[BoardView]:
    """Boards found by the line's camera, until `enough` returns True or the time is up.

    `enough` gets each image's board, None if there is none.

    Raises `SourceError`.
    """
    boards: list[BoardView] = []
    for image in _live(source, fps, seconds):
        board = find_board(image, f"image {len(boards)} of the camera")
        if board is not None:
            boards.append(board)
        if enough(board):
            break
    return boards


def current_image(source: str, fps: float | None) -> Image:
    """One image of the camera. Raises `SourceError`."""
    with CameraProcess(source, name="calibration", fps=fps) as camera:
        try:
            return camera.read_latest(FIRST_FRAME_S).image.copy()
        except CameraBlind as blind:
            raise SourceError(source, blind.reason, "check it with `vigitri doctor`") from None


def _live(source: str, fps: float | None, seconds: float) -> Iterator[Image]:
    ends_s = time.monotonic() + FIRST_FRAME_S + seconds
    with CameraProcess(source, name="calibration", fps=fps) as camera:
        while time.monotonic() < ends_s:
            try:
                yield camera.read_latest(FIRST_FRAME_S).image
            except CameraBlind as blind:
                if blind.state is CameraState.ENDED:
                    return
                raise SourceError(source, blind.reason, "check it with `vigitri doctor`") from None
