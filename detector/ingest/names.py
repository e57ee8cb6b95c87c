"""Source URLs: their schemes; and without user, password and key, for logs and messages."""

from __future__ import annotations

import re

NETWORK_SCHEMES = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Schemes of network cameras and their default ports."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
# Some cameras take the login in the path or query: `?user=a&password=b`, `/user=a_password=b_`.
_LOGIN_FIELD = re.compile(
    r"(?i)(?<![a-z0-9])(user(?:name)?|usr|login|pass(?:word|wd)?|pwd|auth|token|key|secret)"
    r"=(.*?)(?=[&;/?#]|_[a-z]+=|$)"
)


def scheme_of(url: str) -> str:
    """`rtsp` of `rtsp://host/stream`, in lower case; an empty string for a plain path."""
    found = _SCHEME.match(url)
    return found.group(1).lower() if found else ""


def without_credentials(url: str) -> str:
    """`url` in a form that may be printed, stored and sent.

    Everything up to the *last* `@` of a network address is removed, because passwords are often
    written with an unescaped `@`, `/` or `#`. A stream with an `@` in its path thereby loses part
    of its name, which is better than a password in a log. Plain paths and `file://` are unchanged.
    """
    scheme = scheme_of(url)
    if scheme in {"", "file", "v4l2"}:
        return url
    if scheme == "genicam":  # the query has the settings, which are no part of its name
        return url.partition("?")[0]
    rest = url[len(scheme) + len("://") :].rpartition("@")[2]
    return f"{scheme}://" + _LOGIN_FIELD.sub(r"\1=***", rest)
