"""Traces from elsewhere: what a line may be, what is wrong with one, what lands, what people make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import longform
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import export, imports, jobs, provenance, review
from sirius_core.__main__ import main
from sirius_core.errors import UsageError
from sirius_core.imports import Said, trace
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Store

HOSTILE = "<img src=x onerror=alert(1)> ![p](http://example.org/p.png) \u202e \x07 :material/home: $\\frac{1}{2}$"
ASKED = {"role": "user", "content": "How many legs has a spider?"}
FULL = {"question": "How many legs has a spider?", "answer": "8", "kind": "number", "final": "Answer: 6", "round": 2,
        "turns": [{"role": "biologist", "text": "It is an insect.", "model": "gpt-x"},
                  {"role": "counter", "text": "So six.\n\nAnswer: 6",
                   "messages": [{"role": "user", "content": "Count them."}]}]}
CHAT = {"messages": [{"role": "system", "content": "Be brief."}, ASKED, {"role": "assistant", "content": "Answer: 8"}],
        "metadata": {"answer": 8, "reward": 0.0}}
COMPLETION = {"prompt": "How many legs has an ant?", "completion": "Six.", "reward": 1}
PAIR = {"prompt": [ASKED], "chosen": [{"role": "assistant", "content": "Eight."}],
        "rejected": [{"role": "assistant", "content": "Ten."}]}
EACH = [FULL, CHAT, COMPLETION, PAIR]


def written(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "lab.db")


# -- a line ------------------------------------------------------------------------------------------------------------
def test_the_forms_are_told_apart_by_their_keys() -> None:
    assert [trace(line).form for line in EACH] == ["full", "chat", "completion", "preference"]


def test_a_full_trace_says_who_said_what_and_what_they_were_asked() -> None:
    made = trace({**FULL, "mood": "good"})
    assert (made.question, made.answer, made.kind, made.final, made.round, made.unread) == (
        "How many legs has a spider?", "8", "number", "Answer: 6", 2, ("mood",))
    assert made.said == (Said("biologist", "It is an insect.", (), "gpt-x"),
                         Said("counter", "So six.\n\nAnswer: 6", (Message("user", "Count them."),)))


def test_every_reply_of_a_conversation_is_a_turn() -> None:
    more = [*CHAT["messages"], {"role": "user", "content": "Sure?"},
            {"role": "assistant", "name": "checker", "content": [{"type": "text", "text": "Yes."}]}]
    made = trace({"messages": more})
    assert [(said.role, said.text, len(said.asked)) for said in made.said] == [
        ("assistant", "Answer: 8", 2), ("checker", "Yes.", 4)]
    assert made.question == "How many legs has a spider?"


def test_a_pair_may_be_two_whole_conversations() -> None:
    whole = trace({"chosen": [ASKED, *PAIR["chosen"]], "rejected": [ASKED, *PAIR["rejected"]]})
    assert whole == trace(PAIR)
    assert (whole.said[0].text, whole.better) == ("Ten.", "Eight.")


@pytest.mark.parametrize("line, said", [
    ({"a": 1}, "no trace: the keys are 'a'; a trace has turns, or messages, or prompt and completion, or chosen and "
               "rejected"),
    ({"turns": [], "messages": []}, "keys of two forms, full and chat: leave one out"),
    ({"turns": []}, "question: it is missing"),
    ({**FULL, "turns": []}, "turns: nobody says anything in it"),
    ({**FULL, "turns": [{"role": "a"}]}, "turns[0].text: it is missing"),
    ({**FULL, "turns": [{"role": " ", "text": "b"}]}, "turns[0].role: a name is needed"),
    ({**FULL, "turns": ["x"]}, "turns[0]: an object with role and text is needed, not a text"),
    ({**FULL, "reward": "1"}, "reward: a number is needed, not a text"),
    ({**FULL, "round": -1}, "round: a whole number from 0 to 10000 is needed"),
    ({**FULL, "kind": "numbr"}, "kind: there is no kind of answer 'numbr'; did you mean 'number'?"),
    ({"messages": [ASKED]}, "messages: no message of the role assistant: nobody answers in it"),
    ({"messages": [{"role": "me", "content": ""}]},
     "messages[0].role: one of system, developer, user, assistant, tool, function is needed"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
     "messages[0].content[0]: only parts with a text can be read"),
    ({"prompt": "a", "chosen": "b", "rejected": [ASKED]}, "rejected: one reply to the same prompt is needed"),
])
def test_a_defect_names_its_key(line: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        trace(line)
    assert str(error.value) == said


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["role", "content", "text", "turns", "messages", "name", "model", "x"]), inner, max_size=4),
    max_leaves=12)
lines = st.dictionaries(st.sampled_from([
    "question", "answer", "kind", "turns", "messages", "prompt", "completion", "chosen", "rejected", "reward", "round",
    "final", "metadata", "else"]), anything, max_size=6)


@given(lines)
def test_whatever_stands_in_a_line_it_is_a_trace_or_one_clear_error(line: dict[str, Any]) -> None:
    try:
        made = trace(line)
    except UsageError as error:
        assert "\n" not in str(error).replace(repr(line), "")
    else:
        json.dumps([made.question, made.final, *(s.text for s in made.said)]).encode()
        assert made.said


@given(st.text(min_size=1), st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.text()), min_size=1, max_size=4))
def test_a_trace_says_what_its_line_says(question: str, turns: list[tuple[str, str]]) -> None:
    if not question.strip() or any("\ud800" <= c <= "\udfff" for c in question + "".join(t for _, t in turns)):
        return
    made = trace(json.loads(json.dumps(
        {"question": question, "turns": [{"role": role, "text": text} for role, text in turns]})))
    assert (made.question, [(said.role, said.text) for said in made.said]) == (question, turns)


# -- a file ------------------------------------------------------------------------------------------------------------
def test_traces_are_judged_by_rule_else_as_they_say_else_not_at_all(store: Store, tmp_path: Path) -> None:
    unknown = {"question": "Why?", "turns": [{"role": "a", "text": "Because."}]}
    taken = imports.take(store, written(tmp_path / "mine.jsonl", [*EACH, unknown]))
    assert taken == imports.Taken("mine-0-1", 5, right=2, wrong=2, not_judged=1, waiting=2, differ=1, before=False,
                                  notes=("guessed from the answers: kind = number",))
    found = store.episodes.find("mine-0-1", phase="propose")
    assert [(t.reward and t.reward.value, t.reward and t.reward.why, t.path.round) for t in found] == [
        (0.0, "read '6' after 'Answer:'; the truth is '8'", 2), (1.0, "read '8' after 'Answer:'; the truth is '8'", 0),
        (1.0, "the reward that the file states", 0), (0.0, "the file prefers another reply", 0), (None, None, 0)]
    assert [turn.origin for turn in found[0].turns] == ["imported", "imported"]
    assert found[0].turns[0].messages == (Message("user", "How many legs has a spider?"),)
    assert store.experiments.job("mine-0-1").status == "done"
    assert store.check() == []


def test_the_same_file_is_found_once(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", [FULL, FULL, CHAT])
    first, again = imports.take(store, path), imports.take(store, path, name="other")
    assert (first.before, again.before, first.experiment) == (False, True, again.experiment)
    assert len(store.episodes.find("mine-0-1")) == 3
    with Store(tmp_path / "other.db") as other:
        imports.take(other, path)
        assert other.episodes.find("mine-0-1") == store.episodes.find("mine-0-1")
        assert other.repairs.find("mine-0-1", 0, "sent") == store.repairs.find("mine-0-1", 0, "sent")


def test_of_a_broken_file_nothing_lands(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", [*[FULL] * 450, "", {**FULL, "turns": [{"role": "a", "text": 3}]}])
    with pytest.raises(UsageError) as error:
        imports.take(store, path)
    assert str(error.value) == "mine.jsonl, row 452, turns[0].text: a text is needed, not a number"
    assert store.experiments.all() == []
    with pytest.raises(UsageError, match=r"mine.jsonl, row 2: this is no JSON"):
        imports.take(store, written(path, [FULL, '{"question": ']))
    with pytest.raises(UsageError, match=r"mine.jsonl, row 1, answer: .*'many'.*\"kind\" says how it is compared"):
        imports.take(store, written(path, [{**FULL, "answer": "many"}]))


def test_an_import_that_was_killed_goes_on_where_it_was(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", [FULL] * 700)

    def killed(what: str, done: int, total: int) -> None:
        if (what, done) == ("storing", 400):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.take(store, path, on_progress=killed)
    assert store.experiments.job("mine-0-1").message == "the import is not finished: import the file again"
    with pytest.raises(UsageError, match="not finished"):
        imports.keep(store, "mine-0-1")
    taken = imports.take(store, path)
    assert (taken.wrong, taken.waiting, taken.before) == (700, 700, False)
    assert [t.path.attempt for t in store.episodes.find("mine-0-1")] == list(range(700))


def test_a_preview_reads_the_first_lines_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", [{**FULL, "kind": None}, CHAT, {"messages": 1}])
    seen = imports.preview(path, 2)
    assert ([(t.form, t.answer, t.kind) for t in seen.traces], seen.notes, seen.error) == (
        [("full", "8", "number"), ("chat", "8", "number")], ("guessed from the answers: kind = number",), "")
    assert imports.preview(path).error == "mine.jsonl, row 3, messages: a list of messages is needed, not a number"


def test_hostile_texts_are_only_data(store: Store, tmp_path: Path) -> None:
    turn = {"role": HOSTILE, "text": HOSTILE, "model": HOSTILE}
    line = {**FULL, "question": HOSTILE, "turns": [turn], HOSTILE: HOSTILE}
    taken = imports.take(store, written(tmp_path / "mine.jsonl", [line, '{"question": "\\ud800", "turns": '
                                                                  '[{"role": "a", "text": "\\u0000 \\udfff"}]}']))
    found = store.episodes.find(taken.experiment)
    assert [(t.turns[0].role, t.turns[0].text) for t in found] == [(HOSTILE, HOSTILE), ("a", "\0 \ufffd")]


# -- people ------------------------------------------------------------------------------------------------------------
def test_a_failed_trace_is_edited_judged_and_kept(store: Store, tmp_path: Path) -> None:
    name = imports.take(store, written(tmp_path / "mine.jsonl", [FULL, CHAT])).experiment
    (item,) = review.items(store, name, imports.ROUND)
    assert (item.kind, item.decision) == ("imported", None)
    wrong = imports.edited(store, item.id, "Answer: 7")
    assert not wrong.right
    again = imports.edited(store, item.id, "A spider is no insect.\n\nAnswer: 8")
    assert (again.right, [t.origin for t in again.turns], again.edits) == (
        True, ["given", "edited"], {1: "A spider is no insect.\n\nAnswer: 8"})
    with pytest.raises(UsageError, match="does not lead to the right answer"):
        review.decide(store, item.id, "edit", "ann", edited=wrong)
    review.decide(store, item.id, "edit", "ann", edited=again, reason="unclear")
    assert review.waiting(store, name, imports.ROUND) == []
    assert imports.keep(store, name) == {"assistant": 1, "counter": 1} == imports.keep(store, name)
    assert [(r.model, r.examples_derived, r.equal) for r in provenance.rebuild(store, name, imports.ROUND)] == [
        ("assistant", 1, True), ("counter", 1, True)]
    with pytest.raises(UsageError, match="was imported: nobody was trained here"):
        provenance.manifest(store, name, imports.ROUND)
    files = export.folder(store, name, None, tmp_path / "out", "preferences", "counter")
    assert [json.loads(line) for line in files[0].path.read_text("utf-8").splitlines()] == [{
        "prompt": [{"role": "user", "content": "Count them."}],
        "chosen": [{"role": "assistant", "content": "A spider is no insect.\n\nAnswer: 8"}],
        "rejected": [{"role": "assistant", "content": "So six.\n\nAnswer: 6"}]}]


def test_without_a_truth_nothing_can_judge_an_edit(store: Store, tmp_path: Path) -> None:
    name = imports.take(store, written(tmp_path / "mine.jsonl", [PAIR, {**COMPLETION, "reward": 0}])).experiment
    (item,) = review.items(store, name, imports.ROUND)
    with pytest.raises(UsageError, match="nothing can judge an edit"):
        imports.edited(store, item.id, "Eight!")
    review.decide(store, item.id, "accept", "ann")
    assert imports.keep(store, name) == {"assistant": 1}


def test_nobody_can_run_what_was_imported(store: Store, tmp_path: Path) -> None:
    name = imports.take(store, written(tmp_path / "mine.jsonl", [FULL])).experiment
    for attempt in (lambda: jobs.run(store.path, name), lambda: jobs.launch(store.path, name),
                    lambda: jobs.measure(store.path, name), lambda: jobs.change(store, name, {"rounds": 2}),
                    lambda: jobs.create(store, "again", preset("tiny", {"recipe": "imported"}), 0)):
        with pytest.raises(UsageError, match="this experiment was imported: it can be looked at"):
            attempt()
    assert store.experiments.job(name).status == "done" and store.experiments.get(name).settings.rounds == 0


# -- round trips -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("longform") / "lab.db"
    with Store(path) as store:
        longform.act(store, problems=12, rounds=1)
    return path


@pytest.mark.parametrize("format", export.FORMATS)
def test_an_export_comes_back_and_goes_out_again_as_it_was(played: Path, tmp_path: Path, format: str) -> None:
    with Store(played) as store:
        first = export.folder(store, "longform-0-1", 1, tmp_path / "first", format)
    with Store(tmp_path / "other.db") as store:
        for file in (f for f in first if f.examples):
            taken = imports.take(store, file.path, name=file.model)
            assert (taken.traces, taken.before) == (file.examples, False)
            for item in review.waiting(store, taken.experiment, imports.ROUND):
                review.decide(store, item.id, "accept", "ann")
            made = imports.keep(store, taken.experiment)
            assert list(made) == [file.model]
            (again,) = export.folder(store, taken.experiment, 0, tmp_path / f"again-{file.model}", format)
            both = [sorted(f.path.read_text("utf-8").splitlines()) for f in (file, again)]
            assert both[0] == both[1]


def test_a_provenance_that_belongs_to_other_lines_is_refused(played: Path, tmp_path: Path) -> None:
    with Store(played) as store:
        file = export.folder(store, "longform-0-1", 1, tmp_path / "out")[0]
        lines = file.path.read_text("utf-8").splitlines()
        written(file.path, lines[::-1])
        with pytest.raises(UsageError, match=r"row 1: .*provenance.jsonl tells of another line"):
            imports.take(store, file.path)


# -- the command line --------------------------------------------------------------------------------------------------
def test_a_file_is_imported_kept_and_exported_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, db = str(written(tmp_path / "mine.jsonl", [FULL, CHAT])), ["--db", str(tmp_path / "cli.db")]
    assert main(["import", path, *db, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "experiment": "mine-0-1", "traces": 2, "right": 1, "wrong": 1, "not_judged": 0, "waiting": 1, "differ": 1,
        "before": False, "notes": ["guessed from the answers: kind = number"]}
    assert main(["import", path, *db]) == 0
    assert capsys.readouterr().out.startswith("mine-0-1: this file was imported before; nothing is there twice\n")
    assert main(["keep", "mine-0-1", *db, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"experiment": "mine-0-1", "library": {"assistant": 1}}
    assert main(["export", "mine-0-1", *db, "--out", str(tmp_path / "out")]) == 0
    assert main(["resume", "mine-0-1", *db]) == 2
    assert "this experiment was imported" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "none.jsonl"), *db]) == 2
