from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hazards.alarms.alert_facts import (
    BeltNow,
    LineFacts,
    arrivals_of,
    counted_from,
    identity_of,
    place_of,
    size_is_plausible,
    support_of,
    why_of,
)
from detector.hazards.tracking.tracker import SUPPORT_KEPT, BeltTracker, Shift, Track
from detector.profile.line import ActionPoint
from detector.vision.score_curve import ScoreCurve
from detector.wire.messages import ModelIdentity
from tests.fakes import BATTERY, belt_detection, make_card

LINE = LineFacts(
    line="test",
    boot_id="b",
    model=ModelIdentity(name="test-n1", sha256="0" * 64),
    classes=make_card().classes,
    mm_basis="nominal",
    action_points=(
        ActionPoint(name="picker", y_mm=3000, acting_ms=1000),
        ActionPoint(name="stop", y_mm=5000, acting_ms=250),
    ),
    size_tolerance=1.5,
)
BELT = BeltNow(10**18, 10**12, 7, 1234.5, 500.0, "image")


def track_of(*places: tuple[float, float], **facts: Any) -> Track:
    """A track with detections at these places of a stopped belt."""
    tracker = BeltTracker(1, 1, (-1e4, -1e4, 1e4, 1e4), whole_mm=200)
    for number, (x_mm, y_mm) in enumerate(places):
        detection = belt_detection(x_mm, y_mm, **facts)
        tracker.predict(Shift(0, 0, True))
        (track,), _ = tracker.update([detection], (-1e4, 1e4), number, number * 10)
    return track


def test_a_nominal_scale_is_stated_beside_the_millimetres() -> None:
    place = place_of(track_of((100, 200)), BELT, LINE)
    assert (place.mm_basis, place.x_mm, place.y_mm) == ("nominal", 100, 200)
    assert place.belt_position_mm == 1234.5


def test_no_millimetres_are_given_if_the_scale_is_unknown() -> None:
    line = replace(LINE, mm_basis="none")
    track = track_of((100, 200))
    place, why = place_of(track, BELT, line), why_of(track, identity_of(track, line), line)
    assert (place.x_mm, place.y_mm, place.belt_position_mm) == (None, None, None)
    assert (why.length_mm, why.width_mm, why.size_plausible) == (None, None, None)
    assert arrivals_of(track, BELT, line) == ()


def test_arrivals_at_action_points_are_those_of_the_leading_edge() -> None:
    track = track_of((100, 460), size_mm=(50, 80))
    picker, stop = arrivals_of(track, BELT, LINE)
    assert picker.distance_mm == 2500
    assert (picker.eta_ms, picker.act_by_ms) == (5000, 4000)
    assert picker.t_deadline_utc_ns == BELT.t_utc_ns + 4_000_000_000
    assert (stop.eta_ms, stop.act_by_ms) == (9000, 8750)
    assert (stop.speed_mm_s, stop.speed_basis) == (500, "image")


def test_the_part_out_of_view_of_a_long_object_arrives_first() -> None:
    tracker = BeltTracker(1, 1, (0, 0, 600, 800), whole_mm=200)
    for y_mm, length, whole in ((300, 500, True), (600, 450, False)):
        detection = belt_detection(
            300, y_mm - (500 - length) / 2, size_mm=(80, length), whole=whole
        )
        tracker.predict(Shift(0, 300 if y_mm == 600 else 0, True))
        (track,), _ = tracker.update([detection], (0, 800), y_mm, y_mm)
    # Its trailing end is at 350 mm and it is 500 mm long, so 50 mm of it are out of view.
    assert arrivals_of(track, BELT, LINE)[0].distance_mm == pytest.approx(3000 - 850, abs=1)


@pytest.mark.parametrize("speed", [None, 0.0, 4.0, -300.0])
def test_there_is_no_arrival_on_a_belt_that_does_not_run_forwards(speed: float | None) -> None:
    assert arrivals_of(track_of((1, 2)), replace(BELT, speed_mm_s=speed), LINE) == ()


@given(st.floats(-500, 6000), st.floats(6, 5000))
def test_acting_by_the_deadline_is_before_the_object_arrives(y_mm: float, speed: float) -> None:
    for arrival in arrivals_of(track_of((100, y_mm)), replace(BELT, speed_mm_s=speed), LINE):
        assert arrival.act_by_ms < arrival.eta_ms
        assert arrival.eta_ms == pytest.approx(arrival.distance_mm / speed * 1000, abs=20)


@given(st.floats(-500, 6000), st.floats(0, 60), st.floats(-200, 3000))
def test_later_arrivals_follow_the_object_as_the_belt_moves_it(
    y_mm: float, after_s: float, travel_mm: float
) -> None:
    """As when an operator acknowledges it after it left the view; `travel_mm`: 0 if stopped."""
    track = track_of((100, y_mm))
    later = replace(
        BELT, t_utc_ns=BELT.t_utc_ns + 1 + round(after_s * 1e9), position_mm=1234.5 + travel_mm
    )
    arrivals = counted_from(later, place_of(track, BELT, LINE), arrivals_of(track, BELT, LINE))
    for each, there in zip(
        arrivals, arrivals_of(track_of((100, y_mm + travel_mm)), later, LINE), strict=True
    ):
        assert each.distance_mm == pytest.approx(there.distance_mm, abs=0.3)
        assert each.eta_ms == pytest.approx(there.eta_ms, abs=0.5)
        assert each.act_by_ms == pytest.approx(there.act_by_ms, abs=0.5)
        assert each.t_deadline_utc_ns == pytest.approx(there.t_deadline_utc_ns, abs=500_000)


def test_without_a_belt_position_later_arrivals_are_computed_from_the_speed() -> None:
    track = track_of((100, 460), size_mm=(50, 80))
    later = replace(BELT, t_utc_ns=BELT.t_utc_ns + 2_000_000_000, position_mm=None)
    picker, _ = counted_from(later, place_of(track, BELT, LINE), arrivals_of(track, BELT, LINE))
    assert (picker.distance_mm, picker.eta_ms, picker.act_by_ms) == (1500, 3000, 2000)
    assert picker.t_deadline_utc_ns == BELT.t_utc_ns + 4_000_000_000


def test_the_evidence_of_an_alert_is_its_hits_and_its_size() -> None:
    track = track_of(*[(100, 200)] * 12, size_mm=(14, 50), score=0.66)
    why = why_of(track, identity_of(track, LINE), LINE)
    assert (why.hits, why.passes, why.votes) == (12, 12, {"battery": 12})
    assert (why.length_mm, why.width_mm) == (50, 14)
    assert why.plausible_length_mm == LINE.classes[BATTERY].plausible_length_mm
    assert why.size_plausible is True
    assert [hit.frame_index for hit in support_of(track)] == list(range(12))[-SUPPORT_KEPT:]


def test_a_battery_of_a_metre_is_implausible_and_one_never_seen_whole_is_unknown() -> None:
    long, cut_off = (track_of((0, 0), size_mm=(90, 1000), whole=whole) for whole in (True, False))
    assert size_is_plausible(long, identity_of(long, LINE), LINE) is False
    assert size_is_plausible(cut_off, identity_of(cut_off, LINE), LINE) is None


@pytest.mark.parametrize(
    ("speed", "is_stopped"),
    [(None, False), (0.0, True), (-3.0, True), (-50.0, False), (50.0, False)],
)
def test_a_belt_is_stopped_only_where_its_speed_is_known(
    speed: float | None, is_stopped: bool
) -> None:
    assert replace(BELT, speed_mm_s=speed).is_stopped is is_stopped


def test_the_probability_is_the_score_unless_the_card_has_a_calibration() -> None:
    track = track_of((100, 200), class_index=BATTERY, score=0.8)
    assert identity_of(track, LINE).probability == 0.8
    curve = ScoreCurve(slope=1.0, offset=-1.0)
    known = tuple(each.model_copy(update={"calibration": curve}) for each in LINE.classes)
    probability = identity_of(track, replace(LINE, classes=known)).probability
    assert probability == pytest.approx(curve.probability(0.8))
    assert probability < 0.8
