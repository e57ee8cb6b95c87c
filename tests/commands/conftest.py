from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from detector.cli import main
from tests.small_line import passing, write_model, write_profile, write_video


class Result(NamedTuple):
    """Exit code and printed lines of a command."""

    code: int
    out: list[str]
    err: list[str]


Vigitri = Callable[..., Result]


@pytest.fixture
def vigitri(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Vigitri:
    """Runs a command as its entry point does; a traceback fails the test."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["vigitri", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capfd.readouterr()
        code = left.value.code
        assert isinstance(code, int | None)
        return Result(code or 0, captured.out.splitlines(), captured.err.splitlines())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that detects white and red objects."""
    return write_model(tmp_path_factory.mktemp("model") / "white-and-red")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video in which a gas canister and a battery pass."""
    return write_video(tmp_path_factory.mktemp("clip") / "belt.avi", passing())


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory, model: Path, clip: Path) -> Path:
    return write_profile(tmp_path_factory.mktemp("profile") / "line.toml", clip, model)
