from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.belt.plane import BeltPlane, CalibrationError, belt_plane
from detector.profile.belt import Belt, Travel

POLYGON = [[100.0, 50.0], [1100.0, 50.0], [1100.0, 650.0], [100.0, 650.0]]
TRAVELS = get_args(Travel)
DOWNSTREAM = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
travels = st.sampled_from(TRAVELS)


def belt(**changes: Any) -> Belt:
    document = {"polygon_px": POLYGON, "travel": "right", "px_per_mm": 2.0, **changes}
    return Belt.model_validate({key: value for key, value in document.items() if value is not None})


def surveyed(travel: str, camera: NDArray[np.float64], **changes: Any) -> Belt:
    """Points on the nominal plane of a travel, seen through another homography, `camera`."""
    nominal = belt_plane(belt(travel=travel))
    polygon = seen_by(camera, np.array(POLYGON))
    points = [
        {"px": tuple(px), "mm": tuple(mm)}
        for px, mm in zip(polygon, nominal.to_belt(np.array(POLYGON)), strict=True)
    ]
    return belt(
        travel=travel, polygon_px=polygon.tolist(), points=points, px_per_mm=None, **changes
    )


def seen_by(camera: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.column_stack([points, np.ones(len(points))]) @ camera.T
    return np.asarray(seen[:, :2] / seen[:, 2:])


@st.composite
def cameras(draw: st.DrawFn) -> NDArray[np.float64]:
    """A camera slightly rotated, shifted and tilted against the nominal one."""
    turn = draw(st.floats(-0.4, 0.4))
    size = draw(st.floats(0.4, 2.0))
    tilt = [draw(st.floats(-3e-4, 3e-4)) for _ in range(2)]
    camera = np.array(
        [
            [size * np.cos(turn), -size * np.sin(turn), draw(st.floats(-300, 300))],
            [size * np.sin(turn), size * np.cos(turn), draw(st.floats(-300, 300))],
            [*tilt, 1.0],
        ]
    )
    # The tilt counts from the belt's middle.
    middle = np.array([[1, 0, -600], [0, 1, -350], [0, 0, 1.0]])
    return np.asarray(np.linalg.inv(middle) @ camera @ middle)


def check_axes(plane: BeltPlane, travel: str) -> None:
    """y grows along the travel; x grows to the right, looking downstream."""
    downstream = np.array(DOWNSTREAM[travel], dtype=np.float64)
    right = np.array([-downstream[1], downstream[0]])  # in an image y points down
    middle = plane.polygon_px.mean(axis=0)
    here, along, across = plane.to_belt(np.array([middle, middle + downstream, middle + right]))
    assert (along - here)[1] > abs((along - here)[0])
    assert (across - here)[0] > abs((across - here)[1])


@given(travels, st.floats(0.05, 50), st.lists(st.tuples(*[st.floats(-3000, 3000)] * 2), min_size=1))
def test_nominal_belt_coordinates_map_back_to_the_pixel(
    travel: str, px_per_mm: float, points: list[tuple[float, float]]
) -> None:
    plane = belt_plane(belt(travel=travel, px_per_mm=px_per_mm))
    points_px = np.array(points)
    np.testing.assert_allclose(plane.to_image(plane.to_belt(points_px)), points_px, atol=1e-6)


@given(travels, cameras(), st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=1, max_size=8))
def test_surveyed_belt_coordinates_map_back_to_the_pixel(
    travel: str, camera: NDArray[np.float64], shares: list[tuple[float, float]]
) -> None:
    plane = belt_plane(surveyed(travel, camera))
    low, high = np.array(POLYGON).min(axis=0), np.array(POLYGON).max(axis=0)
    flat = low + np.array(shares) * (high - low)
    points_px = seen_by(camera, flat)
    np.testing.assert_allclose(plane.to_image(plane.to_belt(points_px)), points_px, atol=1e-3)
    true_mm = belt_plane(belt(travel=travel)).to_belt(flat)
    np.testing.assert_allclose(plane.to_belt(points_px), true_mm, atol=0.01)
    assert plane.residual_mm < 0.01
    check_axes(plane, travel)


@pytest.mark.parametrize("travel", TRAVELS)
def test_axes_point_across_from_the_left_edge_and_along_the_travel(travel: str) -> None:
    plane = belt_plane(belt(travel=travel))
    check_axes(plane, travel)
    corners_mm = plane.to_belt(np.array(POLYGON))
    np.testing.assert_allclose(corners_mm.min(axis=0), 0, atol=1e-9)
    assert plane.basis == "nominal"


def test_the_nominal_scale_is_that_of_the_profile() -> None:
    plane = belt_plane(belt(px_per_mm=2.0))
    ends = plane.to_belt(np.array([[100.0, 50.0], [1100.0, 50.0]]))
    assert np.ptp(ends[:, 1]) == pytest.approx(500)


def test_a_polygon_without_area_is_refused() -> None:
    with pytest.raises(CalibrationError, match="no area"):
        belt_plane(belt(polygon_px=[[0, 0], [100, 0], [200, 0]]))


def points_of(px: list[list[float]], mm: list[list[float]]) -> list[dict[str, list[float]]]:
    return [{"px": each_px, "mm": each_mm} for each_px, each_mm in zip(px, mm, strict=True)]


# Travel right: y grows with the image's x, x across grows with the image's y.
RIGHT_MM = [[0.0, 0.0], [0.0, 500.0], [300.0, 500.0], [300.0, 0.0]]


def test_surveyed_points_give_a_plane_with_basis_points() -> None:
    plane = belt_plane(belt(points=points_of(POLYGON, RIGHT_MM), px_per_mm=None))
    assert plane.basis == "points"
    np.testing.assert_allclose(plane.to_belt(np.array(POLYGON)), RIGHT_MM, atol=1e-6)


@pytest.mark.parametrize(
    ("mm", "reason"),
    [
        ([[300.0 - x, y] for x, y in RIGHT_MM], "mirrored"),
        ([[x, 500.0 - y] for x, y in RIGHT_MM], "reverse it"),
        ([[y, x] for x, y in RIGHT_MM], r"mm = \[across, along\]"),
        ([[10.0 * n, 20.0 * n] for n in range(4)], "one line"),
        ([[5.0, 5.0]] * 4, "one line"),
    ],
)
def test_points_mirrored_swapped_or_on_one_line_are_refused(
    mm: list[list[float]], reason: str
) -> None:
    with pytest.raises(CalibrationError, match=reason):
        belt_plane(belt(points=points_of(POLYGON, mm), px_per_mm=None))


def test_three_of_four_points_on_one_line_are_refused() -> None:
    px = [[100.0, 50.0], [600.0, 50.0], [1100.0, 50.0], [100.0, 650.0]]
    mm = [[0.0, 0.0], [0.0, 250.0], [0.0, 400.0], [300.0, 0.0]]
    with pytest.raises(CalibrationError, match=r"belt\.points"):
        belt_plane(belt(points=points_of(px, mm), px_per_mm=None))


def test_a_plane_whose_horizon_crosses_the_belt_is_refused() -> None:
    # The perspective is so strong that part of the polygon is behind the camera.
    px = [[100.0, 50.0], [300.0, 180.0], [300.0, 220.0], [100.0, 350.0]]
    with pytest.raises(CalibrationError, match="does not cover"):
        belt_plane(belt(points=points_of(px, RIGHT_MM), px_per_mm=None))


def test_the_residual_is_the_rms_error_of_the_points() -> None:
    px = [*POLYGON, [600.0, 350.0]]
    mm = [*RIGHT_MM, [150.0, 256.0]]
    plane = belt_plane(belt(points=points_of(px, mm), px_per_mm=None))
    assert 0.5 < plane.residual_mm < 6


def test_a_wrongly_measured_point_is_named() -> None:
    px = [*POLYGON, [600.0, 50.0], [600.0, 350.0], [600.0, 650.0]]
    mm = [*RIGHT_MM, [0.0, 250.0], [150.0, 400.0], [300.0, 250.0]]
    with pytest.raises(CalibrationError, match=r"the worst is points\[5\]"):
        belt_plane(belt(points=points_of(px, mm), px_per_mm=None))
