from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.register_map import BeltWord, Mode, State, Status, encode_plc
from detector.vocabulary import BeltState
from detector.wire import samples
from detector.wire.messages import AlarmState, Alert, Hazard, Place, Priority, Revision
from tests.bridge.conftest import SEQ, HeardLine


def test_a_record_says_what_where_when_and_how_sure(watched: HeardLine) -> None:
    watched.alert()
    watched.later(120)
    record = watched.records[0]
    assert record == {
        "seq": SEQ + 1,
        "class": 1,
        "priority": 4,
        "alarm_state": 1,
        "x_mm": 412,
        "y_mm": 310,
        "probability": 910,
        "position": 20600,
        "eta_ms": 3200 - 120,
        "age_ms": 120,
        "track": 17,
        "flags": 1 | 2 | 1 << 8,
        "seq_again": (SEQ + 1) & 0xFFFF,
    }
    assert watched.read["top_priority"] == 4
    assert watched.read["last_seq"] == SEQ + 1


def acknowledged_after(line: HeardLine, seconds: float, **changes: Any) -> Alert:
    """A thing is seen, and a revision so long afterwards tells something else of it."""
    raised = line.alert(place=placed_at(samples.T_UTC_NS))
    line.later(seconds * 1000)
    arrivals = tuple(
        each.model_copy(update={"eta_ms": each.eta_ms - seconds * 1000}) for each in raised.arrivals
    )
    later = {"t_capture_utc_ns": raised.t_capture_utc_ns + round(seconds * 1e9)}
    return line.alert(place=raised.place, **{"arrivals": arrivals, **later, **changes})


def placed_at(t_utc_ns: int) -> Place:
    assert samples.ALERT.place is not None
    return samples.ALERT.place.model_copy(update={"t_utc_ns": t_utc_ns})


def test_a_record_s_position_is_of_when_it_lay_there_not_of_when_somebody_acknowledged_it(
    watched: HeardLine,
) -> None:
    for n in range(10):
        watched.later(10)
        watched.plc.write(100, encode_plc(plc_heartbeat=n, encoder=1000 + 40 * n), watched.now_ns)
    acknowledged_after(watched, 3, state=AlarmState.ACKNOWLEDGED)
    record = watched.records[0]
    assert (record["position"], record["alarm_state"]) == (1360, 2)
    assert (record["eta_ms"], record["age_ms"]) == (200, 3000)


def test_who_hears_of_it_by_such_a_revision_first_reckons_the_same(watched: HeardLine) -> None:
    for n in range(10):
        watched.later(10)
        watched.plc.write(100, encode_plc(plc_heartbeat=n, encoder=1000 + 40 * n), watched.now_ns)
    later = acknowledged_after(watched, 3)
    watched.say(later.model_copy(update={"event_id": "a2"}))
    first, second = watched.records[:2]
    for name in ("position", "eta_ms", "age_ms"):
        assert first[name] == second[name]


def test_what_a_restarted_detector_knows_no_arrival_of_arrives_all_the_same(
    watched: HeardLine,
) -> None:
    returned = AlarmState.RETURNED_UNACKNOWLEDGED
    acknowledged_after(watched, 3, arrivals=(), state=returned, hazard=Hazard.BATTERY)
    watched.look()
    assert watched.hazards[1] == 2
    assert watched.records[0]["eta_ms"] == 200


def test_an_alarm_on_the_line_has_no_place(watched: HeardLine) -> None:
    watched.alert(sample=samples.LINE_ALERT)
    record = watched.records[0]
    unknown = (-32768, -32768, 65535, 0xFFFF_FFFF, -32768)
    names = ("x_mm", "y_mm", "probability", "position", "eta_ms")
    assert tuple(record[name] for name in names) == unknown


def test_only_a_higher_priority_takes_a_record_that_is_not_free(watched: HeardLine) -> None:
    battery = samples.ALERT.model_copy(
        update={"hazard": Hazard.BATTERY, "priority": Priority.MEDIUM}
    )
    for n in range(4):
        watched.alert(f"b{n}", sample=battery)
    shown = [record["seq"] for record in watched.records]
    assert shown == [SEQ + 1, SEQ + 2, SEQ + 3]
    assert watched.read["status"] & Status.MORE_RECORDS
    watched.alert("gas")
    assert [record["class"] for record in watched.records].count(1) == 1
    gas = next(record for record in watched.records if record["class"] == 1)
    watched.plc.write(101, [gas["seq"] >> 16, gas["seq"] & 0xFFFF], watched.now_ns)
    assert sorted(record["seq"] for record in watched.records) == shown


def test_an_event_that_was_over_before_a_record_was_free_is_an_overrun(watched: HeardLine) -> None:
    for n in range(4):
        watched.alert(f"a{n}")
    assert watched.read["overruns"] == 0
    watched.alert("a3", kind=Revision.EXPIRED, state=AlarmState.NORMAL, arrivals=())
    assert watched.read["overruns"] == 1


def test_maintenance_hides_no_fault(watched: HeardLine) -> None:
    watched.plc.write(100, encode_plc(mode=Mode.MAINTENANCE), watched.now_ns)
    assert watched.read["state"] == State.MAINTENANCE
    watched.later(1000)
    assert watched.read["state"] == State.FAULT


@given(
    x_mm=st.floats(-1e6, 1e6) | st.none(),
    eta_ms=st.floats(-1e7, 1e7),
    track=st.integers(0, 10**7),
    later_ms=st.floats(0, 1e7),
    position=st.floats(-1e12, 1e12) | st.none(),
)
def test_any_event_fits_its_words(
    x_mm: float | None, eta_ms: float, track: int, later_ms: float, position: float | None
) -> None:
    line = HeardLine()
    place, arrival = samples.ALERT.place, samples.ALERT.arrivals[0]
    assert place is not None
    line.alert(
        place=place.model_copy(update={"x_mm": x_mm, "belt_position_mm": position}),
        arrivals=(arrival.model_copy(update={"eta_ms": eta_ms}),),
        track=track,
    )
    line.later(later_ms)
    assert all(0 <= word <= 0xFFFF for word in line.words())
    record = line.records[0]
    assert (record["x_mm"] == -32768) is (x_mm is None)
    assert record["eta_ms"] != -32768
    assert record["seq_again"] == record["seq"] & 0xFFFF


@pytest.mark.parametrize("state", get_args(BeltState))
def test_each_state_of_the_belt_has_its_word_and_none_is_told_by_the_blind(
    watched: HeardLine, state: str
) -> None:
    watched.state(belt_state=state)
    watched.look()
    assert BeltWord(watched.read["belt_state"]).name == state.upper()
    watched.later(5_000)
    assert watched.read["belt_state"] == BeltWord.UNKNOWN
