"""The stream of events that a page reads."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.station.web import event_stream
from detector.station.web.broadcast import WAITING_MAX, Broadcast
from detector.wire import samples
from tests.small_line import PATIENCE_S
from tests.station.web.running_station import Browser, Event, RunningStation, wait_for
from tests.station.web.scripted_line import ScriptedLine


def test_a_page_begins_with_the_lines_and_the_open_alarms(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    line.raise_alarm("a1")
    wait_for(events, "alarm")
    with browser.events() as second:
        assert wait_for(second, "hello")["lines"] == ["belt-1"]
        alarms = wait_for(second, "alarms")["alarms"]
    assert [alarm["alert"]["event_id"] for alarm in alarms] == ["a1"]
    assert wait_for(events, "clock")["server_utc_ns"] > 10**18


def test_an_alarm_and_its_end_reach_the_page(line: ScriptedLine, events: Iterator[Event]) -> None:
    line.raise_alarm("a1")
    raised = wait_for(events, "alarm")
    assert raised["line"] == "belt-1"
    assert raised["alert"]["state"] == "unacknowledged"
    assert raised["published_utc_ns"] <= raised["received_utc_ns"]
    line.end("a1")
    assert wait_for(events, "alarm")["alert"]["state"] == "normal"


def test_a_store_that_hangs_delays_nothing_that_is_shown(
    line: ScriptedLine, station: RunningStation, browser: Browser, events: Iterator[Event]
) -> None:
    other = sqlite3.connect(station.station.folder / "station.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # as long as this lasts, the writer waits
    line.raise_alarm("a1")
    wait_for(events, "alarm", lambda alarm: alarm["alert"]["event_id"] == "a1")
    wait_for(events, "line", lambda status: status["vision"] == "ready")
    assert browser.get("/api/events").json()["events"] == []
    answer = {"line": "belt-1", "boot_id": "boot1", "event_id": "a1", "what": "seen"}
    assert browser.post("/api/answer", answer).status_code == 200
    wait_for(events, "alarm", lambda alarm: alarm["alert"]["state"] == "acknowledged")
    other.close()


def test_a_silent_detector_is_unavailable_to_the_page(
    line: ScriptedLine, events: Iterator[Event]
) -> None:
    line.silent.set()
    status = wait_for(events, "line", lambda status: status["vision"] != "ready")
    assert status["vision"] == "unavailable"
    assert status["stale_ms"] <= 1000
    line.silent.clear()
    wait_for(events, "line", lambda status: status["vision"] == "ready")


@pytest.mark.usefixtures("events")
def test_the_first_line_event_names_speed_and_facts(browser: Browser) -> None:
    while browser.get("/api/lines").json()["lines"][0]["facts"] is None:
        pass
    with browser.events() as stream:
        first, next_one = (wait_for(stream, "line") for _ in range(2))
    assert first["belt_speed_mm_s"] == 500.0
    assert first["belt_position_mm"] == 20600.0
    assert first["facts"]["action_points"][0]["name"] == "picker-1"
    assert first["camera_age_ms"] is not None
    assert next_one["facts"] is None  # sent again only when they change


def test_images_are_announced_once_they_are_stored(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> None:
    jpeg = b"\xff\xd8 picture \xff\xd9"
    line.raise_alarm("a1", evidence_id="boot1-a1-1")
    evidence = samples.EVIDENCE.model_copy(
        update={
            "line": "belt-1",
            "boot_id": "boot1",
            "event_id": "a1",
            "evidence_id": "boot1-a1-1",
        }
    )
    line.send_images(evidence, [jpeg, jpeg])
    announced = wait_for(events, "evidence")
    assert announced["evidence_id"] == "boot1-a1-1"
    picture = browser.get("/api/evidence/boot1-a1-1/crop.jpg")
    assert (picture.headers["content-type"], picture.content) == ("image/jpeg", jpeg)
    assert browser.get("/api/evidence/other/crop.jpg").status_code == 404


def test_a_page_that_does_not_read_is_cut_off_and_the_others_go_on(
    line: ScriptedLine,
    station: RunningStation,
    events: Iterator[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "SEND_S", 0.2)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        stalled.connect(("127.0.0.1", station.port))
        stalled.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert stalled.recv(12) == b"HTTP/1.1 200"
        sent = 0
        while len(station.station.broadcast) > 1:
            line.raise_alarm(f"a{sent}", detail="x" * 20_000)
            wait_for(events, "alarm")
            sent += 1
    assert sent < WAITING_MAX


def test_a_page_is_cut_off_when_too_many_events_wait() -> None:
    broadcast = Broadcast()
    page = broadcast.open()
    for number in range(WAITING_MAX):
        broadcast.send("clock", {"n": number})
    assert not page.cut_off.is_set()
    broadcast.send("clock", {})
    assert page.cut_off.is_set()


@pytest.mark.usefixtures("events")
def test_more_pages_than_allowed_are_refused(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGES_MAX", 1)
    refused = browser.get("/api/stream")
    assert refused.status_code == 503
    assert "open already" in refused.json()["error"]


def test_the_streams_end_when_the_station_stops(line: ScriptedLine, tmp_path: Path) -> None:
    with RunningStation(tmp_path / "station", [line.address]) as station, Browser(station) as page:
        ended = threading.Event()
        with page.events() as events:
            wait_for(events, "hello")

            def read() -> None:
                for _ in events:
                    pass
                ended.set()

            reader = threading.Thread(target=read)
            reader.start()
            station.stop()
            assert ended.wait(PATIENCE_S)
            reader.join()
