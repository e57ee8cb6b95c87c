"""Where footage and results lie: a folder, or an object store, by pyarrow's file systems.

A file gets its name only when it is whole: it is written aside, closed, counted and then renamed.
`pq.ParquetWriter` left by an exception closes a short file as if it were whole, so tables are made
in memory, and only finished bytes are written.
"""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from detector.errors import VigitriError
from fleet.tables import SCHEMAS, Row, table_of

os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
"""Without it, the S3 client asks 169.254.169.254 for credentials if none are set."""

GROUP_ROWS = 20_000
"""Of a table that is written piece by piece: some 40 MB of revisions."""
ASIDE = "writing"
"""Folder of unfinished files in the results: none of the tables' readers looks there."""


class StoreError(VigitriError):
    """A place for footage or results cannot be used: one line with its name, reason and fix."""


def is_uri(place: str) -> bool:
    """Whether a place is in an object store or at another machine."""
    return "://" in place and not place.startswith("file://")


def open_place(place: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URI, and the path in it.

    S3, GCS, Azure and HDFS by pyarrow's own clients; other schemes, such as `sftp://`, by fsspec,
    which names the package that it lacks. Raises `StoreError`.
    """
    if not is_uri(place):
        return fs.LocalFileSystem(), str(Path(place.removeprefix("file://")).absolute())
    scheme, _, rest = place.partition("://")
    if ":" in rest.split("/", maxsplit=1)[0].rpartition("@")[0]:
        raise StoreError(
            f"{scheme}://…: has a password, which would be written with the results: set it in "
            "the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    try:
        if scheme in {"s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"}:
            filesystem, path = fs.FileSystem.from_uri(place)
            return filesystem, path
        import fsspec

        outside, path = fsspec.core.url_to_fs(place)
        return fs.PyFileSystem(fs.FSSpecHandler(outside)), path
    except (pa.ArrowException, OSError, ValueError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(f"{place}: {reason}; check the URI and its credentials") from None


class Folder:
    """A folder of results."""

    def __init__(self, place: str) -> None:
        """Raises `StoreError`."""
        self.place = place
        self._fs, self._path = open_place(place.rstrip("/"))
        self._path = self._path.rstrip("/")

    def write(self, name: str, content: bytes) -> None:
        """Write a file of this folder; it is there whole, or not at all.

        Raises `OSError`, for example of a full disk.
        """
        path, aside = f"{self._path}/{name}", f"{self._path}/{ASIDE}/{uuid.uuid4().hex}"
        for folder in (path, aside):
            self._fs.create_dir(folder.rsplit("/", 1)[0], recursive=True)
        try:
            if isinstance(self._fs, fs.LocalFileSystem):
                with Path(aside).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(aside).replace(path)
                return
            with self._fs.open_output_stream(aside) as stream:
                stream.write(content)
            if self._fs.get_file_info(aside).size != len(content):
                raise OSError(f"{self.place}/{name}: was not written completely")
            self._fs.move(aside, path)
        except BaseException:
            self._remove(aside)
            raise

    def read(self, name: str) -> bytes | None:
        """A file's content; None: there is none."""
        try:
            with self._fs.open_input_stream(f"{self._path}/{name}") as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def names(self, under: str) -> list[str]:
        """Names of the files in a folder below, sorted; empty: there is none."""
        found = self._fs.get_file_info(
            fs.FileSelector(f"{self._path}/{under}", allow_not_found=True)
        )
        return sorted(each.base_name for each in found if each.type == fs.FileType.File)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self._remove(f"{self._path}/{name}")

    def write_table(self, table: str, rows: list[Row]) -> None:
        """Write `table`.parquet, cast to its schema. Raises `OSError`."""
        self.write(f"{table}.parquet", parquet_bytes(table_of(table, rows)))

    def write_stream(self, table: str, pieces: Iterable[pa.Table]) -> None:
        """Write `table`.parquet piece by piece: of any size, in little memory. Raises `OSError`."""
        path, aside = f"{self._path}/{table}.parquet", f"{self._path}/{ASIDE}/{uuid.uuid4().hex}"
        self._fs.create_dir(aside.rsplit("/", 1)[0], recursive=True)
        rows = 0
        try:
            with (
                self._fs.open_output_stream(aside) as stream,
                pq.ParquetWriter(stream, SCHEMAS[table], compression="zstd") as writer,
            ):
                for group in _groups(pieces, SCHEMAS[table]):
                    writer.write_table(group, row_group_size=len(group))
                    rows += len(group)
            with self._fs.open_input_file(aside) as file:
                if pq.read_metadata(file).num_rows != rows:
                    raise OSError(f"{self.place}/{table}.parquet: was not written completely")
            self._fs.move(aside, path)
        except BaseException:
            self._remove(aside)
            raise

    def read_table(self, table: str) -> list[Row]:
        """Its rows; empty: there is no such file."""
        content = self.read(f"{table}.parquet")
        return [] if content is None else rows_of(content)

    def _remove(self, path: str) -> None:
        # It was never there, or the disk is gone: the next run writes another.
        with contextlib.suppress(OSError):
            self._fs.delete_file(path)


def parquet_bytes(table: pa.Table, metadata: dict[str, str] | None = None) -> bytes:
    """A table as a Parquet file, the same bytes for the same rows; its number of rows is checked.

    Raises `OSError` if the file does not have as many rows as the table.
    """
    if metadata:
        table = table.replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    if pq.read_metadata(io.BytesIO(content)).num_rows != table.num_rows:
        raise OSError("a Parquet file was not written completely")
    return content


def _groups(pieces: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The pieces in groups of at least `GROUP_ROWS`: one row group each."""
    kept: list[pa.Table] = []
    for piece in pieces:
        kept.append(piece.cast(schema))
        if sum(map(len, kept)) >= GROUP_ROWS:
            yield pa.concat_tables(kept)
            kept = []
    if kept:
        yield pa.concat_tables(kept)


def rows_of(content: bytes) -> list[Row]:
    """The rows of a Parquet file."""
    rows: list[Any] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows
