"""Chromium and the app, for the tests of this folder: ``serve`` starts the app on a database, ``visit`` opens pages.

Without Chromium (``CHROMIUM`` names another path than /usr/bin/chromium) and Playwright they are skipped.
A page that asks anything outside this machine for something fails its test, whatever the test is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Server

HERE = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is slow and of the browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser {CHROMIUM}"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))  # the browser's own pipes


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], str]]:
    """``serve(db)`` gives the address of the app on this database; one server each, until the file's tests end."""
    servers: dict[Path, Server] = {}

    def start(db: Path) -> str:
        if db not in servers or servers[db].process.poll() is not None:
            servers[db] = Server(db)
        return servers[db].ready()

    start.process = lambda db: servers[db].process  # type: ignore[attr-defined]
    yield start
    for server in servers.values():
        server.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the tests of a file."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """``visit(color_scheme="dark", width=390)`` is a visitor's fresh window, a Playwright page.

    ``page.complaints`` are the errors of its console and of its scripts, ``page.outside`` the addresses beyond this
    machine that it asked for (the request is stopped, and the test fails), ``page.dialogs`` what popped up.
    """
    windows: list[Any] = []

    def window(*, color_scheme: str = "light", width: int = 1360, height: int = 900) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=color_scheme,
                                       reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.outside, page.complaints, page.dialogs = [], [], []

        def route(r: Any) -> None:
            page.outside.append(r.request.url)
            r.abort()

        context.route(lambda url: not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:")), route)
        # opened on a page below the root, Streamlit's client looks for its server there first
        page.on("console", lambda m: page.complaints.append(f"{m.text} {m.location['url']}")
                if m.type == "error" and "/_stcore/" not in m.location["url"] else None)
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.on("dialog", lambda d: (page.dialogs.append(d.message), d.dismiss()))
        windows.append(page)
        return page

    yield window
    outside = [url for page in windows for url in page.outside]
    for page in windows:
        page.context.close()
    assert outside == [], "a page asked the network for something"


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    """A visitor's window."""
    return visit()
