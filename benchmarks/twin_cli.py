"""`vigitri twin …`: the simulated line; checkout only."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli_support.options import from_checkout, one_line_for


def add_to(app: typer.Typer) -> None:
    """Give `vigitri twin` these commands."""
    app.command("render")(twin_render)
    app.command("list")(twin_list)
    app.command("cutouts")(twin_cutouts)
    app.command("trace")(twin_trace)
    app.command("composite")(twin_composite)


def twin_render(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario file, or a name of `twin list`.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make, one per clip.")],
    *,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the scenario's.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, likewise.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second, likewise.")] = None,
    strips: Annotated[
        Path | None, typer.Option(help="A folder of path-traced strips, to render from these.")
    ] = None,
) -> None:
    """Render a scenario: video, truth, encoder, empty belt, line profile (extra `twin`)."""
    from detector.cli_support.progress import progress_bar

    render, scenarios = from_checkout("twin.line.render"), from_checkout("twin.line.scenario")
    # As an exception, so that what is half made is taken away again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with one_line_for(ValueError, RuntimeError), progress_bar("rendering") as advance:
        render.render(
            scenarios.find(scenario),
            out,
            seed=seed,
            duration_s=duration,
            fps=fps,
            strips=strips,
            progress=advance,
        )


def twin_list() -> None:
    """The scenarios that come with this repository."""
    for name, about in from_checkout("twin.line.scenario").descriptions().items():
        print(f"{name:14} {about}")


def twin_cutouts(  # noqa: PLR0917 - the options of a command
    out: Annotated[Path, typer.Option("-o", "--out", help="The bank's folder.")],
    per_kind: Annotated[int, typer.Option(min=1, help="Pictures of each kind.")] = 40,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only these kinds.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    samples: Annotated[int, typer.Option(min=1, max=4096, help="Light paths per pixel.")] = 8,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Path-trace a bank of single things with alpha; run again, it goes on (extra `twin`)."""
    from detector.cli_support.progress import progress_bar

    bank, things = from_checkout("twin.traced.cutouts"), from_checkout("twin.traced.things")
    plan = dict.fromkeys(kinds or things.MAKERS, per_kind)
    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        made = bank.make(out, plan, seed=seed, samples=samples, threads=threads, progress=advance)
    typer.echo(f"{out}: {made} new, {sum(plan.values())} in all")


def twin_trace(  # noqa: PLR0917
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The bundle to make.")],
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the plan's.")] = None,
    belt: Annotated[str | None, typer.Option(help="Make of belt, in place of the plan's.")] = None,
    lookalikes: Annotated[
        float | None, typer.Option(min=0, max=1, help="Their share, in place of the plan's.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Path-trace a strip of belt with its truth; run again, it goes on (extra `twin`)."""
    from detector.cli_support.progress import progress_bar

    plans, strips = from_checkout("twin.traced.plan"), from_checkout("twin.traced.strips")
    with one_line_for(ValueError, RuntimeError), progress_bar("tracing") as advance:
        chosen = plans.load_plan(plan, seed=seed, belt=belt, lookalikes=lookalikes)
        strips.trace_strip(chosen, out, threads=threads, progress=advance)


def twin_composite(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml")],
    data: Annotated[Path, typer.Option(help="The folder of photographs, cut-outs, belt frames.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The bundle to make.")],
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the plan's.")] = None,
    plates: Annotated[
        bool, typer.Option(help="Belt without waste of its own, so that coverage is known.")
    ] = False,
) -> None:
    """Lay held-back cut-outs on frames of a real belt, as a plan of `twin trace` says."""
    plans, strips = from_checkout("twin.traced.plan"), from_checkout("models.data.real_strip")
    with one_line_for(ValueError):
        chosen = plans.load_plan(plan, seed=seed)
        facts = strips.make_strip(chosen, data, out, plates=plates)
    hazards = sum(each.hazard is not None for each in facts.things)
    typer.echo(f"{out}: {facts.end_mm / 1000:g} m, {len(facts.things)} things, {hazards} hazards")
