"""`vigitri fleet report`, `compare` and `mine`: questions to the results of an archive."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli_support.options import INCOMPLETE, Json, one_line_for, print_error

if TYPE_CHECKING:
    from fleet.compare import Comparison, Pair

Place = Annotated[str, typer.Argument(metavar="RESULTS", help="Folder or URI of the results.")]
AnswersFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Operators' answers: clip, line, event_id, answer; or `vigitri station export csv`.",
    ),
]


def add_to(commands: typer.Typer) -> None:
    """Add the commands to `vigitri fleet`."""
    commands.command("report")(fleet_report)
    commands.command("compare")(fleet_compare)
    commands.command("mine")(fleet_mine)


def fleet_report(
    results: Place,
    answers: AnswersFile = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.html", help="Also write it as a page."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report lines, days, hazards, time without sight, and false alarms an hour.

    False alarms are known from answers only. Extra `fleet`; the page's plots: extra `bench`.
    """
    from rich.console import Console

    from fleet.answers import read_answers
    from fleet.archive import Archive
    from fleet.report import report
    from fleet.report_page import report_page
    from fleet.report_text import print_report

    archive = Archive(results)
    alerts = archive.table("alerts").to_pylist() if answers is not None else []
    given = None if answers is None else read_answers(answers, archive, alerts)
    figures = report(archive, given)
    if output is not None:
        with one_line_for(OSError):
            output.write_text(report_page(figures), encoding="utf-8")
    if as_json:
        print(json.dumps(figures))
    else:
        print_report(figures, Console(highlight=False))


def fleet_compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Results, as by `vigitri fleet replay`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Results of the same archive, otherwise.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Contact sheets, and all pairs as Parquet."
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=400, help="Crops of each sheet at most.")] = 40,
    as_json: Json = False,
) -> None:
    """Compare two results of one archive: what B gained, lost and changed.

    Two models, two thresholds, two versions. Exits with 1 if clips are in one of the two only.
    Extra `fleet`.
    """
    from fleet.archive import Archive
    from fleet.compare import compare

    one, other = Archive(a), Archive(b)
    compared = compare(one, other)
    lines = sorted({row["line"] for row in one.totals} & {row["line"] for row in other.totals})
    figures: dict[str, Any] = {
        "a": {"results": a, "of": {line: one.model_of(line) for line in lines}},
        "b": {"results": b, "of": {line: other.model_of(line) for line in lines}},
        "clips": compared.clips,
        "hours": round(compared.hours, 4),
        "only_a": compared.only_a,
        "only_b": compared.only_b,
        "other_length": compared.other_length,
        "hazards": compared.figures(),
    }
    sheets: dict[str, Any] = {}
    if output is not None:
        with one_line_for(OSError):
            sheets = _write_changes(compared, [one, other], output, most)
        figures["sheets"] = sheets
    if as_json:
        print(json.dumps(figures))
    else:
        _print_comparison(figures)
    for key, place in (("only_a", a), ("only_b", b)):
        for clip in figures[key][:10]:
            print_error(f"{clip}: only {place} has a result of it: not compared")
        if len(figures[key]) > 10:
            print_error(f"and {len(figures[key]) - 10} more clips that only {place} has")
    if compared.only_a or compared.only_b:
        raise typer.Exit(INCOMPLETE)


def _write_changes(
    compared: Comparison, archives: list[Any], folder: Path, most: int
) -> dict[str, Any]:
    """`changes.parquet`, and a sheet of each kind of change, the surest first."""
    from fleet.compare import changes_table
    from fleet.contact_sheet import COLOUR, WHITE, tile, write_sheet
    from fleet.footage_crops import cut_crops
    from fleet.store import parquet_bytes

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "changes.parquet").write_bytes(parquet_bytes(changes_table(compared.pairs)))
    settings = {
        (row["clip"], row["line"]): archive.settings_of(row)
        for archive in archives
        for row in archive.totals
    }
    written: dict[str, Any] = {}
    for change in ("gained", "lost", "changed"):
        pairs = [pair for pair in compared.pairs if pair.change == change]
        pairs.sort(key=lambda pair: -(pair.shown["probability"] or 0.0))
        of_object = [pair for pair in pairs if pair.shown["x0_px"] is not None]
        captions = {id(pair.shown): _captions(pair) for pair in of_object}
        crops = cut_crops([pair.shown for pair in of_object[:most]], settings)
        target = folder / f"{change}.png"
        target.unlink(missing_ok=True)
        write_sheet(
            [
                tile(
                    crop.image,
                    crop.box_px,
                    captions[id(crop.alert)],
                    COLOUR.get(crop.alert["hazard"], WHITE),
                )
                for crop in crops.found
            ],
            target,
        )
        written[change] = {
            "shown": len(crops.found),
            "left_out": max(0, len(of_object) - most),
            "states": len(pairs) - len(of_object),
            "unreadable": crops.missing,
        }
    return written


def _captions(pair: Pair) -> list[str]:
    """What a tile says: what it is by both results, and where."""

    def of(end: str, alert: dict[str, Any] | None) -> str:
        if alert is None:
            return f"{end}: -"
        kind = alert["class_name"] or alert["hazard"]
        return f"{end}: {kind} {alert['probability'] or 0.0:.2f} {alert['priority']}"

    shown = pair.shown
    return [
        of("A", pair.a),
        of("B", pair.b),
        f"{Path(shown['clip']).name[:26]} {shown['t_raised_s']:.1f} s",
    ]


def _print_comparison(figures: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for end in ("a", "b"):
        for line, model in figures[end]["of"].items():
            console.print(
                f"{end.upper()} {figures[end]['results']}: {line}: {model}", soft_wrap=True
            )
    title = f"{figures['clips']} clips, {figures['hours']:.3f} h"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("hazard", no_wrap=True)
    for column in ("A", "B", "same", "changed", "gained", "lost", "share lost (95 %)", "later, s"):
        table.add_column(column, justify="right")
    for hazard, row in figures["hazards"].items():
        if not row["a"] and not row["b"]:
            continue
        share = "" if row["lost_share"] is None else _share(row["lost_share"], row["lost_share_95"])
        later = "" if row["raised_later_s"] is None else f"{row['raised_later_s']:+.2f}"
        counts = [str(row[key]) for key in ("a", "b", "same", "changed", "gained", "lost")]
        table.add_row(hazard, *counts, share, later)
    console.print(table)
    for clip in figures["other_length"]:
        console.print(f"{clip}: the two processed different numbers of frames", soft_wrap=True)
    for change, sheet in figures.get("sheets", {}).items():
        left = f", {sheet['left_out']} left out (--most)" if sheet["left_out"] else ""
        states = f", {sheet['states']} states of the line have no image" if sheet["states"] else ""
        console.print(f"{change}: {sheet['shown']} on the sheet{left}{states}", soft_wrap=True)
        for clip, why in sheet["unreadable"].items():
            console.print(f"  {clip}: no crops: {why}", soft_wrap=True)


def _share(share: float, bounds: list[float]) -> str:
    return f"{share:.2f} ({bounds[0]:.2f} to {bounds[1]:.2f})"


def fleet_mine(
    results: Place,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="A new folder for the crops.")
    ],
    answers: AnswersFile = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Crops of each kind at most.")] = 200,
    as_json: Json = False,
) -> None:
    """Collect what is worth teaching: the surest false alarms, and the doubtful objects.

    Written as YOLO exports: `false_alarms`, by the answers, is ready for `vigitri model adapt
    --head-only`; `to_check` names what the model takes each object for: check that first.
    Exits with 1 if a clip can't be read any more. Extra `fleet`.
    """
    from fleet.answers import read_answers
    from fleet.archive import Archive
    from fleet.mine import mine

    with one_line_for(OSError):
        if output.exists() and any(output.iterdir()):
            raise OSError(f"{output}: is not empty; name a new folder")
        archive = Archive(results)
        alerts = archive.table("alerts").to_pylist()
        given = None if answers is None else read_answers(answers, archive, alerts)
        mined = mine(archive, given, output, most)
    if as_json:
        print(json.dumps(asdict(mined) | {"unmatched": given.unmatched if given else None}))
    else:
        _print_mined(asdict(mined), output, None if given is None else given.unmatched)
    for clip, why in mined.clips_missing.items():
        print_error(f"{clip}: no crops: {why}")
    if mined.clips_missing:
        raise typer.Exit(INCOMPLETE)


def _print_mined(mined: dict[str, Any], output: Path, unmatched: int | None) -> None:
    from fleet.mine import CHECK_FOLDER, FALSE_FOLDER

    names = ", ".join(f"{count} {name}" for name, count in mined["names"].items())
    print(
        f"{output / FALSE_FOLDER}: {mined['false']} false alarms by answers, the surest first; "
        f"{mined['false_left_out']} left out (--most)"
    )
    print(
        f"{output / CHECK_FOLDER}: {mined['to_check']} objects to check ({names or 'none'}), the "
        f"most doubtful first; {mined['to_check_left_out']} left out (--most), "
        f"{mined['answered']} answered already"
    )
    if unmatched is None:
        print("no answers were given (--answers): no false alarms are known")
    elif unmatched:
        print(f"{unmatched} answers belong to no alarm of these results")
