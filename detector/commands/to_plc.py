"""`vigitri bridge | plc-sim`: the connection to the PLC."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.cli_support.options import INCOMPLETE, Json, OwnKey, one_line_for


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri`."""
    app.command()(bridge)
    app.command("plc-sim")(plc_sim)


def bridge(
    *,
    line: Annotated[
        list[Path] | None, typer.Option("--line", metavar="LINE.toml", help="A line's profile.")
    ] = None,
    subscribe: Annotated[
        list[str] | None,
        typer.Option(help="A detector's publish endpoint; an alternative to --line."),
    ] = None,
    requests: Annotated[
        list[str] | None,
        typer.Option(help="The same detector's request endpoint; one for each --subscribe."),
    ] = None,
    unit: Annotated[
        list[int] | None, typer.Option(help="Modbus unit id of each line; default: 1, 2, …")
    ] = None,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT at which Modbus TCP is served.")
    ] = "127.0.0.1:1502",
    allow_remote: Annotated[
        bool, typer.Option(help="Allow an address that other machines can reach (no password!).")
    ] = False,
    opcua: Annotated[
        str | None,
        typer.Option(
            help="Also serve OPC UA here, e.g. opc.tcp://127.0.0.1:4840/vigitri (extra `opcua`)."
        ),
    ] = None,
    opcua_security: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Certificates and users for OPC UA, made if missing; default: no encryption, "
            "everybody may read.",
        ),
    ] = None,
    own_key: OwnKey = None,
    line_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="A line's public key: a key file or the 40-character key; one for each "
            "--subscribe. For a --line it is read from beside its wire.keys.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A line's name; one for each --subscribe. OPC UA needs it."),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option(help="Exit when stdin ends; for a parent process.", hidden=True)
    ] = False,
) -> None:
    """Serve lines to PLCs as Modbus TCP registers, until Ctrl-C.

    docs/plc.md describes the registers, docs/opcua.md OPC UA.
    """
    from detector.commands.bridge import bridge_lines, ends_of_lines

    with one_line_for(ValueError):
        lines = ends_of_lines(
            line or [],
            subscribe or [],
            requests or [],
            unit or [],
            own_key,
            line_key or [],
            name or [],
        )
        bridge_lines(
            lines,
            listen,
            allow_remote=allow_remote,
            until_stdin_ends=until_stdin_ends,
            opcua=opcua,
            opcua_security=opcua_security,
        )


def plc_sim(
    address: Annotated[str, typer.Argument(help="HOST:PORT of the bridge.")] = "127.0.0.1:1502",
    *,
    unit: Annotated[int, typer.Option(min=0, max=255, help="Modbus unit id.")] = 1,
    scan_ms: Annotated[float, typer.Option(min=5, max=1000, help="Scan time, ms.")] = 20,
    speed: Annotated[float, typer.Option(min=1, max=5000, help="Belt speed, mm/s.")] = 400,
    course: Annotated[
        str | None,
        typer.Option(
            metavar="MM_S:S,…",
            help="Repeating course of the belt, as SPEED:SECONDS; overrides --speed. "
            "400:20,0:3,-200:2 makes it run, stop and run back.",
        ),
    ] = None,
    ejector_mm: Annotated[
        float,
        typer.Option(
            min=-100_000,
            max=100_000,
            help="Position of the ejector along the travel, mm in belt coordinates.",
        ),
    ] = 4000,
    actuator_ms: Annotated[
        float, typer.Option(min=0, max=60_000, help="Time from the coil to the open flap, ms.")
    ] = 300,
    acknowledge: Annotated[
        bool, typer.Option(help="Also acknowledge each record as an operator.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Exit after this time.")] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Evaluate at the end against this ground truth of a drawn clip (.jsonl; needs a "
            "checkout)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a PLC that polls a bridge, diverts and requests stops.

    Exits with 1 if the line was not watched at any time.
    """
    from detector.bridge.simulator.belt_course import Course
    from detector.bridge.simulator.plc import Plant
    from detector.commands.plc_sim import simulate

    evaluation = None if truth is None else _evaluation(truth)
    runs = None if course is None else Course.read(course)
    plant = Plant(speed, ejector_mm, actuator_ms, acknowledges=acknowledge, course=runs)
    log = simulate(address, plant, unit=unit, scan_ms=scan_ms, seconds=seconds, as_json=as_json)
    if evaluation is not None:
        summary = evaluation(log)
        print(json.dumps({"evaluated": summary}) if as_json else summary, flush=True)
    if not log[-1]["totals"]["watched"]:
        raise typer.Exit(INCOMPLETE)


def _evaluation(truth: Path) -> Callable[[list[dict[str, Any]]], str]:
    """Evaluates a PLC's log against this ground truth, in one line."""
    from benchmarks.accuracy.ground_truth import GroundTruth
    from benchmarks.demo.diversions import evaluate_log

    with one_line_for(ValueError):
        known = GroundTruth.read(truth)
    return lambda log: evaluate_log(log, known).summary()
