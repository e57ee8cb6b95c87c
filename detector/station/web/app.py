"""The station's application: routes behind the guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from detector.station.web import (
    attention,
    exports,
    history,
    learning,
    live,
    metrics,
    operating,
    page_files,
    sign_in,
)
from detector.station.web.event_stream import stream
from detector.station.web.guard import Guard, failed, refused
from detector.station.web.station import Station
from detector.station.web.visitor import RefusedError, visitor


async def events(request: Request) -> object:
    visitor(request)
    return await stream(request)


async def not_found(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def make_app(station: Station) -> Starlette:
    """The ASGI application of a station."""
    guard = Middleware(
        Guard,
        accounts=station.accounts,
        sessions=station.sessions,
        is_local=station.is_local,
        tls=station.tls,
    )
    app = Starlette(
        routes=[
            Route("/api/stream", events),
            *sign_in.ROUTES,
            *operating.ROUTES,
            *history.ROUTES,
            *attention.ROUTES,
            *exports.ROUTES,
            *live.ROUTES,
            *learning.ROUTES,
            *metrics.ROUTES,
            *page_files.routes(),
        ],
        middleware=[guard],
        exception_handlers={
            RefusedError: refused,
            HTTPException: not_found,
            Exception: failed,
        },
    )
    app.state.station = station
    return app
