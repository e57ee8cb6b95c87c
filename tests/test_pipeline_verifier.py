"""The path of one frame with a verifier: the detector proposes, the verifier decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.line_setup import Line
from detector.pipeline import STAGES, Pipeline
from detector.vision.catalogue import Card
from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from detector.vision.verifier import Verifier
from detector.wire.messages import AlarmState, Alert, Hazard, Revision
from tests.fakes import BATTERY, FakeEngine, bright_objects, detections, folder_of, frame, make_card
from tests.test_pipeline import alerts_of, footage, process_or_lose_vision, profile
from tests.verifiers import MeanColour, verifier, verifier_document

WEAK = 0.1
"""A score below the operating thresholds of 0.4 and 0.35, and above those for proposals."""


def card_with_verifier(**changes: Any) -> Card:
    card = make_card().model_dump(mode="json")
    for known in card["classes"]:
        known["proposal_threshold"] = 0.05
    document = verifier_document(**changes)
    files = card["files"] | {document["features"]: "a" * 64, document["head"]: "b" * 64}
    return Card.model_validate({**card, "files": files, "verifier": document})


def weak_objects(image: NDArray[np.uint8]) -> Detections:
    """What `bright_objects` detects, all of it as doubtful batteries."""
    boxes = bright_objects(image).boxes_px.tolist()
    return detections(*[(x0, y0, x1, y1, WEAK, BATTERY) for x0, y0, x1, y1 in boxes])


def pipeline(
    features: MeanColour | None = None,
    *,
    with_verifier: bool = True,
    detect: Any = weak_objects,
    lines: dict[str, Any] | None = None,
    **changes: Any,
) -> Pipeline:
    card = card_with_verifier(**changes)
    checked: Verifier | None = verifier(features, **changes) if with_verifier else None
    engine = FakeEngine(detect, card)
    return Pipeline(Line(profile(**(lines or {})), folder_of(card), engine, "boot", checked))


def raised(alerts: Iterable[Alert]) -> list[tuple[Hazard, str | None]]:
    found = [each for each in alerts if each.kind is Revision.RAISED and each.track is not None]
    return sorted((each.hazard, each.class_name) for each in found)


def test_weak_proposals_are_raised_as_what_the_verifier_takes_them_for() -> None:
    alerts = alerts_of(pipeline())
    assert raised(alerts) == [(Hazard.BATTERY, "cell"), (Hazard.GAS, "gas_bottle")]
    for alert in alerts:
        if alert.kind is not Revision.RAISED:
            continue
        assert alert.why is not None
        assert (alert.why.score, alert.why.verifier_passes) == (WEAK, 2)
        assert alert.why.hits >= 3
        assert set(alert.why.votes) == {"battery"}
        assert alert.why.kinds[0].name == alert.class_name
        assert alert.probability is not None
        assert alert.probability > 0.5
        assert alert.model.verifier_sha256 == "a" * 64
        assert alert.model.verifier_head_sha256 == "b" * 64


def test_without_its_verifier_the_same_model_decides_by_its_operating_thresholds() -> None:
    assert alerts_of(pipeline(with_verifier=False)) == []
    strong = alerts_of(pipeline(with_verifier=False, detect=bright_objects))
    assert raised(strong) == [(Hazard.BATTERY, "battery"), (Hazard.GAS, "gas_canister")]
    assert all(alert.model.verifier_sha256 is None for alert in strong)


def test_a_harmless_object_raises_nothing_however_sure_the_detector_is() -> None:
    def dark_objects(image: NDArray[np.uint8]) -> Detections:
        found = bright_objects(np.where(image == (0, 60, 60), 255, 0).astype(np.uint8))
        return detections(*[(*box, 0.95, BATTERY) for box in found.boxes_px.tolist()])

    engine = MeanColour()
    line, alerts = pipeline(engine, detect=dark_objects), list[Alert]()
    for number, image in enumerate(footage(objects=False)):
        cv2.rectangle(image, (24 * number - 60, 150), (24 * number, 190), (0, 60, 60), -1)
        alerts += line.process(frame(image, number)).alerts
    assert engine.batches  # harmless at a glance
    assert alerts == []


def test_crops_are_cut_from_the_frame_at_the_objects_place() -> None:
    engine = MeanColour()
    alerts_of(pipeline(engine))
    used = [crop for crop in engine.crops if crop.any()]
    assert used
    centres = [tuple(crop[16, 16].tolist()) for crop in used]
    assert set(centres) <= {(255, 255, 255), (0, 0, 255)}


@pytest.mark.parametrize(
    ("kinds", "states"),
    [
        ({}, {"gas_bottle": "unacknowledged", "cell": "suppressed_by_design"}),
        (
            {"gas": {"gas_bottle": "count"}},
            dict.fromkeys(("gas_bottle", "cell"), "suppressed_by_design"),
        ),
        ({"gas": {"gas_bottle": "ignore"}}, {"cell": "suppressed_by_design"}),
        (
            {"battery": {"cell": "ignore"}, "gas": {"aerosol": "ignore"}},
            {"gas_bottle": "unacknowledged"},
        ),
    ],
)
def test_a_site_decides_by_kind(kinds: dict[str, Any], states: dict[str, str]) -> None:
    hazards = {hazard: {"kinds": each} for hazard, each in kinds.items()}
    alerts = alerts_of(pipeline(lines={"hazards": hazards}))
    first = [each for each in alerts if each.kind is Revision.RAISED]
    assert {each.class_name: each.state for each in first} == states


def test_a_site_may_set_the_threshold_of_a_hazard() -> None:
    # The bottle's probability is far above 0.5, and the red cell's a little.
    alerts = alerts_of(pipeline(lines={"hazards": {"battery": {"threshold": 0.99}}}))
    assert raised(alerts) == [(Hazard.GAS, "gas_bottle")]


def test_a_budget_of_one_crop_a_pass_delays_no_decision_beyond_the_view() -> None:
    engine = MeanColour()
    alerts = alerts_of(pipeline(engine, max_crops_per_pass=1, batches=[1]))
    assert raised(alerts) == [(Hazard.BATTERY, "cell"), (Hazard.GAS, "gas_bottle")]
    assert set(engine.batches) == {1}


def test_a_failing_verifier_is_a_lost_vision_and_counts_no_inference() -> None:
    line = pipeline(MeanColour({0: "test-n1: inference failed: out of memory"}))
    failed_at, alerts = [], list[Alert]()
    for number, image in enumerate(footage()):
        before = line.inferences
        try:
            alerts += line.process(frame(image, number)).alerts
        except EngineError as error:
            failed_at.append(number)
            assert line.inferences == before
            time_ns = frame(image, number).t_mono_ns
            alerts += line.vision_lost(str(error), time_ns, time_ns)
    assert len(failed_at) == 1
    lost = [each for each in alerts if each.hazard is Hazard.VISION_UNAVAILABLE]
    assert [(each.kind, each.detail) for each in lost] == [
        (Revision.RAISED, "test-n1: inference failed: out of memory"),
        (Revision.CLEARED, "test-n1: inference failed: out of memory"),
    ]
    assert raised(alerts) == [(Hazard.BATTERY, "cell"), (Hazard.GAS, "gas_bottle")]


def test_an_object_that_leaves_while_the_verifier_fails_is_not_open_for_ever() -> None:
    engine, images, alerts = MeanColour(), list(footage(60)), list[Alert]()
    line = pipeline(engine, detect=bright_objects)
    failing = dict.fromkeys(range(1_000), "test-n1: inference failed: out of memory")
    for number, image in enumerate(images):
        alerts += process_or_lose_vision(line, image, number)
        if raised(alerts) and number < 45:
            engine.failing = failing
        elif number == 45:
            engine.failing = {}
    open_at_last = {each.track: each.state for each in alerts if each.track is not None}
    assert open_at_last
    assert set(open_at_last.values()) <= {AlarmState.LATCHED, AlarmState.NORMAL}
    assert any(each.hazard is Hazard.VISION_UNAVAILABLE for each in alerts)


def test_the_verifier_is_a_stage_of_its_own() -> None:
    assert STAGES[-3:] == ("tracks", "verifier", "alarms")
