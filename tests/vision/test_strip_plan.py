from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.motion import Shift
from detector.belt.plane import nominal_plane
from detector.profile.view import View
from detector.vision.belt_view import EDGE_PX, Rectifier, Strip
from detector.vision.strip_plan import SHAPES, START_MM_S2, StripPlan

LENGTH_MM = 600.0
MM_PER_PX = 2.0
BELT = np.array([[0, 0], [240, 0], [240, LENGTH_MM], [0, LENGTH_MM]], dtype=np.float64)
RECTIFIER = Rectifier(nominal_plane(BELT, "up", 1.0, "nominal"), (240, 600), MM_PER_PX, 32)


@dataclass
class PlannedLine:
    """A plan whose every strip is processed, with a record of the passes."""

    plan: StripPlan
    t_ns: int = 10**9
    travel_mm: float = 0.0
    strips: list[tuple[Strip, float, int]] = field(default_factory=list)
    """Each with the belt's travel and the time."""

    def frame(
        self, step_mm: float, period_s: float = 0.04, *, known: bool = True, to: float | None = None
    ) -> Strip | None:
        self.t_ns += round(period_s * 1e9)
        self.travel_mm += step_mm
        strip = self.plan.next_strip(Shift(0.0, step_mm if known else 0.0, known), self.t_ns, to)
        if strip is not None:
            self.plan.record_pass(strip, self.t_ns)
            self.strips.append((strip, self.travel_mm, self.t_ns))
        return strip

    def whole_passes(self, at_mm: float, length_mm: float) -> int:
        """Passes that show an object whole whose leading end came in at travel `at_mm`."""
        edge_mm = EDGE_PX * MM_PER_PX
        count = 0
        for strip, travel_mm, _ in self.strips:
            leading_mm = travel_mm - at_mm
            trailing_mm = leading_mm - length_mm
            count += (
                trailing_mm > strip.upstream_mm + edge_mm
                and leading_mm < strip.downstream_mm - edge_mm
            )
        return count

    @property
    def processed_mm(self) -> float:
        return sum(each.downstream_mm - each.upstream_mm for each, _, _ in self.strips)


def planned_line(**settings: object) -> PlannedLine:
    shapes = settings.pop("shapes", SHAPES)
    assert isinstance(shapes, int)
    view = View.model_validate({"mm_per_px": MM_PER_PX, **settings})
    return PlannedLine(StripPlan(RECTIFIER, view, shapes=shapes))


def is_whole(strip: Strip | None) -> bool:
    return strip is not None and (strip.upstream_mm, strip.downstream_mm) == (0.0, LENGTH_MM)


def steps(targets: Sequence[tuple[float, int]], period_s: float, most_mm: float) -> Iterator[float]:
    """Travel per frame of a belt that follows these speeds (mm/s), each for a number of frames."""
    speed = 0.0
    for target, frames in targets:
        for _ in range(frames):
            change = START_MM_S2 * period_s
            speed = min(max(target, speed - change), speed + change)
            yield min(most_mm, speed * period_s)


speeds = st.lists(st.tuples(st.floats(0, 3500), st.integers(1, 25)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    targets=speeds,
    fps=st.sampled_from([10, 25, 30, 60]),
    passes=st.integers(1, 5),
    object_mm=st.sampled_from([50.0, 120.0, 200.0]),
    length=st.floats(0.05, 1.0),
)
def test_every_object_is_seen_whole_often_enough_at_any_speed(
    targets: list[tuple[float, int]], fps: int, passes: int, object_mm: float, length: float
) -> None:
    seen = planned_line(passes_per_object=passes, object_mm=object_mm)
    # The largest travel per frame with which enough passes are possible.
    most_mm = (LENGTH_MM - object_mm - 2 * EDGE_PX * MM_PER_PX) / passes
    for step_mm in steps([*targets, (most_mm * fps, 30)], 1 / fps, most_mm):
        seen.frame(step_mm, 1 / fps)
        assert seen.plan.unseen_mm == 0
    size_mm = length * object_mm
    last_mm = seen.travel_mm - LENGTH_MM
    for at_mm in np.linspace(0, last_mm, 40) if last_mm > 0 else []:
        assert seen.whole_passes(float(at_mm), size_mm) >= passes


@settings(max_examples=60, deadline=None)
@given(targets=speeds, fps=st.sampled_from([5, 10, 25, 30, 60]), wait_ms=st.floats(40, 200))
def test_no_belt_waits_longer_than_max_wait_ms(
    targets: list[tuple[float, int]], fps: int, wait_ms: float
) -> None:
    seen = planned_line(max_wait_ms=wait_ms)
    for step_mm in steps(targets, 1 / fps, 1e9):
        seen.frame(step_mm, 1 / fps)
    times_ns = [t_ns for _, _, t_ns in seen.strips]
    longest_ms = max(np.diff(times_ns), default=0) / 1e6
    assert longest_ms <= max(wait_ms, 1000 / fps) + 1.001


@pytest.mark.parametrize(("speed_mm_s", "at_most"), [(300, 1 / 3), (500, 1 / 3), (1000, 0.4)])
def test_strips_process_about_a_third_of_the_belt_views(speed_mm_s: float, at_most: float) -> None:
    strips, frames = planned_line(), planned_line(strips=False)
    for _ in range(200):
        for each in (strips, frames):
            each.frame(speed_mm_s / 25)
    assert len(frames.strips) == 200
    assert strips.processed_mm <= at_most * frames.processed_mm


def test_a_stopped_belt_is_scanned_from_end_to_end_at_the_longest_wait() -> None:
    seen = planned_line()
    for _ in range(3):
        seen.frame(0.0)
    begun = len(seen.strips)
    for _ in range(50):  # two seconds
        seen.frame(0.0)
    passes = [strip for strip, _, _ in seen.strips[begun:]]
    assert 9 <= len(passes) <= 13  # five a second
    assert not any(map(is_whole, passes))
    for at_mm in range(220, 600, 10):
        assert any(s.upstream_mm <= at_mm - 200 and s.downstream_mm >= at_mm for s in passes)


@pytest.mark.parametrize("step_mm", [-8.0, 700.0])
def test_after_a_belt_ran_back_or_jumped_earlier_passes_do_not_count(step_mm: float) -> None:
    seen = planned_line()
    for _ in range(20):
        seen.frame(20.0)
    before = seen.frame(step_mm)
    assert is_whole(before)
    assert [is_whole(seen.frame(20.0)) for _ in range(4)] == [True, True, False, False]


def test_noise_of_a_stopped_belt_is_not_running_back() -> None:
    seen = planned_line()
    for _ in range(3):
        seen.frame(0.0)
    assert not any(is_whole(seen.frame(step_mm)) for step_mm in [0.8, -1.5, 1.2, -0.5] * 10)


def test_while_the_travel_is_unknown_each_frame_is_processed_whole() -> None:
    seen = planned_line()
    for _ in range(10):
        seen.frame(20.0)
    assert all(is_whole(seen.frame(20.0, known=False)) for _ in range(10))
    undirected = PlannedLine(StripPlan(RECTIFIER, View(), possible=False))
    assert all(is_whole(undirected.frame(500.0)) for _ in range(10))
    assert undirected.plan.unseen_mm == 0  # cannot be computed


def test_a_long_object_lengthens_the_pass_that_is_due_and_brings_none_forward() -> None:
    seen, plain = planned_line(), planned_line()
    for _ in range(30):
        strip, usual = seen.frame(10.0, to=480.0), plain.frame(10.0)
        assert (strip is None) == (usual is None)
    assert len(plain.strips) < 15
    assert plain.strips[-1][0].downstream_mm < 480 <= seen.strips[-1][0].downstream_mm < 600


@settings(max_examples=30, deadline=None)
@given(speed_mm_s=st.floats(20, 600), shapes=st.integers(2, 12), fps=st.sampled_from([15, 25, 30]))
def test_a_known_speed_makes_strips_no_longer_than_it_needs_at_most(
    speed_mm_s: float, shapes: int, fps: int
) -> None:
    view = View(mm_per_px=MM_PER_PX)
    known = PlannedLine(StripPlan(RECTIFIER, view, shapes=shapes, speed_mm_s=speed_mm_s))
    unknown = PlannedLine(StripPlan(RECTIFIER, view, shapes=shapes))
    for _ in range(3 * fps):
        for each in (known, unknown):
            each.frame(speed_mm_s / fps, 1 / fps)
    assert len(known.strips) == len(unknown.strips)
    assert len(known.plan.heights_px) <= shapes
    needed_mm = 1.05 * 3 * speed_mm_s * 0.2 + 200 + 2 * EDGE_PX * MM_PER_PX
    last, _, _ = known.strips[-1]
    assert last.downstream_mm - last.upstream_mm <= min(LENGTH_MM, needed_mm + 32 * MM_PER_PX)


@pytest.mark.parametrize("strips", [True, False])
def test_belt_that_outruns_the_passes_is_reported_until_they_keep_up(strips: bool) -> None:
    seen = planned_line(strips=strips)
    for _ in range(5):
        seen.frame(100.0)
    assert seen.plan.unseen_mm == 0
    for _ in range(5):  # lost frames: steps of more than 133 mm are too large
        seen.frame(250.0)
    assert seen.plan.unseen_mm == pytest.approx(3 * 250 + 200 + 16 - 600)
    for _ in range(4):
        seen.frame(100.0)
    assert seen.plan.unseen_mm == 0
    seen.frame(601.0)  # a whole view passed unseen
    assert seen.plan.unseen_mm == 600


@pytest.mark.parametrize("steps_mm", [(700.0, 20.0), (250.0, 250.0, 150.0)])
def test_belt_that_passed_unseen_is_reported_even_if_its_pass_came_frames_later(
    steps_mm: tuple[float, ...],
) -> None:
    seen = planned_line()
    for _ in range(20):
        seen.frame(20.0)
    seen.plan.reset()
    seen.frame(20.0)
    for step_mm in steps_mm[:-1]:  # other lines use the model
        seen.t_ns += 40_000_000
        assert seen.plan.next_strip(Shift(0.0, step_mm, True), seen.t_ns, None) is not None
    seen.frame(steps_mm[-1])
    assert seen.plan.unseen_mm == 600


def test_a_model_of_fixed_size_gets_only_whole_views() -> None:
    seen = planned_line(shapes=1)
    for step_mm in [20.0] * 50 + [0.0] * 50:
        seen.frame(step_mm)
    assert len(seen.strips) < 40
    assert all(is_whole(strip) for strip, _, _ in seen.strips)


def test_after_blindness_the_whole_view_is_processed() -> None:
    seen = planned_line()
    for _ in range(10):
        seen.frame(20.0)
    seen.plan.reset()
    assert is_whole(seen.frame(20.0))
