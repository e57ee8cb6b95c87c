from __future__ import annotations

from itertools import count, pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.encoder import VALID_NS, BeltReport, ReportedBelt, ReportedMotion
from detector.belt.motion import FixedSpeed, Shift, ViewSource
from detector.vocabulary import SpeedBasis

MS = 1_000_000
PER_MM = 10.0


def no_view() -> NDArray[np.uint8]:
    raise AssertionError("no view is needed here")


class ImageMotion(FixedSpeed):
    """Motion by the image, at a given speed."""

    basis: SpeedBasis = "image"

    def runs_at(self, speed_mm_s: float) -> None:
        self.speed_mm_s = self._speed = speed_mm_s


def belt_at(speed_mm_s: float, *, runs: bool | None = True, until_ms: int = 2000) -> ReportedBelt:
    """A belt that reports ten times a second from 0 on."""
    belt = ReportedBelt()
    for t_ms in range(0, until_ms + 1, 100):
        counts = round(t_ms / 1000 * speed_mm_s * PER_MM) % 2**32
        belt.add(BeltReport(t_ms * MS, runs, counts))
    return belt


def shifts(motion: ReportedMotion, *frames_ms: int) -> list[Shift]:
    return [motion.advance(no_view, t_ms * MS) for t_ms in frames_ms]


def test_the_belt_moves_with_its_encoder() -> None:
    motion = ReportedMotion(belt_at(500), FixedSpeed(100), PER_MM)
    first, *rest = shifts(motion, 1000, 1033, 1066, 1200)
    assert first.dy_mm == 0.0  # the fallback's first frame
    assert [shift.dy_mm for shift in rest] == pytest.approx([16.5, 16.5, 67.0])
    assert (motion.basis, motion.speed_mm_s) == ("encoder", pytest.approx(500))


def test_without_an_encoder_in_the_profile_the_fallback_counts() -> None:
    motion = ReportedMotion(belt_at(500), FixedSpeed(100), None)
    _, shift = shifts(motion, 1000, 1100)
    assert shift.dy_mm == pytest.approx(10)
    assert motion.basis == "profile"


@pytest.mark.parametrize("per_mm", [None, PER_MM])
def test_a_belt_ordered_to_stop_does_not_move(per_mm: float | None) -> None:
    motion = ReportedMotion(belt_at(0, runs=False), FixedSpeed(100), per_mm)
    _, shift = shifts(motion, 1000, 1100)
    assert (shift.dy_mm, shift.known) == (0.0, True)
    assert motion.speed_mm_s == 0.0


@pytest.mark.parametrize("basis", ["image", "setting", "encoder"])
def test_a_belt_ordered_to_stop_is_tracked_until_it_has_stopped(basis: str) -> None:
    belt, image = ReportedBelt(2**32, PER_MM), ImageMotion(400)
    motion = {
        "image": ReportedMotion(belt, image, None),
        "setting": ReportedMotion(belt, FixedSpeed(400), None, image),
        "encoder": ReportedMotion(belt, FixedSpeed(400), PER_MM, image),
    }[basis]
    speed_mm_s, true_mm, found_mm, speeds = 400.0, 0.0, 0.0, []
    for t_ms in range(0, 4000, 25):
        if t_ms > 1000:  # brakes for 0.8 s; then people reach in
            speed_mm_s = max(0.0, speed_mm_s - 500 * 0.025)
        true_mm += speed_mm_s * 0.025
        image.runs_at(speed_mm_s if t_ms < 2500 else 120.0)
        belt.add(BeltReport(t_ms * MS, t_ms < 1000, round(true_mm * PER_MM)))
        found_mm += motion.advance(no_view, t_ms * MS).dy_mm
        speeds.append(motion.speed_mm_s)
        if t_ms == 500:
            begun_mm = true_mm - found_mm
    assert found_mm + begun_mm == pytest.approx(true_mm, abs=25)  # 160 mm after the order
    assert speeds[1400 // 25] == pytest.approx(200, abs=130)
    assert speeds[2600 // 25] == 0
    assert (speeds[-1], motion.basis) == (0, "encoder")


def test_a_run_signal_expires() -> None:
    motion = ReportedMotion(belt_at(0, runs=False), FixedSpeed(100), PER_MM)
    later_ms = 2000 + VALID_NS // MS + 1
    shifts(motion, later_ms, later_ms + 100)
    assert (motion.basis, motion.speed_mm_s) == ("profile", 100)


def test_a_lost_encoder_is_replaced_by_the_fallback_until_it_returns() -> None:
    belt = belt_at(500)
    motion = ReportedMotion(belt, FixedSpeed(100), PER_MM)
    _, known, _, lost = shifts(motion, 2000, 2100, 2900, 3000)
    assert known.dy_mm == pytest.approx(50)
    assert lost.dy_mm == pytest.approx(10)
    assert motion.basis == "profile"
    for t_ms in range(3000, 4500, 100):
        belt.add(BeltReport(t_ms * MS, True, t_ms * 5))
    *_, returned = shifts(motion, 3600, 3650)
    assert motion.finding.state == "encoder_lost"
    assert returned.dy_mm == pytest.approx(5)  # not used while it is reported as lost
    assert motion.basis == "profile"
    *_, again = shifts(motion, 4150, 4200, 4250)
    assert again.dy_mm == pytest.approx(25)
    assert (motion.finding.state, motion.basis) == ("runs", "encoder")


def test_an_encoder_that_does_not_count_while_the_image_moves_is_lost() -> None:
    motion = ReportedMotion(belt_at(0, runs=True), ImageMotion(300), PER_MM)
    _, shift = shifts(motion, 1000, 1100)
    assert shift.dy_mm == pytest.approx(30)
    assert (motion.speed_mm_s, motion.basis) == (300, "image")


@given(st.integers(8, 32), st.data())
def test_a_counter_of_any_width_is_unwrapped_in_both_directions(
    bits: int, data: st.DataObject
) -> None:
    wraps_at = 2**bits
    most = min(1000, wraps_at // 2 - 1)
    start = data.draw(st.integers(0, wraps_at - 1))
    steps = data.draw(st.lists(st.integers(-most, most), min_size=2, max_size=40))
    belt, counts, true = ReportedBelt(wraps_at), start, []
    for n, step in enumerate(steps):
        counts += step
        true.append(counts)
        belt.add(BeltReport(n * 100 * MS, True, counts % wraps_at))
    found: list[Any] = [belt.counts_at(n * 100 * MS) for n in range(len(steps))]
    assert [b - a for a, b in pairwise(found)] == [b - a for a, b in pairwise(true)]


@given(st.floats(10, 5000), st.sampled_from([-40.0, -4.0, 0.5, 4.0, 40.0]), st.floats(0.6, 3.0))
def test_travel_divided_by_speed_is_the_time_on_a_steady_belt(
    speed_mm_s: float, per_mm: float, seconds: float
) -> None:
    belt = ReportedBelt(2**32, per_mm)
    for n in range(40):
        belt.add(BeltReport(n * 100 * MS, True, round(n * 0.1 * speed_mm_s * per_mm) % 2**32))
    motion = ReportedMotion(belt, FixedSpeed(1), per_mm)
    travel_mm = sum(shift.dy_mm for shift in shifts(motion, 500, round(500 + seconds * 1000))[1:])
    assert travel_mm / speed_mm_s == pytest.approx(
        seconds, rel=0.01, abs=0.0015 + 2 / abs(per_mm) / speed_mm_s
    )
    assert motion.speed_mm_s == pytest.approx(speed_mm_s, rel=0.01, abs=4 / abs(per_mm))


@pytest.mark.parametrize("per_mm", [10.0, 100.0])
def test_a_count_that_is_torn_at_its_carries_never_moves_the_belt(per_mm: float) -> None:
    belt = ReportedBelt(2**32, per_mm)
    motion = ReportedMotion(belt, FixedSpeed(400), per_mm)
    travelled, states = [], set()
    for n in range(400):
        counts = 60_000 + round(n * 20 * 0.4 * per_mm)
        torn = counts % 2**16 < 8 * per_mm
        belt.add(BeltReport(n * 20 * MS, True, counts - 2**16 * bool(torn)))
        travelled.append(motion.advance(no_view, n * 20 * MS).dy_mm)
        states.add(motion.finding.reason)
    assert all(0 <= mm <= 20 for mm in travelled)
    assert sum(travelled[1:]) == pytest.approx(399 * 8, abs=30)
    assert any("copied word by word" in reason for reason in states if reason)


def test_a_16_bit_counter_without_its_wrap_count_is_named_and_never_moves_the_belt_back() -> None:
    belt = ReportedBelt(2**32, 100.0)
    motion = ReportedMotion(belt, FixedSpeed(400), 100.0)
    travelled, reasons = [], set()
    for n in range(400):
        belt.add(BeltReport(n * 20 * MS, True, (60_000 + n * 800) % 2**16))
        travelled.append(motion.advance(no_view, n * 20 * MS).dy_mm)
        reasons.add(motion.finding.reason)
    assert all(0 <= mm <= 20 for mm in travelled)
    assert any("belt.encoder_wraps_at = 65536 in the" in reason for reason in reasons if reason)


def test_swapped_words_are_named_and_never_move_the_belt() -> None:
    belt = ReportedBelt(2**32, 100.0)
    motion = ReportedMotion(belt, FixedSpeed(400), 100.0)
    for n in range(200):  # so slow that each step, swapped, is one that a belt can make
        counts = 1000 + n // 2
        belt.add(BeltReport(n * 20 * MS, True, (counts & 0xFFFF) << 16 | counts >> 16))
        shift = motion.advance(no_view, n * 20 * MS)
        if n > 30:
            assert shift.dy_mm == pytest.approx(8)  # by the fallback
            assert motion.finding.state == "encoder_lost"
    assert "the high word to register 105" in (motion.finding.reason or "")


def test_readings_between_which_the_counter_may_have_wrapped_are_not_joined() -> None:
    belt = ReportedBelt(2**16, 4.0)  # wraps after 16 m of belt
    belt.add(BeltReport(0, True, 100))
    belt.add(BeltReport(4_000 * MS, True, 200))
    assert belt.counts_at(2_000 * MS) is None
    belt.add(BeltReport(4_100 * MS, True, 300))
    assert belt.counts_at(4_050 * MS) == 250


@given(
    pauses_ms=st.lists(st.sampled_from([1, 5, 20, 50, 100, 200]), min_size=30, max_size=60),
    late_ms=st.integers(0, 10),
    beyond_ms=st.integers(0, 300),
    data=st.data(),
)
def test_a_known_position_is_right_however_unevenly_the_readings_arrive(
    pauses_ms: list[int], late_ms: int, beyond_ms: int, data: st.DataObject
) -> None:
    belt, t_ms = ReportedBelt(2**32, PER_MM), 0
    for pause_ms in pauses_ms:
        t_ms += pause_ms
        read_ms = t_ms - data.draw(st.integers(0, late_ms))  # its timestamp is later
        belt.add(BeltReport(t_ms * MS, True, 10_000 + 4 * read_ms))
    counts = belt.counts_at((t_ms + beyond_ms) * MS)
    if counts is not None:
        assert counts == pytest.approx(10_000 + 4 * (t_ms + beyond_ms), abs=4 * 6 * late_ms + 1)


def test_the_encoder_is_unknown_in_a_gap_between_readings() -> None:
    belt = ReportedBelt(2**32, PER_MM)
    motion = ReportedMotion(belt, FixedSpeed(400), PER_MM)
    # It ran at 400 mm/s, stopped during a gap in the readings, and runs on.
    for t_ms in (*range(0, 2000, 100), *range(5000, 7000, 100)):
        running_ms = t_ms if t_ms < 2000 else t_ms - 2500
        belt.add(BeltReport(t_ms * MS, True, 4 * running_ms))
        motion.advance(no_view, t_ms * MS)
        assert motion.basis != "encoder" or motion.speed_mm_s == pytest.approx(400)
    assert motion.basis == "encoder"


def test_a_counter_reset_does_not_move_the_belt() -> None:
    belt = ReportedBelt(2**32, PER_MM)
    motion = ReportedMotion(belt, FixedSpeed(400), PER_MM, ImageMotion(400))
    travel_mm = 0.0
    for n in range(80):  # the PLC restarts after 4 s, and counts from 0 on
        t_ms = n * 100
        belt.add(BeltReport(t_ms * MS, True, 3_000_000 * (n < 40) + 4 * t_ms))
        if n % 3 == 2:  # frames are rarer than readings
            travel_mm += motion.advance(no_view, (t_ms + 10) * MS).dy_mm
            assert motion.finding.state in {"runs", "encoder_lost"}
    assert travel_mm == pytest.approx(400 * 7.5, rel=0.001)
    assert (motion.finding.state, motion.basis) == ("runs", "encoder")


def test_run_signal_and_encoder_may_come_from_two_sources() -> None:
    belt = ReportedBelt(2**32, PER_MM)
    for t_ms in range(0, 2000, 100):
        belt.add(BeltReport(t_ms * MS, True, None, "PLC"))
        belt.add(BeltReport((t_ms + 50) * MS, None, 5 * t_ms, "wheel"))
        belt.add(BeltReport((t_ms + 60) * MS, None, 7_000_000, "another wheel"))
    assert belt.runs(2000 * MS) is True
    assert belt.counts_at(1900 * MS) == 9250


def test_a_silent_encoder_is_replaced_by_another_one() -> None:
    belt = ReportedBelt(2**32, PER_MM)
    belt.add(BeltReport(0, None, 100, "wheel"))
    for t_ms in range(100, 2000, 100):
        belt.add(BeltReport(t_ms * MS, None, 9_000_000 + t_ms, "another wheel"))
    assert belt.counts_at(1800 * MS) == 9_001_800
    assert belt.restarts == 1


def test_a_slipping_encoder_is_reported_and_a_backwards_one_is_not_used() -> None:
    slipping = ReportedMotion(belt_at(300, until_ms=3500), ImageMotion(400), PER_MM)
    shifts(slipping, *range(500, 3500, 50))
    assert (slipping.finding.state, slipping.speed_mm_s) == ("slips", pytest.approx(300))
    backwards = ReportedMotion(belt_at(-400, until_ms=3500), ImageMotion(400), PER_MM)
    *_, last = shifts(backwards, *range(500, 3500, 50))
    assert (backwards.finding.state, backwards.speed_mm_s) == ("encoder_backwards", 400)
    assert last.dy_mm == pytest.approx(20)


def test_readings_that_are_back_give_travel_before_the_encoder_counts_as_found() -> None:
    belt = ReportedBelt()
    motion = ReportedMotion(belt, ImageMotion(400), PER_MM)
    for t_ms in (*range(0, 2000, 100), *range(5000, 5400, 100)):
        belt.add(BeltReport(t_ms * MS, True, 4 * t_ms))
        motion.advance(no_view, t_ms * MS)
    assert motion.finding.state == "encoder_lost"
    assert motion.measured_mm(5100 * MS, 5300 * MS) == pytest.approx(80)


@settings(max_examples=30)
@given(st.floats(4, 60), st.integers(0, 30), st.randoms(use_true_random=False))
def test_an_encoder_that_agrees_with_the_image_is_plausible_at_any_frame_rate(
    fps: float, jitter_ms: int, rng: Random
) -> None:
    """Most frames are not tracked; the encoder is known in all."""
    belt, reports = ReportedBelt(), count(0, 100)
    next_ms = next(reports)
    motion = ReportedMotion(belt, ImageMotion(400), PER_MM)
    for n in range(int(7 * fps)):
        t_ms = 1000 + n * 1000 / fps + rng.randint(0, jitter_ms) / 4
        while next_ms <= t_ms:
            belt.add(BeltReport(next_ms * MS, True, round(next_ms * 0.4 * PER_MM)))
            next_ms = next(reports)
        motion.advance(no_view, round(t_ms * MS))
        assert motion.finding.state in {"runs", "unknown"}


def test_a_fixed_speed_is_checked_by_the_image_in_a_few_frames_only() -> None:
    image = ImageMotion(300)
    tracked_ns: list[int] = []

    class Counted(ImageMotion):
        def advance(self, view: ViewSource, t_ns: int) -> Shift:
            tracked_ns.append(t_ns)
            return image.advance(view, t_ns)

    motion = ReportedMotion(ReportedBelt(), FixedSpeed(400), None, Counted(300))
    found = shifts(motion, *range(0, 8000, 33))
    assert motion.finding.state == "disagrees"
    assert found[-1].dy_mm == pytest.approx(400 * 0.033)
    assert len(tracked_ns) < 0.3 * len(found)


def test_a_frame_that_only_checks_another_source_is_told_from_one_that_needs_its_image() -> None:
    by_encoder = ReportedMotion(belt_at(500, until_ms=1500), ImageMotion(500), PER_MM)
    checking = 0
    for t_ms in range(1000, 1500, 33):
        by_encoder.advance(no_view, t_ms * MS)
        assert by_encoder.is_checking <= by_encoder.has_tracked
        checking += by_encoder.is_checking
    assert 1 <= checking <= 4
    alone = ReportedMotion(ReportedBelt(), ImageMotion(500), None)
    for t_ms in range(1000, 1500, 33):
        alone.advance(no_view, t_ms * MS)
        assert alone.has_tracked
        assert not alone.is_checking


def test_late_reports_are_ignored() -> None:
    belt = belt_at(500)
    belt.add(BeltReport(1000 * MS, False, 0))
    assert belt.runs(2000 * MS) is True
    assert belt.counts_at(2000 * MS) == 10_000
