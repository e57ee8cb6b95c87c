from __future__ import annotations

import pytest

from detector.runtime import stage_timer
from detector.runtime.stage_timer import StageTimer


@pytest.fixture
def readings_ms(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock's next readings, in ms."""
    readings: list[int] = [0]
    monkeypatch.setattr(
        stage_timer.time, "monotonic_ns", lambda: (readings.pop(0) if readings else 0) * 1_000_000
    )
    return readings


def test_each_stage_gets_the_time_since_the_previous_one(readings_ms: list[int]) -> None:
    timer = StageTimer(("view", "model"))
    readings_ms[:] = [100, 103, 120]
    lap = timer.start()
    lap("view")
    lap("model")
    readings_ms[:] = [1000]
    period_s, (view, model) = timer.report()
    assert period_s == 1.0
    assert (view.stage, view.count, view.p50_ms, view.max_ms) == ("view", 1, 3.0, 3.0)
    assert (model.stage, model.p99_ms) == ("model", 17.0)


def test_a_report_resets_the_timer(readings_ms: list[int]) -> None:
    timer = StageTimer(("view",))
    readings_ms[:] = [0, 5]
    timer.start()("view")
    readings_ms[:] = [10]
    timer.report()
    readings_ms[:] = [30]
    assert timer.report() == (0.02, ())


def test_percentiles_are_over_the_frames_of_the_period(readings_ms: list[int]) -> None:
    timer = StageTimer(("view",))
    for lasts_ms in range(1, 101):
        readings_ms[:] = [0, lasts_ms]
        timer.start()("view")
    _, (view,) = timer.report()
    assert (view.count, view.p50_ms, view.p95_ms, view.max_ms) == (100, 50.5, 95.05, 100.0)


def test_only_the_last_frames_of_a_long_period_are_kept(
    readings_ms: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_timer, "_KEPT", 4)
    timer = StageTimer(("view",))
    for lasts_ms in (90, 80, 3, 4, 1, 2):
        readings_ms[:] = [0, lasts_ms]
        timer.start()("view")
    _, (view,) = timer.report()
    assert (view.count, view.max_ms) == (4, 4.0)
