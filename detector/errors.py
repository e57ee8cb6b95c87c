"""The base of all errors that a user can put right."""

from __future__ import annotations


class VigitriError(Exception):
    """What is wrong and how to fix it, in one line each; a command prints it and exits with 2.

    Raised for bad input (profile, model, source, address, key) and for what the machine lacks. A
    fault of the program itself is not one of these, and keeps its traceback.
    """

    fix = ""
    """How to put it right, where that is known apart from the message."""

    def __str__(self) -> str:
        return printable(super().__str__())


LINE_MOST = 1000
"""Characters of a line: longer ones repeat the input."""
_KEPT = "\n\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"


def printable(text: str) -> str:
    """Text that repeats foreign input, as it may be shown on a terminal or kept in a log.

    Control characters and lone surrogates are escaped. Of a line longer than `LINE_MOST` the middle
    is left out: it begins with the place and ends with the fix.
    """
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() or each in _KEPT else ascii(each)[1:-1] for each in text
        )
    if len(text) <= LINE_MOST:
        return text
    lines = (
        line
        if len(line) <= LINE_MOST
        else f"{line[: LINE_MOST // 2 - 3]}...{line[-LINE_MOST // 2 :]}"
        for line in text.split("\n")
    )
    return "\n".join(lines)
