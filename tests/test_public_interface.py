"""What an external program imports."""

from __future__ import annotations

import importlib.resources
import os
import subprocess
import sys
from pathlib import Path

import vigitri
from detector import client


def test_the_public_package_hands_out_all_of_the_client() -> None:
    assert set(client.__all__) < set(vigitri.__all__)
    for name in client.__all__:
        assert getattr(vigitri, name) is getattr(client, name)


def test_the_packages_are_marked_as_typed() -> None:
    for package in ("vigitri", "detector", "calibration"):
        assert importlib.resources.files(package).joinpath("py.typed").is_file()


def test_an_installed_wheel_finds_its_model_inside_the_public_package(tmp_path: Path) -> None:
    root = Path(vigitri.__file__).parents[1]
    for package in ("detector", "calibration", "vigitri"):
        (tmp_path / package).symlink_to(root / package)
    printed = subprocess.run(
        [sys.executable, "-c", "from detector.vision.catalogue import CATALOGUE; print(CATALOGUE)"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(printed.strip()) == tmp_path / "vigitri" / "models"
