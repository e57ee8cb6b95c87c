"""What the Line page sends: answers, undo, shelving; and the open alarms."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from detector.station.web.accounts import Role
from detector.station.web.bodies import body_of, number_of, text_of
from detector.station.web.visitor import RefusedError, visitor
from detector.wire.messages import Hazard
from detector.wire.requests import SHELVED_MINUTES, Shelve, one_line


async def lines(request: Request) -> JSONResponse:
    visitor(request)
    feeds = request.app.state.station.lines.values()
    return JSONResponse({"lines": [feed.status() for feed in feeds]})


async def alarms(request: Request) -> JSONResponse:
    visitor(request)
    return JSONResponse({"alarms": request.app.state.station.alarms()})


async def answer(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    body = await body_of(request)
    alarm = text_of(body, "line"), text_of(body, "boot_id"), text_of(body, "event_id")
    what = text_of(body, "what")
    given = await station.answers.give(*alarm, what, who.operator)
    station.audit(who.operator, who.role, f"answer {what}", "/".join(alarm), who.address)
    return JSONResponse({"undo_until_utc_ns": given.undo_until_utc_ns})


async def undo(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    body = await body_of(request)
    alarm = text_of(body, "line"), text_of(body, "boot_id"), text_of(body, "event_id")
    taken_back = await station.answers.undo(*alarm, who.operator)
    station.audit(who.operator, who.role, f"undo {taken_back.what}", "/".join(alarm), who.address)
    return JSONResponse({"undone": taken_back.what})


async def shelve(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    body = await body_of(request)
    line = station.line(text_of(body, "line"))
    hazard, reason = text_of(body, "hazard"), text_of(body, "reason", 200)
    minutes = number_of(body, "minutes", 1, SHELVED_MINUTES)
    try:
        wanted = Shelve(hazard=Hazard(hazard), minutes=minutes, operator=who.operator)
    except ValidationError as error:
        raise RefusedError(400, one_line(error)) from None
    except ValueError:
        raise RefusedError(400, f"hazard: {hazard!r} is not one that can be shelved") from None
    try:
        reply = await line.ask(wanted)
    except TimeoutError as error:
        raise RefusedError(504, str(error)) from None
    if not reply.ok:
        raise RefusedError(409, reply.reason or "the detector refuses this")
    detail = f"{line.address.name}: {hazard} for {minutes} min: {reason}"
    station.audit(who.operator, who.role, "shelve", detail, who.address)
    return JSONResponse({"shelved": hazard, "minutes": minutes})


ROUTES = [
    Route("/api/lines", lines),
    Route("/api/alarms", alarms),
    Route("/api/answer", answer, methods=["POST"]),
    Route("/api/undo", undo, methods=["POST"]),
    Route("/api/shelve", shelve, methods=["POST"]),
]
