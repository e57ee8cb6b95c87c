"""What a source may be called in print: its URL without user, password or key."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
# Cameras that take the login in the path or the query: `?user=a&password=b`, `/user=a_password=b_`.
_LOGIN_FIELD = re.compile(
    r"(?i)(?<![a-z0-9])(user(?:name)?|usr|login|pass(?:word|wd)?|pwd|auth|token|key|secret)"
    r"=(.*?)(?=[&;/?#]|_[a-z]+=|$)"
)


def scheme_of(url: str) -> str:
    """`rtsp` of `rtsp://host/stream`, in lower case; an empty string for a plain path."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else ""


def without_credentials(url: str) -> str:
    """`url` as it may be printed, stored and sent.

    Everything up to the *last* `@` of a network address goes, because passwords are often typed
    in with their `@`, `/` or `#` unescaped. A stream whose path holds an `@` loses a part of its
    name by that, which costs less than a password in a log. Plain paths and `file://` stay.
    """
    scheme = scheme_of(url)
    if scheme in {"", "file", "v4l2"}:
        return url
    rest = url[len(scheme) + len("://") :].rpartition("@")[2]
    return f"{scheme}://" + _LOGIN_FIELD.sub(r"\1=***", rest)
