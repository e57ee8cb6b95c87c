"""The first profile of a line, from a few questions and a camera image with a pixel grid."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import tomlkit
import typer
from numpy.typing import NDArray

from detector.belt.line_plane import NARROWEST_MM, WIDEST_MM
from detector.belt.plane import CalibrationError, nominal_plane
from detector.commands.calibrate.board_images import current_image
from detector.ingest import SourceError
from detector.ingest.source import Image
from detector.ingest.sources.paths import local_path
from detector.profile.belt import Travel
from detector.profile.line import LINE_NAME
from detector.profile.loading import load_profile

_GRID_PX = 100


def begin_profile(line: Path) -> None:
    """Ask for the required keys and write the profile. Raises `SourceError`, `ProfileError`."""
    print(f"{line} does not exist yet: a few questions first.")
    name = _name(line.stem)
    source, image = _camera()
    if "://" not in source:  # paths in a profile start at its folder
        source = os.path.relpath(local_path(source), line.parent)
    grid_file = line.with_name(f"{line.stem}-camera.png")
    encoded, png = cv2.imencode(".png", with_grid(image))
    if not encoded:
        raise SourceError(str(grid_file), "can't be encoded as PNG", "report this")
    grid_file.write_bytes(png.tobytes())
    height, width = image.shape[:2]
    print(f"{grid_file}: the camera image, {width} x {height} px, with a pixel grid.")
    travel: Travel = _travel()
    corners = _corners()
    width_mm = _width_mm()
    across_px = float(np.ptp(nominal_plane(corners, travel, 1.0, "nominal").to_belt(corners)[:, 0]))
    belt = tomlkit.table()
    belt.update({"polygon_px": corners.tolist(), "travel": travel})
    belt.add(tomlkit.comment("Approximate, from the belt's width; calibration.plane overrides it."))
    belt.add("px_per_mm", float(f"{across_px / width_mm:.4g}"))
    profile = {"line": name, "camera": {"source": source}, "belt": belt}
    line.write_text(tomlkit.dumps(profile), encoding="utf-8")
    load_profile(line)


def with_grid(image: Image) -> Image:
    """A copy of an image, `(h, w, 3)`, with numbered lines every 100 px."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    for x in range(0, width, _GRID_PX):
        cv2.line(drawn, (x, 0), (x, height), (0, 255, 255), 1)
        cv2.putText(drawn, str(x), (x + 2, 12), cv2.FONT_HERSHEY_PLAIN, 0.9, (0, 255, 255))
    for y in range(_GRID_PX, height, _GRID_PX):
        cv2.line(drawn, (0, y), (width, y), (0, 255, 255), 1)
        cv2.putText(drawn, str(y), (2, y - 2), cv2.FONT_HERSHEY_PLAIN, 0.9, (0, 255, 255))
    return drawn


def _name(default: str) -> str:
    while True:
        name = str(typer.prompt("Name of the line?", default=default)).strip()
        if re.fullmatch(LINE_NAME, name):
            return name
        print('Use letters, digits, "-" and "_", e.g. hall2-belt1')


def _width_mm() -> float:
    while True:
        width_mm: float = typer.prompt(
            "How wide is the belt between these edges, in mm?", type=float
        )
        if NARROWEST_MM <= width_mm <= WIDEST_MM:
            return width_mm
        print(f"A belt is {NARROWEST_MM:g} to {WIDEST_MM:g} mm wide. Measure it with a tape")


def _camera() -> tuple[str, Image]:
    """A working source, and an image of it."""
    while True:
        source = str(typer.prompt("Camera (v4l2:///dev/video0, rtsp://..., or a recording)?"))
        try:
            return source, current_image(source, None)
        except SourceError as error:
            print(error)


def _travel() -> Travel:
    answer = ""
    while answer not in get_args(Travel):
        answer = str(
            typer.prompt(
                "In which direction does the belt move in the image (right, left, down, up)?"
            )
        ).strip()
    return answer  # type: ignore[return-value]


def _corners() -> NDArray[np.float64]:
    """`(n, 2)` corners of the belt, px, in order around it."""
    while True:
        answer = typer.prompt(
            "Corners of the belt in px, in order around it, e.g. 0,40 1280,40 1280,680 0,680"
        )
        numbers = re.findall(r"-?\d+(?:\.\d+)?", str(answer))
        corners = np.array([float(each) for each in numbers[: len(numbers) // 2 * 2]]).reshape(
            -1, 2
        )
        try:
            if len(numbers) % 2 or len(corners) < 3:
                raise CalibrationError(f"{len(numbers)} numbers do not give three corners or more")
            if cv2.contourArea(corners.astype(np.float32)) < 100:
                raise CalibrationError("these corners enclose no area")
        except CalibrationError as error:
            print(f"{error}. Give x,y of each corner, with a space between corners")
            continue
        return corners
