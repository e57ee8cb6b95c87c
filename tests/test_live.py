"""The loop of a line, in this process, with a scripted camera and engine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
import pytest

from detector.delivery.request_server import PendingAnswer
from detector.hazards.alarms.alarm_book import AlarmBook
from detector.ingest import CameraBlind, CameraState
from detector.line_setup import Line, LineParts
from detector.runtime.vision_state import START_NS
from detector.vision.engine import EngineError
from detector.wire.messages import (
    AlarmState,
    Hazard,
    Revision,
    VisionState,
)
from detector.wire.requests import Acknowledge, BeltFromPlc, Shelve
from tests.fake_line import PROFILE, Clock, FakeCamera, FakeWire, Step, blind, frame
from tests.fakes import GAS, as_image, bright_objects, detections, texture
from tests.hazards.alarms.test_alarm_book import LINE, SECOND, belt_at, track
from tests.small_line import passing


def test_a_failing_engine_makes_vision_unavailable_and_never_an_empty_belt(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    results = iter([detections(), EngineError("the engine is out of memory"), detections()])

    def detect(_: Any) -> Any:
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    log = work([frame(0), frame(1), frame(7)], detect)
    assert wire.beats == [1, 2]  # two inferences were completed, not three
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert alert.detail == "the engine is out of memory"
    assert [state.vision for state in wire.states()] == [
        VisionState.STARTING,
        VisionState.READY,
        VisionState.UNAVAILABLE,
        VisionState.READY,
        VisionState.UNAVAILABLE,  # it was stopped
    ]
    assert wire.states()[2].coverage_state == "unknown"
    assert log == [
        "watching",
        "raised vision_unavailable a000001",
        "unavailable: the engine is out of memory",
        "watching",
    ]


@pytest.mark.parametrize(
    ("shift_px", "reason"),
    [
        (6.2, "the camera has moved by 6 px since commissioning: run `vigitri calibrate verify`"),
        (math.inf, "the fixed structures beside the belt are not where they were"),
    ],
)
def test_a_camera_that_was_moved_degrades_vision(
    work: Callable[..., list[str]],
    wire: FakeWire,
    monkeypatch: pytest.MonkeyPatch,
    shift_px: float,
    reason: str,
) -> None:
    monkeypatch.setattr(FakeCamera, "shift_px", shift_px)
    work([frame(n) for n in range(30)])
    state = wire.states()[-2]
    assert (state.vision, state.image_faults) == (VisionState.DEGRADED, ("moved",))
    assert (state.reason or "").startswith(reason)


def test_a_camera_at_the_limit_of_its_rate_is_lost_once_and_not_ten_times_a_second(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    late = blind(CameraState.STALLED, "no new image for 0.15 s")
    hovering = [step for n in range(1, 10) for step in (late, frame(n))]
    steady = [frame(n) for n in range(10, 16)]
    work([frame(0), *hovering, *steady])
    assert [state.vision for state in wire.states() if state.inferences] == [
        VisionState.READY,
        *([VisionState.UNAVAILABLE] * 2),  # its reason alternates, and is bounded
        VisionState.READY,
        VisionState.UNAVAILABLE,  # it was stopped
    ]
    assert len(wire.alerts(Revision.RAISED)) == 1
    assert wire.beats == [1, 13, 14]  # none while the belt does not count as watched
    assert "images are back, and the belt counts as watched after 0.5 s" in str(
        wire.states()[-3].reason
    )


def test_an_old_frame_does_not_bring_lost_vision_back(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock
) -> None:
    def hang() -> None:
        clock.now_ns += 2_000_000_000

    lost = blind(CameraState.STALLED, "no new image")
    work([frame(0), lost, hang, frame(1), frame(24), frame(25)])
    assert wire.beats == [1, 4]  # not the second pass, nor within the hold after it


def test_the_image_on_which_a_line_was_prepared_for_a_second_is_not_looked_at(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts_for = Line.parts_for

    def slowly(line: Line, size_px: tuple[int, int]) -> LineParts:
        clock.advance(1200)
        return parts_for(line, size_px)

    monkeypatch.setattr(Line, "parts_for", slowly)
    work([frame(0), frame(12), frame(13)])
    assert wire.beats == [1, 2]
    assert wire.alerts() == []


def test_a_repeated_image_is_no_new_sight(work: Callable[..., list[str]]) -> None:
    strip = as_image(texture(np.random.default_rng(3), 240, 1200, contrast=40))
    strip = cv2.GaussianBlur(strip, (0, 0), 2.0)
    camera = PROFILE.camera.model_copy(update={"fps": 20})
    belt = PROFILE.belt.model_copy(update={"speed_mm_s": 400})
    moving, timeouts_s = 60, []
    shown = [strip[:, at : at + 320] for at in range(10 * moving, -1, -10)]
    frames = [frame(n, shown[min(n, moving)], at_ms=50 * n) for n in range(moving + 3)]
    work(
        frames,
        profile=PROFILE.model_copy(update={"camera": camera, "belt": belt}),
        timeouts_s=timeouts_s,
    )
    of_a_new_image, of_a_repeated_one = timeouts_s[moving], timeouts_s[moving + 2]
    assert of_a_repeated_one == pytest.approx(of_a_new_image - 0.05)


def test_an_object_is_reported_while_vision_is_held_unavailable(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    lost = blind(CameraState.STALLED, "no new image")
    belt = passing()
    work([frame(3, belt[3]), lost, *(frame(n, belt[n]) for n in (4, 5, 6, 7))], bright_objects)
    assert {alert.hazard for alert in wire.alerts(Revision.RAISED)} >= {
        Hazard.VISION_UNAVAILABLE,
        Hazard.GAS,
    }
    assert all(state.coverage_state == "unknown" for state in wire.states()[2:])


@pytest.mark.parametrize("pass_ms", [301, 2000])
def test_a_late_inference_pass_degrades_vision_until_passes_are_in_time_again(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock, pass_ms: float
) -> None:
    durations_ms = iter([300, pass_ms, 300])  # three periods of 10 fps are in time

    def detect(_: Any) -> Any:
        clock.advance(next(durations_ms))
        return detections()

    log = work([frame(0), frame(5), frame(40)], detect)
    assert [state.vision for state in wire.states()[1:-1]] == [
        VisionState.READY,
        VisionState.DEGRADED,
        VisionState.READY,
    ]
    assert (
        f"the inference pass ended {pass_ms} ms after the frame's capture, later than 300 ms"
        in log[1]
    )
    assert [state.late for state in wire.states()[1:-1]] == [False, True, False]


def test_vision_stays_degraded_for_a_second_after_the_last_late_pass(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock
) -> None:
    durations_ms = iter([0, 400, 0, 0])

    def detect(_: Any) -> Any:
        clock.advance(next(durations_ms))
        return detections()

    work([frame(n, at_ms=at_ms) for n, at_ms in enumerate([0, 100, 1490, 1700])], detect)
    assert [(state.vision, state.inferences) for state in wire.states()[1:-1]] == [
        (VisionState.READY, 1),
        (VisionState.DEGRADED, 2),
        (VisionState.READY, 4),
    ]


def test_an_image_of_another_size_makes_vision_unavailable(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(0), frame(1, np.zeros((100, 100, 3), np.uint8))])
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.hazard is Hazard.VISION_UNAVAILABLE
    assert wire.beats == [1]


def test_a_starting_camera_is_neither_an_alarm_nor_a_clear_belt(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([blind(CameraState.STARTING, "being opened")])
    assert wire.alerts() == []
    assert wire.beats == []
    assert {state.vision for state in wire.states()[:-1]} == {VisionState.STARTING}


def test_a_camera_that_starts_for_too_long_is_an_alarm(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock
) -> None:
    def time_passes() -> None:
        clock.advance(START_NS / 1e6 + 1)

    work([blind(CameraState.STARTING), time_passes, blind(CameraState.STARTING, "being opened")])
    (alert,) = wire.alerts(Revision.RAISED)
    assert alert.detail == "starting: being opened"
    assert wire.states()[-2].vision is VisionState.UNAVAILABLE


def test_until_end_returns_at_the_end_of_the_recording(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([frame(0), blind(CameraState.ENDED), frame(1)], until_end=True)
    assert wire.beats == [1]
    assert wire.alerts() == []
    assert wire.states()[-1].reason == "the recording has ended"


def test_a_recording_that_ends_before_the_first_pass_is_an_error(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    with pytest.raises(CameraBlind, match="ended before the first inference pass"):
        work([blind(CameraState.ENDED), frame(0)], until_end=True)
    assert wire.states()[-1].vision is VisionState.UNAVAILABLE


def test_until_end_does_not_wait_for_a_missing_recording(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    with pytest.raises(CameraBlind, match="no such file"):
        work([blind(CameraState.UNREACHABLE, "x: no such file")], until_end=True)
    assert wire.states()[-1].vision is VisionState.UNAVAILABLE


def test_a_line_that_fails_still_publishes_that_vision_is_unavailable(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def breaks(_: Any) -> Any:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        work([frame(0), frame(1)], breaks)
    last = wire.states()[-1]
    assert (last.vision, last.reason) == (VisionState.UNAVAILABLE, "the detector failed")


def test_open_alerts_are_published_again_for_a_new_subscriber(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def joins() -> None:
        wire.joined = 1

    work([blind(CameraState.STALLED), joins, blind(CameraState.STALLED)])
    first, again = wire.alerts()
    assert first == again  # the same revision


def objects_pass() -> list[Step]:
    return [frame(index, image, at_ms=index * 200) for index, image in enumerate(passing(12))]


def test_answers_are_applied_or_refused_with_a_reason(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    def ask(*answers: Any) -> Callable[[], None]:
        return lambda: wire.asked.extend(PendingAnswer(answer, ()) for answer in answers)

    def acknowledge(event_id: str, boot_id: str = "boot") -> Acknowledge:
        return Acknowledge(operator="poste 2", boot_id=boot_id, event_id=event_id)

    # The wire refuses it already; the line itself refuses it too.
    shelve_vision = Shelve.model_construct(
        operator="x", hazard=Hazard.VISION_UNAVAILABLE, minutes=1
    )
    *steps, last = objects_pass()
    work(
        [
            *steps,
            ask(
                acknowledge("a000001"),
                acknowledge("a000001", boot_id="yesterday"),
                acknowledge("a999999"),
                shelve_vision,
                Shelve(operator="x", hazard=Hazard.BATTERY, minutes=1),
            ),
            last,
        ],
        bright_objects,
    )
    assert [ok for ok, _ in wire.replies] == [True, False, False, False, True]
    reasons = [str(reason) for ok, reason in wire.replies if not ok]
    for part, reason in zip(
        ["no open alarm", "no open alarm a999999", "never shelved"], reasons, strict=True
    ):
        assert part in reason
    (acknowledged,) = wire.alerts(Revision.ACKNOWLEDGED)
    assert acknowledged.event_id == "a000001"


def test_answers_while_the_camera_is_starting_apply_at_once(
    work: Callable[..., list[str]], wire: FakeWire, clock: Clock
) -> None:
    """After a restart a network camera takes seconds, but the open alerts are shown at once."""
    book = AlarmBook(replace(LINE, boot_id="yesterday"))
    wire.carried_over = book.update([track(1, GAS)], [], belt_at(0))
    (gas,) = wire.carried_over

    def asks() -> None:
        acknowledge = Acknowledge(operator="x", boot_id=gas.boot_id, event_id=gas.event_id)
        shelved = Shelve(operator="x", hazard=Hazard.BATTERY, minutes=10)
        wire.asked += [PendingAnswer(acknowledge, ()), PendingAnswer(shelved, ())]

    def time_passes() -> None:
        clock.advance(1500)

    start = clock.time_ns()
    work([asks, blind(CameraState.STARTING), time_passes, blind(CameraState.STARTING), frame(20)])
    assert [ok for ok, _ in wire.replies] == [True, True]
    (acknowledged,) = wire.alerts(Revision.ACKNOWLEDGED)
    assert acknowledged.t_capture_utc_ns == start
    (shelving,) = wire.states()[-1].shelved
    assert shelving.t_until_utc_ns == start + 600 * SECOND


def plc_reports(wire: FakeWire, run: Literal["unknown", "stop", "run"]) -> Callable[[], None]:
    def report() -> None:
        now_ns = time.monotonic_ns()
        message = BeltFromPlc(
            source="PLC", run=run, encoder_counts=None, t_mono_ns=now_ns, age_ms=0
        )
        wire.belt_reports.append((message, now_ns))

    return report


def test_alarms_are_suppressed_while_the_plc_reports_a_stopped_belt(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    gas = passing()[8]
    steps: list[Step] = [plc_reports(wire, "stop")]
    for n in range(6):
        steps.append(frame(n, gas))
    work(steps, bright_objects)
    (raised,) = {alert.event_id for alert in wire.alerts(Revision.RAISED) if alert.hazard == "gas"}
    states = [alert.state for alert in wire.alerts() if alert.event_id == raised]
    assert set(states) == {AlarmState.SUPPRESSED}
    assert wire.states()[-1].speed_basis == "encoder"
    assert wire.states()[-1].belt_speed_mm_s == 0.0


def test_a_frame_uses_the_belt_report_that_arrived_just_before_it(
    work: Callable[..., list[str]], wire: FakeWire
) -> None:
    work([plc_reports(wire, "stop"), frame(0)])
    first = next(state for state in wire.states() if state.inferences)
    assert (first.speed_basis, first.belt_speed_mm_s) == ("encoder", 0.0)


def test_a_lost_encoder_degrades_vision(work: Callable[..., list[str]], wire: FakeWire) -> None:
    belt = PROFILE.belt.model_copy(update={"encoder_counts_per_mm": 10.0})
    log = work([frame(n) for n in range(60)], profile=PROFILE.model_copy(update={"belt": belt}))
    assert any("no encoder readings" in line for line in log)
    assert VisionState.DEGRADED in {state.vision for state in wire.states()}
