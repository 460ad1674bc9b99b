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
INSIDE = ("http://127.0.0.1:", "data:", "blob:", "about:")
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


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
    """One browser for the tests of a file. It finds no way out of this machine."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", NOWHERE])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(chromium: Any) -> Any:
    """What the windows of a file share, a Playwright context: scripts that one has loaded are not compiled again."""
    return chromium.new_context(reduced_motion="reduce")


@pytest.fixture
def visit(profile: Any) -> Iterator[Callable[..., Any]]:
    """``visit(color_scheme="dark", width=390)`` is a visitor's fresh window, a Playwright page.

    ``page.complaints`` are the errors of its console and of its scripts, ``page.outside`` the addresses beyond this
    machine that a window of this test asked for (nothing answers, and the test fails), ``page.dialogs`` what popped up.
    """
    outside: list[str] = []

    def asked(request: Any) -> None:
        # seen, not intercepted: where Playwright intercepts, Chromium keeps nothing and compiles all scripts anew
        if not request.url.startswith(INSIDE):
            outside.append(request.url)

    def window(*, color_scheme: str = "light", width: int = 1360, height: int = 900) -> Any:
        page = profile.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        page.set_default_timeout(60_000)
        page.outside, page.complaints, page.dialogs = outside, [], []
        # opened on a page below the root, Streamlit's client looks for its server there first
        page.on("console", lambda m: page.complaints.append(f"{m.text} {m.location['url']}")
                if m.type == "error" and "/_stcore/" not in m.location["url"] else None)
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.on("dialog", lambda d: (page.dialogs.append(d.message), d.dismiss()))
        return page

    profile.on("request", asked)
    yield window
    profile.remove_listener("request", asked)
    for page in profile.pages:
        page.close()
    profile.clear_cookies()
    assert outside == [], "a page asked the network for something"


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    """A visitor's window."""
    return visit()
