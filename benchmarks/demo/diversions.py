"""Compare a simulated PLC's log with the ground truth: which hazards were diverted in time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, GroundTruth
from detector.vocabulary import CLASSES

ALONG_MM, ACROSS_MM = 80.0, 80.0
"""A record that the PLC took belongs to an object of the truth within these distances."""


@dataclass(frozen=True, slots=True)
class Diversions:
    """The result for each hazard, id to kind."""

    diverted: dict[int, str]
    """The flap was open for it when it passed."""
    by_chance: dict[int, str]
    """The flap was open when it passed, but for another object."""
    late: dict[int, str]
    """Taken by the PLC, but too late to open the flap."""
    missed: dict[int, str]
    """Never taken by the PLC."""
    of_nothing: int
    """Diversions without a hazard."""
    unwatched_s: float

    def summary(self) -> str:
        """The result in one line."""
        hazards = {**self.diverted, **self.by_chance, **self.late, **self.missed}
        done, all_of = Counter(self.diverted.values()), Counter(hazards.values())
        each = ", ".join(f"{done[kind]} of {count} {kind}" for kind, count in all_of.items())
        return (
            f"plc       diverted in time: {len(self.diverted)} of {len(hazards)} hazards ({each}); "
            f"{len(self.late)} too late, {len(self.missed)} never reported, {len(self.by_chance)} "
            f"by chance; {self.of_nothing} diversions without a hazard; vision unavailable for "
            f"{self.unwatched_s:g} s"
        )


def evaluate_log(log: Sequence[dict[str, Any]], truth: GroundTruth) -> Diversions:
    """Compare the log of `vigitri plc-sim --json` with the truth of the clip that was playing.

    The PLC's encoder does not know when the clip began: the start that explains most of the records
    is used.
    """
    totals = next(entry["totals"] for entry in log if "totals" in entry)
    per_mm = totals["counts_per_mm"]
    taken = [
        entry for entry in log if entry.get("event") == "taken" and entry["position"] is not None
    ]
    places = {entry["seq"]: entry["position"] / per_mm - entry["y_mm"] for entry in taken}
    objects = {each["id"]: each for each in truth.header["objects"]}
    hazards = {
        placed["id"]: placed["class"]
        for frame in truth.frames
        for placed in frame["objects"]
        if placed["class"] is not None and placed["visible"] >= VISIBLE_MIN
    }
    start_mm = _start_mm(taken, places, [objects[key] for key in hazards])

    opened = {
        entry["seq"]: entry["open_at"] / per_mm for entry in log if entry.get("event") == "divert"
    }
    closed = {
        entry["seq"]: entry["closed_at"] / per_mm
        for entry in log
        if entry.get("event") == "diverted"
    }
    diverted, by_chance, late, missed = {}, {}, {}, {}
    of_something = set()
    for key, kind in hazards.items():
        placed = objects[key]
        comes_mm = placed["at_mm"] - start_mm + totals["ejector_y_mm"]
        # Of either class: gas and batteries are diverted alike.
        near = {entry["seq"] for entry in taken if _there(entry, places, placed, start_mm)}
        of_something.update(near)
        open_for = {s for s in opened if opened[s] <= comes_mm <= closed.get(s, comes_mm)}
        if near & open_for:
            diverted[key] = kind
        elif open_for:
            by_chance[key] = kind
        elif near:
            late[key] = kind
        else:
            missed[key] = kind
    unwatched_s = round(_unwatched_s(log, totals), 2)
    of_nothing = len(set(opened) - of_something)
    return Diversions(diverted, by_chance, late, missed, of_nothing, unwatched_s)


def _unwatched_s(log: Sequence[dict[str, Any]], totals: dict[str, Any]) -> float:
    """Unwatched time between the first and the last watched moment; then the clip was over."""
    if not totals["watched"]:
        return float(totals["seconds"])
    changes = [entry for entry in log if entry.get("event") in {"not watched", "watched"}]
    if not changes or changes[-1]["event"] == "watched":
        return float(totals["unwatched_s"])
    since_the_end_s = float(totals["seconds"]) - float(changes[-1]["t_ms"]) / 1e3
    return max(0.0, float(totals["unwatched_s"]) - since_the_end_s)  # both are rounded


def _same(
    entry: dict[str, Any], places: dict[int, float], placed: dict[str, Any], start_mm: float
) -> bool:
    right = entry["kind"] == CLASSES.get(placed["class"])
    return right and _there(entry, places, placed, start_mm)


def _there(
    entry: dict[str, Any], places: dict[int, float], placed: dict[str, Any], start_mm: float
) -> bool:
    return bool(
        abs(places[entry["seq"]] + start_mm - placed["at_mm"]) <= ALONG_MM
        and abs(entry["x_mm"] - placed["x_mm"]) <= ACROSS_MM
    )


def _start_mm(
    taken: Sequence[dict[str, Any]], places: dict[int, float], objects: Sequence[dict[str, Any]]
) -> float:
    """Belt position of the clip when the PLC's encoder was 0."""
    starts = [placed["at_mm"] - places[entry["seq"]] for entry in taken for placed in objects]

    def explained(start_mm: float) -> int:
        return sum(
            any(_same(entry, places, placed, start_mm) for placed in objects) for entry in taken
        )

    best = max(starts, key=explained, default=0.0)
    # The median of the equally good ones: each has its own position error.
    equal = sorted(each for each in starts if abs(each - best) <= ALONG_MM / 2)
    return equal[len(equal) // 2] if equal else best


def evaluate_file(log: Path, truth: Path) -> str:
    """The summary for a log file."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return evaluate_log(entries, GroundTruth.read(truth)).summary()
