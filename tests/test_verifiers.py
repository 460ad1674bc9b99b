"""What a try must show to be learned from: the right answer, right steps, or only the right unit."""

from __future__ import annotations

import asyncio

import pytest
from debating import PATH, POCKET, PROBLEM, RIGHT, SUM
from test_recipes import formulas, run  # noqa: F401

from sirius_core import jobs, recipes, rewards, teams
from sirius_core.episodes import play
from sirius_core.errors import UsageError
from sirius_core.models import ScriptedModel, Voices
from sirius_core.pocket.notation import canonical_steps, digits
from sirius_core.settings import Settings, preset
from sirius_core.store import Store

EXPRESSION = f"{digits(PROBLEM.x)} * {digits(PROBLEM.y)}"
PLAN, STEPS = f"x * y : {EXPRESSION}", str(canonical_steps(EXPRESSION))
NUMBER, UNIT = RIGHT.rsplit(" ", 1)


def judged(verifier: str, *replies: str) -> rewards.Reward:
    model = ScriptedModel(replies, dialect="pocket")
    return rewards.VERIFIERS[verifier](
        POCKET, asyncio.run(play(teams.get("formula_chain"), POCKET, Voices({"*": model}), PATH)))


@pytest.mark.parametrize(("replies", "right", "steps", "unit", "lucky"), [
    ((PLAN, STEPS, RIGHT), 1.0, 1.0, 1.0, (False, False, False)),
    ((PLAN, f"0 = {NUMBER}", RIGHT), 1.0, 0.0, 1.0, (True, True, True)),
    ((PLAN, STEPS, f"1 {UNIT}"), 0.0, 0.0, 1.0, (False, False, True)),
    ((PLAN, STEPS, f"{NUMBER} J"), 0.0, 0.0, 0.0, (False, False, False)),
    ((PLAN, STEPS, UNIT), 0.0, 0.0, 0.0, (False, False, False)),
    (("no plan",), 0.0, 0.0, 0.0, (False, False, False)),
])
def test_what_each_verifier_asks_for(replies, right, steps, unit, lucky):
    found = [judged(name, *replies) for name in ("right", "steps", "unit")]
    assert [r.value for r in found] == [right, steps, unit]
    assert tuple(r.lucky for r in found) == lucky


def test_the_reward_says_why():
    assert judged("steps", PLAN, f"0 = {NUMBER}", RIGHT).why.startswith("right, but by wrong steps: read ")
    assert judged("unit", PLAN, STEPS, f"{NUMBER} J").why == f"the unit is J, the right one is {UNIT}"


def test_steps_that_cannot_be_checked_are_not_right():
    model = ScriptedModel([f"Answer: {NUMBER.replace(' ', '')} {UNIT}"])
    played = asyncio.run(play(teams.get("formula_solo"), POCKET, Voices({"*": model}), PATH))
    found = rewards.right_by_right_steps(POCKET, played)
    assert rewards.right(POCKET, played).value == 1.0 and (found.value, found.lucky) == (0.0, None)


@pytest.mark.parametrize(("verifier", "task", "dialect", "says"), [
    ("steps", SUM, "pocket", "verifier=steps: source=gsm8k's steps cannot be checked"),
    ("steps", POCKET, "chat", "verifier=steps: a chat model's steps cannot be checked"),
    ("unit", SUM, "chat", "verifier=unit: the answers of source=gsm8k have no units"),
    ("sloppy", POCKET, "pocket", "there is no verifier 'sloppy'"),
])
def test_a_verifier_that_cannot_judge_is_refused(verifier, task, dialect, says):
    with pytest.raises(UsageError, match=says):
        rewards.verifiable(verifier, task, dialect)


def test_an_experiment_is_refused_before_it_begins(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        with pytest.raises(UsageError, match="verifier=unit: the answers of source=arithmetic have no units"):
            jobs.create(store, "x", Settings().changed(
                {"source": "arithmetic", "verifier": "unit", "team": "formula_chain"}), 0)
        with pytest.raises(UsageError, match="the recipe 'multiagent_finetuning' has a judge of its own"):
            jobs.create(store, "x", preset("tiny", {"recipe": "multiagent_finetuning", "verifier": "steps"}), 0)
        assert jobs.create(store, "x", preset("tiny", {"verifier": "unit"}), 0).settings.verifier == "unit"


@pytest.mark.parametrize("name", ["sirius", "star", "star_rationalised", "placebo", "keep_all"])
def test_every_learning_recipe_is_judged_by_it_and_tested_by_the_truth(name):
    made = recipes.get(Settings().changed({"recipe": name, "verifier": "unit"}))
    assert (made.judge, made.examiner) == (rewards.right_unit, rewards.right)
    plain = recipes.get(Settings().changed({"recipe": name}))
    assert (plain.judge, plain.examiner) == (rewards.right, None)


def test_a_sloppy_verifier_lets_wrong_answers_teach_and_tests_are_not_fooled(run):  # noqa: F811
    def gamed(text: str, seed: int, trained: bool) -> str:
        said = formulas(text, seed, False)
        if text.startswith("@summarizer"):
            return "3 " + formulas(text, 4, True).rsplit(" ", 1)[1] if "1 7 0" in text else said
        return formulas(text, 4, True) if text.startswith("@analyst") else said

    gamed.dialect = "pocket"
    reports, store, experiment = run("sirius", gamed, verifier="unit", rounds=1)
    assert [r["correct"] for r in reports] == [0, 0]
    learned = store.episodes.find(experiment, round=1, phase="propose")
    assert {t.reward.value for t in learned} == {1.0} and all(t.reward.lucky for t in learned)
    assert reports[1]["solved"] == 12 and reports[1]["repairs"] == 0 and reports[1]["lucky_library"] == 1.0
    steps, _, _ = run("sirius", formulas, "steps.db", verifier="steps", rounds=1)
    assert steps[1]["solved"] == 0 and steps[1]["library"] == {}  # the script's right answers come by "= 1 7 0"
