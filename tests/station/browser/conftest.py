"""Debian's Chromium, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.station.browser.fake_station import FakeStation

PATIENCE_MS = 60_000
"""An upper bound for a machine that does other things as well; no test waits that long."""
OpenPage = Callable[..., Any]


def when(page: Any, condition: str) -> None:
    """Waits until an expression is true in the page; playwright's own way would need `eval`, which
    the page's security policy refuses."""
    page.evaluate(
        "(patience) => new Promise((done, failed) => {"
        f"  const look = () => ({condition}) ? done() : setTimeout(look, 20);"
        "  look();"
        "  setTimeout(() => failed(new Error('in vain')), patience);"
        "})",
        PATIENCE_MS,
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for all tests of a module; the end of it ends playwright's event loop, which other
    tests could not run beside."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path,
            args=["--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served() -> Iterator[FakeStation]:
    with FakeStation() as station:
        yield station


@pytest.fixture
def station(served: FakeStation) -> Iterator[FakeStation]:
    yield served
    served.reset()


@pytest.fixture
def browse(chromium: Any) -> Iterator[OpenPage]:
    """Opens an address in a browser of its own. At the end no page may have asked anything of
    another origin, or have met an error."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def open_page(url: str, width: int = 1280, height: int = 800, **options: Any) -> Any:
        language = options.pop("language", "en")
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            locale="fr-FR" if language == "fr" else "en-GB",
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if away(request) else None)

        def away(request: Any) -> bool:
            return not request.url.startswith((url, "data:"))

        page.add_init_script(f"localStorage.language ??= '{language}'")
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
