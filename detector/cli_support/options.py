"""What the commands share: types of their options, and how they refuse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from detector.vocabulary import EngineName
from detector.wire.keys import ClientKeys, KeyFileError, load_keys
from detector.wire.requests import one_line

REFUSED = 2
INCOMPLETE = 1
INTERRUPTED = 130
"""By Ctrl-C, as shells count it."""

LineFile = Annotated[Path, typer.Argument(metavar="LINE.toml", help="The line's profile.")]
OptionalLineFile = Annotated[
    Path | None, typer.Option("--line", metavar="LINE.toml", help="The line's profile.")
]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON lines on stdout.")]
ModelName = Annotated[str, typer.Option(help="A model of `vigitri model list`, or its folder.")]
EngineOption = Annotated[
    EngineName,
    typer.Option(help="What runs the model; auto: what a line would take here."),
]
OwnKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Our secret key, where the line asks for keys.")
]
LineKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="The line's public key: its file, or 40 signs.")
]


def refuse(reason: str) -> NoReturn:
    """Say why on stderr and leave with exit code 2."""
    for line in reason.splitlines():
        print(f"vigitri: {line}", file=sys.stderr)
    raise SystemExit(REFUSED)


def from_checkout(module: str) -> Any:
    """A module that lies in the checkout alone; where it is not, one line says so."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in {module, module.split(".", maxsplit=1)[0]}:
            refuse(f"{module} needs {error.name}: install the extra that brings it")
        refuse(f"{module.split('.', maxsplit=1)[0]}/ is not installed: run this in a checkout")


@contextmanager
def one_line_for(*errors: Callable[..., Exception]) -> Iterator[None]:
    """Turn these errors into one clear line."""
    try:
        yield
    except tuple(errors) as error:  # type: ignore[misc]
        refuse(one_line(error) if isinstance(error, ValidationError) else str(error))


def client_keys(own: Path | None, line: str | None) -> ClientKeys | None:
    """The keys that a client's options name; both or neither."""
    if own is None and line is None:
        return None
    if own is None or line is None:
        raise KeyFileError("--own-key and --line-key go together: ours, and whose the line's is")
    return load_keys(own, line)
