"""A visitor's journey in a real browser: start a small run with review, decide, edit by hand, see the round go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import apart, button, pressed, settled

from sirius_core.review import items as review_items
from sirius_core.store import Store
from sirius_core.store.browse import Browse


def test_a_round_with_a_person_in_it(serve: Callable[[Path], str], page: Any, tmp_path: Path) -> None:
    address = serve(tmp_path / "lab.db")
    page.goto(f"{address}/run")
    page.get_by_role("radio", name="tiny").click()
    page.get_by_text("Critic and repair").click()
    page.locator(".st-key-set_tiny_review label").first.click()
    page.get_by_text("sirius run tiny --set review=true").wait_for()
    button(page, "start").click()

    # watch: the round pauses when its repairs are made
    page.get_by_text("paused").first.wait_for()
    page.reload()  # the run is a process of its own
    page.get_by_role("link", name="Review", exact=True).click()
    button(page, "accept").wait_for()
    settled(page)

    # decide: one accepted by key, one edited by hand
    until_mended(page)
    page.keyboard.press("a")
    page.get_by_text("1 accepted").wait_for()
    settled(page)
    until_mended(page)
    box = page.locator("textarea")
    text = box.input_value()
    box.fill("371 zorgs")
    page.keyboard.press("Control+Enter")
    page.get_by_text("does not know").first.wait_for()
    assert button(page, "save").is_disabled()
    box.fill(text)
    for _ in range(5):  # what follows is sampled: an edit may fail by a slip further on
        page.keyboard.press("Control+Enter")
        page.get_by_text("Your text, played again").wait_for()
        settled(page)
        if button(page, "save").is_enabled():
            break
    button(page, "save").click()
    page.get_by_text("1 edited").wait_for()
    settled(page)
    page.keyboard.press("u")
    page.get_by_text("0 edited").wait_for()
    settled(page)

    # go on without the rest; in the next round the last decision lets the run go on by itself
    button(page, "pop_queue").click()
    button(page, "go_on").click()
    button(page, "reject").wait_for(state="detached")
    button(page, "reject").or_(page.get_by_text("This experiment is complete")).first.wait_for()
    for _ in range(60):
        settled(page)
        if not button(page, "reject").count():
            break
        page.keyboard.press("0" if button(page, "reject").is_disabled() else "x")
    if button(page, "on").count():  # a moment in which the last one could be taken back
        page.get_by_text("goes on by itself").wait_for()
        button(page, "on").click()
    page.get_by_text("This experiment is complete").wait_for()
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_text("What the critic bought").wait_for()

    with Store(tmp_path / "lab.db") as store:
        assert len(store.experiments.reports("tiny-0-1")) == 3
        decided = store.repairs.decisions("tiny-0-1", 2)
        assert len(decided) == len([i for i in review_items(store, "tiny-0-1", 2) if not i.planted])
        assert {d.verdict for d in decided.values()} <= {"reject"}
        verdicts = [review.verdict for r in store.repairs.find("tiny-0-1", 1) for review in store.repairs.history(r.id)]
        assert sorted(verdicts) == ["accept", "edit", "undo"]


def until_mended(page: Any) -> None:
    """To a repair that can be accepted: blind ones are judged, those that were not mended skipped."""
    for _ in range(40):
        if button(page, "accept").is_enabled():
            return
        pressed(page, "0" if button(page, "reject").is_disabled() else "ArrowRight")
    raise AssertionError("no repair can be accepted")


@pytest.fixture
def story(tmp_path: Path) -> str:
    """Two finished experiments; a mended failure of the older one."""
    from actors import act

    def played() -> str:
        with Store(tmp_path / "lab.db") as store:
            act(store)
            act(store, seed=1)
            return Browse(store.db).mended("tiny-0-1")[0]

    return apart(played)


def test_a_cold_server_opens_a_page_by_its_address(
    story: str, serve: Callable[[Path], str], page: Any, tmp_path: Path
) -> None:
    page.goto(f"{serve(tmp_path / 'lab.db')}/explore?exp=tiny-0-1&traj={story}")
    page.get_by_text("What it changed further on").wait_for()
    assert page.get_by_role("link", name="Overview", exact=True).count()
    assert page.locator("[data-testid=stSidebar] input").first.input_value() == "tiny · seed 0"
    assert f"traj={story}" in page.url and "exp=tiny-0-1" in page.url


@pytest.fixture
def bottles(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A CSV and the address of a chat endpoint that plays on it."""
    import chat_lab
    from endpoint import FakeEndpoint

    with FakeEndpoint(chat_lab.ChatLab()) as server:
        yield chat_lab.bottles(tmp_path / "bottles.csv"), server.base_url


def written(page: Any, name: str, text: str) -> None:
    """A text field of the form, committed, and what followed from it drawn."""
    page.locator(f".st-key-set_tiny_{name} input").fill(text)
    page.keyboard.press("Enter")
    settled(page)


def test_a_file_and_an_endpoint(
    bottles: tuple[Path, str], serve: Callable[[Path], str], page: Any, tmp_path: Path
) -> None:
    path, url = bottles
    page.goto(f"{serve(tmp_path / 'lab.db')}/run")
    page.get_by_role("radio", name="tiny").click()
    page.locator(".st-key-group_data summary").first.click()
    page.locator(".st-key-set_tiny_source button[aria-label=Open]").click()
    page.get_by_role("option", name="table").click()
    settled(page)
    written(page, "data", str(path))
    page.get_by_text("row 1 of the data, as it stands").wait_for()
    written(page, "columns", "question=Aufgabe, answer=Loesung")
    page.get_by_text("to train on").wait_for()
    page.locator(".st-key-group_endpoint summary").first.click()
    written(page, "base_url", url)
    written(page, "model", "fake")
    page.get_by_text("No key is sent").wait_for()

    # the cost is known before it is paid
    button(page, "price_free_fake").click()
    page.get_by_text("a server of one's own").wait_for()
    button(page, "estimate").click()
    page.get_by_text("What it would take").first.wait_for()
    button(page, "start_estimated").click()
    page.get_by_text("All 2 rounds closed").wait_for()
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_text("What it took").wait_for()
    page.get_by_text("The problems").wait_for()
    with Store(tmp_path / "lab.db") as store:
        reports = store.experiments.reports("tiny-0-1")
        assert len(reports) == 3 and all(r["usage"]["cost"] == 0 for r in reports)
