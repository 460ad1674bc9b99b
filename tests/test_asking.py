"""One problem put to the base and to the trained team: the demo experiment with its real weights, and an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import asking, demo
from sirius_core.errors import UnreadableText, UsageError
from sirius_core.models import ScriptedModel
from sirius_core.pocket import grammar
from sirius_core.pocket.reading import read
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store
from sirius_core.trajectories import Task


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(demo.copy(folders=(tmp_path_factory.mktemp("demo"),))) as store:
        yield store


@pytest.fixture(scope="module")
def e(store: Store) -> Experiment:
    return store.experiments.get(demo.EXPERIMENT)


def test_the_same_draws_are_the_same_answers_and_leave_no_trace(store: Store, e: Experiment) -> None:
    before = [store.db.value(f"SELECT count(*) FROM {table}") for table in ("trajectory", "turn", "task", "journal")]
    task = asking.heldout(store, e)[2]
    four = asking.ask(store, e, task, 2, 4)
    assert [t.content for t in asking.ask(store, e, task, 2, 4)] == [t.content for t in four]
    more = asking.ask(store, e, task, 2, 2, first=4)
    assert [t.path.draw for t in (*four, *more)] == [0, 1, 2, 3, 4, 5] and len({t.id for t in (*four, *more)}) == 6
    assert {t.path.phase for t in four} == {asking.PHASE} and all(t.reward is not None for t in four)
    after = [store.db.value(f"SELECT count(*) FROM {table}") for table in ("trajectory", "turn", "task", "journal")]
    assert before == after


def test_base_and_team_are_spoken_by_their_own_checkpoints(store: Store, e: Experiment) -> None:
    task = asking.heldout(store, e)[0]
    said = {r: {turn.model for t in asking.ask(store, e, task, r, 2) for turn in t.turns} for r in (0, 2)}
    kept = {r: store.weights.models(e.id, r) for r in (0, 2)}
    assert said == {r: {found[0]["*"]} for r, found in kept.items() if found} and said[0] != said[2]


def test_a_problem_of_ones_own_is_judged_where_the_grammar_could_have_asked_it(store: Store, e: Experiment) -> None:
    task = asking.written(store, e, "  train moves 3 0 m/s   for 5 s . how far ? ")
    assert (task.answer, task.group, task.split) == ("1 5 0 m", "30x5", asking.PHASE)
    (t,) = asking.ask(store, e, task, 2)
    assert t.reward is not None and t.reward.turns.keys() == {0, 1, 2}
    unknown = asking.written(store, e, "how far ? train")
    assert unknown.answer == "" and asking.ask(store, e, unknown, 2)[0].reward is None


def test_unknown_words_are_named_with_the_nearest_known_ones(store: Store, e: Experiment) -> None:
    with pytest.raises(UnreadableText, match=r"'fur' \(nearest: 'for'\)"):
        asking.written(store, e, "how fur ?")


def test_numbers_that_were_trained_on_are_told(store: Store, e: Experiment) -> None:
    trained = store.episodes.task(store.experiments.splits(e.id)["train"][0])
    assert asking.in_training(store, e, trained)
    assert not any(asking.in_training(store, e, task) for task in asking.heldout(store, e))
    assert not asking.in_training(store, e, asking.written(store, e, "how far ? train"))


@pytest.mark.parametrize("round, draws, first, why", [
    (3, 1, 0, "round 3 of demo-4-1 is not closed"), (-1, 1, 0, "not closed"), (0, 0, 0, "0 draws"),
    (0, asking.MOST + 1, 0, "65 draws"), (0, 1, -1, "from -1 on"),
])
def test_what_cannot_be_asked_is_said(
    store: Store, e: Experiment, round: int, draws: int, first: int, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        asking.ask(store, e, asking.heldout(store, e)[0], round, draws, first=first)


def test_an_empty_question_is_refused(store: Store, e: Experiment) -> None:
    with pytest.raises(UsageError, match="no question"):
        asking.written(store, e, "  \n ")


class Endpoint:
    """A machine whose one model is scripted, as an endpoint's is: not in step."""

    def __init__(self) -> None:
        self.said = ScriptedModel(lambda messages, sampling: "Answer: 12")

    def model(self, name: str, blob: bytes) -> ScriptedModel:
        return self.said

    def close(self) -> None:
        raise AssertionError("whoever brings a machine closes it")


def test_on_an_endpoint_the_same_draws_are_asked_for_once(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        settings = preset("tiny", {"source": "arithmetic", "model": "fake", "base_url": "http://127.0.0.1:9/v1"})
        e = store.experiments.create("tiny", settings, 0)
        store.weights.set_models(e.id, 0, {"*": store.weights.put(b"{}")}, {})
        store.experiments.add_report(e.id, 0, {"round": 0}, {})
        task, machine = Task.of("arithmetic", "1", "heldout", "5 + 7?", "12", kind="number"), Endpoint()
        first = asking.ask(store, e, task, 0, 3, machine=machine)  # type: ignore[arg-type]
        calls = len(machine.said.calls)
        again = asking.ask(store, e, task, 0, 3, machine=machine)  # type: ignore[arg-type]
        assert [t.right for t in first] == [True] * 3 and calls == 3 * len(first[0].turns)
        assert len(machine.said.calls) == calls and [t.content for t in first] == [t.content for t in again]
        assert asking.calls_each(store, e) == 3
        assert asking.written(store, e, "What is\n 2 + 2?").question == "What is 2 + 2?"


# -- a problem read back -----------------------------------------------------------------------------------------------
@given(st.sampled_from(grammar.wordings("all")), st.integers(0, 2**32))
def test_every_problem_of_the_grammar_is_read_back(wording: grammar.Wording, seed: int) -> None:
    import random

    problem = grammar.one("heldout", wording, random.Random(seed))
    assert read(problem.question) == problem


@pytest.mark.parametrize("question", [
    "", "how far ?", "train moves 3 0 m/s for 5 s .", "train moves m/s for 5 s . how far ?",
    "lamp moves 3 0 m/s for 5 s . how far ?",      # no lamp moves
    "train moves 3 0 m/s for 5 s . which force ?",  # the question of another family
    "train covers 7 m in 2 s . how fast ?",         # no whole number
    "train covers 7 m in 0 s . how fast ?",
])
def test_what_the_grammar_never_asks_is_not_read(question: str) -> None:
    assert read(question) is None
