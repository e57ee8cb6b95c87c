"""The peers' virtual environments: pinned packages from the index, never in Vigitri's own.

A peer runs without a network: several report their use to their makers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from detector.errors import VigitriError

_SHARED = ("onnxruntime==1.32.0", "openvino==2026.4.1")
PACKAGES = {
    # AGPL-3.0. It needs torch for an ONNX network too, which from PyPI brings CUDA. torch and
    # torchvision must be of one build: `+cpu` beside `+cu130` ends at the import of torchvision.
    "ultralytics": (
        "ultralytics-opencv-headless==8.4.190", "torch==2.14.1", "torchvision==0.29.1",
        "onnx==1.23.2", "lap==0.5.12", *_SHARED,
    ),
    # Apache-2.0; 150 packages and 7 GB, with CUDA's libraries although it is the build for CPUs.
    "inference": ("inference-cpu==1.8.3",),
    "supervision": ("supervision==0.31.2", "trackers==2.6.1", "onnxruntime==1.32.0"),
}  # fmt: skip
SETTINGS = {
    "ORT_DISABLE_TELEMETRY": "1",
    "METRICS_ENABLED": "False",
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
}
"""Each library's own switches, although nothing could leave anyway."""
_NO_NETWORK = ("unshare", "--user", "--map-root-user", "--net")


class PeerError(VigitriError, RuntimeError):
    """A peer that cannot run here; the message is one line."""


def build(names: Iterable[str], folder: Path) -> None:
    """Make the environments that are missing. Raises `PeerError`."""
    for name in names:
        if (folder / name / "complete").exists():
            continue
        print(f"installing {' '.join(PACKAGES[name])} into {folder / name}", file=sys.stderr)
        shutil.rmtree(folder / name, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(folder / name)],
            [str(python_of(name, folder)), "-m", "pip", "install", "--quiet", *PACKAGES[name]],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise PeerError(f"{name}: pip could not install it: {last}")
        (folder / name / "complete").touch()


def python_of(name: str, folder: Path) -> Path:
    """The Python of an environment."""
    return folder / name / "bin" / "python"


def refuse_network(folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """What to put before a peer's command, and its variables. Raises `PeerError`."""
    if subprocess.run([*_NO_NETWORK, "true"], capture_output=True, check=False).returncode:
        raise PeerError(
            "this machine has no network namespaces for users (unshare --net), so a peer could "
            "send; it is left out"
        )
    own = {"YOLO_CONFIG_DIR": str(folder), "MPLCONFIGDIR": str(folder)}
    return _NO_NETWORK, {**os.environ, **SETTINGS, **own}
