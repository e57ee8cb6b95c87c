"""The adaptation of the model, started from the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.station.store import EventFilter, Store
from detector.station.web import learning
from detector.station.web.child_command import Finished
from tests.station.web.running_station import Browser, Event, RunningStation, wait_for

TABLE = "| set | before | after |"


class Commands:
    """Scripted ends of `vigitri model adapt`."""

    def __init__(self) -> None:
        self.ends: list[Finished] = []
        self.given: list[tuple[str, ...]] = []

    async def run(self, *words: str, timeout_s: float) -> Finished:
        assert timeout_s > 0
        self.given.append(words)
        return self.ends.pop(0)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    scripted = Commands()

    def export(store: Store, folder: Path, wanted: EventFilter) -> int:
        assert store.events(wanted) == []
        folder.mkdir()
        return 1

    monkeypatch.setattr(learning, "run_command", scripted.run)
    monkeypatch.setattr(learning, "write_yolo", export)
    return scripted


def adapted(browser: Browser, events: Iterator[Event]) -> dict[str, object]:
    wait_for(events, "line", lambda status: status["vision"] == "ready")
    while browser.get("/api/lines").json()["lines"][0]["facts"] is None:
        pass
    assert browser.post("/api/learning/adapt", {}).status_code == 202
    return wait_for(events, "learning", lambda run: run["state"] != "running")


def test_an_adaptation_is_shown_before_it_is_deployed(
    browser: Browser, events: Iterator[Event], commands: Commands, station: RunningStation
) -> None:
    commands.ends = [Finished(0, TABLE, ""), Finished(0, TABLE, "")]
    shown = adapted(browser, events)
    assert (shown["state"], shown["deployable"], shown["table"]) == ("done", True, TABLE)
    assert browser.get("/api/learning/adapt").json()["table"] == TABLE
    deployed = browser.post("/api/learning/deploy", {})
    assert (deployed.status_code, deployed.json()["state"]) == (200, "deployed")
    first, second = commands.given
    assert first[:3] == second[:3] == ("model", "adapt", "--head-only")
    assert ("-o" in first, "-o" in second) == (True, False)
    assert not (station.station.folder / "learning").exists()


def test_a_worse_head_is_shown_and_can_not_be_deployed(
    browser: Browser, events: Iterator[Event], commands: Commands
) -> None:
    commands.ends = [Finished(1, TABLE, "vigitri: no better\n")]
    shown = adapted(browser, events)
    assert (shown["state"], shown["deployable"], shown["reason"]) == ("done", False, "no better")
    refused = browser.post("/api/learning/deploy", {})
    assert (refused.status_code, "run one first" in refused.json()["error"]) == (409, True)


def test_a_model_without_a_verifier_can_not_learn(
    browser: Browser, events: Iterator[Event], commands: Commands
) -> None:
    commands.ends = [Finished(2, "", "vigitri: small: has no verifier\n")]
    shown = adapted(browser, events)
    assert (shown["state"], shown["reason"]) == ("impossible", "small: has no verifier")


@pytest.mark.usefixtures("commands")
def test_without_answers_there_is_nothing_to_learn(
    browser: Browser, events: Iterator[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    shown = adapted(browser, events)
    assert shown["state"] == "failed"
    assert "no answered alarm" in str(shown["reason"])
