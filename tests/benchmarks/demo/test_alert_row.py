"""The demo's line for one alert."""

from __future__ import annotations

from benchmarks.demo.alert_row import COLUMNS, alert_row
from detector.wire import samples
from detector.wire.messages import AlarmState


def test_a_row_has_time_hazard_probability_place_deadline_and_latency() -> None:
    row = alert_row(samples.ALERT, 23.4)
    for part in (
        "HIGH",
        "gas",
        "gas_bottle 0.91",
        "x 412 mm",
        "picker-1 in 2.4 s",
        "calls",
        "23 ms",
    ):
        assert part in row


def test_a_row_fits_its_columns_whatever_the_alert() -> None:
    wordy = samples.LINE_ALERT.model_copy(
        update={"detail": "coverage " * 30, "state": AlarmState.RETURNED_UNACKNOWLEDGED}
    )
    for alert in (samples.ALERT, wordy):
        assert len(alert_row(alert, 12_345.0)) <= COLUMNS
