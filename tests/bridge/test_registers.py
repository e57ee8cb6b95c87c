from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bridge.register_map import encode_plc
from detector.bridge.register_words import BeltWord, Mode, Status, VisionWord
from detector.vocabulary import BeltState
from detector.wire import samples
from detector.wire.messages import AlarmState, Alert, Hazard, Place, Priority, Revision
from tests.bridge.conftest import SEQ, SimulatedLine


def test_a_record_has_class_place_time_and_probability(watched: SimulatedLine) -> None:
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


def acknowledged_after(line: SimulatedLine, seconds: float, **changes: Any) -> Alert:
    """Raise an alert and send another revision of it `seconds` later."""
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


def test_a_records_position_refers_to_the_detection_not_to_the_acknowledgement(
    watched: SimulatedLine,
) -> None:
    for n in range(10):
        watched.later(10)
        watched.plc.write(100, encode_plc(plc_heartbeat=n, encoder=1000 + 40 * n), watched.now_ns)
    acknowledged_after(watched, 3, state=AlarmState.ACKNOWLEDGED)
    record = watched.records[0]
    assert (record["position"], record["alarm_state"]) == (1360, 2)
    assert (record["eta_ms"], record["age_ms"]) == (200, 3000)


def test_a_late_revision_received_first_gives_the_same_record(watched: SimulatedLine) -> None:
    for n in range(10):
        watched.later(10)
        watched.plc.write(100, encode_plc(plc_heartbeat=n, encoder=1000 + 40 * n), watched.now_ns)
    later = acknowledged_after(watched, 3)
    watched.send(later.model_copy(update={"event_id": "a2"}))
    first, second = watched.records[:2]
    for name in ("position", "eta_ms", "age_ms"):
        assert first[name] == second[name]


def test_arrivals_are_kept_when_a_restarted_detector_reports_none(
    watched: SimulatedLine,
) -> None:
    returned = AlarmState.RETURNED_UNACKNOWLEDGED
    acknowledged_after(watched, 3, arrivals=(), state=returned, hazard=Hazard.BATTERY)
    watched.inference()
    assert watched.hazards[1] == 2
    assert watched.records[0]["eta_ms"] == 200


def test_the_record_of_a_line_state_has_no_place(watched: SimulatedLine) -> None:
    watched.alert(sample=samples.LINE_ALERT)
    record = watched.records[0]
    unknown = (-32768, -32768, 65535, 0xFFFF_FFFF, -32768)
    names = ("x_mm", "y_mm", "probability", "position", "eta_ms")
    assert tuple(record[name] for name in names) == unknown


def test_only_a_higher_priority_replaces_an_event_in_its_record(watched: SimulatedLine) -> None:
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


def test_an_event_that_ends_before_a_record_is_free_counts_as_overrun(
    watched: SimulatedLine,
) -> None:
    for n in range(4):
        watched.alert(f"a{n}")
    assert watched.read["overruns"] == 0
    watched.alert("a3", kind=Revision.EXPIRED, state=AlarmState.NORMAL, arrivals=())
    assert watched.read["overruns"] == 1


def test_maintenance_does_not_hide_a_fault(watched: SimulatedLine) -> None:
    watched.plc.write(100, encode_plc(mode=Mode.MAINTENANCE), watched.now_ns)
    assert watched.read["state"] == VisionWord.MAINTENANCE
    watched.later(1000)
    assert watched.read["state"] == VisionWord.UNAVAILABLE


@given(
    x_mm=st.floats(-1e6, 1e6) | st.none(),
    eta_ms=st.floats(-1e7, 1e7),
    track=st.integers(0, 10**7),
    later_ms=st.floats(0, 1e7),
    position=st.floats(-1e12, 1e12) | st.none(),
)
def test_any_event_fits_the_words_of_its_record(
    x_mm: float | None, eta_ms: float, track: int, later_ms: float, position: float | None
) -> None:
    line = SimulatedLine()
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
def test_every_belt_state_has_its_code_and_reads_unknown_when_not_watched(
    watched: SimulatedLine, state: str
) -> None:
    watched.state(belt_state=state)
    watched.inference()
    assert BeltWord(watched.read["belt_state"]).name == state.upper()
    watched.later(5_000)
    assert watched.read["belt_state"] == BeltWord.UNKNOWN
