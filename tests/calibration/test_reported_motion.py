from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.belt_motion import Basis, FixedSpeed, Shift
from calibration.reported_motion import HELD_NS, BeltReport, ReportedBelt, ReportedMotion

MS = 1_000_000
PER_MM = 10.0
VIEW = np.zeros((4, 4, 3), np.uint8)


class SeenMotion(FixedSpeed):
    """What a picture says."""

    basis: Basis = "picture"


def belt_at(speed_mm_s: float, *, runs: bool | None = True, until_ms: int = 2000) -> ReportedBelt:
    """A belt that reports ten times a second from 0 on."""
    belt = ReportedBelt()
    for t_ms in range(0, until_ms + 1, 100):
        counts = round(t_ms / 1000 * speed_mm_s * PER_MM) % 2**32
        belt.hear(BeltReport(t_ms * MS, runs, counts))
    return belt


def shifts(motion: ReportedMotion, *frames_ms: int) -> list[Shift]:
    return [motion.advance(VIEW, t_ms * MS) for t_ms in frames_ms]


def test_the_belt_moves_as_its_encoder_says() -> None:
    motion = ReportedMotion(belt_at(500), FixedSpeed(100), PER_MM)
    first, *rest = shifts(motion, 1000, 1033, 1066, 1200)
    assert first.dy_mm == 0.0  # the other way's first look
    assert [shift.dy_mm for shift in rest] == pytest.approx([16.5, 16.5, 67.0])
    assert (motion.basis, motion.speed_mm_s) == ("encoder", pytest.approx(500))
    assert not motion.encoder_lost


def test_without_an_encoder_in_the_profile_the_other_way_counts() -> None:
    motion = ReportedMotion(belt_at(500), FixedSpeed(100), None)
    _, shift = shifts(motion, 1000, 1100)
    assert shift.dy_mm == pytest.approx(10)
    assert (motion.basis, motion.encoder_lost) == ("profile", False)


@pytest.mark.parametrize("per_mm", [None, PER_MM])
def test_a_belt_that_the_plc_says_stands_moves_nothing(per_mm: float | None) -> None:
    motion = ReportedMotion(belt_at(0, runs=False), FixedSpeed(100), per_mm)
    _, shift = shifts(motion, 1000, 1100)
    assert (shift.dy_mm, shift.known) == (0.0, True)
    assert motion.speed_mm_s == 0.0


def test_what_the_plc_said_does_not_hold_for_ever() -> None:
    motion = ReportedMotion(belt_at(0, runs=False), FixedSpeed(100), PER_MM)
    later_ms = 2000 + HELD_NS // MS + 1
    shifts(motion, later_ms, later_ms + 100)
    assert (motion.basis, motion.speed_mm_s) == ("profile", 100)
    assert motion.encoder_lost


def test_a_lost_encoder_gives_way_to_the_other_and_is_taken_again() -> None:
    belt = belt_at(500)
    motion = ReportedMotion(belt, FixedSpeed(100), PER_MM)
    _, known, _, lost = shifts(motion, 2000, 2100, 2900, 3000)
    assert known.dy_mm == pytest.approx(50)
    assert lost.dy_mm == pytest.approx(10)
    assert motion.encoder_lost
    for t_ms in range(3000, 3700, 100):
        belt.hear(BeltReport(t_ms * MS, True, t_ms * 5))
    *_, again = shifts(motion, 3600, 3650)
    assert again.dy_mm == pytest.approx(25)


def test_an_encoder_that_stands_while_the_picture_of_a_running_belt_moves_is_lost() -> None:
    motion = ReportedMotion(belt_at(0, runs=True), SeenMotion(300), PER_MM)
    _, shift = shifts(motion, 1000, 1100)
    assert shift.dy_mm == pytest.approx(30)
    assert (motion.speed_mm_s, motion.encoder_lost) == (300, True)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-20_000, 20_000), min_size=2, max_size=40))
def test_an_encoder_that_wraps_goes_on(start: int, steps: list[int]) -> None:
    belt, counts, true = ReportedBelt(), start, []
    for n, step in enumerate(steps):
        counts += step
        true.append(counts)
        belt.hear(BeltReport(n * 100 * MS, True, counts % 2**32))
    found: list[Any] = [belt.counts_at(n * 100 * MS) for n in range(len(steps))]
    assert [b - a for a, b in pairwise(found)] == [b - a for a, b in pairwise(true)]


def test_reports_that_come_late_change_nothing() -> None:
    belt = belt_at(500)
    belt.hear(BeltReport(1000 * MS, False, 0))
    assert belt.runs(2000 * MS) is True
    assert belt.counts_at(2000 * MS) == 10_000
