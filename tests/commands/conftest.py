from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from detector.cli import main
from tests.small_line import passing, write_model, write_profile, write_video


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: list[str]
    err: list[str]


Vigitri = Callable[..., Said]


@pytest.fixture
def vigitri(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Vigitri:
    """Runs a command as its entry point does; a traceback fails the test."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["vigitri", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        said = capfd.readouterr()
        code = left.value.code
        assert isinstance(code, int | None)
        return Said(code or 0, said.out.splitlines(), said.err.splitlines())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds what is white and what is red."""
    return write_model(tmp_path_factory.mktemp("model") / "white-and-red")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gas canister and a battery pass."""
    return write_video(tmp_path_factory.mktemp("clip") / "belt.avi", passing())


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory, model: Path, clip: Path) -> Path:
    return write_profile(tmp_path_factory.mktemp("profile") / "line.toml", clip, model)
