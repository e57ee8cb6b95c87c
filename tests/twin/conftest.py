"""A small line that renders in a second, and a fixture that writes changed scenario files."""

from collections.abc import Callable
from pathlib import Path

import pytest

TINY = """
seed = 3
duration_s = 0.4
[belt]
width_mm = 200
speed_mm_s = 500
loop_mm = 1500
[camera]
width_px = 256
height_px = 160
fps = 20
px_per_mm = 0.6
[video]
preset = "ultrafast"
[[stretches]]
from_mm = -300
to_mm = 0
coverage = 0.2
[[objects]]
kind = "d_cell"
at_mm = -150
x_mm = 60
[[objects]]
kind = "pierceable_cartridge"
at_mm = -60
x_mm = 130
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Path]:
    """The tiny scenario with one text replaced by another."""

    def write(old: str, new: str) -> Path:
        assert old in TINY
        path = tmp_path / "changed.toml"
        path.write_text(TINY.replace(old, new, 1))
        return path

    return write
