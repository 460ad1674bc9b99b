"""Somebody sits down and plays a whole game against the untrained seller, before any experiment was run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import button, inaccessible, opened, settled, wrong_layout
from hostile import ATTACKS
from test_hostile import MARKUP


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]) -> str:
    return serve(tmp_path_factory.mktemp("games") / "lab.db")


def part(page: Any, key: str) -> Any:
    """A button of the table: its key ends with the game and the number of moves."""
    return page.locator(f"[class*='st-key-{key}_'] button").first


def test_a_whole_game_against_the_base(address: str, visit: Callable[..., Any]) -> None:
    page = visit()
    opened(page, f"{address}/games")
    button(page, "gm_sit").click()
    part(page, "gm_offer").wait_for()
    settled(page)
    words = page.get_by_role("textbox", name="Say something along with your move")
    words.fill(ATTACKS.replace("\n", " ")[:250])
    part(page, "gm_offer").click()
    page.locator("[data-testid=stChatMessage]").nth(2).wait_for()  # the seller, you, the seller again
    settled(page)
    assert "‹script›" in page.evaluate("document.body.textContent") and page.evaluate(MARKUP) == []
    page.reload()  # a game in progress stands in the address
    page.locator("[data-testid=stChatMessage]").nth(2).wait_for()
    settled(page)
    part(page, "gm_accept").or_(part(page, "gm_reject")).first.click()
    page.get_by_text("Play again").wait_for()
    settled(page)
    assert page.get_by_text("The seller's cost was").count() == 1
    assert page.get_by_text("Your games in this session").count() == 1
    beside = ("[data-testid=stSidebarNavItems]",)  # Streamlit's own
    assert inaccessible(page, beside=beside) == [] and wrong_layout(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    assert wrong_layout(page) == []
    assert page.complaints == [] and page.dialogs == []
    button(page, "gm_again").click()
    page.get_by_text("game 1").first.wait_for()
