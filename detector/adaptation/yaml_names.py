"""The list `names` of a YOLO export's `data.yaml`, read without a YAML library."""

from __future__ import annotations

import re

_START = re.compile(r"^names\s*:(.*)$")
_FLOW_ITEM = re.compile(r"""("[^"]*"|'[^']*'|[^,"'])+""")
_PAIR = re.compile(r"""^["']?(\d+)["']?\s*:\s*(.+)$""")


def names_in(text: str) -> dict[int, str]:
    """Class index to name: a list or a mapping, in brackets or one item per line.

    Raises:
        ValueError: There is no such list; says why.
    """
    lines = [_without_comment(line) for line in text.splitlines()]
    starts = [number for number, line in enumerate(lines) if _START.match(line)]
    if not starts:
        raise ValueError("no key 'names'")
    first = _START.match(lines[starts[0]])
    assert first is not None
    rest = []
    for line in lines[starts[0] + 1 :]:
        if line and not line[0].isspace() and line[0] not in "-]}":
            break
        rest.append(line.strip())
    inline = first.group(1).strip()
    whole = " ".join([inline, *rest]).strip()
    if whole[:1] in ("[", "{"):
        end = whole.find("]" if whole[0] == "[" else "}")
        if end < 0:
            raise ValueError("its bracket is not closed")
        items = [match.group().strip() for match in _FLOW_ITEM.finditer(whole[1:end])]
    elif inline:
        raise ValueError(f"{inline!r} is not a list")
    else:
        items = [line for line in rest if line]
    return _numbered([item for item in items if item])


def _numbered(items: list[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for position, item in enumerate(items):
        pair = _PAIR.match(item)
        if pair:
            found[int(pair.group(1))] = _unquoted(pair.group(2))
        else:
            found[position] = _unquoted(item.removeprefix("-"))
    if not found:
        raise ValueError("it is empty")
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).rstrip()
