"""The command line: `vigitri …`. Exit codes: 0 done, 1 done but not completely, 2 refused."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from detector import __version__
from detector.commands import key_commands, measuring, operating, simulating, to_plc, workshop
from detector.commands.calibrate import cli as calibrating
from detector.commands.options import (
    INCOMPLETE,
    INTERRUPTED,
    EngineName,
    Json,
    LineFile,
    ModelName,
    OptionalLineFile,
    one_line_for,
    refuse,
)
from detector.profile.line import DEPLOYED_MODEL, ModelChoice

app = typer.Typer(
    help="Detect gas canisters, batteries and overload on the belt of a waste-sorting line.\n\n"
    "Detection aid; not a safety function, no PL or SIL claimed. It replaces neither the emergency "
    "stop nor human supervision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Entry point. A refusal is one clear line, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name need not be valid text, and a terminal may lack a character: escape both.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:  # while a command is being loaded; once it runs, typer handles it
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:  # for example a missing folder or a full disk
        refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if not isinstance(error, _refusals()):
            raise
        refuse(str(error))


def _refusals() -> tuple[type[Exception], ...]:
    """The errors by which the layers below refuse. Imported only after one was raised: importing
    the engine and OpenCV would take most of the start time of `vigitri answer`, which needs
    neither."""
    from detector.belt.plane import CalibrationError
    from detector.delivery.journal_folder import JournalInUseError
    from detector.ingest import CameraBlind, SourceError
    from detector.profile.loading import ProfileError
    from detector.vision.catalogue import ModelError
    from detector.vision.engine import EngineError
    from detector.wire.endpoints import EndpointError
    from detector.wire.keys import KeyFileError

    return (
        *(ProfileError, ModelError, CalibrationError, SourceError, EndpointError),
        *(KeyFileError, JournalInUseError, EngineError, CameraBlind),
    )


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def run(
    line: LineFile,
    until_end: Annotated[
        bool, typer.Option(help="Exit at the end of the recording that the profile names.")
    ] = False,
    publish: Annotated[
        str | None, typer.Option(help="Publish endpoint; overrides wire.publish.")
    ] = None,
    requests: Annotated[
        str | None, typer.Option(help="Request endpoint; overrides wire.requests.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Journal folder; overrides wire.journal.")
    ] = None,
    *,
    with_bridge: Annotated[
        bool, typer.Option("--with-bridge", help="Also run the PLC bridge, in its own process.")
    ] = False,
    bridge_listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT at which that bridge serves Modbus TCP; default: 127.0.0.1:1502."
        ),
    ] = None,
) -> None:
    """Run one line's detector: camera in, alerts out, until Ctrl-C."""
    if bridge_listen is not None and not with_bridge:
        refuse(f"--bridge-listen {bridge_listen}: has no effect without --with-bridge. Add it")
    from detector.bridge.bridge import MODBUS_LISTEN
    from detector.bridge.modbus_server import ListenError
    from detector.commands.run import run_line

    with one_line_for(ListenError):
        run_line(
            line,
            until_end=until_end,
            publish=publish,
            requests=requests,
            journal=journal,
            bridge_listen=(bridge_listen or MODBUS_LISTEN) if with_bridge else None,
        )


@app.command()
def replay(
    sources: Annotated[list[str], typer.Argument(help="Videos, or folders or globs of images.")],
    line: OptionalLineFile = None,
    model: Annotated[
        str | None, typer.Option(help="Model name or folder; overrides the profile's model.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1000,
            help="Frames per second; default: the video's own rate; for images, the profile's "
            "camera.fps, or else 10.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay recorded footage through the pipeline.

    Every frame is processed, and the alerts are the same every time.
    """
    from detector.commands.replay import replay_footage

    if not replay_footage(sources, line, model or "", fps, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


@app.command()
def detect(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of images.")],
    model: ModelName = DEPLOYED_MODEL,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Minimum score; overrides the thresholds of the model card."
        ),
    ] = None,
    engine: EngineName = "auto",
    as_json: Json = False,
) -> None:
    """Detect hazards in photographs, without belt geometry."""
    from detector.commands.detect import detect_in_images

    choice = ModelChoice(engine=engine)
    if not detect_in_images(images, model, min_score, choice, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


@app.command()
def schema(
    write: Annotated[
        Path | None, typer.Option(help="Write each schema to its own file in this folder.")
    ] = None,
    plc: Annotated[
        bool, typer.Option(help="Print the PLC's register map (Markdown) instead.")
    ] = False,
) -> None:
    """Print JSON Schemas of the messages, or the PLC's register map."""
    from detector.bridge.plc_doc import plc_reference
    from detector.wire.schema import schemas, write_schemas

    if plc:
        print(plc_reference(), end="")
    elif write is not None:
        write_schemas(write)
    else:
        print(json.dumps(schemas(), indent=2, ensure_ascii=False))


@app.command()
def doctor(line: OptionalLineFile = None, as_json: Json = False) -> None:
    """Check this machine and, with --line, one line.

    Checks engine, clock, shared memory and models; with --line also profile, camera, belt, keys and
    ports, without it lists the local cameras. Exits with 1 if a check fails.
    """
    from detector.commands.doctor import examine

    if not examine(line, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


operating.add_to(app)
to_plc.add_to(app)
for name, group, about in (
    ("model", workshop, "List, check and train models."),
    ("calibrate", calibrating, "Calibrate a line: lens, belt plane, speed and empty belt."),
    ("bench", measuring, "Measure speed, accuracy and fault tolerance (needs a checkout)."),
    ("twin", simulating, "Render the simulated line (needs a checkout)."),
    ("keys", key_commands, "Manage CURVE keys and the allow-list."),
):
    commands = typer.Typer(help=about, no_args_is_help=True)
    group.add_to(commands)
    app.add_typer(commands, name=name)

if __name__ == "__main__":
    main()
