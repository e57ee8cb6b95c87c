"""Operators' answers from a page to the detector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.station.web import answers
from detector.wire.requests import Acknowledge, ReportOutcome, Shelve
from tests.station.web.running_station import Browser, Event, RunningStation, wait_for
from tests.station.web.scripted_line import BOOT, LINE, ScriptedLine


def about(event_id: str, **more: object) -> dict[str, object]:
    return {"line": LINE, "boot_id": BOOT, "event_id": event_id, **more}


def test_seen_goes_out_at_once_and_comes_back_to_every_page(
    line: ScriptedLine, station: RunningStation, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    with Browser(station) as other, other.events() as elsewhere:
        given = browser.post("/api/answer", about("a1", what="seen"))
        assert given.json() == {"undo_until_utc_ns": None}
        for stream in (events, elsewhere):
            wait_for(stream, "alarm", lambda alarm: alarm["alert"]["state"] == "acknowledged")
    assert isinstance(line.answers[0], Acknowledge)
    assert line.answers[0].operator == "station"
    status = wait_for(events, "line", lambda status: status["acknowledged_by"] is not None)
    assert status["acknowledged_by"]["operator"] == "station"


def test_an_outcome_is_held_for_undo_and_then_sent(
    line: ScriptedLine,
    browser: Browser,
    events: Iterator[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "UNDO_S", 0.3)
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    until = browser.post("/api/answer", about("a1", what="false_alarm")).json()
    held = wait_for(events, "answer")
    assert held["undo_until_utc_ns"] == until["undo_until_utc_ns"]
    assert (held["state"], held["what"]) == ("held", "false_alarm")
    assert line.answers == []
    ended = wait_for(events, "alarm")
    assert (ended["alert"]["state"], ended["alert"]["outcome"]) == ("normal", "false_alarm")
    assert isinstance(line.answers[0], ReportOutcome)


def test_an_outcome_is_undone_and_another_is_given(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    browser.post("/api/answer", about("a1", what="removed"))
    second = browser.post("/api/answer", about("a1", what="not_found"))
    assert (second.status_code, "undo that first" in second.json()["error"]) == (409, True)
    assert browser.post("/api/undo", about("a1")).json() == {"undone": "removed"}
    assert wait_for(events, "answer", lambda each: each["state"] == "undone")["what"] == "removed"
    late = browser.post("/api/undo", about("a1"))
    assert (late.status_code, "too late" in late.json()["error"]) == (409, True)
    assert browser.post("/api/answer", about("a1", what="not_found")).status_code == 200
    assert line.answers == []


def test_a_held_outcome_survives_the_station_and_is_sent_at_its_next_start(
    line: ScriptedLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "station"
    with (
        RunningStation(folder, [line.address]) as station,
        Browser(station) as page,
        page.events() as events,
    ):
        wait_for(events, "line", lambda status: status["vision"] == "ready")
        line.raise_alarm("a1")
        wait_for(events, "alarm")
        _until_stored(page, "a1")
        page.post("/api/answer", about("a1", what="removed"))
    assert line.answers == []
    monkeypatch.setattr(answers, "UNDO_S", 0.1)
    with RunningStation(folder, [line.address]) as station, Browser(station) as page:
        while not line.answers:
            page.get("/api/me")
    sent = line.answers[0]
    assert isinstance(sent, ReportOutcome)
    assert (sent.event_id, sent.outcome.value) == ("a1", "removed")


def _until_stored(page: Browser, event_id: str) -> None:
    while page.get(f"/api/events/{BOOT}/{event_id}").status_code != 200:
        pass


def test_an_answer_to_an_ended_alarm_is_recorded_and_refused_in_one_line(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    line.end("a1")
    wait_for(events, "alarm", lambda alarm: alarm["alert"]["state"] == "normal")
    while _event(browser, "a1").get("state") != "normal":
        pass
    refused = browser.post("/api/answer", about("a1", what="removed"))
    assert refused.status_code == 409
    assert "the alarm ended at" in refused.json()["error"]
    recorded = browser.get(f"/api/events/{BOOT}/a1").json()["answers"]
    assert [(each["what"], each["status"]) for each in recorded] == [("removed", "late")]
    assert line.answers == []


def _event(page: Browser, event_id: str) -> dict[str, object]:
    response = page.get(f"/api/events/{BOOT}/{event_id}")
    return dict(response.json()["event"]) if response.status_code == 200 else {}


def test_an_alarm_that_only_the_store_has_closed_takes_answers(
    line: ScriptedLine, station: RunningStation, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    _until_stored(browser, "a1")
    station.station.store.close_missing(LINE, set(), 0)
    assert browser.post("/api/answer", about("a1", what="seen")).status_code == 200
    wait_for(events, "alarm", lambda alarm: alarm["alert"]["state"] == "acknowledged")
    detail = browser.get(f"/api/events/{BOOT}/a1").json()
    assert {each["status"] for each in detail["answers"]} <= {"waiting", "sent"}


def test_answers_that_mean_nothing_are_refused(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    for body, status, words in (
        (about("a9", what="seen"), 409, "has ended"),
        (about("a1", what="eaten"), 400, "is not an answer"),
        (about("a1", what="seen") | {"line": "belt-7"}, 404, "no line 'belt-7'"),
        ({"what": "seen"}, 400, "line: give a text"),
    ):
        refused = browser.post("/api/answer", body)
        assert (refused.status_code, words in refused.json()["error"]) == (status, True), body
    assert line.answers == []


def test_an_answer_without_a_reply_is_said_to_be_so(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    line.silent.set()
    unanswered = browser.post("/api/answer", about("a1", what="seen"))
    assert (unanswered.status_code, "no reply" in unanswered.json()["error"]) == (504, True)


@pytest.mark.usefixtures("events")
def test_a_hazard_is_shelved_with_a_reason_but_never_vision(
    line: ScriptedLine, browser: Browser
) -> None:
    wanted = {"line": LINE, "hazard": "battery", "minutes": 15, "reason": "cleaning"}
    assert browser.post("/api/shelve", wanted).status_code == 200
    assert isinstance(line.answers[0], Shelve)
    blind = browser.post("/api/shelve", wanted | {"hazard": "vision_unavailable"})
    assert (blind.status_code, "can't be shelved" in blind.json()["error"]) == (400, True)
    for field, value in (("minutes", 61), ("minutes", 0), ("reason", ""), ("hazard", "rain")):
        assert browser.post("/api/shelve", wanted | {field: value}).status_code == 400
    while not (rows := browser.get("/api/audit").json()["audit"]):
        pass
    assert rows[0]["detail"] == "belt-1: battery for 15 min: cleaning"
