"""The journal's files: segments of checksummed lines; the oldest segments are deleted.

A line is `CRC32 LENGTH JSON\\n`: CRC of the JSON's bytes in eight hexadecimal digits, their number,
and one record. A new segment begins with the records that must outlive the old segments: open
alerts and the positions of consumers.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import VigitriError

SEGMENT_BYTES = 4 * 1024 * 1024
"""Some 2,000 alert revisions."""
SEGMENTS_KEPT = 4
"""Limits the journal to about 20 MB."""


class JournalInUseError(VigitriError, ValueError):
    """Another detector uses this journal; the message is one line."""


@dataclass(frozen=True, slots=True)
class Record:
    """One encoded record."""

    line: bytes
    key: tuple[str, ...]
    """A later record with the same key replaces this one at the start of the next segment."""
    stays: bool
    """Repeated at the start of the next segment (an open alert, a consumer)."""


def encode(document: dict[str, Any] | bytes) -> bytes:
    """The line of a record."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return b"%08x %d %s\n" % (zlib.crc32(data), len(data), data)


def decode(line: bytes) -> bytes:
    """The JSON of a line (with its newline); ValueError if the line is torn or damaged."""
    crc, length, data = line.split(b" ", 2)
    if not data.endswith(b"\n") or len(data) - 1 != int(length):
        raise ValueError("torn")
    if len(crc) != 8 or zlib.crc32(data[:-1]) != int(crc, 16):
        raise ValueError("damaged")
    return data[:-1]


class JournalFolder:
    """Files of one line's journal, for one thread at a time. Any method may raise OSError."""

    def __init__(
        self, path: Path, *, segment_bytes: int = SEGMENT_BYTES, kept: int = SEGMENTS_KEPT
    ) -> None:
        self.path = path
        self._segment_bytes, self._kept = segment_bytes, kept
        self._lock = self._file = -1
        self._size = self._number = 0
        self._stays: dict[tuple[str, ...], bytes] = {}
        self.records: list[bytes] = []
        """Records read by `open`, JSON, even if the folder can't be written; some 20 MB, so the
        reader clears the list after use."""
        self.cut_bytes = 0
        """Bytes of an incomplete last line (power loss) that were removed."""
        self.damaged = 0
        """Damaged lines elsewhere, skipped."""

    def open(self) -> list[bytes]:
        """Lock the folder, read its records and prepare to append; returns them oldest first.

        Also raises JournalInUseError.
        """
        self._lock_folder()
        self.records = records = []
        for _, path in self._segments():
            found, _, damaged = _read(path)
            records.extend(found)
            self.damaged += damaged
        self._open_last_segment()
        return records

    def remember(self, records: Iterable[Record]) -> None:
        """Keep records already written, so that the next segment repeats those that stay."""
        for record in records:
            self._stays.pop(record.key, None)
            if record.stays:
                self._stays[record.key] = record.line

    def append(self, records: list[Record]) -> None:
        """Write and sync records; when it raises, none of them is in the journal."""
        if self._file < 0 or os.fstat(self._file).st_nlink == 0:
            # The disk was away and is back, or the folder was deleted.
            self._lock_folder()
            self._open_last_segment()
        data = b"".join(record.line for record in records)
        try:
            _write_all(self._file, data, self._size)
            os.fdatasync(self._file)
        except OSError:
            try:
                os.ftruncate(self._file, self._size)
            except OSError:
                self._drop_file()
            raise
        self._size += len(data)
        self.remember(records)
        if self._size >= self._segment_bytes:
            # On failure this segment keeps growing, and the next record tries again.
            with contextlib.suppress(OSError):
                self._begin_segment(self._stays.values())

    def close(self) -> None:
        self._drop_file()

    def _lock_folder(self) -> None:
        """Lock the folder for this process."""
        self._drop_file()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
        path = self.path / "lock"
        try:
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES):
                raise
            # Still readable: open alerts must not be lost.
            self._lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JournalInUseError(
                f"{self.path} is in use by another detector; stop that one, or set another "
                f"wire.journal for this line"
            ) from None

    def _open_last_segment(self) -> None:
        """Open the last segment for appending; removes an incomplete last line."""
        segments = self._segments()
        if not segments:
            self._begin_segment(self._stays.values())
            return
        self._number, path = segments[-1]
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _, self._size, _ = _read(path)
            self.cut_bytes = path.stat().st_size - self._size
            if self.cut_bytes:
                os.ftruncate(file, self._size)
                os.fsync(file)
        except OSError:
            os.close(file)
            raise
        self._file = file

    def _drop_file(self) -> None:
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _segments(self) -> list[tuple[int, Path]]:
        found = (path for path in self.path.glob("*.journal") if path.stem.isdecimal())
        return sorted((int(path.stem), path) for path in found)

    def _begin_segment(self, first: Iterable[bytes]) -> None:
        """Start a segment; it appears with all of `first` or not at all."""
        number, data = self._number + 1, b"".join(first)
        final, partial = self.path / f"{number:08d}.journal", self.path / "next.partial"
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            _write_all(file, data, 0)
            os.fsync(file)
            partial.rename(final)
            self._sync_folder()
        except OSError:
            os.close(file)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._number, self._size = file, number, len(data)
        for old, path in self._segments():
            if old <= number - self._kept:
                path.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> tuple[list[bytes], int, int]:
    """A segment's records, the offset after the last valid one, and the damaged lines before it."""
    records, good_bytes, damaged, at, bad = [], 0, 0, 0, 0
    for line in path.read_bytes().splitlines(keepends=True):
        at += len(line)
        try:
            records.append(decode(line))
        except ValueError:
            bad += 1
            continue
        damaged += bad  # before a valid line, so not a torn end
        good_bytes, bad = at, 0
    return records, good_bytes, damaged


def _write_all(file: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(file, data[done:], at + done)
