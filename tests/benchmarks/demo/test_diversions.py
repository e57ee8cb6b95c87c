from __future__ import annotations

from typing import Any

from benchmarks.accuracy.ground_truth import GroundTruth
from benchmarks.demo.diversions import evaluate_log

START_MM = 137.0
"""Belt position of the clip when the PLC was switched on."""
EJECTOR_MM = 4000.0


def truth(*objects: tuple[int, str, float, float]) -> GroundTruth:
    """The truth with these hazards: id, class, position along and across the belt."""
    shown = [{"id": key, "kind": kind, "class": kind, "visible": 1.0} for key, kind, *_ in objects]
    header = {
        "objects": [
            {"id": key, "class": kind, "at_mm": at_mm, "x_mm": x_mm}
            for key, kind, at_mm, x_mm in objects
        ]
    }
    return GroundTruth(header, [{"objects": shown, "overload": False}])


def taken(seq: int, kind: str, at_mm: float, x_mm: float, *, open_for: float | None) -> list[Any]:
    """Log entries of one object. open_for: mm before and after it for which the flap was open."""
    position = round((at_mm - START_MM + 500) * 10)
    log: list[Any] = [
        {
            "event": "taken",
            "seq": seq,
            "kind": kind,
            "x_mm": x_mm,
            "y_mm": 500,
            "position": position,
        }
    ]
    if open_for is not None:
        comes = (at_mm - START_MM + EJECTOR_MM) * 10
        log += [
            {"event": "divert", "seq": seq, "open_at": comes - open_for * 10},
            {"event": "diverted", "seq": seq, "closed_at": comes + abs(open_for) * 10},
        ]
    return log


TOTALS = {
    "totals": {
        "seconds": 60.0,
        "counts_per_mm": 10,
        "ejector_y_mm": EJECTOR_MM,
        "watched": True,
        "before_watched_s": 3.0,
        "unwatched_s": 0.5,
    }
}
THINGS = (
    (1, "battery", 1000.0, 200.0),
    (2, "battery", 2500.0, 300.0),
    (3, "gas_canister", 3900.0, 100.0),
    (4, "battery", 9000.0, 500.0),
)


def test_each_hazard_is_diverted_late_or_missed_for_any_start_of_the_plc() -> None:
    log = [
        *taken(11, "battery", 1010.0, 205.0, open_for=200),
        *taken(12, "battery", 2490.0, 290.0, open_for=200),
        *taken(13, "gas", 3905.0, 110.0, open_for=-20),  # reported after it had passed
        *taken(14, "battery", 6000.0, 50.0, open_for=200),
        TOTALS,
    ]
    result = evaluate_log(log, truth(*THINGS))
    assert result.diverted == {1: "battery", 2: "battery"}
    assert result.late == {3: "gas_canister"}
    assert result.missed == {4: "battery"}
    assert result.of_nothing == 1
    assert result.summary() == (
        "plc       diverted in time: 2 of 4 hazards (2 of 3 battery, 0 of 1 gas_canister); 1 too "
        "late, 1 never reported, 0 by chance; "
        "1 diversions without a hazard; vision unavailable for 0.5 s"
    )


def test_a_hazard_diverted_by_chance_is_counted_separately() -> None:
    log = [
        *taken(11, "battery", 1000.0, 200.0, open_for=200),
        *taken(
            12, "battery", 2400.0, 20.0, open_for=200
        ),  # without a hazard, 100 mm before a battery
        *taken(13, "battery", 3900.0, 100.0, open_for=200),  # the gas, alarmed as a battery
        TOTALS,
    ]
    result = evaluate_log(log, truth(*THINGS))
    assert result.diverted == {1: "battery", 3: "gas_canister"}
    assert result.by_chance == {2: "battery"}
    assert result.of_nothing == 1


def test_a_plc_that_took_no_record_diverted_nothing() -> None:
    result = evaluate_log([TOTALS], truth(*THINGS))
    assert len(result.missed) == 4
    assert result.diverted == {}


def test_unwatched_time_after_the_clip_does_not_count() -> None:
    def changes(*moments: float) -> list[Any]:
        names = ("watched", "not watched")
        return [{"event": names[i % 2], "t_ms": t_ms} for i, t_ms in enumerate(moments)]

    def unwatched_s(log: list[Any], seconds: float) -> float:
        totals = {**TOTALS["totals"], "unwatched_s": seconds}
        return evaluate_log([*log, {"totals": totals}], truth(*THINGS)).unwatched_s

    assert unwatched_s(changes(3000, 10000, 10250, 48000), 12.25) == 0.25
    assert unwatched_s(changes(3000, 10000, 10250), 0.25) == 0.25
    never = {**TOTALS["totals"], "watched": False}
    assert evaluate_log([{"totals": never}], truth(*THINGS)).unwatched_s == 60
