from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.runtime.latency import Histogram, Pace
from detector.wire.messages import LATENCY_BOUNDS_MS

MS = 1_000_000


def durations(*values_ms: float) -> np.ndarray:
    return np.array(values_ms, dtype=np.float32)


@given(st.lists(st.lists(st.floats(0.0625, 4096, width=32), min_size=1), min_size=1))
def test_buckets_rise_and_add_up_to_all_durations_since_the_start(
    periods: list[list[float]],
) -> None:
    histogram = Histogram()
    for period in periods:
        histogram.add(durations(*period))
    times = histogram.times("model", durations(*periods[-1]))
    everything = np.concatenate([durations(*period) for period in periods])
    assert list(times.buckets) == sorted(times.buckets)
    assert times.buckets[-1] == times.total == len(everything)
    assert times.sum_ms == pytest.approx(float(everything.sum(dtype=np.float64)), abs=1e-3)
    for bound, upto in zip(LATENCY_BOUNDS_MS, times.buckets, strict=False):
        assert upto == np.count_nonzero(everything <= bound)


def test_a_duration_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram()
    histogram.add(durations(50.0))
    buckets = histogram.times("model", durations(50.0)).buckets
    assert dict(zip(LATENCY_BOUNDS_MS, buckets, strict=False))[50.0] == 1
    assert dict(zip(LATENCY_BOUNDS_MS, buckets, strict=False))[40.0] == 0


def test_frames_in_which_a_stage_did_not_run_are_not_in_its_histogram() -> None:
    histogram = Histogram()
    histogram.add(durations(0, 0, 3))
    times = histogram.times("model", durations(0, 0, 3))
    assert (times.total, times.count) == (1, 3)


def test_frames_per_second_are_those_of_the_last_two_seconds() -> None:
    pace = Pace()
    assert pace.frames_per_s(0) is None
    for index in range(100):
        pace.frame_processed(index * 100 * MS, index * 100 * MS, inferred=False)
    assert pace.frames_per_s(99 * 100 * MS) == 10
    assert pace.frames_per_s(101 * 100 * MS) == 9
    assert pace.frames_per_s(200 * 100 * MS) == 0


def test_the_camera_ages_since_the_capture_of_its_last_frame() -> None:
    pace = Pace()
    assert pace.camera_age_ms(7 * MS) is None
    pace.frame_processed(130 * MS, 100 * MS, inferred=False)
    assert pace.camera_age_ms(150 * MS) == 50


def test_latencies_are_those_of_frames_with_an_inference_pass() -> None:
    pace = Pace()
    assert (pace.latency_p99_ms, pace.report()) == (None, None)
    pace.frame_processed(900 * MS, 0, inferred=False)
    for latency_ms in (20, 30, 40):
        pace.frame_processed(latency_ms * MS, 0, inferred=True)
    assert pace.latency_p99_ms == pytest.approx(39.8)
    report = pace.report()
    assert report is not None
    assert (report.count, report.total, report.max_ms, report.sum_ms) == (3, 3, 40, 90)


def test_a_report_has_the_latencies_since_the_last_one_and_all_of_them_in_its_histogram() -> None:
    pace = Pace()
    for latency_ms in (20, 30):
        pace.frame_processed(latency_ms * MS, 0, inferred=True)
    pace.report()
    assert pace.report() is None
    pace.frame_processed(70 * MS, 0, inferred=True)
    report = pace.report()
    assert report is not None
    assert (report.count, report.p50_ms, report.total) == (1, 70, 3)
