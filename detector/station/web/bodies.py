"""Reads what a page sends: JSON bodies and query parameters, checked field by field."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from detector.station.web.visitor import RefusedError


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body. Raises RefusedError."""
    try:
        document = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise RefusedError(400, "the body is not a JSON object")
    return document


def text_of(body: dict[str, Any], key: str, longest: int = 128) -> str:
    """A text of the body. Raises RefusedError."""
    text = body.get(key)
    if not isinstance(text, str) or not text or len(text) > longest or not text.isprintable():
        raise RefusedError(400, f"{key}: give a text of 1 to {longest} characters")
    return text


def number_of(body: dict[str, Any], key: str, least: int, most: int) -> int:
    """A whole number of the body. Raises RefusedError."""
    number = body.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
        raise RefusedError(400, f"{key}: give a whole number from {least} to {most}")
    return number


def query_int(request: Request, key: str, default: int | None = None) -> int | None:
    """A whole number of the query. Raises RefusedError."""
    text = request.query_params.get(key)
    if text is None or text == "":
        return default
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(text) > 20 or abs(int(text)) >= 2**63:
        raise RefusedError(400, f"{key}={text[:40]}: give a whole number")
    return int(text)
