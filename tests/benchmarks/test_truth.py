from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.line_process import DEMO_CLIP, DEMO_LINE
from benchmarks.truth import SLACK_FRAMES, Truth, iou, judge
from calibration.profile_file import load_profile
from detector.ingest import Recording
from detector.wire import samples
from detector.wire.messages import Alert, Hazard, Revision

GAS_BOX = (100.0, 100.0, 200.0, 160.0)
CELL_BOX = (300.0, 100.0, 350.0, 114.0)
FRAMES = 200


def thing(number: int, class_name: str | None, box: tuple[float, ...], visible: float = 1.0) -> Any:
    return {
        "id": number,
        "kind": f"kind {number}",
        "class": class_name,
        "box_px": list(box),
        "visible": visible,
    }


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    """A gas bottle and a cell from start to end, a tin, a buried cell; overload from 50 to 60."""
    lines: list[Any] = [{"fps": 30}]
    for number in range(FRAMES):
        objects = [
            thing(1, "gas_canister", GAS_BOX),
            thing(2, "battery", CELL_BOX, visible=0.2 if number < 5 else 0.9),
            thing(3, None, (400, 100, 500, 200)),
            thing(4, "battery", (600, 100, 650, 114), visible=0.1),
        ]
        lines.append({"frame": number, "objects": objects, "overload": 50 <= number <= 60})
    path = tmp_path / "truth.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return Truth.read(path)


def alert(
    box: tuple[float, ...], class_name: str = "gas_canister", *, frame: int = 10, **changes: Any
) -> Alert:
    place = samples.ALERT.place
    assert place is not None
    changes["place"] = place.model_copy(update={"box_px": box, "frame_index": frame})
    return samples.ALERT.model_copy(update={"class_name": class_name, **changes})


def overload(frame: int) -> Alert:
    return samples.LINE_ALERT.model_copy(
        update={"hazard": Hazard.OVERLOAD, "frame_index": frame, "event_id": f"o{frame}"}
    )


def test_an_object_counts_once_half_of_it_was_to_be_seen(truth: Truth) -> None:
    assert set(truth.objects()) == {1, 2}


def test_each_alert_finds_the_object_under_its_box(truth: Truth) -> None:
    verdict = judge([alert((105, 98, 205, 160)), alert(CELL_BOX, "battery", event_id="b")], truth)
    assert verdict.found == {1: "e-17", 2: "b"}
    assert (verdict.missed, verdict.false_alarms, verdict.duplicates) == ({}, [], [])


def test_what_no_alert_found_was_missed(truth: Truth) -> None:
    assert judge([], truth).missed == {1: "kind 1", 2: "kind 2"}


def test_a_second_alert_on_one_object_is_a_duplicate_and_a_revision_is_none(truth: Truth) -> None:
    again = alert(GAS_BOX, event_id="again")
    updated = alert(GAS_BOX, kind=Revision.UPDATED, revision=2)
    verdict = judge([alert(GAS_BOX), updated, again], truth)
    assert verdict.duplicates == ["again"]


@pytest.mark.parametrize(
    "wrong",
    [
        alert((700, 300, 800, 400)),  # on nothing
        alert((400, 100, 500, 200)),  # on a tin
        alert(CELL_BOX, "gas_canister"),  # on a cell, taken for a gas bottle
        alert(GAS_BOX, frame=FRAMES + 5),  # after the end
    ],
)
def test_an_alert_on_something_else_is_false(truth: Truth, wrong: Alert) -> None:
    verdict = judge([wrong], truth)
    assert verdict.false_alarms == ["e-17"]
    assert verdict.found == {}


def test_an_alert_on_a_buried_hazard_is_neither_found_nor_false(truth: Truth) -> None:
    verdict = judge([alert((600, 100, 650, 114), "battery")], truth)
    assert (verdict.found, verdict.false_alarms) == ({}, [])


def test_lost_sight_is_no_false_alarm_on_the_belt(truth: Truth) -> None:
    lost = overload(5).model_copy(update={"hazard": Hazard.VISION_UNAVAILABLE})
    assert judge([lost], truth).false_alarms == []


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (49 - SLACK_FRAMES, 0),
        (50 - SLACK_FRAMES, 1),
        (60 + SLACK_FRAMES, 1),
        (61 + SLACK_FRAMES, 0),
    ],
)
def test_an_overload_alert_belongs_to_the_stretch_that_it_is_near(
    truth: Truth, frame: int, found: int
) -> None:
    verdict = judge([overload(frame)], truth)
    assert (verdict.overloads, verdict.overloads_found) == (1, found)
    assert len(verdict.false_alarms) == 1 - found


BOXES = st.tuples(*[st.floats(0, 500) for _ in range(2)], *[st.floats(1, 500) for _ in range(2)])


@given(a=BOXES, b=BOXES)
def test_overlap_is_a_share_and_the_same_both_ways(
    a: tuple[float, ...], b: tuple[float, ...]
) -> None:
    first, second = ((x, y, x + w, y + h) for x, y, w, h in (a, b))
    assert 0 <= iou(first, second) <= 1
    assert iou(first, second) == pytest.approx(iou(second, first))
    assert iou(first, first) == pytest.approx(1)


@pytest.mark.skipif(not (DEMO_CLIP / "demo.mp4").is_file(), reason="the clip is not here")
def test_the_bundled_clip_its_truth_and_the_demo_line_belong_together() -> None:
    truth = Truth.read(DEMO_CLIP / "demo.truth.jsonl")
    profile = load_profile(DEMO_LINE)
    with Recording(profile.camera.source) as recording:
        assert recording.frame_count == len(truth.frames)
        assert recording.fps == truth.header["fps"]
        assert list(next(iter(recording)).size_px) == truth.header["size_px"]
    assert profile.belt.speed_mm_s == truth.header["speed_mm_s"]
    assert truth.objects()
    assert truth.overload_intervals()
