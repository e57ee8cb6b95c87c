"""`vigitri bench …` that injects faults; needs a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli_options import Out, ReportJson
from detector.cli_support.options import INCOMPLETE, one_line_for


def bench_faults(
    runs: Annotated[int, typer.Option(min=4, max=2000, help="Number of faults.")] = 200,
    seed: Annotated[int, typer.Option(help="Random seed: selects and orders the faults.")] = 1,
    out: Out = None,
    plc_runs: Annotated[
        int, typer.Option(min=7, max=2000, help="Number of faults between line and PLC.")
    ] = 70,
) -> None:
    """Inject faults, and count lost, doubled and wrong alerts.

    Kills, disconnects and delays a line, its consumer and its bridge.
    """
    from benchmarks.faults import table

    if not table.run(runs, seed, out, plc_runs=plc_runs):
        raise typer.Exit(INCOMPLETE)


def bench_vanish(
    clients: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of clients that vanish.")
    ] = 200,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=1440, help="Time over which they vanish.")
    ] = 60.0,
    seed: Annotated[int, typer.Option(help="Random seed: chooses their instants.")] = 1,
    out: Out = None,
    as_json: ReportJson = False,
) -> None:
    """Let Modbus clients vanish without FIN while a PLC polls a bridge every 10 ms.

    Counts the PLC's polls that failed. Needs Linux.
    """
    from benchmarks.faults import vanished_clients

    if not vanished_clients.run(clients, minutes * 60, seed, out, as_json=as_json):
        raise typer.Exit(INCOMPLETE)


def bench_opcua(
    restarts: Annotated[int, typer.Option(min=1, max=500, help="Number of restarts.")] = 20,
    seed: Annotated[int, typer.Option(help="Random seed: times and lengths of the stops.")] = 1,
    out: Out = None,
    *,
    secure: Annotated[bool, typer.Option(help="With certificates and encryption.")] = False,
    node: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A node_modules folder with node-opcua-client; default: npm installs one.",
        ),
    ] = None,
) -> None:
    """Restart the OPC UA bridge under asyncua and node-opcua clients (needs Node.js)."""
    from benchmarks.faults import opcua_restarts

    with one_line_for(ValueError):
        sound = opcua_restarts.run(restarts, seed, out, secure=secure, node=node)
    if not sound:
        raise typer.Exit(INCOMPLETE)


def bench_fuzz(
    parsers: Annotated[
        list[str] | None,
        typer.Argument(metavar="PARSER...", help="Parsers, such as jpeg, profile or modbus."),
    ] = None,
    *,
    cases: Annotated[
        int, typer.Option(min=1, max=10**9, help="Number of cases of each parser.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Random seed.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at once.")] = 1,
    corpus: Annotated[
        Path | None, typer.Option(help="Folder in which the input of each finding is kept.")
    ] = None,
    out: Out = None,
) -> None:
    """Give changed input to every parser; each case must end in a value or one clear error.

    Each runs in a process of its own with a limit of memory and time; default: all parsers.
    """
    from benchmarks.fuzz import campaign

    if not campaign.run(parsers or [], cases=cases, seed=seed, jobs=jobs, corpus=corpus, out=out):
        raise typer.Exit(INCOMPLETE)


def bench_health(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO...",
            help="Scenarios of the twin; default: calm, night, wet_belt, stop_and_go.",
        ),
    ] = None,
    *,
    minutes: Annotated[
        float, typer.Option(min=0, help="Minutes of each scenario without a fault.")
    ] = 60.0,
    runs: Annotated[int, typer.Option(min=0, help="Injections of each fast fault.")] = 30,
    slow_runs: Annotated[int, typer.Option(min=0, help="Injections of each slow fault.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the first run.")] = 1,
    fps: Annotated[float, typer.Option(min=2, max=240, help="Frames per second.")] = 5.0,
    fast_fps: Annotated[
        float, typer.Option(min=2, max=240, help="Frames per second of the fast faults.")
    ] = 20.0,
    out: Out = None,
    as_json: ReportJson = False,
) -> None:
    """Measure false alarms, delays and misses of the checks of the camera's image.

    Frames of the twin go through a line's own monitors, without the model, as fast as they are
    drawn.
    """
    from benchmarks.faults import health

    with one_line_for(ValueError, RuntimeError):
        health.run(
            scenarios or health.SCENARIOS,
            out,
            minutes=minutes,
            runs=runs,
            slow_runs=slow_runs,
            seed=seed,
            fps=fps,
            fast_fps=fast_fps,
            as_json=as_json,
        )


def bench_cameras(
    out: Out = None,
    *,
    times: Annotated[int, typer.Option(min=1, max=1000, help="Times of each kind of fault.")] = 30,
    seed: Annotated[int, typer.Option(help="Random seed: order and length of the faults.")] = 1,
    as_json: ReportJson = False,
) -> None:
    """Let a network camera hang, freeze, go dark, change size and break off.

    A live RTSP server (Debian's GStreamer, see benchmarks/cameras/rtsp_server.py), detector,
    bridge and a PLC that polls every 10 ms: what it reads meanwhile, and how soon the line sees
    again.
    """
    from benchmarks.soak import cameras

    with one_line_for(RuntimeError, OSError):
        if not cameras.run(out, times=times, seed=seed, as_json=as_json):
            raise typer.Exit(INCOMPLETE)


def bench_soak(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for a new run.")] = None,
    *,
    hours: Annotated[float, typer.Option(min=0.01, max=1000, help="Length of the run.")] = 4.0,
    faults: Annotated[bool, typer.Option(help="Whether faults are injected.")] = True,
    seed: Annotated[int, typer.Option(help="Random seed: the schedule of faults.")] = 1,
    report: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Only report the run in this folder, as far as it got."),
    ] = None,
    as_json: ReportJson = False,
) -> None:
    """Run the whole line for hours, with scheduled faults.

    Camera, detector, bridge, station, a consumer and a PLC: alerts lost, wrong clear, leaks, and
    drift of the latency. A line of progress every minute; a run that is cut off can be reported.
    """
    from benchmarks.soak import report as reporting
    from benchmarks.soak.run import soak

    with one_line_for(RuntimeError, OSError):
        folder = report or out
        if folder is None:
            raise typer.BadParameter("name a folder for the run", param_hint="--out")
        if report is None:
            soak(folder, hours=hours, faults=faults, seed=seed)
        if not reporting.report(folder, as_json=as_json):
            raise typer.Exit(INCOMPLETE)
