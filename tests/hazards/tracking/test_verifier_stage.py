"""Which crops the verifier gets, from which pixels, and when an object is decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.belt.now import BeltNow
from detector.belt.plane import BeltPlane, nominal_plane
from detector.hazards.tracking.tracker import Track
from detector.hazards.tracking.verdict import PASSES_ENOUGH, PASSES_MAX, verifier_rules
from detector.hazards.tracking.verifier_stage import CropScorer, VerifierStage
from detector.profile.line import ActionPoint
from detector.vision.belt_view import Rectifier
from detector.vision.engine import EngineError
from detector.vision.verifier import Verifier
from detector.vision.warp import OUTSIDE_GREY
from tests.fakes import belt_detection, frame
from tests.verifiers import MeanColour, verifier

SIZE_PX = (400, 800)
"""Of the image: the belt fills it and runs upwards, 1 px/mm; y_mm = 800 - y px."""
EMPTY = np.full((SIZE_PX[1], SIZE_PX[0], 3), 100, dtype=np.uint8)
"""Of a grey at which the verifier is in doubt, so that it wants more crops."""


def plane_of_the_image() -> BeltPlane:
    width, height = SIZE_PX
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    return nominal_plane(corners, "up", 1.0, "nominal")


def stage(
    checked: Verifier,
    plane: BeltPlane | None = None,
    *,
    action_points: Sequence[ActionPoint] = (),
    size_px: tuple[int, int] = SIZE_PX,
    mm_per_px: float = 2.0,
) -> VerifierStage:
    rectifier = Rectifier(plane or plane_of_the_image(), size_px, mm_per_px, 32)
    return VerifierStage(
        CropScorer(checked, rectifier.plane.polygon_px),
        verifier_rules(checked.card, {}, {}),
        rectifier,
        action_points=action_points,
        max_wait_ms=200,
    )


def belt(speed_mm_s: float | None = 100.0) -> BeltNow:
    return BeltNow(0, 0, 0, 0.0, speed_mm_s, "profile")


def track(
    number: int, y_mm: float, x_mm: float = 200.0, *, seen: int = 3, last_frame: int = 0, **box: Any
) -> Track:
    """A confirmed track of an object of 60 x 60 mm, detected whole in `seen` passes."""
    detected = belt_detection(x_mm, y_mm, **box)
    top = SIZE_PX[1] - y_mm
    detected = replace(detected, box_px=(x_mm - 30, top - 30, x_mm + 30, top + 30))
    made = Track(
        number, detected, last_frame, x_mm, y_mm, best_score=0.6, hits=seen, confirmed=True
    )
    if detected.whole:
        made.sizes_mm.extend([(detected.width_mm, detected.height_mm)] * seen)
    return made


def passes(*tracks: Track) -> list[int]:
    return [0 if each.kind_scores is None else each.kind_scores.passes for each in tracks]


def test_an_object_gets_a_crop_for_each_pass_that_detected_it_up_to_a_limit() -> None:
    engine = MeanColour()
    verify, one = stage(verifier(engine)), track(1, 300, seen=0)
    one.confirmed = False
    for number in range(1, 9):
        one.sizes_mm.append((60, 60))
        one.last_frame = number
        verify.update(frame(EMPTY, number), [one], belt())
        assert passes(one) == [min(number, PASSES_MAX)]
    assert len(engine.batches) == PASSES_MAX


def test_a_track_remembers_each_crop_with_what_it_was_taken_for() -> None:
    verify, one = stage(verifier()), track(1, 300, last_frame=7)
    image = EMPTY.copy()
    image[470:530, 170:230] = (255, 255, 255)
    verify.update(frame(image, 7), [one], belt())
    verify.update(frame(image, 8), [one], belt())
    first, second = one.looks
    assert (first.frame_index, first.t_utc_ns) == (7, frame(image, 7).t_utc_ns)
    assert first.box_px == one.last.box_px == (170, 470, 230, 530)
    assert first.probabilities.shape == (4,)
    assert one.kind_scores is not None
    assert one.kind_scores.mean.argmax() == first.probabilities.argmax()
    assert second.frame_index == 8
    assert second.box_px == pytest.approx((170, 470, 230, 530))


def test_an_undecided_track_keeps_its_newest_crop_in_one_buffer() -> None:
    verify, one = stage(verifier()), track(1, 300)
    kept = []
    for number, shade in enumerate((99, 100, 101)):
        one.last_frame = number
        verify.update(frame(np.full_like(EMPTY, shade), number), [one], belt())
        assert one.crop is not None
        kept.append((one.undecided, one.crop, int(one.crop.mean())))
    assert [(undecided, shade) for undecided, _, shade in kept] == [
        (True, 99),
        (True, 100),
        (False, 100),
    ]
    assert kept[0][1] is kept[2][1]


def test_a_pass_without_a_crop_runs_no_network() -> None:
    engine = MeanColour()
    stage(verifier(engine)).update(frame(EMPTY, 0), [], belt())
    assert engine.batches == []


def test_of_too_many_objects_those_furthest_downstream_come_first_and_the_rest_next() -> None:
    engine = MeanColour()
    verify = stage(verifier(engine))
    tracks = [track(n, y_mm, seen=1) for n, y_mm in enumerate((300, 700, 100, 500, 200, 600))]
    for number in range(PASSES_ENOUGH):
        verify.update(frame(EMPTY, number), tracks, belt())
        assert passes(*tracks) == [number + 1, number + 1, 0, number + 1, 0, number + 1]
    for number in range(PASSES_ENOUGH):
        verify.update(frame(EMPTY, 10 + number), tracks, belt())
        assert passes(*tracks) == [3, 3, number + 1, 3, number + 1, 3]
    verify.update(frame(EMPTY, 20), tracks, belt())
    assert engine.batches == [*[4] * 3, *[2] * 3]


def test_an_object_that_has_enough_gives_way_to_one_that_has_not() -> None:
    verify = stage(verifier(max_crops_per_pass=1, batches=[1]))
    first, second = track(1, 600, seen=5), track(2, 300, seen=1)
    for number in range(7):
        verify.update(frame(EMPTY, number), [first, second], belt())
    assert passes(first, second) == [4, 3]


def test_an_object_before_an_action_point_in_the_view_comes_before_one_that_has_passed_it() -> None:
    picker = ActionPoint(name="picker", y_mm=400, acting_ms=500)
    verify = stage(verifier(max_crops_per_pass=1, batches=[1]), action_points=[picker])
    # At 100 mm/s it needs 50 mm to act: the second object's front is 20 mm before that.
    tracks = [track(1, 600), track(2, 300)]
    verify.update(frame(EMPTY, 0), tracks, belt())
    assert passes(*tracks) == [0, 1]


def test_an_object_is_undecided_until_it_has_enough_crops() -> None:
    verify, one = stage(verifier()), track(1, 300, seen=1)
    for number in range(1, PASSES_ENOUGH + 1):
        verify.update(frame(EMPTY, number), [one], belt())
        assert (passes(one), one.undecided) == ([number], number < PASSES_ENOUGH)


@pytest.mark.parametrize(("y_mm", "undecided"), [(730, True), (745, False), (790, False)])
def test_near_the_end_of_the_view_an_object_is_decided_on_with_what_there_is(
    y_mm: float, undecided: bool
) -> None:
    # Up to the next pass the belt travels up to 20 mm, and half as much again.
    verify, one = stage(verifier()), track(1, y_mm, seen=5)
    verify.update(frame(EMPTY, 0), [one], belt())
    assert (passes(one), one.undecided) == ([1], undecided)


@pytest.mark.parametrize(("shade", "crops"), [(30, 1), (200, 2)])
def test_an_object_that_is_surely_harmless_or_surely_a_hazard_gets_no_more_crops(
    shade: int, crops: int
) -> None:
    engine = MeanColour()
    verify, one = stage(verifier(engine)), track(1, 300, seen=5)
    for number in range(5):
        verify.update(frame(np.full_like(EMPTY, shade), number), [one], belt())
        assert one.undecided == (number + 1 < crops)
    assert passes(one) == [crops]


def test_near_its_deadline_an_object_without_any_crop_is_decided_on_too() -> None:
    picker = ActionPoint(name="picker", y_mm=400, acting_ms=500)
    verify = stage(verifier(max_crops_per_pass=1, batches=[1]), action_points=[picker])
    tracks = [track(1, 310), track(2, 300), track(3, 200)]
    verify.update(frame(EMPTY, 0), tracks, belt())
    assert passes(*tracks) == [1, 0, 0]
    assert [each.undecided for each in tracks] == [False, False, True]


def test_on_a_stopped_belt_no_deadline_comes_nearer() -> None:
    verify, one = stage(verifier()), track(1, 760, seen=5)
    verify.update(frame(EMPTY, 0), [one], belt(0.0))
    assert one.undecided


def test_a_failing_network_raises_and_adds_no_pass() -> None:
    verify, one = stage(verifier(MeanColour({0: "out of memory"}))), track(1, 300)
    with pytest.raises(EngineError, match="out of memory"):
        verify.update(frame(EMPTY, 0), [one], belt())
    assert passes(one) == [0]


def test_an_object_cut_off_by_the_views_edge_is_cropped_only_if_it_is_never_seen_whole() -> None:
    verify = stage(verifier())
    entering = track(1, 20, seen=1, whole=False)
    entering.confirmed = False
    verify.update(frame(EMPTY, 0), [entering], belt())
    assert passes(entering) == [0]
    entering.confirmed = True
    verify.update(frame(EMPTY, 0), [entering], belt())
    assert passes(entering) == [1]


def test_an_object_out_of_the_image_or_of_unknown_position_waits() -> None:
    verify = stage(verifier())
    outside, lost = track(1, 900, last_frame=0), track(2, 300, last_frame=0)
    lost.placed = False
    verify.update(frame(EMPTY, 1), [outside, lost], belt())
    assert passes(outside, lost) == [0, 0]


def test_an_object_that_the_view_cuts_off_is_cropped_again_only_if_it_has_no_crop_yet() -> None:
    verify = stage(verifier())
    fresh, seen = track(1, 790), track(2, 790, x_mm=100)
    seen.y_mm = 600
    verify.update(frame(EMPTY, 1), [seen], belt())
    seen.y_mm = 790
    verify.update(frame(EMPTY, 2), [fresh, seen], belt())
    assert passes(fresh, seen) == [1, 1]


# --- pixels ----------------------------------------------------------------------------------


def chequered(height: int, width: int) -> NDArray[np.uint8]:
    """White with black pixels, finer than any belt view shows."""
    image = np.full((height, width, 3), 255, dtype=np.uint8)
    image[::2, ::2] = 0
    return image


def test_a_crop_has_the_cameras_pixels_not_the_views() -> None:
    image = EMPTY.copy()
    image[400:460, 170:230] = chequered(60, 60)  # at x 200, y 370 mm
    engine = MeanColour()
    verify = stage(verifier(engine, input_px=60, context=1.0), mm_per_px=8.0)
    verify.update(frame(image, 0), [track(1, 370)], belt())
    assert np.array_equal(engine.crops[0], image[400:460, 170:230])


def test_an_object_that_waited_is_cropped_where_the_belt_has_carried_it() -> None:
    image = EMPTY.copy()
    image[300:360, 170:230] = (0, 0, 255)  # at y 470 mm
    engine = MeanColour()
    moved = track(1, 370)
    moved.y_mm += 100
    stage(verifier(engine, input_px=60, context=1.0)).update(frame(image, 1), [moved], belt())
    assert np.array_equal(engine.crops[0], image[300:360, 170:230])


def oblique_plane() -> tuple[BeltPlane, NDArray[np.float64]]:
    """A camera that looks at the belt obliquely, turned by some 20 degrees; and its mm to px."""
    mm = np.array([[0, 0], [400, 0], [400, 800], [0, 800]], dtype=np.float32)
    px = np.array([[120, 700], [640, 560], [470, 60], [240, 120]], dtype=np.float32)
    to_px = np.asarray(cv2.getPerspectiveTransform(mm, px), dtype=np.float64)
    return BeltPlane(np.linalg.inv(to_px), "points", px.astype(np.float64), 0.0), to_px


@pytest.mark.parametrize("place_mm", [(200.0, 250.0), (120.0, 600.0)])
def test_in_an_oblique_view_the_crop_is_around_the_object_in_the_image(
    place_mm: tuple[float, float],
) -> None:
    plane, to_px = oblique_plane()
    (x, y), half = place_mm, 40
    corners = [
        [x - half, y - half],
        [x + half, y - half],
        [x + half, y + half],
        [x - half, y + half],
    ]
    shape = cv2.perspectiveTransform(np.array([corners]), to_px)[0]
    image = np.full((720, 720, 3), 90, dtype=np.uint8)
    cv2.fillConvexPoly(image, np.rint(shape).astype(np.int32), (255, 255, 255))
    engine = MeanColour()
    verify = stage(verifier(engine, input_px=64, context=1.0), plane, size_px=(720, 720))
    verify.update(frame(image, 1), [track(1, y, x, size_mm=(80, 80))], belt())
    crop = engine.crops[0]
    white = cv2.inRange(crop, (200, 200, 200), (255, 255, 255))
    _, _, width, height = cv2.boundingRect(white)
    sides = shape.max(axis=0) - shape.min(axis=0)
    assert max(width, height) == pytest.approx(64, abs=2)
    assert width / height == pytest.approx(sides[0] / sides[1], rel=0.1)
    assert white[32, 32] == 255


def test_what_is_beside_an_oblique_belt_is_masked_in_the_crop() -> None:
    plane, _ = oblique_plane()
    image = np.full((720, 720, 3), 200, dtype=np.uint8)
    engine = MeanColour()
    verify = stage(verifier(engine, input_px=64, context=2.0), plane, size_px=(720, 720))
    verify.update(frame(image, 1), [track(1, 400, 10)], belt())
    crop = engine.crops[0]
    assert set(np.unique(crop).tolist()) == {OUTSIDE_GREY, 200}
    assert crop[32, 40:].min() == 200
