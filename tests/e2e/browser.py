"""What tests in a browser share: waiting until a page stands, finding a button, saying what is wrong with its look."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
LAYOUT = Path(__file__).with_name("layout.js").read_text("utf-8")
STANDS = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning' && app.dataset.testConnectionState === 'CONNECTED'
    && !document.querySelector('[data-stale=true]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(e => e.querySelector('.main-svg'));
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The app on one database, as ``sirius lab`` starts it, but nothing starts by itself."""

    def __init__(self, db: Path) -> None:
        self.db, port = db, free_port()
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.address", "127.0.0.1",
                   "--server.port", str(port), "--server.headless", "true", "--server.fileWatcherType", "none"]
        environment = {**os.environ, "SIRIUS_DB": str(db), "SIRIUS_AUTOSTART": "0"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.address = f"http://127.0.0.1:{port}"

    def ready(self) -> str:
        """The address, once the app answers."""
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1):
                    return self.address
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the app did not start")

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def apart(make: Callable[[], T]) -> T:
    """What ``make`` returns, called in a thread of its own: the browser's event loop holds this one."""
    made: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            made.append(make())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def settled(page: Any) -> None:
    """The script has run, everything is drawn, and the keys are bound."""
    page.wait_for_timeout(150)  # the click that came before has left for the server
    page.wait_for_function(STANDS)
    page.wait_for_timeout(450)


def opened(page: Any, address: str) -> Any:
    """``page``, with this address drawn: every widget has come, too."""
    page.goto(address)
    page.locator("[data-testid=stMain] h1, [data-testid=stAlert]").first.wait_for()
    settled(page)
    page.wait_for_function("() => !document.querySelector('[data-testid=stMain] [data-testid=stSkeleton]')")
    return page


def button(page: Any, key: str) -> Any:
    """By its key, or by the part of it before an item's id. Streamlit draws one with help twice, for touch screens."""
    return page.locator(f".st-key-{key} button, [class*='st-key-{key}_of_'] button").first


def pressed(page: Any, key: str, times: int = 1) -> None:
    """A key on the page, as often as said, each time after the page has answered."""
    for _ in range(times):
        page.keyboard.press(key)
        settled(page)


def wrong_layout(page: Any) -> list[str]:
    """Sideways scrolling, cut text and overlapping widgets, a line each."""
    return list(page.evaluate(LAYOUT))


def inaccessible(page: Any, *, beside: tuple[str, ...] = (), only: tuple[str, ...] = (),
                 without: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical findings of axe-core, a line each; ``beside`` are CSS selectors that are left out.

    ``only`` are the ids of the rules that are asked, instead of all that axe-core asks by itself; ``without`` are those
    that are left out of these.
    """
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "([beside, rules]) => axe.run({include: [['body']], exclude: beside.map(s => [s])},"
        " {resultTypes: ['violations'], ...rules})",
        [list(beside), {"runOnly": list(only)} if only else {"rules": {rule: {"enabled": False} for rule in without}}],
    )

    def why(node: Any) -> str:
        return str((node["any"] or node["all"] or node["none"])[0]["message"])

    return [
        f"{v['id']} ({v['impact']}): {node['html'][:160]} | {why(node)}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"][:6]
    ]
