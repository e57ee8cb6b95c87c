"""The simulated line itself: images and truth, frame by frame, for as long as one likes.

    from twin.line.line import SimulatedLine
    for seen in SimulatedLine(load(find("no_hazard"))).run():
        detector(seen.picture)          # uint8 BGR (h, w, 3)
        seen.truth["objects"]           # one record of the truth file

Nothing is written, and memory does not grow with the run's duration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from twin.drawn.shading import Image
from twin.line.camera import BeltCamera
from twin.line.drive import Drive
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
from twin.line.truth import GroundTruth

_STOCK = 60
"""Different objects in a jam; each comes again at other angles."""
_OTHERS = 500_000  # ids of films, cans and arms above those of a jam's objects


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame; `picture` is None where none was asked for."""

    image: Image | None
    truth: dict[str, Any]
    """The frame's record, as in the truth file."""
    new_objects: list[dict[str, Any]] = field(default_factory=list)
    """What has newly come onto the belt, as in the header's `new_objects`."""


class SimulatedLine:
    """A belt laid out, the camera above it, and what is true of both; one run."""

    def __init__(self, plan: Scenario, folder: Path = SCENARIOS) -> None:
        """`folder`: what path-traced strips are named from.

        Raises `ScenarioError` where a strip is missing or of another size.
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
        """The frames in order; each call begins the same run anew.

        Without `pictures` a frame costs a tenth. `only`: rising frame numbers; the others are
        skipped, and the header's intervals are then those of the frames that were seen.
        """
        plan, camera = self.plan, self.camera
        margin = camera.margin_mm()
        reel = self._strips.reel()
        witness = self._truth = GroundTruth(plan, camera, reel)
        queue = self._queue()
        for index in range(plan.frames) if only is None else only:
            t_s = index / plan.camera.fps
            position = self.drive.position_at(t_s)
            reel.reach(position - camera.view_mm - margin, position + margin)
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
        """The image that the camera has of the belt with nothing on it, free of noise."""
        margin = self.camera.margin_mm()
        belt = self._strips.empty_reel()
        belt.reach(-self.camera.view_mm - margin, margin)
        return self.camera.frame(belt, 0.0, 0, above=self._bar, grain=False)

    def header(self, clip: str = "") -> dict[str, Any]:
        """The run's fixed facts, and the intervals that the last run has told so far."""
        return self._truth.header(clip)

    def _moving(
        self, t_s: float, queue: Queue | None
    ) -> tuple[list[MovingObject], list[MovingObject]]:
        """What lies on the belt without going along with it, and what reaches over it."""
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
    """The id of the k-th film, can or arm: a new one each time that it comes."""
    times = 0 if every_s is None else round(cycle_start_s(every_s, t_s) / every_s)
    return FIRST_ID + _OTHERS + 1000 * times + k


def frames(plan: Scenario, folder: Path = SCENARIOS) -> Iterator[tuple[Image, dict[str, Any]]]:
    """Each image of a run with its truth: for a consumer that wants no file."""
    for seen in SimulatedLine(plan, folder).run():
        assert seen.image is not None
        yield seen.image, seen.truth
