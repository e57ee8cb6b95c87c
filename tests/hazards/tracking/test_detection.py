from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.belt.plane import nominal_plane
from detector.hazards.tracking.detection import Detection, place_on_belt
from detector.hazards.tracking.plausible_size import is_plausible, length_bounds_mm
from detector.vision.belt_view import BeltView, Rectifier
from tests.fakes import detections, frame

WIDTH, HEIGHT = 400, 300
CORNERS = np.array([[0, 0], [400, 0], [400, 300], [0, 300]], dtype=np.float64)
SIZE = (WIDTH, HEIGHT)


def view_of(mm_per_px: float = 1.0) -> tuple[BeltView, Rectifier]:
    rectifier = Rectifier(nominal_plane(CORNERS, "right", 2.0, "nominal"), SIZE, mm_per_px, 32)
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    return rectifier.rectify(frame(image, 0)), rectifier


def placed(
    view: BeltView,
    rectifier: Rectifier,
    *boxes: tuple[float, float, float, float, float, int],
    along_mm: tuple[float, float] = (0, 200),
) -> list[Detection]:
    return place_on_belt(detections(*boxes), view, rectifier.strip(*along_mm), rectifier)


def test_a_detection_has_belt_coordinates_and_image_coordinates() -> None:
    # Travel right at 2 px/mm: the belt is 150 mm across and 200 mm long, the view 1 mm/px.
    view, rectifier = view_of()
    (detection,) = placed(view, rectifier, (20, 50, 40, 100, 0.9, 1))
    assert (detection.x_mm, detection.y_mm) == (pytest.approx(30), pytest.approx(125))
    assert (detection.width_mm, detection.height_mm) == (pytest.approx(20), pytest.approx(50))
    # The view's top is the image's right; its left is the image's top.
    np.testing.assert_allclose(detection.box_px, [200, 40, 300, 80], atol=1e-6)
    assert detection.image_size_px == SIZE
    assert detection.whole


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ((20, 20, 60, 60), True),
        ((0, 20, 60, 60), False),
        ((20, 0, 60, 60), False),
        ((100, 20, 149, 60), False),
        ((20, 150, 60, 199), False),
        ((20, 150, 60, 190), True),
    ],
)
def test_a_box_at_an_end_of_the_belt_is_not_whole(
    box: tuple[float, float, float, float], whole: bool
) -> None:
    # The view is 160 x 224 px: the belt ends before it does.
    view, rectifier = view_of()
    assert rectifier.size_px == (160, 224)
    (detection,) = placed(view, rectifier, (*box, 0.9, 0))
    assert detection.whole is whole


def test_an_empty_view_has_no_detections() -> None:
    assert placed(*view_of()) == []


sides = st.floats(1, 2000)


@given(sides, sides)
def test_the_length_is_between_the_longer_side_and_the_diagonal(a: float, b: float) -> None:
    least, most = length_bounds_mm(a, b)
    assert max(a, b) == least <= most <= least * 1.4143


@given(sides, sides, st.floats(1, 3))
def test_an_object_is_plausible_at_any_angle(width: float, length: float, tolerance: float) -> None:
    width = min(width, length)
    for angle in np.linspace(0, np.pi, 9):
        across = abs(np.sin(angle)) * length + abs(np.cos(angle)) * width
        along = abs(np.cos(angle)) * length + abs(np.sin(angle)) * width
        # The box around a thin object gives its length; around a broad one, up to both sides.
        assert is_plausible(across, along, (length / 1.42, length * 1.42), tolerance)


def test_an_aa_cell_has_a_plausible_size_and_a_battery_of_400_mm_has_not() -> None:
    cell_mm = (10.0, 160.0)
    assert is_plausible(14, 50, cell_mm, 1.5)
    assert not is_plausible(400, 90, cell_mm, 1.5)
    assert not is_plausible(3, 3, cell_mm, 1.5)
