"""The other screens, and all of them by axe's rules."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.station.browser.conftest import OpenPage, when
from tests.station.browser.fake_station import LINE, FakeStation

SEEING = ".health[data-vision=ready]"
WCAG_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
HOUR_NS = 3600 * 10**9


def an_event(number: int, **changed: Any) -> dict[str, Any]:
    t_ns = time.time_ns() - number * HOUR_NS // 2
    return {
        "line": LINE,
        "boot_id": "b-1",
        "event_id": f"a{number}",
        "hazard": "gas",
        "kind": "cartridge",
        "priority": "high",
        "state": "normal",
        "revision": 3,
        "probability": 0.91,
        "detail": None,
        "members": 1,
        "pile": None,
        "outcome": "removed",
        "t_raised_ns": t_ns,
        "t_called_ns": t_ns,
        "t_answered_ns": t_ns + 7 * 10**9,
        "t_closed_ns": None,
        "evidence_id": f"a{number}-1",
        "label": None,
        "cursor": str(number),
        **changed,
    }


@pytest.fixture
def past(station: FakeStation) -> FakeStation:
    """A station with a day behind it."""
    now_ns = time.time_ns()
    hour_ns = now_ns // HOUR_NS * HOUR_NS
    battery = {"hazard": "battery", "kind": "cell", "priority": "medium", "outcome": "false_alarm"}
    station.canned |= {
        "/api/events": {"events": [an_event(1), an_event(2, **battery)], "before": None},
        "/api/rates": {
            "rates": [
                {"line": LINE, "t_from_ns": hour_ns - h * HOUR_NS, "hazard": "gas"}
                | {"alerts": h + 1, "calls": h}
                for h in range(8)
            ]
        },
        "/api/answer-times": {
            "answer_times": [
                {"t_called_ns": now_ns - h * HOUR_NS, "answer_s": 3.0 + h, "hazard": "gas"}
                for h in range(8)
            ]
        },
        "/api/false-alarms": {
            "false_alarms": [
                {"hazard": "battery", "kind": "cell", "removed": 3, "false_alarm": 2}
                | {"not_found": 1}
            ]
        },
        "/api/blind-times": {
            "blind_times": [
                {"line": LINE, "since": now_ns - 3 * HOUR_NS, "until": now_ns - 2 * HOUR_NS}
                | {"vision": "unavailable", "reason": "the camera is frozen"}
            ]
        },
        "/api/learning": {
            "answered": [an_event(1), an_event(2, **battery)],
            "labels": ["cartridge", "cell", "harmless", "false_alarm", "ignore"],
        },
        "/api/learning/adapt": {"state": "idle"},
    }
    return station


def opened(browse: OpenPage, station: FakeStation, screen: str, *size: int, **options: Any) -> Any:
    page = browse(station.url, *size, **options)
    page.wait_for_selector(SEEING)
    page.evaluate(f"location.hash = '{screen}'")
    page.wait_for_selector(f".{screen}-screen")
    return page


def explained(station: FakeStation, alert: dict[str, Any]) -> None:
    """The store's answer to Why."""
    box = [820.0, 380.0, 1100.0, 660.0]
    look = {"frame_index": 41, "t_capture_utc_ns": alert["t_capture_utc_ns"], "score": 0.86}
    payload = {
        "crop_box_px": [800, 340, 1120, 660],
        "frame_size_px": [960, 540],
        "frame_scale": 0.5,
        "box_px": [410.0, 190.0, 550.0, 330.0],
        "looks": [look | {"box_px": box, "kinds": alert["why"]["kinds"]}] * 2,
    }
    row = {"evidence_id": alert["evidence_id"], "t_dropped_ns": None, "payload": payload}
    path = f"/api/events/{alert['boot_id']}/{alert['event_id']}"
    station.canned[path] = {
        "revisions": [{"revision": 1, "t_recorded_ns": time.time_ns(), "alert": alert}],
        "answers": [
            {"what": "seen", "operator": "Marie", "t_ns": time.time_ns(), "status": "sent"}
        ],
        "evidence": [row],
    }


def test_history_lists_events_and_draws_their_trends(browse: OpenPage, past: FakeStation) -> None:
    page = opened(browse, past, "history")
    expect(page.locator(".event-row")).to_have_count(2)
    expect(page.locator(".event-rows")).to_contain_text("False alarm")
    expect(page.locator(".plot canvas")).to_have_count(2)
    expect(page.locator(".blind-times")).to_contain_text("the camera is frozen")
    expect(page.locator(".blind-times")).to_contain_text("1 time, 60 min in all")
    expect(page.locator(".plots")).to_contain_text("28 alarms called")
    expect(page.locator(".exports a")).to_have_count(5)
    with page.expect_request(re.compile(r"/api/events\?.*hazard=battery")):
        page.select_option("[name=hazard]", "battery")


def test_why_shows_looks_sizes_and_on_demand_what_the_network_attended_to(
    browse: OpenPage, past: FakeStation
) -> None:
    page = opened(browse, past, "line")
    gas = past.alarm("gas")
    explained(past, gas)
    page.wait_for_selector("[data-testid=alarm-card]")
    page.keyboard.press("w")
    why = page.locator("dialog .why")
    expect(why).to_contain_text("91%, raised from 50%")
    expect(why).to_contain_text("tin can (harmless)")
    expect(why).to_contain_text("Within the class's 80 mm to 1.5 m")
    expect(why).to_contain_text("Seen, by Marie")
    expect(why.locator(".boxes .box")).to_have_count(3)
    assert not [path for path in past.requested if path.endswith("attention.png")]
    why.get_by_role("button", name="What did the network look at?").click()
    expect(why.locator(".attention canvas")).to_be_visible()


def test_live_asks_for_images_only_while_it_is_open(browse: OpenPage, past: FakeStation) -> None:
    page = opened(browse, past, "live")
    expect(page.locator(".live-state")).to_contain_text("At ")
    page.click("nav a[data-screen=line]")
    page.wait_for_selector(".line-screen")
    past.requested.clear()
    before = page.evaluate("window.vigitri.clock.serverMs")
    when(page, f"window.vigitri.clock.serverMs > {before} + 900")
    assert not [path for path in past.requested if path.startswith("/api/live")]


def test_learning_stores_a_checked_label_and_shows_the_table_before_deploying(
    browse: OpenPage, past: FakeStation
) -> None:
    page = opened(browse, past, "learning")
    expect(page.locator(".sheet-card")).to_have_count(2)
    page.locator(".sheet-card select").nth(1).select_option("cell")
    expect(page.locator(".saved").nth(1)).to_have_text("Saved")
    alarm = {"line": LINE, "boot_id": "b-1", "event_id": "a2"}
    assert past.posted == [("/api/learning/label", {**alarm, "label": "cell"})]
    deploy = page.get_by_role("button", name="Deploy this copy")
    expect(deploy).to_be_hidden()
    done = {"state": "done", "deployable": True, "table": "kind  before  after"}
    past.canned["/api/learning/adapt"] = done
    page.get_by_role("button", name="Adapt a copy").click()
    expect(page.locator(".adapt-table")).to_have_text("kind  before  after")
    expect(deploy).to_be_visible()
    past.send("learning", {**done, "deployable": False, "reason": "recall fell"})
    expect(deploy).to_be_hidden()
    expect(page.locator(".adapt")).to_contain_text("no better")


def serious(page: Any) -> list[str]:
    found = Axe().run(page, options=WCAG_AA).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"][:3]
    ]


def test_axe_finds_nothing_serious_on_any_screen(browse: OpenPage, past: FakeStation) -> None:
    page = opened(browse, past, "line", reduced_motion="reduce")
    gas = past.alarm("gas")
    explained(past, gas)
    past.alarm("battery", members=3)
    past.alarm("battery", state="acknowledged", kind="acknowledged")
    past.alarm("battery", state="shelved")
    past.alarm("overload", priority="medium")
    page.wait_for_selector(".alarm-row >> nth=3")
    found = {"line": serious(page)}
    for screen in ("history", "live", "learning"):
        page.evaluate(f"location.hash = '{screen}'")
        page.wait_for_selector(f".{screen}-screen")
        found[screen] = serious(page)
    page.evaluate("location.hash = 'line'")
    page.wait_for_selector(".line-screen")
    page.keyboard.press("w")
    page.wait_for_selector("dialog .why-model")
    found["why"] = serious(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    found["settings"] = serious(page)
    page.keyboard.press("Escape")
    past.add_line(LINE, vision="unavailable", reason="the camera is frozen")
    page.wait_for_selector("[data-testid=blind]")
    found["blind"] = serious(page)
    past.password = "secret"
    page.reload()
    page.wait_for_selector(".sign-in")
    found["sign-in"] = serious(page)
    assert {screen: each for screen, each in found.items() if each} == {}
