"""Parsers that fail at some cases, each in its own manner."""

from __future__ import annotations

import os
import signal
from random import Random

from benchmarks.fuzz.parser import Parser, UnsoundError
from detector.errors import VigitriError


class Failing(Parser):
    def valid(self) -> list[bytes]:
        return [b""]

    def changed(self, rng: Random) -> bytes:
        return rng.choice((b"refused", b"accepted", b"unsound", b"raises"))

    def parse(self, case: bytes) -> None:
        if case == b"refused":
            raise VigitriError("refused; write it otherwise")
        if case == b"unsound":
            raise UnsoundError("a value")
        if case == b"raises":
            raise KeyError("x")


class Ending(Failing):
    """The third case ends the process, the fifth takes too long, the seventh much memory."""

    def case(self, seed: int, number: int) -> bytes:  # noqa: ARG002
        return {2: b"crash", 4: b"hang", 6: b"memory"}.get(number, b"accepted")

    def parse(self, case: bytes) -> None:
        if case == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        while case == b"hang":
            pass
        if case == b"memory":
            assert b"x" * (300 << 20)
