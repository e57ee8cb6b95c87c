"""Images as files: `evidence/<line>/<yyyy-mm-dd>/<evidence_id>.{crop,frame}.jpg`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from detector.station.store.records import StoreError

ImageName = Literal["crop", "frame"]
IMAGES: tuple[ImageName, ...] = ("crop", "frame")
_NAME = re.compile(r"[\w-][\w.-]{0,119}")
"""Names that come over the wire; nothing that leads to another folder."""
_PART = ".part"


class EvidenceFiles:
    """Writes, finds and deletes images."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "evidence"

    def path(self, line: str, evidence_id: str, t_capture_ns: int, image: ImageName) -> Path:
        for name in (line, evidence_id):
            if _NAME.fullmatch(name) is None:
                raise StoreError(f"{name[:80]!r} can't be the name of a file")
        day = datetime.fromtimestamp(t_capture_ns / 1e9, UTC).strftime("%Y-%m-%d")
        return self._folder / line / day / f"{evidence_id}.{image}.jpg"

    def write(self, path: Path, data: bytes) -> None:
        """Write a whole file or none; it is on the disk when this returns. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(_PART)
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise

    def delete(self, paths: Iterator[Path]) -> None:
        """Delete files, and their folder if it is the day's last."""
        for path in paths:
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                path.parent.rmdir()

    def clean(self) -> None:
        """Delete what a killed process left half written: in the last days, for the folders of a
        week hold too many files to look at each."""
        for line in self._folder.glob("*"):
            for day in sorted(line.glob("????-??-??"))[-2:]:
                for part in day.glob(f"*{_PART}"):
                    with suppress(OSError):
                        part.unlink()

    def days(self) -> Iterator[tuple[str, Path]]:
        """Each day's folder, with its date."""
        for folder in sorted(self._folder.glob("*/????-??-??")):
            yield folder.name, folder
