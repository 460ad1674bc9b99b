"""Debates of any size in both languages: who reads what, who wins, what silence does; and one agent alone."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from debating import PATH, POCKET, RIGHT, SUM, asked, debated, script, sized, voices

from sirius_core import recipes, rewards, teams
from sirius_core.episodes import play, replay
from sirius_core.errors import Stopped, UsageError
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.settings import Settings
from sirius_core.teams import debate
from sirius_core.trajectories import Stop

SOLO = "x * y : 3 5 * 9 | 5 9 4 5 + 0 4 5 = {0} | {0} m"


def solo(number: str) -> str:
    return SOLO.format(number)


def test_three_agents_and_two_rounds_whole():
    trajectory = debated(script("123", "133"))
    assert [(t.role, t.seat, t.prompt, t.text) for t in trajectory.turns] == [
        ("generator", "1", "answer", "Answer: 1"), ("generator", "2", "answer", "Answer: 2"),
        ("generator", "3", "answer", "Answer: 3"), ("critic", "1", "answer", "Answer: 1"),
        ("critic", "2", "answer", "Answer: 3"), ("critic", "3", "answer", "Answer: 3")]
    assert trajectory.outcome.answer == "Answer: 3" and trajectory.team == "debate"
    form = teams.chat.form(SUM)
    last = trajectory.turns[4].messages
    assert [m.role for m in last] == ["system", "user", "assistant", "user"]
    assert last[1].content == f"Solve the following problem. {form}\n\nWhat is 40 + 2?"
    assert last[2].content == "Answer: 2"
    assert last[3].content == (
        "These are the solutions of the other agents:\n\nAgent 1: Answer: 1\n\nAgent 3: Answer: 3\n\nUse them as "
        f"additional advice and give an updated solution of the problem below. {form}\n\nWhat is 40 + 2?")


def test_the_embedded_language_whole():
    said = {"generator/1": [solo("3 1 5")], "generator/2": ["x * y | = 1 | 9 m"], "generator/3": ["x y z"],
            "critic/1": [solo("3 1 5")], "critic/2": [solo("3 1 6")], "critic/3": [solo("3 1 5")]}
    trajectory = debated(said, POCKET, dialect="pocket")
    q = POCKET.question
    assert [[m.content for m in t.messages] for t in trajectory.turns] == [
        [f"@solo {q} =>"], [f"@solo {q} =>"], [f"@solo {q} =>"],
        [f"@solo {q} @fb solo x * y = 3 1 5 m | = 9 m ; = =>"],
        [f"@solo {q} @fb solo = 9 m | x * y = 3 1 5 m ; = =>"],
        [f"@solo {q} @fb solo = | x * y = 3 1 5 m ; = 9 m =>"]]
    assert [(t.public, t.value) for t in trajectory.turns[:3]] == [
        ("x * y = 3 1 5 m", "3 1 5 m"), ("= 9 m", "9 m"), ("=", None)]
    assert trajectory.outcome.answer == "3 1 5 m"


def test_in_a_mixed_panel_each_reads_the_others_in_its_own_language():
    pocket = ScriptedModel([solo("3 1 5"), solo("3 1 5")], dialect="pocket")
    chat = ScriptedModel(["35 times 9.\nExpression: 35 * 9\nAnswer: 315 m", "Answer: 315 m"])
    made = asyncio.run(play(debate.of(2, 2), POCKET, Voices({"generator/1": pocket, "critic/1": pocket,
                                                             "generator/2": chat, "critic/2": chat}), PATH))
    assert made.turns[2].messages[-1].content.endswith("@fb solo x * y = 3 1 5 m | x * y = 3 1 5 m =>")
    assert "Agent 1: x * y: 35 * 9" in made.turns[3].messages[-1].content
    assert rewards.agreement(POCKET, made).value == 1.0


@pytest.mark.parametrize("view", ["raw", "summary"])
def test_whoever_answers_first_everyone_reads_the_round_before(view):
    said = script("12333", "13332", "22333") | {f"summarizer/{n}": [f"s{n}a", f"s{n}b"] for n in range(1, 6)}
    made = [debated(said, team=sized(said, view), order=order)
            for order in (*itertools.islice(itertools.permutations("12345"), 0, 120, 17), "54321")]
    assert len({tuple(t.content for t in m.turns) for m in made}) == 1 and len(made[0].turns) == (
        15 if view == "raw" else 25)
    if view == "raw":
        others = [f"Agent {n}: Answer: {a}" for n, a in zip("1245", "1332", strict=True)]
        assert "\n\n".join(others) in asked(made[0], "critic", "3")[1]


def test_summaries_are_one_call_for_each_agent_and_later_round():
    said = script("12", "12", "22") | {"summarizer/1": ["two says 2", "still 2"], "summarizer/2": ["one says 1", "1"]}
    trajectory = debated(said, team=sized(said, "summary"))
    assert [(t.role, t.seat) for t in trajectory.turns] == [
        ("generator", "1"), ("generator", "2"), ("summarizer", "1"), ("critic", "1"), ("summarizer", "2"),
        ("critic", "2"), ("summarizer", "1"), ("critic", "1"), ("summarizer", "2"), ("critic", "2")]
    assert "Agent 2: Answer: 2" in asked(trajectory, "summarizer", "1")[0]
    assert "Agent 1" not in asked(trajectory, "summarizer", "1")[0]
    assert "two says 2" in asked(trajectory, "critic", "1")[0] and "Agent 2" not in asked(trajectory, "critic", "1")[0]


def test_one_agent_checks_its_own_answer_again():
    trajectory = debated(script("1", "2", "3"))
    assert [(t.role, t.prompt) for t in trajectory.turns] == [
        ("generator", "answer"), ("critic", "again"), ("critic", "again")]
    last = trajectory.turns[2].messages
    assert [m.content for m in last if m.role == "assistant"] == ["Answer: 1", "Answer: 2"]
    assert last[-1].content.startswith("Check your solution") and trajectory.outcome.answer == "Answer: 3"
    pocket = debated({"generator/1": [solo("1")], "critic/1": [solo("2")]}, POCKET, dialect="pocket")
    assert pocket.turns[1].messages[0].content == f"@solo {POCKET.question} @fb solo x * y = 1 m | =>"


def test_who_takes_part_follows_from_the_size():
    def members(*size):
        return sorted(debate.of(*size).roles)

    assert members(3, 1) == ["generator"] and members(3, 1, "summary") == ["generator"]
    assert members(3, 2) == ["critic", "generator"] and members(1, 2, "summary") == ["critic", "generator"]
    assert members(2, 2, "summary") == ["critic", "generator", "summarizer"]
    for size in ((0, 2), (3, 0), (3, 2, "other"), (3, 2, "raw", "other")):
        with pytest.raises(UsageError, match="at least one agent and one round"):
            debate.of(*size)


def test_any_number_of_agents_see_all_the_others():
    said = script("1234567", "1111111")
    trajectory = debated(said)
    assert len(trajectory.turns) == 14
    assert [asked(trajectory, "critic", "7")[0].count(f"Agent {n}:") for n in range(1, 8)] == [1] * 6 + [0]


def test_a_weighted_vote_counts_who_was_steady():
    said = script("125", "144", "133")  # 1 counts 1, 3 counts 1/3 + 1/3
    assert debated(said).outcome.answer == "Answer: 3"
    assert debated(said, team=sized(said, vote="weighted")).outcome.answer == "Answer: 1"
    said = script("112", "132", "133")  # 1 against 2/3 + 1/3: level, and more began with 1
    assert debated(said).outcome.answer == "Answer: 3"
    assert debated(said, team=sized(said, vote="weighted")).outcome.answer == "Answer: 1"


def test_a_tie_goes_by_the_first_round_then_to_the_lowest_seat():
    assert debated(script("2213", "1232")).outcome.answer == "Answer: 2"
    assert debated(script("21", "12")).outcome.answer == "Answer: 1"
    assert debated(script("221", "123")).outcome.answer == "Answer: 2"


def test_who_is_silent_has_no_vote_and_silences_nobody():
    first = {"generator/1": ScriptedModel(lambda m, s: Completion("Answer: 7 and", "length")),
             "generator/2": ScriptedModel(["no idea"]), "generator/3": ScriptedModel(["Answer: 3"])}
    later = {f"critic/{n}": ScriptedModel([f"Answer: {a}"]) for n, a in zip("123", "733", strict=True)}
    trajectory = asyncio.run(play(debate.of(3, 2), SUM, Voices(first | later), PATH))
    assert trajectory.outcome.answer == "Answer: 3" and trajectory.turns[0].finish == "length"
    assert "Agent 1: (no answer)\n\nAgent 2: no idea" in trajectory.turns[5].messages[-1].content
    assert [m.role for m in trajectory.turns[3].messages] == ["system", "user"]  # it has no history of its own
    assert rewards.agreement(SUM, trajectory) == rewards.Reward(
        2 / 3, "3", "2 of 3 say '3'", {0: 0.0, 1: 0.0, 2: 1.0, 3: 0.0, 4: 1.0, 5: 1.0})


def test_nobody_with_an_answer_is_no_answer_and_wrong():
    trajectory = debated(script(["no", "none"], ["no", "none"], say="{}"))
    assert trajectory.outcome.stop is Stop.NO_ANSWER
    assert rewards.right(SUM, trajectory).value == rewards.agreement(SUM, trajectory).value == 0.0
    lost = ScriptedModel(lambda m, s: (_ for _ in ()).throw(Stopped(Stop.LOST, "server gone")))
    outcome = asyncio.run(play(debate.of(2, 2), SUM, Voices({"*": lost}), PATH)).outcome
    assert (outcome.stop, outcome.why) == (Stop.LOST, "server gone")


def test_a_replay_lets_siblings_stand_and_only_the_next_round_answers_again():
    said = script("123", "133")
    parent = debated(said)
    fresh = {f"critic/{n}": ["Answer: 1"] for n in "123"}
    fresh |= {f"generator/{n}": [] for n in "123"}
    again = asyncio.run(replay(parent, sized(said), SUM, voices(fresh), edits={1: "Answer: 1"}))
    assert [t.origin for t in again.turns] == ["given", "edited", "given", "sampled", "sampled", "sampled"]
    assert again.outcome.answer == "Answer: 1"


def test_the_settings_make_the_debate_whoever_asks_for_it():
    s = Settings().changed({"agents": 2, "debate_rounds": 3, "vote": "weighted", "recipe": "debate"})
    for recipe in ("debate", "multiagent_finetuning"):
        team = recipes.get(s.changed({"recipe": recipe})).team
        trajectory = asyncio.run(play(team, SUM, Voices({"*": ScriptedModel(lambda m, s: "Answer: 1")}), PATH))
        assert len(trajectory.turns) == 6
    named = recipes.get(s.changed({"recipe": "chain", "team": "debate"})).team
    assert named.name == "debate" and len(asyncio.run(
        play(named, SUM, Voices({"*": ScriptedModel(lambda m, s: "Answer: 1")}), PATH)).turns) == 6


def test_the_answers_right_by_the_truth():
    trajectory = debated({f"generator/{n}": [f"x * y : 1 * 1 | = 1 | {RIGHT}"] for n in "12"}, POCKET, dialect="pocket")
    found = rewards.right(POCKET, trajectory)
    assert (found.value, found.turns, found.lucky) == (1.0, {}, None)
