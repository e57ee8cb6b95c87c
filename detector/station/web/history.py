"""What has happened: events with their evidence, trends, the audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from detector.station.store import EventFilter, StoreError
from detector.station.store.evidence_files import ImageName
from detector.station.store.records import EventDetail
from detector.station.web.accounts import Role
from detector.station.web.bodies import query_int
from detector.station.web.visitor import RefusedError, visitor

LIMIT_MAX = 500
DAY_NS = 86_400 * 10**9
IMMUTABLE = {"Cache-Control": "private, max-age=86400, immutable"}


async def asked(work: Callable[[], Any]) -> Any:
    """Ask the store in a thread. Raises RefusedError."""
    try:
        return await run_in_threadpool(work)
    except StoreError as error:
        raise RefusedError(404, str(error)) from None


async def events(request: Request) -> JSONResponse:
    visitor(request)
    station = request.app.state.station
    wanted = event_filter(request)
    rows = await asked(lambda: station.store.events(wanted))
    more = rows[-1].cursor if len(rows) == wanted.limit else None
    return JSONResponse({"events": [asdict(row) for row in rows], "before": more})


def event_filter(request: Request, limit_max: int = LIMIT_MAX) -> EventFilter:
    """The filter that a query asks for. Raises RefusedError."""
    query = request.query_params
    limit = query_int(request, "limit", min(100, limit_max))
    assert limit is not None
    return EventFilter(
        line=query.get("line") or None,
        hazard=query.get("hazard") or None,
        kind=query.get("kind") or None,
        state=query.get("state") or None,
        outcome=query.get("outcome") or None,
        text=query.get("text") or None,
        before=query.get("before") or None,
        since=query_int(request, "since"),
        until=query_int(request, "until"),
        limit=max(1, min(limit, limit_max)),
    )


async def event(request: Request) -> JSONResponse:
    """Everything about one event: Why."""
    visitor(request)
    station = request.app.state.station
    names = request.path_params["boot_id"], request.path_params["event_id"]
    line = request.query_params.get("line")
    detail: EventDetail = await asked(lambda: station.store.event(*names, line))
    feed = station.lines.get(detail.event.line)
    return JSONResponse(
        {
            "event": asdict(detail.event),
            "revisions": [
                {
                    "revision": each.revision,
                    "t_recorded_ns": each.t_recorded_ns,
                    "alert": each.alert.model_dump(mode="json"),
                }
                for each in detail.revisions
            ],
            "answers": [asdict(each) for each in detail.answers],
            "evidence": [
                asdict(each) | {"payload": json.loads(each.payload)} for each in detail.evidence
            ],
            "facts": None if feed is None else feed.status_of.facts,
        }
    )


async def evidence(request: Request) -> Response:
    visitor(request)
    store = request.app.state.station.store
    image = cast(ImageName, request.path_params["image"])
    path = await asked(lambda: store.image(request.path_params["evidence_id"], image))
    if path is None:
        raise RefusedError(404, "this image is not here, or not any more")
    return FileResponse(path, media_type="image/jpeg", headers=IMMUTABLE)


async def rates(request: Request) -> JSONResponse:
    line, since, until = _over(request)
    by = request.query_params.get("by", "hour")
    if by not in {"hour", "day"}:
        raise RefusedError(400, f"by={by[:40]}: write hour or day")
    store = request.app.state.station.store
    rows = await asked(lambda: store.rates(line, since, until, by))
    return JSONResponse({"rates": [asdict(row) for row in rows], "since": since, "until": until})


async def answer_times(request: Request) -> JSONResponse:
    return await _trend(request, "answer_times")


async def false_alarms(request: Request) -> JSONResponse:
    return await _trend(request, "false_alarms_by_kind", "false_alarms")


async def blind_times(request: Request) -> JSONResponse:
    return await _trend(request, "blind_times")


async def _trend(request: Request, method: str, name: str | None = None) -> JSONResponse:
    line, since, until = _over(request)
    store = request.app.state.station.store
    rows = await asked(lambda: getattr(store, method)(line, since, until))
    content = {name or method: [asdict(row) for row in rows], "since": since, "until": until}
    return JSONResponse(content)


def _over(request: Request) -> tuple[str | None, int, int]:
    """Line, begin and end that a query names; without them all lines, the last day."""
    visitor(request)
    until = query_int(request, "until") or time.time_ns()
    since = query_int(request, "since")
    line = request.query_params.get("line") or None
    return line, until - DAY_NS if since is None else since, until


async def audit(request: Request) -> JSONResponse:
    visitor(request, Role.MAINTAINER)
    store = request.app.state.station.store
    before, limit = query_int(request, "before"), query_int(request, "limit", 200)
    rows = await asked(lambda: store.audit(before, max(1, min(limit or 200, LIMIT_MAX))))
    return JSONResponse({"audit": [asdict(row) for row in rows]})


ROUTES = [
    Route("/api/events", events),
    Route("/api/events/{boot_id}/{event_id}", event),
    Route("/api/evidence/{evidence_id}/{image:str}.jpg", evidence),
    Route("/api/rates", rates),
    Route("/api/answer-times", answer_times),
    Route("/api/false-alarms", false_alarms),
    Route("/api/blind-times", blind_times),
    Route("/api/audit", audit),
]
