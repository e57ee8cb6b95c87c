from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.image_shift import followed_px
from detector.belt.motion import FixedSpeed, ImageSpeed, Shift, ViewSource
from tests.fakes import FRAME_NS, as_image, texture

HEIGHT, WIDTH = 256, 320
VIEW_PX = WIDTH, HEIGHT


def shrunk(view: NDArray[np.uint8]) -> ViewSource:
    small = cv2.resize(view, followed_px(VIEW_PX), interpolation=cv2.INTER_AREA)
    return lambda: as_image(small)


def sliding(
    step_px: tuple[float, float],
    count: int,
    *,
    seed: int = 0,
    contrast: float = 25,
    over: NDArray[np.float32] | None = None,
    noise: float = 2.0,
) -> list[NDArray[np.uint8]]:
    """Views of a belt whose marks move by `(u, v)` per view; `over`: stationary light."""
    rng = np.random.default_rng(seed)
    way_u, way_v = (abs(step) * (count - 1) for step in step_px)
    long = texture(rng, HEIGHT + int(way_v) + 4, WIDTH + int(way_u) + 4, contrast=contrast)
    views = []
    for number in range(count):
        # A window that moves against the marks.
        left = (way_u if step_px[0] > 0 else 0) - step_px[0] * number + 2
        top = (way_v if step_px[1] > 0 else 0) - step_px[1] * number + 2
        place = np.array([[1, 0, -left], [0, 1, -top]], dtype=np.float64)
        shown = cv2.warpAffine(long, place, (WIDTH, HEIGHT)).astype(np.float32)
        shown = shown if over is None else shown * over
        views.append(as_image(shown + rng.normal(0, noise, shown.shape)))
    return views


def no_view() -> NDArray[np.uint8]:
    raise AssertionError("no view is needed here")


def measured(
    views: list[NDArray[np.uint8]], *, along_only: bool = True, mm_per_px: float = 1.0
) -> tuple[list[Shift], ImageSpeed]:
    motion = ImageSpeed(VIEW_PX, mm_per_px, along_only=along_only)
    return [motion.advance(shrunk(view), n * FRAME_NS) for n, view in enumerate(views)], motion


def vignette(strength: float = 0.4) -> NDArray[np.float32]:
    """Vignetting light with the bright spots of two lamps."""
    v, u = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    light = 1 - strength * (u**2 + v**2) / 2
    for lamp_u, lamp_v in ((-0.4, 0.3), (0.5, -0.5)):
        light += 0.5 * np.exp(-((u - lamp_u) ** 2 + (v - lamp_v) ** 2) / 0.004)
    return np.asarray(light[..., None], dtype=np.float32)


def test_a_fixed_speed_is_multiplied_by_the_time_between_frames() -> None:
    motion = FixedSpeed(400)
    assert motion.advance(no_view, 5_000_000_000) == Shift(0, 0, True)
    assert motion.advance(no_view, 5_100_000_000).dy_mm == pytest.approx(40)
    assert motion.advance(no_view, 6_100_000_000).dy_mm == pytest.approx(400)
    assert (motion.basis, motion.speed_mm_s) == ("profile", 400)


@pytest.mark.parametrize("step_px", [0.8, 3, 9.5, 30, 70])
@pytest.mark.parametrize("direction", [-1, 1])
def test_the_travel_of_a_textured_belt_is_right_within_two_percent(
    step_px: float, direction: int
) -> None:
    shifts, motion = measured(sliding((0, direction * step_px), 12), mm_per_px=0.5)
    assert [shift.known for shift in shifts] == [False] + [True] * 11
    travel_mm = sum(shift.dy_mm for shift in shifts)
    # Up in the view is downstream.
    assert travel_mm == pytest.approx(-direction * step_px * 11 * 0.5, rel=0.02)
    assert motion.speed_mm_s == pytest.approx(-direction * step_px * 0.5 * 10, rel=0.02)
    assert motion.basis == "image"


@settings(max_examples=10)
@given(angle=st.floats(0, 2 * np.pi), step_px=st.floats(6, 50), seed=st.integers(0, 99))
def test_without_a_known_travel_the_belt_is_tracked_in_any_direction(
    angle: float, step_px: float, seed: int
) -> None:
    step = (step_px * np.cos(angle), step_px * np.sin(angle))
    shifts, motion = measured(sliding(step, 7, seed=seed), along_only=False)
    travel_mm_xy = np.array([sum(s.dx_mm for s in shifts), sum(s.dy_mm for s in shifts)])
    np.testing.assert_allclose(
        travel_mm_xy, 6 * np.array([step[0], -step[1]]), atol=0.02 * 6 * step_px
    )
    assert motion.speed_mm_s == pytest.approx(step_px * 10, rel=0.02)


def test_stationary_light_is_not_tracked() -> None:
    shifts, _ = measured(sliding((0, -25), 12, over=vignette()))
    assert all(shift.known for shift in shifts[1:])
    assert sum(shift.dy_mm for shift in shifts) == pytest.approx(25 * 11, rel=0.02)


def test_dirt_on_the_lens_is_not_tracked(rng: np.random.Generator) -> None:
    dirt = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
    dirty = np.where(dirt > 1.2 * dirt.std(), 0.7, 1)[..., None].astype(np.float32)
    shifts, _ = measured(sliding((0, -25), 12, over=dirty, contrast=15))
    assert sum(shift.dy_mm for shift in shifts) == pytest.approx(25 * 11, rel=0.02)


def test_a_faint_belt_is_tracked_through_noise() -> None:
    shifts, _ = measured(sliding((0, -25), 8, contrast=6, noise=5))
    assert sum(shift.dy_mm for shift in shifts) == pytest.approx(25 * 7, rel=0.02)


@pytest.mark.parametrize("along_only", [True, False])
def test_a_featureless_belt_is_not_taken_for_stopped(
    along_only: bool, rng: np.random.Generator
) -> None:
    flat = 90 * vignette()[..., [0, 0, 0]]
    views = [as_image(flat * 0 + 90 + rng.normal(0, 3, flat.shape)) for _ in range(12)]
    shifts, motion = measured(views, along_only=along_only)
    assert not any(shift.known for shift in shifts)
    assert (motion.basis, motion.speed_mm_s) == ("none", None)


def test_marks_along_the_belt_give_no_speed(rng: np.random.Generator) -> None:
    ridges = np.repeat(rng.normal(90, 15, (1, WIDTH, 1)), HEIGHT, axis=0)
    ridges = np.repeat(ridges, 3, axis=2)
    views = [as_image(ridges + rng.normal(0, 3, ridges.shape)) for _ in range(6)]
    assert not any(shift.known for shift in measured(views)[0])


def test_images_of_different_stretches_give_no_speed() -> None:
    views = [sliding((0, 0), 1, seed=seed)[0] for seed in range(8)]
    assert not any(shift.known for shift in measured(views)[0])


def test_a_stopped_belt_is_known_to_be_stopped() -> None:
    shifts, motion = measured(sliding((0, 0), 10))
    assert all(shift.known for shift in shifts[1:])
    assert sum(abs(shift.dy_mm) for shift in shifts) < 0.5
    assert motion.speed_mm_s == pytest.approx(0, abs=1)


def test_a_belt_that_stops_and_restarts_is_tracked() -> None:
    there = sliding((0, -20), 10)
    shifts, motion = measured(there + [there[-1]] * 12 + there[::-1])
    assert all(shift.known for shift in shifts[1:])
    forth = [shift.dy_mm for shift in shifts[1:10]]
    stood = [shift.dy_mm for shift in shifts[10:22]]
    back = [shift.dy_mm for shift in shifts[23:]]
    assert sum(forth) == pytest.approx(180, rel=0.02)
    assert abs(sum(stood)) < 2
    assert sum(back) == pytest.approx(-180, rel=0.03)
    assert motion.speed_mm_s == pytest.approx(-200, rel=0.03)


def test_dropped_frames_do_not_lose_travel() -> None:
    views = sliding((0, -15), 16)
    kept = [0, 1, 2, 5, 6, 8, 9, 10, 13, 15]
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    travel_mm = sum(motion.advance(shrunk(views[n]), n * FRAME_NS).dy_mm for n in kept)
    assert travel_mm == pytest.approx(15 * 15, rel=0.02)


@settings(max_examples=12, deadline=None)
@given(
    travels_px=st.lists(st.integers(10, 2 * HEIGHT), min_size=3, max_size=12),
    seed=st.integers(0, 99),
)
def test_dropped_frames_never_give_a_wrong_speed_of_a_steady_belt(
    travels_px: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    belt = texture(rng, sum(travels_px) + HEIGHT, WIDTH)
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    for travel_px in np.cumsum(travels_px).tolist():
        shown = belt[travel_px : travel_px + HEIGHT]
        view = as_image(shown + rng.normal(0, 2, shown.shape))
        motion.advance(shrunk(view), round(travel_px / 300 * 1e9))  # 300 mm/s
        if motion.speed_mm_s is not None:
            assert motion.speed_mm_s == pytest.approx(300, rel=0.05)


def test_a_measured_speed_is_kept_for_two_seconds(rng: np.random.Generator) -> None:
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    for n, view in enumerate(sliding((0, -15), 8)):
        motion.advance(shrunk(view), n * FRAME_NS)
    known = []
    for n in range(8, 40):
        bare = as_image(90 + rng.normal(0, 3, (HEIGHT, WIDTH, 3)))
        shift = motion.advance(shrunk(bare), n * FRAME_NS)
        known.append(shift.known)
        assert shift.dy_mm == pytest.approx(15 if shift.known else 0, abs=0.5)
    assert known == [True] * 20 + [False] * 12
    assert (motion.basis, motion.speed_mm_s) == ("none", None)


def test_a_frame_with_the_last_timestamp_gives_no_shift() -> None:
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    first, second = sliding((0, -15), 2)
    motion.advance(shrunk(first), 0)
    assert motion.advance(shrunk(second), 0) == Shift(0, 0, False)
    assert motion.advance(shrunk(second), FRAME_NS).dy_mm == pytest.approx(15, rel=0.02)


def test_objects_beside_the_belt_are_not_tracked(rng: np.random.Generator) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:, 75:245] = True
    wall = as_image(texture(rng, HEIGHT, WIDTH, contrast=60))
    motion = ImageSpeed(
        VIEW_PX,
        1.0,
        along_only=True,
        belt_mask=np.asarray(shrunk(mask.astype(np.uint8) * 255)() > 250),
    )
    travel_mm = 0.0
    for n, view in enumerate(sliding((0, -2), 20)):
        shown = np.where(mask[..., None], view, wall)
        travel_mm += motion.advance(shrunk(shown), n * FRAME_NS).dy_mm
    assert travel_mm == pytest.approx(38, rel=0.05)


def test_a_belt_is_tracked_under_a_caught_film(rng: np.random.Generator) -> None:
    film = as_image(texture(rng, HEIGHT, WIDTH * 2 // 3, contrast=50))
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    travel_mm = 0.0
    for n, view in enumerate(sliding((0, -8), 24)):
        if n > 8:
            view[:, : film.shape[1]] = film
        travel_mm += motion.advance(shrunk(view), n * FRAME_NS).dy_mm
    assert travel_mm == pytest.approx(8 * 23, rel=0.02)
    assert motion.speed_mm_s == pytest.approx(80, rel=0.02)


def hanging(views: list[NDArray[np.uint8]], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Three lanes of material that hide most of the view, each creeping differently."""
    lanes = [as_image(texture(rng, HEIGHT * 2, WIDTH // 3, contrast=50)) for _ in range(3)]
    at, shown = np.full(3, HEIGHT // 2.0), []
    for view in views:
        at += rng.uniform(-3, 6, 3)
        hung = view.copy()
        for number, (lane, top) in enumerate(zip(lanes, at.astype(int).tolist(), strict=True)):
            left = number * WIDTH // 3
            hung[: HEIGHT - 16, left : left + WIDTH // 3 - 3] = lane[top : top + HEIGHT - 16, :-3]
        shown.append(hung)
    return shown


def test_stationary_material_never_gives_a_wrong_speed_and_it_is_known_again_afterwards(
    rng: np.random.Generator,
) -> None:
    views = sliding((0, -20), 150)
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    speeds = []
    for n, view in enumerate([*views[:30], *hanging(views[30:110], rng), *views[110:]]):
        motion.advance(shrunk(view), n * FRAME_NS)
        speeds.append(motion.speed_mm_s)
    known = [speed for speed in speeds[1:] if speed is not None]
    assert known == pytest.approx([200] * len(known), rel=0.03)
    assert None in speeds[40:110]
    assert None not in (*speeds[1:30], *speeds[130:])
    # It is lost once and found once.
    assert sum((a is None) != (b is None) for a, b in pairwise(speeds[1:])) == 2


def test_a_line_that_starts_in_a_jam_has_no_speed(rng: np.random.Generator) -> None:
    views = hanging(sliding((0, -20), 60), rng)
    shifts, motion = measured(views)
    assert not any(shift.known for shift in shifts[4:])
    assert motion.inconsistent


def test_material_that_stops_all_over_the_view_is_not_taken_for_a_braking_belt(
    rng: np.random.Generator,
) -> None:
    heap = as_image(texture(rng, HEIGHT, WIDTH, contrast=40))
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    for n, view in enumerate(sliding((0, -20), 10)):
        motion.advance(shrunk(view), n * FRAME_NS // 3)  # 600 mm/s, 30 frames/s
    speeds = [motion.advance(shrunk(heap), n * FRAME_NS // 3) for n in range(10, 40)]
    assert sum(shift.dy_mm for shift in speeds) == pytest.approx(600, rel=0.02)


def test_a_gap_shows_no_travel_even_if_both_of_its_sides_look_alike() -> None:
    """A minute later the same marks may be in view again, by chance or on a short belt."""
    views = sliding((0.0, -6.0), 24)
    motion = ImageSpeed(VIEW_PX, 1.0, along_only=True)
    for number, view in enumerate(views[:12]):
        motion.advance(shrunk(view), number * FRAME_NS)
    speed_mm_s = motion.speed_mm_s
    assert speed_mm_s == pytest.approx(6.0e9 / FRAME_NS, rel=0.02)
    later_ns = 11 * FRAME_NS + 60_000_000_000
    assert motion.advance(shrunk(views[11]), later_ns) == Shift(0.0, 0.0, False)
    assert motion.speed_mm_s is None
    for number, view in enumerate(views[12:], start=1):
        motion.advance(shrunk(view), later_ns + number * FRAME_NS)
    assert motion.speed_mm_s == pytest.approx(speed_mm_s, rel=0.02)
