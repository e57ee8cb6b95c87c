from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.ground_truth import SCHEMA, GroundTruth, GroundTruthError, iou
from benchmarks.accuracy.passages import LineGroundTruth
from benchmarks.line_process import DEMO_CLIP, DEMO_LINE
from detector.ingest import Recording
from detector.profile.loading import load_profile
from tests.benchmarks.drawn_belt import FPS, truth_of

BOXES = st.tuples(*[st.floats(0, 500) for _ in range(2)], *[st.floats(1, 500) for _ in range(2)])


@given(a=BOXES, b=BOXES)
def test_iou_is_symmetric_and_between_0_and_1(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    first, second = ((x, y, x + w, y + h) for x, y, w, h in (a, b))
    assert 0 <= iou(first, second) <= 1
    assert iou(first, second) == pytest.approx(iou(second, first))
    assert iou(first, first) == pytest.approx(1)


def test_a_stretch_of_overload_ends_where_the_belt_is_clear_for_a_metre() -> None:
    truth = truth_of([], 500, overload=range(100, 140))
    assert truth.stretches("overload") == [(100, 139)]
    flickering = truth_of([], 500)
    for number in (*range(100, 120), *range(150, 160), *range(300, 310)):
        flickering.frames[number]["overload"] = True
    assert flickering.stretches("overload") == [(100, 159), (300, 309)]


def test_a_ground_truth_without_jam_records_has_no_jams() -> None:
    assert truth_of([]).stretches("jam") == []


def test_a_stopped_belt_counts_only_if_ordered_to_run_for_long_enough() -> None:
    truth = truth_of([], 500)
    for number in range(100, 300):
        truth.frames[number] |= {"belt_stopped": True, "run": number >= 200}
    assert truth.stretches("belt_stopped") == [(200, 299)]
    truth.frames[400] |= {"belt_stopped": True, "run": True}
    assert truth.stretches("belt_stopped")[0][0] == 200
    assert len(truth.stretches("belt_stopped")) == 1


def test_only_the_running_belt_counts_as_belt_time() -> None:
    assert truth_of([], 201).running_s() == pytest.approx(200 / FPS)
    assert truth_of([], 201, stopped=range(100)).running_s() == pytest.approx(100 / FPS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "no such file"),
        ("{", "not a truth file"),
        ("{}\n{}", "schema None"),
        (json.dumps({"schema": SCHEMA}), "contains no frame"),
        ("", "schema None"),
    ],
)
def test_an_unusable_ground_truth_is_a_one_line_error(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    path = tmp_path / "clip.truth.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(GroundTruthError, match=expected) as refused:
        GroundTruth.read(path)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.skipif(not (DEMO_CLIP / "demo.mp4").is_file(), reason="the demo clip is missing")
def test_the_bundled_clip_its_ground_truth_and_the_demo_line_match() -> None:
    truth = GroundTruth.read(DEMO_CLIP / "demo.truth.jsonl")
    profile = load_profile(DEMO_LINE)
    with Recording(profile.camera.source) as recording:
        assert recording.frame_count == len(truth.frames)
        assert recording.fps == truth.header["fps"]
        assert list(next(iter(recording)).size_px) == truth.header["size_px"]
    assert profile.belt.speed_mm_s == truth.header["speed_mm_s"]
    assert LineGroundTruth(truth, profile).passages
    assert truth.stretches("overload")
