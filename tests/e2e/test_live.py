"""While a job runs typed text survives and nothing moves but the job; addresses and buttons do what they say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import act
from browser import opened, settled

from sirius_core import jobs
from sirius_core.store import Store

EXPERIMENT = "tiny-0-1"
PLACES = """() => [...document.querySelectorAll('[class*="st-key-"]')]
  .filter(e => !e.closest('[class*="st-key-pipeline_"]') && e.offsetParent)
  .map(e => { const r = e.getBoundingClientRect();
              return [e.className.match(/st-key-\\S+/)[0], Math.round(r.x), Math.round(r.y), Math.round(r.width)] })"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``running.db``, stopped in the middle of a round, and ``finished.db``."""
    made = tmp_path_factory.mktemp("live")
    with Store(made / "running.db") as store:
        act(store, stop_at="1:repair")
    with Store(made / "finished.db") as store:
        act(store)
    return made


@pytest.fixture
def running(folder: Path) -> Iterator[Path]:
    """The database of a job that seems to work: its lock is held and its row goes on."""
    path, over = folder / "running.db", threading.Event()

    def work() -> None:
        done = 0
        with Store(path) as store, jobs.lock(path, EXPERIMENT):
            while not over.wait(0.3):
                done = (done + 1) % 16
                store.experiments.set_job(EXPERIMENT, status="running", phase="repair", done=done, total=16)

    thread = threading.Thread(target=work)
    thread.start()
    yield path
    over.set()
    thread.join()


def test_typed_text_focus_and_place_survive_while_a_job_runs(running: Path, serve: Any, page: Any) -> None:
    page.goto(f"{serve(running)}/run?exp={EXPERIMENT}")
    moving = page.locator('[class*="st-key-pipeline_"]').first
    moving.get_by_text(" of 16").wait_for()
    box = page.locator(".st-key-name_quickstart input")
    box.scroll_into_view_if_needed()
    box.fill("")
    box.press_sequentially("half a na", delay=30)
    page.wait_for_timeout(1500)
    before, said = page.evaluate(PLACES), moving.inner_text()
    page.wait_for_timeout(3000)
    assert moving.inner_text() != said
    assert page.evaluate(PLACES) == before
    assert box.input_value() == "half a na" and box.evaluate("e => e === document.activeElement")
    box.press_sequentially("me")
    assert box.input_value() == "half a name"
    assert page.complaints == []


def test_a_round_has_an_address_and_the_experiment_goes_out_as_one_file(folder: Path, serve: Any, page: Any) -> None:
    opened(page, f"{serve(folder / 'finished.db')}/overview?exp={EXPERIMENT}&round=1")
    chosen = page.locator(".st-key-ov_round [aria-checked=true], .st-key-ov_round [kind*=Active]")
    chosen.get_by_text("round 1").wait_for()
    assert page.locator("[role=dialog]").count() == 0
    page.locator(".st-key-ov_round").get_by_text("now").click()
    page.wait_for_url(lambda url: "round=" not in url)
    settled(page)
    assert EXPERIMENT in page.url
    with page.expect_download() as download:
        page.locator(".st-key-share button").first.click()
    assert download.value.suggested_filename == f"{EXPERIMENT}.html"
    body = Path(download.value.path()).read_text("utf-8")
    assert "default-src 'none'" in body and "Round by round" in body


def test_a_cell_of_code_opens_and_can_be_read(folder: Path, serve: Any, visit: Any) -> None:
    page = visit(width=390)
    page.goto(f"{serve(folder / 'finished.db')}/?exp={EXPERIMENT}")
    page.locator(".st-key-copy_accuracy button").click()
    page.get_by_text(f'lab.figure("accuracy", "{EXPERIMENT}")').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
