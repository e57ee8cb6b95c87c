from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from benchmarks.fuzz.parsers.settings import LEAST_PROFILE
from detector.belt.plane import CalibrationError
from detector.commands.calibrate.surveyed_points import surveyed_points
from detector.profile.line import LineProfile


def test_a_table_with_a_field_without_end_is_refused_in_one_line(tmp_path: Path) -> None:
    profile = LineProfile.model_validate(tomllib.loads(f"{LEAST_PROFILE}px_per_mm = 1"))
    path = tmp_path / "points.csv"
    path.write_text(f'u_px,v_px,x_mm,y_mm\n"{"1" * 200_000}\n')
    with pytest.raises(CalibrationError, match="is not CSV: field larger than") as error:
        surveyed_points(profile, path)
    assert "\n" not in str(error.value)
