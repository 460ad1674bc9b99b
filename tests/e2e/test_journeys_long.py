"""The same users with replies as real models write them, from an endpoint: long ones with formulas, tables, code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from browser import apart, button, opened, pressed, settled, wrong_layout

from sirius_core import review
from sirius_core.review import Item
from sirius_core.store import Store
from sirius_core.store.browse import Browse

WAITS, DONE = "longform-0-1", "longform-1-1"
SIZES = {"problems": 12, "heldout": 6, "validation": 4, "rounds": 1}
Serve = Callable[[Path], str]


class Lab(NamedTuple):
    """A database, a failure that was mended in it, and a mended repair of a turn that others follow."""

    db: Path
    story: str
    repair: str
    text: str


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """WAITS waits for people, DONE is finished; the endpoint that spoke in both still answers."""
    import longform
    from endpoint import FakeEndpoint

    path = tmp_path_factory.mktemp("long") / "lab.db"
    with FakeEndpoint(longform.Talker(), models=("longform",)) as server:

        def make() -> Lab:
            with Store(path) as store:
                there = {"base_url": server.base_url, "model": "longform", **SIZES}
                longform.act(store, review=True, blind=0.0, planted=0.0, replays=2, **there)
                longform.act(store, seed=1, **there)
                repair = next(r for r in store.repairs.find(WAITS, 1) if r.mended and r.turn == 0)
                return Lab(path, Browse(store.db).mended(DONE)[0], repair.id, repair.rephrased)

        yield apart(make)


def queue(db: Path) -> list[Item]:
    def read() -> list[Item]:
        with Store(db) as store:
            return review.items(store, WAITS, 1)

    return apart(read)


def verdicts(db: Path) -> list[str]:
    return sorted(i.decision.verdict for i in queue(db) if i.decision is not None)


def test_a_reviewer_reads_long_rewrites(serve: Serve, page: Any, lab: Lab) -> None:
    opened(page, f"{serve(lab.db)}/review?exp={WAITS}&rv={lab.repair}")
    box = page.locator(".st-key-edit textarea").first
    box.fill(lab.text + "\nChecked by hand.")
    page.keyboard.press("Control+Enter")  # the endpoint plays on from it
    page.get_by_text("Your text, played again").wait_for()
    settled(page)
    assert button(page, "save").is_enabled()
    page.keyboard.press("Control+Enter")
    page.get_by_text("1 edited").wait_for()
    settled(page)
    for number, keys in enumerate(("2x", "fx"), 1):
        for key in keys:
            pressed(page, key)
        page.get_by_text(f"{number} rejected").wait_for()
        settled(page)
    pressed(page, "u")
    page.get_by_text("1 rejected").wait_for()
    assert verdicts(lab.db) == ["edit", "reject"] and sum(i.flagged for i in queue(lab.db)) == 1
    assert wrong_layout(page) == [] and page.complaints == []


def test_a_researcher_asks_what_if_of_an_endpoint(serve: Serve, page: Any, lab: Lab) -> None:
    address = serve(lab.db)
    opened(page, f"{address}/explore?exp={DONE}&traj={lab.story}&turn=0")
    button(page, f"wi_{lab.story[:12]}_0").click()
    page.get_by_role("textbox", name="It says instead").fill("The net force is zero. Result: nothing moves.")
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Send to review").first.wait_for()
    settled(page)
    button(page, "blame_ask").click()
    page.get_by_text("replays said afresh from there on").wait_for()
    settled(page)
    assert wrong_layout(page) == [] and page.complaints == []
    opened(page, f"{address}/library?exp={DONE}")
    button(page, "lb_often_open_0").click()
    page.get_by_text("Where it came from").wait_for()
    settled(page)
    assert wrong_layout(page) == []


def test_a_teacher_shows_a_long_reply(serve: Serve, visit: Callable[..., Any], lab: Lab) -> None:
    page = visit(color_scheme="dark", width=1600, height=1000)
    opened(page, f"{serve(lab.db)}/?exp={DONE}")
    page.get_by_role("button", name="Show me a mended failure").first.click()
    page.get_by_text("The critic", exact=True).first.wait_for()
    settled(page)
    assert page.get_by_text("The physics of the problem").first.is_visible()
    assert wrong_layout(page) == [] and page.complaints == []
