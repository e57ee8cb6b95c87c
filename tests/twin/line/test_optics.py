"""The lens: there and back, and dirt that stays where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.line.camera import BeltCamera
from twin.line.conditions import Lens
from twin.line.optics import LensModel
from twin.line.scenario import Camera, Scenario

SIZE = (128, 72)


@given(k1=st.floats(-0.2, 0.2), u=st.floats(0, 127), v=st.floats(0, 71))
def test_a_lens_bends_there_and_back(k1: float, u: float, v: float) -> None:
    lens = LensModel(Lens(distortion=k1), SIZE, np.random.default_rng(0))
    ideal = lens.undistort(np.array([[u, v]]))
    assert lens.distort(ideal)[0] == pytest.approx((u, v), abs=1e-3)


@given(k1=st.floats(-0.2, 0.2))
def test_all_that_is_seen_lies_in_the_working_picture(k1: float) -> None:
    lens = LensModel(Lens(distortion=k1), SIZE, np.random.default_rng(0))
    corners = np.array([[0, 0], [127, 0], [0, 71], [127, 71.0]])
    ideal = np.column_stack((lens.undistort(corners), np.ones(4))) @ lens.to_work.T
    middle = np.array([63.5, 35.5])
    # The rim's middles are within; corners may lie a little beyond, and are filled from the rim.
    assert (np.abs(ideal[:, :2] - middle) <= middle * 1.06 + 0.5).all()


@settings(max_examples=20, deadline=None)
@given(k1=st.floats(-0.1, 0.1), x_mm=st.floats(0, 600), y_mm=st.floats(0, 1197))
def test_places_convert_there_and_back_through_a_bent_picture(
    k1: float, x_mm: float, y_mm: float
) -> None:
    small = Camera(width_px=128, height_px=72, px_per_mm=0.1)
    plan = Scenario(duration_s=1, camera=small, lens=Lens(distortion=k1))
    camera = BeltCamera(plan, np.random.default_rng(0))
    there = camera.image_points(np.array([[x_mm, y_mm]]))
    assert camera.belt_points(there)[0] == pytest.approx((x_mm, y_mm), abs=0.05)


def test_a_perfect_lens_changes_nothing_and_dirt_stays_in_the_image() -> None:
    rng = np.random.default_rng(3)
    clean = LensModel(Lens(), SIZE, rng)
    image = rng.integers(0, 255, (72, 128, 3), dtype=np.uint8)
    assert clean.add_dirt(clean.warp(image)) is image
    dirty = LensModel(Lens(smudges=3), SIZE, rng)
    moved = np.roll(image, 20, axis=1)
    changed = [
        np.abs(dirty.add_dirt(each).astype(int) - each).max(axis=2) for each in (image, moved)
    ]
    # Where the dirt is opaque both images change, where there is none neither does.
    assert np.corrcoef(changed[0].ravel(), changed[1].ravel())[0, 1] > 0.4
    assert min(each.min() for each in changed) <= 2
