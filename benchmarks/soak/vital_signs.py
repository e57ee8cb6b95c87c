"""Memory, handles and threads of processes, and whether they grow."""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP_S, WARM_UP_SHARE = 2400.0, 0.4
"""Of each start of a process: what is kept fills, such as the 2,000 alert revisions that a detector
holds, or the 600 events of a bridge. In a short run this share of it, which is not enough."""
APART_S = 120.0
"""Two samples that give a slope are at least this far apart."""
MIB = 1024.0
"""KiB."""


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """One process at one time."""

    t_s: float
    """CLOCK_MONOTONIC."""
    name: str
    pid: int
    rss_mib: float
    anon_mib: float
    """Of `rss_mib`, what is neither a file nor shared."""
    handles: int
    threads: int
    cpu_s: float

    @staticmethod
    def of(name: str, pid: int) -> VitalSigns | None:
        """None: the process has ended."""
        with contextlib.suppress(OSError, IndexError, KeyError):
            folder = Path(f"/proc/{pid}")
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines()
            )
            spent = (folder / "stat").read_text().rpartition(")")[2].split()
            return VitalSigns(
                round(time.monotonic(), 2),
                name,
                pid,
                round(int(status["VmRSS"].split()[0]) / MIB, 2),
                round(int(status["RssAnon"].split()[0]) / MIB, 2),
                sum(1 for _ in (folder / "fd").iterdir()),
                int(status["Threads"]),
                (int(spent[11]) + int(spent[12])) / 100,
            )
        return None

    def line(self) -> str:
        return json.dumps(asdict(self))


def read_signs(path: Path) -> list[VitalSigns]:
    """All complete lines of a file."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(VitalSigns(**json.loads(line)))
    return found


def growth(samples: Iterable[VitalSigns], run_s: float) -> dict[str, dict[str, Any]]:
    """By name of the process: its slopes per hour, and what it had at most.

    A slope is the median of the slopes of all pairs of samples of one start of the process, after
    its warm-up (Theil and Sen, with one intercept for each start); None: no start lasted long
    enough. A step that stays moves it little, a leak moves it fully.
    """
    starts: defaultdict[str, defaultdict[int, list[VitalSigns]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in samples:
        starts[each.name][each.pid].append(each)
    warm_up_s = min(WARM_UP_S, WARM_UP_SHARE * run_s)
    return {name: _growth_of(list(by_pid.values()), warm_up_s) for name, by_pid in starts.items()}


def _growth_of(starts: list[list[VitalSigns]], warm_up_s: float) -> dict[str, Any]:
    everything = [each for start in starts for each in start]
    figures: dict[str, Any] = {
        "starts": len(starts),
        "longest_h": round(max(start[-1].t_s - start[0].t_s for start in starts) / 3600, 3),
        "rss_mib_most": max(each.rss_mib for each in everything),
        "handles_most": max(each.handles for each in everything),
        "threads_most": max(each.threads for each in everything),
        "cpu_share": _cpu_share(starts),
    }
    for key, value in (
        ("rss_mib", "rss_mib_per_h"),
        ("anon_mib", "anon_mib_per_h"),
        ("handles", "handles_per_h"),
        ("threads", "threads_per_h"),
    ):
        figures[value] = slope_per_h(
            [
                [(each.t_s, getattr(each, key)) for each in _warm(start, warm_up_s)]
                for start in starts
            ]
        )
    return figures


def _warm(start: list[VitalSigns], warm_up_s: float) -> list[VitalSigns]:
    return [each for each in start if each.t_s - start[0].t_s >= warm_up_s]


def _cpu_share(starts: list[list[VitalSigns]]) -> float | None:
    """Of one core."""
    spent_s = sum(start[-1].cpu_s - start[0].cpu_s for start in starts)
    lived_s = sum(start[-1].t_s - start[0].t_s for start in starts)
    return round(spent_s / lived_s, 3) if lived_s else None


def slope_per_h(starts: list[list[tuple[float, float]]]) -> float | None:
    """The median slope of all pairs of points `(seconds, value)` within each start, per hour."""
    slopes = []
    for points in starts:
        if len(points) < 2:
            continue
        times_s, values = np.array(points, np.float64).T
        apart_s = times_s[None] - times_s[:, None]
        far = apart_s >= APART_S
        slopes.append(((values[None] - values[:, None])[far]) / apart_s[far])
    every = np.concatenate(slopes) if slopes else np.empty(0)
    return round(float(np.median(every)) * 3600, 3) if len(every) else None
