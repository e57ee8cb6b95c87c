"""A belt that runs under a camera, and what the camera may show of it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.vision.condition.belt_samples import BeltSamples
from detector.vision.condition.frozen_belt import (
    NEVER_REPEATED,
    FrozenBelt,
    FrozenBeltError,
)
from tests.fakes import as_image, texture

WIDTH, HEIGHT, LENGTH = 320, 240, 4000
BELT = np.array([[0, 20], [WIDTH, 20], [WIDTH, 220], [0, 220]], dtype=np.float64)
STRIP = cv2.GaussianBlur(
    as_image(texture(np.random.default_rng(3), HEIGHT, LENGTH, contrast=40)), (0, 0), 2.0
)
NOISE = np.random.default_rng(4).normal(0, 1, (8, HEIGHT, WIDTH, 3)).astype(np.float32)
FPS, SPEED_MM_S = 20, 400.0
Encoder = Callable[[int, int], float | None]


def encoder(mm_s: float) -> Encoder:
    return lambda since_ns, until_ns: mm_s * (until_ns - since_ns) / 1e9


def no_encoder(*_: int) -> None:
    return None


class Watched:
    """A camera at 1 px per mm and the check of its images."""

    def __init__(self, measured_mm: Encoder, *, fps: float = FPS, seed: int = 0) -> None:
        self.samples = BeltSamples(BELT, (WIDTH, HEIGHT))
        self.check = FrozenBelt(self.samples, self.samples.step_px, along_x=True)
        self.measured_mm, self.fps, self.frames = measured_mm, fps, 0
        self.rng = np.random.default_rng(seed)
        self.strip = STRIP

    def show(self, at_mm: float, *, noise: float = 1.0, clock: bool = False) -> bool:
        """Show the belt at a position; whether it is refused as frozen."""
        at = LENGTH - WIDTH - round(at_mm)
        image: NDArray[np.uint8] = self.strip[:, at : at + WIDTH].copy()
        image = cv2.add(image, as_image(noise * NOISE[self.rng.integers(len(NOISE))] + 2))
        if clock:
            cv2.putText(image, f"{self.frames}", (8, 60), 0, 1.0, (255, 255, 255), 2)
        self.samples.update(image)
        self.frames += 1
        try:
            self.check.refuse_frozen(
                round(self.frames / self.fps * 1e9), SPEED_MM_S, self.measured_mm
            )
        except FrozenBeltError:
            return True
        return False

    def runs(self, frames: int, mm: float = SPEED_MM_S / FPS) -> list[bool]:
        return [self.show(n * mm) for n in range(frames)]


@pytest.mark.parametrize("measured_mm", [encoder(SPEED_MM_S), no_encoder])
@pytest.mark.parametrize("clock", [False, True])
def test_a_frozen_image_is_refused_at_its_second_repetition_also_under_a_clock(
    measured_mm: Encoder, clock: bool
) -> None:
    belt = Watched(measured_mm)
    assert not any(belt.runs(20))
    frozen = [belt.show(400, noise=0.5, clock=clock) for _ in range(6)]
    assert frozen == [False, False, True, True, True, True]  # the first is a new image
    assert [belt.show(at) for at in (700, 720, 740)] == [True, False, False]


@pytest.mark.parametrize("measured_mm", [encoder(SPEED_MM_S), no_encoder])
def test_a_frozen_image_stays_refused_when_a_key_frame_changes_it_once(
    measured_mm: Encoder,
) -> None:
    belt = Watched(measured_mm)
    belt.runs(20)
    assert [belt.show(400, noise=0.5) for _ in range(4)][2:] == [True, True]
    for key_frame in (430, 400, 430):  # an image that differs as much as one of a running belt
        assert all(belt.show(key_frame, noise=0.5) for _ in range(8))


def test_a_frozen_image_is_no_longer_refused_once_the_encoder_has_stopped_for_a_second() -> None:
    belt = Watched(encoder(SPEED_MM_S))
    belt.runs(20)
    assert [belt.show(400, noise=0.5) for _ in range(4)][2:] == [True, True]
    belt.measured_mm = encoder(0.0)
    assert belt.show(430, noise=0.5)  # the camera is back, over a belt that stands
    refused = [belt.show(430, noise=0.5) for _ in range(FPS + 5)]
    assert refused == [True] * (FPS - 1) + [False] * 6


@settings(max_examples=12)
@given(st.floats(0.5, 3.0), st.floats(500, 2500), st.integers(0, 20))
def test_a_belt_that_stops_is_not_frozen(noise: float, brakes_mm_s2: float, seed: int) -> None:
    """Without an encoder: a braking belt shows itself slowing down."""
    belt, at_mm, speed = Watched(no_encoder, seed=seed), 0.0, SPEED_MM_S
    belt.runs(8)
    at_mm = 7 * SPEED_MM_S / FPS
    for _ in range(30):
        speed = max(0.0, speed - brakes_mm_s2 / FPS)
        at_mm += speed / FPS
        assert not belt.show(at_mm, noise=noise)


def test_a_belt_that_its_encoder_shows_stopped_is_not_frozen() -> None:
    belt = Watched(encoder(0.0))
    belt.runs(8)
    assert not any(belt.show(140, noise=0) for _ in range(20))


def test_lamps_that_come_on_over_a_stopped_belt_are_no_travel() -> None:
    belt = Watched(no_encoder)
    whole = STRIP.copy()
    try:
        for gain in (0.4, 0.55, 0.7, 0.85, 1.0, 1.0, 1.0, 1.0):
            STRIP[:] = as_image(whole * gain)
            assert not belt.show(0)
    finally:
        STRIP[:] = whole


def test_one_repeated_image_is_the_cameras_way_to_keep_its_rate() -> None:
    belt = Watched(encoder(SPEED_MM_S))
    assert not any(belt.show(n // 2 * 40, noise=0) for n in range(40))


def test_a_repetition_is_no_new_sight_from_a_camera_that_never_repeats_one() -> None:
    belt = Watched(encoder(SPEED_MM_S))
    frames = NEVER_REPEATED + 2
    belt.runs(frames)
    assert belt.check.old_since_ns is None
    assert not belt.show((frames - 1) * SPEED_MM_S / FPS, noise=0.5)
    assert belt.check.old_since_ns == round(frames / FPS * 1e9)
    assert not belt.show(frames * SPEED_MM_S / FPS)
    assert belt.check.old_since_ns is None


def test_a_repetition_may_be_the_way_of_a_camera_that_repeated_a_single_image_before() -> None:
    belt = Watched(encoder(SPEED_MM_S))
    for _ in range(2):
        belt.runs(NEVER_REPEATED + 2)
        belt.show((NEVER_REPEATED + 1) * SPEED_MM_S / FPS, noise=0.5)
    assert belt.check.old_since_ns is None


def test_a_bare_belt_of_one_colour_is_not_frozen_when_its_stream_repeats_it() -> None:
    watched = Watched(encoder(SPEED_MM_S))
    for number in range(10):  # its last object leaves
        assert not watched.show(20.0 * number)
    watched.strip = np.full_like(STRIP, 90)
    assert not any(watched.show(200.0 + 20.0 * number, noise=0.0) for number in range(20))
