"""`vigitri calibrate …`: what a line has to know of its belt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from detector.cli_support.options import (
    INCOMPLETE,
    Json,
    LineFile,
    ModelName,
    from_checkout,
    one_line_for,
    refuse,
)
from detector.profile.line import DEPLOYED_MODEL

Pictures = Annotated[
    list[str] | None, typer.Argument(help="Pictures, folders of pictures, or videos.")
]
Operator = Annotated[
    str | None, typer.Option(help="Who does this; without: who is logged in.", metavar="NAME")
]
RulerMm = Annotated[
    float | None,
    typer.Option(min=1, help="What the board's printed ruler measures; without: what it says."),
]
PointsFile = Annotated[
    Path | None,
    typer.Option("--points", metavar="FILE.csv", help="Surveyed: u_px,v_px,x_mm,y_mm a line."),
]


def add_to(app: typer.Typer) -> None:
    """Give `vigitri calibrate` these commands."""
    app.command("line")(calibrate_line)
    app.command("board")(calibrate_board)
    app.command("intrinsics")(calibrate_intrinsics)
    app.command("plane")(calibrate_plane)
    app.command("verify")(calibrate_verify)
    app.command("speed")(calibrate_speed)
    app.command("empty")(calibrate_empty)
    app.command("scores")(calibrate_scores)
    app.command("keys")(calibrate_keys)


def calibrate_line(
    line: LineFile,
    operator: Operator = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="A folder with the pictures in it, in place of the line's camera."),
    ] = None,
) -> None:
    """Walk through all of it on site, question by question; no display needed."""
    from detector.belt.lens import LensError
    from detector.commands.calibrate.line import walk_through

    with one_line_for(LensError):
        walk_through(line, operator, pictures)


def calibrate_board(
    out: Annotated[Path, typer.Option("-o", "--out", help="What to write: *.pdf or *.svg.")] = Path(
        "board-a3.pdf"
    ),
    paper: Annotated[
        Literal["a4", "a3", "a2", "a1"], typer.Option(help="The larger, the better it is found.")
    ] = "a3",
) -> None:
    """A board to print, true to scale, with rulers that show whether the print is."""
    from calibration.board_print import board_pdf, board_svg, ruler_mm

    if out.suffix.lower() not in {".pdf", ".svg"}:
        refuse(f"--out {out}: a board is written as PDF or SVG. Name it board.pdf or board.svg")
    sheet = board_pdf(paper) if out.suffix.lower() == ".pdf" else board_svg(paper).encode()
    out.write_bytes(sheet)
    print(
        f"{out}: print it on {paper.upper()} at 100 %, not fitted to the page. Both rulers must "
        f"measure {ruler_mm(paper):g} mm; else give what they do to `vigitri calibrate plane` as "
        "--ruler-mm. Glue it flat on a stiff plate."
    )


def calibrate_intrinsics(
    line: LineFile,
    pictures: Pictures = None,
    operator: Operator = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long to look where no pictures are given.")
    ] = 120,
) -> None:
    """The lens, from pictures of the board, or from the line's camera while you hold it there."""
    from detector.belt.lens import LensError
    from detector.commands.calibrate.lens import calibrate_lens

    with one_line_for(LensError, ValueError):
        calibrate_lens(line, pictures or [], operator, seconds)


def calibrate_plane(
    line: LineFile,
    pictures: Pictures = None,
    points: PointsFile = None,
    *,
    ruler_mm: RulerMm = None,
    belt_width_mm: Annotated[
        float | None, typer.Option(min=1, help="By a tape, to check the plane with.")
    ] = None,
    camera_height_mm: Annotated[
        float | None, typer.Option(min=1, help="Above the belt, by a tape.")
    ] = None,
    operator: Operator = None,
) -> None:
    """Where the belt lies: from the board on the belt (three places or more), or from points."""
    from detector.belt.lens import LensError
    from detector.commands.calibrate.plane import Measured
    from detector.commands.calibrate.plane import calibrate_plane as find_plane

    measured = Measured(ruler_mm, belt_width_mm, camera_height_mm, operator)
    with one_line_for(LensError, ValueError):
        find_plane(line, pictures or [], points, measured)


def calibrate_verify(
    line: LineFile,
    pictures: Pictures = None,
    points: PointsFile = None,
    ruler_mm: RulerMm = None,
) -> None:
    """Does it still hold? Hashes, camera, and the error on a board or on points seen now."""
    from detector.commands.calibrate.verify import verify

    if not verify(line, pictures or [], points, ruler_mm):
        raise typer.Exit(INCOMPLETE)


def calibrate_speed(
    line: LineFile,
    source: Annotated[
        str | None, typer.Option(help="A recording, in place of the profile's camera.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="The encoder beside it: t_mono_ns, counts a line."),
    ] = None,
    operator: Operator = None,
) -> None:
    """The belt's speed by its picture, against a recorded encoder or the profile's setting; it is
    written into the profile unless it is poor."""
    from detector.commands.calibrate.speed import calibrate_speed as measure

    with one_line_for(ValueError):
        good = measure(line, source, encoder, operator)
    if not good:
        raise typer.Exit(INCOMPLETE)


def calibrate_empty(
    line: LineFile,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The picture to write.")] = None,
    source: Annotated[
        str | None, typer.Option(help="In place of the profile's camera, e.g. a recording.")
    ] = None,
    frames: Annotated[int, typer.Option(min=5, max=500, help="Frames to take.")] = 60,
) -> None:
    """Learn the empty belt (the median of some frames), from which coverage is told."""
    from detector.commands.calibrate.empty_belt import learn_empty_belt

    print(learn_empty_belt(line, out, source, frames))


def calibrate_scores(  # noqa: PLR0917
    folder: Annotated[Path, typer.Argument(help="Where `bench accuracy -o` kept its looks.")],
    model: ModelName = DEPLOYED_MODEL,
    budget: Annotated[
        float, typer.Option(min=0.001, help="False alarms an hour, over all hazards.")
    ] = 1.0,
    write: Annotated[bool, typer.Option(help="Write them into the model's card.")] = False,
    keep_thresholds: Annotated[
        bool,
        typer.Option(help="Write curves and probabilities, and leave the thresholds as they are."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit thresholds and probabilities on whole tracks, within a budget (extra `bench`)."""
    scores = from_checkout("benchmarks.accuracy.scores")
    with one_line_for(ValueError):
        scores.run(
            folder, model, budget, write=write, keep_thresholds=keep_thresholds, as_json=as_json
        )


def calibrate_keys() -> None:
    """Every key of a line profile: default, bounds, meaning (Markdown)."""
    from detector.profile.reference import profile_reference

    print(profile_reference(), end="")
