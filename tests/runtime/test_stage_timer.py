from __future__ import annotations

import pytest

from detector.runtime import stage_timer as stage_clock
from detector.runtime.stage_timer import StageTimer


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock shows what the list holds, one reading after the other (ms)."""
    readings: list[int] = [0]
    monkeypatch.setattr(
        stage_clock.time, "monotonic_ns", lambda: (readings.pop(0) if readings else 0) * 1_000_000
    )
    return readings


def test_each_stage_gets_the_time_since_the_one_before(passes: list[int]) -> None:
    clock = StageTimer(("view", "model"))
    passes[:] = [100, 103, 120]
    lap = clock.start()
    lap("view")
    lap("model")
    passes[:] = [1000]
    period_s, (view, model) = clock.report()
    assert period_s == 1.0
    assert (view.stage, view.count, view.p50_ms, view.max_ms) == ("view", 1, 3.0, 3.0)
    assert (model.stage, model.p99_ms) == ("model", 17.0)


def test_a_report_starts_anew(passes: list[int]) -> None:
    clock = StageTimer(("view",))
    passes[:] = [0, 5]
    clock.start()("view")
    passes[:] = [10]
    clock.report()
    passes[:] = [30]
    assert clock.report() == (0.02, ())


def test_percentiles_are_over_the_frames_of_the_period(passes: list[int]) -> None:
    clock = StageTimer(("view",))
    for lasts_ms in range(1, 101):
        passes[:] = [0, lasts_ms]
        clock.start()("view")
    _, (view,) = clock.report()
    assert (view.count, view.p50_ms, view.p95_ms, view.max_ms) == (100, 50.5, 95.05, 100.0)


def test_of_a_long_period_the_last_frames_are_kept(
    passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_clock, "_KEPT", 4)
    clock = StageTimer(("view",))
    for lasts_ms in (90, 80, 3, 4, 1, 2):
        passes[:] = [0, lasts_ms]
        clock.start()("view")
    _, (view,) = clock.report()
    assert (view.count, view.max_ms) == (4, 4.0)
