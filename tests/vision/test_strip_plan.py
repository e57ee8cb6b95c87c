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
from detector.vision.strip_plan import SHAPES, STARTED_MM_S2, StripPlan

LENGTH_MM = 600.0
MM_PER_PX = 2.0
BELT = np.array([[0, 0], [240, 0], [240, LENGTH_MM], [0, LENGTH_MM]], dtype=np.float64)
RECTIFIER = Rectifier(nominal_plane(BELT, "up", 1.0, "nominal"), (240, 600), MM_PER_PX, 32)


@dataclass
class Watch:
    """A plan that every look follows, and what was looked at when."""

    plan: StripPlan
    t_ns: int = 10**9
    come_mm: float = 0.0
    strips: list[tuple[Strip, float, int]] = field(default_factory=list)
    """Each with how far the belt had come, and when."""

    def frame(
        self, way_mm: float, period_s: float = 0.04, *, known: bool = True, to: float | None = None
    ) -> Strip | None:
        self.t_ns += round(period_s * 1e9)
        self.come_mm += way_mm
        strip = self.plan.next_strip(Shift(0.0, way_mm if known else 0.0, known), self.t_ns, to)
        if strip is not None:
            self.plan.looked(strip, self.t_ns)
            self.strips.append((strip, self.come_mm, self.t_ns))
        return strip

    def whole_looks(self, at_mm: float, length_mm: float) -> int:
        """In how many looks something lay whole whose leading end came in at that way."""
        edge_mm = EDGE_PX * MM_PER_PX
        seen = 0
        for strip, come_mm, _ in self.strips:
            leading_mm = come_mm - at_mm
            trailing_mm = leading_mm - length_mm
            seen += (
                trailing_mm > strip.upstream_mm + edge_mm
                and leading_mm < strip.downstream_mm - edge_mm
            )
        return seen

    @property
    def looked_at_mm(self) -> float:
        return sum(each.downstream_mm - each.upstream_mm for each, _, _ in self.strips)


def watch(**settings: object) -> Watch:
    shapes = settings.pop("shapes", SHAPES)
    assert isinstance(shapes, int)
    view = View.model_validate({"mm_per_px": MM_PER_PX, **settings})
    return Watch(StripPlan(RECTIFIER, view, shapes=shapes))


def is_whole(strip: Strip | None) -> bool:
    return strip is not None and (strip.upstream_mm, strip.downstream_mm) == (0.0, LENGTH_MM)


def ways(targets: Sequence[tuple[float, int]], period_s: float, most_mm: float) -> Iterator[float]:
    """Each frame's way of a belt that goes after those speeds (mm/s), for so many frames each."""
    speed = 0.0
    for target, frames in targets:
        for _ in range(frames):
            change = STARTED_MM_S2 * period_s
            speed = min(max(target, speed - change), speed + change)
            yield min(most_mm, speed * period_s)


speeds = st.lists(st.tuples(st.floats(0, 3500), st.integers(1, 25)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    targets=speeds,
    fps=st.sampled_from([10, 25, 30, 60]),
    looks=st.integers(1, 5),
    object_mm=st.sampled_from([50.0, 120.0, 200.0]),
    length=st.floats(0.05, 1.0),
)
def test_everything_is_seen_whole_so_often_at_whatever_speed(
    targets: list[tuple[float, int]], fps: int, looks: int, object_mm: float, length: float
) -> None:
    seen = watch(looks_per_object=looks, object_mm=object_mm)
    # As fast as the frames allow: so much of the belt comes in between two of them.
    most_mm = (LENGTH_MM - object_mm - 2 * EDGE_PX * MM_PER_PX) / looks
    for way_mm in ways([*targets, (most_mm * fps, 30)], 1 / fps, most_mm):
        seen.frame(way_mm, 1 / fps)
        assert seen.plan.unseen_mm == 0
    size_mm = length * object_mm
    last_mm = seen.come_mm - LENGTH_MM
    for at_mm in np.linspace(0, last_mm, 40) if last_mm > 0 else []:
        assert seen.whole_looks(float(at_mm), size_mm) >= looks


@settings(max_examples=60, deadline=None)
@given(targets=speeds, fps=st.sampled_from([5, 10, 25, 30, 60]), wait_ms=st.floats(40, 200))
def test_nothing_waits_longer_for_its_look_than_it_may(
    targets: list[tuple[float, int]], fps: int, wait_ms: float
) -> None:
    seen = watch(max_wait_ms=wait_ms)
    for way_mm in ways(targets, 1 / fps, 1e9):
        seen.frame(way_mm, 1 / fps)
    times_ns = [t_ns for _, _, t_ns in seen.strips]
    longest_ms = max(np.diff(times_ns), default=0) / 1e6
    assert longest_ms <= max(wait_ms, 1000 / fps) + 1.001


@pytest.mark.parametrize(("speed_mm_s", "at_most"), [(300, 1 / 3), (500, 1 / 3), (1000, 0.4)])
def test_a_third_of_the_belt_views_is_looked_at(speed_mm_s: float, at_most: float) -> None:
    strips, frames = watch(), watch(strips=False)
    for _ in range(200):
        for each in (strips, frames):
            each.frame(speed_mm_s / 25)
    assert len(frames.strips) == 200
    assert strips.looked_at_mm <= at_most * frames.looked_at_mm


def test_a_belt_that_stands_is_looked_over_from_end_to_end_at_the_longest_wait() -> None:
    seen = watch()
    for _ in range(3):
        seen.frame(0.0)
    begun = len(seen.strips)
    for _ in range(50):  # two seconds
        seen.frame(0.0)
    looks = [strip for strip, _, _ in seen.strips[begun:]]
    assert 9 <= len(looks) <= 13  # five a second
    assert not any(map(is_whole, looks))
    for at_mm in range(220, 600, 10):
        assert any(s.upstream_mm <= at_mm - 200 and s.downstream_mm >= at_mm for s in looks)


@pytest.mark.parametrize("way_mm", [-8.0, 700.0])
def test_after_a_belt_that_ran_back_or_jumped_nothing_counts_any_more(way_mm: float) -> None:
    seen = watch()
    for _ in range(20):
        seen.frame(20.0)
    before = seen.frame(way_mm)
    assert is_whole(before)
    assert [is_whole(seen.frame(20.0)) for _ in range(4)] == [True, True, False, False]


def test_a_belt_that_trembles_is_no_belt_that_runs_back() -> None:
    seen = watch()
    for _ in range(3):
        seen.frame(0.0)
    assert not any(is_whole(seen.frame(way_mm)) for way_mm in [0.8, -1.5, 1.2, -0.5] * 10)


def test_while_nobody_knows_the_way_of_the_belt_each_frame_is_looked_at_whole() -> None:
    seen = watch()
    for _ in range(10):
        seen.frame(20.0)
    assert all(is_whole(seen.frame(20.0, known=False)) for _ in range(10))
    nowhere = Watch(StripPlan(RECTIFIER, View(), possible=False))
    assert all(is_whole(nowhere.frame(500.0)) for _ in range(10))
    assert nowhere.plan.unseen_mm == 0  # nobody knows


def test_a_doubtful_thing_gets_its_look_at_once_and_as_far_as_it_lies() -> None:
    seen = watch()
    for _ in range(4):
        seen.frame(10.0)
    assert seen.frame(10.0) is None
    strip = seen.frame(10.0, to=480.0)
    assert strip is not None
    assert strip.upstream_mm == 0
    assert 480 <= strip.downstream_mm <= 600


@pytest.mark.parametrize("strips", [True, False])
def test_a_belt_that_outruns_its_looks_is_told_until_they_keep_up_again(strips: bool) -> None:
    seen = watch(strips=strips)
    for _ in range(5):
        seen.frame(100.0)
    assert seen.plan.unseen_mm == 0
    for _ in range(5):  # frames are lost: a step of 133 mm is the most
        seen.frame(250.0)
    assert seen.plan.unseen_mm == pytest.approx(3 * 250 + 200 + 16 - 600)
    for _ in range(4):
        seen.frame(100.0)
    assert seen.plan.unseen_mm == 0
    seen.frame(601.0)  # a whole view went by unseen
    assert seen.plan.unseen_mm == 600


@pytest.mark.parametrize("ways_mm", [(700.0, 20.0), (250.0, 250.0, 150.0)])
def test_belt_that_went_by_unseen_is_told_though_its_look_came_some_frames_later(
    ways_mm: tuple[float, ...],
) -> None:
    seen = watch()
    for _ in range(20):
        seen.frame(20.0)
    seen.plan.begin_anew()
    seen.frame(20.0)
    for way_mm in ways_mm[:-1]:  # other lines have their turn
        seen.t_ns += 40_000_000
        assert seen.plan.next_strip(Shift(0.0, way_mm, True), seen.t_ns, None) is not None
    seen.frame(ways_mm[-1])
    assert seen.plan.unseen_mm == 600


def test_a_model_that_takes_whole_views_only_is_given_nothing_else() -> None:
    seen = watch(shapes=1)
    for way_mm in [20.0] * 50 + [0.0] * 50:
        seen.frame(way_mm)
    assert len(seen.strips) < 40
    assert all(is_whole(strip) for strip, _, _ in seen.strips)


def test_blindness_makes_the_plan_begin_anew() -> None:
    seen = watch()
    for _ in range(10):
        seen.frame(20.0)
    seen.plan.begin_anew()
    assert is_whole(seen.frame(20.0))
