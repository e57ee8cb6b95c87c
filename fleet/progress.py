"""The progress bar of a fleet run, on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from fleet.replay import Progress as FleetProgress


@contextmanager
def fleet_progress() -> Iterator[Callable[[FleetProgress], None]]:
    """Yields what shows clips, hours of belt per hour, failures and the time left."""
    with Progress(
        TextColumn("clips"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("", total=None, text="starting workers")

        def show(progress: FleetProgress) -> None:
            bar.update(
                task,
                completed=progress.done + progress.failed,
                total=progress.clips,
                text=text_of(progress),
            )

        yield show


def text_of(progress: FleetProgress) -> str:
    """Such as `18.2 h/h · 2 workers · 1 failed attempt · 3 min left`."""
    failures = progress.failures
    parts = [
        f"{progress.belt_hours_per_hour:.1f} h/h",
        f"{progress.workers} worker{'s' * (progress.workers != 1)}",
        f"{failures} failed attempt{'s' * (failures != 1)}",
    ]
    if progress.left_s is not None:
        parts.append(_left(progress.left_s))
    return " · ".join(parts)


def _left(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 90 else f"{minutes / 60:.1f} h left"
