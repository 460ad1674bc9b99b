"""A researcher hunts for what went wrong: an edit typed while an answer is on its way, the answer, links to a turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from actors import ActingMachine, act
from browser import apart, button, inaccessible, opened, settled, wrong_layout

from sirius_core import inquiries, jobs
from sirius_core.store import Store

EXP = "tiny-0-1"
FORMS = {"light": ("light", 1360), "dark": ("dark", 1360), "phone": ("light", 390)}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explore") / "lab.db"

    def make() -> None:
        with Store(path) as store:
            act(store, controls=0)

    apart(make)
    return path


def asked(db: Path) -> tuple[str, str]:
    """(a failed try, a question about its blame that nobody has begun to answer)"""
    with Store(db) as store:
        t = next(t for t in store.episodes.find(EXP, round=2, phase="propose")
                 if t.reward and t.reward.turns == {0: 0.0, 1: 1.0, 2: 1.0})
        return t.id, inquiries.ask(store, t.id, kind="blame", k=16)


def answer(db: Path, inquiry: str) -> None:
    with Store(db) as store:
        machine: Any = ActingMachine(store.experiments.get(EXP))
    inquiries.carry_out(db, inquiry, machine=machine)


def moved(db: Path, inquiry: str, **changes: Any) -> None:
    with Store(db) as store:
        store.inquiries.set(inquiry, **changes)


def test_what_is_typed_survives_an_answer_that_arrives(
    db: Path, serve: Callable[[Path], str], visit: Callable[..., Any]
) -> None:
    trajectory, inquiry = apart(lambda: asked(db))
    page = visit(height=1400)
    with jobs.lock(db, inquiry):
        apart(lambda: moved(db, inquiry, status="running", done=8, total=48))
        opened(page, f"{serve(db)}/explore?exp={EXP}&traj={trajectory}")
        page.get_by_text("8 of 48 replays").wait_for()
        button(page, f"wi_{trajectory[:12]}_1").click()
        box = page.get_by_role("textbox", name="It says instead")
        box.wait_for()
        settled(page)
        page.evaluate("() => document.querySelector('textarea').dataset.mine = 'yes'")
        before = box.bounding_box()
        box.fill("1 2 * 3 , half typed")
        apart(lambda: moved(db, inquiry, done=24))
        page.get_by_text("24 of 48 replays").wait_for()
        assert box.input_value() == "1 2 * 3 , half typed"
        assert page.evaluate("() => document.activeElement.dataset.mine") == "yes"
        assert box.bounding_box() == before  # nothing outside the moving part moves
    apart(lambda: answer(db, inquiry))
    page.get_by_text("was to blame,").first.wait_for()
    assert box.input_value() == "1 2 * 3 , half typed"
    assert page.get_by_text("most to blame").count() == 1
    page.keyboard.press("Control+Enter")  # words that cannot be read are told beside the box
    page.get_by_text("does not know").first.wait_for()
    assert box.input_value() == "1 2 * 3 , half typed" and page.complaints == []
    for name, (scheme, width) in FORMS.items():
        form = visit(color_scheme=scheme, width=width)
        opened(form, f"{serve(db)}/explore?exp={EXP}&traj={trajectory}&turn=1")
        form.locator("summary", has_text="this turn").wait_for()
        assert (name, wrong_layout(form), inaccessible(form, beside=("[data-testid=stSidebarNavItems]",))) == (
            name, [], [])
