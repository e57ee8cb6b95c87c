from __future__ import annotations

from detector.station.store import BlindTime, Store
from detector.vocabulary import AlarmState, Hazard, Outcome, Revision
from tests.station.store.conftest import HOUR_NS, LINE, T_NS, Filled, alert, closed

S_NS = 10**9
WEEK = (T_NS, T_NS + 7 * 24 * HOUR_NS)


def test_rates_count_alerts_and_those_that_called(filled: Filled) -> None:
    suppressed = {"hazard": Hazard.BATTERY, "state": AlarmState.SUPPRESSED}
    filled.add(
        alert("g1"),
        alert("b1", **suppressed),
        alert("b2", **suppressed),
        alert("b3", at_ns=T_NS + HOUR_NS, **suppressed),
    )
    hour_ns = T_NS - T_NS % HOUR_NS
    counts = filled.store.rates(LINE, *WEEK)
    assert [(each.t_from_ns, each.hazard, each.alerts, each.calls) for each in counts] == [
        (hour_ns, "battery", 2, 0),
        (hour_ns, "gas", 1, 1),
        (hour_ns + HOUR_NS, "battery", 1, 0),
    ]
    assert sum(each.alerts for each in filled.store.rates(None, *WEEK, by="day")) == 4


def test_an_answer_time_runs_from_the_call_to_the_first_answer(filled: Filled) -> None:
    filled.add(
        alert("a1", 1, state=AlarmState.SUPPRESSED),
        alert("a1", 2),
        alert("a1", 9, kind=Revision.ACKNOWLEDGED, state=AlarmState.ACKNOWLEDGED),
        closed("a1", 20, outcome=Outcome.REMOVED),
        alert("a2"),
    )
    (time,) = filled.store.answer_times(LINE, *WEEK)
    assert (time.event_id, time.answer_s) == ("a1", 7.0)


def test_false_alarms_are_counted_by_what_they_were_raised_as(filled: Filled) -> None:
    filled.answered("a1", Outcome.FALSE_ALARM, class_name="aerosol")
    filled.answered("a2", Outcome.FALSE_ALARM, class_name="aerosol")
    filled.answered("a3", Outcome.REMOVED, class_name="gas_bottle")
    rows = filled.store.false_alarms_by_kind(None, *WEEK)
    assert [(each.kind, each.removed, each.false_alarm) for each in rows] == [
        ("aerosol", 0, 2),
        ("gas_bottle", 1, 0),
    ]


def record(store: Store, *states: tuple[int, str, str]) -> None:
    for second, vision, reason in states:
        store.record_state(LINE, T_NS + second * S_NS, vision, reason)


def blind(store: Store) -> list[tuple[float, float, str, str]]:
    def second(each: BlindTime) -> tuple[float, float, str, str]:
        since, until = ((t_ns - T_NS) / S_NS for t_ns in (each.since, each.until))
        return since, until, each.vision, each.reason

    return [second(each) for each in store.blind_times(LINE, *WEEK)]


def test_a_blind_time_lasts_until_the_belt_is_watched_again(store: Store) -> None:
    record(
        store,
        (0, "ready", ""),
        (5, "ready", ""),
        (7, "unavailable", "no frame for 1.0 s"),
        (8, "unavailable", "no frame for 2.0 s"),
        (12, "degraded", "late"),
        (15, "ready", ""),
    )
    assert blind(store) == [(7, 12, "unavailable", "no frame for 1.0 s")]


def test_a_time_in_which_nothing_was_recorded_is_not_a_watched_one(store: Store) -> None:
    record(store, (0, "ready", ""), (5, "ready", ""), (300, "ready", ""), (305, "ready", ""))
    assert blind(store) == [(5, 300, "unknown", "the station did not record")]


def test_a_blind_time_is_cut_to_the_period_that_is_asked_for(store: Store) -> None:
    record(store, (0, "unavailable", "camera lost"), (50, "ready", ""))
    (time,) = store.blind_times(LINE, T_NS + 10 * S_NS, T_NS + 20 * S_NS)
    assert (time.since, time.until) == (T_NS + 10 * S_NS, T_NS + 20 * S_NS)
