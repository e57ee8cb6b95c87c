"""The simulated line: images and ground truth, frame by frame, for any duration.

    from twin.line.line import SimulatedLine
    for frame in SimulatedLine(load(find("no_hazard"))).run():
        detector(frame.image)           # uint8 BGR (h, w, 3)
        frame.truth["objects"]          # one record of the truth file

Nothing is written to disk, and memory does not grow with the run's duration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from twin.drawn.shading import Image
from twin.line.camera import BeltCamera
from twin.line.drive import Drive
from twin.line.ground_truth import GroundTruth
from twin.line.jam import Queue
from twin.line.moving import (
    FIRST_ID,
    FlutteringFilm,
    MovingObject,
    ReachingArm,
    RollingCan,
    cycle_start_s,
)
from twin.line.scenario import SCENARIOS, Scenario
from twin.line.sprites import Sprite
from twin.line.supply import StripSource
from twin.line.surroundings import gate_bar

_STOCK = 60
"""Number of different objects in a jam; each is reused at other angles."""
_OTHERS = 500_000  # ids of films, cans and arms start above those of jammed objects


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame; `image` is uint8 BGR `(h, w, 3)`, or None if images were not requested."""

    image: Image | None
    truth: dict[str, Any]
    """The frame's record, as in the truth file."""
    new_objects: list[dict[str, Any]] = field(default_factory=list)
    """Objects that entered the belt with this frame, as in `objects` of the header."""


class SimulatedLine:
    """One run of a scenario: the belt, the camera above it and the ground truth of both."""

    def __init__(self, plan: Scenario, folder: Path = SCENARIOS) -> None:
        """`folder`: the folder that the names of path-traced strips are relative to.

        Raises `ScenarioError` if a strip is missing or has another size.
        """
        self.plan = plan
        self.drive: Drive = plan.belt.drive
        rng = np.random.default_rng(plan.seed)
        self.camera = BeltCamera(plan, rng)
        margin = self.camera.margin_mm()
        self._strips = StripSource(plan, folder, self.camera.view_mm + margin, margin)
        motion_rng = np.random.default_rng((plan.seed, 5))
        scale = self._strips.empty.px_per_mm
        self._held: tuple[FlutteringFilm | RollingCan, ...] = (
            *(FlutteringFilm(each, self.drive, scale, motion_rng) for each in plan.films),
            *(RollingCan(each, self.drive, scale, motion_rng) for each in plan.rollers),
        )
        self._arms = [
            ReachingArm(each, plan.belt.width_mm, scale, motion_rng) for each in plan.arms
        ]
        self._bar: list[Sprite] = []
        self._stock: list[Sprite] = []
        if plan.gate is not None:
            self._bar = [gate_bar(plan.gate.y_mm, plan.belt.width_mm, scale)]
            self._stock = self._strips.sprites(_STOCK)
        self._truth = GroundTruth(plan, self.camera, self._strips.reel())

    def run(
        self, *, images: bool = True, only: Sequence[int] | None = None
    ) -> Iterator[SimulatedFrame]:
        """The frames in order; every call starts the same run from the beginning.

        Without `images` a frame costs a tenth. `only`: increasing frame numbers to render; the
        other frames are skipped, and the header's intervals then cover the rendered frames only.
        """
        plan, camera = self.plan, self.camera
        margin = camera.margin_mm()
        reel = self._strips.reel()
        witness = self._truth = GroundTruth(plan, camera, reel)
        queue = self._queue()
        for index in range(plan.frames) if only is None else only:
            t_s = index / plan.camera.fps
            position = self.drive.position_at(t_s)
            reel.extend_to(position - camera.view_mm - margin, position + margin)
            moving, arms = self._moving(t_s, queue)
            record, new_objects = witness.record(index, t_s, position, moving, arms)
            image = None
            if images:
                image = camera.frame(
                    reel,
                    position,
                    index,
                    speed_mm_s=self.drive.speed_at(t_s),
                    on_belt=[each.sprite for each in moving],
                    above=[*self._bar, *(each.sprite for each in arms)],
                    edges_mm=witness.edges_mm,
                )
            yield SimulatedFrame(image, record, new_objects)

    def _queue(self) -> Queue | None:
        if self.plan.gate is None:
            return None
        return Queue(
            self.plan.gate,
            drive=self.drive,
            stock=self._stock,
            view_mm=self.camera.view_mm,
            width_mm=self.plan.belt.width_mm,
            rng=np.random.default_rng((self.plan.seed, 6)),
        )

    def empty_belt(self) -> Image:
        """The noise-free image of the empty belt: uint8 BGR `(h, w, 3)`."""
        margin = self.camera.margin_mm()
        belt = self._strips.empty_reel()
        belt.extend_to(-self.camera.view_mm - margin, margin)
        return self.camera.frame(belt, 0.0, 0, above=self._bar, grain=False)

    def header(self, clip: str = "") -> dict[str, Any]:
        """Constant facts of the run, and the intervals of the last run up to its current frame."""
        return self._truth.header(clip)

    def _moving(
        self, t_s: float, queue: Queue | None
    ) -> tuple[list[MovingObject], list[MovingObject]]:
        """Sprites on the belt that move independently of it, and sprites above it."""
        on_belt = [] if queue is None else queue.at(t_s)
        runs = self.drive.speed_at(t_s) > 0
        for k, held in enumerate(self._held):
            sprite = held.at(t_s)
            near = -700 < sprite.y_mm < self.camera.view_mm + 700
            if near:
                number = _number(k, held.every_s, t_s)
                on_belt.append(MovingObject(number, sprite, runs and held.stalled(t_s)))
        arms = []
        for k, arm in enumerate(self._arms):
            reaching = arm.at(t_s)
            if reaching is not None:
                number = _number(len(self._held) + k, arm.arm.every_s, t_s)
                arms.append(MovingObject(number, reaching, False))
        return on_belt, arms


def _number(k: int, every_s: float | None, t_s: float) -> int:
    """The id of the k-th film, can or arm: a new one at each arrival."""
    times = 0 if every_s is None else round(cycle_start_s(every_s, t_s) / every_s)
    return FIRST_ID + _OTHERS + 1000 * times + k


def frames(plan: Scenario, folder: Path = SCENARIOS) -> Iterator[tuple[Image, dict[str, Any]]]:
    """Each image of a run with its truth record, for consumers that need no file."""
    for frame in SimulatedLine(plan, folder).run():
        assert frame.image is not None
        yield frame.image, frame.truth
