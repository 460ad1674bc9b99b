"""From an idea to a verdict in the browser: plan two arms, predict, begin, watch, read the verdict, open a flip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import apart, button, settled

from sirius_core.store import Store

TEXT = """
question = "Does learning help at all?"
preset = "tiny"
seeds = 2
[settings]
rounds = 1
problems = 16
heldout = 24
validation = 4
new_wordings = 0
withheld_forms = 0
controls = 0
workers = 1
[arms."never learns"]
rounds = 0
update = "none"
[arms.learns]
rate = 0.002
"""


def test_from_an_idea_to_a_verdict(serve: Callable[[Path], str], page: Any, tmp_path: Path) -> None:
    db = tmp_path / "lab.db"
    page.goto(f"{serve(db)}/contrast")
    page.get_by_text("Two or more ways, one question").wait_for()

    # plan: a text says it all; what is wrong is said at once
    page.get_by_role("radio", name="a TOML text").click()
    page.locator(".st-key-ct_text textarea").fill(TEXT)
    page.keyboard.press("Control+Enter")
    settled(page)
    button(page, "ct_read").click()
    page.get_by_text("4 runs").wait_for()
    settled(page)
    second = page.locator("[class*='st-key-ct1_1_name'] input")
    second.fill("never learns")
    page.keyboard.press("Enter")
    page.get_by_text("two arms are called").wait_for()
    second.fill("learns")
    page.keyboard.press("Enter")
    page.get_by_text("4 runs").wait_for()
    settled(page)
    button(page, "ct_make").click()

    # predict
    page.get_by_text("What do you expect?").wait_for()
    settled(page)
    page.locator(".st-key-ct_p0_arm").get_by_text("learns", exact=True).click()
    settled(page)
    page.locator(".st-key-ct_author input").fill("Ann")
    page.keyboard.press("Enter")
    settled(page)
    button(page, "ct_predict").click()
    page.get_by_text("1 prediction kept").wait_for()
    settled(page)
    button(page, "ct_begin").click()

    # watch, then read what may be said
    page.get_by_text("1 prediction locked").wait_for()
    page.get_by_text("about these checkpoints").first.wait_for()
    settled(page)
    page.get_by_text("What was expected, and what came").wait_for()
    contrast = page.url.partition("contrast=")[2].partition("&")[0]
    with_flips = f"{page.url}&pair=0-1&seed=1&task={apart(lambda: flip(db, contrast))}"
    page.goto(with_flips)
    page.get_by_text("Open it in Explore").nth(1).wait_for()
    page.get_by_text("Open it in Explore").first.click()
    page.get_by_text("The same problem").or_(page.get_by_text("Round 0")).first.wait_for()
    assert page.complaints == []


def flip(db: Path, contrast: str) -> str:
    """A problem that one of the two arms got right with seed 1 and the other did not."""
    from sirius_core.contrast import telling

    with Store(db) as store:
        found = telling.flips(store, contrast, "never learns", "learns", 1)
        assert found is not None and found.rows
        return str(found.rows[0]["task"])
