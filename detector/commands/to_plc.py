"""`vigitri bridge | plc-sim`: the way to the PLC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.cli_support.options import INCOMPLETE, Json, OwnKey, from_checkout, one_line_for


def add_to(app: typer.Typer) -> None:
    """Give `vigitri` these commands."""
    app.command()(bridge)
    app.command("plc-sim")(plc_sim)


def bridge(
    *,
    line: Annotated[
        list[Path] | None, typer.Option("--line", metavar="LINE.toml", help="A line's profile.")
    ] = None,
    subscribe: Annotated[
        list[str] | None, typer.Option(help="Where a detector publishes, in place of --line.")
    ] = None,
    requests: Annotated[
        list[str] | None, typer.Option(help="Where it serves requests, one for each --subscribe.")
    ] = None,
    unit: Annotated[
        list[int] | None, typer.Option(help="Modbus unit id of each line; without: 1, 2, …")
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT for Modbus TCP.")] = "127.0.0.1:1502",
    allow_remote: Annotated[
        bool, typer.Option(help="Listen where other machines can reach it (no password!).")
    ] = False,
    opcua: Annotated[
        str | None,
        typer.Option(help="Serve OPC UA too, e.g. opc.tcp://127.0.0.1:4840/vigitri (extra opcua)."),
    ] = None,
    own_key: OwnKey = None,
    line_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="A line's public key, its file or 40 signs: one for each --subscribe. Of a --line "
            "it lies beside its wire.keys.",
        ),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option(help="For whoever starts it as a child.", hidden=True)
    ] = False,
) -> None:
    """Give PLCs the lines' hazards as Modbus TCP registers (docs/plc.md), until Ctrl-C."""
    from detector.commands.bridge import ListenError, bridge_lines, ends_of_lines

    with one_line_for(ValueError, ListenError):
        lines = ends_of_lines(
            line or [], subscribe or [], requests or [], unit or [], own_key, line_key or []
        )
        bridge_lines(
            lines,
            listen,
            allow_remote=allow_remote,
            until_stdin_ends=until_stdin_ends,
            opcua=opcua,
        )


def plc_sim(
    address: Annotated[str, typer.Argument(help="HOST:PORT of the bridge.")] = "127.0.0.1:1502",
    *,
    unit: Annotated[int, typer.Option(min=0, max=255, help="Modbus unit id.")] = 1,
    scan_ms: Annotated[float, typer.Option(min=5, max=1000, help="Time of a scan.")] = 20,
    speed: Annotated[float, typer.Option(min=1, max=5000, help="Speed of the belt, mm/s.")] = 400,
    course: Annotated[
        str | None,
        typer.Option(
            metavar="MM_S:S,…",
            help="How the belt runs in place of always at --speed, over and over; e.g. "
            "400:20,0:3,-200:2 has it run, stand, and run back.",
        ),
    ] = None,
    ejector_mm: Annotated[
        float,
        typer.Option(
            min=-100_000,
            max=100_000,
            help="Where the ejector is along the travel, as the profile counts.",
        ),
    ] = 4000,
    actuator_ms: Annotated[
        float, typer.Option(min=0, max=60_000, help="From coil to open flap.")
    ] = 300,
    acknowledge: Annotated[
        bool, typer.Option(help="Taking a record is an operator's acknowledgement too.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Leave after that time.")] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Judge at the end: a drawn clip's truth (.jsonl; from a checkout)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """A simulated PLC: polls a bridge, diverts by its encoder, asks for stops.

    Leaves with 1 if nobody watched the line at any moment.
    """
    from detector.bridge.modbus_server import ListenError
    from detector.bridge.simulator.belt_course import Course, CourseError
    from detector.bridge.simulator.plc import Plant
    from detector.commands.plc_sim import simulate

    judge = None if truth is None else from_checkout("benchmarks.demo.diversions")
    with one_line_for(ValueError):
        known = (
            None
            if truth is None
            else from_checkout("benchmarks.accuracy.ground_truth").GroundTruth.read(truth)
        )
    with one_line_for(ListenError, CourseError):
        runs = None if course is None else Course.read(course)
        plant = Plant(speed, ejector_mm, actuator_ms, acknowledges=acknowledge, course=runs)
        log = simulate(address, plant, unit=unit, scan_ms=scan_ms, seconds=seconds, as_json=as_json)
    if judge is not None:
        said = judge.evaluate_log(log, known).summary()
        print(json.dumps({"judged": said}) if as_json else said, flush=True)
    if not log[-1]["totals"]["watched"]:
        raise typer.Exit(INCOMPLETE)
