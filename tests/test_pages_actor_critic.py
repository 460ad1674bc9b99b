"""The page of actor and critic without a browser: the flow, a click into each cell, a round, the way to it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from app_pages import opened, text_of
from judging import sit
from test_code_cells import cells, run, same_figure, same_table

from sirius_core import flows
from sirius_core.settings import preset
from sirius_core.store import Store
from view import actor_critic_cell, actor_critic_flow, live

EXP, ALONE, OTHER = "court-0-1", "alone-0-1", "single-0-1"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("court") / "lab.db"
    with Store(path) as store:
        sit(store, "single", recipe="single", heldout=8)
        sit(store, "alone", recipe="self_correct", heldout=30)
        sit(store, recipe="actor_critic", rounds=1)
    return path


def test_the_page_says_what_judging_and_revising_did(db, monkeypatch):
    at = opened(db, "actor_critic", monkeypatch, exp=EXP)
    with Store(db) as store:
        report = store.experiments.reports(EXP)[-1]
        lines, e = actor_critic_flow.said(report["measures"]), store.experiments.get(EXP)
        found = flows.of_round(store, e)
    text = text_of(at)
    assert len(lines) == 3 and all(line in text for line in lines)
    assert f"First answers are right on {sum(b.first for b in found) / 60:.1%}".replace("%", "\u00a0%") in lines[0]
    assert "McNemar's exact test over the same problems: p " in lines[0]
    assert at.session_state["ac_round"] == 1 and "What became of 60 held-out problems" in text
    given = {cell.key: cell for cell in cells(at)}
    assert {"ac_flow", "ac_confusion", "first_and_final", "judging", "measures_table"} <= set(given)
    for key in ("ac_flow", "first_and_final", "judging"):
        same_figure(given[key].beside, run(given[key]))
    same_table(given["measures_table"].beside.value, run(given["measures_table"]))


def test_every_cell_opens_its_episodes(db, monkeypatch):
    at = opened(db, "actor_critic", monkeypatch, exp=EXP)
    with Store(db) as store:
        found = flows.of_round(store, store.experiments.get(EXP))
    for row in flows.confusion(found):
        for name in flows.columns(found):
            key, cell = f"ac_cell_{row['first']}_{name}", f"{row['first']}-{name}"
            assert at.button(key=key).disabled is (row[name] == 0)
            if not row[name]:
                continue
            at.button(key=key).click().run()
            assert at.query_params["cell"] == cell and at.button(key=key).label == "Shown below"
            (shown,) = [c for c in cells(at) if c.key == "ac_episodes"]
            assert len(shown.beside.value) == row[name]
            given = run(shown)
            same_table(shown.beside.value, given)
            assert set(given["trajectory"]) == {b.trajectory for b in found if flows.cell_of(b) == cell}
    at.button(key=key).click().run()  # a second click closes the last one
    assert "cell" not in at.query_params and "ac_episodes" not in {c.key for c in cells(at)}


def test_an_episode_of_a_cell_opens_in_explore_with_its_neighbours(db, monkeypatch):
    with Store(db) as store:
        found = flows.of_round(store, store.experiments.get(EXP))
    ids = [b.trajectory for b in found if flows.cell_of(b) == "right-true"]
    went: dict[str, object] = {"ac_open": type("Click", (), {"row": 1})()}
    monkeypatch.setattr(actor_critic_cell.st, "session_state", went)
    actor_critic_cell.open_row(EXP, ids, 0)
    assert went["ex_list"] == (ids, {}) and went["_goto"] == ("pages/explore.py", {"exp": EXP, "traj": ids[1]})
    monkeypatch.undo()
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=ids[1])
    labels = [e.label for e in at.expander if e.label.startswith("**")]
    assert [label.split("**")[1].split()[-1] for label in labels] == ["Actor", "Judge"]


def test_rounds_and_links(db, monkeypatch):
    at = opened(db, "actor_critic", monkeypatch, exp=EXP, round="0", cell="wrong-false")
    assert at.session_state["ac_round"] == 0 and not at.warning
    with Store(db) as store:
        base = flows.of_round(store, store.experiments.get(EXP), 0)
    n = sum(flows.cell_of(b) == "wrong-false" for b in base)
    (shown,) = [c for c in cells(at) if c.key == "ac_episodes"]
    assert len(shown.beside.value) == n and f"1 to {n} of {n}" in text_of(at)
    at = opened(db, "actor_critic", monkeypatch, exp=EXP, round="7", cell="left-true")
    assert [w.value.replace("\\", "") for w in at.warning] == [
        "The link names round '7', which is not here.", "The link names cell 'left-true', which is not here."]
    assert at.session_state["ac_round"] == 1


def test_where_nobody_judges_the_second_look_stands_alone(db, monkeypatch):
    at = opened(db, "actor_critic", monkeypatch, exp=ALONE)
    text = text_of(at)
    assert "The judge is right on" not in text and "First right**, wrong in the end" in text
    assert {b.key for b in at.button if str(b.key).startswith("ac_cell")} == {
        f"ac_cell_{one}_{two}" for one in ("right", "wrong") for two in ("right", "wrong")}
    with Store(db) as store:
        found = flows.of_round(store, store.experiments.get(ALONE))
    at.button(key="ac_cell_wrong_right").click().run()
    (shown,) = [c for c in cells(at) if c.key == "ac_episodes"]
    assert len(shown.beside.value) == sum(b.final and not b.first for b in found) > 0


def test_another_team_is_told_what_would_stand_here_and_how_to_get_it(db, monkeypatch, tmp_path):
    at = opened(db, "actor_critic", monkeypatch, exp=OTHER)
    assert "The open experiment is played by another team." in text_of(at)
    assert at.button(key="ac_start_one").label == "Start the preset actor-critic"
    at.button(key="ac_settings").click().run()
    assert at.session_state["preset"] == "actor-critic"
    empty = opened(tmp_path / "lab.db", "actor_critic", monkeypatch)
    assert "Nothing has been judged yet" in text_of(empty)


def test_nobody_is_said_to_see_the_right_answer():
    (repair,) = [step for step in live.steps(preset("actor-critic"), 1) if step.phase == "repair"]
    assert "Nobody is shown the right answer." in repair.what and "sees the right" not in repair.what
    assert "critic that sees the right answer" in live.steps(preset("quickstart"), 1)[1].what


def test_the_overview_has_a_card_of_it(db, monkeypatch):
    at = opened(db, "overview", monkeypatch, exp=EXP)
    with Store(db) as store:
        lines = actor_critic_flow.said(store.experiments.reports(EXP)[-1]["measures"])
    assert all(line in text_of(at) for line in lines)
    assert "What became of every first answer" in [link.proto.label for link in at.get("page_link")]
    assert "measures_table" in {c.key for c in cells(at)}
    assert "What the critic bought" not in text_of(at)  # no critic mends here
    assert "What became of every first answer" not in text_of(opened(db, "overview", monkeypatch, exp=OTHER))
