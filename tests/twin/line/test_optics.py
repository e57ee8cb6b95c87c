"""The lens: distortion inverts, and dirt is fixed in the image."""

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
def test_distort_inverts_undistort(k1: float, u: float, v: float) -> None:
    lens = LensModel(Lens(distortion=k1), SIZE, np.random.default_rng(0))
    ideal = lens.undistort(np.array([[u, v]]))
    assert lens.distort(ideal)[0] == pytest.approx((u, v), abs=1e-3)


@given(k1=st.floats(-0.2, 0.2))
def test_the_working_image_contains_everything_visible(k1: float) -> None:
    lens = LensModel(Lens(distortion=k1), SIZE, np.random.default_rng(0))
    corners = np.array([[0, 0], [127, 0], [0, 71], [127, 71.0]])
    ideal = np.column_stack((lens.undistort(corners), np.ones(4))) @ lens.to_work.T
    middle = np.array([63.5, 35.5])
    # The rim's centres are inside; corners may be slightly outside and are filled from the rim.
    assert (np.abs(ideal[:, :2] - middle) <= middle * 1.06 + 0.5).all()


@settings(max_examples=20, deadline=None)
@given(k1=st.floats(-0.1, 0.1), x_mm=st.floats(0, 600), y_mm=st.floats(0, 1197))
def test_positions_convert_both_ways_through_a_distorted_image(
    k1: float, x_mm: float, y_mm: float
) -> None:
    small = Camera(width_px=128, height_px=72, px_per_mm=0.1)
    plan = Scenario(duration_s=1, camera=small, lens=Lens(distortion=k1))
    camera = BeltCamera(plan, np.random.default_rng(0))
    there = camera.image_points(np.array([[x_mm, y_mm]]))
    assert camera.belt_points(there)[0] == pytest.approx((x_mm, y_mm), abs=0.05)


def test_a_perfect_lens_changes_nothing_and_dirt_is_fixed_in_the_image() -> None:
    rng = np.random.default_rng(3)
    clean = LensModel(Lens(), SIZE, rng)
    image = rng.integers(0, 255, (72, 128, 3), dtype=np.uint8)
    assert clean.add_dirt(clean.warp(image)) is image
    dirty = LensModel(Lens(smudges=3), SIZE, rng)
    moved = np.roll(image, 20, axis=1)
    changed = [
        np.abs(dirty.add_dirt(each).astype(int) - each).max(axis=2) for each in (image, moved)
    ]
    # Opaque dirt changes both images in the same places; clean places change in neither.
    assert np.corrcoef(changed[0].ravel(), changed[1].ravel())[0, 1] > 0.4
    assert min(each.min() for each in changed) <= 2
