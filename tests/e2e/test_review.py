"""A reviewer at the keyboard, in a real browser: keys decide what was seen, once, and a wrong key costs nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import apart, button, opened, pressed, settled

from sirius_core import review
from sirius_core.review import Item
from sirius_core.store import Store

EXP = "tiny-0-1"
Serve = Callable[[Path], str]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round that waits for decisions, in the file that this file's server shows."""
    path = tmp_path_factory.mktemp("review") / "lab.db"

    def make() -> None:
        from actors import act

        with Store(path) as store:
            act(store, review=True, blind=0.0, planted=0.1, controls=0, problems=32)

    apart(make)
    return path


@pytest.fixture(autouse=True)
def undecided(db: Path) -> None:
    """Every test begins with nothing decided, flagged or judged."""
    with sqlite3.connect(db) as c:
        for table in ("review", "planted_review", "flag", "judgement"):
            c.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
            c.execute(f"DELETE FROM {table}")
        c.execute("UPDATE experiment SET settings = json_set(settings, '$.blind', 0.0)")


def queue(db: Path) -> list[Item]:
    def read() -> list[Item]:
        with Store(db) as store:
            return review.items(store, EXP, 1)

    return apart(read)


def verdicts(db: Path) -> dict[str, str]:
    return {i.id: i.decision.verdict for i in queue(db) if i.decision is not None}


def mended(db: Path) -> list[str]:
    return [i.id for i in queue(db) if i.kind == "mended" and not i.planted]


@pytest.fixture
def at(serve: Serve, db: Path, page: Any) -> Any:
    """A visitor's window at a mended repair; ``page.item`` is its id."""
    page.item = mended(db)[0]
    return opened(page, f"{serve(db)}/review?exp={EXP}&rv={page.item}")


def test_ten_repairs_by_keyboard_and_some_taken_back(at: Any, db: Path) -> None:
    for number, key in enumerate("axaxaxaxax"):
        if key == "a" and button(at, "accept").is_disabled():  # not mended: it can only be edited or rejected
            key = "x"
        if number == 3:
            pressed(at, "2")
        pressed(at, key)
        at.get_by_text(f"{number + 1} of").first.wait_for()
    with sqlite3.connect(db) as c:
        assert [row[0] for row in c.execute("SELECT reason FROM review WHERE reason <> ''")] == [review.REASONS[1]]
    assert len(verdicts(db)) == 10
    pressed(at, "u", 2)
    pressed(at, "ArrowRight")
    at.get_by_text("1 skipped").wait_for()
    assert len(verdicts(db)) == 8


def test_typing_and_keys_that_mean_nothing_and_a_held_key(at: Any, db: Path) -> None:
    box = at.locator("textarea").first
    box.click()
    at.keyboard.press("End")
    at.keyboard.type("axuf1234")
    settled(at)
    assert verdicts(db) == {} and box.input_value().endswith("axuf1234")
    at.keyboard.press("Control+Enter")  # what is typed is played, not what stood there before
    at.get_by_text("does not know").first.wait_for()
    at.locator("h1").first.click()
    settled(at)
    for key in ("c", "r", "Control+a", "Shift+X"):
        at.keyboard.press(key)
    settled(at)
    assert verdicts(db) == {} and f"rv={at.item}" in at.url and box.input_value().endswith("axuf1234")
    for _ in range(12):
        at.keyboard.down("x")  # again and again without an up: the browser calls these repeats
        at.wait_for_timeout(30)
    at.keyboard.up("x")
    settled(at)
    assert list(verdicts(db)) == [at.item]  # once, and nothing of what came after it


def test_while_a_box_is_open_keys_rest_and_there_is_no_dialog(at: Any, db: Path) -> None:
    for name in ("pop_keys", "pop_queue", "copy_evidence"):
        button(at, name).click()
        settled(at)
        for key in ("a", "x", "ArrowRight", "u", "f"):
            at.keyboard.press(key)
        settled(at)
        assert verdicts(db) == {} and not any(i.flagged for i in queue(db)) and f"rv={at.item}" in at.url
        at.keyboard.press("Escape")
        settled(at)
    assert at.locator("[data-testid=stDialog]").count() == 0
    # after a click on a choice keys fire, and an arrow goes to the next one and leaves the choice alone
    at.get_by_text("side by side").click()
    settled(at)
    pressed(at, "f")
    pressed(at, "ArrowRight")
    at.get_by_text("1 skipped").wait_for()
    assert verdicts(db) == {} and [i.id for i in queue(db) if i.flagged] == [at.item]
    assert at.get_by_role("radio", name="side by side").is_checked()


def test_two_windows_and_blind_ones(at: Any, visit: Callable[..., Any], serve: Serve, db: Path) -> None:
    other = opened(visit(), f"{serve(db)}/review?exp={EXP}&rv={at.item}")
    other.locator("textarea").first.fill("kept for later")
    other.locator("h1").first.click()
    pressed(at, "a")
    pressed(other, "x")
    other.get_by_text("has decided this meanwhile: accept").wait_for()
    assert verdicts(db) == {at.item: "accept"} and f"rv={at.item}" not in other.url
    pressed(other, "ArrowLeft")
    other.get_by_text("Decided by").wait_for()
    pressed(other, "u")
    assert verdicts(db) == {} and other.locator("textarea").first.input_value() == "kept for later"
    with sqlite3.connect(db) as c:
        c.execute("UPDATE experiment SET settings = json_set(settings, '$.blind', 1.0)")
    pressed(other, "r")  # Streamlit's own key: the page is drawn anew
    other.get_by_text("Where did it go wrong?").wait_for()
    for key in ("a", "x"):
        other.keyboard.press(key)
    settled(other)
    assert verdicts(db) == {} and other.get_by_text("What the critic says").count() == 0
    pressed(other, "0")
    other.get_by_text("You could not tell").wait_for()
    pressed(other, "a")
    assert verdicts(db) == {at.item: "accept"}


def test_a_browser_that_is_behind_decides_only_what_it_shows(visit: Callable[..., Any], serve: Serve, db: Path) -> None:
    item, window, held, holding = mended(db)[0], visit(), [], []

    def connected(browser: Any) -> None:
        server = browser.connect_to_server()
        browser.on_message(server.send)
        server.on_message(lambda said: held.append((browser, said)) if holding else browser.send(said))

    window.route_web_socket("**/_stcore/stream", connected)
    opened(window, f"{serve(db)}/review?exp={EXP}&rv={item}")
    holding.append(True)  # the next item has left the server and does not arrive
    for _ in range(3):
        window.keyboard.press("x")
        window.wait_for_timeout(700)
    holding.clear()
    for browser, said in held:
        browser.send(said)
    window.get_by_text("1 rejected").wait_for()
    assert verdicts(db) == {item: "reject"}
