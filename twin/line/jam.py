"""Material held back by a bar while the belt runs below it: it queues, packs and heaps up.

Each object is a disc. Friction carries it at the belt's speed; other objects, the bar and the
skirts stop it. Objects pushed from behind are pressed together and rest higher.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from twin.line.conditions import Gate
from twin.line.drive import Drive
from twin.line.moving import FIRST_ID, MovingObject
from twin.line.sprites import Sprite

_STEP_S = 1 / 60
_MAX_OBJECTS = 260
"""Maximum number of objects; a longer queue would extend far beyond the view."""
_FIRM = 0.8
"""Two objects push each other when closer than this share of the sum of their radii."""


class Queue:
    """The objects on a belt with a bar across it, from far upstream to downstream of the view."""

    def __init__(
        self,
        gate: Gate,
        *,
        drive: Drive,
        stock: Sequence[Sprite],
        view_mm: float,
        width_mm: float,
        rng: np.random.Generator,
    ) -> None:
        self._gate, self._drive, self._stock, self._rng = gate, drive, stock, rng
        self._view_mm, self._width_mm = view_mm, width_mm
        self._reach_mm = 600.0
        mean = float(np.mean([each.area_mm2 for each in stock]))
        self._every_mm = mean / (gate.coverage * width_mm)
        self._t_s = 0.0
        self._last_id = 0
        self._due_mm = 0.0
        self.sprites: list[Sprite] = []
        self.ids: list[int] = []
        self._places = np.zeros((0, 3))  # y_mm, x_mm, angle_deg
        self._speeds = np.zeros(0)
        self._radii = np.zeros(0)
        self._passed = np.zeros(0, np.bool_)
        y = view_mm + self._reach_mm
        while y > -self._reach_mm:
            self._add_object(y)
            y -= self._every_mm * self._rng.uniform(0.5, 1.5)

    def at(self, t_s: float) -> list[MovingObject]:
        """The objects at `t_s`, lowest first; `t_s` must not decrease between calls."""
        for _ in range(ceil((t_s - self._t_s) / _STEP_S - 1e-6)):
            self._step()
        belt = self._drive.speed_at(self._t_s)
        moving = []
        for k, sprite in enumerate(self.sprites):
            y, x, angle = self._places[k]
            placed = replace(sprite, y_mm=float(y), x_mm=float(x), angle_deg=float(angle))
            held = bool(belt > 0 and self._speeds[k] < 0.2 * belt)
            moving.append(MovingObject(self.ids[k], placed, held))
        return moving

    def _step(self) -> None:
        run = self._drive.position_at(self._t_s + _STEP_S) - self._drive.position_at(self._t_s)
        self._t_s += _STEP_S
        before = self._places.copy()
        y = self._places[:, 0]
        y += run
        closed = self._gate.from_s <= self._t_s < self._gate.until_s
        # Objects whose centre has passed the bar when it closes are through.
        self._passed |= (y > self._gate.y_mm) if not closed else False
        held = ~self._passed
        if closed and run > 0:
            for _ in range(5):
                self._push_apart(held, run)
            y[held] = np.clip(y[held], before[held, 0] - 0.1 * run, before[held, 0] + run)
            stop = self._gate.y_mm - 0.75 * self._radii
            y[held] = np.minimum(y[held], np.maximum(stop, before[:, 0])[held])
            rub = held & (y - before[:, 0] < 0.3 * run)
            # The belt rubs below a stationary object, which shivers and turns slightly.
            self._places[rub, 1] += self._rng.normal(0, 0.12, int(rub.sum()))
            self._places[rub, 2] += self._rng.normal(0, 0.25, int(rub.sum()))
        speed = (self._places[:, 0] - before[:, 0]) / _STEP_S
        self._speeds += 0.15 * (speed - self._speeds)
        self._due_mm += run
        while self._due_mm > 0 and len(self.sprites) < _MAX_OBJECTS:
            self._add_object(-self._reach_mm)
            self._due_mm -= self._every_mm * self._rng.uniform(0.5, 1.5)
        self._due_mm = min(self._due_mm, self._every_mm)
        gone = self._places[:, 0] > self._view_mm + self._reach_mm
        if gone.any():
            self._retain(~gone)

    def _push_apart(self, held: NDArray[np.bool_], run_mm: float) -> None:
        places, radii = self._places[held, :2], self._radii[held]
        apart = places[:, None] - places[None, :]
        far = np.sqrt((apart**2).sum(axis=2)) + 1e-6
        deep = np.clip(_FIRM * (radii[:, None] + radii[None, :]) - far, 0, None)
        np.fill_diagonal(deep, 0)
        push = (0.12 * deep / far)[..., None] * apart
        moved = np.clip(push.sum(axis=1), -2 * run_mm, 2 * run_mm)
        self._places[held, :2] += moved
        inset = np.minimum(0.6 * radii, self._width_mm / 2)
        self._places[held, 1] = np.clip(self._places[held, 1], inset, self._width_mm - inset)
        # Friction on one side turns an object that is pushed to the other.
        self._places[held, 2] += np.clip(0.15 * moved[:, 1], -0.6, 0.6)

    def _add_object(self, y_mm: float) -> None:
        sprite = self._stock[int(self._rng.integers(len(self._stock)))]
        radius = float(np.sqrt(sprite.area_mm2 / np.pi))
        inset = min(0.9 * radius, self._width_mm / 2)
        tries = self._rng.uniform(inset, self._width_mm - inset + 1e-9, 6)
        near = np.abs(self._places[:, 0] - y_mm) < 250
        if near.any():
            gap = np.abs(tries[:, None] - self._places[near, 1][None, :]) - self._radii[near]
            x = tries[int(gap.min(axis=1).argmax())]
        else:
            x = tries[0]
        self._last_id += 1
        self.sprites.append(sprite)
        self.ids.append(FIRST_ID + self._last_id)
        row = np.array([[y_mm, x, self._rng.uniform(-25, 25)]])
        self._places = np.concatenate((self._places, row))
        self._speeds = np.append(self._speeds, self._drive.speed_at(self._t_s))
        self._radii = np.append(self._radii, radius)
        self._passed = np.append(self._passed, y_mm > self._gate.y_mm)

    def _retain(self, which: NDArray[np.bool_]) -> None:
        self.sprites = [each for each, keep in zip(self.sprites, which, strict=True) if keep]
        self.ids = [each for each, keep in zip(self.ids, which, strict=True) if keep]
        self._places, self._speeds = self._places[which], self._speeds[which]
        self._radii, self._passed = self._radii[which], self._passed[which]
