"""What the page shows and sends, before a station that says what the test wants."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from tests.small_line import promised
from tests.station.browser.conftest import OpenPage, when
from tests.station.browser.fake_station import LINE, FakeStation, utc_ns

CARD = "[data-testid=alarm-card]"
LIST = "[data-testid=alarm-list]"
BLIND = "[data-testid=blind]"
SEEING = ".health[data-vision=ready]"
SETTLED = f"{CARD}:not(.settling)"


def seeing(browse: OpenPage, station: FakeStation, *size: int, **options: Any) -> Any:
    page = browse(station.url, *size, **options)
    page.wait_for_selector(SEEING)
    return page


def test_the_most_pressing_alarm_is_large_and_the_others_are_beneath(
    browse: OpenPage, station: FakeStation
) -> None:
    page = seeing(browse, station)
    expect(page.locator(".quiet")).to_have_text("No open alarm")
    first = station.alarm("battery", members=3)
    station.alarm("battery", pile=first["event_id"])
    share = {"raised_at": 0.85, "cleared_below": 0.7, "over_mm": 1400.0, "over_s": None}
    station.alarm("overload", priority="high", cues=[{"name": "coverage", "share": 0.88} | share])
    station.alarm("gas", y_mm=-9000.0)
    card = page.locator(CARD)
    expect(card.locator(".alarm-name")).to_have_text("GAS BOTTLE")
    expect(card.locator(".alarm-kind")).to_have_text("gas cartridge")
    expect(card.locator(".alarm-sure")).to_have_text("91% sure")
    expect(card.locator(".alarm-instead")).to_contain_text("aerosol can")
    expect(card.locator(".alarm-where")).to_contain_text("RIGHT, 412 mm")
    expect(card.locator(".countdown-value")).to_have_text(re.compile(r"^2\d s$"))
    expect(card.locator("img")).to_have_attribute("src", re.compile(r"/api/evidence/.*crop.jpg"))
    others = page.locator(f"{LIST} .alarm-row")
    expect(others).to_have_count(2)
    expect(page.locator(LIST)).to_contain_text("BATTERY × 3")
    expect(page.locator(LIST)).to_contain_text("Coverage 88%")
    expect(page.locator(".strip-object")).to_have_count(2)


def test_an_answer_by_one_key_can_be_undone(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    gas = station.alarm("gas")
    page.wait_for_selector(CARD)
    page.keyboard.press("3")
    undo = page.locator(".undo")
    expect(undo).to_contain_text("False alarm")
    expect(page.locator(CARD)).to_be_hidden()
    page.keyboard.press("u")
    expect(undo).to_be_hidden()
    expect(page.locator(CARD)).to_be_visible()
    this = {"line": LINE, "boot_id": gas["boot_id"], "event_id": gas["event_id"]}
    assert station.posted == [
        ("/api/answer", {**this, "what": "false_alarm"}),
        ("/api/undo", this),
    ]


def test_a_touch_meant_for_the_alarm_before_answers_nothing(
    browse: OpenPage, station: FakeStation
) -> None:
    page = seeing(browse, station)
    station.alarm("battery")
    page.wait_for_selector(SETTLED)
    # In the page itself, so that no touch can be later than it settles.
    page.evaluate(
        """() => new MutationObserver((_, self) => {
            const card = document.querySelector('[data-testid=alarm-card]');
            if (card.dataset.priority !== 'high') return;
            self.disconnect();
            card.querySelector('.answer-removed').click();
            window.touched = true;
        }).observe(document.querySelector('[data-testid=alarm-card]'), {attributes: true})"""
    )
    station.alarm("gas")
    when(page, "window.touched")
    page.wait_for_selector(SETTLED)
    page.click(f"{CARD} .answer-seen")
    expect(page.locator(f"{CARD} .alarm-name")).to_be_visible()
    assert [body["what"] for _, body in station.posted] == ["seen"]


def test_the_keys_of_a_button_box_can_be_assigned(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    page.keyboard.press("?")
    page.click("dialog .key-rows li:nth-child(2) button")
    page.keyboard.press("F9")
    expect(page.locator("dialog .key-rows li:nth-child(2) kbd")).to_have_text("F9")
    page.keyboard.press("Escape")
    station.alarm("gas")
    page.wait_for_selector(CARD)
    page.keyboard.press("2")
    page.keyboard.press("F9")
    expect(page.locator(".undo")).to_contain_text("Removed")
    assert [body["what"] for _, body in station.posted] == ["removed"]


def test_a_latched_bottle_calls_until_it_is_seen(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    gas = station.alarm("gas")
    station.alarm("gas", event_id=gas["event_id"], revision=2, kind="updated", state="latched")
    page.wait_for_selector(f"{CARD}[data-state=latched].calls")
    station.alarm("gas", event_id=gas["event_id"], revision=3, kind="acknowledged", state="latched")
    page.wait_for_selector(f"{CARD}[data-state=latched]:not(.calls)")


def test_a_stopped_belt_stops_the_countdown(browse: OpenPage, station: FakeStation) -> None:
    station.add_line(LINE, belt_speed_mm_s=0.0, belt_position_mm=5000.0, belt_state="stopped")
    page = seeing(browse, station)
    gas = station.alert("gas", y_mm=600.0)
    gas["place"]["belt_position_mm"] = 4500.0
    station.send("alarm", {"line": LINE, "alert": gas, "evidence": False})
    expect(page.locator(".countdown-verb")).to_have_text("Belt stopped")
    expect(page.locator(".countdown-value")).to_have_text("1.4 m")


def test_a_stream_that_stands_is_blind_over_everything(
    browse: OpenPage, station: FakeStation
) -> None:
    page = seeing(browse, station)
    station.alarm("gas")
    page.wait_for_selector(CARD)
    page.evaluate(
        """() => {
            const blind = document.querySelector('[data-testid=blind]');
            new MutationObserver(() => {
                window.blindAfterMs = performance.now() - window.vigitri.clock.receivedMs;
            }).observe(blind, {attributes: true, attributeFilter: ['hidden']});
        }"""
    )
    station.clock_runs = False
    page.wait_for_selector(BLIND)
    assert page.evaluate("window.blindAfterMs") <= promised(1.0) * 1e3
    covered = page.evaluate(
        """() => {
            const card = document.querySelector('[data-testid=alarm-card]');
            const { x, y, width, height } = card.getBoundingClientRect();
            const top = document.elementFromPoint(x + width / 2, y + height / 2);
            return Boolean(top.closest('[data-testid=blind]'));
        }"""
    )
    assert covered
    time_then = page.locator(".clock-time").text_content()
    expect(page.locator(".clock")).to_have_class(re.compile("stale"))
    assert page.locator(".clock-time").text_content() == time_then
    expect(page.locator(BLIND)).to_contain_text("Watch the belt yourself")
    expect(page.locator(BLIND)).to_contain_text("1 alarm is still open")
    station.clock_runs = True
    expect(page.locator(BLIND)).to_be_hidden()


def test_a_blind_line_says_why_and_its_open_alarms_can_be_answered(
    browse: OpenPage, station: FakeStation
) -> None:
    page = seeing(browse, station)
    station.alarm("gas")
    page.wait_for_selector(CARD)
    station.add_line(LINE, vision="unavailable", reason="the camera is frozen")
    expect(page.locator(BLIND)).to_contain_text("the camera is frozen")
    page.click(f"{BLIND} .answer-removed")
    expect(page.locator(".health")).to_have_attribute("data-vision", "blind")
    expect(page.locator(".fact-camera")).to_contain_text("unknown")
    assert station.posted[0][1]["what"] == "removed"


def test_blind_is_over_an_open_window_too(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    station.add_line(LINE, vision="unavailable", reason="the camera is frozen")
    page.wait_for_selector(f"{BLIND}:popover-open")
    station.add_line(LINE)
    expect(page.locator(BLIND)).to_be_hidden()
    expect(page.locator("dialog .key-rows")).to_be_visible()


def test_one_of_several_lines_that_is_blind_shows_it_beside_the_others(
    browse: OpenPage, station: FakeStation
) -> None:
    station.add_line("tapis-2", vision="unavailable", reason="no frame")
    page = browse(station.url)
    page.wait_for_selector(".panel[data-vision=blind]")
    expect(page.locator(".panel")).to_have_count(2)
    expect(page.locator(BLIND)).to_be_hidden()
    expect(page.locator(".page-notices")).to_have_text("BLIND: tapis-2")
    expect(page.locator(".panel[data-vision=blind]")).to_contain_text("alarms unknown")
    expect(page.locator(".quiet")).to_have_text("No open alarm known, and not all lines see")
    page.click(".line-choice button:has-text('tapis-2')")
    expect(page.locator(BLIND)).to_contain_text("no frame")


def test_fifty_alarms_are_one_large_and_a_counted_list(
    browse: OpenPage, station: FakeStation
) -> None:
    page = seeing(browse, station)
    for number in range(49):
        station.alarm("battery", y_mm=10.0 * number)
    gas = station.alarm("gas")
    page.wait_for_selector(f"{CARD}[data-event={gas['event_id']}]")
    expect(page.locator(f"{LIST} .list-title")).to_have_text("49 other alarms")
    expect(page.locator(f"{LIST} .alarm-row")).to_have_count(12)
    expect(page.locator(f"{LIST} .list-more")).to_have_text("and 37 more")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(f"{CARD}[data-priority=medium]")


def test_silence_ends_all_sounds_but_that_of_gas(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    station.alarm("battery")
    page.wait_for_selector("body[data-sounds=medium]")
    when(page, "window.vigitri.sound.played > 0")
    page.click(".sound-button")
    page.wait_for_selector("body[data-sounds=none]")
    expect(page.locator(".sound-button")).to_contain_text(re.compile("Silent [45]:.*gas sounds"))
    station.alarm("gas")
    page.wait_for_selector("body[data-sounds=gas]")


def test_the_page_in_french(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    station.alarm("gas")
    page.click(".language")
    expect(page.locator(f"{CARD} .alarm-name")).to_have_text("BOUTEILLE DE GAZ")
    expect(page.locator(f"{CARD} .answers.large")).to_contain_text("Fausse alerte")
    expect(page.locator(".disclaimer")).to_contain_text("EN ISO 13849-1")
    page.reload()
    expect(page.locator(".vision")).to_contain_text("SURVEILLE")
    assert page.get_attribute("html", "lang") == "fr"


@pytest.mark.parametrize(("width", "height"), [(320, 640), (1920, 1080), (3840, 2160)])
def test_the_page_fits_from_a_phone_to_a_wall(
    browse: OpenPage, station: FakeStation, width: int, height: int
) -> None:
    page = seeing(browse, station, width, height, language="fr")
    station.alarm("battery", members=4)
    station.alarm("gas")
    page.wait_for_selector(f"{CARD}[data-priority=high]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(f"{CARD} .answer-not_found").bounding_box()
    assert box["width"] >= 44
    assert box["height"] >= 44
    size = "Number(getComputedStyle(e).fontSize.slice(0, -2))"
    # At three metres a letter wants 15 mm: 54 px on a screen of 24 inches.
    wanted = {320: 24, 1920: 75, 3840: 140}[width]
    for part in (".alarm-name", ".countdown-value"):
        assert page.eval_on_selector(f"{CARD} {part}", f"e => {size}") >= wanted
    if width > 1000:
        assert box["y"] + box["height"] <= height


def test_less_motion_for_those_who_want_less(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station, reduced_motion="reduce")
    station.alarm("gas")
    page.wait_for_selector(CARD)
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_read_only_screen_answers_nothing(browse: OpenPage, station: FakeStation) -> None:
    station.role = "read-only"
    page = seeing(browse, station)
    station.alarm("gas")
    expect(page.locator(f"{CARD} .answer-seen")).to_be_disabled()
    page.keyboard.press("1")
    page.wait_for_selector(SETTLED)
    assert station.posted == []


def test_a_wrong_password_is_said_and_the_right_one_opens_the_page(
    browse: OpenPage, station: FakeStation
) -> None:
    station.password = "correct horse"
    page = browse(station.url)
    page.fill("[name=account]", "marie")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".form-error")).to_have_text("wrong name or password")
    page.fill("[name=password]", "correct horse")
    page.keyboard.press("Enter")
    page.wait_for_selector(SEEING)


def test_by_keyboard_alone(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    station.alarm("gas")
    page.wait_for_selector(SETTLED)

    def focus(words: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").endswith(words):
                return
        raise AssertionError(f"{words!r} is not reached by Tab")

    focus("Shelve…")
    page.keyboard.press("Enter")
    focus("Cleaning")
    # At once: the dialog closes after the answer.
    values = page.locator("dialog option").evaluate_all("all => all.map(each => each.value)")
    assert "gas" in values
    assert "vision_unavailable" not in values
    page.keyboard.press("Enter")
    focus("Shelve")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("Shelved: GAS BOTTLE")
    shelved = {"line": LINE, "hazard": "gas", "minutes": 15, "reason": "Cleaning"}
    assert station.posted == [("/api/shelve", shelved)]


def test_the_first_load_is_small_and_soon_ready(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    slow = page.context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.reload()
    page.wait_for_selector(SEEING)
    ready_ms = page.evaluate("performance.now()")
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').map(each => [each.name, each.decodedBodySize])"
    )
    assert sum(size for _, size in sizes) <= 200_000
    assert not [name for name, _ in sizes if "uplot" in name]
    assert ready_ms <= promised(1.5) * 1e3


def test_an_answer_refused_is_said(browse: OpenPage, station: FakeStation) -> None:
    page = seeing(browse, station)
    gas = station.alarm("gas")
    page.wait_for_selector(CARD)
    refused = {
        **{name: gas[name] for name in ("line", "boot_id", "event_id")},
        "what": "removed",
        "operator": "Marie",
        "state": "refused",
        "error": "no open alarm: it has ended",
        "undo_until_utc_ns": utc_ns(),
    }
    station.send("answer", refused)
    expect(page.locator(".toast.bad")).to_contain_text("it has ended")
