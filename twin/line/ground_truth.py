"""Ground truth as JSON records: a header, then one record per frame."""

from typing import Any

import numpy as np

from twin.drawn.noise import Field
from twin.line.camera import BeltCamera
from twin.line.moving import MovingObject
from twin.line.occlusion import OcclusionGrid
from twin.line.passages import Passage, box_px, moving_object_record, object_record, tenths
from twin.line.reel import EDGE_MM, Reel, pile
from twin.line.scenario import Scenario
from twin.line.strip import PlacedObject
from twin.line.surroundings import marks_mm

SCHEMA = "vigitri-twin-truth/1"
OVERLOAD_COVERAGE = 0.85
"""Share of the belt in view from which a frame counts as overload (DOMAIN, starting value)."""
JAM_SHARE = 0.30
"""Share of the belt in view that is stationary in a jam (DOMAIN, starting value)."""
STATES = ("overload", "jam", "belt_stopped")


class GroundTruth:
    """Tracks a run: objects in view, their occlusion, and the states of the line."""

    def __init__(self, scenario: Scenario, camera: BeltCamera, reel: Reel) -> None:
        self.scenario, self._camera, self._reel = scenario, camera, reel
        self.edges_mm: Field = np.zeros((2, 1), np.float32)
        """Height of the material at the skirts in the last recorded frame, mm, `(2, n)`."""
        self._drive = scenario.belt.drive
        self._version = -1
        self._sums = np.zeros(1)
        self._last_id = 0
        self._hazards: list[Passage] = []
        self._crossings: list[dict[str, Any]] = []
        self._intervals: dict[str, list[list[float]]] = {state: [] for state in STATES}
        self._overload_mm: list[list[float]] = []
        self._before: dict[str, bool] = dict.fromkeys(STATES, False)
        self._occlusion = OcclusionGrid(scenario.belt.width_mm, camera.view_mm)
        self._known_moving: set[int] = set()

    def record(
        self,
        index: int,
        t_s: float,
        position_mm: float,
        moving: list[MovingObject],
        above: list[MovingObject],
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The frame's record, and the records of objects that are new on the belt."""
        new_objects = self._new_objects()
        self._occlusion.paint(moving, above)
        coverage = self._coverage(position_mm, bool(moving))
        stalled = self._occlusion.stalled_share()
        running, ordered = self._drive.speed_at(t_s) > 0, self._drive.run_signal_at(t_s)
        states = {
            "overload": coverage >= OVERLOAD_COVERAGE,
            "jam": running and stalled >= JAM_SHARE,
            "belt_stopped": not running,
        }
        self._update_intervals(states, t_s, position_mm)
        edge_mm = position_mm - self._camera.view_mm - 700
        self._hazards = [each for each in self._hazards if each.last_mm > edge_mm]
        objects = [self._placed_record(each, position_mm) for each in self._hazards]
        objects += [self._moving_record(each) for each in (*moving, *above)]
        self.edges_mm = self._edges(position_mm, moving)
        hidden = np.clip(self.edges_mm / self.scenario.skirt.height_mm, 0, 1).mean(axis=1)
        record = {
            "frame": index,
            "t_s": round(t_s, 4),
            "belt_position_mm": tenths(position_mm),
            "speed_mm_s": tenths(self._drive.speed_at(t_s)),
            "run": ordered,
            "objects": [each for each in objects if each is not None],
            "coverage": round(coverage, 3),
            "stalled": round(stalled, 3),
            "marks_hidden": [round(float(side), 3) for side in hidden],
            **states,
        }
        fresh = [each for each in moving if each.id not in self._known_moving]
        self._known_moving = {each.id for each in moving}
        return record, new_objects + [moving_object_record(each, position_mm) for each in fresh]

    def header(self, clip: str) -> dict[str, Any]:
        """Constant facts of the run and the intervals recorded so far.

        `points` map four image px (u, v) to belt mm (x across, y along).
        """
        scenario, camera, belt = self.scenario, self._camera, self.scenario.belt
        corners_mm = np.array(
            [
                [0.0, 0.0],
                [0.0, camera.view_mm],
                [belt.width_mm, camera.view_mm],
                [belt.width_mm, 0.0],
            ]
        )
        corners_px = camera.image_points(corners_mm)
        return {
            "schema": SCHEMA,
            "clip": clip,
            "renderer": scenario.renderer,
            "seed": scenario.seed,
            "fps": scenario.camera.fps,
            "frames": scenario.frames,
            "size_px": list(camera.size),
            "px_per_mm": scenario.camera.px_per_mm,
            "belt_width_mm": belt.width_mm,
            "view_mm": tenths(camera.view_mm),
            "speed_mm_s": belt.speed_mm_s,
            "travel": "left to right",
            "belt_polygon_px": [tenths(*point) for point in camera.belt_polygon()],
            "points": [
                {"image_px": tenths(*px), "belt_mm": tenths(*mm)}
                for px, mm in zip(corners_px, corners_mm, strict=True)
            ],
            "encoder": {
                "counts_per_mm": scenario.encoder.counts_per_mm,
                "wraps_at": scenario.encoder.wraps_at,
            },
            "marks_mm": [tenths(*each) for each in marks_mm(scenario)],
            "overload_rule": f"coverage of the belt in view is at least {OVERLOAD_COVERAGE}",
            "jam_rule": "the belt runs, and material that moves at less than a fifth of its speed "
            f"covers at least {JAM_SHARE} of the belt in view",
            "overload_mm": [tenths(*each) for each in self._overload_mm],
            "intervals_s": {
                state: [[round(t, 3) for t in each] for each in found]
                for state, found in self._intervals.items()
            },
            "action_points": [each.model_dump() for each in scenario.action_points],
            "crossings": self._crossings,
        }

    def _new_objects(self) -> list[dict[str, Any]]:
        fresh = [each for each in self._reel.objects if each.id > self._last_id]
        for obj in fresh:
            self._last_id = obj.id
            if obj.hazard is not None:
                self._hazards.append(Passage(obj, self._camera, self._reel))
                self._crossings += self._crossing(obj)
        return [object_record(each) for each in fresh]

    def _crossing(self, obj: PlacedObject) -> list[dict[str, Any]]:
        """When the centre of an object crosses each action point; null if the belt stops before."""
        found = []
        for point in self.scenario.action_points:
            t_s = self._drive.time_at(obj.at_mm + point.y_mm)
            found.append(
                {
                    "id": obj.id,
                    "action_point": point.name,
                    "t_s": None if t_s is None else round(t_s, 3),
                    "belt_position_mm": tenths(obj.at_mm + point.y_mm),
                }
            )
        return found

    def _update_intervals(self, states: dict[str, bool], t_s: float, position_mm: float) -> None:
        """Intervals extend from the first frame of a state to its last."""
        for state, holds in states.items():
            found = self._intervals[state]
            if holds and not self._before[state]:
                found.append([t_s, t_s])
                if state == "overload":
                    self._overload_mm.append([position_mm, position_mm])
            elif holds:
                found[-1][1] = t_s
                if state == "overload":
                    self._overload_mm[-1][1] = position_mm
        self._before = states

    def _coverage(self, position_mm: float, any_moving: bool) -> float:
        """Coverage of the belt in view, 0..1."""
        reel = self._reel
        if reel.version != self._version:
            self._sums = np.concatenate(([0.0], np.cumsum(reel.covered.mean(axis=0))))
            self._version = reel.version
        left = max(0, round(reel.column(position_mm)))
        right = min(len(self._sums) - 1, round(reel.column(position_mm - self._camera.view_mm)))
        lying = float((self._sums[right] - self._sums[left]) / max(right - left, 1))
        if not any_moving:
            return lying
        on_top = self._occlusion.on_belt_share()
        return on_top + (1 - on_top) * lying

    def _placed_record(self, passing: Passage, position_mm: float) -> dict[str, Any] | None:
        record = passing.record(position_mm)
        if record is None or not self._occlusion.any_moving:
            return record
        at_mm, x_mm = passing.obj.outline_mm.T
        open_ = self._occlusion.open_share(np.stack((x_mm, position_mm - at_mm), axis=1))
        record["visible"] = round(record["visible"] * open_, 2)
        return record if record["visible"] >= 0.005 else None

    def _moving_record(self, each: MovingObject) -> dict[str, Any] | None:
        sprite = each.sprite
        outline = sprite.outline_mm()
        box = box_px(outline, self._camera)
        visible = round(self._occlusion.visible_share(each.id, outline), 2)
        if box is None or visible < 0.005:
            return None
        return {
            "id": each.id,
            "kind": sprite.kind,
            "class": sprite.hazard,
            "box_px": box,
            "visible": visible,
            "x_mm": tenths(sprite.x_mm),
            "y_mm": tenths(sprite.y_mm),
            "height_mm": tenths(sprite.size_mm[2]),
            "stalled": each.stalled,
        }

    def _edges(self, position_mm: float, moving: list[MovingObject]) -> Field:
        """Material heights at both skirts from the view's upstream end, mm, `(2, n)`."""
        reel, view_mm = self._reel, self._camera.view_mm
        count = max(2, round(view_mm / 10))
        along = np.linspace(0, view_mm, count)
        columns = np.clip(
            (reel.end_mm - position_mm + along) * reel.px_per_mm, 0, reel.edges_mm.shape[1] - 1
        ).astype(int)
        edges = np.asarray(reel.edges_mm[:, columns], np.float32)
        if not moving:
            return edges
        heap = np.zeros((max(1, round(self.scenario.belt.width_mm / 10)), count), np.float32)
        for each in moving:
            pile(heap, each.sprite.outline_mm()[:, ::-1] / 10 - 0.5, each.sprite.size_mm[2])
        deep = max(1, round(EDGE_MM / 10))
        moving_edges = np.stack((heap[:deep].mean(axis=0), heap[-deep:].mean(axis=0)))
        return np.asarray(np.maximum(edges, moving_edges), np.float32)
