"""`vigitri bench …`: benchmarks; need a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import faults_cli, peers_cli
from benchmarks.cli_options import Out, ReportJson
from detector.cli_support.options import (
    INCOMPLETE,
    EngineOption,
    ModelName,
    OptionalLineFile,
    one_line_for,
)
from detector.profile.line import DEPLOYED_MODEL

Strips = Annotated[
    Path | None, typer.Option(help="Folder of path-traced strips from which scenarios are drawn.")
]
Footage = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENARIO|FOOTAGE...",
        help="Scenarios of the twin (file or name), or clips or folders with a .truth.jsonl.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri bench`."""
    app.command("latency")(bench_latency)
    app.command("twin")(bench_twin)
    app.command("accuracy")(bench_accuracy)
    app.command("faults")(faults_cli.bench_faults)
    app.command("vanish")(faults_cli.bench_vanish)
    app.command("opcua")(faults_cli.bench_opcua)
    app.command("fuzz")(faults_cli.bench_fuzz)
    app.command("strips")(bench_strips)
    app.command("cost")(bench_cost)
    app.command("lines")(bench_lines)
    app.command("start")(bench_start)
    app.command("belt")(bench_belt)
    app.command("load")(bench_load)
    app.command("peers")(peers_cli.bench_peers)
    app.command("health")(faults_cli.bench_health)
    app.command("station")(bench_station)
    app.command("cameras")(faults_cli.bench_cameras)
    app.command("soak")(faults_cli.bench_soak)
    app.command("fleet")(bench_fleet)


def bench_latency(
    line: OptionalLineFile = None,
    out: Out = None,
    alerts: Annotated[
        int, typer.Option(min=10, help="Number of alerts timed from capture to the PLC.")
    ] = 500,
    blind_runs: Annotated[
        int, typer.Option(min=1, help="Runs for each cause of vision_unavailable.")
    ] = 3,
) -> None:
    """Measure the latency from capture to a subscriber and the PLC.

    Also measures the cost of each stage.
    """
    from benchmarks.speed import latency

    latency.run(line, out, alerts=alerts, blind_runs=blind_runs)


def bench_fleet(
    line: Annotated[
        Path, typer.Option(metavar="LINE.toml", help="A line whose camera.source is a film.")
    ] = Path("calibration/sites/demo.toml"),
    out: Out = None,
    clips: Annotated[int, typer.Option(min=2, help="Clips that are cut from the film.")] = 4,
    clip_s: Annotated[float, typer.Option(min=1, help="Length of each, s.")] = 12.0,
    only: Annotated[list[str] | None, typer.Option(help="speed or faults; default: both.")] = None,
) -> None:
    """Measure `vigitri fleet replay` against `vigitri replay`, and lose workers under it. Extra
    `fleet`.

    Kills a worker and a node, cuts a clip off and fills a disk; compares the tables with those of
    an undisturbed run. The full disk needs root. Exits with 1 if a target is missed.
    """
    from benchmarks.fleet import bench

    parts = tuple(only or ("speed", "faults"))
    if not bench.run(line, out, clips=clips, clip_s=clip_s, parts=parts):
        raise typer.Exit(INCOMPLETE)


def bench_twin(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios of the twin; default: calm and jam.")
    ] = None,
    strips: Strips = None,
    out: Out = None,
) -> None:
    """Measure the cost of rendering one frame of the simulated line."""
    from benchmarks.speed import twin_cost

    with one_line_for(ValueError):
        twin_cost.run(scenarios or ["calm", "jam"], strips, out)


def bench_accuracy(  # noqa: PLR0917 (typer calls it)
    sources: Footage,
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help="Folder for the report, plots and cached detections."),
    ],
    line: OptionalLineFile = None,
    model: Annotated[
        str | None, typer.Option(help="Model name or folder; overrides the profile's model.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.5, max=240, help="Inference passes per second; default: every frame."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed; overrides the scenarios' own.")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds of each scenario; overrides the scenarios' own."),
    ] = None,
    strips: Strips = None,
    engine: EngineOption | None = None,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of the engine; 0: automatic.")
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder of model training; also evaluates its single images."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="report.json", help="Print the changes since this earlier report."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option(help="Ignore cached detections and run the model again.")
    ] = False,
    as_json: ReportJson = False,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write the answers that an operator would give, for `model adapt`.",
        ),
    ] = None,
    answers_most: Annotated[
        int, typer.Option(min=1, help="Number of answers at most, chosen at random.")
    ] = 200,
) -> None:
    """Measure recall, false alarms and timing (extra `bench`).

    Each event is evaluated: found or missed, when and where; false alarms are given per hour.
    """
    from benchmarks.accuracy import bench

    with one_line_for(ValueError, RuntimeError):
        bench.run(
            sources,
            out,
            line=line,
            model_name=model or "",
            fps=fps,
            seed=seed,
            duration_s=duration,
            strips=strips,
            engine=engine,
            threads=threads,
            data=data,
            compare=compare,
            fresh=fresh,
            as_json=as_json,
            answers=answers,
            answers_most=answers_most,
        )


def bench_strips(
    speeds: Annotated[
        list[float] | None,
        typer.Argument(
            metavar="M/S...", help="Belt speeds; default: 0.3, 0.5, 1 and 2.5.", min=0.01
        ),
    ] = None,
    *,
    out: Out = None,
    scenario: Annotated[str, typer.Option(help="Scenario of the twin.")] = "mixed",
    metres: Annotated[float, typer.Option(min=1, help="Metres of belt at each speed.")] = 20.0,
    hazards_per_m: Annotated[
        float, typer.Option(min=0.1, max=20, help="Hazards per metre of belt.")
    ] = 2.0,
    fps: Annotated[
        float | None,
        typer.Option(min=0.5, max=240, help="Frames per second; overrides the scenario's own."),
    ] = None,
    passes_per_object: Annotated[
        int, typer.Option(min=1, max=20, help="As view.passes_per_object in a profile.")
    ] = 3,
    object_mm: Annotated[
        float, typer.Option(min=10, max=5000, help="As view.object_mm in a profile.")
    ] = 200.0,
    max_wait_ms: Annotated[
        float, typer.Option(min=1, max=200, help="As view.max_wait_ms in a profile.")
    ] = 200.0,
    mm_per_px: Annotated[
        float, typer.Option(min=0.1, max=20, help="As view.mm_per_px in a profile.")
    ] = 1.5,
    watched_mm: Annotated[
        float, typer.Option(min=100, max=5000, help="Length of belt in view, mm.")
    ] = 1200.0,
    strips: Strips = None,
    model: ModelName = DEPLOYED_MODEL,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of the engine; 0: automatic.")
    ] = 1,
    as_json: ReportJson = False,
) -> None:
    """Compare inference on strips with inference on whole frames.

    Strips of new belt only, against whole frames, at several belt speeds.
    """
    from benchmarks.speed import strips as bench

    view = {
        "passes_per_object": passes_per_object,
        "object_mm": object_mm,
        "max_wait_ms": max_wait_ms,
        "mm_per_px": mm_per_px,
    }
    with one_line_for(ValueError, RuntimeError):
        bench.run(
            out,
            model_name=model,
            scenario=scenario,
            speeds_mm_s=[each * 1000 for each in speeds] if speeds else bench.SPEEDS_MM_S,
            metres=metres,
            hazards_per_m=hazards_per_m,
            fps=fps,
            view=view,
            traced=strips,
            watched_mm=watched_mm,
            threads=threads,
            as_json=as_json,
        )


def bench_cost(
    footage: Annotated[
        list[str],
        typer.Argument(
            metavar="FOOTAGE...", help="Rendered clips, or folders of one (`vigitri twin render`)."
        ),
    ],
    out: Out = None,
    *,
    beside: Annotated[
        Path | None,
        typer.Option(help="Another checkout with its own .venv, replayed in turn with this one."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Replays of each clip.")] = 3,
    watched_mm: Annotated[
        float, typer.Option(min=100, max=5000, help="Length of belt in view, mm.")
    ] = 1200.0,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of the engine; 0: automatic.")
    ] = 1,
    as_json: ReportJson = False,
) -> None:
    """Measure CPU time per metre of belt, and the events found for it.

    By stage, and beside another checkout of Vigitri.
    """
    from benchmarks.speed import cost

    with one_line_for(ValueError, RuntimeError, OSError):
        cost.run(
            footage,
            out,
            beside=beside,
            repeats=repeats,
            watched_mm=watched_mm,
            threads=threads,
            as_json=as_json,
        )


def bench_lines(
    out: Out = None,
    *,
    most: Annotated[
        int, typer.Option(min=1, max=64, help="Largest number of lines to try at once.")
    ] = 6,
    model: ModelName = DEPLOYED_MODEL,
    engine: EngineOption = "auto",
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of each line's engine; 0: automatic.")
    ] = 0,
    mm_per_px: Annotated[
        float, typer.Option(min=0.1, max=20, help="As view.mm_per_px in a profile.")
    ] = 1.5,
    compressed: Annotated[
        bool, typer.Option("--compressed", help="Cameras send H.264; default: uncompressed.")
    ] = False,
    as_json: ReportJson = False,
) -> None:
    """Find how many lines this machine runs in time.

    Each line has 1.2 m of belt at 0.5 m/s and three inference passes per object.
    """
    from benchmarks.speed import lines

    with one_line_for(ValueError, RuntimeError):
        lines.run(
            out,
            most=most,
            model_name=model,
            engine=engine,
            threads=threads,
            mm_per_px=mm_per_px,
            compressed=compressed,
            as_json=as_json,
        )


def bench_start(
    line: OptionalLineFile = None,
    out: Out = None,
    *,
    beside: Annotated[
        Path | None,
        typer.Option(help="Another checkout with its own .venv, started in turn with this one."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Starts of each.")] = 5,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds from the first look to the measure of memory.")
    ] = 15.0,
    as_json: ReportJson = False,
) -> None:
    """Measure the time from the start to the first look, and the memory of a line."""
    from benchmarks.speed import start

    with one_line_for(ValueError, RuntimeError, OSError):
        start.run(line, out, beside=beside, runs=runs, settle_s=settle, as_json=as_json)


def bench_belt(
    sources: Footage,
    duration: Annotated[
        float | None, typer.Option(min=2, help="Use the first seconds of each; default: all.")
    ] = None,
    out: Out = None,
) -> None:
    """Compare the belt's image motion with encoder and ground truth.

    Compares speed and position.
    """
    from benchmarks.accuracy import belt_position

    with one_line_for(ValueError):
        belt_position.run(sources, duration, out)


def bench_load(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO...",
            help="Scenarios of the twin (file or name); default: overload, jam, and five in which "
            "any alarm is a false alarm.",
        ),
    ] = None,
    *,
    runs: Annotated[
        int, typer.Option(min=1, max=10_000, help="Runs of each scenario, each with its own seed.")
    ] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the first run.")] = 1,
    fps: Annotated[float, typer.Option(min=2, max=240, help="Frames per second.")] = 5.0,
    duration: Annotated[
        float | None,
        typer.Option(min=5, help="Seconds of each scenario; overrides the scenarios' own."),
    ] = None,
    strips: Strips = None,
    marks: Annotated[bool, typer.Option(help="Whether the skirts carry marks.")] = True,
    out: Out = None,
    as_json: ReportJson = False,
) -> None:
    """Measure overload, jam and belt_stopped alarms.

    Runs scenarios with many seeds, without the model: alarms found, their time, and false alarms.
    """
    from benchmarks.accuracy import overload

    with one_line_for(ValueError, RuntimeError):
        overload.run(
            scenarios or overload.SCENARIOS,
            out,
            runs=runs,
            seed=seed,
            fps=fps,
            duration_s=duration,
            strips=strips,
            marks=marks,
            as_json=as_json,
        )


def bench_station(
    out: Out = None,
    *,
    alerts: Annotated[
        int, typer.Option(min=1000, max=10_000_000, help="Alerts in the store, over a week.")
    ] = 100_000,
    kills: Annotated[
        int, typer.Option(min=1, max=10_000, help="Times that the recorder is killed.")
    ] = 50,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 1,
    as_json: ReportJson = False,
) -> None:
    """Measure the operators' station: its store, and what it loses when it is killed.

    A week of one line: start, queries, size. Then a recorder killed (SIGKILL) under load, its
    store compared with the detector's journal.
    """
    from benchmarks.station import bench

    with one_line_for(ValueError, RuntimeError):
        if not bench.run(out, alerts=alerts, kills=kills, seed=seed, as_json=as_json):
            raise typer.Exit(INCOMPLETE)
