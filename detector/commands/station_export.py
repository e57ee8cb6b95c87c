"""`vigitri station export`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from detector.commands.station import default_folder
from detector.station.store import EventFilter, Store, StoreError
from detector.station.store.export import csv_lines, json_parts, write_coco, write_yolo
from detector.station.store.report_texts import Language
from detector.station.store.shift_report import shift_report

SHIFT_NS = 8 * 3600 * 10**9


def export_to(
    form: str,
    out: Path,
    line: str | None,
    between: tuple[datetime | None, datetime | None],
    *,
    language: Language,
    folder: Path | None,
) -> None:
    """Write an export. Raises StoreError, one line."""
    folder = folder or default_folder()
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no store; give the station's --folder")
    since, until = (None if each is None else round(each.timestamp() * 1e9) for each in between)
    wanted = EventFilter(line=line, since=since, until=until)
    with Store(folder) as store:
        if form == "yolo":
            print(f"{write_yolo(store, out, wanted)} answered alarms in {out}")
        elif form == "coco":
            print(f"{write_coco(store, out, wanted)} answered alarms in {out}")
        elif form == "shift-report":
            end_ns = until or time.time_ns()
            begin_ns = end_ns - SHIFT_NS if since is None else since
            _write(out, [shift_report(store, line, begin_ns, end_ns, language)])
        else:
            _write(out, (csv_lines if form == "csv" else json_parts)(store, wanted))


def _write(out: Path, parts: Iterable[str]) -> None:
    try:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        raise StoreError(f"{out}: {error.strerror}") from None
    print(out)
