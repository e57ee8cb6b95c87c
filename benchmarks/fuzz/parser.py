"""What a fuzzed parser is, and what counts as a finding."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple, Self

from detector.errors import VigitriError, printable

IN_MEMORY = "/dev/shm"
LONGEST_LINE = 1000
"""Characters of an error line; longer ones are not read by anyone."""


class UnsoundError(Exception):
    """A parser accepted a case and gave a value that no caller can use."""


class Finding(NamedTuple):
    """A case that did not end in a sound value or a clear error."""

    kind: str
    """What, and where: the same for all cases of one fault."""
    detail: str = ""
    """As far as known, of this case."""


class Parser:
    """One parser with its valid input; a context manager, entered in the process that fuzzes."""

    refusals: tuple[type[Exception], ...] = (VigitriError,)
    """What the parser raises for input that it refuses."""
    messages_per_case = 1
    small_bytes = 1 << 16
    """A case may be that long; a longer one is cut."""

    def __init__(self) -> None:
        self.unread = 0
        """Messages of earlier cases that were not read, as their connection ended before."""
        self.seeds: Sequence[bytes] = self.valid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Release what was opened."""

    def valid(self) -> list[bytes]:
        """Valid input, small and of every kind."""
        raise NotImplementedError

    def changed(self, rng: Random) -> bytes:
        """One case: valid input, changed."""
        raise NotImplementedError

    def parse(self, case: bytes) -> None:
        """Parse one case. Raises one of `refusals`, `UnsoundError`, or else it is a finding."""
        raise NotImplementedError

    def case(self, seed: int, number: int) -> bytes:
        """Case `number` of a seed: the same in every run."""
        return self.changed(Random(seed << 48 | number))[: self.small_bytes]

    def finding(self, case: bytes) -> Finding | None:
        """What is wrong with the parser's handling of a case; None: nothing."""
        try:
            self.parse(case)
        except self.refusals as error:
            return unclear(error)
        except UnsoundError as error:
            return Finding(f"unsound value at {_place(error)}", str(error))
        except Exception as error:
            return Finding(f"{type(error).__name__} at {_place(error)}", _first_line(error))
        return None


class FileParser(Parser):
    """Reads each case from a file; it lies in memory, since a disk would take most of the time."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=IN_MEMORY))
        self._path = self._folder / "case"
        self._path.touch(0o600)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def parse(self, case: bytes) -> None:
        self._path.write_bytes(case)
        self.read(self._path)

    def read(self, path: Path) -> None:
        """Read the file, as the product does."""
        raise NotImplementedError


def unclear(error: Exception) -> Finding | None:
    """Why a refusal is not a clear line; None: it is."""
    text = str(error)
    lines = text.splitlines()
    if not lines or not text.strip():
        return Finding(f"{type(error).__name__} without a text at {_place(error)}")
    name, place = type(error).__name__, _place(error)
    if text != printable(text):
        return Finding(f"{name} with unprintable characters at {place}", ascii(text)[:400])
    if max(map(len, lines)) > LONGEST_LINE:
        return Finding(f"{name} of more than {LONGEST_LINE} characters at {place}", text[:200])
    return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:160]


def _place(error: Exception) -> str:
    """File and line of the product in which the error arose."""
    steps = traceback.extract_tb(error.__traceback__)
    ours = [step for step in steps if "/detector/" in step.filename]
    ours = ours or [step for step in steps if "/parsers/" in step.filename]
    if not ours:
        return "an unknown place"
    room, name = ours[-1].filename.rsplit("/", 2)[-2:]
    return f"{room}/{name}:{ours[-1].lineno}"
