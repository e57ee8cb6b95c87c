"""Objects that do not move with the belt: a stalled film, a rolling can, a picker's arm."""

from dataclasses import dataclass, replace
from math import ceil, floor, pi, sin

import cv2
import numpy as np

from twin.drawn.labels import STEEL
from twin.drawn.noise import clouds, noise
from twin.drawn.shading import Grid, Image, shade, stack
from twin.drawn.sleeves import sleeve
from twin.drawn.solids import lathe
from twin.line.conditions import Arm, Film, HeldObject, Roller
from twin.line.development import apply_tone
from twin.line.drive import Drive
from twin.line.sprites import Sprite, draw_sprite, make_sprite
from twin.line.strip import LIGHT_DEG

FIRST_ID = 1_000_000
"""First id of objects that move independently of the belt; objects on the belt count from 1."""


@dataclass(frozen=True)
class MovingObject:
    """An object at one time; `stalled`: stationary, or nearly so, while the belt runs below it."""

    id: int
    sprite: Sprite
    stalled: bool


def cycle_start_s(every_s: float | None, t_s: float) -> float:
    """Start of the current cycle of a recurring object, s."""
    return 0.0 if every_s is None else floor(t_s / every_s) * every_s


def held_y_mm(held: HeldObject, drive: Drive, t_s: float) -> float:
    """y_mm of an object that arrives, is held and continues with the belt."""
    start_s = cycle_start_s(held.every_s, t_s)
    from_s, until_s = start_s + held.from_s, start_s + held.until_s
    if t_s < from_s:
        return held.y_mm - (drive.position_at(from_s) - drive.position_at(t_s))
    if t_s > until_s:
        return held.y_mm + drive.position_at(t_s) - drive.position_at(until_s)
    return held.y_mm


def is_held(held: HeldObject, t_s: float) -> bool:
    return held.from_s <= t_s - cycle_start_s(held.every_s, t_s) <= held.until_s


class FlutteringFilm:
    """A film caught by its upstream end while air and belt pull at the other end."""

    HZ = 3.1

    def __init__(
        self, film: Film, drive: Drive, px_per_mm: float, rng: np.random.Generator
    ) -> None:
        self.film, self.drive = film, drive
        sprite = draw_sprite("plastic_film", px_per_mm, rng, turn_deg=0.0)
        if film.size_mm is not None:
            sprite = _resized(sprite, film.size_mm)
        pad = ceil(film.flutter_mm * px_per_mm) + 2
        self._sprite = replace(
            sprite,
            patch=np.asarray(
                cv2.copyMakeBorder(
                    sprite.patch, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)
                ),
                np.uint8,
            ),
        )
        high, wide = self._sprite.patch.shape[:2]
        self._u, self._v = np.meshgrid(
            np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32)
        )

    def at(self, t_s: float) -> Sprite:
        film, sprite = self.film, self._sprite
        place = replace(
            sprite, y_mm=held_y_mm(film, self.drive, t_s), x_mm=film.x_mm, angle_deg=0.0
        )
        if not is_held(film, t_s):
            return place
        held_s = t_s - cycle_start_s(film.every_s, t_s) - film.from_s
        wide = sprite.patch.shape[1]
        free = np.clip(self._u / np.float32(wide), 0, 1)
        reach = film.flutter_mm * sprite.px_per_mm * min(1.0, held_s / 0.5)
        wave = 2 * pi * (self.HZ * t_s) - self._u * np.float32(2 * pi / (0.55 * wide))
        across = np.float32(reach) * free * np.sin(wave)
        along = np.float32(0.5 * reach) * free * np.sin(1.7 * wave + self._v * np.float32(0.02))
        patch = cv2.remap(
            sprite.patch, self._u + along, self._v + across, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0),
        )  # fmt: skip
        return replace(place, patch=np.asarray(patch, np.uint8))

    def stalled(self, t_s: float) -> bool:
        return is_held(self.film, t_s)

    @property
    def every_s(self) -> float | None:
        return self.film.every_s


class RollingCan:
    """A can across the belt that rolls in place; its label shows its rotation."""

    TURNS = 48

    def __init__(
        self, roller: Roller, drive: Drive, px_per_mm: float, rng: np.random.Generator
    ) -> None:
        self.roller, self.drive = roller, drive
        length, width = roller.size_mm or (130.0, 66.0)
        self._radius_mm = width / 2
        seed = int(rng.integers(2**31))
        self._phases = [
            _can(length, width, px_per_mm, k / self.TURNS, np.random.default_rng(seed))
            for k in range(self.TURNS)
        ]

    def at(self, t_s: float) -> Sprite:
        roller = self.roller
        y = held_y_mm(roller, self.drive, t_s)
        if is_held(roller, t_s):
            # Slow swings that start and end at the holding position.
            held_s = t_s - cycle_start_s(roller.every_s, t_s) - roller.from_s
            share = held_s / (roller.until_s - roller.from_s)
            swings = max(1, round((roller.until_s - roller.from_s) / 2.6))
            y += roller.wander_mm * sin(pi * share) * sin(2 * pi * swings * share)
        # It rolls without slipping: its rotation is the belt travel relative to the can.
        turned = (self.drive.position_at(t_s) - y) / (2 * pi * self._radius_mm)
        phase = self._phases[int(turned * self.TURNS) % self.TURNS]
        return replace(phase, y_mm=y, x_mm=roller.x_mm)

    def stalled(self, t_s: float) -> bool:
        return is_held(self.roller, t_s)

    @property
    def every_s(self) -> float | None:
        return self.roller.every_s


class ReachingArm:
    """A picker's gloved hand and sleeve above belt and skirt."""

    LONG_MM = 900.0

    def __init__(
        self, arm: Arm, width_mm: float, px_per_mm: float, rng: np.random.Generator
    ) -> None:
        self.arm, self._width_mm = arm, width_mm
        self._sprite = _arm(self.LONG_MM, px_per_mm, rng)
        self._lean = float(rng.uniform(-14, 14))

    def at(self, t_s: float) -> Sprite | None:
        """None while the arm is not over the belt."""
        arm = self.arm
        share = (t_s - cycle_start_s(arm.every_s, t_s) - arm.at_s) / arm.for_s
        if not 0 < share < 1:
            return None
        # Reaches in during the first third, stays, and retracts during the last third.
        reach = float(np.interp(share, (0, 0.35, 0.65, 1), (0, 1, 1, 0)))
        reach = reach * reach * (3 - 2 * reach)
        near = arm.side == "near"
        away = self._width_mm - arm.x_mm if near else arm.x_mm
        back = (1 - reach) * (away + 260)
        turn = (90.0 if near else -90.0) + self._lean
        radians = turn * pi / 180
        out = self.LONG_MM / 2 + back - 60
        return replace(
            self._sprite,
            y_mm=arm.y_mm + out * float(np.cos(radians)),
            x_mm=arm.x_mm + out * float(np.sin(radians)),
            angle_deg=turn,
        )


def _resized(sprite: Sprite, size_mm: tuple[float, float]) -> Sprite:
    along, across = (want / has for want, has in zip(size_mm, sprite.size_mm[:2], strict=True))
    patch = cv2.resize(sprite.patch, None, fx=along, fy=across, interpolation=cv2.INTER_LINEAR)
    return replace(
        sprite,
        patch=np.asarray(patch, np.uint8),
        hull_mm=sprite.hull_mm * (along, across),
        size_mm=(*size_mm, sprite.size_mm[2]),
    )


def _can(
    length: float, width: float, px_per_mm: float, roll: float, rng: np.random.Generator
) -> Sprite:
    """A drink can across the belt, rotated by `roll` turns; the same seed gives the same can."""
    grid, half, radius = Grid(length, width, px_per_mm), length / 2, width / 2
    body = lathe(
        grid,
        (
            (-half, radius * 0.72),
            (-half + 6, radius * 0.95),
            (-half + 9, radius),
            (half - 12, radius),
            (half - 3, radius * 0.84),
            (half, radius * 0.88),
        ),
        STEEL,
        metal=0.9,
        gloss=0.8,
        smooth_mm=1,
    )
    art = sleeve(length - 12, 2 * pi * radius, grid.scale, rng)
    around = ((-half + 7, radius * 0.97), (half - 5, radius * 0.97))
    stack(body, lathe(grid, around, art, gloss=0.7, roll=roll, smooth_mm=0))
    cut = shade(body, LIGHT_DEG - 90, rng)
    lying = np.asarray(np.rot90(cut, -1))
    colour = apply_tone(np.ascontiguousarray(lying[..., :3]))
    patch = np.asarray(np.dstack((colour, lying[..., 3])), np.uint8)
    return make_sprite(patch, px_per_mm, "drink_can", (length, width, width))


def _arm(long_mm: float, px_per_mm: float, rng: np.random.Generator) -> Sprite:
    """A sleeve with a glove at its left end, lit from above: `long_mm` along x."""
    wide, high = round(long_mm * px_per_mm), round(170 * px_per_mm)
    x = np.arange(wide, dtype=np.float32)[None, :] / np.float32(px_per_mm)
    y = (np.arange(high, dtype=np.float32)[:, None] - high / 2) / np.float32(px_per_mm)
    # Half the arm's width from the fingertips: fingers, palm, wrist, forearm, upper arm.
    half = np.interp(
        x, (0, 12, 60, 120, 175, 200, 430, 900), (0, 26, 40, 45, 33, 42, 58, 72)
    ).astype(np.float32)
    half *= 1 + np.float32(0.10) * (noise((1, wide), 45 * px_per_mm, rng) - 0.5) * (x > 190)
    fingers = (np.abs(np.mod(y + 44, 22) - 11) < 2.2) & (x < 72)
    inside = np.clip((half - np.abs(y)) * px_per_mm + 0.5, 0, 1) * ~fingers
    round_ = np.sqrt(np.clip(1 - (y / np.maximum(half, 1)) ** 2, 0, 1))
    light = 0.30 + 0.75 * round_ - 0.18 * (y / np.maximum(half, 1))
    folds = clouds((high, wide), 26 * px_per_mm, rng, 4)
    light = light * (0.72 + 0.56 * folds)
    glove = np.array(((0.16, 0.16, 0.17), (0.55, 0.33, 0.12), (0.15, 0.45, 0.62)))[rng.integers(3)]
    cloth = np.array(((0.05, 0.42, 0.92), (0.42, 0.24, 0.12), (0.12, 0.62, 0.70)))[rng.integers(3)]
    colour = np.where((x < 196)[..., None], glove, cloth) * light[..., None]
    band = (x > 330) & (x < 372)
    colour = np.where(band[..., None], np.array((0.72, 0.74, 0.74)) * light[..., None], colour)
    flat: Image = np.clip(np.dstack((colour, inside)) * 255, 0, 255).astype(np.uint8)
    flat = np.asarray(np.dstack((apply_tone(np.ascontiguousarray(flat[..., :3])), flat[..., 3])))
    return make_sprite(flat, px_per_mm, "arm", (long_mm, 145.0, 120.0))
