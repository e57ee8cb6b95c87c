"""What an external program imports."""

from __future__ import annotations

import importlib.resources
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vigitri
from detector import client


def test_the_public_package_hands_out_all_of_the_client() -> None:
    assert set(client.__all__) < set(vigitri.__all__)
    for name in client.__all__:
        assert getattr(vigitri, name) is getattr(client, name)


def test_the_packages_are_marked_as_typed() -> None:
    for package in ("vigitri", "detector", "calibration"):
        assert importlib.resources.files(package).joinpath("py.typed").is_file()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the packages of the wheel."""
    root = Path(vigitri.__file__).parents[1]
    for package in ("detector", "calibration", "vigitri"):
        (tmp_path / package).symlink_to(root / package)
    return tmp_path


def printed_by(installed: Path, program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_an_installed_wheel_finds_its_model_inside_the_public_package(installed: Path) -> None:
    program = "from detector.vision.catalogue import CATALOGUE; print(CATALOGUE)"
    assert Path(printed_by(installed, program).strip()) == installed / "vigitri" / "models"


def test_an_installed_wheel_lists_no_command_that_needs_a_checkout(installed: Path) -> None:
    program = """
import typer.main
from detector.cli import app
for name, command in typer.main.get_command(app).commands.items():
    print(name, *getattr(command, "commands", ()))
"""
    listed = {
        line.split()[0]: line.split()[1:]
        for line in printed_by(installed, program).split("\n")
        if line
    }
    assert not {"bench", "twin"} & set(listed)
    assert listed["model"] == [
        *("list", "check", "signing-key", "sign"),
        *("import", "attend", "adapt"),
    ]
    assert "scores" not in listed["calibrate"]
