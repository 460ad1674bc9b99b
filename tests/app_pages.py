"""Pages of the app without a browser: opened on a database, and read as one text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
APP = str(ROOT / "app.py")


def opened(db: Path, page: str, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    """``page`` of the app on ``db`` after its first run, opened by its address with this query. Nothing starts by
    itself."""
    monkeypatch.setenv("SIRIUS_DB", str(db))
    monkeypatch.setenv("SIRIUS_AUTOSTART", "0")
    at = AppTest.from_file(APP, default_timeout=20)
    at._registered_pages = _pages()
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception, [e.message for e in at.exception]
    return at


@cache
def _pages() -> Any:
    """The addresses of the pages. AppTest learns them from a run, which would be the overview's before every page."""
    return AppTest.from_file(APP, default_timeout=20).run()._registered_pages


def button(at: AppTest, key: str) -> Any:
    """A button by its key, or by the part of it before an item's id."""
    return next(b for b in at.button if b.key == key or str(b.key).startswith(f"{key}_of_"))


def notice(at: AppTest) -> str:
    """What the last action could not do. The frame shows it; here, a page that was switched to runs without it."""
    return str(at.session_state["_notice"]) if "_notice" in at.session_state else ""


def text_of(at: AppTest) -> str:
    """Everything that the page says, in one text."""
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "text",
        "code",
        "button",
        "expander",
        "metric",
        "error",
    )
    found = []
    for kind in kinds:
        for element in at.get(kind):
            found += [str(getattr(element, name, "")) for name in ("label", "value", "body", "delta")]
    found += [element.proto.body for element in at.get("html")]
    found += [element.proto.label for element in at.get("page_link")]
    return "\n".join(found)
