"""`vigitri calibrate …`: calibrate lens, belt plane and speed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from detector.cli_support.options import (
    INCOMPLETE,
    LineFile,
    one_line_for,
    refuse,
)

Images = Annotated[list[str] | None, typer.Argument(help="Images, folders of images, or videos.")]
Operator = Annotated[
    str | None, typer.Option(help="Who calibrates; default: the logged-in user.", metavar="NAME")
]
RulerMm = Annotated[
    float | None,
    typer.Option(
        min=1, help="Measured length of the board's printed ruler; default: its nominal length."
    ),
]
PointsFile = Annotated[
    Path | None,
    typer.Option(
        "--points", metavar="FILE.csv", help="Surveyed points: u_px,v_px,x_mm,y_mm per line."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri calibrate`."""
    app.command("line")(calibrate_line)
    app.command("board")(calibrate_board)
    app.command("intrinsics")(calibrate_intrinsics)
    app.command("plane")(calibrate_plane)
    app.command("verify")(calibrate_verify)
    app.command("speed")(calibrate_speed)
    app.command("empty")(calibrate_empty)
    app.command("health")(calibrate_health)
    app.command("keys")(calibrate_keys)


def calibrate_line(
    line: LineFile,
    operator: Operator = None,
    images: Annotated[
        Path | None,
        typer.Option(help="A folder of images to use instead of the line's camera."),
    ] = None,
) -> None:
    """Guided calibration on site, question by question; no display needed."""
    from detector.commands.calibrate.line import walk_through

    walk_through(line, operator, images)


def calibrate_board(
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: *.pdf or *.svg.")] = Path(
        "board-a3.pdf"
    ),
    paper: Annotated[
        Literal["a4", "a3", "a2", "a1"],
        typer.Option(help="Paper size; larger boards are found better."),
    ] = "a3",
) -> None:
    """Write a calibration board to print, with rulers to check the scale of the print."""
    from calibration.board_print import board_pdf, board_svg, ruler_mm

    if out.suffix.lower() not in {".pdf", ".svg"}:
        refuse(f"--out {out}: boards are written as PDF or SVG. Name it board.pdf or board.svg")
    sheet = board_pdf(paper) if out.suffix.lower() == ".pdf" else board_svg(paper).encode()
    out.write_bytes(sheet)
    print(
        f"{out}: print it on {paper.upper()} at 100 %, not fitted to the page. Both rulers must "
        f"measure {ruler_mm(paper):g} mm; if not, pass the measured length to `vigitri calibrate "
        "plane` as --ruler-mm. Glue it flat onto a stiff plate."
    )


def calibrate_intrinsics(
    line: LineFile,
    images: Images = None,
    operator: Operator = None,
    seconds: Annotated[
        float,
        typer.Option(
            min=1, max=3600, help="Time for the camera to see the board, if no images are given."
        ),
    ] = 120,
) -> None:
    """Calibrate the lens from images of the board, or live, holding it in front of the camera."""
    from detector.commands.calibrate.lens import calibrate_lens

    with one_line_for(ValueError):
        calibrate_lens(line, images or [], operator, seconds)


def calibrate_plane(
    line: LineFile,
    images: Images = None,
    points: PointsFile = None,
    *,
    ruler_mm: RulerMm = None,
    belt_width_mm: Annotated[
        float | None, typer.Option(min=1, help="Belt width by a tape, to check the plane.")
    ] = None,
    camera_height_mm: Annotated[
        float | None, typer.Option(min=1, help="Camera height above the belt, by a tape.")
    ] = None,
    operator: Operator = None,
) -> None:
    """Calibrate the belt plane from a board in three or more places on the belt, or from points."""
    from detector.commands.calibrate.plane import TapeMeasurements
    from detector.commands.calibrate.plane import calibrate_plane as find_plane

    measured = TapeMeasurements(ruler_mm, belt_width_mm, camera_height_mm, operator)
    with one_line_for(ValueError):
        find_plane(line, images or [], points, measured)


def calibrate_verify(
    line: LineFile,
    images: Images = None,
    points: PointsFile = None,
    ruler_mm: RulerMm = None,
) -> None:
    """Check that the calibration is still valid: hashes, camera, error on new boards or points."""
    from detector.commands.calibrate.verify import verify

    if not verify(line, images or [], points, ruler_mm):
        raise typer.Exit(INCOMPLETE)


def calibrate_speed(
    line: LineFile,
    source: Annotated[
        str | None, typer.Option(help="A recording to use instead of the profile's camera.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl", help="Its recorded encoder: t_mono_ns, counts per line."
        ),
    ] = None,
    operator: Operator = None,
) -> None:
    """Calibrate the belt speed by the image, against a recorded encoder or the profile's setting;
    it is written into the profile unless it is poor."""
    from detector.commands.calibrate.speed import calibrate_speed as measure

    with one_line_for(ValueError):
        good = measure(line, source, encoder, operator)
    if not good:
        raise typer.Exit(INCOMPLETE)


def calibrate_empty(
    line: LineFile,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The image to write.")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Source to use instead of the profile's camera, e.g. a recording."),
    ] = None,
    frames: Annotated[int, typer.Option(min=5, max=500, help="Number of frames to use.")] = 60,
) -> None:
    """Capture a reference image of the empty belt (median of some frames), needed for coverage."""
    from detector.commands.calibrate.empty_belt import capture_empty_belt

    print(capture_empty_belt(line, out, source, frames))


def calibrate_health(
    line: LineFile,
    source: Annotated[
        str | None, typer.Option(help="A recording to use instead of the profile's camera.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.5, max=60, help="Length of footage to measure.")
    ] = 3,
    operator: Operator = None,
) -> None:
    """Learn the limits of the image's condition from good footage of the running belt, and the
    fixed structures beside it by which a moved camera is found."""
    from detector.commands.calibrate.health import calibrate_health as learn

    with one_line_for(ValueError):
        learn(line, source, minutes, operator)


def calibrate_keys() -> None:
    """List all keys of a line profile: default, bounds, meaning (Markdown)."""
    from detector.profile.reference import profile_reference

    print(profile_reference(), end="")
