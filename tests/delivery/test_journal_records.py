"""Reading the journal records of earlier starts."""

from __future__ import annotations

import json

import pytest

from detector.delivery import journal_records
from detector.delivery.alert_log import HeldAlert
from detector.delivery.journal_folder import Record, decode
from detector.delivery.journal_records import (
    FormerStarts,
    alert_record,
    consumer_record,
    read_former,
    start_record,
)
from detector.wire import samples
from detector.wire.messages import AlarmState, Revision


def revision(seq: int, event_id: str, state: AlarmState = AlarmState.UNACKNOWLEDGED) -> Record:
    ends = state is AlarmState.NORMAL
    kind = Revision.CLEARED if ends else Revision.RAISED
    update = {"event_id": event_id, "revision": seq, "state": state, "kind": kind, "boot_id": "b1"}
    payload = samples.ALERT.model_copy(update=update).model_dump(mode="json")
    message = {"topic": "alert/l/gas", "header": {}, "payload": payload}
    data = json.dumps(message).encode()
    return alert_record(HeldAlert("b1", seq, ("b1", event_id), data, not ends, 0))


def read(records: list[Record]) -> FormerStarts:
    return read_former([decode(each.line) for each in records], 5)


def test_the_last_revisions_and_all_open_alerts_of_a_long_journal_are_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_records, "HELD_MAX", 3)
    records = [
        start_record("b1"),
        revision(1, "open"),
        revision(2, "ended"),
        revision(3, "open"),
        revision(4, "ended", AlarmState.NORMAL),
        *(revision(seq, f"a{seq}", AlarmState.NORMAL) for seq in range(5, 7)),
        # The next segment begins with the open alerts: not new revisions.
        revision(3, "open"),
        revision(7, "a7"),
    ]
    former = read(records)
    assert caplog.messages == []
    assert former.boots == ["b1"]
    assert [held.alert_seq for held, _ in former.alerts] == [3, 5, 6, 7]
    assert [held.expires_mono_ns for held, _ in former.alerts] == [5] * 4
    assert [alert.revision for _, alert in former.alerts] == [3, 5, 6, 7]
    stays = [record.key for record in former.records() if record.stays]
    assert stays == [("alert", "b1", "open"), ("alert", "b1", "a7")]


def test_the_last_record_of_a_consumer_is_used() -> None:
    positions = [("mes", 1), ("plc", 1), ("mes", 4)]
    former = read([consumer_record(name, "b1", seq) for name, seq in positions])
    assert list(former.consumers.items()) == [("plc", ("b1", 1)), ("mes", ("b1", 4))]


def test_unreadable_records_are_skipped_and_reported_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    later = revision(2, "a2").line.replace(b'"gas"', b'"fog"')
    data = [
        decode(revision(1, "a1").line),
        later.split(b" ", 2)[2],
        b"[]",
        b"{}",
        b'{"kind": "weather"}',
    ]
    former = read_former(data, 0)
    assert [alert.event_id for _, alert in former.alerts] == ["a1"]
    (line,) = caplog.messages
    assert line.startswith("journal: skipped 3 unreadable records")


def test_records_with_numbers_and_depths_that_python_does_not_read_are_skipped() -> None:
    odd = [
        b'{"kind": "consumer", "name": "c", "boot_id": "b", "alert_seq": Infinity}',
        b"[" * 100_000,
    ]
    former = read_former([*odd, decode(consumer_record("d", "b", 3).line)], 0)
    assert former.consumers == {"d": ("b", 3)}
