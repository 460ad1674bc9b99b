"""A bundle opened from a file: nothing is asked for, nothing runs, hostile text stays text, and it fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from actors import act

from sirius_core.share import write
from sirius_core.store import Store
from tests.test_share import hostile


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``plain.html`` and ``hostile.html``."""
    folder = tmp_path_factory.mktemp("bundle")
    with Store(folder / "plain.db") as store:
        act(store)
        write(store, "tiny-0-1", folder / "plain.html")
    with Store(hostile(folder / "plain.db", folder / "hostile.db")) as store:
        write(store, "tiny-0-1", folder / "hostile.html")
    return folder


@pytest.mark.parametrize("scheme, width", [("light", 1200), ("dark", 390)])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_a_bundle_asks_for_nothing_and_runs_nothing(bundles: Path, chromium, scheme: str, width: int, name: str):
    address = f"file://{bundles}/{name}.html"
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert asked == [address] and said == []
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("svg.figure").count() == 5 and page.locator("article").count() == 3
    page.close()
