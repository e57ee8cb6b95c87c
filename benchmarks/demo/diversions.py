"""A simulated PLC's log against the ground truth: which hazards were diverted in time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ground_truth import VISIBLE_MIN, Truth

ALONG_MM, ACROSS_MM = 80.0, 80.0
"""What the PLC took belongs to a thing of the truth that lies so near."""
KINDS = {"gas_canister": "gas", "battery": "battery"}
"""The truth's classes, as the PLC calls them."""


@dataclass(frozen=True, slots=True)
class Diversions:
    """What became of each hazard."""

    diverted: dict[int, str]
    """Id to kind: the flap was open for it when it came by, told early enough to open."""
    by_chance: dict[int, str]
    """The flap was open when it came by, but for something else."""
    late: dict[int, str]
    """Taken, but the flap was told too late."""
    missed: dict[int, str]
    """Never taken."""
    of_nothing: int
    """The flap opened for what is no hazard."""
    unwatched_s: float

    def summary(self) -> str:
        """In one line."""
        hazards = {**self.diverted, **self.by_chance, **self.late, **self.missed}
        done, all_of = Counter(self.diverted.values()), Counter(hazards.values())
        each = ", ".join(f"{done[kind]} of {count} {kind}" for kind, count in all_of.items())
        return (
            f"plc       diverted in time: {len(self.diverted)} of {len(hazards)} hazards ({each}); "
            f"{len(self.late)} too late, {len(self.missed)} never told, {len(self.by_chance)} by "
            f"chance; {self.of_nothing} diversions of nothing; nobody watched for "
            f"{self.unwatched_s:g} s"
        )


def judge_log(log: Sequence[dict[str, Any]], truth: Truth) -> Diversions:
    """Hold the log of `vigitri plc-sim --json` against the truth of the clip that was playing.

    The PLC's encoder does not know when the clip began: the start that explains most of what it
    took is believed.
    """
    totals = next(entry["totals"] for entry in log if "totals" in entry)
    per_mm = totals["counts_per_mm"]
    taken = [
        entry for entry in log if entry.get("event") == "taken" and entry["position"] is not None
    ]
    places = {entry["seq"]: entry["position"] / per_mm - entry["y_mm"] for entry in taken}
    things = {each["id"]: each for each in truth.header["things"]}
    hazards = {
        thing["id"]: thing["class"]
        for frame in truth.frames
        for thing in frame["objects"]
        if thing["class"] is not None and thing["visible"] >= VISIBLE_MIN
    }
    start_mm = _start_mm(taken, places, [things[key] for key in hazards])

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
        thing = things[key]
        comes_mm = thing["at_mm"] - start_mm + totals["ejector_y_mm"]
        # Whatever it was called: gas and batteries are diverted alike.
        near = {entry["seq"] for entry in taken if _there(entry, places, thing, start_mm)}
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
    """Between the first moment that somebody watched and the last: after it the clip was over."""
    if not totals["watched"]:
        return float(totals["seconds"])
    changes = [entry for entry in log if entry.get("event") in {"not watched", "watched"}]
    if not changes or changes[-1]["event"] == "watched":
        return float(totals["unwatched_s"])
    since_the_end_s = float(totals["seconds"]) - float(changes[-1]["t_ms"]) / 1e3
    return max(0.0, float(totals["unwatched_s"]) - since_the_end_s)  # both are rounded


def _same(
    entry: dict[str, Any], places: dict[int, float], thing: dict[str, Any], start_mm: float
) -> bool:
    right = entry["kind"] == KINDS.get(thing["class"])
    return right and _there(entry, places, thing, start_mm)


def _there(
    entry: dict[str, Any], places: dict[int, float], thing: dict[str, Any], start_mm: float
) -> bool:
    return bool(
        abs(places[entry["seq"]] + start_mm - thing["at_mm"]) <= ALONG_MM
        and abs(entry["x_mm"] - thing["x_mm"]) <= ACROSS_MM
    )


def _start_mm(
    taken: Sequence[dict[str, Any]], places: dict[int, float], things: Sequence[dict[str, Any]]
) -> float:
    """How far the clip's belt had come when the PLC's encoder was 0."""
    starts = [thing["at_mm"] - places[entry["seq"]] for entry in taken for thing in things]

    def explained(start_mm: float) -> int:
        return sum(
            any(_same(entry, places, thing, start_mm) for thing in things) for entry in taken
        )

    best = max(starts, key=explained, default=0.0)
    # The middle of those that explain as much: each is off by its own error of place.
    equal = sorted(each for each in starts if abs(each - best) <= ALONG_MM / 2)
    return equal[len(equal) // 2] if equal else best


def judge_file(log: Path, truth: Path) -> str:
    """The summary of a log that was written to a file."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return judge_log(entries, Truth.read(truth)).summary()
