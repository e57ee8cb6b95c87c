"""`vigitri bench cameras`: a network camera fails in five ways, and what a PLC read meanwhile.

A live RTSP camera, the real detector and bridge, and a PLC that polls every 10 ms. The fault's
moment is the camera server's, on the same clock as the PLC's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.report_out import write_report
from benchmarks.soak.blindness import Blindness, blindness, by_kind
from benchmarks.soak.faults import CAMERA, Injected, Injector
from benchmarks.soak.footage import FPS
from benchmarks.soak.old_images import Claims, old_images
from benchmarks.soak.plant import Plant
from benchmarks.soak.readings import read_readings, says_seen
from benchmarks.speed.latency import machine
from detector.cli_support.progress import progress_bar

SCAN_MS = 10.0
LASTS_S = (1.5, 8.0)
"""From shorter than a read's timeout of 2 s to longer than an opening's of 5 s."""
SIGHT_S = 20.0
"""Longest wait for the sight to return, before the next fault."""
STEADY_S = (11.0, 13.0)
"""Sight before a fault: longer than the time within which a further loss is held longer, and of any
length, so that faults fall anywhere between two key frames."""
TO_SIGHT_MAX_S = 2.0


def run(out: Path | None, *, times: int, seed: int, as_json: bool) -> bool:
    """Measure, print and write; returns whether every target was met."""
    with TemporaryDirectory() as folder, progress_bar("camera faults") as advance:
        report = measure(Path(folder), times=times, seed=seed, advance=advance)
    write_report(report, out, _print, as_json=as_json)
    return bool(report["met"])


def measure(
    folder: Path,
    *,
    times: int,
    seed: int,
    advance: Callable[[int, int], object] = lambda *_: None,
) -> dict[str, Any]:
    """Inject each kind of fault `times` times, in random order."""
    rng = random.Random(seed)
    kinds = [kind for kind in CAMERA for _ in range(times)]
    rng.shuffle(kinds)
    faults: list[Injected] = []
    with (
        Plant(folder, scan_ms=SCAN_MS, station=False, journal=None) as plant,
        Claims(plant.ends) as claims,
    ):
        injector = Injector(plant, None, rng)
        for number, kind in enumerate(kinds):
            _wait_for_sight(plant.readings, time.monotonic_ns())
            time.sleep(rng.uniform(*STEADY_S))
            faults.append(injector.camera(kind, rng.uniform(*LASTS_S)))
            advance(number + 1, len(kinds))
        _wait_for_sight(plant.readings, faults[-1].until_ns)
        time.sleep(1.0)
        end_ns = time.monotonic_ns()
    readings = read_readings(plant.readings)
    begins = [*(each.from_ns for each in faults[1:]), end_ns]
    found = [
        blindness(readings, fault, fps=FPS, until_ns=next_ns)
        for fault, next_ns in zip(faults, begins, strict=True)
    ]
    old = old_images(claims.frames, faults)
    return {
        "machine": machine(),
        "seed": seed,
        "fps": FPS,
        "scan_ms": SCAN_MS,
        "kinds": by_kind(found),
        "old_images": old,
        "faults": [asdict(each) for each in found],
        "targets": {"seen": 0, "to_sight_s": TO_SIGHT_MAX_S, "old_images": 0},
        "met": all(map(_is_met, found)) and not old["old"],
    }


def _is_met(each: Blindness) -> bool:
    back = each.to_blind_ms is None or (
        each.to_sight_s is not None and each.to_sight_s <= TO_SIGHT_MAX_S
    )
    return not each.seen and back


def _wait_for_sight(path: Path, since_ns: int) -> None:
    """Until the PLC's last reading says seen, or SIGHT_S has passed."""
    ends_s = time.monotonic() + SIGHT_S
    while time.monotonic() < ends_s:
        last = read_readings(path)[-1:]
        if len(last) and last["asked_ns"][0] > since_ns and np.all(says_seen(last)):
            return
        time.sleep(0.1)


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    here = report["machine"]
    console.print(
        f"{here['processor']}, {here['cores']} cores, load {here['load_1min']}; camera "
        f"{report['fps']:g}/s, PLC every {report['scan_ms']:g} ms, seed {report['seed']}"
    )
    console.print(table(report["kinds"]))
    old = report["old_images"]
    console.print(
        f"images looked at in the 10 s after a return: {old['fresh']} fresh, {old['old']} old, "
        f"{old['unknown']} without enough objects to tell; of the fresh ones "
        f"{old['noticed_if_old']} would be found old if they were 3 s older"
    )


def table(kinds: dict[str, dict[str, Any]]) -> Table:
    """One row for each kind of fault.

    Readings beyond three frame periods after it, until it ended; those of them that say seen, that
    say so 50 ms later still, and that read clear; time until unseen, and from its end to sight, p50
    and longest; time that the belt was not watched.
    """
    shown = Table("", title_justify="left")
    shown.add_column("times", justify="right")
    for column in ("readings", "seen", "+50 ms", "clear", "blind, ms", "sight, s", "unseen"):
        shown.add_column(column, justify="right")
    for kind, each in kinds.items():
        shown.add_row(
            kind,
            str(each["times"]),
            *(f"{each[name]:,}" for name in ("readings", "seen", "seen_beyond_budget", "clear")),
            _both(each["to_blind_ms"]),
            _both(each["to_sight_s"]),
            f"{each['unseen_s']:.0f} s",
        )
    return shown


def _both(values: dict[str, float] | None) -> str:
    return "-" if values is None else f"{values['p50']:g}, {values['max']:g}"
