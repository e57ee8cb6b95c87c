"""What stands before every request: host, session, origin, token against forged requests, and the
security headers of every response."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.errors import VigitriError
from detector.station.web.accounts import Accounts, Role
from detector.station.web.sessions import Sessions
from detector.station.web.visitor import RefusedError, Visitor

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
}
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}
WITHOUT_SESSION = {"/api/login", "/api/pair"}
SAFE = {"GET", "HEAD"}
BODY_MAX = 64 * 1024


class Guard:
    """ASGI middleware; gives each request its `Visitor`."""

    def __init__(
        self, app: ASGIApp, accounts: Accounts, sessions: Sessions, *, is_local: bool, tls: bool
    ) -> None:
        """`is_local`: served on loopback only; without accounts no sign-in is needed then."""
        self._app, self._accounts, self._sessions = app, accounts, sessions
        self._is_local, self._tls = is_local, tls
        self._local_csrf = secrets.token_urlsafe(24)
        self._cookie = cookie_name(tls=tls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._tls:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check_host(headers)
            visitor = self._visitor(scope, headers)
            if scope["method"] not in SAFE:
                self._check_origin(scope, headers, visitor)
        except RefusedError as error:
            await refusal(error)(scope, receive, send_secured)
            return
        except VigitriError as error:  # the file of accounts can't be read
            await refusal(RefusedError(503, str(error)))(scope, receive, send_secured)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self._app(scope, receive, send_secured)

    def _check_host(self, headers: Headers) -> None:
        """On loopback only by its own names: a page elsewhere may have its name resolved to us."""
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._is_local and name not in LOOPBACK_NAMES:
            raise RefusedError(421, f"{host[:80]!r} is not this station: use http://127.0.0.1")

    def _visitor(self, scope: Scope, headers: Headers) -> Visitor:
        address = (scope.get("client") or ("",))[0]
        if not self._accounts:
            role = Role.MAINTAINER if self._is_local else Role.NOBODY
            return Visitor(None, role, self._local_csrf, address=address)
        cookie = cookie_parser(headers.get("cookie", "")).get(self._cookie)
        agent = headers.get("user-agent", "")
        session = None if cookie is None else self._sessions.find(cookie, agent)
        if cookie is None or session is None:
            return Visitor(None, Role.NOBODY, address=address)

        def is_valid() -> bool:
            found = self._sessions.find(cookie, agent)
            return found is not None and self._sessions.role(found) > Role.NOBODY

        return Visitor(
            session.account,
            self._sessions.role(session),
            session.csrf,
            session.paired,
            cookie,
            address,
            is_valid,
        )

    def _check_origin(self, scope: Scope, headers: Headers, visitor: Visitor) -> None:
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin)[:2] != (scope["scheme"], headers.get("host")):
            raise RefusedError(403, "this request comes from another site's page")
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise RefusedError(403, "this request comes from another site's page")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise RefusedError(415, "send JSON, with Content-Type: application/json")
        if not headers.get("content-length", "").isdigit():
            raise RefusedError(411, "send a Content-Length")
        if int(headers["content-length"]) > BODY_MAX:
            raise RefusedError(413, f"send at most {BODY_MAX} bytes")
        if scope["path"] in WITHOUT_SESSION:
            return
        if visitor.csrf is None:
            raise RefusedError(401, "you are not signed in, or no longer: sign in")
        if not hmac.compare_digest(headers.get("x-csrf-token", "").encode(), visitor.csrf.encode()):
            raise RefusedError(403, "this page belongs to another session: load it again")


def cookie_name(*, tls: bool) -> str:
    """`__Host-`: a browser takes it only over TLS, and for this host alone."""
    return "__Host-vigitri" if tls else "vigitri"


def refusal(error: RefusedError) -> JSONResponse:
    """A refusal as the page reads it: one line."""
    return JSONResponse({"error": error.why}, error.status, error.headers)


async def failed(_: Request, __: Exception) -> JSONResponse:
    """A fault of the program; its traceback is in the log."""
    return JSONResponse({"error": "the station failed at this; see its log"}, 500, HEADERS)


async def refused(_: Request, error: Exception) -> JSONResponse:
    """The exception handler for RefusedError."""
    assert isinstance(error, RefusedError)
    return refusal(error)
