"""The accelerator and the cores that trainings run on."""

from __future__ import annotations

import os


def accelerator() -> str:
    """`cuda`, `mps` or `cpu`, as torch calls them: the first that this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
