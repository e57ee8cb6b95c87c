"""What deploy/ has for a box on a line: the locks and the units of systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import typer.main
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from detector.cli import app

DEPLOY = Path(__file__).parent.parent / "deploy"
PROJECT = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = ("openvino", "opcua", "signing")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
LOCKS = ("requirements.lock", "build.lock")
ANALYZE = shutil.which("systemd-analyze")


def locked(name: str) -> dict[str, tuple[str, str]]:
    """By package: its version, and the text of its entry."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        requirement = Requirement(entry.split(" \\\n", maxsplit=1)[0])
        (pinned,) = requirement.specifier
        assert pinned.operator == "=="
        found[canonicalize_name(requirement.name)] = pinned.version, entry
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    entries = locked(lock)
    assert len(entries) > 4
    hashed = r"--hash=sha256:[0-9a-f]{64}\b"
    assert [name for name, (_, entry) in entries.items() if not re.search(hashed, entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_agree_with_pyproject(lock: str) -> None:
    if lock == "build.lock":
        wanted = PROJECT["build-system"]["requires"]
    else:
        optional = PROJECT["project"]["optional-dependencies"]
        wanted = [*PROJECT["project"]["dependencies"], *(w for e in EXTRAS for w in optional[e])]
    entries = locked(lock)
    for requirement in map(Requirement, wanted):
        version, _ = entries.get(canonicalize_name(requirement.name), ("nothing", ""))
        assert version in requirement.specifier, f"{requirement}: {lock} has {version}: make lock"


def test_the_lock_has_what_its_packages_need() -> None:
    entries = locked("requirements.lock")
    missing = []
    compared = 0
    for name, (version, _) in entries.items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform
        if installed.version != version:
            continue
        compared += 1
        for needed in map(Requirement, installed.requires or ()):
            applies = needed.marker is None or needed.marker.evaluate({"extra": ""})
            if applies and canonicalize_name(needed.name) not in entries:
                missing.append(f"{name} needs {needed}")
    assert missing == []
    assert compared > 0


def test_the_lock_has_nothing_of_the_workshop() -> None:
    workshop = {"torch", "ultralytics", "bpy", "matplotlib", "pytest", "pip", "setuptools"}
    assert not workshop & set(locked("requirements.lock"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_without_any_privilege(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=/opt/vigitri/bin/vigitri (.*)$", text, re.MULTILINE)
    group = typer.main.get_command(app)
    for word in command.split():
        if not hasattr(group, "commands"):
            break
        group = group.commands[word]
    assert not hasattr(group, "commands")
    for line in (
        "Type=notify",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "User=vigitri",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "IPAddressDeny=any",
        "LimitCORE=0",
    ):
        assert f"\n{line}\n" in text


def test_the_lines_of_a_machine_share_the_folder_of_their_inference_locks() -> None:
    text = (DEPLOY / "systemd" / "vigitri@.service").read_text(encoding="utf-8")
    assert {"RuntimeDirectory=vigitri", "RuntimeDirectoryPreserve=yes"} <= set(text.splitlines())
    assert "TMPDIR=%t/vigitri" in text  # not the private /tmp


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_rates_no_unit_above_1_3() -> None:
    assert ANALYZE is not None
    words = [ANALYZE, "security", "--offline=yes", "--no-pager", "--threshold=13"]
    rated = subprocess.run([*words, *UNITS], check=False, capture_output=True, text=True)
    assert rated.returncode == 0, "\n".join(
        line for line in rated.stdout.splitlines() if "→" in line
    )
