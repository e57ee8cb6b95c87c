"""From an alert's publication to the frame of the browser that shows it.

    python -m benchmarks.station.page_latency [ALERTS]

Sends alerts like a detector to a `vigitri station`, whose page is open in Chromium.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.station.loaded_line import LINE, LoadedLine
from benchmarks.station_process import StationProcess

ALERTS = 200
REVISION_S = 0.1
"""An alert has three revisions, so there are 3.3 alerts a second."""
SEEING = ".health:not([data-vision=blind])"
MEASURE = """() => {
    const { plant } = window.vigitri;
    const seen = new Set(plant.alarms.keys());
    window.shownMs = [];
    new MutationObserver(() => {
        for (const { key, alert, publishedMs } of plant.alarms.values()) {
            const part = document.querySelector(`[data-event="${alert.event_id}"]`);
            if (seen.has(key) || !part) continue;
            seen.add(key);
            requestAnimationFrame(() => window.shownMs.push(Date.now() - publishedMs));
        }
    }).observe(document.getElementById('main'), {subtree: true, childList: true, attributes: true});
}"""
"""Adds to `shownMs` for each alert that appears; both clocks are this machine's."""


def measure(alerts: int, folder: Path) -> list[float]:
    """Latencies in ms."""
    with LoadedLine(folder / "journal", images=False) as line:
        station = StationProcess([(LINE, *line.endpoints)], folder / "station")
        with station, sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--disable-gpu"]
            )
            page = browser.new_page()
            page.goto(station.url)
            while page.query_selector(SEEING) is None:
                _serve(line, 0.5)
            page.evaluate(MEASURE)
            for _ in range(3 * alerts):
                line.send()
                _serve(line, REVISION_S)
            _serve(line, 1.0)
            shown: list[float] = page.evaluate("window.shownMs")
            browser.close()
    return shown


def _serve(line: LoadedLine, for_s: float) -> None:
    ends_s = time.monotonic() + for_s
    while time.monotonic() < ends_s:
        line.serve()
        time.sleep(0.002)


def main() -> None:
    alerts = int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS
    with TemporaryDirectory() as folder:
        shown = measure(alerts, Path(folder))
    p50, p95, p99 = np.percentile(shown, [50, 95, 99])
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"load {load:.1f} on {cores} cores; {len(shown)} of {alerts} alerts shown")
    print(f"published -> shown p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")


if __name__ == "__main__":
    main()
