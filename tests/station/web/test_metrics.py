"""`/metrics` and the health of the station."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from detector.wire import samples
from tests.station.web.running_station import Browser, Event, wait_for
from tests.station.web.scripted_line import LINE, ScriptedLine


def values(browser: Browser) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and labels, these in the order of their names."""
    families = text_string_to_metric_families(browser.get("/metrics").text)
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_states_alarms_and_histograms_are_metrics(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.publish(samples.METRICS.model_copy(update={"line": LINE}))
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    found = values(browser)
    assert found["vigitri_vision", (LINE, "ready")] == 1
    assert found["vigitri_vision", (LINE, "unavailable")] == 0
    assert found["vigitri_open_alarms", ("gas", LINE)] == 1
    assert found["vigitri_alarms_raised_total", ("gas", LINE)] == 1
    stage = samples.METRICS.stages[0]
    assert found["vigitri_stage_seconds_count", (LINE, stage.stage)] == stage.total
    assert found["vigitri_stage_seconds_bucket", ("0.03", LINE, stage.stage)] == stage.buckets[5]
    assert found["vigitri_stage_seconds_bucket", ("+Inf", LINE, stage.stage)] == stage.total
    assert found["vigitri_pages", ()] == 1


def test_the_station_is_ready_while_its_detector_is_heard(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    assert browser.get("/health/live").json() == {"live": True}
    assert browser.get("/health/ready").json()["problems"] == []
    line.silent.set()
    wait_for(events, "line", lambda status: status["stale_ms"] > 3000)
    silent = browser.get("/health/ready")
    assert silent.status_code == 503
    assert silent.json()["problems"][0].startswith(f"{LINE}: no heartbeat")
