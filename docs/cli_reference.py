"""Prints docs/cli.md, the command reference, from the Typer app: `python docs/cli_reference.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from detector.cli import app

_CHECKOUT = f"{Path(__file__).resolve().parent.parent}/"

_HEAD = """# The command line

*Generated from the Typer app by `python docs/cli_reference.py`; a test keeps the two equal.*

`vigitri COMMAND --help` prints the same in the terminal. A mistake in a file or an argument is one
line with the key, the value, the reason and the fix, never a traceback.

| exit code | meaning |
|---|---|
| 0 | done; also `run`, `watch`, `bridge` and `station` after Ctrl-C |
| 1 | done, but not completely: an unreadable image, no reply, a check that failed |
| 2 | refused: a wrong profile, model, endpoint, key, argument or answer |
| 130 | interrupted with Ctrl-C |

`run`, `bridge` and `station` log to stderr; the environment variable `VIGITRI_LOG` selects the
format (`text`, `json`, `journal`): [the log](first-line.md#the-log).

`plc-sim` ends with 1 if the line was unwatched at any time. `bench`, `twin`, `calibrate scores`,
and all of `model` but `list`, `check`, `import` of an `.onnx`, `attend` and `adapt --head-only`,
need a checkout of the repository: they are not in the wheel.

| command | what it does |
|---|---|"""


def commands(group: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Each command below `group` that can be run: its full name, itself, its context."""
    context = group.make_context(name, ["--help"], resilient_parsing=True)
    for child, command in group.commands.items():
        if command.hidden:
            continue
        full = f"{name} {child}"
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command, command.context_class(command, info_name=child, parent=context)


def reference() -> str:
    """The whole page, Markdown."""
    found = list(commands(typer.main.get_command(app), "vigitri"))
    rows = [f"| [`{name}`](#{_anchor(name)}) | {_summary(each)} |" for name, each, _ in found]
    return "\n".join([_HEAD, *rows, *(_section(*each) for each in found)]) + "\n"


def _section(name: str, command: Any, context: Any) -> str:
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f"\n## {name}\n", inspect.cleandoc(command.help or ""), f"\n    {usage}\n"]
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [
        f"| `{_cell(what)}` | {_cell(meaning)} |"
        for what, meaning in filter(None, records)
        if not what.startswith("--help")
    ]
    if rows:
        parts += ["| argument or option | meaning |", "|---|---|", *rows]
    return "\n".join(parts).rstrip()


def _summary(command: Any) -> str:
    return _cell(inspect.cleandoc(command.help or "").split("\n\n")[0])


def _cell(text: str) -> str:
    """As one cell of a table; defaults inside the checkout lose its place on this machine."""
    return " ".join(text.replace(_CHECKOUT, "").replace("|", "\\|").split())


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")


if __name__ == "__main__":
    print(reference(), end="")
