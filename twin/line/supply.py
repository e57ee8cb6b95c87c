"""The sequence of strips under the camera: placed by hand, drawn at random, or path-traced."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np

from twin.drawn.belt import belt_loop
from twin.drawn.objects import HAZARDS
from twin.line.development import apply_tone
from twin.line.empty_belt import empty_belt_of
from twin.line.heap import FREQUENCY, fill_strip, lay_out
from twin.line.reel import Reel, mirror_strip, shift_strip
from twin.line.scenario import Mix, Scenario, ScenarioError
from twin.line.sprites import Sprite, draw_sprite, extract_sprites
from twin.line.strip import Strip

CACHED_STRIPS = 8
"""Traced strips kept in memory; others are read again when needed."""
LoadStrip = Callable[[Path], Strip]


class StripSource:
    """The strips of a scenario, drawn or read; every `reel()` restarts the run.

    `empty` is the belt without objects.
    """

    def __init__(self, plan: Scenario, folder: Path, before_mm: float, margin_mm: float) -> None:
        """`folder`: base folder of the strip names in `traced`.

        A reel starts `before_mm` upstream of position 0 and, if placed by hand, ends `margin_mm`
        after the run. Raises `ScenarioError`.
        """
        self.plan, self._before_mm = plan, before_mm
        self._sprite_strips: Callable[[], list[Strip]] | None = None
        self._strip_at: Callable[[int], Strip]
        if plan.renderer == "traced":
            self._open_traced(folder)
        else:
            self._draw(margin_mm)
        wide_mm = self.empty.image.shape[0] / self.empty.px_per_mm
        if abs(wide_mm - plan.belt.width_mm) > 0.02 * plan.belt.width_mm:
            raise ScenarioError(
                f"belt.width_mm is {plan.belt.width_mm:g}, but its strips are {wide_mm:.0f} mm wide"
            )

    def reel(self) -> Reel:
        """The belt from the start; the same scenario always gives the same belt."""
        plan = self.plan
        if plan.placed_by_hand:
            return Reel(self._strip_at(0))
        if plan.gate is not None:  # material for a bar consists of single sprites
            return self.empty_reel()
        return self._reel_of(self._sequence())

    def empty_reel(self) -> Reel:
        """The belt from the start without objects."""
        return self._reel_of(_repeat(self.empty))

    def _reel_of(self, following: Iterator[Strip]) -> Reel:
        """A reel of these strips, whose own positions are ignored."""
        first = next(following)
        start_mm = first.end_mm - first.image.shape[1] / first.px_per_mm
        return Reel(shift_strip(first, -self._before_mm - start_mm), following)

    def _sequence(self) -> Iterator[Strip]:
        """The endless sequence of strips, some mirrored."""
        plan, rng = self.plan, np.random.default_rng((self.plan.seed, 2))
        if plan.renderer == "traced":
            assert plan.traced is not None  # the scenario has it
            shuffled, mirror = plan.traced.order == "shuffled", plan.traced.mirror
        else:
            shuffled, mirror = True, plan.mix is not None and plan.mix.mirror
        before = -1
        while True:
            for k in rng.permutation(self._count) if shuffled else range(self._count):
                strip, flipped = self._strip_at(int(k)), bool(rng.random() < 0.5) and mirror
                # A strip followed by its own mirror image would show a symmetric joint.
                yield mirror_strip(strip) if flipped and k != before else strip
                before = int(k)

    def sprites(self, limit: int) -> list[Sprite]:
        """Sprites for a jam: drawn ones, or cut out of traced strips; at most `limit`."""
        plan, rng = self.plan, np.random.default_rng((self.plan.seed, 8))
        if self._sprite_strips is not None:
            found = [
                each for strip in self._sprite_strips() for each in extract_sprites(strip, limit)
            ]
            if not found:
                raise ScenarioError("traced.strips: no separate objects found; a gate needs some")
            return [found[k] for k in rng.permutation(len(found))[:limit]]
        kinds, weights = list(FREQUENCY), np.array(list(FREQUENCY.values()))
        chosen = [str(kind) for kind in rng.choice(kinds, limit, p=weights / weights.sum())]
        if plan.mix is not None and plan.mix.hazards:
            dangerous = list(plan.mix.hazards)
            chosen[: len(dangerous)] = dangerous
        return [draw_sprite(kind, plan.camera.px_per_mm, rng) for kind in chosen]

    def _draw(self, margin_mm: float) -> None:
        plan, belt, scale = self.plan, self.plan.belt, self.plan.camera.px_per_mm
        belt_rng = np.random.default_rng((plan.seed, 1))
        loop = belt_loop(belt.loop_mm, belt.width_mm, scale, belt.texture, belt_rng)
        before = self._before_mm

        def strip(end_mm: float) -> Strip:
            return Strip(-before, end_mm, belt.width_mm, scale, loop)

        self.empty = _with_tone(strip(belt.loop_mm - before))
        if plan.placed_by_hand:
            whole = strip(plan.run_mm + margin_mm)
            lay_out(plan, whole, np.random.default_rng(plan.seed))
            drawn = [_with_tone(whole)]
        elif plan.mix is not None and plan.gate is None:
            rng = np.random.default_rng((plan.seed, 9))
            drawn = [
                _with_tone(_mixed(strip(belt.loop_mm - before), plan.mix, rng))
                for _ in range(plan.mix.strips)
            ]
        else:
            drawn = []
        self._count, self._strip_at = len(drawn), drawn.__getitem__

    def _open_traced(self, folder: Path) -> None:
        assert self.plan.traced is not None  # the scenario has it
        found = traced_folders(self.plan.traced.strips, folder)
        load = lru_cache(maxsize=CACHED_STRIPS)(_strip_loader())
        first = load(found[0])

        def strip(k: int) -> Strip:
            read = load(found[k])
            if (read.px_per_mm, read.image.shape[0]) != (first.px_per_mm, first.image.shape[0]):
                raise ScenarioError(
                    f"traced.strips: {found[k]} has another scale or width than {found[0]}"
                )
            return read

        self.empty = empty_belt_of(first)
        self._sprite_strips = lambda: [strip(k) for k in range(min(len(found), CACHED_STRIPS))]
        self._count, self._strip_at = len(found), strip


def traced_folders(patterns: tuple[str, ...], folder: Path) -> list[Path]:
    """The bundle folders that a scenario names, in its order; raises `ScenarioError`."""
    found: list[Path] = []
    for pattern in patterns:
        path = folder / pattern
        if path.is_dir():
            found.append(path)
            continue
        several = sorted(each for each in folder.glob(pattern) if each.is_dir())
        if not several:
            raise ScenarioError(f"traced.strips: {path}: no such strip folder")
        found += several
    return found


def _mixed(strip: Strip, mix: Mix, rng: np.random.Generator) -> Strip:
    kinds = list(mix.hazards or HAZARDS)
    weights = np.array([mix.hazards.get(kind, 1.0) for kind in kinds])
    long_mm = strip.end_mm - strip.start_mm
    count = int(rng.poisson(mix.hazards_per_m * long_mm / 1000))
    chosen = [str(kind) for kind in rng.choice(kinds, count, p=weights / weights.sum())]
    below = rng.random(count) < mix.buried
    fill_strip(
        strip,
        mix.coverage,
        [kind for kind, hidden in zip(chosen, below, strict=True) if hidden],
        [kind for kind, hidden in zip(chosen, below, strict=True) if not hidden],
        rng,
        waste=mix.waste or FREQUENCY,
    )
    return strip


def _with_tone(strip: Strip) -> Strip:
    """Applies the camera's tone to a drawn strip, in place, once for all frames."""
    strip.image = apply_tone(strip.image)
    return strip


def _repeat(strip: Strip) -> Iterator[Strip]:
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
