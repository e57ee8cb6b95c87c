from __future__ import annotations

import math
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.belt.lens import Lens
from detector.belt.plane import CalibrationError, belt_plane, nominal_plane
from detector.profile.belt import Belt, Travel
from detector.vision.belt_view import Rectifier
from detector.vision.warp import OUTSIDE_GREY
from tests.fakes import as_image, frame

SIZE = (320, 240)
WHOLE = np.array([[0, 0], [320, 0], [320, 240], [0, 240]], dtype=np.float64)
TRAVELS = get_args(Travel)


def rectifier(
    polygon: np.ndarray = WHOLE,
    travel: Travel = "up",
    *,
    px_per_mm: float = 1.0,
    mm_per_px: float = 1.0,
    size: tuple[int, int] = SIZE,
) -> Rectifier:
    return Rectifier(nominal_plane(polygon, travel, px_per_mm, "nominal"), size, mm_per_px, 32)


def tilted() -> Rectifier:
    """A belt in perspective: its far end is narrower."""
    polygon = [[80, 20], [240, 20], [300, 220], [20, 220]]
    mm = [[0, 400], [300, 400], [300, 0], [0, 0]]
    points = [{"px": px, "mm": at} for px, at in zip(polygon, mm, strict=True)]
    belt = Belt.model_validate({"polygon_px": polygon, "travel": "up", "points": points})
    return Rectifier(belt_plane(belt), SIZE, 2.0, 32)


@settings(max_examples=40)
@given(
    st.sampled_from(TRAVELS),
    st.floats(0.3, 4),
    st.floats(0.4, 3),
    st.lists(st.tuples(st.floats(0, 320), st.floats(0, 240)), min_size=1, max_size=6),
)
def test_points_map_from_image_to_view_to_belt_and_back(
    travel: Travel, px_per_mm: float, mm_per_px: float, points: list[tuple[float, float]]
) -> None:
    view = rectifier(travel=travel, px_per_mm=px_per_mm, mm_per_px=mm_per_px)
    image_px = np.array(points)
    view_px = view.image_to_view(image_px)
    belt_mm = view.view_to_belt(view_px)
    np.testing.assert_allclose(view.belt_to_view(belt_mm), view_px, atol=1e-6)
    np.testing.assert_allclose(view.plane.to_image(belt_mm), image_px, atol=1e-6)
    # The belt is inside the view: no row or column before it, less than a stride after it.
    assert (view_px >= -1e-6).all()
    assert (view_px <= np.array(view.size_px) + 1e-6).all()


@pytest.mark.parametrize("make", [rectifier, tilted])
def test_the_view_s_sides_are_multiples_of_the_stride(make: type[Rectifier]) -> None:
    assert [side % 32 for side in make().size_px] == [0, 0]


@pytest.mark.parametrize("travel", TRAVELS)
def test_downstream_is_up_in_the_view(travel: Travel) -> None:
    step = {"right": (60, 0), "left": (-60, 0), "down": (0, 60), "up": (0, -60)}[travel]
    view = rectifier(travel=travel)
    rows, columns = [], []
    for times in (0, 1):
        image = np.zeros((240, 320, 3), dtype=np.uint8)
        at = (160 + times * step[0], 120 + times * step[1])
        cv2.circle(image, at, 5, (255, 255, 255), -1)
        shown = np.argwhere(view.rectify(frame(image, 0)).image[..., 0] > 200)
        rows.append(shown[:, 0].mean())
        columns.append(shown[:, 1].mean())
    assert rows[1] == pytest.approx(rows[0] - 60, abs=0.5)
    assert columns[1] == pytest.approx(columns[0], abs=0.5)


DENTED = np.array([[40, 0], [300, 30], [280, 260], [160, 150], [30, 230]], dtype=np.float64)


@settings(max_examples=12)
@given(
    st.integers(0, 1000),
    st.sampled_from(TRAVELS),
    st.sampled_from([0.4, 0.9, 2.0, 3.3]),
    st.sampled_from(["dented", "over the edge", "tilted"]),
)
def test_nothing_outside_the_polygon_reaches_the_view(
    seed: int, travel: Travel, scale: float, kind: str
) -> None:
    polygon = DENTED + (np.array([60.0, -50.0]) if kind == "over the edge" else 0)
    view = tilted() if kind == "tilted" else rectifier(polygon, travel, mm_per_px=scale)
    rng = np.random.default_rng(seed)
    inside = np.zeros((240, 320), dtype=np.uint8)
    cv2.fillPoly(inside, [np.rint(view.plane.polygon_px).astype(np.int32)], 255)
    belt = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    shown = []
    for _ in range(2):
        people = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
        image = np.where(inside[..., None] > 0, belt, people)
        shown.append(view.rectify(frame(image, 0)).image.copy())
    np.testing.assert_array_equal(shown[0], shown[1])
    assert (shown[0][~view.belt_mask] == OUTSIDE_GREY).all()
    # And the belt itself is not masked, except for a rim of at most three camera pixels, or three
    # pixels of the reduced image where a coarse view is sampled from one.
    reduced = max(1, int(view.least_image_px_per_view_px))
    rim = max(round(3 / scale) + 1, math.ceil(3 * reduced / scale)) * 2 + 1
    whole = np.zeros(view.size_px[::-1], dtype=np.uint8)
    corners = view.image_to_view(view.plane.polygon_px)
    cv2.fillPoly(whole, [np.rint(corners).astype(np.int32)], 255)
    x0, y0, x1, y1 = view.extent_mm
    ends = view.belt_to_view(np.array([[x0, y1], [x1, y0]]))
    whole[np.ceil(ends[1, 1]).astype(int) :] = 0
    whole[:, np.ceil(ends[1, 0]).astype(int) :] = 0
    framed = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    core = cv2.erode(framed, np.ones((rim, rim)))[1:-1, 1:-1] > 0
    if kind == "dented":
        assert view.belt_mask[core].all()


@pytest.mark.parametrize("make", [rectifier, tilted])
def test_a_box_in_the_view_maps_to_the_object_in_the_image(make: type[Rectifier]) -> None:
    view = make()
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    image[100:120, 140:170] = 255
    shown = np.argwhere(view.rectify(frame(image, 0)).image[..., 0] > 127)
    (v0, u0), (v1, u1) = shown.min(axis=0), shown.max(axis=0) + 1
    box = view.boxes_in_image(np.array([[u0, v0, u1, v1]], dtype=np.float64))[0]
    np.testing.assert_allclose(box, [140, 100, 170, 120], atol=4)


def test_boxes_in_the_image_are_clipped_to_it() -> None:
    view = tilted()
    width, height = view.size_px
    boxes = view.boxes_in_image(np.array([[-90.0, -40.0, width + 90.0, height + 40.0]]))
    np.testing.assert_array_equal(boxes, [[0, 0, 320, 240]])


@pytest.mark.parametrize("times", [2, 3, 5])
def test_a_finer_camera_is_averaged_down_to_the_view_s_scale_in_place(times: int) -> None:
    rng = np.random.default_rng(1)
    coarse = cv2.GaussianBlur(as_image(rng.normal(120, 60, (240, 320, 3))), (0, 0), 3)
    fine = np.repeat(np.repeat(coarse, times, axis=0), times, axis=1)
    noisy = as_image(fine + rng.normal(0, 20, fine.shape))
    size = (320 * times, 240 * times)
    view = rectifier(WHOLE * times, px_per_mm=times, size=size)
    plain = rectifier()
    shown = view.rectify(frame(noisy, 0)).image[8:-24, 8:-8].astype(float)
    expected = plain.rectify(frame(coarse, 0)).image[8:-24, 8:-8].astype(float)
    difference = shown - expected
    assert np.abs(difference.mean()) < 1
    assert difference.std() < 20 / times + 1


@pytest.mark.parametrize("times", [2, 3, 5])
def test_shrinking_a_finer_camera_does_not_shift_the_view(times: int) -> None:
    fine = np.zeros((240 * times, 320 * times, 3), dtype=np.uint8)
    cv2.circle(fine, (160 * times, 120 * times), 12 * times, (255, 255, 255), -1)
    view = rectifier(WHOLE * times, px_per_mm=times, size=(320 * times, 240 * times))
    shown = (
        view.rectify(frame(fine, 0)).image[:236, :316, 0].astype(float) * view.belt_mask[:236, :316]
    )
    v, u = np.mgrid[:236, :316]
    at = [float((axis * shown).sum() / shown.sum()) for axis in (u, v)]
    np.testing.assert_allclose(
        at, view.image_to_view(np.array([[160.0, 120]]) * times)[0], atol=0.1
    )


def test_the_view_has_the_same_size_in_mm_at_any_camera_resolution() -> None:
    small, large = rectifier(), rectifier(WHOLE * 3, px_per_mm=3.0, size=(960, 720))
    assert small.size_px == large.size_px
    assert small.extent_mm == large.extent_mm


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(CalibrationError, match="now gives 100 x 80 px, the line was set up for"):
        rectifier().rectify(frame(np.zeros((80, 100, 3), dtype=np.uint8), 0))


def test_a_polygon_drawn_on_a_larger_image_is_refused() -> None:
    with pytest.raises(CalibrationError, match="only 44% of it is in the image of 320 x 240"):
        rectifier(WHOLE * 1.5)
    assert rectifier(WHOLE * 1.1).size_px == rectifier().size_px


def test_a_belt_outside_the_image_is_refused() -> None:
    with pytest.raises(CalibrationError, match="is outside the image of 320 x 240 px"):
        rectifier(WHOLE + 1000)


def test_a_belt_too_narrow_for_one_pixel_of_the_view_is_refused() -> None:
    line = np.array([[100.0, 20], [101, 20], [101, 200], [100, 200]])
    with pytest.raises(
        CalibrationError, match="shows too little belt for a view of 1 mm/px: none "
    ):
        rectifier(line)


def test_a_view_with_pixels_as_large_as_the_image_is_refused() -> None:
    with pytest.raises(CalibrationError, match="of its pixels would be 399 px of the image"):
        rectifier(WHOLE, px_per_mm=400.0)


def test_a_view_that_would_not_fit_in_memory_is_refused() -> None:
    with pytest.raises(CalibrationError, match="Give a coarser scale"):
        rectifier(px_per_mm=0.01, mm_per_px=0.5)


def test_the_view_of_a_belt_that_leaves_the_image_is_its_visible_part() -> None:
    view = rectifier(np.array([[-100, 50], [500, 50], [500, 150], [-100, 150]], dtype=np.float64))
    x0, y0, x1, y1 = view.extent_mm
    assert (x1 - x0, y1 - y0) == (pytest.approx(320), pytest.approx(100))


BENT = Lens(
    np.array([[260.0, 0, 163], [0, 258, 117], [0, 0, 1]]),
    np.array([-0.22, 0.06, 1e-3, -5e-4, 0.0]),
    SIZE,
)
RIM = np.array([[20, 40], [300, 40], [300, 200], [20, 200]], dtype=np.float64)


def bent_view(travel: Travel = "right") -> Rectifier:
    """A belt seen through a lens with distortion."""
    corners = [[float(x), float(y)] for x, y in RIM]
    belt = Belt.model_validate({"polygon_px": corners, "travel": travel, "px_per_mm": 0.5})
    return Rectifier(belt_plane(belt, BENT), SIZE, 2.0, 32)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(TRAVELS),
    st.lists(st.tuples(st.floats(20, 300), st.floats(40, 200)), min_size=1, max_size=6),
)
def test_points_map_forth_and_back_through_a_lens_too(
    travel: Travel, points: list[tuple[float, float]]
) -> None:
    view = bent_view(travel)
    image_px = np.array(points)
    view_px = view.image_to_view(image_px)
    np.testing.assert_allclose(view.plane.to_image(view.view_to_belt(view_px)), image_px, atol=1e-3)
    assert (view_px >= -0.5).all()
    assert (view_px <= np.array(view.size_px) + 0.5).all()


def test_through_a_lens_the_view_shows_the_belt_and_nothing_beside_it() -> None:
    view = bent_view()
    image = np.full((SIZE[1], SIZE[0], 3), 255, dtype=np.uint8)  # people beside the belt
    cv2.fillPoly(image, [RIM.astype(np.int32)], (60, 60, 60))
    spot = np.array([[70.0, 60.0]])
    cv2.circle(image, (70, 60), 5, (0, 0, 250), cv2.FILLED)
    seen = view.rectify(frame(image, 0)).image
    assert seen[view.belt_mask].max(axis=0).tolist() == [60, 60, 250]
    assert (seen[~view.belt_mask] == OUTSIDE_GREY).all()
    v, u = np.nonzero(seen[..., 2] > 200)
    np.testing.assert_allclose([u.mean(), v.mean()], view.image_to_view(spot)[0], atol=0.7)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_view_of_a_strip_is_its_rows_of_the_whole_view(times: int) -> None:
    size = (320 * times, 240 * times)
    view = rectifier(WHOLE * times, px_per_mm=times, size=size, travel="left")
    image = np.random.default_rng(5).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    whole = view.rectify(frame(image, 0)).image.copy()
    other = np.random.default_rng(6).integers(0, 256, image.shape, dtype=np.uint8)
    for along_mm in ((0.0, 100.0), (60.0, 200.0), (150.0, 320.0)):
        view.rectify(frame(other, 0))  # no pixel of the previous frame may remain
        strip = view.strip(*along_mm)
        shown = view.rectify(frame(image, 0), strip)
        np.testing.assert_array_equal(shown.image, whole[strip.top_px : strip.bottom_px])
