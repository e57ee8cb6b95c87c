"""What the page asks of the store."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator

import pytest

from detector.wire import samples
from detector.wire.messages import Hazard
from tests.station.web.running_station import Browser, Event, wait_for
from tests.station.web.scripted_line import BOOT, LINE, ScriptedLine

JPEG = b"\xff\xd8 picture \xff\xd9"


@pytest.fixture
def history(
    line: ScriptedLine, browser: Browser, events: Iterator[Event]
) -> tuple[ScriptedLine, Browser]:
    """A gas alarm with images and two battery alarms, all stored."""
    line.raise_alarm("a1", evidence_id="boot1-a1-1")
    for event_id in ("a2", "a3"):
        line.raise_alarm(event_id, hazard=Hazard.BATTERY, class_name="battery")
    about = {"line": LINE, "boot_id": BOOT, "event_id": "a1", "evidence_id": "boot1-a1-1"}
    line.send_images(samples.EVIDENCE.model_copy(update=about), [JPEG, JPEG])
    wait_for(events, "evidence")
    while len(browser.get("/api/events").json()["events"]) < 3:
        pass
    return line, browser


def test_events_are_filtered_and_paged(history: tuple[ScriptedLine, Browser]) -> None:
    _, browser = history
    batteries = browser.get("/api/events", hazard="battery").json()["events"]
    assert {event["event_id"] for event in batteries} == {"a2", "a3"}
    first = browser.get("/api/events", limit=2).json()
    assert first["before"] == first["events"][-1]["cursor"]
    second = browser.get("/api/events", limit=2, before=first["before"]).json()
    assert len(first["events"]) + len(second["events"]) == 3
    assert second["before"] is None


def test_one_event_has_revisions_answers_evidence_and_facts(
    history: tuple[ScriptedLine, Browser],
) -> None:
    _, browser = history
    detail = browser.get(f"/api/events/{BOOT}/a1").json()
    assert detail["revisions"][0]["alert"]["why"]["kinds"] == []
    assert detail["evidence"][0]["payload"]["evidence_id"] == "boot1-a1-1"
    assert detail["facts"]["model"]["name"] == "vigitri-n7"
    missing = browser.get(f"/api/events/{BOOT}/a99")
    assert (missing.status_code, "\n" in missing.json()["error"]) == (404, False)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("rates", "rates"),
        ("answer-times", "answer_times"),
        ("false-alarms", "false_alarms"),
        ("blind-times", "blind_times"),
    ],
)
def test_trends_are_lists(history: tuple[ScriptedLine, Browser], path: str, name: str) -> None:
    _, browser = history
    assert isinstance(browser.get(f"/api/{path}", line=LINE).json()[name], list)


def test_a_query_that_is_no_number_is_refused(history: tuple[ScriptedLine, Browser]) -> None:
    _, browser = history
    for path in (
        "events?since=yesterday",
        "rates?until=1e9",
        "events?since=9223372036854775808",
        "audit?before=--5",
        "rates?by=minute",
        "audit?limit=x",
    ):
        refused = browser.http.get(f"/api/{path}")
        assert (refused.status_code, "\n" in refused.json()["error"]) == (400, False)


def test_exports_are_downloads(history: tuple[ScriptedLine, Browser]) -> None:
    _, browser = history
    table = browser.get("/api/export/csv")
    assert table.headers["content-disposition"].startswith("attachment")
    assert len(table.text.splitlines()) == 4
    assert len(json.loads(browser.get("/api/export/json", hazard="gas").text)["events"]) == 1
    assert browser.get("/api/export/exe").status_code == 404


def test_an_export_of_answered_alarms_is_an_archive(
    history: tuple[ScriptedLine, Browser],
) -> None:
    _, browser = history
    empty = browser.get("/api/export/yolo")
    assert (empty.status_code, "no answered alarm" in empty.json()["error"]) == (404, True)
    label = {"line": LINE, "boot_id": BOOT, "event_id": "a1", "label": "tin"}
    assert browser.post("/api/learning/label", label).status_code == 200
    assert browser.post("/api/learning/label", label | {"label": "ufo"}).status_code == 400
    archive = zipfile.ZipFile(io.BytesIO(browser.get("/api/export/yolo").content))
    assert "data.yaml" in archive.namelist()
    sheet = browser.get("/api/learning").json()
    assert [row["label"] for row in sheet["answered"]] == ["tin"]
    assert "gas_bottle" in sheet["labels"]


@pytest.mark.usefixtures("events")
def test_live_images_come_while_they_are_asked_for(line: ScriptedLine, browser: Browser) -> None:
    shown = threading.Event()

    def show() -> None:
        live = samples.LIVE.model_copy(update={"line": LINE})
        while not shown.wait(0.02):
            line.send_images(live, [JPEG])

    assert browser.get(f"/api/live/{LINE}").status_code == 204
    camera = threading.Thread(target=show)
    camera.start()
    try:
        while (image := browser.get(f"/api/live/{LINE}")).status_code == 204:
            pass
    finally:
        shown.set()
        camera.join()
    assert (image.headers["content-type"], image.content) == ("image/jpeg", JPEG)


def test_the_shift_report_is_a_page_of_its_own_in_two_languages(
    history: tuple[ScriptedLine, Browser],
) -> None:
    _, browser = history
    for language in ("en", "fr"):
        page = browser.get("/api/export/shift-report", line=LINE, language=language)
        assert f'<html lang="{language}">' in page.text
        assert "script" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
