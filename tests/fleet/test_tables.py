"""The tables of a fleet run: one schema, whatever the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

from fleet.store import Folder, parquet_bytes, rows_of  # noqa: E402
from fleet.tables import COLUMNS, SCHEMAS, SORTED_BY, describe, table_of  # noqa: E402


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_without_rows_has_the_whole_schema(name: str) -> None:
    table = table_of(name, [])
    assert (table.num_rows, table.schema) == (0, SCHEMAS[name])
    assert set(SORTED_BY[name]) <= {column for column, _, _ in COLUMNS[name]}


def test_a_folder_with_a_clip_without_alerts_is_read_as_one_table(tmp_path: Path) -> None:
    from pyarrow import dataset

    folder = Folder(str(tmp_path))
    alert = {"clip": "a", "line": "l", "event_id": "a000001", "t_raised_s": 1.0}
    folder.write("clips/0.parquet", parquet_bytes(table_of("alerts", [])))
    folder.write("clips/1.parquet", parquet_bytes(table_of("alerts", [alert])))
    rows = dataset.dataset(str(tmp_path / "clips")).to_table().to_pylist()
    assert [row["event_id"] for row in rows] == ["a000001"]


def test_the_same_rows_in_any_order_are_the_same_bytes() -> None:
    rows = [{"clip": name, "line": "l", "frames": 3} for name in ("b", "a", "c")]
    first, second = (parquet_bytes(table_of("totals", each)) for each in (rows, rows[::-1]))
    assert first == second
    assert [row["clip"] for row in rows_of(first)] == ["a", "b", "c"]


def test_a_column_that_the_schema_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="totals: no such column frmaes"):
        table_of("totals", [{"clip": "a", "line": "l", "frmaes": 3}])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "0.parquet").mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match="directory"):
        folder.write("clips/0.parquet", b"x")
    assert folder.names("writing") == []


def test_the_documentation_has_the_schema() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text(encoding="utf-8")
    assert page.endswith(describe().rstrip() + "\n"), "write fleet.tables.describe() to its end"
