"""The explore page without a browser: a turn said otherwise, the turn to blame, links to turns, words in the turns."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from actors import ActingMachine, act
from app_pages import notice, opened, text_of
from reviewing import waiting_db
from streamlit.testing.v1 import AppTest

from sirius_core import frames, inquiries, review, whatif
from sirius_core.errors import UsageError
from sirius_core.store import Store
from sirius_core.store.browse import Browse, Filter
from sirius_core.store.search import Search
from sirius_core.trajectories import Trajectory
from view import episodes

EXP = "tiny-0-1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explore") / "lab.db"
    with Store(path) as store:
        act(store, rounds=2, controls=0)
    return path


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "lab.db"))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions for which a process would have been started."""
    started: list[str] = []
    monkeypatch.setattr("sirius_core.jobs.launch_inquiry", lambda path, inquiry: started.append(inquiry))
    return started


def slip(db: Path, round: int = 1) -> Trajectory:
    """A try whose analyst took the wrong formula."""
    with Store(db) as store:
        return next(t for t in store.episodes.find(EXP, round=round, phase="propose")
                    if t.reward and t.reward.turns == {0: 0.0, 1: 1.0, 2: 1.0})


def answered(db: Path, inquiry: str) -> None:
    with Store(db) as store:
        machine: Any = ActingMachine(store.experiments.get(EXP))
    inquiries.carry_out(db, inquiry, machine=machine)


def asked(db: Path, trajectory: str, **question: Any) -> str:
    with Store(db) as store:
        inquiry = inquiries.ask(store, trajectory, **question)
    answered(db, inquiry)
    return inquiry


def steps(at: AppTest) -> list[str]:
    return [e.label for e in at.expander if e.label.startswith("**")]


def test_a_turn_says_something_else_in_its_place(db: Path, launched: list[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db, round=2)
    key = f"{t.id[:12]}_0"
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)
    assert not at.text_area
    at.button(key=f"wi_{key}").click().run()
    at.text_area(key=f"wi_text_{key}").input("x * y : 12 x 3")
    assert [list(w.options) for w in at.get("button_group")[-2:]] == [
        ["8", "16", "32"], ["then (round 1)", "now (round 2)"]]
    at.button(key=f"wi_ask_{key}").click().run()
    with Store(db) as store:
        [question] = store.inquiries.find(EXP)
    assert (question.text, question.turn, question.k, question.spoken) == ("x * y : 1 2 * 3", 0, 8, 1)
    assert launched == [question.id]
    assert at.text_area(key=f"wi_text_{key}").value == "x * y : 12 x 3"
    assert at.button(key=f"stop_wi_{question.id}").label == "Stop"
    answered(db, question.id)
    at.run()
    with Store(db) as store:
        answer = inquiries.read(store.inquiries.get(question.id))
    assert answer is not None
    said = text_of(at).replace("\\", "")
    assert answer.says() in said and "with this text" in said and "as it was" in said
    links = [p.proto.label for p in at.get("page_link")]
    assert sum(label.endswith((" 1", " 8")) for label in links) == 4
    assert at.button(key=f"wi_ask_{key}")  # another text can be tried at once


def test_what_cannot_be_read_is_told_beside_the_box(db: Path, launched: list[str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db)
    key = f"{t.id[:12]}_1"
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)
    at.button(key=f"wi_{key}").click().run()
    at.text_area(key=f"wi_text_{key}").input("a quark")
    at.button(key=f"wi_ask_{key}").click().run()
    assert ["does not know 'quark'" in e.value.replace("\\", "") for e in at.error] == [True]
    assert launched == [] and at.text_area(key=f"wi_text_{key}").value == "a quark"


def test_a_branch_is_kept_and_sent_and_found_again(db: Path, launched: list[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db)
    with Store(db) as store:
        plan = next(x.turns[0].text for x in store.episodes.find(EXP, task=t.task) if x.right)
    inquiry = asked(db, t.id, turn=0, text=plan)
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)
    assert any("The analyst said something else" in e.label for e in at.expander)
    at.button(key=f"keep_{inquiry}").click().run()
    with Store(db) as store:
        assert store.inquiries.get(inquiry).kept
    assert any("kept" in e.label for e in at.expander)
    at.button(key=f"send_{inquiry}").click().run()
    assert notice(at).replace("\\", "").endswith("runs without review, so no round of it waits for a decision; "
                                                 "turn it on: sirius resume tiny-0-1 --set review=true --set rounds=3")
    with Store(db) as store:
        branch = whatif.ids(t, whatif.what_if(t, 0, plan, 8)[0], "whatif:0")[0]
        assert store.episodes.get(branch).parent == t.id
    said = text_of(opened(db, "explore", monkeypatch, exp=EXP, traj=branch))
    assert "A what-if: one turn says something else" in said and "The episode that it replays" in said
    assert "Against the episode that it replays" in said


def test_the_turn_to_blame_is_marked(db: Path, launched: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db, round=2)
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)
    at.button(key="blame_ask").click().run()
    with Store(db) as store:
        [question] = store.inquiries.find(EXP)
    assert (question.kind, question.k, launched) == ("blame", 16, [question.id])
    answered(db, question.id)
    at.run()
    with Store(db) as store:
        answer = inquiries.read(store.inquiries.get(question.id))
    assert isinstance(answer, whatif.Blame) and answer.told == 0
    assert answer.says() in text_of(at).replace("\\", "")
    assert ["most to blame" in label for label in steps(at)] == [True, False, False]
    right = next(r for r in _rows(db) if r.right)
    assert "blame_ask" not in {b.key for b in opened(db, "explore", monkeypatch, exp=EXP, traj=right.id).button}


def _rows(db: Path, **wanted: Any) -> list[Any]:
    with Store(db) as store:
        return Browse(store.db).episodes(EXP, Filter(**wanted), limit=10_000)


def test_a_link_opens_at_its_turn(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db)
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id, turn="1")
    assert ["this turn" in label for label in steps(at)] == [False, True, False]
    assert [e.proto.expanded for e in at.expander if e.label.startswith("**")] == [False, True, False]
    assert not at.warning
    at.button(f"link_{t.id[:12]}_2").click().run()
    assert at.query_params["turn"] == "2"
    assert ["this turn" in label for label in steps(at)] == [False, False, True]
    for wrong in ("3", "-1", "one", "9" * 30, "²"):
        at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id, turn=wrong)
        assert "this episode has turns 0 to 2" in at.warning[0].value
        assert [e.proto.expanded for e in at.expander if e.label.startswith("**")] == [True] * 3


def test_a_link_with_a_filter_that_is_not_here_says_so(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, "explore", monkeypatch, exp=EXP, ex_round="77", ex_kind="evaluation", ex_outcome="odd")
    assert [w.value.replace("\\", "") for w in at.warning] == [
        "The link names round '77', which is not here.", "The link names outcome 'odd', which is not here."]
    assert at.selectbox(key="ex_kind").value == "evaluation"


def test_a_link_into_another_experiment_opens_that_one(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db)
    with Store(db) as store:
        act(store, seed=1, rounds=1, controls=0)
    at = opened(db, "explore", monkeypatch, exp="tiny-1-1", traj=t.id)
    assert at.session_state["exp"] == EXP and at.query_params["traj"] == t.id


def test_words_in_the_turns_filter_the_table(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = slip(db)
    words = episodes.readable("formulas", t.turns[1].text).split(" ⇒ ")[-1]
    at = opened(db, "explore", monkeypatch, exp=EXP)
    at.text_input(key="ex_said").set_value(words).run()
    at.run()
    table = next(f.value for f in at.dataframe if "question" in f.value.columns)
    assert 0 < len(table) < 50 and all(words in said for said in table["said"])
    cell = next(c.value for c in at.code if "lab.episodes" in c.value)
    space: dict[str, Any] = {}
    exec(cell.replace("\nlab.", "\nfound = lab."), space)
    assert list(space["found"]["question"].map(lambda q: episodes.readable("formulas", q))) == list(table["question"])
    space["lab"].close()


def test_words_that_are_said_often_are_found_wherever_they_stand(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(db) as store:
        e = act(store, seed=1, rounds=1, controls=0, heldout=150)
        search = Search(store.db)
        search.catch_up(e.id, 10_000)
        holds = [hit for hit in search.find(e.id, "x", limit=10_000) if hit.phase.startswith("evaluate:")]
        late = len({hit.trajectory for hit in holds if hit.round == 1})
        assert len(search.places(e.id, "x")) > 500 and late > 150
    at = opened(db, "explore", monkeypatch, exp=e.id, ex_said="x", ex_kind="evaluation", ex_round="1")
    at.run()
    assert f"1 to 50 of {late:,}" in text_of(at)
    table = next(f.value for f in at.dataframe if "question" in f.value.columns)
    assert len(table) == 50 and set(table["round"]) == {1} and all("x" in said for said in table["said"])


def test_every_filter_tells_the_rows_that_it_leaves(db: Path) -> None:
    everything = _rows(db)
    with Store(db) as store:
        browse = Browse(store.db)
        for wanted, fits in (
            ({"round": 1}, lambda r: r.round == 1),
            ({"group": "evaluation"}, lambda r: r.phase.startswith("evaluate:")),
            ({"group": "training tries", "round": 2, "outcome": "wrong"},
             lambda r: r.phase == "propose" and r.round == 2 and not r.right and not r.stop),
            ({"outcome": "right"}, lambda r: r.right),
            ({"outcome": "lucky"}, lambda r: r.lucky),
            ({"outcome": "stopped"}, lambda r: r.stop is not None),
            ({"mended": True}, lambda r: r.mended),
            ({"mended": False, "group": "training tries"}, lambda r: not r.mended and r.phase == "propose"),
            ({"family": "travel"}, lambda r: r.data["family"] == "travel"),
            ({"words": "m/s", "outcome": "wrong"}, lambda r: "m/s" in r.question and not r.right and not r.stop),
            ({"among": (1, 3, 5)}, lambda r: r.seq in (1, 3, 5)),
            ({"group": "what-ifs"}, lambda r: False),
        ):
            left = [r for r in everything if fits(r)]
            assert browse.episodes(EXP, Filter(**wanted), limit=10_000) == left, wanted
            assert browse.count(EXP, Filter(**wanted)) == min(1000, len(left)), wanted
            assert browse.episodes(EXP, Filter(**wanted), after=left[0].seq if left else 0, limit=3) == left[1:4]
        assert browse.rounds(EXP) == [0, 1, 2]
        assert browse.families(EXP) == sorted({r.data["family"] for r in everything})
        assert browse.subjects(EXP) == []
        assert browse.stops(EXP) == sorted({r.stop for r in everything if r.stop})


def test_phases_have_names_that_people_use() -> None:
    assert [episodes.phase(key) for key in ("propose", "evaluate:heldout:greedy", "replays", "whatif:0", "blame:2",
                                            "worth:accepting", "imported", "sent", "else")] == [
        "training try", "held-out, greedy", "reviewer's replay", "what-if, spoken by the base",
        "blame, spoken by round 2", "value of the human: accepting", "imported", "sent to review", "else"]


def test_the_frame_of_questions_has_a_row_per_way_of_playing_on(db: Path) -> None:
    t = slip(db)
    inquiry = asked(db, t.id, turn=0, text="x * y : 1 2 * 3", author="Ann")
    with frames.open(db) as lab:
        rows = lab.inquiries(EXP)
        assert list(rows["variant"]) == ["edited", "unedited"] and set(rows["inquiry"]) == {inquiry}
        assert list(rows["n"]) == [8, 8] and set(rows["author"]) == {"Ann"}


def test_a_branch_that_was_sent_waits_in_the_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Path(shutil.copy(waiting_db(), tmp_path / "waits.db"))
    t = slip(db)
    with Store(db) as store:
        plan = next(x.turns[0].text for x in store.episodes.find(EXP, task=t.task) if x.right)
        held = store.episodes.find(EXP, phase="evaluate:heldout:sampled")[0]
    inquiry = asked(db, t.id, turn=0, text=plan)
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)
    at.button(key=f"send_{inquiry}").click().run()
    assert at.button(key=f"send_{inquiry}").label == "Sent to review" and not notice(at)
    with Store(db) as store:
        [item] = [i for i in review.items(store, EXP, 1) if i.kind == "sent"]
        sent = store.repairs.get(item.id).replay
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=t.id)  # another visit knows it, too
    assert at.button(key=f"send_{inquiry}").label == "Sent to review" and at.button(key=f"send_{inquiry}").disabled
    said = text_of(opened(db, "explore", monkeypatch, exp=EXP, traj=sent or ""))
    assert "Sent to review" in said and "Open it in review" in said
    other = asked(db, held.id, turn=2, text="1 2 m" if held.turns[2].text != "1 2 m" else "3 m")
    with Store(db) as store, pytest.raises(UsageError, match="this problem is a heldout one"):
        answer = store.inquiries.get(other)
        review.send(store, whatif.ids(held, inquiries.variants(held, answer)[0], answer.phase)[0], "Ann")


def test_a_branch_whose_round_went_on_without_a_decision_is_sent_again(tmp_path: Path) -> None:
    db = Path(shutil.copy(waiting_db(), tmp_path / "waits.db"))
    t = slip(db)
    with Store(db) as store:
        plan = next(x.turns[0].text for x in store.episodes.find(EXP, task=t.task) if x.right)
    asked(db, t.id, turn=0, text=plan)
    branch = whatif.ids(t, whatif.what_if(t, 0, plan, 8)[0], "whatif:0")[0]
    with Store(db) as store:
        assert review.sent(store, branch) is None
        first = review.send(store, branch, "Ann")
        assert (review.sent(store, branch), review.send(store, branch, "Ben")) == (first, first)
        review.close(store, EXP, 1)
        assert review.sent(store, branch) is None
        second = review.send(store, branch, "Ann")
        assert [store.repairs.place(item) for item in (first, second)] == [(EXP, 1), (EXP, 2)]
        assert review.sent(store, branch) == second
        assert list(store.check()) == []


def test_from_an_opened_episode_one_goes_on_in_the_table_it_was_opened_from(
        db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(db) as store:
        ids = [row.id for row in Browse(store.db).episodes(EXP, Filter(outcome="wrong"), limit=3)]
    at = opened(db, "explore", monkeypatch, exp=EXP, traj=ids[1])
    assert [b.key for b in at.button if b.key in ("ex_before", "ex_after")] == []  # opened by its address
    at.session_state["ex_list"] = (ids, {"ex_outcome": "wrong"})
    at.run()
    keys = {b.key: (b.proto.shortcut.lower(), b.disabled) for b in at.button if b.key in ("ex_before", "ex_after")}
    assert keys == {"ex_before": ("k", False), "ex_after": ("j", False)}
    assert any("ex_outcome=wrong" in link.proto.query_string for link in at.get("page_link"))
    at.button(key="ex_after").click().run()
    assert at.query_params["traj"] == ids[2] and at.button(key="ex_after").disabled
    at.button(key="ex_before").click().run()
    assert at.query_params["traj"] == ids[1]
