"""A bar across the belt holds the material back while the belt runs below it."""

from functools import cache

import numpy as np
import pytest

from twin.line.conditions import Gate
from twin.line.drive import Drive
from twin.line.jam import Queue
from twin.line.sprites import Sprite, draw_sprite

VIEW_MM, WIDTH_MM, SPEED = 900.0, 400.0, 400.0
GATE = Gate(y_mm=700, from_s=2, until_s=12, coverage=0.4)


@cache
def stock() -> tuple[Sprite, ...]:
    rng = np.random.default_rng(1)
    return tuple(draw_sprite(kind, 0.3, rng) for kind in ("drink_can", "tray", "carton_box"))


def queue(seed: int = 1) -> Queue:
    return Queue(
        GATE,
        drive=Drive(SPEED),
        stock=stock(),
        view_mm=VIEW_MM,
        width_mm=WIDTH_MM,
        rng=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_object_passes_the_bar_or_moves_against_the_belt(seed: int) -> None:
    material = queue(seed)
    before = {each.id: each.sprite for each in material.at(2.1)}
    upstream = {key for key, sprite in before.items() if sprite.y_mm < GATE.y_mm - 200}
    for k in range(1, 40):
        now = {each.id: each.sprite for each in material.at(2.1 + k / 5)}
        for key in upstream & now.keys():
            assert now[key].y_mm < GATE.y_mm
            assert now[key].y_mm >= before[key].y_mm - 0.1 * SPEED / 5 - 1
            assert now[key].y_mm <= before[key].y_mm + SPEED / 5 + 1
            assert 0 <= now[key].x_mm <= WIDTH_MM
        assert len(now) <= 260
        before = now


def test_the_queue_is_stationary_while_the_belt_runs_and_leaves_when_the_bar_opens() -> None:
    material = queue()
    free = material.at(1.5)
    assert not any(each.stalled for each in free)
    jammed = [each for each in material.at(11) if 0 < each.sprite.y_mm < GATE.y_mm]
    assert sum(each.stalled for each in jammed) > 0.7 * len(jammed)
    assert len(jammed) > sum(0 < each.sprite.y_mm < GATE.y_mm for each in free)
    behind = [each for each in material.at(11.5) if each.sprite.y_mm > GATE.y_mm + 100]
    assert not behind
    assert not any(each.stalled for each in material.at(14))


def test_the_same_seed_gives_the_same_jam() -> None:
    first, again = (queue(5).at(6) for _ in range(2))
    assert [(each.id, each.sprite.y_mm) for each in first] == [
        (each.id, each.sprite.y_mm) for each in again
    ]
