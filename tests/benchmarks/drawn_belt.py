"""The truth of a belt without images: 800 x 600 px at 1 px per mm, running to the right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.accuracy.ground_truth import SCHEMA, GroundTruth
from benchmarks.accuracy.passages import LineGroundTruth
from detector.profile.line import LineProfile
from detector.wire import samples
from detector.wire.messages import Alert, Arrival, Hazard

FPS, STEP_MM = 20, 10.0
VIEW_MM, WIDTH_MM = 800.0, 600.0
CORNERS = [(0, 0), (VIEW_MM, 0), (VIEW_MM, WIDTH_MM), (0, WIDTH_MM)]
PROFILE = LineProfile.model_validate(
    {
        "line": "drawn",
        "camera": {"source": "-"},
        "belt": {
            "polygon_px": [[100, 0], [700, 0], [700, 600], [100, 600]],
            "travel": "right",
            "points": [{"px": [u, v], "mm": [v, u]} for u, v in CORNERS],
            "speed_mm_s": STEP_MM * FPS,
        },
        "action_points": [{"name": "picker", "y_mm": 1800, "acting_ms": 1000}],
    }
)
"""A line that watches the middle 600 mm."""


def placed_object(
    number: int,
    kind: str,
    class_name: str | None,
    at_mm: float,
    x_mm: float,
    *,
    length_mm: float = 100,
    width_mm: float = 40,
    angle_deg: float = 0,
    visible: float = 1.0,
    height_mm: float | None = None,
) -> dict[str, Any]:
    """An object on the belt; at 0 degrees its length is along the travel."""
    turn = math.radians(angle_deg)
    corners = [
        (a * length_mm / 2, b * width_mm / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    outline = [
        (
            at_mm + u * math.cos(turn) - v * math.sin(turn),
            x_mm + u * math.sin(turn) + v * math.cos(turn),
        )
        for u, v in corners
    ]
    return {
        "id": number,
        "kind": kind,
        "class": class_name,
        "at_mm": at_mm,
        "x_mm": x_mm,
        "length_mm": length_mm,
        "width_mm": width_mm,
        "visible": visible,
        "outline_mm": outline,
        **({} if height_mm is None else {"height_mm": height_mm}),
    }


def box_of(placed: dict[str, Any], frame: int) -> tuple[float, float, float, float]:
    """Its bounding box in the image, px."""
    along = [frame * STEP_MM - at for at, _ in placed["outline_mm"]]
    across = [x for _, x in placed["outline_mm"]]
    first, last = (float(np.clip(end, 0.0, VIEW_MM)) for end in (min(along), max(along)))
    return first, min(across), last, max(across)


def truth_of(
    objects_on_belt: list[dict[str, Any]],
    frames: int = 200,
    *,
    overload: range = range(0),
    stopped: range = range(0),
) -> GroundTruth:
    """The truth of `frames` frames with those objects; the belt is stopped in `stopped`."""
    header = {
        "schema": SCHEMA,
        "clip": "drawn.mp4",
        "fps": FPS,
        "size_px": [int(VIEW_MM), int(WIDTH_MM)],
        "belt_width_mm": WIDTH_MM,
        "view_mm": VIEW_MM,
        "speed_mm_s": STEP_MM * FPS,
        "travel": "left to right",
        "points": [{"image_px": [u, v], "belt_mm": [v, u]} for u, v in CORNERS],
        "objects": objects_on_belt,
    }
    records: list[dict[str, Any]] = [header]
    position_mm = 0.0
    for number in range(frames):
        objects = []
        for placed in objects_on_belt:
            box = box_of(placed, round(position_mm / STEP_MM))
            if placed["class"] is not None and box[2] - box[0] >= 2:
                objects.append(
                    {
                        **{key: placed[key] for key in ("id", "kind", "class", "visible", "x_mm")},
                        "box_px": list(box),
                        "y_mm": position_mm - placed["at_mm"],
                    }
                )
        records.append(
            {
                "frame": number,
                "belt_position_mm": position_mm,
                "objects": objects,
                "overload": number in overload,
            }
        )
        position_mm += 0.0 if number in stopped else STEP_MM
    return GroundTruth.of(records, "drawn")


def ground_of(*placed: dict[str, Any], **changes: Any) -> LineGroundTruth:
    return LineGroundTruth(truth_of(list(placed), **changes), PROFILE)


def alert(
    box_px: tuple[float, ...], frame: int, class_name: str, event_id: str = "a1", **changes: Any
) -> Alert:
    """An alert on a box in a frame."""
    place = samples.ALERT.place
    assert place is not None
    hazard = Hazard.BATTERY if class_name == "battery" else Hazard.GAS
    updates = {
        "event_id": event_id,
        "hazard": hazard,
        "class_name": class_name,
        "frame_index": frame,
        "place": place.model_copy(update={"box_px": box_px, "frame_index": frame}),
        "arrivals": (),
        **changes,
    }
    return samples.ALERT.model_copy(update=updates)


def arrival(eta_s: float) -> Arrival:
    return samples.ALERT.arrivals[0].model_copy(
        update={"action_point": "picker", "eta_ms": eta_s * 1000}
    )


def overload(frame: int, event_id: str = "o1", **changes: Any) -> Alert:
    updates = {"hazard": Hazard.OVERLOAD, "frame_index": frame, "event_id": event_id, **changes}
    return samples.LINE_ALERT.model_copy(update=updates)
