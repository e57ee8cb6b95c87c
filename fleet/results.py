"""The results folder: one file per finished clip, and the tables merged from them.

A clip's file is its revisions, with totals, cost and failures in its metadata: one file, so that a
clip has a whole result or none, whatever is killed. A folder of these files resumes a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import VigitriError
from fleet.clips import Clip
from fleet.parts import Joint, PartResult
from fleet.rows import alert_rows
from fleet.store import Folder, parquet_bytes
from fleet.tables import Row, table_of

CLIPS, PARTS = "clips", "parts"
_TOTALS, _COST = b"vigitri.totals", b"vigitri.cost"


class ResultsError(VigitriError):
    """A results folder that does not fit this run: one line with the reason and the fix."""


class Results:
    """The results of one archive."""

    def __init__(self, place: str) -> None:
        """Raises `StoreError`."""
        self.folder = Folder(place)
        self.place = place

    def finished(self) -> set[str]:
        """Keys of the clips that have a result."""
        return {name.removesuffix(".parquet") for name in self.folder.names(CLIPS)}

    def provenances(self) -> dict[str, Row]:
        """The lines that the folder has results of, by key of the provenance table."""
        return {row["provenance"]: row for row in self.folder.read_table("provenance")}

    def refuse_others(self, current: dict[str | None, Row]) -> None:
        """Raises `ResultsError` if the folder has results of one of these lines by another profile,
        model or version."""
        ours = {row["line"]: row for row in current.values()}
        for row in self.provenances().values():
            own = ours.get(row["line"])
            if own is None or own["provenance"] == row["provenance"]:
                continue
            changed = [
                key
                for key in own
                if own[key] != row[key]
                and key not in {"provenance", "profile", "settings", "split_s"}
            ]
            raise ResultsError(
                f"{self.place}: has results of {row['line']} with another "
                f"{', '.join(changed) or 'profile'}. Name another folder, and compare the two: "
                "vigitri fleet compare"
            )

    def write_provenance(self, rows: dict[str | None, Row]) -> None:
        """Add these lines. Raises `OSError`."""
        every = self.provenances() | {row["provenance"]: row for row in rows.values()}
        self.folder.write_table("provenance", list(every.values()))

    def write_clip(self, clip: Clip, revisions: list[Row], totals: Row, cost: Row) -> None:
        """Write one clip's result, whole or not at all. Raises `OSError`."""
        metadata = {_TOTALS.decode(): _dump(totals), _COST.decode(): _dump(cost)}
        content = parquet_bytes(table_of("revisions", revisions), metadata)
        self.folder.write(f"{CLIPS}/{clip.key}.parquet", content)

    def write_part(self, clip: Clip, number: int, cut: tuple[int, int], part: PartResult) -> None:
        """Keep one part until its clip is joined. Raises `OSError`."""
        shown = asdict(part)
        tape = shown.pop("tape")
        head = json.dumps({"cut": cut, **shown}).encode()
        content = len(head).to_bytes(8, "big") + head + tape
        self.folder.write(f"{PARTS}/{_part(clip, number)}", content)

    def read_part(self, clip: Clip, number: int, cut: tuple[int, int]) -> PartResult | None:
        """A part that was kept; None: there is none with these frames."""
        content = self.folder.read(f"{PARTS}/{_part(clip, number)}")
        if content is None:
            return None
        end = 8 + int.from_bytes(content[:8], "big")
        shown = json.loads(content[8:end])
        if tuple(shown.pop("cut")) != cut:
            return None
        joints = {
            key: None if shown[key] is None else Joint(**shown[key]) for key in ("first", "last")
        }
        return PartResult(tape=content[end:], **{**shown, **joints})

    def remove_parts(self, clip: Clip, count: int) -> None:
        """The clip is joined."""
        for number in range(count):
            self.folder.remove(f"{PARTS}/{_part(clip, number)}")

    def merge(self, failures: list[Row]) -> int:
        """Make the tables of all finished clips; returns their number. Raises `OSError`.

        One clip's rows are in memory at a time, beside one row per clip.
        """
        totals: list[Row] = []
        costs: list[Row] = []
        order: list[tuple[str, str, str]] = []
        for name in self.folder.names(CLIPS):
            metadata = pq.read_schema(self._opened(name)).metadata
            total, cost = _load(metadata[_TOTALS]), _load(metadata[_COST])
            order.append((total["line"], total["clip"], name))
            totals.append(total)
            costs.append({"clip": total["clip"], "line": total["line"], **cost})
        names = [name for _, _, name in sorted(order)]
        self.folder.write_stream("revisions", self._revisions(names))
        self.folder.write_stream("alerts", self._alerts(names))
        self.folder.write_table("totals", totals)
        self.folder.write_table("costs", costs)
        self.folder.write_table("failures", failures)
        return len(totals)

    def _opened(self, name: str) -> pa.BufferReader:
        content = self.folder.read(f"{CLIPS}/{name}")
        if content is None:
            raise ResultsError(f"{self.place}/{CLIPS}/{name}: was removed while it was read")
        return pa.BufferReader(content)

    def _revisions(self, names: list[str]) -> Iterator[pa.Table]:
        for name in names:
            yield pq.read_table(self._opened(name)).replace_schema_metadata(None)

    def _alerts(self, names: list[str]) -> Iterator[pa.Table]:
        for name in names:
            rows = pq.read_table(self._opened(name)).to_pylist()
            yield table_of("alerts", alert_rows(rows))


def failure_row(
    clip: Clip, line: str, attempt: int, cause: str, reason: str, *, part: int | None, final: bool
) -> Row:
    """A row of the failures table, noticed now."""
    return {
        "clip": clip.name,
        "line": line,
        "part": part,
        "attempt": attempt,
        "cause": cause,
        "reason": reason,
        "final": final,
        "t_utc": datetime.now(UTC),
    }


def _part(clip: Clip, number: int) -> str:
    return f"{clip.key}.{number:05d}.tape"


def _dump(row: Row) -> str:
    return json.dumps(row, default=lambda value: {"utc": value.isoformat()})


def _load(text: bytes) -> Row:
    def restored(item: dict[str, Any]) -> Any:
        return datetime.fromisoformat(item["utc"]) if set(item) == {"utc"} else item

    row: Row = json.loads(text, object_hook=restored)
    return row
