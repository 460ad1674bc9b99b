"""Traces from elsewhere on the pages: a file is previewed and imported, its experiment opens on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_pages import notice, opened, text_of
from test_imports import EACH, FULL, HOSTILE, written

from sirius_core import imports, review
from sirius_core.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A database with one imported experiment, mine-0-1, that has a hostile trace."""
    turn = {"role": HOSTILE, "text": HOSTILE, "model": HOSTILE}
    with Store(tmp_path / "lab.db") as store:
        imports.take(store, written(tmp_path / "mine.jsonl", [*EACH, {**FULL, "question": HOSTILE, "turns": [turn]}]))
    return tmp_path / "lab.db"


def test_a_file_is_previewed_and_imported_from_its_path(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(db, "settings", monkeypatch)
    at.text_input(key="im_path").input(str(written(tmp_path / "new.jsonl", [FULL, {"turns": 1}]))).run()
    assert "new\\.jsonl, row 2, question\\: it is missing" in "".join(e.value for e in at.error)
    assert "It is an insect" not in text_of(at) and "How many legs has a spider?" in text_of(at)
    assert not [b for b in at.button if b.key == "im_go"]
    written(tmp_path / "new.jsonl", [FULL, {**FULL, "question": "And an ant?"}])
    at.run()
    at.button(key="im_go").click().run()
    with Store(db) as store:
        assert [e.id for e in store.experiments.all()] == ["new-0-1", "mine-0-1"]


def test_a_path_that_is_none_is_told(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, "settings", monkeypatch)
    at.text_input(key="im_path").input("/no/such/file.jsonl").run()
    assert "there is no" in "".join(e.value for e in at.error)


@pytest.mark.parametrize("page", ["overview", "run", "explore", "review", "library"])
def test_an_imported_experiment_opens_on_every_page(db: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    at = opened(db, page, monkeypatch, exp="mine-0-1")
    said = text_of(at)
    assert "<img src=x" not in said.replace("&lt;", "")
    if page == "overview":
        assert [(m.label, m.value) for m in at.metric] == [
            ("Traces", "5"), ("Right", "2"), ("Wrong", "3"), ("Not judged", "0"), ("Sent to review", "3")]
        assert "untrained base" not in said
    if page == "review":
        assert "Nobody here can play on from an imported trace." in said


def test_the_run_page_offers_nothing_that_an_import_cannot_do(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, "run", monkeypatch, exp="mine-0-1")
    assert "nothing of them runs here" in text_of(at) and "The untrained base" not in text_of(at)
    assert not {"more", "resume", "go_on", "stop"} & {b.key for b in at.button}


def test_a_failed_trace_is_edited_on_the_review_page(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(db) as store:
        item = next(i for i in review.items(store, "mine-0-1", imports.ROUND)
                    if review.shown(store, i.id).repair.role == "counter")
    at = opened(db, "review", monkeypatch, exp="mine-0-1", rv=item.id)
    at.text_area(key=f"edit_{item.id}").input("A spider is no insect. Answer: 8").run()
    at.button(key="try").click().run()
    assert not at.exception and "8" in text_of(at)
    with Store(db) as store:
        (again,) = [t for t in store.episodes.find("mine-0-1", phase="review") if t.edits == {
            1: "A spider is no insect. Answer: 8"}]
        assert again.right


def test_the_library_is_made_by_a_button(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, "library", monkeypatch, exp="mine-0-1")
    at.button(key="im_make").click().run()
    assert notice(at) == "" and not [b for b in at.button if b.key == "im_make"]
    assert ("Examples", "2") in [(m.label, m.value) for m in at.metric]
    for view in ("Training", "Export and verify"):
        at.session_state["lb_view"] = view
        at.run()
        assert not at.exception
    at.button(key="lb_rebuild").click().run()
    assert notice(at) == "" and "2 examples" in text_of(at)
    assert not [b for b in at.get("download_button") if b.proto.id.endswith("lb_manifest")]
    with Store(db) as store:
        assert [(row["model"], row["n"]) for row in store.weights.training_sets("mine-0-1", 0)] == [("assistant", 2)]
