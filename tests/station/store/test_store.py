from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from detector.station.store import EventFilter, Store, StoreError
from detector.vocabulary import AlarmState, Hazard, Outcome, Revision
from detector.wire import samples
from detector.wire.requests import AlertMessage, Position
from tests.station.store.conftest import (
    BOOT,
    JPEG,
    LINE,
    T_NS,
    Filled,
    alert,
    closed,
    evidence,
    header,
)


def test_an_alert_is_read_back_as_it_was_published(store: Store) -> None:
    sent = alert()
    assert store.record_alert(header(sent), sent)
    (revision,) = store.event(BOOT, "a1").revisions
    assert revision.alert == sent
    assert revision.t_published_ns == T_NS + round(samples.HEADER.age_ms * 1e6)


def test_a_repeated_revision_is_recorded_once(store: Store) -> None:
    assert store.record_alert(header(alert()), alert())
    assert not store.record_alert(header(alert()), alert())
    assert len(store.event(BOOT, "a1").revisions) == 1


def test_revisions_in_any_order_leave_the_newest_as_the_event(filled: Filled) -> None:
    filled.add(closed("a1", 3, outcome=Outcome.REMOVED), alert("a1", 1), alert("a1", 2))
    event = filled.store.event(BOOT, "a1").event
    assert (event.revision, event.state, event.outcome) == (3, "normal", "removed")
    assert [each.revision for each in filled.store.event(BOOT, "a1").revisions] == [1, 2, 3]
    assert event.t_called_ns == T_NS


def test_an_alarm_that_calls_later_is_known_by_that_time(filled: Filled) -> None:
    filled.add(alert("a1", 1, state=AlarmState.SUPPRESSED))
    assert filled.store.event(BOOT, "a1").event.t_called_ns is None
    filled.add(alert("a1", 2))
    assert filled.store.event(BOOT, "a1").event.t_called_ns == T_NS + 10**9


def test_everything_survives_a_new_start(tmp_path: Path) -> None:
    at = Position(boot_id=BOOT, alert_seq=61)
    with Store(tmp_path) as store:
        sent = AlertMessage(topic=f"alert/{LINE}", header=header(alert()), payload=alert())
        assert store.record_alerts([sent, sent], (LINE, at)) == 1
        store.add_evidence(evidence(), JPEG, JPEG)
        store.record_answer(LINE, BOOT, "a1", "removed", "anna", t_ns=5, source="page")
        store.record_audit(7, "anna", "operator", "answer", "a1", address="10.0.0.4")
    with Store(tmp_path) as store:
        assert store.position(LINE) == at
        assert store.open_alarms() == [alert()]
        assert [each.what for each in store.waiting_answers()] == ["removed"]
        assert store.image(f"{BOOT}-a1-1", "crop") is not None
        assert [(each.account, each.address) for each in store.audit()] == [("anna", "10.0.0.4")]
        assert store.notice is None


def test_an_answer_waits_until_it_is_marked(filled: Filled) -> None:
    filled.add(alert())
    answer = filled.store.record_answer(LINE, BOOT, "a1", "seen", "anna", t_ns=5, source="page")
    assert (answer.status, answer.notice) == ("waiting", None)
    filled.store.mark_answer(answer.id, "refused", "no open alarm a1")
    assert filled.store.waiting_answers() == []
    (kept,) = filled.store.event(BOOT, "a1").answers
    assert (kept.status, kept.notice) == ("refused", "no open alarm a1")


def test_an_answer_to_an_ended_alarm_is_kept_and_says_so(filled: Filled) -> None:
    filled.add(alert(), closed("a1"))
    answer = filled.store.record_answer(
        LINE, BOOT, "a1", "false_alarm", "anna", t_ns=5, source="page"
    )
    assert answer.status == "late"
    assert "the alarm ended at" in (answer.notice or "")
    assert filled.store.waiting_answers() == []
    assert filled.store.event(BOOT, "a1").event.outcome == "false_alarm"


def test_an_answer_to_an_unknown_alarm_is_refused_in_one_line(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^no alarm a9 of line .* is known"):
        store.record_answer(LINE, BOOT, "a9", "seen", "anna", t_ns=5, source="page")


def test_images_may_come_before_their_alert(filled: Filled) -> None:
    assert filled.store.add_evidence(evidence(), JPEG + b"crop", JPEG + b"frame")
    filled.add(alert())
    found = filled.store.event(BOOT, "a1")
    assert found.event.evidence_id == f"{BOOT}-a1-1"
    path = filled.store.image(found.evidence[0].evidence_id, "frame")
    assert path is not None
    assert path.read_bytes() == JPEG + b"frame"
    assert path.parent.name == "2026-03-06"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "", "x" * 121])
def test_a_name_that_leads_to_another_folder_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="can't be the name of a file"):
        store.add_evidence(evidence(evidence_id=name), JPEG, JPEG)
    assert not list(store.folder.parent.glob("**/*.jpg"))


def test_a_filter_finds_what_it_names(filled: Filled) -> None:
    filled.add(
        alert("g1"),
        alert("b1", hazard=Hazard.BATTERY, class_name="battery_aa", at_ns=T_NS + 1),
        alert("b2", hazard=Hazard.BATTERY, class_name="battery_d", at_ns=T_NS + 2, line="other"),
        closed("g1", outcome=Outcome.REMOVED),
    )
    filled.store.record_answer("other", BOOT, "b2", "seen", "Zoé", t_ns=5, source="page")

    def found(**wanted: object) -> list[str]:
        return [row.event_id for row in filled.store.events(EventFilter(**wanted))]  # type: ignore[arg-type]

    assert found() == ["b2", "b1", "g1"]
    assert found(line="other") == ["b2"]
    assert found(hazard="battery") == ["b2", "b1"]
    assert found(kind="battery_aa") == ["b1"]
    assert found(outcome="removed") == ["g1"]
    assert found(state="unacknowledged") == ["b2", "b1"]
    assert found(since=T_NS + 1, until=T_NS + 2) == ["b1"]
    assert found(text="tery_d") == ["b2"]
    assert found(text="Zoé") == ["b2"]
    assert found(text="%") == []


def test_pages_follow_each_other_without_gap_or_repeat(filled: Filled) -> None:
    filled.add(*(alert(f"a{number}") for number in range(7)))  # all at the same time
    wanted, seen = EventFilter(limit=3), list[str]()
    while rows := filled.store.events(wanted):
        seen += [row.event_id for row in rows]
        wanted = dataclasses.replace(wanted, before=rows[-1].cursor)
    assert seen == [f"a{number}" for number in range(6, -1, -1)]


def test_a_cursor_that_is_none_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="not a cursor"):
        store.events(EventFilter(before="yesterday"))


def test_alarms_that_the_detector_no_longer_has_are_closed(filled: Filled) -> None:
    filled.add(alert("a1"), alert("a2"), alert("a3", line="other"))
    assert filled.store.close_missing(LINE, {(BOOT, "a2")}, T_NS + 9) == 1
    assert [each.event_id for each in filled.store.open_alarms()] == ["a2", "a3"]
    filled.add(closed("a1", 2, outcome=Outcome.REMOVED))  # its end arrives after all
    assert filled.store.event(BOOT, "a1").event.outcome == "removed"


def test_the_kind_of_a_revision_that_answers_dates_the_answer(filled: Filled) -> None:
    filled.add(alert(), alert("a1", 4, kind=Revision.ACKNOWLEDGED, state=AlarmState.ACKNOWLEDGED))
    assert filled.store.event(BOOT, "a1").event.t_answered_ns == T_NS + 3 * 10**9
