"""A camera that was moved against the fixed structures beside its belt."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ingest.capture.child import CaptureLoop
from detector.ingest.capture.landmarks import LOST_SAMPLES, SAMPLES, Landmarks, choose, reduced
from detector.ingest.capture.latest_frame import LatestFrame
from detector.ingest.capture.spec import CaptureSettings, CaptureSpec, LandmarkReference
from detector.ingest.capture.tally import Tally
from detector.ingest.source import Image
from tests.ingest.fake_cameras import FakeCamera

WIDTH, HEIGHT = 480, 320
BELT = np.zeros((HEIGHT, WIDTH), np.uint8)
BELT[100:220] = 255
RNG = np.random.default_rng(7)
STEEL = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
for _ in range(150):
    x, y = int(RNG.integers(0, WIDTH)), int(RNG.integers(0, HEIGHT))
    cv2.rectangle(STEEL, (x, y, 18, 11), RNG.integers(0, 255, 3).tolist(), cv2.FILLED)


def shown(step: int, *, person_x: int | None = None, gain: float = 1.0) -> Image:
    """The belt runs between fixed structures; a person may stand before them."""
    image = STEEL.copy()
    noise = np.random.default_rng(step)
    image[100:220] = noise.integers(0, 255, (120, WIDTH, 3), dtype=np.uint8)
    if person_x is not None:
        image[:, person_x : person_x + 150] = (40, 60, 160)
    lit = gain * image + noise.normal(0, 2, image.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def moved(image: Image, x_px: float, y_px: float, turned: float = 0.0) -> Image:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), turned, 1.0)
    matrix[:, 2] += x_px, y_px
    return np.asarray(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT)), np.uint8)


def learned() -> Landmarks:
    found = choose([reduced(shown(step)) for step in range(8)], BELT)
    assert found is not None
    return found


REFERENCE = learned()


def shift_of(*images: Image, again: int = 1) -> float | None:
    landmarks = Landmarks(REFERENCE.corners, REFERENCE.patches)
    for image in images * again:
        landmarks.update(image)
    return landmarks.shift_px


def test_no_landmark_is_on_the_belt() -> None:
    assert len(REFERENCE.corners) >= 8
    for left, top in REFERENCE.corners:
        assert not BELT[top : top + 32, left : left + 32].any()


def test_a_belt_that_fills_the_image_has_no_landmarks() -> None:
    everywhere = np.full_like(BELT, 255)
    assert choose([reduced(shown(step)) for step in range(8)], everywhere) is None


@settings(max_examples=15, deadline=None)
@given(st.floats(-20, 20), st.floats(-20, 20))
def test_a_movement_is_measured_to_half_a_pixel(x_px: float, y_px: float) -> None:
    shift = shift_of(moved(shown(1), x_px, y_px), again=SAMPLES)
    assert shift == pytest.approx(math.hypot(x_px, y_px), abs=0.5)


def test_a_camera_that_was_turned_has_moved() -> None:
    shift = shift_of(moved(shown(1), 0, 0, turned=2.0), again=SAMPLES)
    assert shift is not None
    assert 3 < shift < 12


def test_people_who_pass_and_light_that_changes_are_no_movement() -> None:
    passing = [shown(x, person_x=x, gain=0.4 + x / 300) for x in range(0, 330, 30)]
    shift = shift_of(*passing)
    assert shift is not None
    assert shift < 0.5


def test_structures_that_are_hidden_for_half_a_minute_are_lost_and_found_again() -> None:
    landmarks = Landmarks(REFERENCE.corners, REFERENCE.patches)
    wall = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for _ in range(LOST_SAMPLES):
        assert landmarks.shift_px is None
        landmarks.update(wall)
    assert landmarks.shift_px == math.inf
    for step in range(SAMPLES):
        landmarks.update(shown(step))
    assert landmarks.shift_px == pytest.approx(0, abs=0.5)


def test_in_the_dark_nothing_is_looked_for() -> None:
    assert shift_of(np.zeros((HEIGHT, WIDTH, 3), np.uint8), again=2 * LOST_SAMPLES) is None


def test_a_file_of_another_number_of_landmarks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "landmarks.png"
    file.write_bytes(REFERENCE.png())
    again = Landmarks.read(file, REFERENCE.corners)
    np.testing.assert_array_equal(again.patches, REFERENCE.patches)
    with pytest.raises(ValueError, match="is not an image of 2 landmarks"):
        Landmarks.read(file, REFERENCE.corners[:2])


class KnockedCamera(FakeCamera):
    """Shows the structures 6 px further left."""

    def retrieve(self, into: Image | None = None) -> Image | None:  # noqa: ARG002
        return moved(shown(self.grabbed), -6, 0)


def test_the_capture_process_reports_the_movement_though_it_masks_the_structures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.ingest.capture.child.LANDMARKS_NS", 0)
    file = tmp_path / "landmarks.png"
    file.write_bytes(REFERENCE.png())
    belt = ((0.0, 100.0), (479.0, 100.0), (479.0, 219.0), (0.0, 219.0))
    at = LandmarkReference(str(file), REFERENCE.corners, (WIDTH, HEIGHT))
    order = CaptureSettings(
        "fake", None, False, 5.0, 2.0, 0, "unused:unused", "l", (belt,), at
    )  # fmt: skip
    latest, counters, (reader, status) = LatestFrame(), Tally.descriptor(), os.pipe()
    spec = CaptureSpec(order, latest.new_writer(), counters, status, os.getpid(), None)
    try:
        camera = KnockedCamera(str(tmp_path / "lives"), frames=SAMPLES + 3)
        CaptureLoop(CaptureSpec.from_json(spec.to_json()), camera, Tally(counters)).run()
        lines = [json.loads(line) for line in os.read(reader, 65536).splitlines()]
        assert [each["shift_px"] for each in lines if each["shift_px"] is not None] == [6.0]
        stamped = latest.pop()
        assert stamped is not None
        assert (stamped.image[:90] == 114).all()
    finally:
        latest.close()
        for descriptor in (counters, reader, status):
            os.close(descriptor)
