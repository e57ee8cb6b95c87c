from __future__ import annotations

import pytest

from detector.runtime import stage_timer
from detector.runtime.stage_timer import StageTimer


class TimerByReadings(StageTimer):
    """A timer whose clock gives these readings, in ms."""

    def __init__(self, stages: tuple[str, ...]) -> None:
        self.readings_ms: list[int] = [0]
        super().__init__(stages, self._reading_ns)

    def _reading_ns(self) -> int:
        return (self.readings_ms.pop(0) if self.readings_ms else 0) * 1_000_000


def test_each_stage_gets_the_time_since_the_previous_one() -> None:
    timer = TimerByReadings(("view", "model"))
    timer.readings_ms[:] = [100, 103, 120]
    lap = timer.start()
    lap("view")
    lap("model")
    timer.readings_ms[:] = [1000]
    period_s, (view, model) = timer.report()
    assert period_s == 1.0
    assert (view.stage, view.count, view.p50_ms, view.max_ms) == ("view", 1, 3.0, 3.0)
    assert (model.stage, model.p99_ms) == ("model", 17.0)


def test_a_report_resets_the_timer() -> None:
    timer = TimerByReadings(("view",))
    timer.readings_ms[:] = [0, 5]
    timer.start()("view")
    timer.readings_ms[:] = [10]
    timer.report()
    timer.readings_ms[:] = [30]
    assert timer.report() == (0.02, ())


def test_percentiles_are_over_the_frames_of_the_period() -> None:
    timer = TimerByReadings(("view",))
    for lasts_ms in range(1, 101):
        timer.readings_ms[:] = [0, lasts_ms]
        timer.start()("view")
    _, (view,) = timer.report()
    assert (view.count, view.p50_ms, view.p95_ms, view.max_ms) == (100, 50.5, 95.05, 100.0)


def test_only_the_last_frames_of_a_long_period_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage_timer, "_KEPT", 4)
    timer = TimerByReadings(("view",))
    for lasts_ms in (90, 80, 3, 4, 1, 2):
        timer.readings_ms[:] = [0, lasts_ms]
        timer.start()("view")
    _, (view,) = timer.report()
    assert (view.count, view.max_ms) == (4, 4.0)


def test_each_frames_times_can_be_read_by_stage() -> None:
    timer = TimerByReadings(("view", "model"))
    for view_ms, model_ms in ((3, 17), (4, 0)):
        timer.readings_ms[:] = [0, view_ms, view_ms + model_ms]
        lap = timer.start()
        lap("view")
        lap("model")
    assert timer.laps_ms("view").tolist() == [3, 4]
    assert timer.laps_ms("model").tolist() == [17, 0]
