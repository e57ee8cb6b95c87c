"""`vigitri calibrate line`: a person on site is walked through the calibration, without a display.

Every step can be taken alone with the command that it names; what was done before is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import typer

from calibration.board import CORNERS, BoardSight, Paper, find_board
from calibration.board_print import board_pdf, ruler_mm
from detector.belt.lens import LensError
from detector.belt.plane import CalibrationError
from detector.commands.calibrate.board_pictures import boards_in, picture_now
from detector.commands.calibrate.lens import calibrate_lens, who
from detector.commands.calibrate.new_profile import begin_profile
from detector.commands.calibrate.plane import Measured, plane_from_boards
from detector.commands.calibrate.verify import verify
from detector.profile.loading import load_profile

_LENS, _BELT = "lens", "belt"
"""Folders of pictures, where they were taken before."""


def walk_through(line: Path, operator: str | None, pictures: Path | None) -> None:
    """Ask, measure, judge and write, step by step.

    `pictures`: a folder with the folders `lens` and `belt`, in place of the camera. Raises
    `ProfileError`, `SourceError`, `CalibrationError`, `LensError`.
    """
    if pictures is not None:
        for folder in (pictures / _LENS, pictures / _BELT):
            if not folder.is_dir():
                raise CalibrationError(
                    f"--pictures {pictures}: has no folder {folder.name}. Put the pictures of the "
                    f"board in the hand into {_LENS}/, of the board on the belt into {_BELT}/"
                )
    if not line.exists():
        begin_profile(line)
    operator = operator or typer.prompt("Who calibrates?", default=who())
    _step(1, "the printed board")
    measured_mm = _board(line)
    if measured_mm is None:
        return
    _step(2, "the lens (vigitri calibrate intrinsics)")
    _lens(line, operator, pictures)
    _step(3, "the belt's plane (vigitri calibrate plane)")
    _plane(line, operator, pictures, measured_mm)
    _step(4, "what holds now (vigitri calibrate verify)")
    verify(line, [], None, None)
    print(
        f"\nDone. Next: `vigitri calibrate speed {line} --source FOOTAGE` with a recording of the "
        "running belt with things on it (--encoder too, where the line has one); "
        f"`vigitri calibrate empty {line}` with nothing on the belt; the places "
        f"where somebody can act, as [[action_points]] in {line.name}; then "
        f"`vigitri doctor --line {line}`."
    )


def _step(number: int, what: str) -> None:
    print(f"\n--- {number} of 4: {what}")


def _board(line: Path) -> float | None:
    """What the printed ruler measures; None where the board must be printed first."""
    if not typer.confirm("Is a Vigitri board printed and glued flat on a stiff plate?"):
        papers = "/".join(get_args(Paper))
        paper: Paper = _chosen(f"On which paper can you print it ({papers})?", "a3")
        sheet = line.with_name(f"board-{paper}.pdf")
        sheet.write_bytes(board_pdf(paper))
        print(
            f"{sheet}: print it at 100 %, glue it on a stiff plate, and come back with the same "
            "command."
        )
        return None
    paper = _chosen("Which one? It is written under it.", "a3")
    return float(
        typer.prompt(
            "How long is its printed ruler, end to end, by a steel one, in mm?",
            default=ruler_mm(paper),
            type=float,
        )
    )


def _chosen(question: str, default: Paper) -> Paper:
    answer = ""
    while answer not in get_args(Paper):
        answer = str(typer.prompt(question, default=default)).strip().lower()
    return answer  # type: ignore[return-value]


def _lens(line: Path, operator: str, pictures: Path | None) -> None:
    found = load_profile(line).calibration.lens
    if found is not None and not typer.confirm(
        f"The lens was calibrated on {found.made:%Y-%m-%d} by {found.operator}. Do it again?"
    ):
        return
    sources = [] if pictures is None else [str(pictures / _LENS)]
    while True:
        if not sources:
            typer.prompt("Take the board, stand where it is seen, press Enter", default="ready")
        try:
            calibrate_lens(line, sources, operator, seconds=180)
        except LensError as error:
            print(f"Not yet: {error}")
            if sources or not typer.confirm("Try again?", default=True):
                raise
        else:
            return


def _plane(line: Path, operator: str, pictures: Path | None, measured_mm: float) -> None:
    profile = load_profile(line)
    width_mm = _tape("How wide is the belt between its edges, by a tape, in mm?")
    height_mm = _tape("How high does the camera hang above the belt, in mm?")
    measured = Measured(measured_mm, width_mm, height_mm, operator)
    while True:
        if pictures is None:
            sights = _laid(line)
        else:
            sights, _ = boards_in([str(pictures / _BELT)])
        try:
            plane_from_boards(line, profile, sights, measured)
        except (CalibrationError, LensError) as error:
            print(f"Not yet: {error}")
            if pictures is not None or not typer.confirm("Try again?", default=True):
                raise
        else:
            return


def _tape(question: str) -> float | None:
    """A length by a tape; None where nobody has measured it."""
    answer: float = typer.prompt(f"{question} (0: not measured)", default=0.0, type=float)
    return answer if answer > 0 else None


def _laid(line: Path) -> list[BoardSight]:
    """The board in different places of the standing belt, a picture each."""
    print(
        "STOP THE BELT, lock it out as your plant demands. Lay the board flat on it: near the "
        "upstream end of what the camera sees, the downstream end, and both edges."
    )
    camera = load_profile(line).camera
    sights: list[BoardSight] = []
    while True:
        answer = typer.prompt(
            f"{len(sights)} places. Enter takes a picture, done ends", default="picture"
        )
        if str(answer).strip().lower() == "done":
            return sights
        sight = find_board(picture_now(camera.source, camera.fps), f"place {len(sights) + 1}")
        if sight is None:
            print("The board isn't seen. Is it whole, lit, without glare, right side up?")
            continue
        sights.append(sight)
        x, y = sight.px.mean(axis=0)
        print(f"Seen at ({x:.0f}, {y:.0f}) px, {len(sight.ids)} of {CORNERS} corners.")
