"""Random changes of JSON documents, whose structure is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from benchmarks.fuzz.changes.of_bytes import changed_bytes

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    float("inf"),
    float("nan"),
    0.5,
    "",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "x" * 5000,
    "/" * 40,
    "../..",
    "2026-03-06",
    [],
    [[]],
    {},
    {"a": {"b": []}},
    [1, 2, 3, 4],
    ["a", "b"],
)
_DEEP = b"[" * 3000
_BYTES_SHARE = 0.25


def changed_json(rng: Random, documents: Sequence[bytes]) -> bytes:
    """One of the documents with 1 to 3 changes, a quarter of them of its bytes."""
    if rng.random() < _BYTES_SHARE:
        words = (b"null", b"NaN", b"-Infinity", b"1e999", b'"', b"{", b"[", b"\\ud800", _DEEP)
        return changed_bytes(rng, documents, words=words)
    document = json.loads(rng.choice(documents))
    for _ in range(rng.randint(1, 3)):
        document = changed_value(rng, document)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def changed_value(rng: Random, document: Any) -> Any:
    """The document with one random field changed, in place where that is possible."""
    at: Any = document
    while isinstance(at, dict | list) and at:
        keys = list(at) if isinstance(at, dict) else range(len(at))
        key: Any = keys[int(rng.random() * len(keys))]
        inner = at[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.75:
            at = inner
            continue
        match int(rng.random() * 10):
            case 0 | 1:
                del at[key]
            case 2 if isinstance(at, list):
                at.append(copy.deepcopy(inner))
            case 2 | 3 if isinstance(at, dict):
                at[rng.choice(("", "x", "\x1b", "__class__", *keys))] = copy.deepcopy(inner)
            case 4 if isinstance(inner, int | float) and abs(inner) < 2**100:
                at[key] = inner * rng.choice((-1, 2, 1e6, 1e-6)) + rng.choice((0, 1, -1))
            case 5 if isinstance(inner, str) and inner:
                at[key] = inner[: int(rng.random() * len(inner))]
            case _:
                at[key] = copy.deepcopy(rng.choice(ODD))
        return document
    return copy.deepcopy(rng.choice(ODD))
