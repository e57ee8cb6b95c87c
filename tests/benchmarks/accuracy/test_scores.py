from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.accuracy.matching import Evaluation, match_alerts
from benchmarks.accuracy.scores import _figures, _tracks, _within
from benchmarks.accuracy.sweep import curves
from benchmarks.accuracy.tally import tally
from calibration.operating_point import CurvePoint
from detector.vision.catalogue import find_model
from detector.wire.messages import Alert, Hazard
from tests.benchmarks.drawn_belt import alert, box_of, ground_of, overload, placed_object

CELL = placed_object(1, "aa_cell", "battery", -200, 150, length_mm=50, width_mm=14)


class FixedFootage:
    """Footage with the same alerts at all thresholds."""

    def __init__(self, *alerts: Alert) -> None:
        self._alerts = alerts

    def evaluate(self, _: Mapping[str, float]) -> tuple[Evaluation, Sequence[Alert]]:
        return match_alerts(self._alerts, ground_of(CELL)), self._alerts


def test_a_second_track_of_the_wrong_class_counts_as_wrong() -> None:
    footage: Any = [
        FixedFootage(
            alert(box_of(CELL, 20), 20, "battery"),
            alert(box_of(CELL, 40), 40, "gas_canister", "a2"),
        )
    ]
    model = find_model("vigitri-n7")
    assert _tracks(footage, model, "battery")[1].tolist() == [True]
    assert _tracks(footage, model, "gas_canister")[1].tolist() == [False]


def test_false_alarms_of_every_state_of_the_line_count_against_the_budget() -> None:
    footage: Any = [FixedFootage(*(overload(20, hazard.value, hazard=hazard) for hazard in (
        Hazard.OVERLOAD, Hazard.JAM, Hazard.BELT_STOPPED
    )))]  # fmt: skip
    in_use = tally([each.evaluate({})[0] for each in footage])
    best, _ = _within(footage, footage, {"battery": [CurvePoint(0.5, 1, 1, 0)]}, 1.0, in_use)
    assert best.false_alarms == 3


def test_hazards_count_on_all_footage_and_false_alarms_on_the_plant_s_alone() -> None:
    stress: Any = FixedFootage(
        alert(box_of(CELL, 20), 20, "battery"),
        *(overload(20, hazard.value, hazard=hazard) for hazard in (Hazard.OVERLOAD, Hazard.JAM)),
    )
    plant: Any = FixedFootage()
    figures = _figures([stress, plant], [plant], {})
    assert figures["recall"]["battery"]["all"]["total"] == 2
    assert figures["false_alarms"]["all"]["count"] == 0
    assert figures["belt_h"] == tally([plant.evaluate({})[0]])["belt_h"]
    model = find_model("vigitri-n7")
    swept = curves([stress, plant], model, lambda *_: None, (0.5,), false_on=[plant])
    assert swept["battery"] == [CurvePoint(0.5, 1, 2, 0)]
    wrong: Any = FixedFootage(alert((5, 5, 25, 15), 20, "battery"))
    for false_on, count in ((None, 1), ([wrong], 1), ([plant], 0)):
        both = curves([wrong, plant], model, lambda *_: None, (0.5,), false_on=false_on)
        assert both["battery"][0].false_alarms == count
