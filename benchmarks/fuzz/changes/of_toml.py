"""Random changes of TOML, line by line: a table or a key stays one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from benchmarks.fuzz.changes.of_bytes import changed_bytes

_VALUES = (
    *("0", "-1", "1", "0.5", "1e308", "inf", "-inf", "nan", "9223372036854775807"),
    *("99999999999999999999999999", "1" * 400, "0x7fffffff", "true", "false", '""', '"x"'),
    *('"\\u0000"', '"\\u001b[31m"', '"../.."', '"rtsp://camera/x"', '"' + "x" * 4000 + '"'),
    *("[]", "[[]]", "[0, 0]", "[1, 2, 3, 4]", "[[0, 0], [1, 0], [1, 1], [0, 1]]", "{}"),
    *("{ a = 1 }", "[{}]", "2026-03-06", "2026-03-06T08:15:00Z", "07:32:00", '["a", "b"]'),
    *("[" * 500, "[[nan, inf], [1e300, -1e300], [0, 0]]", '"tcp://*:99999"', '"/dev/null"'),
)
_KEYS = ("", "x", "a.b", "é", "\\u001b[31m")
_WORDS = (
    b"\n[",
    b"]\n",
    b"[[",
    b" = ",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\u",
    b'"""',
    b"\r",
    b"#",
    b".",
)


def changed_toml(rng: Random, documents: Sequence[bytes]) -> bytes:
    """One of the documents with 1 to 3 lines changed, or some of its bytes."""
    if rng.random() < 0.2:
        return changed_bytes(rng, documents, words=_WORDS)
    lines = rng.choice(documents).decode().splitlines()
    for _ in range(rng.randint(1, 3)):
        _change(rng, lines, documents)
    return "\n".join(lines).encode()


def _change(rng: Random, lines: list[str], documents: Sequence[bytes]) -> None:
    at = int(rng.random() * len(lines)) if lines else 0
    if not lines:
        lines.append("x = 1")
    key, equals, value = lines[at].partition(" = ")
    match int(rng.random() * 12):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[int(rng.random() * len(lines))])
        case 2:
            other = rng.choice(documents).decode().splitlines()
            lines.insert(at, rng.choice(other))
        case 3 if equals:
            lines[at] = f'"{rng.choice((*_KEYS, key))}" = {value}'
        case 4 if equals:
            lines[at] = f"{key}.x = {value}"
        case 5 if equals and value[:1].isdigit():
            lines[at] = f"{key} = -{value}"
        case 6 if equals:
            lines[at] = f"{key} = [{value}]"
        case _ if equals:
            lines[at] = f"{key} = {rng.choice(_VALUES)}"
        case _:
            lines.insert(
                at, f"{rng.choice(('x', 'name', 'line', 'scale'))} = {rng.choice(_VALUES)}"
            )
