"""Images of the board, from files or from the line's camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from calibration.board import BoardView, find_board
from calibration.foreign_board import foreign_board
from detector.belt.plane import CalibrationError
from detector.cli_support.options import print_error
from detector.cli_support.progress import progress_bar
from detector.ingest import CameraBlind, CameraProcess, CameraState, Recording, SourceError
from detector.ingest.source import Image

_LOOKED_AT = 20
"""Images of which one without a board is searched for a foreign one, which takes 0.1 s."""
FIRST_FRAME_S = 10.0
"""A network camera takes seconds to connect."""
_EVERY_NS = 239_000_000
"""Between two images of a video, about a quarter of a second: a hand moves the board only a little.
"""


def boards_in(sources: Sequence[str]) -> tuple[list[BoardView], int]:
    """The boards found in images, folders, globs and videos, and the number of images searched.

    Images that cannot be read are printed. Raises `SourceError`, and `CalibrationError` for a board
    that is not ours.
    """
    boards: list[BoardView] = []
    searched = 0
    for source in sources:
        with Recording(source) as recording, progress_bar(Path(source).name) as advance:
            is_video = Path(source).is_file() and recording.frame_count != 1
            next_ns = 0
            for frame in recording:
                advance(frame.index + 1, recording.frame_count)
                if is_video and frame.t_mono_ns < next_ns:
                    continue
                next_ns = frame.t_mono_ns + _EVERY_NS
                searched += 1
                where = f"{recording.name}, image {frame.index}"
                board = find_board(frame.image, where)
                if board is not None:
                    boards.append(board)
                elif not boards and searched <= _LOOKED_AT:
                    refuse_foreign_board(frame.image, where)
            for line in recording.unreadable:
                print_error(line)
    return boards, searched


def refuse_foreign_board(image: Image, where: str) -> None:
    """Raise `CalibrationError` if an image without a board of ours shows another one."""
    foreign = foreign_board(image)
    if foreign is not None:
        raise CalibrationError(
            f"{where}: shows a board that is not Vigitri's ({foreign}). Print one with `vigitri "
            "calibrate board`: only its size is known"
        )


def live_boards(
    source: str, fps: float | None, seconds: float, enough: Callable[[BoardView | None], bool]
) -> list[BoardView]:
    """Boards found by the line's camera, until `enough` returns True or the time is up.

    `enough` gets each image's board, None if there is none.

    Raises `SourceError`, and `CalibrationError` for a board that is not ours.
    """
    boards: list[BoardView] = []
    for number, image in enumerate(_live(source, fps, seconds)):
        where = f"image {len(boards)} of the camera"
        board = find_board(image, where)
        if board is not None:
            boards.append(board)
        elif not boards and number <= _LOOKED_AT:
            refuse_foreign_board(image, where)
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
