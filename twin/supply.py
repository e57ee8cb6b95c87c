"""Which strips follow each other under the camera: laid by hand, drawn by chance, or traced."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

from twin.belt import belt_loop
from twin.development import toned
from twin.heap import OFTEN, lay_out, spread
from twin.reel import Reel, mirrored
from twin.scenario import Mix, Scenario, ScenarioError
from twin.shading import Picture
from twin.sprites import Sprite, cut_out, drawn_sprite
from twin.strip import Strip
from twin.things import HAZARDS

STRIPS_AT_HAND = 8
"""Traced strips that are held in memory; others are read again when their turn comes."""
LoadStrip = Callable[[Path], Strip]


class Supply:
    """The belt of a scenario: `reel` begins `before_mm` upstream of position 0; `bare` is empty."""

    def __init__(self, plan: Scenario, folder: Path, before_mm: float, margin_mm: float) -> None:
        """`folder`: what the strips of `traced` are named from."""
        self.plan = plan
        self._rng = np.random.default_rng((plan.seed, 2))
        self._loose_from: Callable[[], list[Strip]] | None = None
        if plan.renderer == "traced":
            self.bare, self.reel = self._traced(folder, before_mm)
        else:
            self.bare, self.reel = self._drawn(before_mm, margin_mm)
        rows = self.reel.picture.shape[0] / self.reel.px_per_mm
        if abs(rows - plan.belt.width_mm) > 0.02 * plan.belt.width_mm:
            raise ScenarioError(
                f"belt.width_mm is {plan.belt.width_mm:g}, but its strips are {rows:.0f} mm wide"
            )

    def loose(self, most: int) -> list[Sprite]:
        """Things that can move against this belt: drawn ones, or cut out of its strips."""
        plan, rng = self.plan, np.random.default_rng((self.plan.seed, 8))
        if self._loose_from is not None:
            found = [each for strip in self._loose_from() for each in cut_out(strip, most)]
            if not found:
                raise ScenarioError("traced.strips: nothing on them lies apart; a gate needs that")
            return [found[k] for k in rng.permutation(len(found))[:most]]
        kinds, weights = list(OFTEN), np.array(list(OFTEN.values()))
        chosen = [str(kind) for kind in rng.choice(kinds, most, p=weights / weights.sum())]
        if plan.mix is not None and plan.mix.hazards:
            dangerous = list(plan.mix.hazards)
            chosen[: len(dangerous)] = dangerous
        return [drawn_sprite(kind, plan.camera.px_per_mm, rng) for kind in chosen]

    def _drawn(self, before_mm: float, margin_mm: float) -> tuple[Strip, Reel]:
        plan, belt = self.plan, self.plan.belt
        scale = plan.camera.px_per_mm
        loop = belt_loop(
            belt.loop_mm,
            belt.width_mm,
            scale,
            belt.texture,
            np.random.default_rng((plan.seed, 1)),
        )

        def strip(start_mm: float, end_mm: float) -> Strip:
            return Strip(start_mm, end_mm, belt.width_mm, scale, loop)

        bare = _developed(strip(-before_mm, belt.loop_mm - before_mm))
        if plan.laid_by_hand:
            whole = strip(-before_mm, plan.run_mm + margin_mm)
            lay_out(plan, whole, np.random.default_rng(plan.seed))
            return bare, Reel(_developed(whole))
        if plan.mix is None or plan.gate is not None:  # what comes, comes loose
            return bare, Reel(bare, _again_and_again(bare))
        drawn = [
            _developed(_mixed(strip(-before_mm, belt.loop_mm - before_mm), plan.mix, self._rng))
            for _ in range(plan.mix.strips)
        ]
        order = self._order(len(drawn), shuffled=True)
        turns = (self._turned(drawn[k], plan.mix.mirror) for k in order)
        return bare, Reel(next(turns), turns)

    def _traced(self, folder: Path, before_mm: float) -> tuple[Strip, Reel]:
        plan = self.plan
        assert plan.traced is not None  # the scenario has it
        found = traced_folders(plan.traced.strips, folder)
        load = lru_cache(maxsize=STRIPS_AT_HAND)(_strip_loader())
        scales = {load(each).px_per_mm for each in found[:STRIPS_AT_HAND]}
        if len(scales) > 1:
            raise ScenarioError(f"traced.strips: their scales differ ({sorted(scales)} px per mm)")
        order = self._order(len(found), shuffled=plan.traced.order == "shuffled")
        mirror = plan.traced.mirror
        turns: Iterator[Strip] = (self._turned(load(found[k]), mirror) for k in order)
        bare = bare_of(load(found[0]))
        self._loose_from = lambda: [load(each) for each in found[:STRIPS_AT_HAND]]
        if plan.gate is not None:
            turns = _again_and_again(bare)
        first = next(turns)
        shifted = _moved(first, -before_mm - (first.end_mm - _length_mm(first)))
        return bare, Reel(shifted, turns)

    def _order(self, count: int, *, shuffled: bool) -> Iterator[int]:
        while True:
            yield from self._rng.permutation(count) if shuffled else range(count)

    def _turned(self, strip: Strip, mirror: bool) -> Strip:
        across, along = (bool(self._rng.random() < 0.5) and mirror for _ in range(2))
        return mirrored(strip, across=across, along=along)


def traced_folders(patterns: tuple[str, ...], folder: Path) -> list[Path]:
    """The bundles that a scenario names, in its order; raises `ScenarioError`."""
    found: list[Path] = []
    for pattern in patterns:
        path = folder / pattern
        if path.is_dir():
            found.append(path)
            continue
        several = sorted(each for each in folder.glob(pattern) if each.is_dir())
        if not several:
            raise ScenarioError(f"traced.strips: {path}: no such folder of a strip")
        found += several
    return found


def bare_of(strip: Strip) -> Strip:
    """The strip's belt with nothing on it: what lies there is filled from elsewhere in its row."""
    scale = strip.px_per_mm
    reach = max(3, round(30 * scale)) | 1
    near = cv2.dilate(strip.covered.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    picture: Picture = strip.picture.copy()
    open_ = ~near
    for shift in np.linspace(0, picture.shape[1], 42).astype(int)[1:-1]:
        if not near.any():
            break
        fill = near & np.roll(open_, shift, axis=1)
        picture[fill] = np.roll(strip.picture, shift, axis=1)[fill]
        near &= ~fill
    if near.any():  # rows that are covered from end to end
        known = np.where(open_[..., None], strip.picture, 0).sum(axis=(0, 1)) / max(open_.sum(), 1)
        picture[near] = np.round(known).astype(np.uint8)
    other = mirrored(strip, across=True, along=False)  # a new strip; its arrays are replaced
    other.picture = picture
    other.covered = np.zeros(picture.shape[:2], np.bool_)
    other.lying = []
    return other


def _mixed(strip: Strip, mix: Mix, rng: np.random.Generator) -> Strip:
    kinds = list(mix.hazards or HAZARDS)
    weights = np.array([mix.hazards.get(kind, 1.0) for kind in kinds])
    long_mm = strip.end_mm - strip.start_mm
    count = int(rng.poisson(mix.hazards_per_m * long_mm / 1000))
    chosen = [str(kind) for kind in rng.choice(kinds, count, p=weights / weights.sum())]
    below = rng.random(count) < mix.buried
    spread(
        strip,
        mix.coverage,
        [kind for kind, hidden in zip(chosen, below, strict=True) if hidden],
        [kind for kind, hidden in zip(chosen, below, strict=True) if not hidden],
        rng,
    )
    return strip


def _developed(strip: Strip) -> Strip:
    """Gives a drawn strip the camera's look, in place; once for all frames."""
    strip.picture = toned(strip.picture)
    return strip


def _moved(strip: Strip, by_mm: float) -> Strip:
    other = mirrored(mirrored(strip, across=True, along=False), across=True, along=False)
    other.start_mm, other.end_mm = strip.start_mm + by_mm, strip.end_mm + by_mm
    for thing in other.lying:
        thing.at_mm += by_mm
        thing.outline_mm = np.add(thing.outline_mm, (by_mm, 0.0))
    return other


def _length_mm(strip: Strip) -> float:
    return float(strip.picture.shape[1] / strip.px_per_mm)


def _again_and_again(strip: Strip) -> Iterator[Strip]:
    while True:
        yield strip


def _strip_loader() -> LoadStrip:
    """The reader of path-traced bundles."""
    try:
        bundle = import_module("twin.traced.bundle")
    except ImportError as error:
        raise ScenarioError(f"path-traced strips cannot be read here: {error}") from error
    loader: LoadStrip = bundle.load_strip
    return loader
