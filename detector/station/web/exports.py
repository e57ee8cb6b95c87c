"""`GET /api/export/{format}`: what the store exports, as a download."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from detector.station.store import EventFilter, Store
from detector.station.store.export import csv_lines, json_parts, write_coco, write_yolo
from detector.station.store.report_texts import Language
from detector.station.store.shift_report import content_security_policy, shift_report
from detector.station.web.history import asked, event_filter
from detector.station.web.visitor import RefusedError, visitor

STREAMED: dict[str, tuple[Callable[[Store, EventFilter], Iterator[str]], str]] = {
    "csv": (csv_lines, "text/csv; charset=utf-8"),
    "json": (json_parts, "application/json"),
}
SHIFT_NS = 8 * 3600 * 10**9
ZIPPED = {"yolo": write_yolo, "coco": write_coco}


async def export(request: Request) -> Response:
    who = visitor(request)
    station = request.app.state.station
    form = request.path_params["format"]
    wanted = event_filter(request)
    station.audit(
        who.operator, who.role, "export", f"{form}?{request.url.query}"[:300], who.address
    )
    name = f"vigitri-{time.strftime('%Y%m%d-%H%M')}.{form}"
    if form in STREAMED:
        make, media_type = STREAMED[form]
        parts = make(station.store, wanted)
        first = await asked(lambda: next(parts))  # an error before the response has begun
        return StreamingResponse(
            chain([first], parts), media_type=media_type, headers=_as_file(name)
        )
    if form in ZIPPED:
        file = await asked(lambda: _zipped(form, station.store, wanted))
        return StreamingResponse(
            _parts(file), media_type="application/zip", headers=_as_file(f"{name}.zip")
        )
    if form == "shift-report":
        language: Language = "fr" if request.query_params.get("language") == "fr" else "en"
        until = wanted.until or time.time_ns()
        since = until - SHIFT_NS if wanted.since is None else wanted.since
        page = await asked(lambda: shift_report(station.store, wanted.line, since, until, language))
        return HTMLResponse(page, headers={"Content-Security-Policy": content_security_policy()})
    raise RefusedError(404, f"{form[:40]!r} is not a format: csv, json, yolo, coco, shift-report")


def _zipped(form: str, store: Store, wanted: EventFilter) -> IO[bytes]:
    """A file without a name: it is gone as soon as it is closed."""
    try:
        with tempfile.TemporaryDirectory(prefix="vigitri-export-") as folder:
            data = Path(folder) / "data"
            ZIPPED[form](store, data, wanted)
            file = tempfile.TemporaryFile(prefix="vigitri-export-")  # noqa: SIM115 - sent later
            with zipfile.ZipFile(file, "w") as archive:  # JPEGs do not get smaller
                for each in sorted(data.rglob("*")):
                    if each.is_file():
                        archive.write(each, each.relative_to(data))
    except OSError as error:
        raise RefusedError(507, f"not exported: {error.strerror}") from None
    file.seek(0)
    return file


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(256 * 1024):
            yield part


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


ROUTES = [Route("/api/export/{format}", export)]
