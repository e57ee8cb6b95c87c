"""What an external program imports."""

from __future__ import annotations

import importlib.resources

import vigitri
from detector import client


def test_the_public_package_hands_out_all_of_the_client() -> None:
    assert set(client.__all__) < set(vigitri.__all__)
    for name in client.__all__:
        assert getattr(vigitri, name) is getattr(client, name)


def test_the_packages_are_marked_as_typed() -> None:
    for package in ("vigitri", "detector", "calibration"):
        assert importlib.resources.files(package).joinpath("py.typed").is_file()
