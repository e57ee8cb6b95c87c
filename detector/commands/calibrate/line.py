"""`vigitri calibrate line`: guided calibration on site, without a display.

Each step can also be run alone with the command that it names; earlier results are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import typer

from calibration.board import CORNERS, BoardView, Paper, find_board
from calibration.board_print import board_pdf, ruler_mm
from detector.belt.lens import LensError
from detector.belt.plane import CalibrationError
from detector.commands.calibrate.board_images import (
    boards_in,
    current_image,
    refuse_foreign_board,
)
from detector.commands.calibrate.lens import calibrate_lens, logged_in_user
from detector.commands.calibrate.new_profile import begin_profile
from detector.commands.calibrate.plane import TapeMeasurements, plane_from_boards
from detector.commands.calibrate.verify import verify
from detector.profile.loading import load_profile

_LENS, _BELT = "lens", "belt"
"""Folders of images taken beforehand."""


def walk_through(line: Path, operator: str | None, images: Path | None) -> None:
    """Ask, measure, check and write, step by step.

    `images`: a folder with the folders `lens` and `belt`, used instead of the camera. Raises
    `ProfileError`, `SourceError`, `CalibrationError`, `LensError`.
    """
    if images is not None:
        for folder in (images / _LENS, images / _BELT):
            if not folder.is_dir():
                raise CalibrationError(
                    f"--images {images}: has no folder {folder.name}. Put the images of the "
                    f"hand-held board into {_LENS}/, of the board on the belt into {_BELT}/"
                )
    if not line.exists():
        begin_profile(line)
    operator = operator or typer.prompt("Who calibrates?", default=logged_in_user())
    _step(1, "the printed board")
    if not _has_board(line):
        return
    paper = _chosen("Which one? Its name is printed below it.", "a3")
    measured_mm = _tape(
        "How long is its printed ruler from end to end, measured with a steel ruler, in mm? At "
        f"100 % it is {ruler_mm(paper):g}"
    )
    _step(2, "the lens (vigitri calibrate intrinsics)")
    _lens(line, operator, images)
    _step(3, "the belt's plane (vigitri calibrate plane)")
    _plane(line, operator, images, measured_mm)
    _step(4, "check (vigitri calibrate verify)")
    verify(line, [], None, None)
    print(
        f"\nDone. Next: `vigitri calibrate speed {line} --source FOOTAGE` with a recording of the "
        "running belt with objects on it (and --encoder, if the line has one); "
        f"`vigitri calibrate empty {line}` with an empty belt; the places where "
        f"pickers or machines act, as [[action_points]] in {line.name}; then "
        f"`vigitri doctor --line {line}`."
    )


def _step(number: int, what: str) -> None:
    print(f"\n--- {number} of 4: {what}")


def _has_board(line: Path) -> bool:
    """False if the board must be printed first."""
    if not typer.confirm("Is a Vigitri board printed and glued flat onto a stiff plate?"):
        papers = "/".join(get_args(Paper))
        paper: Paper = _chosen(f"On which paper can you print it ({papers})?", "a3")
        sheet = line.with_name(f"board-{paper}.pdf")
        sheet.write_bytes(board_pdf(paper))
        print(
            f"{sheet}: print it at 100 %, glue it onto a stiff plate, and run the same command "
            "again."
        )
        return False
    return True


def _chosen(question: str, default: Paper) -> Paper:
    answer = ""
    while answer not in get_args(Paper):
        answer = str(typer.prompt(question, default=default)).strip().lower()
    return answer  # type: ignore[return-value]


def _lens(line: Path, operator: str, images: Path | None) -> None:
    found = load_profile(line).calibration.lens
    if found is not None and not typer.confirm(
        f"The lens was calibrated on {found.made:%Y-%m-%d} by {found.operator}. Calibrate it again?"
    ):
        return
    sources = [] if images is None else [str(images / _LENS)]
    while True:
        if not sources:
            typer.prompt(
                "Hold the board where the camera sees it, and press Enter", default="ready"
            )
        try:
            calibrate_lens(line, sources, operator, seconds=180)
        except LensError as error:
            print(f"Not yet: {error}")
            if sources or not typer.confirm("Try again?", default=True):
                raise
        else:
            return


def _plane(line: Path, operator: str, images: Path | None, measured_mm: float | None) -> None:
    profile = load_profile(line)
    width_mm = _tape("How wide is the belt from edge to edge, measured with a tape, in mm?")
    height_mm = _tape("How high is the camera above the belt, in mm?")
    measured = TapeMeasurements(measured_mm, width_mm, height_mm, operator)
    while True:
        if images is None:
            boards = _boards_on_belt(line)
        else:
            boards, _ = boards_in([str(images / _BELT)])
        try:
            plane_from_boards(line, profile, boards, measured)
        except (CalibrationError, LensError) as error:
            print(f"Not yet: {error}")
            if images is not None or not typer.confirm("Try again?", default=True):
                raise
        else:
            return


def _tape(question: str) -> float | None:
    """A length measured with a tape; None if not measured."""
    answer: float = typer.prompt(f"{question} (0: not measured)", default=0.0, type=float)
    return answer if answer > 0 else None


def _boards_on_belt(line: Path) -> list[BoardView]:
    """The board in different places on the stopped belt, one image each."""
    print(
        "STOP THE BELT, and lock it out as your plant requires. Lay the board flat on it: near the "
        "upstream and the downstream end of the visible belt, and near both edges."
    )
    camera = load_profile(line).camera
    boards: list[BoardView] = []
    while True:
        answer = typer.prompt(
            f"{len(boards)} places. Enter takes an image, done ends", default="image"
        )
        if str(answer).strip().lower() == "done":
            return boards
        image, where = current_image(camera.source, camera.fps), f"place {len(boards) + 1}"
        board = find_board(image, where)
        if board is None:
            refuse_foreign_board(image, where)
            print(
                "No board found. It must be fully visible, well lit, free of glare, right side up."
            )
            continue
        boards.append(board)
        x, y = board.px.mean(axis=0)
        print(f"Found at ({x:.0f}, {y:.0f}) px, {len(board.ids)} of {CORNERS} corners.")
