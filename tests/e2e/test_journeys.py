"""Three users: a teacher who starts from nothing, a researcher who hunts a failure, a reviewer whose machine dies.

What a reviewer does at the keyboard is in test_review.py; here the app is killed while she types.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import ROOT, apart, button, opened, pressed, settled, wrong_layout

from sirius_core import review
from sirius_core.store import Store
from sirius_core.trajectories import Repair

Serve = Callable[[Path], str]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny-0-1, played by the embedded model itself, waits for people; an experiment of long replies is finished."""
    path = tmp_path_factory.mktemp("journeys") / "lab.db"
    settings = ("review=true", "controls=0", "blind=0", "planted=0", "replays=1")
    command = [sys.executable, "-m", "sirius_core", "run", "tiny", "--db", str(path)]
    done = subprocess.run([*command, *(word for s in settings for word in ("--set", s))], cwd=ROOT, capture_output=True)
    assert done.returncode == 3, done.stderr.decode()

    def talk() -> None:
        import longform

        with Store(path) as store:
            longform.act(store, problems=12, heldout=6, validation=4, rounds=1)

    apart(talk)
    return path


def mended(db: Path) -> tuple[Repair, str]:
    """A repair of the first turn that mended its failure; its rewrite as a person would type it."""
    from view.words import editable

    with Store(db) as store:
        repair = next(r for r in store.repairs.find("tiny-0-1", 1) if r.mended and r.turn == 0)
        return repair, editable("formulas", repair.rephrased)


def test_a_teacher_in_front_of_a_class(serve: Serve, visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(color_scheme="dark", width=1600, height=1000)
    opened(page, serve(tmp_path / "class.db"))
    page.get_by_text("No experiment yet").first.wait_for()
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("radio", name="tiny").click()
    settled(page)
    button(page, "start").click()
    page.get_by_text("All 2 rounds closed").wait_for()
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("button", name="Show me a mended failure").first.click()
    page.get_by_text("The critic", exact=True).first.wait_for()
    page.evaluate("document.documentElement.style.zoom = '1.6'")  # the last row reads it, too
    settled(page)
    assert page.get_by_text("rewritten").first.is_visible()
    assert [line for line in wrong_layout(page) if "sideways" in line or "beyond" in line] == []
    assert page.complaints == []


def test_a_researcher_hunts_a_failure(serve: Serve, page: Any, db: Path, tmp_path: Path) -> None:
    address = serve(db)
    # a search in what was said, among long replies; a wrong one by its address, at the turn that went wrong
    opened(page, f"{address}/explore?exp=longform-0-1&ex_outcome=wrong")
    page.locator(".st-key-ex_said input").fill("newton")
    page.keyboard.press("Enter")
    page.get_by_text(" of ").first.wait_for()
    settled(page)
    assert "ex_said=newton" in page.url

    # what if the first turn had said what the critic proposes: the branch comes right and goes to review
    repair, text = apart(lambda: mended(db))
    opened(page, f"{address}/explore?exp=tiny-0-1&traj={repair.failed}&turn=0")
    button(page, f"wi_{repair.failed[:12]}_0").click()
    box = page.get_by_role("textbox", name="It says instead")
    box.fill(text)
    page.keyboard.press("Control+Enter")
    sent = page.get_by_role("button", name="Send to review").first
    sent.wait_for()
    settled(page)
    sent.click()
    page.get_by_role("link", name="Open it there").click()
    page.get_by_text("A person sent this branch.").first.wait_for()

    def found() -> list[str]:
        with Store(db) as store:
            return [i.kind for i in review.items(store, "tiny-0-1", 1)]

    assert apart(found).count("sent") == 1

    # which turn was to blame
    opened(page, f"{address}/explore?exp=tiny-0-1&traj={repair.failed}")
    button(page, "blame_ask").click()
    page.get_by_text("replays said afresh from there on").wait_for()

    # from an example back to where it came from, and out into a file with its provenance
    opened(page, f"{address}/library?exp=longform-0-1")
    button(page, "lb_often_open_0").click()
    page.get_by_text("Where it came from").wait_for()
    page.get_by_text("What became of it").wait_for()
    button(page, "lb_close").click()
    page.get_by_role("radio", name="Export and verify").click()
    page.get_by_text("Take it with you").wait_for()
    settled(page)
    with page.expect_download() as download:
        button(page, "lb_download").click()
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as out:
        assert any(name.endswith("provenance.jsonl") for name in out.namelist())


def test_killing_the_app_loses_at_most_what_was_typed(serve: Any, page: Any, db: Path) -> None:
    """Decisions stand; the text in the box, which nobody tried, is gone."""
    opened(page, f"{serve(db)}/review?exp=tiny-0-1")
    for number in ("1", "2"):
        pressed(page, "x")
        page.get_by_text(f"{number} rejected").wait_for()
        page.wait_for_timeout(400)  # what has just come into view cannot be decided yet
    page.locator(".st-key-edit textarea").first.fill("371 - 35 x 9")
    serve.process(db).kill()
    serve.process(db).wait(20)

    def decided() -> list[str]:
        with Store(db) as store:
            return [i.decision.verdict for i in review.items(store, "tiny-0-1", 1) if i.decision]

    assert apart(decided) == ["reject", "reject"]
    opened(page, f"{serve(db)}/review?exp=tiny-0-1")
    page.get_by_text("2 rejected").wait_for()
    assert page.locator(".st-key-edit textarea").first.input_value() != "371 - 35 x 9"
