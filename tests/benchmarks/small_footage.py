"""A clip of a few frames with its truth: a gas canister passes, and then a battery."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ground_truth import SCHEMA
from tests.small_line import BELT_PX_A_FRAME, FPS, SIZE_PX, passing, write_video

MM_PER_PX = 2.0
GAS: dict[str, Any] = {"id": 1, "kind": "cartridge", "class": "gas_canister", "x_mm": 160}
CELL: dict[str, Any] = {"id": 2, "kind": "pack", "class": "battery", "x_mm": 340}
_SIZES_MM = {1: (120.0, 80.0), 2: (48.0, 28.0)}
_AT_MM = {1: 80.0, 2: 200.0}


def write_footage(folder: Path, frames: int = 32) -> Path:
    """Write `belt.avi` and `belt.truth.jsonl`; returns the clip."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = write_video(folder / "belt.avi", passing(frames))
    width, height = (side * MM_PER_PX for side in SIZE_PX)
    corners = [(0, 0), (SIZE_PX[0], 0), SIZE_PX, (0, SIZE_PX[1])]
    header = {
        "schema": SCHEMA,
        "clip": clip.name,
        "fps": FPS,
        "size_px": list(SIZE_PX),
        "belt_width_mm": height,
        "view_mm": width,
        "speed_mm_s": BELT_PX_A_FRAME * FPS * MM_PER_PX,
        "travel": "left to right",
        "points": [
            {"image_px": [u, v], "belt_mm": [v * MM_PER_PX, u * MM_PER_PX]} for u, v in corners
        ],
        "objects": [_placed_object(each) for each in (GAS, CELL)],
    }
    records = [header, *(_record(number) for number in range(frames))]
    text = "".join(f"{json.dumps(each)}\n" for each in records)
    clip.with_name("belt.truth.jsonl").write_text(text)
    return clip


def _placed_object(placed: dict[str, Any]) -> dict[str, Any]:
    length, width = _SIZES_MM[placed["id"]]
    at, x = _AT_MM[placed["id"]], placed["x_mm"]
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    outline = [(at + a * length / 2, x + b * width / 2) for a, b in corners]
    return {**placed, "at_mm": at, "length_mm": length, "width_mm": width, "outline_mm": outline}


def _record(number: int) -> dict[str, Any]:
    position_mm = number * BELT_PX_A_FRAME * MM_PER_PX
    objects = []
    for placed in (GAS, CELL):
        length, width = _SIZES_MM[placed["id"]]
        y_mm = position_mm - _AT_MM[placed["id"]]
        u0, u1 = ((y_mm + side * length / 2) / MM_PER_PX for side in (-1, 1))
        v0, v1 = ((placed["x_mm"] + side * width / 2) / MM_PER_PX for side in (-1, 1))
        u0, u1 = (min(max(u, 0.0), float(SIZE_PX[0])) for u in (u0, u1))
        if u1 - u0 >= 2:
            objects.append({**placed, "box_px": [u0, v0, u1, v1], "visible": 1.0, "y_mm": y_mm})
    return {
        "frame": number,
        "belt_position_mm": position_mm,
        "objects": objects,
        "overload": False,
    }
