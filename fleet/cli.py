"""`vigitri fleet …`: the pipeline over an archive."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from detector.cli_support.options import INCOMPLETE, Json, OptionalLineFile, print_error, refuse
from fleet import questions


def add_to(commands: typer.Typer) -> None:
    """Add the commands to `vigitri fleet`."""
    commands.command("replay")(fleet_replay)
    questions.add_to(commands)


def fleet_replay(
    footage: Annotated[
        list[str],
        typer.Argument(
            help="Videos, folders, globs, or lists (.csv, .txt) of them; paths, or URIs such as "
            "s3://bucket/folder."
        ),
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Folder or URI of the results; is continued.")
    ],
    line: OptionalLineFile = None,
    model: Annotated[
        str, typer.Option(help="Model name or folder; overrides the profiles' models.")
    ] = "",
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SCORE",
            help="Threshold of a hazard (gas, battery), or of a class of a model without a "
            "verifier; overrides the profiles'.",
        ),
    ] = None,
    *,
    address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster, such as HOST:6379 or auto; default: this machine."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers; default: the CPUs by --threads.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of each worker.")] = 1,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1000, help="Frames per second; default: the videos' own times."
        ),
    ] = None,
    split_minutes: Annotated[
        float, typer.Option(min=0, help="Split clips that are longer than this; 0: never.")
    ] = 10.0,
    attempts: Annotated[int, typer.Option(min=1, help="Attempts of each clip.")] = 3,
    stalled_minutes: Annotated[
        float,
        typer.Option(min=0.1, help="A clip without progress for so long is ended: it has failed."),
    ] = 5.0,
    as_json: Json = False,
) -> None:
    """Replay an archive of clips, on this machine or a Ray cluster, into Parquet tables.

    The same pipeline and the same alerts as `vigitri replay`. Each clip has exactly one result, or
    a failure with its reason; the same command again continues what was interrupted. Exits with 1
    if a clip failed. Extra `fleet`.
    """
    from fleet.clips import find_clips
    from fleet.progress import fleet_progress
    from fleet.provenance import Settings, load_line, provenance_of
    from fleet.replay import FleetReplay
    from fleet.results import Results
    from fleet.session import session

    settings = Settings(
        model,
        tuple(_threshold(each) for each in threshold or ()),
        fps,
        threads,
        split_minutes * 60 or None,
    )
    found = find_clips(footage, None if line is None else str(line))
    profiles = {clip.profile for clip in found.clips}
    provenances = {
        path: provenance_of(path, load_line(path, settings), settings) for path in profiles
    }
    results = Results(output)
    results.refuse_others(provenances)
    results.write_provenance(provenances)
    with session(address, None if workers is None else workers * threads) as ray:
        if workers is None:
            workers = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        with fleet_progress() as show:
            replayed = FleetReplay(
                ray,
                results,
                settings,
                provenances,
                workers=workers,
                attempts=attempts,
                stalled_s=stalled_minutes * 60,
                on_progress=show,
                on_failure=lambda row: print_error(_failure(row)),
            )
            try:
                progress = replayed.run(found.clips)
            except OSError as error:
                refuse(
                    f"{output}: {error.strerror or error}; {replayed.progress.done} of "
                    f"{len(found.clips)} clips are done and kept: make room, then run the same "
                    "command again"
                )
    summary: dict[str, Any] = {
        "clips": progress.clips,
        "done": progress.done,
        "of_them_before": progress.resumed,
        "failed": progress.failed,
        "failed_attempts": progress.failures,
        "named_twice": found.repeated,
        "no_videos": found.passed_over,
        "belt_s": round(progress.belt_s, 3),
        "belt_hours_per_hour": round(progress.belt_hours_per_hour, 3),
        "workers": workers,
        "results": output,
    }
    print(json.dumps(summary) if as_json else _for_people(summary))
    if progress.failed:
        raise typer.Exit(INCOMPLETE)


def _threshold(text: str) -> tuple[str, float]:
    name, _, score = text.partition("=")
    try:
        value = float(score)
    except ValueError:
        value = -1.0
    if not name or not 0 < value < 1:
        refuse(f"--threshold {text}: write NAME=SCORE, such as battery=0.4, between 0 and 1")
    return name, value


def _failure(row: dict[str, Any]) -> str:
    part = "" if row["part"] is None else f", part {row['part'] + 1}"
    end = "no result" if row["final"] else "again"
    return f"{row['clip']}{part}: attempt {row['attempt']}: {row['reason']}; {end}"


def _for_people(summary: dict[str, Any]) -> str:
    before = f", {summary['of_them_before']} of them before" if summary["of_them_before"] else ""
    passed = [
        f"{summary[key]} {what}"
        for key, what in (("named_twice", "named twice"), ("no_videos", "other files passed over"))
        if summary[key]
    ]
    return (
        f"{summary['done']} of {summary['clips']} clips{before}; {summary['failed']} failed, "
        f"{summary['failed_attempts']} failed attempts{''.join(f'; {each}' for each in passed)}\n"
        f"{summary['belt_s'] / 3600:.3f} h of belt, {summary['belt_hours_per_hour']:.2f} h per "
        f"hour with {summary['workers']} workers; tables in {summary['results']}"
    )
