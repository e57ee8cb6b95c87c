"""Follows a detector's journal from outside, since it keeps only its newest segments."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from benchmarks.faults.consumer import NAME
from detector.delivery.journal_folder import decode

Revision = tuple[str, str, int]
"""Boot id, event id, number."""


class JournalTail:
    """Copies every alert revision in the journal to a file, once; reads only what is new."""

    def __init__(self, journal: Path, copy: Path) -> None:
        self._journal, self._copy = journal, copy
        self._read: dict[Path, int] = {}
        self._seen: set[Revision] = set()
        self._registered = False

    @property
    def revisions(self) -> set[Revision]:
        """Those since the consumer first registered."""
        return self._seen

    def update(self) -> None:
        """Read on. Segments are never changed once they are written, but for a torn end."""
        with self._copy.open("a", encoding="utf-8") as copy:
            for path in sorted(self._journal.glob("[0-9]*.journal")):
                with contextlib.suppress(FileNotFoundError):
                    self._follow(path, copy)

    def _follow(self, path: Path, copy: Any) -> None:
        with path.open("rb") as segment:
            segment.seek(self._read.get(path, 0))
            for line in segment:
                try:
                    record = json.loads(decode(line))
                except ValueError:
                    return  # torn: it is being written, or will be cut off
                self._read[path] = self._read.get(path, 0) + len(line)
                self._add(record, copy)

    def _add(self, record: dict[str, Any], copy: Any) -> None:
        if record["kind"] == "consumer" and record["name"] == NAME:
            self._registered = True
        if record["kind"] != "alert" or not self._registered:
            return
        alert = record["message"]["payload"]
        key = alert["boot_id"], alert["event_id"], alert["revision"]
        if key not in self._seen:
            self._seen.add(key)
            copy.write(f"{json.dumps(alert)}\n")
