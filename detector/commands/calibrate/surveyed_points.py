"""Surveyed points, from a CSV file or from the profile."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.belt.plane import CalibrationError
from detector.profile.line import LineProfile

Points = NDArray[np.float64]


def surveyed_points(profile: LineProfile, points: Path | None) -> tuple[Points, Points]:
    """`(n, 2)` image px and `(n, 2)` belt mm, from a CSV file or the profile.

    Raises `CalibrationError`.
    """
    if points is None:
        rows: list[tuple[float, ...]] = [(*point.px, *point.mm) for point in profile.belt.points]
    else:
        rows = [_row(points, number, row) for number, row in enumerate(_lines(points), start=2)]
        if not rows:
            raise CalibrationError(f"{points}: has no points. Write one per line below the header")
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return table[:, :2], table[:, 2:]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if set(reader.fieldnames or ()) != {"u_px", "v_px", "x_mm", "y_mm"}:
                raise CalibrationError(
                    f"{path}: the header is {','.join(reader.fieldnames or ())!r}. "
                    "Write u_px,v_px,x_mm,y_mm (x across the belt, y along the travel)"
                )
            return list(reader)
    except UnicodeDecodeError:
        raise CalibrationError(f"{path}: is not UTF-8 text. Save it as CSV (UTF-8)") from None
    except csv.Error as error:
        raise CalibrationError(f"{path}: is not CSV: {error}. Save it as CSV (UTF-8)") from None


def _row(path: Path, number: int, row: dict[str, Any]) -> tuple[float, ...]:
    try:
        values = tuple(float(row[key]) for key in ("u_px", "v_px", "x_mm", "y_mm"))
        if not np.isfinite(values).all() or len(row) > len(values):  # 812,5 is two columns
            raise ValueError
    except (TypeError, ValueError):
        raise CalibrationError(
            f"{path}, line {number}: {_as_written(row)} are not four "
            "numbers. Use a decimal point, e.g. 812.5,40,0,1200"
        ) from None
    return values


def _as_written(row: dict[str, Any]) -> str:
    return ",".join(",".join(v) if isinstance(v, list) else str(v) for v in row.values())
