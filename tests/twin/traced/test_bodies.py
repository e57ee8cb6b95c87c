"""Bodies: true to size, closed, with prints in the right orientation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.drawn.objects import SIZE_MM
from twin.traced.bodies import Skin, block, turn_about, turned_body
from twin.traced.damage import crumple, squash
from twin.traced.objects import HAZARDS, MAKERS, build, pose

PLAIN = Skin((0.5, 0.5, 0.5))
STEADY = ("aa_cell", "aaa_cell", "c_cell", "d_cell", "li_ion_18650", "nine_volt")


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_every_kind_has_a_finite_body_with_print_coordinates_in_range(kind: str) -> None:
    body = build(kind, np.random.default_rng(3))
    points = body.points()
    assert np.isfinite(points).all()
    assert 5 < max(body.size_mm()) < 900
    for part in body.parts:
        assert part.points.shape[:2] == part.uv.shape[:2]
        assert part.uv.min() >= -1e-6
        assert part.uv.max() <= 1 + 1e-6


@pytest.mark.parametrize("kind", STEADY)
def test_a_cell_has_the_size_of_its_type(kind: str) -> None:
    length, width, _ = SIZE_MM[kind]
    found = build(kind, np.random.default_rng(5)).size_mm()
    assert found[0] == pytest.approx(length, rel=0.06)
    assert found[1] == pytest.approx(width, rel=0.08)


def test_all_drawn_hazards_are_traced_with_the_same_class() -> None:
    from twin.drawn.objects import HAZARDS as DRAWN

    assert {kind: HAZARDS[kind] for kind in DRAWN} == DRAWN


def test_the_same_seed_builds_the_same_body() -> None:
    one, two = (
        pose(build("gas_bottle", rng), rng)
        for rng in (np.random.default_rng(8), np.random.default_rng(8))
    )
    assert np.array_equal(one.points(), two.points())


def test_an_unknown_kind_is_rejected() -> None:
    with pytest.raises(ValueError, match="unknown kind 'anvil'"):
        build("anvil", np.random.default_rng(0))


def outward(points: np.ndarray) -> float:
    """Share of a closed grid's faces whose normal points away from its centre."""
    ahead, round_ = points[1:, :-1] - points[:-1, :-1], points[:-1, 1:] - points[:-1, :-1]
    normals = np.cross(ahead, round_)
    middle = (points[:-1, :-1] + points[1:, 1:]) / 2
    big = np.linalg.norm(normals, axis=2) > 1e-4
    away = (normals * (middle - points.reshape(-1, 3).mean(axis=0))).sum(axis=2)
    return float((away[big] > 0).mean())


def test_faces_point_outwards() -> None:
    can = turned_body(((-20, 0), (-20, 10), (20, 10), (20, 0)), PLAIN)
    assert outward(can.points) > 0.95
    assert outward(block((60, 30, 20), PLAIN).points) > 0.95


def test_print_reads_left_to_right_seen_from_outside() -> None:
    can = turned_body(((-20, 10), (20, 10)), PLAIN)
    top = can.points[0, :, 2].argmax()
    # On top, up in the image is +y, and the print's v grows upwards.
    assert can.points[0, top + 1, 1] > can.points[0, top - 1, 1]
    assert can.uv[0, top + 1, 1] > can.uv[0, top - 1, 1]
    assert can.uv[-1, 0, 0] > can.uv[0, 0, 0]


@given(
    length=st.floats(20, 300),
    width=st.floats(10, 200),
    height=st.floats(4, 100),
)
@settings(max_examples=30, deadline=None)
def test_a_block_has_the_requested_size(length: float, width: float, height: float) -> None:
    size = np.ptp(block((length, width, height), PLAIN).points.reshape(-1, 3), axis=0)
    assert size == pytest.approx((length, width, height), rel=1e-3)


@given(degrees=st.floats(-720, 720), axis=st.sampled_from("xyz"))
def test_rotation_keeps_lengths(degrees: float, axis: str) -> None:
    turn = turn_about(axis, degrees)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_squashing_flattens_and_crumpling_displaces() -> None:
    rng = np.random.default_rng(4)
    body = build("drink_can", rng)
    flat = squash(build("drink_can", np.random.default_rng(4)), 0.3, rng)
    assert flat.size_mm()[2] < 0.6 * body.size_mm()[2]
    before = flat.points()
    assert not np.array_equal(before, crumple(flat, 6, 5.0, rng).points())
