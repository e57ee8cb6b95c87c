"""The way of one frame with an engine that sees what is drawn."""

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
from detector.runtime.inference_lock import Turns
from detector.vision.catalogue import ModelError
from detector.vision.detections import Detections
from detector.vision.engine import EngineError
from detector.vision.exposure import UnlitError
from detector.wire.messages import AlarmState, Alert, Hazard, Revision
from tests.fakes import (
    FRAME_NS,
    FakeEngine,
    as_picture,
    bright_things,
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
    engine = engine or FakeEngine(bright_things)
    return Pipeline(Line(line or profile(), folder_of(engine.card), engine, "boot"))


def footage(frames: int = 40, *, things: bool = True) -> Iterator[NDArray[np.uint8]]:
    """A white canister and a red battery on a belt that runs to the right."""
    long = texture(np.random.default_rng(5), HEIGHT, WIDTH + frames * STEP_PX, contrast=15)
    if things:
        end = long.shape[1]
        cv2.rectangle(long, (end - 700, 100), (end - 620, 160), WHITE, -1)
        cv2.rectangle(long, (end - 560, 200), (end - 510, 216), RED, -1)
    for number in range(frames):
        left = long.shape[1] - WIDTH - number * STEP_PX
        yield as_picture(long[:, left : left + WIDTH])


def replayed(watch: Pipeline, **changes: Any) -> list[Alert]:
    return [
        alert
        for number, image in enumerate(footage(**changes))
        for alert in watch.see(frame(image, number)).alerts
    ]


@pytest.mark.parametrize("speed_mm_s", [STEP_PX * 10.0, None])
def test_each_thing_on_the_belt_is_one_alert(speed_mm_s: float | None) -> None:
    line = profile(belt={"speed_mm_s": speed_mm_s})
    alerts = replayed(pipeline(line=line))
    raised = [alert for alert in alerts if alert.kind is Revision.RAISED]
    assert sorted(alert.hazard for alert in raised) == [Hazard.BATTERY, Hazard.GAS]
    for alert in raised:
        assert alert.place is not None
        assert alert.place.mm_basis == "nominal"
        assert alert.why is not None
        assert alert.why.hits == 3
        (arrival,) = alert.arrivals
        assert arrival.speed_mm_s == pytest.approx(240, rel=0.02)
        assert arrival.speed_basis == ("picture" if speed_mm_s is None else "profile")
    ends = {alert.hazard: alert.state for alert in alerts}
    assert ends[Hazard.GAS] is AlarmState.LATCHED
    assert ends[Hazard.BATTERY] is AlarmState.NORMAL  # a single cell: counted, nobody was called


def test_the_alert_s_box_lies_on_the_thing_in_the_picture() -> None:
    images = list(footage())
    for alert in replayed(pipeline()):
        assert alert.place is not None
        x0, y0, x1, y1 = (round(side) for side in alert.place.box_px)
        if x1 - x0 < 8:  # a last sliver of it
            continue
        inside = images[alert.place.frame_index][y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]
        assert inside[..., 2].min() > 200  # red or white, nothing else


def test_an_empty_belt_raises_nothing() -> None:
    assert replayed(pipeline(), things=False) == []


def test_the_same_footage_gives_the_same_alerts_every_time() -> None:
    line = profile(belt={"speed_mm_s": None})
    first, second = (replayed(pipeline(line=line)) for _ in range(2))
    assert [alert.model_dump() for alert in first] == [alert.model_dump() for alert in second]


def test_a_recording_without_a_profile_has_alerts_without_millimetres() -> None:
    engine = FakeEngine(bright_things)
    watch = Pipeline(Line(None, folder_of(engine.card), engine, "boot"))
    raised = [alert for alert in replayed(watch) if alert.kind is Revision.RAISED]
    assert sorted(alert.hazard for alert in raised) == [Hazard.BATTERY, Hazard.GAS]
    for alert in raised:
        assert alert.place is not None
        assert (alert.place.mm_basis, alert.place.x_mm, alert.arrivals) == ("none", None, ())


def failing_between(first: int, last: int) -> FakeEngine:
    calls = iter(range(10**6))

    def look(picture: NDArray[np.uint8]) -> Detections:
        if first <= next(calls) < last:
            raise EngineError("test-n1: inference failed: out of memory")
        return bright_things(picture)

    return FakeEngine(look)


def see_or_be_blind(watch: Pipeline, image: NDArray[np.uint8], number: int) -> list[Alert]:
    seen = frame(image, number)
    try:
        return watch.see(seen).alerts
    except (EngineError, CalibrationError, UnlitError) as error:
        return watch.blind(str(error), seen.t_mono_ns, seen.t_utc_ns)


def test_an_engine_that_fails_is_an_exception_and_counts_no_inference() -> None:
    watch = pipeline(failing_between(0, 99))
    with pytest.raises(EngineError):
        watch.see(frame(next(footage()), 0))
    assert watch.inferences == 0


def test_blindness_is_an_alert_that_ends_when_sight_has_stayed_for_a_second() -> None:
    # Three looks at the whole view; the belt of frame 3 can wait, and each look fails till frame 6.
    watch = pipeline(failing_between(3, 6))
    alerts = []
    for number, image in enumerate(footage(30, things=False)):
        alerts += [(number, alert) for alert in see_or_be_blind(watch, image, number)]
    (raised_at, raised), (cleared_at, cleared) = alerts
    assert raised_at == 4
    assert (raised.hazard, raised.kind) == (Hazard.VISION_UNAVAILABLE, Revision.RAISED)
    assert raised.detail == "test-n1: inference failed: out of memory"
    assert (cleared.event_id, cleared.kind) == (raised.event_id, Revision.CLEARED)
    assert (cleared_at - 6) * FRAME_NS >= 1_000_000_000


@pytest.mark.parametrize("speed_mm_s", [STEP_PX * 10.0, None])
def test_looks_that_failed_make_no_second_alert_of_a_thing(speed_mm_s: float | None) -> None:
    watch = pipeline(failing_between(13, 16), profile(belt={"speed_mm_s": speed_mm_s}))
    alerts = []
    for number, image in enumerate(footage()):
        alerts += see_or_be_blind(watch, image, number)
    objects = [a for a in alerts if a.kind is Revision.RAISED and a.track is not None]
    assert len(objects) == 2


def test_a_camera_that_changes_its_size_makes_the_line_blind() -> None:
    watch, image = pipeline(), next(footage())
    watch.see(frame(image, 0))
    small = cv2.resize(image, (240, 160)).astype(np.uint8)
    with pytest.raises(CalibrationError, match="now gives 240 x 160 px"):
        watch.see(frame(small, 1))
    (alert,) = watch.blind("size", FRAME_NS, FRAME_NS)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert watch.coverage.state == "unknown"
    assert watch.see(frame(image, 2)).sightings == []


def test_a_belt_in_the_dark_is_not_clear() -> None:
    watch, alerts = pipeline(), []
    for number, image in enumerate(footage(30, things=False)):
        shown = np.zeros_like(image) if 5 <= number < 8 else image
        alerts += [(number, alert) for alert in see_or_be_blind(watch, shown, number)]
        if number == 5:
            assert watch.coverage.state == "unknown"
    (raised_at, raised), (cleared_at, cleared) = alerts
    assert (raised_at, raised.hazard) == (5, Hazard.VISION_UNAVAILABLE)
    assert raised.detail is not None
    assert raised.detail.startswith("the image of the belt is dark")
    assert (cleared_at > 8, cleared.kind) == (True, Revision.CLEARED)


def test_blindness_ends_no_overload() -> None:
    watch = pipeline()
    watch.book.line_state(Hazard.OVERLOAD, True, "coverage 90%", watch.belt)
    watch.blind("no frame", 10 * FRAME_NS, 10 * FRAME_NS)
    for number, image in enumerate(footage(30, things=False)):
        alerts = watch.see(frame(image, 100 + number)).alerts
        assert Hazard.OVERLOAD not in {alert.hazard for alert in alerts}


def test_material_that_hangs_while_the_belt_runs_is_a_jam_that_says_its_cues(
    tmp_path: Path,
) -> None:
    empty = next(footage(things=False))
    cv2.imwrite(str(tmp_path / "empty.png"), empty)
    watch = pipeline(line=profile(overload={"empty_belt": tmp_path / "empty.png"}))
    waste = as_picture(texture(np.random.default_rng(8), HEIGHT, WIDTH, contrast=60) + 40)
    waste[..., 0] //= 3
    alerts = [
        alert
        for number in range(30)
        for alert in watch.see(frame(waste, number)).alerts
        if alert.hazard is Hazard.JAM
    ]
    assert alerts[0].kind is Revision.RAISED
    assert alerts[0].state is AlarmState.UNACKNOWLEDGED
    standing, coverage = alerts[0].cues
    assert standing.name == "standing_material"
    assert standing.share > 0.8
    assert coverage.name == "coverage"
    assert alerts[0].detail is not None
    assert alerts[0].detail.startswith("standing material")


def test_a_belt_that_stands_against_its_order_is_told_and_not_suppressed() -> None:
    watch = pipeline(line=profile(belt={"speed_mm_s": None}))
    image, alerts = next(footage(things=False)), []
    for number in range(40):
        seen = frame(image, number)
        watch.line.reported.hear(BeltReport(seen.t_mono_ns, True, None))
        alerts += watch.see(seen).alerts
    assert [(alert.hazard, alert.state) for alert in alerts if alert.kind is Revision.RAISED] == [
        (Hazard.BELT_STANDING, AlarmState.UNACKNOWLEDGED)
    ]


def test_a_fixed_model_that_does_not_fit_the_view_is_refused() -> None:
    engine = FakeEngine(bright_things, make_card(input={"size": [640, 640]}))
    with pytest.raises(ModelError, match="takes pictures of 640 x 640 px only"):
        pipeline(engine).see(frame(next(footage()), 0))


def test_thresholds_of_the_profile_stand_in_for_the_card_s() -> None:
    line = profile(model={"thresholds": {"battery": 0.95}})
    raised = [a for a in replayed(pipeline(line=line)) if a.kind is Revision.RAISED]
    assert [alert.hazard for alert in raised] == [Hazard.GAS]
    with pytest.raises(ModelError, match="has no class cell; it has gas_canister, battery"):
        pipeline(line=profile(model={"thresholds": {"cell": 0.5}}))


def test_a_picture_of_the_empty_belt_that_is_not_there_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"overload\.empty_belt.*nowhere\.png"):
        pipeline(line=profile(overload={"empty_belt": "nowhere.png"}))


def test_belt_that_is_not_new_is_not_looked_at_again() -> None:
    watch = pipeline()
    seen = [watch.see(frame(image, number)) for number, image in enumerate(footage())]
    looked = [each.looked for each in seen]
    assert looked[:3] == [True] * 3  # until three looks have seen the belt run
    assert not all(looked)
    assert watch.inferences == sum(looked) < watch.frames == 40
    assert all(each.looked or not (each.alerts or each.sightings) for each in seen)
    every = pipeline(line=profile(view={"strips": False}))
    assert all(every.see(frame(image, n)).looked for n, image in enumerate(footage()))


def test_strips_and_whole_frames_raise_alerts_on_the_same_things() -> None:
    def raised(view: dict[str, Any]) -> list[tuple[Hazard, float]]:
        alerts = replayed(pipeline(line=profile(view=view)))
        found = [each for each in alerts if each.kind is Revision.RAISED]
        return sorted((each.hazard, round(each.place.x_mm or 0, 0)) for each in found if each.place)

    assert raised({"strips": True}) == raised({"strips": False})


def test_an_engine_is_made_ready_for_every_strip_before_the_first_look() -> None:
    class SlowToStart(FakeEngine):
        ready: Sequence[tuple[int, int]] = ()

        def prepare(self, sizes_px: Iterable[tuple[int, int]]) -> None:
            assert not self.sizes
            self.ready = list(sizes_px)

    engine = SlowToStart(bright_things)
    replayed(pipeline(engine))
    assert set(engine.sizes) <= {(height, width) for width, height in engine.ready}
    assert engine.ready[0] == (256, 480)  # the whole view: 240 mm across, 480 mm along


def test_while_another_line_looks_nothing_is_seen_and_the_look_is_made_up_for(
    tmp_path: Path,
) -> None:
    mine, other = Turns(1, tmp_path), Turns(1, tmp_path)
    line = profile()
    engine = FakeEngine(bright_things)
    watch = Pipeline(Line(line, folder_of(engine.card), engine, "boot"), mine)
    pictures = list(footage())
    for number, image in enumerate(pictures[:12]):
        watch.see(frame(image, number))
    looks = watch.inferences
    with other:
        assert not watch.see(frame(pictures[12], 12)).looked
        assert not watch.see(frame(pictures[13], 13)).looked
    assert watch.inferences == looks
    assert watch.see(frame(pictures[14], 14)).looked
    assert watch.unseen_mm == 0
