"""The pages on experiments that were really played at a chat endpoint on loopback, on a CSV and on restricted data."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("streamlit")

import chat_lab
from app_pages import button, notice, opened, text_of
from chat_actor import ChatActor
from endpoint import FakeEndpoint
from endpoint_faults import Rate
from streamlit.testing.v1 import AppTest

from sirius_core import frames, jobs, review, rewriting
from sirius_core.errors import UsageError, WaitingForReview
from sirius_core.settings import Settings, preset
from sirius_core.store import Store
from sirius_core.store.browse import GROUPS, Browse, Filter
from view import live
from view.episodes import how_judged, whole

KEY = "sk-canary-0123456789abcdef"
KINDS = ("bottles-0-1", "prompts-0-1", "rewritten-0-1", "mended-0-1", "quiz-0-1", "bottles-chain-0-1", "faulty-0-1")


class Lab(NamedTuple):
    server: FakeEndpoint
    folder: Path
    db: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One database for the module; tests that write take a copy. Its endpoint answers as long as the tests run."""
    folder = tmp_path_factory.mktemp("endpoint")
    with FakeEndpoint(chat_lab.ChatLab()) as server:
        db = chat_lab.made(folder, server.base_url)
        rates = {"reset": Rate(0.25), "refusal": Rate(0.2), "truncated": Rate(0.1)}
        with FakeEndpoint(chat_lab.ChatLab(), models=("unpriced",), faults=rates) as bad:
            chat_lab.faulty(db, bad.base_url, folder / "bottles.csv")
        yield Lab(server, folder, db)


@pytest.fixture
def page(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``page("explore", exp="bottles-0-1")``: a page of a copy of the database, in a shell that holds a key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    copy = tmp_path / "chat.db"
    shutil.copy(lab.db, copy)
    return lambda name, **query: opened(copy, name, monkeypatch, **query)


@pytest.fixture
def store(lab: Lab) -> Iterator[Store]:
    with Store(lab.db) as found:
        yield found


def an_episode(store: Store, experiment: str, **wanted: Any) -> str:
    return Browse(store.db).episodes(experiment, Filter(**wanted), limit=1)[0].id


@pytest.mark.parametrize("experiment", KINDS)
def test_every_page_opens_on_every_kind_of_experiment(page: Callable[..., AppTest], experiment: str) -> None:
    at = page("overview", exp=experiment)
    for name in ("overview", "run", "explore", "review"):
        at.switch_page(f"pages/{name}.py").run()
        said = text_of(at)
        assert not at.error and not at.exception and said.strip() and KEY not in said


# -- the overview ----------------------------------------------------------------------------------------------------
def test_nothing_of_the_pocket_model_is_said_of_another(page: Callable[..., AppTest]) -> None:
    said = text_of(page("overview", exp="bottles-0-1"))
    assert "fake at 127" in said and "What it took" in said and "The problems" in said
    for word in ("misconception", "withheld", "Withheld", "New wordings", "textbook", "base misled", "their part"):
        assert word not in said


def test_what_it_took_has_a_line_for_each_round_and_names_what_failed(
    page: Callable[..., AppTest], store: Store
) -> None:
    at = page("overview", exp="bottles-0-1")
    table = next(f.value for f in at.dataframe if "failed attempts" in f.value.columns)
    assert list(table["round"]) == ["0", "1", "2"] and all(cost.startswith("$") for cost in table["cost"])
    assert "came from an earlier run's journal and cost nothing" in text_of(at)
    at = page("overview", exp="faulty-0-1")
    table = next(f.value for f in at.dataframe if "failed attempts" in f.value.columns)
    failed = [f"{store.experiments.reports('faulty-0-1')[0]['faults']['reset']} reset"]
    assert list(table["cost"]) == ["unknown"] and list(table["failed attempts"]) == failed
    assert "refused" in table["no answer from"][0] and "truncated" in table["no answer from"][0]
    assert "Say the model's price" in text_of(at)
    assert next(m for m in at.metric if m.label == "Paid so far").value == "unknown"


def test_the_most_frequent_answer_stands_beside_the_accuracy(page: Callable[..., AppTest], store: Store) -> None:
    held = store.experiments.measurement("quiz-0-1", "data")["majority"]
    at = page("overview", exp="quiz-0-1")
    assert f"Always saying {held['answer']}" in [m.label for m in at.metric]
    chart = str(at.get("plotly_chart")[0].proto)
    assert f"always saying {held['answer']}" in chart
    said = text_of(at)
    assert "not to be exported" in said and "CC BY 4\\.0" in said and "4 to train on, 1 to validate, 4 held out" in said


@pytest.mark.parametrize("experiment, changed, verdict", [
    ("bottles-0-1", "examples to choose from, 4 shown before a request", "The gate kept 6 updates"),
    ("prompts-0-1", "instruction rewritten", "of 8 right (+4)"),
])
def test_what_was_learned_in_words_reads_naturally(
    page: Callable[..., AppTest], experiment: str, changed: str, verdict: str
) -> None:
    at = page("overview", exp=experiment)
    table = next(f.value for f in at.dataframe if "what changed" in f.value.columns)
    assert all(changed in text for text in table["what changed"]) and set(table["gate"]) == {"kept"}
    assert "steps" not in table.columns and "loss" not in table.columns
    assert verdict in text_of(at)
    shown = [x.label for x in at.expander if x.label.startswith("The instruction of")]
    assert bool(shown) == (experiment == "prompts-0-1")


def test_a_first_look_is_a_table_that_can_be_gone_on_with(page: Callable[..., AppTest]) -> None:
    at = page("overview", exp="bottles-chain-0-1")
    table = next(f.value for f in at.dataframe if "against the first" in f.value.columns)
    assert list(table["arm"]) == ["single agent", "chain", "chain + demos", "chain + prompts"]
    assert list(table["status"]) == ["done", "done", "waits", "waits"]
    assert table["against the first"][0] == "" and "p = " in table["against the first"][1]
    assert at.button(key="arms_start_overview").label == "Go on with the rest"


@pytest.mark.parametrize("changes, names", [
    ({"update": "demos", "model": "m"}, ["Try", "Repair", "Show", "Validate", "Compare", "Evaluate"]),
    ({"update": "prompts", "model": "m", "review": True, "critic": "none"},
     ["Try", "Rewrite", "Review", "Validate", "Evaluate"]),
    ({"update": "prompts", "model": "m", "review": True, "controls": 0},
     ["Try", "Repair", "Play on", "Review", "Rewrite", "Review", "Validate", "Evaluate"]),
    ({"update": "none", "model": "m", "recipe": "star"}, ["Try", "Keep", "Compare", "Evaluate"]),
    ({}, ["Try", "Repair", "Train", "Validate", "Compare", "Evaluate"]),
])
def test_a_round_is_told_by_the_way_in_which_roles_learn(changes: dict[str, Any], names: list[str]) -> None:
    assert [step.name for step in live.steps(Settings().changed(changes), 1)] == names


# -- explore ---------------------------------------------------------------------------------------------------------
def test_what_the_model_read_stands_beside_what_it_was_handed(page: Callable[..., AppTest], store: Store) -> None:
    shown = an_episode(store, "bottles-0-1", round=2, group="evaluation")
    at = page("explore", exp="bottles-0-1", traj=shown)
    labels = [x.label for x in at.expander]
    assert sum(label.startswith("What the model read: ") and "example" in label for label in labels) == 3
    assert "cost $0" in text_of(at).replace("\\", "") and "where it comes from" in text_of(at)
    told = an_episode(store, "prompts-0-1", round=1, group="evaluation")
    at = page("explore", exp="prompts-0-1", traj=told)
    assert "What the model read: its instruction in new words" in [x.label for x in at.expander]
    assert f"<ins>{chat_lab.RULE}</ins>" in text_of(at)
    base = an_episode(store, "bottles-0-1", round=0)
    assert not any("What the model read" in x.label for x in page("explore", exp="bottles-0-1", traj=base).expander)


def test_what_was_read_as_the_answer_is_said_with_its_rule(page: Callable[..., AppTest], store: Store) -> None:
    said = text_of(page("explore", exp="bottles-0-1", traj=an_episode(store, "bottles-0-1", outcome="wrong")))
    assert "read as" in said and "after &#x27;Answer:&#x27;" in said and "Compared as: number, exactly." in said
    quiz = page("explore", exp="quiz-0-1", traj=an_episode(store, "quiz-0-1"))
    assert "Compared as: letter." in text_of(quiz) and "not to be exported" in text_of(quiz)
    with_tolerance = store.episodes.task(store.episodes.get(an_episode(store, "bottles-0-1")).task)
    assert how_judged(replace(with_tolerance, data={"tolerance": 0.05})).endswith("right within 5 % of the truth.")
    assert (whole("776.0"), whole("7.5"), whole("B"), whole(None)) == ("776", "7.5", "B", None)


def test_a_long_reply_is_folded_and_its_markup_is_text(page: Callable[..., AppTest], store: Store) -> None:
    rows = Browse(store.db).episodes("bottles-0-1", Filter(words="and 7 break"), limit=1)
    at = page("explore", exp="bottles-0-1", traj=rows[0].id)
    said = "\n".join(element.proto.body for element in at.get("html"))
    assert "&lt;img src=x" in said and "<img" not in said and "lines, " in said and "<details><summary>" in said
    for kind in ("markdown", "caption", "expander", "subheader"):
        assert not any("example.org" in str(element) for element in at.get(kind))


def test_the_table_has_what_was_read_and_filters_that_fit(page: Callable[..., AppTest], lab: Lab) -> None:
    at = page("explore", exp="bottles-0-1")
    table = at.dataframe[0].value
    assert all(answer.isdigit() for answer in table["answer"]) and "family" not in table.columns
    assert "Family" not in [s.label for s in at.selectbox] and "Subject" not in [s.label for s in at.selectbox]
    at.text_input(key="ex_words").set_value("fills 97 bottles").run()
    assert set(at.dataframe[0].value["question"].str.contains("fills 97 bottles")) == {True}
    assert not page("explore", exp="quiz-0-1", ex_family="travel").exception


def test_the_critic_s_and_the_writer_s_calls_open(page: Callable[..., AppTest], store: Store) -> None:
    repair = next(r for r in store.repairs.find("bottles-0-1") if r.mended)
    said = text_of(page("explore", exp="bottles-0-1", traj=repair.failed))
    assert f"It blames the {repair.role}: {repair.feedback}" in said and "… unchanged: " in said
    assert "The critic's and the writers' own calls" in text_of(page("explore", exp="bottles-0-1", traj=repair.mend))
    writer = store.rewrites.find("prompts-0-1")[0].writer
    said = text_of(page("explore", exp="prompts-0-1", traj=writer))
    assert "The new instruction" in said and "while it rewrote an instruction" in said and "right is" not in said


def test_every_judged_phase_of_an_endpoint_belongs_to_a_group(store: Store) -> None:
    browse = Browse(store.db)
    for experiment in KINDS:
        counted = sum(browse.count(experiment, Filter(group=group)) for group in GROUPS)
        assert counted == browse.count(experiment, Filter())


# -- review: repairs -------------------------------------------------------------------------------------------------
def shown_for_a_while(at: AppTest) -> None:
    at.session_state["rv_shown"] = (at.session_state["rv_shown"][0], time.monotonic() - 5)


def test_an_edit_is_played_on_at_the_endpoint(page: Callable[..., AppTest], tmp_path: Path) -> None:
    at = page("review", exp="mended-0-1")
    first = at.session_state["rv_shown"][0]
    at.text_area[0].set_value("Multiply, then subtract the broken ones.")
    at.button(key="try").click().run()
    assert not at.error and "Your text, played again" in text_of(at) and not button(at, "save").disabled
    shown_for_a_while(at)
    button(at, "save").click().run()
    with Store(tmp_path / "chat.db") as store:
        decision = store.repairs.decisions("mended-0-1", 1)[first]
        assert (decision.verdict, decision.text) == ("edit", "Multiply, then subtract the broken ones.")
    at.text_area[0].set_value("Multiply the rate by the hours.")
    at.button(key="try").click().run()
    assert "It does not lead to the right answer" in text_of(at) and button(at, "save").disabled


def test_a_server_that_has_gone_is_one_line(page: Callable[..., AppTest], tmp_path: Path) -> None:
    at = page("review", exp="mended-0-1")
    with Store(tmp_path / "chat.db") as store:
        settings = store.experiments.get("mended-0-1").settings
        store.experiments.set_settings("mended-0-1", settings.changed({"base_url": "http://127.0.0.1:9/v1"}))
    at.text_area[0].set_value("Another plan.")
    at.button(key="try").click().run()
    assert len(at.error) == 1 and "nothing usable answers" in at.error[0].value and not at.exception
    assert at.text_area[0].value == "Another plan."


# -- review: rewritten instructions ----------------------------------------------------------------------------------
def verdicts(path: Path) -> dict[str, str]:
    with Store(path) as store:
        return {name: d.verdict for name, d in store.rewrites.decisions("rewritten-0-1", 1).items()}


def test_instructions_are_counted_where_one_is_sent_to_review(page: Callable[..., AppTest], store: Store) -> None:
    assert "Review 3 rewritten instructions" in [b.label for b in page("overview", exp="rewritten-0-1").button]
    assert "Review 3 rewritten instructions" in [b.label for b in page("run", exp="rewritten-0-1").button]
    waits = len(review.waiting(store, "mended-0-1", 1))
    assert waits > 2 and f"Review {waits} repairs" in [b.label for b in page("overview", exp="mended-0-1").button]


def test_an_instruction_is_accepted_skipped_rejected_and_taken_back(
    page: Callable[..., AppTest], tmp_path: Path
) -> None:
    at, path = page("review", exp="rewritten-0-1"), tmp_path / "chat.db"
    first = at.session_state["rv_shown"][0]
    said = text_of(at)
    assert f"<ins>{chat_lab.RULE}</ins>" in said and "It forgets what breaks." in said
    assert "0 of 3 reviewed" in str(at.get("progress")[0].proto) and "What the writer had read" in said
    keys = {key: button(at, key).proto.shortcut for key in ("accept", "save", "reject", "skip", "undo")}
    assert keys["accept"] == "a" and "enter" in keys["save"].lower() and keys["reject"] == "x"
    assert len(set(keys.values())) == 5
    button(at, "accept").click().run()
    assert verdicts(path) == {}, "a key within the first third of a second decides nothing"
    shown_for_a_while(at)
    button(at, "accept").click().run()
    assert verdicts(path) == {first: "accept"}
    second = at.session_state["rv_shown"][0]
    shown_for_a_while(at)
    button(at, "skip").click().run()
    third = at.session_state["rv_shown"][0]
    assert len({first, second, third}) == 3
    shown_for_a_while(at)
    button(at, "reject").click().run()
    assert verdicts(path) == {first: "accept", third: "reject"}
    shown_for_a_while(at)
    button(at, "undo").click().run()
    assert verdicts(path) == {first: "accept"} and at.session_state["rv_shown"][0] == third
    assert not at.exception and not at.error


def test_an_instruction_edited_by_hand_is_checked_and_kept(page: Callable[..., AppTest], tmp_path: Path) -> None:
    at = page("review", exp="rewritten-0-1")
    first = at.session_state["rv_shown"][0]
    shown_for_a_while(at)
    button(at, "save").click().run()
    assert "the writer's own text" in notice(at) and verdicts(tmp_path / "chat.db") == {}
    at.text_area[0].set_value("Be careful with machines.").run()
    assert button(at, "accept").disabled and "The text is yours now" in text_of(at)
    at.button(key="put_back").click().run()
    assert not button(at, "accept").disabled and chat_lab.RULE in at.text_area[0].value
    with Store(tmp_path / "chat.db") as store:
        seen = rewriting.seen_by_writer(store, store.rewrites.get(first))[0]
    at.text_area[0].set_value(f"Mind this: {seen.question}")
    shown_for_a_while(at)
    button(at, "save").click().run()
    assert "it quotes a task" in notice(at) and verdicts(tmp_path / "chat.db") == {}
    at.text_area[0].set_value("Subtract what is lost, always.")
    shown_for_a_while(at)
    button(at, "save").click().run()
    with Store(tmp_path / "chat.db") as store:
        decision = store.rewrites.decisions("rewritten-0-1", 1)[first]
        assert (decision.verdict, decision.text) == ("edit", "Subtract what is lost, always.")
        assert len(rewriting.waiting(store, "rewritten-0-1", 1)) == 2


def test_going_on_leaves_undecided_instructions_out(lab: Lab, tmp_path: Path) -> None:
    shutil.copy(lab.db, tmp_path / "chat.db")
    with Store(tmp_path / "chat.db") as store:
        review.go_on(store, "rewritten-0-1", 1)
        assert rewriting.waiting(store, "rewritten-0-1", 1) == []
        with pytest.raises(UsageError):
            rewriting.decide(store, store.rewrites.find("rewritten-0-1")[0].id, "maybe", "a test")


# -- frames ----------------------------------------------------------------------------------------------------------
def test_frames_know_what_an_endpoint_took(lab: Lab, store: Store) -> None:
    with frames.open(lab.db) as data:
        usage = data.usage("bottles-0-1")
        assert list(usage["round"]) == [0, 1, 2] and (usage.cost > 0).all() and (usage.calls > 0).all()
        assert data.usage("faulty-0-1").cost.isna().all()
        failed = store.experiments.reports("faulty-0-1")[0]["faults"]
        assert list(data.faults("faulty-0-1").itertuples(index=False, name=None)) == [
            ("faulty-0-1", 0, name, n) for name, n in failed.items()]
        found = data.instructions("prompts-0-1")
        assert len(found) == 3 and found.kept.all() and found.after.str.len().gt(found.before.str.len()).all()
        assert "cost" in data.turns("bottles-0-1").columns


# -- a chat model on the embedded word problems ----------------------------------------------------------------------
def test_what_a_chat_model_says_of_a_word_problem_stays_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"problems": 16, "validation": 8, "heldout": 12, "new_wordings": 4, "withheld_forms": 0, "controls": 0,
             "max_solutions": 1, "rounds": 1, "review": True}
    with FakeEndpoint(ChatActor(preset("tiny", small))) as server:
        db = tmp_path / "words.db"
        with Store(db) as made:
            experiment = jobs.create(made, "words", preset("tiny", {**small, "model": "fake",
                                                                   "base_url": server.base_url}), 0)
        with pytest.raises(WaitingForReview):
            jobs.run(db, experiment.id)
        at = opened(db, "review", monkeypatch, exp=experiment.id)
        box, shown = at.text_area[0], at.session_state["rv_shown"][0]
        assert "Expression:" in box.value and "371 - 35" not in str(box.help)
        box.set_value(f"{box.value}\n371 zorgs are 12 m/s.")
        at.button(key="try").click().run()
        assert not at.error and not at.exception
        with Store(db) as made:
            again = made.episodes.get(at.session_state["rv_tried"][shown]["id"])
            assert next(iter(again.edits.values())).endswith("371 zorgs are 12 m/s.")
        at = opened(db, "overview", monkeypatch, exp=experiment.id)
        said = text_of(at)
        assert "New wordings" in said and "misconception" not in said and "What it took" in said
        at.switch_page("pages/explore.py").run()
        assert "Family" in [s.label for s in at.selectbox] and not at.exception
