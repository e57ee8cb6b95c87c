"""The tables of a results folder, read for a question: by SQL, or as rows.

DuckDB gets them from pyarrow. Its own readers of object stores look names up outside and load
extensions from the internet; both are off.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import VigitriError
from fleet.store import Folder
from fleet.tables import SCHEMAS, Row


class ArchiveError(VigitriError):
    """A results folder that cannot answer: one line with the reason and the fix."""


class Archive:
    """The results of one archive, to read."""

    def __init__(self, place: str) -> None:
        """`place`: folder or URI of the results.

        Raises `StoreError`, and `ArchiveError` if there are no whole results of this schema.
        """
        self.place = place
        self._folder = Folder(place)
        self.totals = self.table("totals").to_pylist()
        self.provenances = {row["provenance"]: row for row in self.table("provenance").to_pylist()}

    def table(self, name: str) -> pa.Table:
        """A table, by its name. Raises `ArchiveError`."""
        content = self._folder.read(f"{name}.parquet")
        where = f"{self.place}/{name}.parquet"
        if content is None:
            raise ArchiveError(
                f"{where}: is missing. Name a results folder of `vigitri fleet replay`; a run that "
                "was interrupted makes its tables when it is continued"
            )
        try:
            table = pq.read_table(pa.BufferReader(content))
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ArchiveError(f"{where}: can't be read: {reason}. Make it again") from None
        if not table.schema.equals(SCHEMAS[name]):
            raise ArchiveError(
                f"{where}: has the columns of another version of Vigitri. Replay the archive again"
            )
        return table

    def settings_of(self, row: Row) -> dict[str, Any]:
        """The profile's settings of a row of the totals; empty: it had none."""
        text = self.provenances[row["provenance"]]["settings"]
        return {} if text is None else json.loads(text)

    def model_of(self, line: str) -> str:
        """Model, version and threshold of a line's results, in one line; several if they differ."""
        return "; ".join(
            sorted(
                f"{row['model']} ({row['model_sha256'][:12]}), thresholds {row['thresholds']}, "
                f"Vigitri {row['version']}"
                for row in self.provenances.values()
                if row["line"] == line
            )
        )

    def query(self, sql: str, **more: pa.Table) -> list[Row]:
        """The rows of a query over the tables `alerts`, `totals` and `failures`, and of `more`."""
        import duckdb

        settings = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_access": "false",
        }
        with duckdb.connect(":memory:", config=settings) as connection:
            for name in ("alerts", "totals", "failures"):
                connection.register(name, _without_zone(self.table(name)))
            for name, table in more.items():
                connection.register(name, _without_zone(table))
            found = connection.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _without_zone(table: pa.Table) -> pa.Table:
    """The same with times in UTC without a zone: with one, DuckDB needs an extension."""
    fields = [
        pa.field(field.name, pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
