"""The accelerator that trainings run on."""

from __future__ import annotations


def accelerator() -> str:
    """`cuda`, `mps` or `cpu`, as torch calls them: the first that this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
