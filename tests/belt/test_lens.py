"""The lens: every pixel maps there and back, and nothing outside the image maps into it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.lens import Lens, LensError

SIZE_PX = (1280, 720)
shares = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8)


@st.composite
def lenses(draw: st.DrawFn) -> Lens:
    """Distortions that do not fold the image, from strong barrel to pincushion."""
    focal = draw(st.floats(0.5, 3)) * SIZE_PX[0]
    matrix = np.array(
        [
            [focal, 0, draw(st.floats(0.4, 0.6)) * SIZE_PX[0]],
            [0, focal * draw(st.floats(0.97, 1.03)), draw(st.floats(0.4, 0.6)) * SIZE_PX[1]],
            [0, 0, 1],
        ]
    )
    k1, k2, k3 = draw(st.floats(-0.35, 0.25)), draw(st.floats(-0.1, 0.15)), 0.0
    p1, p2 = draw(st.floats(-2e-3, 2e-3)), draw(st.floats(-2e-3, 2e-3))
    try:
        return Lens(matrix, np.array([k1, k2, p1, p2, k3]), SIZE_PX)
    except LensError:
        assume(False)
        raise


def image_px(places: list[tuple[float, float]]) -> NDArray[np.float64]:
    return np.array(places) * [SIZE_PX[0] - 1, SIZE_PX[1] - 1]


@given(lenses(), shares)
def test_every_pixel_maps_to_a_straight_one_and_back(
    lens: Lens, places: list[tuple[float, float]]
) -> None:
    px = image_px(places)
    np.testing.assert_allclose(lens.to_image(lens.straight(px)), px, atol=1e-3)


@given(lenses(), shares)
def test_a_lens_distorts_as_opencv_does(lens: Lens, places: list[tuple[float, float]]) -> None:
    straight = lens.straight(image_px(places))
    rays = (straight - lens.matrix[:2, 2]) / np.diag(lens.matrix)[:2]
    ahead = np.column_stack([rays, np.ones(len(rays))])
    seen, _ = cv2.projectPoints(ahead, np.zeros(3), np.zeros(3), lens.matrix, lens.distortion)
    np.testing.assert_allclose(lens.to_image(straight), seen.reshape(-1, 2), atol=1e-6)


@given(lenses(), st.floats(0, 2 * np.pi), st.floats(1.2, 50))
def test_points_beyond_the_image_do_not_map_into_it(lens: Lens, angle: float, times: float) -> None:
    """The polynomial turns around somewhere: people beside the belt would appear on it."""
    corners = lens.straight(image_px([(0, 0), (1, 0), (1, 1), (0, 1)]))
    reach = np.linalg.norm(corners - lens.matrix[:2, 2], axis=1).max()
    out = lens.matrix[:2, 2] + times * reach * np.array([[np.cos(angle), np.sin(angle)]])
    x, y = lens.to_image(out)[0]
    assert not (0 <= x < SIZE_PX[0] and 0 <= y < SIZE_PX[1])


def test_a_lens_that_folds_the_image_is_refused() -> None:
    matrix = np.array([[640.0, 0, 640], [0, 640, 360], [0, 0, 1]])
    with pytest.raises(LensError, match="folds the image over itself"):
        Lens(matrix, np.array([-0.6, 0.0, 0.0, 0.0, 0.0]), SIZE_PX)


def test_an_empty_array_stays_empty() -> None:
    lens = Lens(np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]), np.zeros(5), SIZE_PX)
    assert lens.to_image(lens.straight(np.empty((0, 2)))).shape == (0, 2)
