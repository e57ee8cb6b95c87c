"""Who sends a request, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from detector.station.web.accounts import Role

LOCAL = "station"
"""The operator's name in answers where no sign-in is needed."""
ROLES_NEEDED = {
    Role.READ_ONLY: "sign in, or pair this screen",
    Role.OPERATOR: "only an operator may do this: sign in as one",
    Role.MAINTAINER: "only a maintainer may do this: sign in as one",
}


class RefusedError(Exception):
    """A request that is refused, with its HTTP status and one line."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers or {}


@dataclass(frozen=True, slots=True)
class Visitor:
    """The sender of a request."""

    account: str | None
    role: Role
    csrf: str | None = None
    paired: bool = False
    cookie: str | None = None
    address: str = ""
    is_valid: Callable[[], bool] = field(default=lambda: True)
    """Whether the session is still valid; for streams."""

    @property
    def operator(self) -> str:
        return self.account or LOCAL


def visitor(request: Request, least: Role = Role.READ_ONLY) -> Visitor:
    """The sender, who may do what `least` may. Raises RefusedError."""
    who: Visitor = request.state.visitor
    if who.role < least:
        status = 401 if who.role is Role.NOBODY else 403
        raise RefusedError(status, ROLES_NEEDED[least])
    return who
