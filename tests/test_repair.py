"""Repair goes on as far as its settings say, and keeps everything that was said on the way."""

from __future__ import annotations

import asyncio

import pytest

from sirius_core.episodes import direct, play
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.repair import CriticRepair, Failure
from sirius_core.rewards import right
from sirius_core.teams import Blame, Team, roles
from sirius_core.trajectories import SeedPath, Stop, Task

TASK = Task("t", "test", "train", "A cart moves 3 m / s for 12 s . how far ?", "36 m")


async def chain(task, ask):
    plan = await ask("planner", question=task.question)
    return await ask("solver", plan=plan)


def view(task, failed, shown):
    return {"transcript": " / ".join(t.text for t in failed.turns), "gold": shown or "unknown"}


def blame(critique, failed):
    role, _, feedback = critique.partition(": ")
    turn = failed.turn_of(role)
    return None if turn is None else Blame(turn, feedback)


PROMPTS = {
    ("planner", "answer"): "plan: {{question}}",
    ("planner", "revise"): "plan again: {{question}} | {{draft}} | {{feedback}}",
    ("solver", "answer"): "solve: {{plan}}",
    ("solver", "revise"): "solve again: {{plan}} | {{feedback}}",
    ("critic", "answer"): "criticise: {{transcript}} gold {{gold}}",
    ("rephraser", "answer"): "rephrase: {{text}}",
}
TEAM = Team("pair", roles(PROMPTS), chain, ("planner", "solver"), "solver", view, blame)


def mend(script, **how):
    model = ScriptedModel(script)
    voices = Voices({"*": model})
    path = SeedPath("e", 0, 1, "repair", "t")

    async def go():
        wrong = Voices({"*": ScriptedModel(["add", "15 m"])})
        failed = await play(TEAM, TASK, wrong, SeedPath("e", 0, 1, "propose", "t"))
        return await CriticRepair(**how)(Failure(TASK, failed, TEAM, voices, right, path), direct)

    return asyncio.run(go()), model


def script(good_after: int, blamed: str = "planner"):
    """Blames the planner; its rewrite is good from the given attempt on."""
    count = {"again": 0}

    def say(messages, sampling):
        text = messages[0].content
        if text.startswith("criticise"):
            return f"{blamed}: multiply"
        if text.startswith("plan again"):
            count["again"] += 1
            return "multiply" if count["again"] >= good_after else "add again"
        if text.startswith("rephrase"):
            return text.removeprefix("rephrase: ")
        return "36 m" if "multiply" in text else "15 m"

    return say


def test_the_first_success_ends_the_work_and_everything_raw_is_kept():
    records, model = mend(script(1), max_critiques=3, max_regenerations=3)
    (repair,) = records.repairs
    assert (repair.mended, repair.role, repair.turn, repair.raw, repair.rephrased, repair.calls) == (
        True, "planner", 0, "multiply", "multiply", 4)
    assert repair.critique == "planner: multiply" and repair.feedback == "multiply" and len(model.calls) == 4
    mended, replayed = records.trajectories
    assert [t.role for t in mended.turns] == ["critic", "planner", "rephraser"] and mended.id == repair.mend
    assert [(t.origin, t.text) for t in replayed.turns] == [("edited", "multiply"), ("sampled", "36 m")]
    assert "gold 36 m" in mended.turns[0].messages[0].content


def test_critiques_times_regenerations_bound_the_attempts():
    records, _ = mend(script(99), max_critiques=2, max_regenerations=3)
    assert [(r.critique_no, r.regeneration_no, r.mended) for r in records.repairs] == [
        (c, n, False) for c in range(2) for n in range(3)]
    assert len({r.id for r in records.repairs}) == 6 and len({t.id for t in records.trajectories}) == 8
    records, _ = mend(script(5), max_critiques=2, max_regenerations=3)
    assert [r.mended for r in records.repairs] == [False] * 4 + [True]


def test_the_budget_of_calls_is_never_exceeded():
    records, model = mend(script(99), max_critiques=50, max_calls=11)
    assert len(model.calls) <= 11 and sum(r.calls for r in records.repairs) == len(model.calls)


@pytest.mark.parametrize(("blamed", "budget", "spent", "rewrites"), [
    ("planner", 12, 12, 3),  # 4 calls each: critic, rewrite, rephrase, the solver again
    ("solver", 12, 12, 4),  # 3 calls each: nobody acts after the solver
    ("planner", 7, 5, 1),  # 3 are left: the second critique is heard, its rewrite would not fit
    ("solver", 3, 3, 1),
])
def test_a_budget_is_spent_as_far_as_whole_attempts_fit(blamed, budget, spent, rewrites):
    def say(messages, sampling):
        text = messages[0].content
        return f"{blamed}: check" if text.startswith("criticise") else "add" if "plan" in text else "15 m"

    records, model = mend(say, max_critiques=budget, max_calls=budget)
    assert (len(model.calls), sum(r.calls for r in records.repairs)) == (spent, spent)
    assert sum(r.replay is not None for r in records.repairs) == rewrites


def test_a_cut_off_rewrite_costs_its_calls_and_the_next_one_is_made():
    say = script(1)
    cut = {"plan again": 1, "rephrase": 1}

    def sometimes(messages, sampling):
        kind = next((k for k in cut if messages[0].content.startswith(k)), None)
        if kind and cut[kind]:
            cut[kind] -= 1
            return Completion("multi", "length")
        return say(messages, sampling)

    records, model = mend(sometimes, max_regenerations=3)
    assert [(r.raw, r.rephrased, r.replay is None, r.mended) for r in records.repairs] == [
        ("", "", True, False), ("multiply", "", True, False), ("multiply", "multiply", False, True)]
    assert sum(r.calls for r in records.repairs) == len(model.calls) and len({r.id for r in records.repairs}) == 3


def test_a_critic_that_was_cut_off_is_an_attempt_too():
    records, model = mend(lambda messages, sampling: Completion("planner: mul", "length"), max_critiques=2)
    assert [(r.critique, r.turn, r.mended, r.calls) for r in records.repairs] == [("", None, False, 1)] * 2
    assert len(model.calls) == 2 and [t.outcome.stop for t in records.trajectories] == [Stop.TRUNCATED] * 2


def test_a_critic_that_blames_nobody_is_recorded_and_mends_nothing():
    records, _ = mend(script(1, blamed="nobody"))
    (repair,) = records.repairs
    assert (repair.turn, repair.replay, repair.mended, repair.critique) == (None, None, False, "nobody: multiply")


def test_each_role_in_turn_repairs_only_when_the_critic_blames_it():
    records, _ = mend(script(99), each=True)
    assert [r.role for r in records.repairs] == ["planner", ""]


def test_the_blind_critic_is_not_shown_the_answer():
    _, model = mend(script(1), gold=False)
    assert "gold unknown" in model.calls[0][0][0].content and all("36 m" not in c[0][0].content for c in model.calls)
