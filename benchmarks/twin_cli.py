"""`vigitri twin …`: the simulated line; needs a checkout."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli_support.options import one_line_for

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN.toml", help="Plan of the strip.")]
BundleOut = Annotated[Path, typer.Option("-o", "--out", help="Folder to create for the strip.")]
PlanSeed = Annotated[int | None, typer.Option(min=0, help="Random seed; overrides the plan's own.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to `vigitri twin`."""
    app.command("render")(twin_render)
    app.command("list")(twin_list)
    app.command("cutouts")(twin_cutouts)
    app.command("trace")(twin_trace)
    app.command("composite")(twin_composite)


def twin_render(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="Scenario file, or a name from `vigitri twin list`."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to create for this clip.")],
    *,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed; overrides the scenario's own.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Duration in seconds; overrides the scenario's own.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second; overrides the scenario's own.")
    ] = None,
    strips: Annotated[
        Path | None, typer.Option(help="Folder of path-traced strips from which to render.")
    ] = None,
) -> None:
    """Render a scenario (extra `twin`).

    Writes video, ground truth, encoder counts, empty belt and line profile.
    """
    from detector.cli_support.progress import progress_bar
    from twin.line.render import render
    from twin.line.scenario import find

    # As an exception, so that a partly rendered clip is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with one_line_for(ValueError, RuntimeError), progress_bar("rendering") as advance:
        render(
            find(scenario),
            out,
            seed=seed,
            duration_s=duration,
            fps=fps,
            strips=strips,
            progress=advance,
        )


def twin_list() -> None:
    """List the scenarios of this repository."""
    from twin.line.scenario import descriptions

    for name, about in descriptions().items():
        print(f"{name:14} {about}")


def twin_cutouts(  # noqa: PLR0917 - the options of a command
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the cut-outs.")],
    per_kind: Annotated[int, typer.Option(min=1, help="Images of each kind of object.")] = 40,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only this kind; repeatable. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    samples: Annotated[int, typer.Option(min=1, max=4096, help="Light paths per pixel.")] = 8,
    threads: Annotated[int, typer.Option(min=1, help="Render threads.")] = 1,
) -> None:
    """Path-trace cut-outs of single objects (extra `twin`).

    Images with alpha. An interrupted run is resumed.
    """
    from detector.cli_support.progress import progress_bar
    from twin.traced.cutouts import make
    from twin.traced.objects import MAKERS

    plan = dict.fromkeys(kinds or MAKERS, per_kind)
    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        made = make(out, plan, seed=seed, samples=samples, threads=threads, progress=advance)
    typer.echo(f"{out}: {made} new, {sum(plan.values())} in all")


def twin_trace(  # noqa: PLR0917
    plan: PlanFile,
    out: BundleOut,
    seed: PlanSeed = None,
    belt: Annotated[
        str | None, typer.Option(help="Belt material; overrides the plan's own.")
    ] = None,
    lookalikes: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of look-alikes; overrides the plan's own."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Render threads.")] = 1,
) -> None:
    """Path-trace a strip of belt with ground truth (extra `twin`).

    An interrupted run is resumed.
    """
    from detector.cli_support.progress import progress_bar
    from twin.traced.plan import load_plan
    from twin.traced.strips import trace_strip

    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        chosen = load_plan(plan, seed=seed, belt=belt, lookalikes=lookalikes)
        trace_strip(chosen, out, threads=threads, progress=advance)


def twin_composite(  # noqa: PLR0917
    plan: PlanFile,
    data: Annotated[
        Path, typer.Option(help="Data folder of photographs, cut-outs and belt frames.")
    ],
    out: BundleOut,
    seed: PlanSeed = None,
    plates: Annotated[
        bool,
        typer.Option(
            help="Use belt frames with their own waste removed, so that coverage is known."
        ),
    ] = False,
    by_source: Annotated[
        bool,
        typer.Option(help="Use cut-outs of the sources that no training may see, sized by kind."),
    ] = False,
) -> None:
    """Composite cut-outs onto frames of a real belt.

    Uses held-back cut-outs, and a plan as for `vigitri twin trace`.
    """
    from models.data.real_strip import make_strip
    from twin.traced.plan import load_plan

    with one_line_for(ValueError):
        chosen = load_plan(plan, seed=seed)
        facts = make_strip(chosen, data, out, plates=plates, by_source=by_source)
    hazards = sum(each.hazard is not None for each in facts.objects)
    typer.echo(f"{out}: {facts.end_mm / 1000:g} m, {len(facts.objects)} objects, {hazards} hazards")
