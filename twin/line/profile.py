"""The line profile of a rendered clip, usable unchanged by `vigitri run` and `replay`."""

import json
import re
from typing import Any

import numpy as np

from twin.line.camera import BeltCamera
from twin.line.scenario import Scenario

WATCHED_MM = 600.0
"""Length of the watched section: what two cores can process in time at 1 mm/px."""


def line_profile(stem: str, plan: Scenario, camera: BeltCamera, header: dict[str, Any]) -> str:
    """The profile as TOML; paths are relative to the clip's folder."""
    limit = np.array(camera.size, np.float64) - 1
    watched = min(WATCHED_MM, camera.view_mm)
    y0, y1 = (camera.view_mm - watched) / 2, (camera.view_mm + watched) / 2
    width = plan.belt.width_mm
    polygon = camera.image_points(np.array([[0, y0], [0, y1], [width, y1], [width, y0]]))
    name = re.sub("[^A-Za-z0-9_-]", "-", stem)[:64] or "twin"
    lines = [
        f"# The line of the simulated clip {stem}.mp4 (`vigitri twin render`).",
        f'line = "{name}"',
        "",
        "[camera]",
        f"source = {json.dumps(f'{stem}.mp4', ensure_ascii=False)}",
        "",
        "[belt]",
        f"polygon_px = {_list([np.clip(each, 0, limit) for each in polygon])}",
        'travel = "right"',
    ]
    if plan.belt.drive.steady:
        lines.append(f"speed_mm_s = {plan.belt.speed_mm_s:g}")
    else:
        lines.append("# No speed_mm_s: the speed of this belt varies and is measured.")
    lines += [
        "# The encoder recording of the clip, instead of a PLC:",
        '# encoder_recording = "encoder.jsonl"',
        f"# encoder_counts_per_mm = {plan.encoder.counts_per_mm:g}",
        f"# encoder_wraps_at = {plan.encoder.wraps_at}",
        "points = [",
    ]
    lines += [
        f"    {{ px = {_pair(each['image_px'])}, mm = {_pair(each['belt_mm'])} }},"
        for each in header["points"]
    ]
    lines += ["]", "", "[view]", "mm_per_px = 1.0", "", "[overload]", 'empty_belt = "empty.png"']
    for point in plan.action_points:
        lines += [
            "",
            "[[action_points]]",
            f"name = {json.dumps(point.name, ensure_ascii=False)}",
            f"y_mm = {point.y_mm:g}",
            f"acting_ms = {point.acting_ms:g}",
        ]
    return "\n".join(lines) + "\n"


def _pair(values: list[float]) -> str:
    return f"[{values[0]:g}, {values[1]:g}]"


def _list(points: list[Any]) -> str:
    return "[" + ", ".join(_pair([round(float(n), 1) for n in each]) for each in points) + "]"
