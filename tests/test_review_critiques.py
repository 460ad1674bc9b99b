"""A person's critique of one's own is carried out by the role that it is meant for, and checked like a critic's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import scripted_team
from reviewing import Desk, desk
from scripted_team import LETTER

from sirius_core import review, teams
from sirius_core.errors import UsageError
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.pocket.dialect import DIGITS_HINT
from sirius_core.rewards import right
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.trajectories import Repair, Trajectory


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def test_a_critique_of_ones_own_is_carried_out_by_the_role(paused: Desk) -> None:
    repair = next(r for r in paused.mended() if r.role == "analyst")
    made = [review.advise(paused.store, repair.id, repair.feedback, draw=k, **paused.how()) for k in range(8)]
    assert len({r.id for r in made}) == 8
    assert {(r.critic, r.critique, r.feedback, r.failed, r.turn, r.role) for r in made} == {
        ("person", repair.feedback, repair.feedback, repair.failed, repair.turn, repair.role)}
    assert paused.store.repairs.find(paused.id, 1, "review") == made
    good = next(r for r in made if r.mended)
    mend = paused.store.episodes.get(good.mend)
    assert [t.role for t in mend.turns] == ["analyst", "rephraser"] and mend.path.phase == "review"
    review.decide(paused.store, repair.id, "edit", "ann", edited=paused.store.episodes.get(good.replay))
    assert review.waiting(paused.store, paused.id, 1) == [i for i in paused.items() if i.id != repair.id]
    assert paused.entered() == ({good.replay}, {good.replay})


def test_a_calculators_critique_is_readable_to_it(paused: Desk) -> None:
    repair = next(r for r in paused.mended() if r.role == "calculator")
    assert review.advise(paused.store, repair.id, DIGITS_HINT, **paused.how()).role == "calculator"


# -- a team of chat models ---------------------------------------------------------------------------------------------
ADVICE = "think of the unit that is named after the man with the apple"


@pytest.fixture
def quiz(tmp_path: Path) -> Iterator[tuple[Store, Repair]]:
    """A failure of three chat models, which its critic could not mend."""
    with Store(tmp_path / "quiz.db") as store:
        experiment = store.experiments.create("quiz", preset("tiny", {"review": True}), 0)
        path = replace(scripted_team.PATH, experiment=experiment.id, task=LETTER.id)
        played = scripted_team.played("chain", LETTER, ["Look up units.", "J is a unit.", "Answer: B"])
        failed = replace(played, path=path)
        store.episodes.add_tasks([LETTER])
        store.episodes.add([failed])
        repair = Repair("r", failed.id, failed.id, LETTER.id, "?", "gold", 1, "worker", "?", "", "", (), None)
        store.repairs.add(experiment.id, 1, "repair", [repair])
        yield store, repair


def advise(store: Store, replies: list[str | Completion], feedback: str = ADVICE) -> tuple[Repair, ScriptedModel]:
    said = iter(replies)
    model = ScriptedModel(lambda messages, sampling: next(said))
    made = review.advise(store, "r", feedback, team=teams.get("chain"), judge=right, voices=Voices({"*": model}))
    return made, model


def test_the_role_is_told_the_critique_and_says_it_in_its_own_words(quiz: tuple[Store, Repair]) -> None:
    store, repair = quiz
    made, model = advise(store, ["N measures force.", "The newton, N, measures force.", "Answer: C"])
    assert ADVICE in model.calls[0][0][-1].content and "J is a unit." in model.calls[0][0][-1].content
    assert (made.raw, made.rephrased, made.leak, made.mended, made.calls) == (
        "N measures force.", "The newton, N, measures force.", (), True, 3)
    again: Trajectory = store.episodes.get(made.replay or "")
    assert [(t.text, t.origin) for t in again.turns] == [
        ("Look up units.", "given"), ("The newton, N, measures force.", "edited"), ("Answer: C", "sampled")]
    review.decide(store, repair.id, "edit", "ann", edited=again)
    assert [t.id for t in review.admitted(store, "quiz-0-1", 1, 1)[0]] == [again.id]


def test_a_critique_may_not_tell_the_answer(quiz: tuple[Store, Repair]) -> None:
    with pytest.raises(UsageError, match="the role may not be told the right answer: the feedback states the answer"):
        advise(quiz[0], [], "The answer is C, so say so.")
    assert quiz[0].repairs.find("quiz-0-1", 1, "review") == []


def test_a_rewrite_that_quotes_the_critique_leaks_and_may_not_enter(quiz: tuple[Store, Repair]) -> None:
    store, repair = quiz
    quoting = f"You should {ADVICE}: N."
    made, _ = advise(store, ["N.", quoting, "Answer: C"], f"You should {ADVICE}.")
    assert made.leak and not made.mended
    with pytest.raises(UsageError, match="gives away where it comes from"):
        review.decide(store, repair.id, "edit", "ann", edited=store.episodes.get(made.replay or ""))


def test_a_role_that_gives_no_rewrite_leaves_a_repair_without_a_replay(quiz: tuple[Store, Repair]) -> None:
    made, _ = advise(quiz[0], [Completion("N meas", finish="length")])
    assert (made.raw, made.rephrased, made.replay, made.mended, made.calls) == ("", "", None, False, 1)
    assert quiz[0].repairs.find("quiz-0-1", 1, "review") == [made]
