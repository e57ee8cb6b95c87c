"""What is true in every frame, as lines of JSON: the header first, then one line per frame."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from twin.camera import BeltCamera
from twin.scenario import Scenario
from twin.strip import Lying, Strip

SCHEMA = "vigitri-twin-truth/1"
OVERLOAD_COVERAGE = 0.85
"""Share of the belt in view from which a frame counts as overload (DOMAIN, starting value)."""
LEAST_BOX_PX = 2.0


def header(scenario: Scenario, camera: BeltCamera, strip: Strip, clip: str) -> dict[str, Any]:
    """The run's fixed facts; `points` tie four image px (u, v) to belt mm (x across, y along)."""
    belt = scenario.belt
    corners_mm = np.array(
        [[0.0, 0.0], [0.0, camera.view_mm], [belt.width_mm, camera.view_mm], [belt.width_mm, 0.0]]
    )
    corners_px = camera.image_points(corners_mm)
    return {
        "schema": SCHEMA,
        "clip": clip,
        "seed": scenario.seed,
        "fps": scenario.camera.fps,
        "frames": scenario.frames,
        "size_px": list(camera.size),
        "px_per_mm": scenario.camera.px_per_mm,
        "belt_width_mm": belt.width_mm,
        "view_mm": _round(camera.view_mm),
        "speed_mm_s": belt.speed_mm_s,
        "travel": "left to right",
        "belt_polygon_px": [_round(*point) for point in camera.belt_polygon()],
        "points": [
            {"image_px": _round(*px), "belt_mm": _round(*mm)}
            for px, mm in zip(corners_px, corners_mm, strict=True)
        ],
        "overload_rule": f"coverage of the belt in view is at least {OVERLOAD_COVERAGE}",
        "overload_mm": _overloads(scenario, camera, strip),
        "things": [_thing(each) for each in strip.lying],
    }


def frames(scenario: Scenario, camera: BeltCamera, strip: Strip) -> Iterator[dict[str, Any]]:
    """One record per frame; `objects` are the hazards that the picture shows at least in part."""
    hazards = [_Seen(each, camera, strip) for each in strip.lying if each.hazard is not None]
    covered = _Covered(strip, camera.view_mm)
    for index in range(scenario.frames):
        t_s = index / scenario.camera.fps
        position = t_s * scenario.belt.speed_mm_s
        seen = (each.record(position) for each in hazards)
        coverage = covered.at(position)
        yield {
            "frame": index,
            "t_s": round(t_s, 4),
            "belt_position_mm": _round(position),
            "objects": [each for each in seen if each is not None],
            "coverage": round(coverage, 3),
            "overload": coverage >= OVERLOAD_COVERAGE,
        }


class _Covered:
    """Share of the belt in view that anything lies on, for every belt position."""

    def __init__(self, strip: Strip, view_mm: float) -> None:
        self.strip, self.view_mm = strip, view_mm
        self.sums = np.concatenate(([0.0], np.cumsum(strip.covered.mean(axis=0))))

    def at(self, position_mm: float) -> float:
        left = max(0, round(self.strip.column(position_mm)))
        right = min(len(self.sums) - 1, round(self.strip.column(position_mm - self.view_mm)))
        return float((self.sums[right] - self.sums[left]) / max(right - left, 1))


class _Seen:
    """One hazard on its way through the picture."""

    def __init__(self, thing: Lying, camera: BeltCamera, strip: Strip) -> None:
        self.thing, self.camera, self.strip = thing, camera, strip
        self.sums = np.concatenate(([0.0], np.cumsum(thing.shown.sum(axis=0))))
        ends = camera.image_points(np.array([[thing.x_mm, 0.0], [thing.x_mm, camera.view_mm]]))
        mm_per_px = camera.view_mm / (ends[1, 0] - ends[0, 0])
        # Where along the belt the picture begins and ends on this thing's row.
        self.first_mm = float(-0.5 - ends[0, 0]) * mm_per_px
        self.last_mm = float(camera.size[0] - 0.5 - ends[0, 0]) * mm_per_px

    def record(self, position_mm: float) -> dict[str, Any] | None:
        thing = self.thing
        along = position_mm - thing.outline_mm[:, 0]
        if along.max() < self.first_mm or along.min() > self.last_mm:
            return None
        visible = self._visible(position_mm)
        outline = np.stack((thing.outline_mm[:, 1], along), axis=1)
        points = self.camera.image_points(outline)
        limit = np.array(self.camera.size, np.float64)
        low = np.clip(points.min(axis=0), 0, limit)
        high = np.clip(points.max(axis=0), 0, limit)
        if visible < 0.005 or (high - low).min() < LEAST_BOX_PX:
            return None
        return {
            "id": thing.id,
            "kind": thing.kind,
            "class": thing.hazard,
            "box_px": [*_round(*low), *_round(*high)],
            "visible": round(visible, 2),
            "x_mm": _round(thing.x_mm),
            "y_mm": _round(position_mm - thing.at_mm),
        }

    def _visible(self, position_mm: float) -> float:
        """Share of the thing that nothing covers and that lies inside the picture."""
        strip, thing = self.strip, self.thing
        left = round(strip.column(position_mm - self.first_mm)) - thing.left
        right = round(strip.column(position_mm - self.last_mm)) - thing.left
        limit = len(self.sums) - 1
        a, b = (int(np.clip(edge, 0, limit)) for edge in (left, right))
        return float(self.sums[b] - self.sums[a]) / thing.whole if thing.whole else 0.0


def _overloads(scenario: Scenario, camera: BeltCamera, strip: Strip) -> list[list[float]]:
    """Belt positions [from, to] between which the view is overloaded."""
    covered = _Covered(strip, camera.view_mm)
    positions = np.arange(0, scenario.run_mm, 10.0)
    full = np.array([covered.at(float(p)) >= OVERLOAD_COVERAGE for p in positions], np.int8)
    turns = np.flatnonzero(np.diff(np.concatenate(([0], full, [0]))))
    ends = [float(positions[min(int(i), len(positions) - 1)]) for i in turns]
    return [[a, b] for k, (a, b) in enumerate(pairwise(ends)) if k % 2 == 0]


def _thing(thing: Lying) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": thing.id,
        "kind": thing.kind,
        "class": thing.hazard,
        "at_mm": _round(thing.at_mm),
        "x_mm": _round(thing.x_mm),
        "length_mm": _round(thing.length_mm),
        "width_mm": _round(thing.width_mm),
        "height_mm": _round(thing.height_mm),
        "angle_deg": _round(thing.angle_deg % 360),
    }
    if thing.hazard is not None:
        record["visible"] = round(thing.visible(), 2)
        record["outline_mm"] = [_round(*point) for point in thing.outline_mm[::3]]
    return record


def _round(*values: float) -> Any:
    """Tenths, of px or mm: finer than anything is drawn; a single value stays single."""
    tenths = [round(float(value), 1) for value in values]
    return tenths[0] if len(tenths) == 1 else tenths
