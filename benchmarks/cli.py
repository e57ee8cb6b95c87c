"""`vigitri bench …`: checkout only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detector.cli_support.options import (
    INCOMPLETE,
    EngineOption,
    OptionalLineFile,
    from_checkout,
    one_line_for,
)
from detector.profile.line import DEPLOYED_MODEL


def add_to(app: typer.Typer) -> None:
    """Give `vigitri bench` these commands."""
    app.command("latency")(bench_latency)
    app.command("twin")(bench_twin)
    app.command("accuracy")(bench_accuracy)
    app.command("faults")(bench_faults)
    app.command("strips")(bench_strips)
    app.command("lines")(bench_lines)
    app.command("belt")(bench_belt)
    app.command("load")(bench_load)


def bench_latency(
    line: OptionalLineFile = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    alerts: Annotated[int, typer.Option(min=10, help="Alerts timed to the PLC.")] = 500,
    blind_runs: Annotated[int, typer.Option(min=1, help="Runs of each way to be blind.")] = 3,
) -> None:
    """Capture to subscriber and to the PLC, and the cost of each stage."""
    from_checkout("benchmarks.speed.latency").run(line, out, alerts=alerts, blind_runs=blind_runs)


def bench_twin(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios of the twin; without: calm and jam.")
    ] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to draw from these.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
) -> None:
    """What a frame of the simulated line costs."""
    with one_line_for(ValueError):
        from_checkout("benchmarks.speed.twin_cost").run(scenarios or ["calm", "jam"], strips, out)


def bench_accuracy(  # noqa: PLR0917 (typer calls it)
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO|FOOTAGE...",
            help="Scenarios of the twin (file or name), clips or folders with a .truth.jsonl.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Report, plots, kept detections.")],
    line: OptionalLineFile = None,
    model: Annotated[
        str | None, typer.Option(help="In place of the profile's; a name or a folder.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.5, max=240, help="Looks a second; without: every frame."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the scenarios' own.")] = None,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds of belt, in place of the scenarios' own.")
    ] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to draw scenarios from.")
    ] = None,
    engine: EngineOption | None = None,
    threads: Annotated[int, typer.Option(min=0, max=64, help="Of the engine; 0: it chooses.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="The workshop's data folder: single pictures too.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="report.json", help="Print what changed since then.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Look again, whatever was kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the report.json.")] = False,
) -> None:
    """Recall, false alarms an hour, times, places: event by event (extra `bench`)."""
    accuracy = from_checkout("benchmarks.accuracy.bench")
    with one_line_for(ValueError, RuntimeError):
        accuracy.run(
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
        )


def bench_faults(
    runs: Annotated[int, typer.Option(min=4, max=2000, help="How many faults.")] = 200,
    seed: Annotated[int, typer.Option(help="Which faults, in which order.")] = 1,
    malformed: Annotated[
        int, typer.Option(min=200, max=10_000_000, help="Malformed messages, and Modbus frames.")
    ] = 100_000,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    plc_runs: Annotated[
        int, typer.Option(min=7, max=2000, help="How many faults on the way to the PLC.")
    ] = 70,
) -> None:
    """Kill, cut off and delay a line, its consumer, its bridge: what is lost, doubled, wrong."""
    if not from_checkout("benchmarks.faults.table").run(
        runs, seed, malformed, out, plc_runs=plc_runs
    ):
        raise typer.Exit(INCOMPLETE)


def bench_strips(
    speeds: Annotated[
        list[float] | None,
        typer.Argument(
            metavar="M/S...", help="Speeds of the belt; without: 0.3, 0.5, 1 and 2.5.", min=0.01
        ),
    ] = None,
    *,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    scenario: Annotated[str, typer.Option(help="A scenario of the twin.")] = "mixed",
    metres: Annotated[float, typer.Option(min=1, help="Belt at each speed.")] = 20.0,
    hazards_per_m: Annotated[float, typer.Option(min=0.1, max=20)] = 2.0,
    fps: Annotated[
        float | None, typer.Option(min=0.5, max=240, help="In place of the scenario's.")
    ] = None,
    looks_per_object: Annotated[int, typer.Option(min=1, max=20)] = 3,
    object_mm: Annotated[float, typer.Option(min=10, max=5000)] = 200.0,
    max_wait_ms: Annotated[float, typer.Option(min=1, max=200)] = 200.0,
    mm_per_px: Annotated[float, typer.Option(min=0.1, max=20)] = 1.0,
    watched_mm: Annotated[
        float, typer.Option(min=100, max=5000, help="Of the belt's length, as far as it is seen.")
    ] = 1200.0,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to draw from these.")
    ] = None,
    model: str = DEPLOYED_MODEL,
    threads: Annotated[int, typer.Option(min=0, max=64, help="Of the engine; 0: it chooses.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the report.")] = False,
) -> None:
    """What looking at new belt alone saves and costs: strips against whole frames, by speed."""
    bench = from_checkout("benchmarks.speed.strips")
    view = {
        "looks_per_object": looks_per_object,
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


def bench_lines(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    *,
    most: Annotated[int, typer.Option(min=1, max=64, help="Try no more lines at once.")] = 6,
    model: str = DEPLOYED_MODEL,
    engine: EngineOption = "auto",
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Of each line's engine; 0: it chooses.")
    ] = 0,
    mm_per_px: Annotated[float, typer.Option(min=0.1, max=20)] = 1.0,
    compressed: Annotated[
        bool, typer.Option("--compressed", help="Cameras that send H.264; else uncompressed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the report.")] = False,
) -> None:
    """How many lines (1.2 m at 0.5 m/s, 1 mm/px, three looks) fit this machine in time."""
    with one_line_for(ValueError, RuntimeError):
        from_checkout("benchmarks.speed.lines").run(
            out,
            most=most,
            model_name=model,
            engine=engine,
            threads=threads,
            mm_per_px=mm_per_px,
            compressed=compressed,
            as_json=as_json,
        )


def bench_belt(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO|FOOTAGE...",
            help="Scenarios of the twin (file or name), clips or folders with a .truth.jsonl.",
        ),
    ],
    duration: Annotated[
        float | None, typer.Option(min=2, help="Seconds of each, from its start.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
) -> None:
    """Speed and position of the belt by its picture, against its encoder and the truth."""
    with one_line_for(ValueError):
        from_checkout("benchmarks.accuracy.belt_position").run(sources, duration, out)


def bench_load(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO...",
            help="Scenarios of the twin (file or name); without: overload, jam, and five on which "
            "nothing is to be told.",
        ),
    ] = None,
    *,
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="Of each, each its own seed.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of the first run.")] = 1,
    fps: Annotated[float, typer.Option(min=2, max=240, help="Frames a second.")] = 5.0,
    duration: Annotated[
        float | None, typer.Option(min=5, help="Seconds of belt, in place of the scenarios' own.")
    ] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to draw from these.")
    ] = None,
    marks: Annotated[bool, typer.Option(help="The line's skirts carry marks.")] = True,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the JSON there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the report.")] = False,
) -> None:
    """Overload, jam and a standing belt over many seeds, without the model: found, when, false."""
    bench = from_checkout("benchmarks.accuracy.overload")
    with one_line_for(ValueError, RuntimeError):
        bench.run(
            scenarios or bench.SCENARIOS,
            out,
            runs=runs,
            seed=seed,
            fps=fps,
            duration_s=duration,
            strips=strips,
            marks=marks,
            as_json=as_json,
        )
