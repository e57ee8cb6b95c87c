"""Remarks on an export, one line for each kind of remark however often it occurs."""

from __future__ import annotations

_NAMED = 4
"""Places that a line names; the others are in its count."""


class LabelNotes:
    """Remarks by text, in the order of their first occurrence."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self._details: dict[str, str] = {}

    def add(self, text: str, where: object, detail: str = "") -> None:
        """`where`: file and line; `detail`: of this occurrence, printed for the first one."""
        self._places.setdefault(text, []).append(str(where))
        self._details.setdefault(text, detail)

    def __bool__(self) -> bool:
        return bool(self._places)

    def as_mistakes(self) -> list[str]:
        """`place: text: detail`, and further places."""
        lines = []
        for text, places in self._places.items():
            detail = self._details[text]
            line = f"{places[0]}: {text}{': ' if detail else ''}{detail}"
            if len(places) > 1:
                others = [place.rpartition("/")[2] for place in places[1:_NAMED]]
                line += f" ({len(places)} in all: also {', '.join(others)}"
                line += ", …)" if len(places) > _NAMED else ")"
            lines.append(line)
        return lines

    def as_counts(self) -> list[str]:
        """`count text (first place)`."""
        return [
            f"{len(places)} {text} (first: {places[0]})" for text, places in self._places.items()
        ]
