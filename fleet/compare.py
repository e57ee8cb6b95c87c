"""`vigitri fleet compare`: two results of one archive, alert by alert.

Two alerts are of one object if they are at the same place of the belt: its travel and the place in
the view give a position that does not change while the belt runs. States of the line (overload,
jam) have no place; they are the same if their times overlap.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pyarrow as pa

from calibration.exact_intervals import clopper_pearson
from fleet.archive import Archive
from fleet.tables import FLAG, HAZARDS, REAL, TEXT, Row

NEAR_MM = 80.0
"""Distance on the belt within which two alerts are of one object; for a larger object half of its
length."""
APART_S = 2.0
"""Line states whose times are that close are one."""
CHANGED = ("hazard", "class_name", "priority", "pile")
"""What makes an alert another one for who gets it; scores change with every model."""

SCHEMA = pa.schema(
    [
        ("clip", TEXT), ("line", TEXT), ("change", TEXT), ("hazard_a", TEXT), ("hazard_b", TEXT),
        ("event_id_a", TEXT), ("event_id_b", TEXT), ("class_a", TEXT), ("class_b", TEXT),
        ("probability_a", REAL), ("probability_b", REAL), ("t_raised_s_a", REAL),
        ("t_raised_s_b", REAL), ("in_pile", FLAG),
    ]
)  # fmt: skip
"""Of `changes.parquet`: `change` is gained, lost, changed or same; `_a`, `_b`: of which results."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One object or state, as both results have it."""

    a: Row | None
    b: Row | None

    @property
    def change(self) -> str:
        """gained (B only), lost (A only), changed or same."""
        if self.a is None:
            return "gained"
        if self.b is None:
            return "lost"
        return "changed" if self.changes else "same"

    @property
    def changes(self) -> tuple[str, ...]:
        """The columns that differ, of those in `CHANGED`."""
        if self.a is None or self.b is None:
            return ()
        a, b = self.a, self.b
        return tuple(
            key
            for key in CHANGED
            if (a[key] is None) != (b[key] is None) or (key != "pile" and a[key] != b[key])
        )

    @property
    def shown(self) -> Row:
        """The alert that a sheet shows: B's, unless it was lost."""
        row = self.b if self.b is not None else self.a
        assert row is not None
        return row


@dataclass(slots=True)
class Comparison:
    """Two results, compared over the clips that both have."""

    pairs: list[Pair] = field(default_factory=list)
    clips: int = 0
    hours: float = 0.0
    only_a: list[str] = field(default_factory=list)
    """Clips that only the first has a result of."""
    only_b: list[str] = field(default_factory=list)
    other_length: list[str] = field(default_factory=list)
    """Clips of which the two have processed different numbers of frames."""

    def figures(self) -> dict[str, Any]:
        """Counts by hazard, as plain values. A changed hazard counts under the first's."""
        return {hazard: self._of(hazard) for hazard in HAZARDS}

    def _of(self, hazard: str) -> dict[str, Any]:
        mine = [each for each in self.pairs if (each.a or each.shown)["hazard"] == hazard]
        counts = {
            change: sum(each.change == change for each in mine)
            for change in ("same", "changed", "gained", "lost")
        }
        in_a = counts["same"] + counts["changed"] + counts["lost"]
        in_b = counts["same"] + counts["changed"] + counts["gained"]
        low, high = clopper_pearson(counts["lost"], in_a)
        both = [each for each in mine if each.a is not None and each.b is not None]
        shifts = [
            each.b["probability"] - each.a["probability"]
            for each in both
            if each.a is not None
            and each.b is not None
            and None not in {each.a["probability"], each.b["probability"]}
        ]
        later = [each.b["t_raised_s"] - each.a["t_raised_s"] for each in both if each.a and each.b]
        return {
            "a": in_a,
            "b": in_b,
            **counts,
            "lost_share": round(counts["lost"] / in_a, 4) if in_a else None,
            "lost_share_95": [round(low, 4), round(high, 4)] if in_a else None,
            "gained_per_h": round(counts["gained"] / self.hours, 3) if self.hours else None,
            "probability_shift": round(median(shifts), 4) if shifts else None,
            "raised_later_s": round(median(later), 3) if later else None,
        }


def compare(a: Archive, b: Archive) -> Comparison:
    """Compare all alerts of the clips that both have."""
    rows_a = {(row["clip"], row["line"]): row for row in a.totals}
    rows_b = {(row["clip"], row["line"]): row for row in b.totals}
    both = rows_a.keys() & rows_b.keys()
    found = Comparison(
        clips=len(both),
        hours=sum(rows_b[key]["recorded_s"] for key in both) / 3600,
        only_a=sorted(clip for clip, _ in rows_a.keys() - both),
        only_b=sorted(clip for clip, _ in rows_b.keys() - both),
        other_length=sorted(
            clip
            for clip, line in both
            if rows_a[clip, line]["frames"] != rows_b[clip, line]["frames"]
        ),
    )
    alerts_a, alerts_b = _by_clip(a), _by_clip(b)
    for key in sorted(both):
        found.pairs += match(alerts_a.get(key, []), alerts_b.get(key, []))
    return found


def _by_clip(archive: Archive) -> dict[tuple[str, str], list[Row]]:
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in archive.table("alerts").to_pylist():
        rows[row["clip"], row["line"]].append(row)
    return rows


def match(alerts_a: Sequence[Row], alerts_b: Sequence[Row]) -> list[Pair]:
    """Pair the alerts of one clip, the nearest first; each is in one pair."""
    near = sorted(
        (distance, number_a, number_b)
        for number_a, a in enumerate(alerts_a)
        for number_b, b in enumerate(alerts_b)
        if (distance := _distance(a, b)) is not None
    )
    used_a: set[int] = set()
    used_b: set[int] = set()
    pairs: list[Pair] = []
    for _, number_a, number_b in near:
        if number_a not in used_a and number_b not in used_b:
            used_a.add(number_a)
            used_b.add(number_b)
            pairs.append(Pair(alerts_a[number_a], alerts_b[number_b]))
    pairs += [Pair(a, None) for number, a in enumerate(alerts_a) if number not in used_a]
    pairs += [Pair(None, b) for number, b in enumerate(alerts_b) if number not in used_b]
    return sorted(pairs, key=lambda pair: (pair.shown["t_raised_s"], pair.shown["event_id"]))


def _distance(a: Row, b: Row) -> float | None:
    """How far apart two alerts are, in units of what is allowed; None: they are not one."""
    if (a["x_mm"] is None) != (b["x_mm"] is None):
        return None
    if a["x_mm"] is None:
        if a["hazard"] != b["hazard"]:
            return None
        gap_s = max(a["t_raised_s"], b["t_raised_s"]) - min(a["t_last_s"], b["t_last_s"])
        if gap_s > APART_S:
            return None
        return float(abs(a["t_raised_s"] - b["t_raised_s"])) / APART_S
    along_a, along_b = _along_mm(a), _along_mm(b)
    if along_a is None or along_b is None:  # where the belt was is unknown: by time alone
        apart = float(abs(a["t_raised_s"] - b["t_raised_s"])) / APART_S
        across = float(abs(a["x_mm"] - b["x_mm"])) / NEAR_MM
        return max(apart, across) if max(apart, across) <= 1 else None
    near_mm = max(NEAR_MM, 0.5 * max(a["length_mm"] or 0.0, b["length_mm"] or 0.0))
    distance = math.hypot(a["x_mm"] - b["x_mm"], along_a - along_b) / near_mm
    # Of two objects side by side, the one of the same hazard is the same.
    return None if distance > 1 else distance + (a["hazard"] != b["hazard"])


def _along_mm(alert: Row) -> float | None:
    """Where on the belt the object lies, mm: the same while it travels."""
    if alert["belt_position_mm"] is None or alert["y_mm"] is None:
        return None
    return float(alert["belt_position_mm"] - alert["y_mm"])


def changes_table(pairs: Iterable[Pair]) -> pa.Table:
    """Every pair as a row of `SCHEMA`."""
    return pa.Table.from_pylist([_change_row(pair) for pair in pairs], schema=SCHEMA)


def _change_row(pair: Pair) -> Row:
    row: Row = {
        "clip": pair.shown["clip"],
        "line": pair.shown["line"],
        "change": pair.change,
        "in_pile": pair.shown["pile"] is not None,
    }
    for end, alert in (("a", pair.a), ("b", pair.b)):
        if alert is not None:
            row |= {
                f"hazard_{end}": alert["hazard"],
                f"event_id_{end}": alert["event_id"],
                f"class_{end}": alert["class_name"],
                f"probability_{end}": alert["probability"],
                f"t_raised_s_{end}": alert["t_raised_s"],
            }
    return row
