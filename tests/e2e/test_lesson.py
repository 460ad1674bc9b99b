"""A lesson in front of a class, in a real browser: vote, reveal, six steps by key, both teams asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import apart, button, inaccessible, opened, pressed, settled, wrong_layout

from sirius_core import lessons
from sirius_core.store import Store


def test_a_lesson_from_the_vote_to_both_teams(serve: Callable[[Path], str], page: Any, tmp_path: Path) -> None:
    apart(lambda: Store(tmp_path / "lab.db").close())
    address, lesson = serve(tmp_path / "lab.db"), lessons.get("critic-or-again")

    # vote, and only then what came
    opened(page, f"{address}/lesson?lesson={lesson.key}")
    assert button(page, "ls_reveal").is_disabled() and lesson.outcome not in page.content()
    page.get_by_text("no difference of more than two points").click()
    settled(page)
    button(page, "ls_reveal").click()
    page.get_by_text("What many predict").wait_for()
    settled(page)
    assert wrong_layout(page) == [] and inaccessible(page, beside=("[data-testid=stSidebarNavItems]",)) == []

    # in large type, by key through all six steps; the address says where one is
    page.get_by_text("Large type").click()
    settled(page)
    large = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    assert page.evaluate(large) == 21
    page.get_by_role("radio", name="Step by step").click()
    page.get_by_role("heading", name="1. Sample").wait_for()
    settled(page)
    for step, name in enumerate(("Keep", "Critique", "Repair", "Train", "Evaluate"), 2):
        pressed(page, "ArrowRight")
        page.get_by_role("heading", name=f"{step}. {name}").wait_for()
        assert page.locator(".algo .lit").count() > 0 and f"step={step}" in page.url
    pressed(page, "ArrowLeft")
    page.get_by_role("heading", name="5. Train").wait_for()
    pressed(page, "n")
    page.get_by_text("mended: the calculator's turn").wait_for()
    page.get_by_role("heading", name="1. Sample").wait_for()
    assert page.evaluate(large) == 21 and "ep=" in page.url
    assert wrong_layout(page) == []

    # a link opens the same try at the same step
    pressed(page, "ArrowRight", 3)
    page.reload()
    page.get_by_role("heading", name="4. Repair").wait_for()
    page.get_by_text("mended: the calculator's turn").wait_for()

    # both teams, twice
    page.get_by_role("radio", name="Ask both").click()
    settled(page)
    button(page, "ls_ask").click()
    page.get_by_text("The untrained base").wait_for()
    settled(page)
    button(page, "ls_ask").click()
    page.get_by_text("of 8 (").first.wait_for()
    settled(page)
    assert page.get_by_text("of 8 (").count() == 2 and page.complaints == []
