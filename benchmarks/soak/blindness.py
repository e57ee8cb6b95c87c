"""What a PLC read while its line could not see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.soak.faults import Injected
from benchmarks.soak.readings import Readings, says_clear, says_seen

PERIODS = 3
BUDGET_MS = 50.0
"""At the PLC, beyond three frame periods."""


@dataclass(frozen=True, slots=True)
class Blindness:
    """One fault that takes the line's sight, as the PLC read it."""

    kind: str
    lasted_s: float
    readings: int
    """Asked for beyond three frame periods after the fault began, and before it ended."""
    seen: int
    """Of these, the ones that say that the belt is watched."""
    seen_beyond_budget: int
    """Of these, the ones asked for more than 50 ms later still."""
    clear: int
    """Of `seen`, those with a hazard word that reads clear."""
    to_blind_ms: float | None
    """From the fault to the arrival of the first reading that says unseen; None: there was none."""
    to_sight_s: float | None
    """From the fault's end to the first reading that says seen; None: it never was blind, or the
    next fault or the end of the run came first."""

    @property
    def unseen_s(self) -> float:
        """How long the belt was not watched."""
        if self.to_blind_ms is None:
            return 0.0
        return self.lasted_s - self.to_blind_ms / 1e3 + (self.to_sight_s or 0.0)


def blindness(readings: Readings, fault: Injected, *, fps: float, until_ns: int) -> Blindness:
    """Evaluate one fault; `until_ns`: when the next one began, or the run's end."""
    asked_ns, seen = readings["asked_ns"], says_seen(readings)
    limit_ns = fault.from_ns + round(PERIODS / fps * 1e9)
    during = (asked_ns > limit_ns) & (asked_ns <= fault.until_ns)
    late = during & (asked_ns > limit_ns + BUDGET_MS * 1e6)
    first_blind = np.flatnonzero((asked_ns >= fault.from_ns) & (asked_ns <= fault.until_ns) & ~seen)
    first_seen = np.flatnonzero((asked_ns >= fault.until_ns) & (asked_ns < until_ns) & seen)
    to_blind_ms = to_sight_s = None
    if len(first_blind):
        to_blind_ms = (int(readings["t_ns"][first_blind[0]]) - fault.from_ns) / 1e6
        if len(first_seen):
            to_sight_s = (int(readings["t_ns"][first_seen[0]]) - fault.until_ns) / 1e9
    return Blindness(
        fault.kind,
        (fault.until_ns - fault.from_ns) / 1e9,
        int(during.sum()),
        int((during & seen).sum()),
        int((late & seen).sum()),
        int((during & seen & says_clear(readings)).sum()),
        to_blind_ms,
        to_sight_s,
    )


def by_kind(found: Sequence[Blindness]) -> dict[str, dict[str, Any]]:
    """The figures of each kind of fault."""
    kinds: defaultdict[str, list[Blindness]] = defaultdict(list)
    for each in found:
        kinds[each.kind].append(each)
    return {kind: _figures(faults) for kind, faults in kinds.items()}


def _figures(faults: list[Blindness]) -> dict[str, Any]:
    blind_ms = [each.to_blind_ms for each in faults if each.to_blind_ms is not None]
    sight_s = [each.to_sight_s for each in faults if each.to_sight_s is not None]
    return {
        "times": len(faults),
        "readings": sum(each.readings for each in faults),
        "seen": sum(each.seen for each in faults),
        "seen_beyond_budget": sum(each.seen_beyond_budget for each in faults),
        "clear": sum(each.clear for each in faults),
        "times_seen": sum(each.seen > 0 for each in faults),
        "never_blind": sum(each.to_blind_ms is None for each in faults),
        "to_blind_ms": _quantiles(blind_ms, 0),
        "to_sight_s": _quantiles(sight_s, 2),
        "unseen_s": round(sum(each.unseen_s for each in faults), 1),
    }


def _quantiles(values: Sequence[float], digits: int) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "p50": round(float(np.median(values)), digits),
        "max": round(max(values), digits),
    }
