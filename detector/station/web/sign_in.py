"""`/api/me`, `login`, `logout`, `pairing-code`, `pair`."""

from __future__ import annotations

import asyncio
import base64
import math
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from detector.station.web.accounts import Role
from detector.station.web.bodies import body_of, text_of
from detector.station.web.sessions import CODE_S, PAIRED_S, SIGNED_IN_S
from detector.station.web.visitor import RefusedError, Visitor, visitor

SCREEN = "screen"
"""The account name of a paired screen."""
_one_at_a_time = asyncio.Lock()
"""Hashing a password takes 16 MB."""


async def me(request: Request) -> JSONResponse:
    """Who this is; also before a sign-in."""
    who: Visitor = request.state.visitor
    return JSONResponse(_me(request, who.account, who.role, who.csrf, who.paired))


async def login(request: Request) -> Response:
    station, who = request.app.state.station, request.state.visitor
    _check_attempts(request)
    body = await body_of(request)
    name, password = text_of(body, "account", 64), text_of(body, "password", 1024)
    async with _one_at_a_time:
        account = await run_in_threadpool(station.accounts.sign_in, name, password)
    if account is None:
        station.attempts.failed(who.address)
        station.audit(name[:64], Role.NOBODY, "sign-in failed", "", who.address)
        raise RefusedError(401, "wrong name or password")
    station.audit(account.name, account.role, "signed in", "", who.address)
    return _signed_in(request, account.name, account.role, paired=False)


async def logout(request: Request) -> Response:
    who = visitor(request)
    station = request.app.state.station
    response = JSONResponse(_me(request, None, Role.NOBODY, None, False))
    if who.cookie is not None:
        station.sessions.end(who.cookie)
        station.audit(who.operator, who.role, "signed out", "", who.address)
        response.delete_cookie(
            station.cookie, path="/", secure=station.tls, httponly=True, samesite="strict"
        )
    return response


async def pairing_code(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    code = station.sessions.new_code()
    station.audit(who.operator, who.role, "pairing code", "", who.address)
    return JSONResponse({"code": code, "valid_s": CODE_S})


async def pair(request: Request) -> Response:
    """Make this browser a wall screen, which can only read."""
    station, who = request.app.state.station, request.state.visitor
    _check_attempts(request)
    code = text_of(await body_of(request), "code", 16).replace(" ", "")
    if not station.sessions.take_code(code):
        station.attempts.failed(who.address)
        raise RefusedError(401, "this code is wrong, used or too old: ask for a new one")
    station.audit(SCREEN, Role.READ_ONLY, "screen paired", "", who.address)
    return _signed_in(request, SCREEN, Role.READ_ONLY, paired=True)


async def check_reader(request: Request) -> None:
    """Let a program read: by a session, or by name and password (HTTP Basic). RefusedError."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if request.state.visitor.role >= Role.READ_ONLY or scheme.lower() != "basic":
        visitor(request)
        return
    station = request.app.state.station
    _check_attempts(request)
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        raise RefusedError(400, "Authorization: Basic: is not base64 of name:password") from None
    async with _one_at_a_time:
        account = await run_in_threadpool(station.accounts.sign_in, name, password)
    if account is None:
        station.attempts.failed(request.state.visitor.address)
        raise RefusedError(401, "wrong name or password")


def _check_attempts(request: Request) -> None:
    wait_s = math.ceil(request.app.state.station.attempts.wait_s(request.state.visitor.address))
    if wait_s:
        raise RefusedError(
            429, f"too many failed attempts: wait {wait_s} s", {"Retry-After": str(wait_s)}
        )


def _signed_in(request: Request, name: str, role: Role, *, paired: bool) -> Response:
    station = request.app.state.station
    before: Visitor = request.state.visitor
    if before.cookie is not None:
        station.sessions.end(before.cookie)
    agent = request.headers.get("user-agent", "")
    cookie, session = station.sessions.start(name, agent, paired=paired)
    response = JSONResponse(_me(request, name, role, session.csrf, paired))
    response.set_cookie(
        station.cookie,
        cookie,
        max_age=round(PAIRED_S if paired else SIGNED_IN_S),
        path="/",
        secure=station.tls,
        httponly=True,
        samesite="strict",
    )
    return response


def _me(
    request: Request, account: str | None, role: Role, csrf: str | None, paired: bool
) -> dict[str, Any]:
    wanted = request.headers.get("accept-language", "").lower()
    return {
        "account": account,
        "role": None if role is Role.NOBODY else role.word,
        "language": "fr" if wanted.startswith("fr") else "en",
        "csrf": csrf,
        "paired": paired,
        "needs_login": bool(request.app.state.station.accounts),
    }


ROUTES = [
    Route("/api/me", me),
    Route("/api/login", login, methods=["POST"]),
    Route("/api/logout", logout, methods=["POST"]),
    Route("/api/pairing-code", pairing_code, methods=["POST"]),
    Route("/api/pair", pair, methods=["POST"]),
]
