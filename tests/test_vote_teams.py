"""Several tries made one answer: majority, best of k by a blind critic, and as many tries as some tokens pay for."""

from __future__ import annotations

import asyncio

import pytest
from debating import POCKET, PROBLEM, RIGHT
from scripted_team import LETTER, PATH

from sirius_core import teams, votes
from sirius_core.episodes import play, replay
from sirius_core.errors import Stopped, UsageError
from sirius_core.evaluate import voices_for
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.pocket.notation import digits
from sirius_core.rewards import right
from sirius_core.settings import Settings
from sirius_core.teams.vote import MOST, best_of, majority
from sirius_core.trajectories import Stop

CHAIN, SOLVER = teams.get("formula_chain"), teams.get("solver")
PLAN = f"x * y : {digits(PROBLEM.x)} * {digits(PROBLEM.y)}"


def said(*replies, team, task=LETTER, dialect="chat", cost=0):
    """An episode in which the calls are answered in order; each reads and writes ``cost`` tokens in all."""
    script = iter(replies)
    model = ScriptedModel(lambda m, s: Completion(next(script), tokens_in=cost), dialect=dialect)
    return asyncio.run(play(team, task, Voices({"*": model}), PATH)), model


def test_the_majority_of_five_tries_each_from_a_seat_of_its_own():
    trajectory, _ = said(*(f"Answer: {x}" for x in "BCACA"), team=majority(SOLVER, 5))
    assert [(t.role, t.seat) for t in trajectory.turns] == [("solver", str(n)) for n in range(1, 6)]
    assert trajectory.outcome.answer == "Answer: C" and trajectory.team == "vote"  # level with A, which came later
    assert len({t.seed for t in trajectory.turns}) == 5
    assert votes.by_round(trajectory, "letter") == [dict(zip("12345", "BCACA", strict=True))]


def test_in_a_try_every_role_reads_what_it_reads_in_the_team_alone():
    """The embedded calculator is handed the expression alone, not the whole plan."""
    script = [PLAN, "= 1", f"{RIGHT}"]
    alone, _ = said(*script, team=CHAIN, task=POCKET, dialect="pocket")
    twice, _ = said(*script, *script, team=majority(CHAIN, 2), task=POCKET, dialect="pocket")
    assert [[m.content for m in t.messages] for t in alone.turns] == [
        [m.content for m in t.messages] for t in twice.turns if t.seat == "1"]
    assert [t.public for t in alone.turns] == [t.public for t in twice.turns if t.seat == "2"]
    marks = right(POCKET, twice)
    assert (marks.value, marks.lucky) == (1.0, None)
    assert marks.turns == {0: 1.0, 1: 0.0, 2: 0.0, 3: 1.0, 4: 0.0, 5: 0.0}
    assert right(POCKET, alone).turns == {0: 1.0, 1: 0.0, 2: 0.0} and right(POCKET, alone).lucky is True


def test_debates_can_be_tried_several_times_and_keep_their_own_histories():
    trajectory, _ = said(*(f"Answer: {x}" for x in "ABABCCCC"), team=majority(teams.debate.of(2, 2), 2))
    assert sorted({t.seat for t in trajectory.turns}) == ["1.1", "1.2", "2.1", "2.2"]
    critic = next(t for t in trajectory.turns if t.seat == "2.2" and t.role == "critic")
    assert [m.role for m in critic.messages] == ["system", "user", "assistant", "user"]
    assert critic.messages[2].content == "Answer: B" and "Agent 1: Answer: A" in critic.messages[3].content
    assert trajectory.outcome.answer == "Answer: C"


def test_a_try_that_fails_has_no_vote_and_all_failing_is_a_failure():
    trajectory, _ = said("x", "y", f"{PLAN}", "= 1", RIGHT, team=majority(CHAIN, 3), task=POCKET, dialect="pocket")
    assert trajectory.outcome.answer == RIGHT
    trajectory, _ = said("x", "y", team=majority(CHAIN, 2), task=POCKET, dialect="pocket")
    assert trajectory.outcome.stop is Stop.NO_ANSWER and "no plan can be read" in trajectory.outcome.why
    trajectory, _ = said("so?", "so?", team=majority(SOLVER, 2))
    assert trajectory.outcome.stop is Stop.NO_ANSWER


def test_a_team_with_parallel_turns_that_all_stop_is_a_try_without_an_answer():
    async def both(task, ask):
        async with asyncio.TaskGroup() as group:
            turns = [group.create_task(ask("solver", seat=n, question="q", form="f")) for n in "12"]
        return turns[0].result()

    team = teams.Team("both", SOLVER.roles, both)
    lost = ScriptedModel(lambda m, s: (_ for _ in ()).throw(Stopped(Stop.LOST, "gone")))
    made = asyncio.run(play(majority(team, 2), LETTER, Voices({"*": lost}), PATH))
    assert (made.outcome.stop, made.outcome.why) == (Stop.LOST, "gone")


def test_the_first_try_that_the_blind_critic_lets_pass():
    team = best_of(SOLVER, 3)
    blames, passes = "Blame: solver\nFeedback: look again", "Blame: nobody\nFeedback: fine"
    made, model = said("Answer: A", blames, "Answer: B", passes, team=team)
    assert made.outcome.answer == "Answer: B" and made.team == "best_of_k"
    assert [f"{t.role} {t.seat}" for t in made.turns] == ["solver 1", "critic 1", "solver 2", "critic 2"]
    shown = model.calls[3][0][-1].content
    assert "[solver]\nAnswer: B" in shown and "Answer: A" not in shown and "Right answer: (not shown)" in shown
    made, _ = said("Answer: A", blames, "Answer: B", blames, "Answer: C", blames, team=team)
    assert made.outcome.answer == "Answer: A" and len(made.turns) == 6


def test_the_blind_critic_of_the_embedded_language_reads_the_teams_own_answer_in_golds_place():
    made, model = said(PLAN, "= 7", "7 m", "analyst : divide", PLAN, "= 9", "9 m", "fine", team=best_of(CHAIN, 2),
                       task=POCKET, dialect="pocket")
    numbers = " , ".join(digits(n) for n in (PROBLEM.x, PROBLEM.y))
    assert model.calls[3][0][0].content == f"@critic {numbers} | {PLAN} | 7 | 7 m | gold 7 m =>"
    assert made.outcome.answer == "9 m" and right(POCKET, made).turns.keys() == {0, 1, 2, 4, 5, 6}


def test_a_try_without_an_answer_is_not_judged_and_a_critic_that_fails_blames_nobody():
    made, _ = said("x", PLAN, "= 7", "7 m", "fine", team=best_of(CHAIN, 3), task=POCKET, dialect="pocket")
    assert made.outcome.answer == "7 m" and [t.seat for t in made.turns] == ["1", "2", "2", "2", "2"]
    replies = iter([Completion("Answer: A"), Completion("Blame: sol", "length")])
    model = ScriptedModel(lambda m, s: next(replies))
    made = asyncio.run(play(best_of(SOLVER, 3), LETTER, Voices({"*": model}), PATH))
    assert made.outcome.answer == "Answer: A"


def test_a_judge_speaks_at_the_critics_temperature_and_a_team_without_one_is_refused():
    s = Settings()
    assert voices_for({}, s, best_of(CHAIN)).settings("critic", "answer", 0).temperature == s.critic_temperature
    assert voices_for({}, s, best_of(CHAIN)).settings("analyst", "answer", 0).temperature == s.temperature
    assert sorted(best_of(CHAIN).roles) == ["analyst", "calculator", "critic", "summarizer"]
    assert sorted(majority(CHAIN).roles) == ["analyst", "calculator", "summarizer"]
    with pytest.raises(UsageError, match="team 'debate' has no critic that could choose"):
        best_of(teams.get("debate"))


@pytest.mark.parametrize(("tokens", "tries"), [(1, 1), (100, 1), (199, 1), (200, 2), (299, 2), (500, 5)])
def test_as_many_tries_as_the_tokens_pay_for_and_one_at_least(tokens, tries):
    made, _ = said(*["Answer: A"] * 9, team=majority(SOLVER, 3, tokens), cost=100)
    assert len(made.turns) == tries
    assert sum(t.tokens_in + t.tokens_out for t in made.turns) <= max(tokens, 100)


def test_tokens_of_failures_and_of_the_critic_count_and_free_models_come_to_an_end():
    made, _ = said("Answer: A", "Blame: solver\nFeedback: x", "Answer: B", "Blame: solver\nFeedback: x", "Answer: C",
                   team=best_of(SOLVER, 3, 400), cost=100)
    assert [t.role for t in made.turns] == ["solver", "critic", "solver", "critic"]
    cut = ScriptedModel(lambda m, s: Completion("so", "length", 100))
    made = asyncio.run(play(majority(SOLVER, 3, 300), LETTER, Voices({"*": cut}), PATH))
    assert len(made.turns) == 3 and made.outcome.stop is Stop.TRUNCATED
    made, _ = said(*["Answer: A"] * 99, team=majority(SOLVER, 3, 5))
    assert len(made.turns) == MOST


def test_a_replay_of_all_tries_says_afresh_only_what_follows_the_edit():
    team, script = majority(CHAIN, 2), [PLAN, "= 1", "9 m"]
    parent, _ = said(*script, *script, team=team, task=POCKET, dialect="pocket")
    model = ScriptedModel(["= 2", RIGHT], dialect="pocket")
    edited = next(i for i, t in enumerate(parent.turns) if (t.role, t.seat) == ("analyst", "2"))
    again = asyncio.run(replay(parent, team, POCKET, Voices({"*": model}), edits={edited: "x / y : 8 / 2"}))
    assert {(t.role, t.seat): t.origin for t in again.turns} == {
        ("analyst", "1"): "given", ("calculator", "1"): "given", ("summarizer", "1"): "given",
        ("analyst", "2"): "edited", ("calculator", "2"): "sampled", ("summarizer", "2"): "sampled"}
