"""The formula teams with chat models: ordinary text in, the embedded language handed on, marks exact or absent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from scripted_team import FORMULA, PATH, PROBLEM, failure, mended, played

from sirius_core import teams
from sirius_core.episodes import direct, play, replay
from sirius_core.models import Sampling, ScriptedModel, Voices
from sirius_core.pocket.notation import canonical_steps, fill
from sirius_core.pocket.ordinary import to_ordinary
from sirius_core.prompts import Message
from sirius_core.repair import Rationalisation
from sirius_core.rewards import right
from sirius_core.trajectories import Stop

EXPRESSION = fill(PROBLEM.formula, PROBLEM.x, PROBLEM.y, PROBLEM.z)
RESULT = PROBLEM.answer.rpartition(" ")[0].replace(" ", "")


def test_the_formula_team_reads_ordinary_text_and_hands_on_the_pocket_language():
    plan = f"How far it goes.\nExpression: {PROBLEM.x} m/s × {PROBLEM.y} s"
    trajectory = played("formula_chain", FORMULA, [plan, f"So:\n**Result:** {RESULT}", f"Answer: {RESULT} m"])
    analyst, calculator, summarizer = (t.messages[1].content for t in trajectory.turns)
    assert to_ordinary(PROBLEM.question) in analyst and PROBLEM.question not in analyst
    assert calculator.startswith(f"Expression: {PROBLEM.x} * {PROBLEM.y}\n\nWork it out.")
    assert f"The calculator's work:\n= {RESULT}\n\n" in summarizer
    assert [t.public for t in trajectory.turns] == [EXPRESSION, f"= {' '.join(RESULT)}", f"Answer: {RESULT} m"]
    assert trajectory.turns[0].value == {"formula": PROBLEM.formula, "expression": EXPRESSION}
    reward = trajectory.reward
    assert (reward.value, dict(reward.turns), reward.lucky) == (1.0, {0: 1.0, 1: 1.0, 2: 1.0}, False)
    alone = played("formula_solo", FORMULA, [f"{PROBLEM.x} * {PROBLEM.y} = {RESULT}\nAnswer: {RESULT} m"])
    assert (alone.reward.value, dict(alone.reward.turns), alone.reward.lucky) == (1.0, {0: 1.0}, None)


@pytest.mark.parametrize(("analyst", "calculator", "summarizer", "marks", "lucky"), [
    (0, 0, 0, {0: 1.0, 1: 1.0, 2: 1.0}, False),
    (1, 0, 0, {0: 0.0, 1: 0.0, 2: 1.0}, True),  # a wrong plan, and the right result all the same
    (0, 1, 0, {0: 1.0, 1: 0.0, 2: 0.0}, True),
    (0, 2, 0, {0: 1.0}, None),  # a result that cannot be read: whether it was copied is not known either
    (0, 0, 1, {0: 1.0, 1: 1.0, 2: 0.0}, False),
    (0, 0, 2, {0: 1.0, 1: 1.0, 2: 0.0}, False),
    (0, 0, 3, {0: 1.0, 1: 1.0, 2: 0.0}, False),
])
def test_marks_of_chat_replies_are_exact_or_absent(analyst, calculator, summarizer, marks, lucky):
    plans = (f"Expression: {PROBLEM.x} * {PROBLEM.y}", f"Expression: {PROBLEM.x} + {PROBLEM.y}")
    results = (f"Result: {RESULT}", f"Result: {RESULT}0", "Result: a great deal")
    ends = (f"Answer: {RESULT} m", f"Answer: {RESULT} J", f"Answer: {RESULT}0 m", "I cannot say.")
    reward = played("formula_chain", FORMULA, [plans[analyst], results[calculator], ends[summarizer]]).reward
    assert (dict(reward.turns), reward.lucky) == (marks, lucky)


def test_another_teams_turns_have_no_marks():
    reward = played("solver", FORMULA, [f"Answer: {RESULT} m"]).reward
    assert (reward.value, dict(reward.turns), reward.lucky) == (1.0, {}, None)
    assert to_ordinary(PROBLEM.question) in played("solver", FORMULA, ["x"]).turns[0].messages[1].content


def test_an_unreadable_plan_ends_the_episode_and_can_be_mended():
    failed = played("formula_chain", FORMULA, ["I would multiply."])
    assert (failed.outcome.stop, dict(failed.reward.turns), len(failed.turns)) == (Stop.NO_ANSWER, {0: 0.0}, 1)
    good = f"Expression: {PROBLEM.x} * {PROBLEM.y}"
    records = mended("formula_chain", failed, FORMULA, [
        "Blame: the analyst\nFeedback: state an expression", good, good, f"Result: {RESULT}", f"Answer: {RESULT} m"])
    assert [r.mended for r in records.repairs] == [True]
    asked = records.trajectories[0].turns[0].messages[1].content
    assert "[analyst]\nI would multiply.\n\n(It ended here: no answer.)" in asked
    assert f"Right answer: {RESULT} m" in asked


STEPS = canonical_steps(EXPRESSION)


@pytest.mark.parametrize("chatting", [
    {"analyst"}, {"calculator"}, {"summarizer"}, {"analyst", "summarizer"}, {"calculator", "summarizer"}])
def test_mixed_teams_understand_each_other(chatting):
    def pocket(asked: Sequence[Message], sampling: Sampling) -> str:
        (message,) = asked
        text = message.content
        if text.startswith("@analyst"):
            assert text == f"@analyst {PROBLEM.question} =>"
            return f"{PROBLEM.formula} : {EXPRESSION}"
        if text.startswith("@calculator"):
            assert text == f"@calculator {EXPRESSION} =>"
            return str(STEPS)
        steps = f"= {' '.join(RESULT)}" if "calculator" in chatting else STEPS
        assert text == f"@summarizer {PROBLEM.question} | {steps} =>"
        return PROBLEM.answer

    def talk(asked: Sequence[Message], sampling: Sampling) -> str:
        system, text = asked[0].content, asked[1].content
        if system.startswith("You are the analyst"):
            return f"Expression: {PROBLEM.y} x {PROBLEM.x}"
        if system.startswith("You are the calculator"):
            assert text.startswith(f"Expression: {PROBLEM.x} * {PROBLEM.y}\n")
            return f"Result: {RESULT}"
        assert f"Result: {RESULT}" in text or f"= {RESULT}" in text
        return f"Answer: {RESULT} m"

    models = {role: ScriptedModel(talk, dialect="chat") if role in chatting else ScriptedModel(pocket, dialect="pocket")
              for role in ("analyst", "calculator", "summarizer")}
    trajectory = asyncio.run(play(teams.get("formula_chain"), FORMULA, Voices(models), PATH))
    reward = right(FORMULA, trajectory)
    assert (reward.value, dict(reward.turns), reward.lucky) == (1.0, {0: 1.0, 1: 1.0, 2: 1.0}, False)
    back = asyncio.run(replay(trajectory, teams.get("formula_chain"), FORMULA, Voices(models)))
    assert [(t.origin, t.text) for t in back.turns] == [("given", t.text) for t in trajectory.turns]


def test_the_embedded_models_replies_are_short_and_a_chat_models_are_not_cut():
    for dialect, most in (("pocket", 48), ("chat", 2000)):
        model = ScriptedModel(["x"], dialect=dialect)
        asyncio.run(play(teams.get("formula_chain"), FORMULA, Voices({"*": model}, Sampling(max_tokens=2000)), PATH))
        assert model.calls[0][1].max_tokens == most


def test_a_rationalised_solution_reads_the_answer_in_the_models_own_words():
    failed = played("formula_solo", FORMULA, ["Answer: 1 m"])
    model = ScriptedModel([f"{PROBLEM.x} * {PROBLEM.y} = {RESULT}\nAnswer: {RESULT} m"])
    how = Rationalisation()
    (repair,) = asyncio.run(how(failure("formula_solo", failed, FORMULA, model), direct)).repairs
    assert repair.mended and f"which is\n{RESULT} m\n" in model.calls[0][0][1].content
    old = ScriptedModel(["x * y : 1 * 2 | = 2 | 2 m", "x * y : 1 * 2 | = 3 | 3 m"], dialect="pocket")
    failed = asyncio.run(play(teams.get("formula_solo"), FORMULA, Voices({"*": old}), PATH))
    (repair,) = asyncio.run(how(failure("formula_solo", failed, FORMULA, old), direct)).repairs
    assert old.calls[1][0][0].content == f"@solo {PROBLEM.question} @fb gold {PROBLEM.answer} =>"
