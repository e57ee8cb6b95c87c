from __future__ import annotations

from benchmarks.speed.shared_services import measure


def test_a_bridge_and_a_station_are_measured_with_several_lines() -> None:
    row = measure(2, 1.0)
    assert row["lines"] == 2
    assert row["replies"] > 0
    assert 0 < row["reply_p50_ms"] <= row["reply_p99_ms"]
    assert row["bridge_mib"] > 0
    assert row["station_mib"] > 0
