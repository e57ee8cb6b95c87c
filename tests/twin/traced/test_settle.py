"""Objects at rest: on the belt or on each other, never intersecting the surface below."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.traced.bodies import Body, Part, Skin, block
from twin.traced.settle import HeightField, sample_points, settle

PLAIN = Skin((0.5, 0.5, 0.5))


def brick(size_mm: tuple[float, float, float] = (80, 40, 20)) -> Body:
    return Body("brick", [block(size_mm, PLAIN, step_mm=8)])


@given(
    right=st.floats(100, 300),
    down=st.floats(100, 200),
    angle=st.floats(0, 360),
)
@settings(max_examples=25, deadline=None)
def test_an_object_on_an_empty_belt_touches_the_belt(
    right: float, down: float, angle: float
) -> None:
    field = HeightField(400, 300)
    rest = settle(field, brick(), (right, down), angle)
    assert rest.body.points()[:, 2].min() + rest.up_mm == pytest.approx(0, abs=1e-3)
    assert field.height.max() == pytest.approx(20, abs=0.5)
    covered = field.covered.mean() * 400 * 300
    assert covered == pytest.approx(80 * 40, rel=0.5)


def test_a_second_object_rests_on_the_first() -> None:
    field = HeightField(400, 300)
    settle(field, brick(), (200, 150), 0)
    above = settle(field, brick(), (200, 150), 0)
    assert above.up_mm == pytest.approx(30, abs=1)
    assert field.height.max() == pytest.approx(40, abs=1)


def test_an_object_half_on_another_tilts() -> None:
    field = HeightField(400, 300)
    settle(field, brick((100, 100, 30)), (200, 150), 0)
    leaning = settle(field, brick((160, 30, 10)), (275, 150), 0)
    points = leaning.body.points()
    assert np.ptp(points[:, 2]) > 15
    assert leaning.up_mm < 35


def test_a_sheet_follows_the_surface_below() -> None:
    field = HeightField(400, 300)
    settle(field, brick(), (200, 150), 0)
    x, y = np.meshgrid(np.linspace(-120, 120, 60), np.linspace(-80, 80, 40), indexing="ij")
    flat = np.stack((x, y, np.zeros_like(x)), 2).astype(np.float32)
    sheet = Body("sheet", [Part(flat, np.zeros((60, 40, 2), np.float32), PLAIN)], drapes=True)
    rest = settle(field, sheet, (200, 150), 0)
    points = rest.body.parts[0].points
    assert points[30, 20, 2] > 18
    assert points[0, 0, 2] < 5


@given(apart=st.floats(2, 9))
@settings(max_examples=15, deadline=None)
def test_sampled_points_leave_no_gap(apart: float) -> None:
    part = block((60, 30, 20), PLAIN)
    points = sample_points(part, apart)
    top = points[(points[:, 2] > 9.9) & (np.abs(points[:, 1]) < 10) & (np.abs(points[:, 0]) < 25)]
    gaps = np.diff(np.unique(np.round(top[:, 0], 3)))
    assert gaps.max() <= apart + 0.1


def test_coverage_is_the_hidden_share_of_the_belt() -> None:
    field = HeightField(400, 100)
    assert field.coverage(0, 400) == 0
    settle(field, brick((190, 95, 20)), (100, 50), 0)
    assert field.coverage(0, 200) > 0.8
    assert field.coverage(204, 400) == 0
