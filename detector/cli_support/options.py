"""Shared by the commands: option types, exit codes and refusals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from detector.vocabulary import EngineName
from detector.wire.keys import ClientKeys, KeyFileError, load_keys
from detector.wire.requests import one_line

ONLY_IN_A_CHECKOUT = {"benchmarks", "models", "twin"}
REFUSED = 2
INCOMPLETE = 1
INTERRUPTED = 130
"""By Ctrl-C; the exit code that shells use for it."""

LineFile = Annotated[Path, typer.Argument(metavar="LINE.toml", help="The line's profile.")]
OptionalLineFile = Annotated[
    Path | None, typer.Option("--line", metavar="LINE.toml", help="The line's profile.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")]
ModelName = Annotated[
    str, typer.Option(help="Model name from `vigitri model list`, or a model folder.")
]
EngineOption = Annotated[
    EngineName,
    typer.Option(help="Inference engine; auto: the engine that a line would use here."),
]
OwnKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Our own secret key file, if the line requires keys."),
]
LineKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="The line's public key: a key file, or the 40-character key."),
]


def refuse(reason: str) -> NoReturn:
    """Print the reason on stderr and exit with code 2."""
    for line in reason.splitlines():
        print_error(line)
    raise SystemExit(REFUSED)


def print_error(line: str) -> None:
    """Print an error line of a command on stderr; it is no log line."""
    print(f"vigitri: {line}", file=sys.stderr, flush=True)


def refuse_without(module: str) -> NoReturn:
    """Refuse a command that needs this module: part of an extra, or of a checkout."""
    package = module.split(".", maxsplit=1)[0]
    if package in ONLY_IN_A_CHECKOUT:
        refuse(f"{package}/ is not installed: run this in a checkout")
    refuse(f"this command needs {package}: install the extra that its --help names")


@contextmanager
def one_line_for(*errors: Callable[..., Exception]) -> Iterator[None]:
    """Turn these errors into one-line refusals."""
    try:
        yield
    except typer.Exit:  # a RuntimeError, but an end that the command chose
        raise
    except tuple(errors) as error:  # type: ignore[misc]
        refuse(one_line(error) if isinstance(error, ValidationError) else str(error))


def client_keys(own: Path | None, line: str | None) -> ClientKeys | None:
    """The keys that a client's options name; None without keys.

    Raises:
        KeyFileError: Only one of the two is given, or a file is refused.
    """
    if own is None and line is None:
        return None
    if own is None or line is None:
        raise KeyFileError("--own-key and --line-key go together: give both, or neither")
    return load_keys(own, line)
