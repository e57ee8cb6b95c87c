"""The command line: `vigitri …`. Exit codes: 0 done, 1 done but not completely, 2 refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import detector
from detector import __version__
from detector.cli_support.options import (
    INCOMPLETE,
    INTERRUPTED,
    EngineOption,
    Json,
    LineFile,
    ModelName,
    OptionalLineFile,
    refuse,
    refuse_without,
)
from detector.commands import (
    key_commands,
    model_commands,
    operating,
    station_commands,
    to_plc,
)
from detector.commands.calibrate import cli as calibrating
from detector.errors import VigitriError
from detector.log_output import set_up_logging
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
        set_up_logging()
        app()
    except KeyboardInterrupt:  # while a command is being loaded; once it runs, typer handles it
        raise SystemExit(INTERRUPTED) from None
    except ModuleNotFoundError as error:
        refuse_without(error.name or str(error))
    except OSError as error:  # for example a missing folder or a full disk
        refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except VigitriError as error:
        refuse(str(error))


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
    evidence: Annotated[
        str | None, typer.Option(help="Endpoint for images; overrides wire.evidence.")
    ] = None,
    with_bridge: Annotated[
        bool, typer.Option("--with-bridge", help="Also run the PLC bridge, in its own process.")
    ] = False,
    bridge_listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT at which that bridge serves Modbus TCP; default: 127.0.0.1:1502."
        ),
    ] = None,
    with_station: Annotated[
        bool, typer.Option("--with-station", help="Also serve the page, from its own process.")
    ] = False,
    station_listen: Annotated[
        str | None,
        typer.Option(help="HOST:PORT at which that page is served; default: 127.0.0.1:8420."),
    ] = None,
    station_folder: Annotated[
        Path | None, typer.Option(help="Folder of that station's store.")
    ] = None,
) -> None:
    """Run one line's detector: camera in, alerts out, until Ctrl-C."""
    if bridge_listen is not None and not with_bridge:
        refuse(f"--bridge-listen {bridge_listen}: has no effect without --with-bridge. Add it")
    for option, value in (("listen", station_listen), ("folder", station_folder)):
        if value is not None and not with_station:
            refuse(f"--station-{option} {value}: has no effect without --with-station. Add it")
    from detector.bridge.bridge import MODBUS_LISTEN
    from detector.commands.run import run_line
    from detector.station.web.server import LISTEN as STATION_LISTEN

    run_line(
        line,
        until_end=until_end,
        publish=publish,
        requests=requests,
        evidence=evidence,
        journal=journal,
        bridge_listen=(bridge_listen or MODBUS_LISTEN) if with_bridge else None,
        station_listen=(station_listen or STATION_LISTEN) if with_station else None,
        station_folder=station_folder,
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
            help="Frames per second; default: the video's own times; for images, the profile's "
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
    engine: EngineOption = "auto",
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
def doctor(
    line: OptionalLineFile = None,
    as_json: Json = False,
    genicam: Annotated[
        bool,
        typer.Option(
            "--genicam",
            help="search for GenICam cameras, by a broadcast in this machine's networks",
        ),
    ] = False,
) -> None:
    """Check this machine and, with --line, one line.

    Checks engine, clock, shared memory and models; with --line also profile, camera, belt, keys and
    ports, without it lists the local cameras. Exits with 1 if a check fails.
    """
    from detector.commands.doctor import examine

    if not examine(line, as_json=as_json, genicam=genicam):
        raise typer.Exit(INCOMPLETE)


operating.add_to(app)
to_plc.add_to(app)
station_commands.add_to(app)
CHECKOUT = Path(detector.__file__).parent.parent
"""The folder that in a checkout also holds the benchmarks and the tools for making models."""


def _add_group(name: str, about: str, *groups: Callable[[typer.Typer], None] | str) -> None:
    """Mount a group of commands; of modules given by name, those that are installed here."""
    commands = typer.Typer(help=about, no_args_is_help=True)
    for group in groups:
        if not isinstance(group, str):
            group(commands)
        elif (CHECKOUT / group.replace(".", "/")).with_suffix(".py").is_file():
            import_module(group).add_to(commands)
    if commands.registered_commands:
        app.add_typer(commands, name=name)


_add_group(
    "model",
    "List, check and adapt models; in a checkout also train them.",
    model_commands.add_to,
    "models.cli",
)
_add_group(
    "calibrate",
    "Calibrate lens, belt plane, speed and empty belt.",
    calibrating.add_to,
    "benchmarks.scores_cli",
)
_add_group("fleet", "Replay an archive of footage, on one machine or a cluster.", "fleet.cli")
_add_group("bench", "Measure speed, accuracy and fault tolerance.", "benchmarks.cli")
_add_group("twin", "Render the simulated line.", "benchmarks.twin_cli")
_add_group("keys", "Manage CURVE keys and the allow-list.", key_commands.add_to)

if __name__ == "__main__":
    main()
