"""The path of one frame, with an engine that detects the drawn objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.belt.encoder import BeltReport
from detector.belt.plane import CalibrationError
from detector.line_setup import Line
from detector.pipeline import Pipeline
from detector.profile.line import LineProfile
from detector.runtime.inference_lock import InferenceLock
from detector.vision.catalogue import ModelError
from detector.vision.condition.faults import BlindImageError
from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from detector.wire.messages import AlarmState, Alert, Hazard, Revision
from tests.fakes import (
    FRAME_NS,
    FakeEngine,
    as_image,
    bright_objects,
    folder_of,
    frame,
    make_card,
    texture,
)

WIDTH, HEIGHT = 480, 320
STEP_PX = 24
WHITE, RED = (255, 255, 255), (0, 0, 255)


def profile(**changes: Any) -> LineProfile:
    """A belt that runs to the right, 1 px/mm, 240 mm/s."""
    belt = {
        "polygon_px": [[0, 40], [WIDTH, 40], [WIDTH, 280], [0, 280]],
        "travel": "right",
        "px_per_mm": 1,
        "speed_mm_s": STEP_PX * 10,
    }
    document = {
        "line": "test",
        "camera": {"source": "none"},
        "belt": belt | changes.pop("belt", {}),
        "action_points": [{"name": "picker", "y_mm": 2000}],
        **changes,
    }
    return LineProfile.model_validate(document)


def pipeline(engine: FakeEngine | None = None, line: LineProfile | None = None) -> Pipeline:
    engine = engine or FakeEngine(bright_objects)
    return Pipeline(Line(line or profile(), folder_of(engine.card), engine, "boot"))


def footage(frames: int = 40, *, objects: bool = True) -> Iterator[NDArray[np.uint8]]:
    """A white canister and a red battery on a belt that runs to the right."""
    long = texture(np.random.default_rng(5), HEIGHT, WIDTH + frames * STEP_PX, contrast=15)
    if objects:
        end = long.shape[1]
        cv2.rectangle(long, (end - 700, 100), (end - 620, 160), WHITE, -1)
        cv2.rectangle(long, (end - 560, 200), (end - 510, 216), RED, -1)
    for number in range(frames):
        left = long.shape[1] - WIDTH - number * STEP_PX
        yield as_image(long[:, left : left + WIDTH])


def alerts_of(line: Pipeline, **changes: Any) -> list[Alert]:
    return [
        alert
        for number, image in enumerate(footage(**changes))
        for alert in line.process(frame(image, number)).alerts
    ]


@pytest.mark.parametrize("speed_mm_s", [STEP_PX * 10.0, None])
def test_each_object_on_the_belt_is_one_alert(speed_mm_s: float | None) -> None:
    settings = profile(belt={"speed_mm_s": speed_mm_s})
    alerts = alerts_of(pipeline(line=settings))
    raised = [alert for alert in alerts if alert.kind is Revision.RAISED]
    assert sorted(alert.hazard for alert in raised) == [Hazard.BATTERY, Hazard.GAS]
    for alert in raised:
        assert alert.place is not None
        assert alert.place.mm_basis == "nominal"
        assert alert.why is not None
        assert alert.why.hits == 3
        (arrival,) = alert.arrivals
        assert arrival.speed_mm_s == pytest.approx(240, rel=0.02)
        assert arrival.speed_basis == ("image" if speed_mm_s is None else "profile")
    ends = {alert.hazard: alert.state for alert in alerts}
    assert ends[Hazard.GAS] is AlarmState.LATCHED
    assert ends[Hazard.BATTERY] is AlarmState.NORMAL  # a single cell is only counted


def test_the_alerts_box_is_on_the_object_in_the_image() -> None:
    images = list(footage())
    for alert in alerts_of(pipeline()):
        assert alert.place is not None
        x0, y0, x1, y1 = (round(side) for side in alert.place.box_px)
        if x1 - x0 < 8:  # its last sliver
            continue
        inside = images[alert.place.frame_index][y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]
        assert inside[..., 2].min() > 200  # red or white, nothing else


def test_an_empty_belt_raises_nothing() -> None:
    assert alerts_of(pipeline(), objects=False) == []


def test_the_same_footage_gives_the_same_alerts_every_time() -> None:
    settings = profile(belt={"speed_mm_s": None})
    first, second = (alerts_of(pipeline(line=settings)) for _ in range(2))
    assert [alert.model_dump() for alert in first] == [alert.model_dump() for alert in second]


def test_a_recording_without_a_profile_has_alerts_without_millimetres() -> None:
    engine = FakeEngine(bright_objects)
    line = Pipeline(Line(None, folder_of(engine.card), engine, "boot"))
    raised = [alert for alert in alerts_of(line) if alert.kind is Revision.RAISED]
    assert sorted(alert.hazard for alert in raised) == [Hazard.BATTERY, Hazard.GAS]
    for alert in raised:
        assert alert.place is not None
        assert (alert.place.mm_basis, alert.place.x_mm, alert.arrivals) == ("none", None, ())


def failing_between(first: int, last: int) -> FakeEngine:
    calls = iter(range(10**6))

    def detect(image: NDArray[np.uint8]) -> Detections:
        if first <= next(calls) < last:
            raise EngineError("test-n1: inference failed: out of memory")
        return bright_objects(image)

    return FakeEngine(detect)


def process_or_lose_vision(line: Pipeline, image: NDArray[np.uint8], number: int) -> list[Alert]:
    grabbed = frame(image, number)
    try:
        return line.process(grabbed).alerts
    except (EngineError, CalibrationError, BlindImageError) as error:
        return line.vision_lost(str(error), grabbed.t_mono_ns, grabbed.t_utc_ns)


def test_a_failing_engine_raises_and_counts_no_inference() -> None:
    line = pipeline(failing_between(0, 99))
    with pytest.raises(EngineError):
        line.process(frame(next(footage()), 0))
    assert line.inferences == 0


def test_vision_unavailable_is_cleared_after_a_second_of_working_passes() -> None:
    # Three passes over the whole view; frame 3's belt can wait; passes fail until frame 6.
    line = pipeline(failing_between(3, 6))
    alerts = []
    for number, image in enumerate(footage(30, objects=False)):
        alerts += [(number, alert) for alert in process_or_lose_vision(line, image, number)]
    (raised_at, raised), (cleared_at, cleared) = alerts
    assert raised_at == 4
    assert (raised.hazard, raised.kind) == (Hazard.VISION_UNAVAILABLE, Revision.RAISED)
    assert raised.detail == "test-n1: inference failed: out of memory"
    assert (cleared.event_id, cleared.kind) == (raised.event_id, Revision.CLEARED)
    assert (cleared_at - 6) * FRAME_NS >= 1_000_000_000


@pytest.mark.parametrize("speed_mm_s", [STEP_PX * 10.0, None])
def test_failed_passes_cause_no_second_alert_for_an_object(speed_mm_s: float | None) -> None:
    line = pipeline(failing_between(13, 16), profile(belt={"speed_mm_s": speed_mm_s}))
    alerts = []
    for number, image in enumerate(footage()):
        alerts += process_or_lose_vision(line, image, number)
    raised = [a for a in alerts if a.kind is Revision.RAISED and a.track is not None]
    assert len(raised) == 2


def test_an_image_of_another_size_is_an_error_and_coverage_is_unknown() -> None:
    line, image = pipeline(), next(footage())
    line.process(frame(image, 0))
    small = cv2.resize(image, (240, 160)).astype(np.uint8)
    with pytest.raises(CalibrationError, match="now gives 240 x 160 px"):
        line.process(frame(small, 1))
    (alert,) = line.vision_lost("size", FRAME_NS, FRAME_NS)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert line.coverage.state == "unknown"
    assert line.process(frame(image, 2)).detections == []


def test_a_dark_belt_is_not_clear() -> None:
    line, alerts = pipeline(), []
    for number, image in enumerate(footage(30, objects=False)):
        shown = np.zeros_like(image) if 5 <= number < 8 else image
        alerts += [(number, alert) for alert in process_or_lose_vision(line, shown, number)]
        if number == 5:
            assert line.coverage.state == "unknown"
    (raised_at, raised), (cleared_at, cleared) = alerts
    assert (raised_at, raised.hazard) == (5, Hazard.VISION_UNAVAILABLE)
    assert raised.detail is not None
    assert raised.detail.startswith("the image of the belt is dark")
    assert (cleared_at > 8, cleared.kind) == (True, Revision.CLEARED)


def test_lost_vision_ends_no_overload() -> None:
    line = pipeline()
    line.book.line_state(Hazard.OVERLOAD, True, "coverage 90%", line.belt)
    line.vision_lost("no frame", 10 * FRAME_NS, 10 * FRAME_NS)
    for number, image in enumerate(footage(30, objects=False)):
        alerts = line.process(frame(image, 100 + number)).alerts
        assert Hazard.OVERLOAD not in {alert.hazard for alert in alerts}


def test_stationary_material_on_a_running_belt_is_a_jam_with_its_cues(
    tmp_path: Path,
) -> None:
    empty = next(footage(objects=False))
    cv2.imwrite(str(tmp_path / "empty.png"), empty)
    line = pipeline(line=profile(overload={"empty_belt": tmp_path / "empty.png"}))
    waste = as_image(texture(np.random.default_rng(8), HEIGHT, WIDTH, contrast=60) + 40)
    waste[..., 0] //= 3
    alerts = [
        alert
        for number in range(30)
        for alert in line.process(frame(waste, number)).alerts
        if alert.hazard is Hazard.JAM
    ]
    assert alerts[0].kind is Revision.RAISED
    assert alerts[0].state is AlarmState.UNACKNOWLEDGED
    stationary, coverage = alerts[0].cues
    assert stationary.name == "stationary_material"
    assert stationary.share > 0.8
    assert coverage.name == "coverage"
    assert alerts[0].detail is not None
    assert alerts[0].detail.startswith("stationary material")


def test_a_belt_stopped_against_its_order_is_raised_and_not_suppressed() -> None:
    line = pipeline(line=profile(belt={"speed_mm_s": None}))
    image, alerts = next(footage(objects=False)), []
    for number in range(40):
        grabbed = frame(image, number)
        line.line.reported.add(BeltReport(grabbed.t_mono_ns, True, None))
        alerts += line.process(grabbed).alerts
    assert [(alert.hazard, alert.state) for alert in alerts if alert.kind is Revision.RAISED] == [
        (Hazard.BELT_STOPPED, AlarmState.UNACKNOWLEDGED)
    ]


def test_a_model_with_a_fixed_size_that_is_lower_than_the_view_is_refused() -> None:
    engine = FakeEngine(bright_objects, make_card(input={"size": [96, 640]}))
    with pytest.raises(ModelError, match="accepts only images of 640 x 96 px"):
        pipeline(engine).process(frame(next(footage()), 0))


def test_a_model_with_a_larger_fixed_size_sees_the_view_with_a_margin() -> None:
    engine = FakeEngine(bright_objects, make_card(input={"size": [640, 640]}))
    raised = [a for a in alerts_of(pipeline(engine)) if a.kind is Revision.RAISED]
    assert set(engine.sizes) == {(640, 640)}
    assert {alert.hazard for alert in raised} == {Hazard.GAS, Hazard.BATTERY}
    free = [a for a in alerts_of(pipeline()) if a.kind is Revision.RAISED]
    assert [a.place and a.place.box_px for a in raised] == [
        a.place and a.place.box_px for a in free
    ]


def test_the_profiles_thresholds_override_the_cards() -> None:
    settings = profile(model={"thresholds": {"battery": 0.95}})
    raised = [a for a in alerts_of(pipeline(line=settings)) if a.kind is Revision.RAISED]
    assert [alert.hazard for alert in raised] == [Hazard.GAS]
    wrong = r"^model\.thresholds\.cell = 0\.5: .* has no class cell; it has gas_canister, battery\."
    with pytest.raises(ModelError, match=wrong):
        pipeline(line=profile(model={"thresholds": {"cell": 0.5}}))


def test_a_missing_image_of_the_empty_belt_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"overload\.empty_belt.*nowhere\.png"):
        pipeline(line=profile(overload={"empty_belt": "nowhere.png"}))


def test_belt_that_is_not_new_gets_no_further_pass() -> None:
    line = pipeline()
    results = [line.process(frame(image, number)) for number, image in enumerate(footage())]
    inferred = [each.inferred for each in results]
    assert inferred[:3] == [True] * 3  # until three passes have measured a running belt
    assert not all(inferred)
    assert line.inferences == sum(inferred) < len(inferred) == 40
    assert all(each.inferred or not (each.alerts or each.detections) for each in results)
    every = pipeline(line=profile(view={"strips": False}))
    assert all(every.process(frame(image, n)).inferred for n, image in enumerate(footage()))


def test_a_result_holds_what_the_model_detected_below_the_thresholds() -> None:
    settings = profile(model={"thresholds": {"battery": 0.95, "gas_canister": 0.95}})
    engine = FakeEngine(bright_objects)
    card = folder_of(engine.card)
    usual, floor = (
        Pipeline(Line(settings, card, engine, "boot"), score_floor=score) for score in (1.0, 0.05)
    )
    for number, image in enumerate(footage()):
        usually, low = (each.process(frame(image, number)) for each in (usual, floor))
        assert low.shift == usually.shift
        assert low.strip == usually.strip
        assert low.alerts == usually.alerts == []
        assert low.detections == usually.detections == []
        assert len(usually.boxes) <= len(low.boxes)
        if len(low.boxes):
            break
    else:
        pytest.fail("no box below the thresholds")
    assert low.strip is not None
    assert low.boxes.scores.max() < 0.95


def test_strips_and_whole_frames_raise_alerts_for_the_same_objects() -> None:
    def raised(view: dict[str, Any]) -> list[tuple[Hazard, float]]:
        alerts = alerts_of(pipeline(line=profile(view=view)))
        found = [each for each in alerts if each.kind is Revision.RAISED]
        return sorted((each.hazard, round(each.place.x_mm or 0, 0)) for each in found if each.place)

    assert raised({"strips": True}) == raised({"strips": False})


def test_an_engine_is_prepared_for_every_strip_before_the_first_pass() -> None:
    class SlowToStart(FakeEngine):
        sizes_most = 3
        ready: Sequence[tuple[int, int]] = ()

        def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
            assert not self.sizes
            self.ready = list(sizes_px)

    engine = SlowToStart(bright_objects)
    alerts_of(pipeline(engine))
    assert set(engine.sizes) <= {(height, width) for width, height in engine.ready}
    assert engine.ready[0] == (160, 320)  # the whole view: 240 mm across, 480 mm along
    assert len(engine.ready) == engine.sizes_most


def test_a_pass_skipped_for_another_line_is_run_later_without_loss(
    tmp_path: Path,
) -> None:
    mine, other = InferenceLock(1, tmp_path), InferenceLock(1, tmp_path)
    settings = profile()
    engine = FakeEngine(bright_objects)
    line = Pipeline(Line(settings, folder_of(engine.card), engine, "boot"), mine)
    images = list(footage())
    for number, image in enumerate(images[:12]):
        line.process(frame(image, number))
    passes = line.inferences
    with other:
        assert not line.process(frame(images[12], 12)).inferred
        assert not line.process(frame(images[13], 13)).inferred
    assert line.inferences == passes
    assert line.process(frame(images[14], 14)).inferred
    assert line.unseen_mm == 0
