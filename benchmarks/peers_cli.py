"""`vigitri bench peers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli_options import Out, ReportJson
from detector.cli_support.options import OptionalLineFile, one_line_for
from detector.vocabulary import EngineName


def bench_peers(
    line: OptionalLineFile = None,
    out: Out = None,
    *,
    venv: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the peers' own environments; what is missing is installed there. "
            "Without it only the bare networks are compared.",
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames from the start of the clip.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Times that each runs, in turn.")] = 3,
    threads: Annotated[
        int, typer.Option(min=0, max=64, help="Threads of each network; 0: one per core, up to 4.")
    ] = 0,
    engine: Annotated[
        EngineName | None, typer.Option(help="Only this engine; default: onnxruntime, OpenVINO.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only contenders whose name contains this.")
    ] = None,
    as_json: ReportJson = False,
) -> None:
    """Compare Vigitri with other detectors on the same belt with the same network.

    Latency of a frame, CPU time per metre of belt, memory, start, and the hazards found.
    """
    from benchmarks.peers import bench
    from benchmarks.peers.contenders import ENGINES

    chosen = [each for each in ENGINES if engine in {None, "auto", each}]
    with one_line_for(ValueError, RuntimeError):
        bench.run(
            line or bench.LINE,
            out,
            venv=venv,
            frames=frames,
            rounds=rounds,
            threads=threads,
            engines=chosen,
            only=only or (),
            as_json=as_json,
        )
