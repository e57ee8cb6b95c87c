"""The package's public names."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import twin

ROOT = Path(__file__).parents[2]


def test_every_public_name_exists() -> None:
    assert all(hasattr(twin, name) for name in twin.__all__)


def test_the_usage_of_the_docstring_works() -> None:
    scenario = twin.load(twin.find("calm"))
    frame = next(twin.SimulatedLine(scenario).run())
    assert frame.image is not None
    assert frame.image.shape == (720, 1280, 3)
    assert "objects" in frame.truth
    assert twin.draw("aa_cell", np.random.default_rng(1), px_per_mm=1.0).shape[2] == 4


def test_importing_the_twin_loads_neither_blender_nor_pyav() -> None:
    program = "import sys, twin; print(*{'bpy', 'av', 'torch'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""
