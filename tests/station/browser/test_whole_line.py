"""The page of a real station beside a real detector, each in a process of its own.

With VIGITRI_IMAGES=docs/images the detector runs on the demonstration's clip, for which a quiet
machine is needed, and the README's screenshots are written there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from benchmarks.demo.run import endless_profile
from benchmarks.line_process import LineProcess
from benchmarks.station.page_latency import MEASURE
from benchmarks.station_process import StationProcess
from benchmarks.tcp_proxy import free_ports
from detector import client
from detector.wire.messages import Alert, Revision
from tests.small_line import (
    FPS,
    PATIENCE_S,
    Listener,
    passing,
    promised,
    write_model,
    write_profile,
    write_video,
)
from tests.station.browser.conftest import OpenPage, when

CALLING = "[data-testid=alarm-card].calls"
BLIND = "[data-testid=blind]"
SEEING = ".health:not([data-vision=blind])"
SLOW_MS = PATIENCE_S * 1e3
PRESS = """() => new Promise((done) => {
    const look = () => {
        const { card } = window.vigitri.screens.get('line');
        if (!card.known || performance.now() < card.settledAt) return setTimeout(look, 20);
        document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', bubbles: true}));
        return done();
    };
    look();
})"""
"""The first key, in a moment in which no other alarm has just come."""
IMAGES = os.environ.get("VIGITRI_IMAGES")


def small_profile(folder: Path) -> Path:
    """A line whose clip is repeated at 5 frames a second, which any machine can watch."""
    model = write_model(folder / "white-and-red")
    clip = write_video(folder / "belt.avi", passing())
    path = folder / "line.toml"
    write_profile(path, clip, model, camera=f"fps = {FPS}\nloop = true")
    points = '[[action_points]]\nname = "picker 1"\ny_mm = 1500\nacting_ms = 1500\n'
    path.write_text(path.read_text(encoding="utf-8") + points, encoding="utf-8")
    return path


class WholeLine:
    """A detector that repeats its clip, and its station."""

    def __init__(self, folder: Path) -> None:
        profile = endless_profile(folder) if IMAGES else small_profile(folder)
        publish, requests, evidence = (f"tcp://127.0.0.1:{port}" for port in free_ports(3))
        self.ends = (publish, requests)
        self.line = LineProcess(
            profile, "--evidence", evidence, endpoints=self.ends, start_s=PATIENCE_S
        )
        name = "demo" if IMAGES else "belt-1"
        lines = [(name, publish, requests, evidence)]
        self.station = StationProcess(lines, folder / "station", start_s=PATIENCE_S)

    @property
    def url(self) -> str:
        return f"{self.station.url}/"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    whole = WholeLine(tmp_path_factory.mktemp("whole"))
    with whole.line, whole.station:
        yield whole


def seeing(browse: OpenPage, whole: WholeLine, *size: int, **options: Any) -> Any:
    page = browse(whole.url, *size, **options)
    page.wait_for_selector(SEEING, timeout=SLOW_MS)
    return page


def screenshot(page: Any, name: str, folder: Path) -> None:
    """As small as a page of documentation wants it."""
    path = Path(IMAGES or folder) / name
    page.screenshot(path=path, type="jpeg", quality=72)
    assert path.stat().st_size < 150_000


def test_an_alert_shows_at_once_and_its_answer_is_seen_everywhere(
    browse: OpenPage, whole: WholeLine, tmp_path: Path
) -> None:
    page = seeing(browse, whole)
    second = seeing(browse, whole, 390, 800, language="fr")
    page.evaluate(MEASURE)
    page.wait_for_selector(f"{CALLING} img:visible", timeout=SLOW_MS)
    # Its crop has come after it, on a channel of its own.
    when(page, f"document.querySelector('{CALLING} img').naturalWidth > 0")
    page.wait_for_selector(f"{CALLING}:not(.settling)")
    screenshot(page, "station-alarm.jpg", tmp_path)
    when(page, "window.shownMs.length > 0")
    assert page.evaluate("window.shownMs[0]") <= promised(0.5) * 1e3
    with client.Line(*whole.ends) as subscriber:
        page.evaluate(PRESS)

        def is_acknowledged(alert: Alert) -> bool:
            return alert.kind is Revision.ACKNOWLEDGED

        answered = Listener(subscriber).until(is_acknowledged, Alert).payload
    key = f"{answered.line}/{answered.boot_id}/{answered.event_id}"
    for each in (page, second):
        when(each, f"window.vigitri.plant.alarms.get('{key}')?.acknowledged ?? true")
    expect(second.locator(".fact-answered")).not_to_have_text("–")


def test_a_stopped_detector_is_blind_until_it_goes_on(browse: OpenPage, whole: WholeLine) -> None:
    page = seeing(browse, whole)
    whole.line.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_for_selector(BLIND, timeout=SLOW_MS)
    finally:
        whole.line.process.send_signal(signal.SIGCONT)
    expect(page.locator(BLIND)).to_be_hidden(timeout=SLOW_MS)


def test_a_killed_detector_is_blind_within_a_second(
    browse: OpenPage, whole: WholeLine, tmp_path: Path
) -> None:
    page = seeing(browse, whole)
    before = page.evaluate("window.vigitri.clock.now()")
    page.evaluate(
        """() => new MutationObserver(() => {
            window.blindAt ??= window.vigitri.clock.now();
        }).observe(document.querySelector('[data-testid=blind]'), {attributes: true})"""
    )
    whole.line.process.kill()
    page.wait_for_selector(BLIND, timeout=SLOW_MS)
    assert page.evaluate("window.blindAt") - before <= promised(1.0) * 1e3
    screenshot(page, "station-blind.jpg", tmp_path)
