from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.matching import match_alerts
from benchmarks.accuracy.report import markdown, summary, trade_text, trades_of
from benchmarks.accuracy.tally import size_band, tally, visible_band
from calibration.operating_point import CurvePoint
from tests.benchmarks.drawn_belt import alert, box_of, ground_of, placed_object

CELL = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50, width_mm=14)
BUTTON = placed_object(
    2, "button_cell", "battery", -200, 300, length_mm=12, width_mm=12, visible=0.6
)
BOTTLE = placed_object(3, "gas_bottle", "gas_canister", 0, 450, length_mm=300, visible=0.4)
EVALUATION = match_alerts(
    [
        alert(box_of(CELL, 20), 20, "battery"),
        alert(box_of(CELL, 40), 40, "battery", "a2"),
        alert((600, 20, 650, 60), 40, "gas_canister", "a3"),
    ],
    ground_of(CELL, BUTTON, BOTTLE),
)


def test_hazards_are_counted_by_class_kind_size_and_visibility() -> None:
    figures = tally([EVALUATION, EVALUATION])
    cells = {
        (cell["class"], cell["kind"], cell["size"], cell["visible"]): (cell["right"], cell["total"])
        for cell in figures["recall_by"]
    }
    assert cells == {
        ("battery", "aa_cell", "50-100 mm", "75-100 %"): (2, 2),
        ("battery", "button_cell", "0-20 mm", "50-75 %"): (0, 2),
        ("gas_canister", "gas_bottle", "200+ mm", "25-50 %"): (0, 2),
    }
    headline = figures["recall"]["battery"]
    assert (headline["all"]["right"], headline["all"]["total"]) == (2, 4)
    assert headline["20 mm or longer"]["total"] == 2
    assert "gas_canister" not in figures["recall"]  # less than half visible


def test_false_alarms_are_a_rate_per_hour_of_running_belt_with_an_upper_bound() -> None:
    figures = tally([EVALUATION])
    gas = figures["false_alarms"]["gas"]
    hours = 199 / 20 / 3600
    assert gas["count"] == 1
    assert gas["per_h"] == pytest.approx(1 / hours, rel=1e-3)
    assert gas["upper_per_h"] == pytest.approx(4.744 / hours, rel=1e-3)
    assert figures["false_alarms"]["battery"]["count"] == 0
    assert figures["duplicates"] == {"count": 1, "per_object": 1.0}


def test_harmless_objects_are_counted_if_they_pass_and_if_they_are_alarmed() -> None:
    torches = [
        placed_object(10 + n, "torch", None, at_mm, 500, length_mm=120, width_mm=30)
        for n, at_mm in enumerate((-100, -400, -1e6))  # the last never passes
    ]
    ground = ground_of(CELL, *torches)
    evaluation = match_alerts([alert(box_of(torches[0], 40), 40, "battery")], ground)
    figures = tally([evaluation, evaluation])["harmless"]
    assert figures == {"passed": 4, "alarmed": 2, "kinds": {"torch": [2, 4]}}


def test_the_report_shows_figures_targets_and_sheets() -> None:
    figures = tally([EVALUATION])
    figures |= {
        "vigitri": "0",
        "date": "2026-01-01",
        "model": "test-n1",
        "model_sha256": "ab" * 32,
        "line": "drawn",
        "thresholds": {"battery": 0.4},
        "tracking": {"hits": 3, "passes": 5},
        "footage": [
            {
                "name": "drawn",
                "passes": 200,
                "passes_per_s": 20,
                "belt_h": 0.003,
                "footage_sha256": "cd" * 32,
            }
        ],
        "curves": {},
        "trades": [],
        "plots": [],
        "sheets": ["misses.png"],
    }
    text = markdown(figures, "| duplicates |")
    assert "## Targets\n\n| duplicates |" in text
    assert "| battery | 50-100 mm |  |  |  | 1 of 1 (1.00, 0.03 to 1.00) |" in text
    assert "1 on bare belt" in text
    assert "![misses.png](misses.png)" in text
    assert "recall battery: 1 of 2" in summary(figures)


def test_recall_is_shown_with_the_upper_bound_of_its_false_alarm_rate() -> None:
    curves = {"battery": [CurvePoint(0.3, 9, 10, 4), CurvePoint(0.6, 5, 10, 0)]}
    strict, *_, lax = trades_of(curves, 0.1)
    assert strict["counted_per_h"] == 0
    assert strict["upper_per_h"] == pytest.approx(29.957, abs=0.01)
    assert lax["classes"]["battery"]["right"] == 9
    assert trade_text(strict).endswith("; 0 counted, upper bound 30")


@given(st.floats(0, 5000))
def test_every_length_is_in_its_band(length_mm: float) -> None:
    low, _, high = size_band(length_mm).removesuffix(" mm").removesuffix("+").partition("-")
    assert float(low) <= length_mm < float(high or "inf")


@given(st.floats(0, 1))
def test_every_share_is_in_its_quarter(visible: float) -> None:
    low, high = visible_band(visible).removesuffix(" %").split("-")
    assert float(low) <= 100 * visible <= float(high)
