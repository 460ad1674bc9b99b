"""Every role's chat prompts: whole, in the team's own names, filled with exactly what workflow and repair give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from scripted_team import CHAT, LETTER, TASKS, mended, played

from sirius_core import answers, tasks, teams
from sirius_core.leaks import leaks
from sirius_core.models import Sampling
from sirius_core.prompts import Message, load
from sirius_core.teams import chat
from sirius_core.trajectories import Task, Turn


def spoken(team: str, role: str, prompt: str = "answer") -> tuple[Message, ...]:
    return teams.get(team).role(role).prompt(prompt, "chat").messages


ROLES = {role for name in CHAT for role in teams.get(name).chain} | {"physicist", "chemist"}


@pytest.mark.parametrize("name", CHAT)
def test_every_role_answers_and_revises_and_every_team_has_its_menders(name):
    team = teams.get(name)
    assert set(team.roles) == {*team.chain, "critic", "rephraser"} == {*team.chain, *team.menders}
    for role in team.chain:
        (system, asked), (again, revise) = spoken(name, role), spoken(name, role, "revise")
        assert system == again and system.role == "system" and asked.role == revise.role == "user"
        assert "{{" not in system.content and "{{draft}}" in revise.content and "{{feedback}}" in revise.content
        assert team.role(role).prompt("revise", "chat").slots - {"draft", "feedback"} == (
            team.role(role).prompt("answer", "chat").slots)
    assert team.role("critic").prompt("answer", "chat").slots == {"question", "transcript", "truth", "role"}
    assert team.role("rephraser").prompt("answer", "chat").slots == {"question", "text"}


@pytest.mark.parametrize("name", CHAT)
def test_no_prompt_names_a_role_that_its_team_does_not_have(name):
    team = teams.get(name)
    for (role, prompt, kind), found in ((key, p) for r in team.roles.values() for key, p in (
            ((r.name, *k), p) for k, p in r.prompts.items())):
        words = set(re.findall(r"[a-z_]+", " ".join(m.content for m in found.messages).lower()))
        strangers = {r for r in ROLES if r in words or f"{r}s" in words} - set(team.chain)
        assert kind == "pocket" or not strangers, (role, prompt)
        if kind == "chat" and role in team.chain:
            assert found.messages[0].content.startswith(("You are the " + role, "You solve"))


@pytest.mark.parametrize("name", CHAT)
def test_no_instruction_has_a_word_that_the_leak_check_would_find(name):
    team = teams.get(name)
    for role in team.chain:
        text = " ".join(m.content for m in spoken(name, role))
        turn = Turn(role, "answer", None, (), {}, "", "r")
        assert leaks(text, turn, LETTER, team, "") == ()


def test_the_chemists_prompts_are_not_the_physicists():
    for path, prompt in load("chemistry").items():
        assert "physic" not in " ".join(m.content.lower() for m in prompt.messages), path


def test_every_kind_of_answer_has_a_form_and_the_form_says_how():
    forms = {kind for _, kind, _ in load("forms")}
    assert forms == set(answers.KINDS)
    for kind in forms:
        text = chat.form(Task("t", "s", "train", "?", "", kind))
        assert "{{" not in text and len(load("forms")["form", kind, "chat"].messages) == 1
        stated = re.findall(r"`(Answer: [^`]+)`", text)
        for example in stated if kind in ("boolean", "yes_no_maybe") else ():
            assert answers.extract(example, kind) is not None
        assert stated
    assert chat.form(Task("t", "s", "train", "?", "", "of tomorrow")) == chat.form(Task("t", "s", "train", "?", ""))


def test_the_team_of_a_source():
    sources = {"formulas": "formula_chain", "college_physics": "physics", "gpqa": "physics", "theoremqa": "physics",
               "college_chemistry": "chemistry", "pubmedqa": "pubmedqa", "mmlu": "chain", "gsm8k": "chain"}
    assert {s: teams.for_source(s, single=False) for s in sources} == sources
    assert {teams.for_source(s, single=True) for s in sources} == {"solver", "formula_solo"}
    assert teams.for_source("formulas", single=True) == "formula_solo"
    assert teams.FOR_SOURCE.keys() <= tasks.SOURCES.keys()
    assert all(teams.get(name).name == name for name in {*sources.values(), "solver", "formula_solo"})


@pytest.mark.parametrize(("name", "role", "kind"), [
    (n, r, k) for n in CHAT for r in teams.get(n).chain
    for k in ["own", *(() if n.startswith("formula") else sorted(answers.KINDS))]])
def test_every_prompt_is_filled_with_exactly_the_slots_that_workflow_and_repair_give(name, role, kind):
    truths = {"letter": "C", "boolean": "true", "yes_no_maybe": "maybe", "list": "[1, 2]", "ordered_list": "[1, 2]"}
    task = TASKS[name] if kind == "own" else replace(TASKS[name], kind=kind, answer=truths.get(kind, "6"))

    def say(asked: Sequence[Message], sampling: Sampling) -> str:
        text = asked[-1].content
        assert "{{" not in text and asked[0].role == "system" and len(asked) == 2
        if "You may blame" in text:
            return f"Blame: {role}\nFeedback: think again"
        return "Expression: 1 * 2" if name.startswith("formula") else "hm"

    failed = played(name, task, say)
    assert [t.role for t in failed.turns] == list(teams.get(name).chain) and not failed.reward.right
    records = mended(name, failed, task, say)
    (repair,) = records.repairs
    said = say(failed.turns[0].messages, Sampling())
    assert (repair.role, repair.raw, repair.replay is not None) == (role, said, True)
    if name != "pubmedqa" and task.data.get("context"):
        assert task.data["context"] in failed.turns[0].messages[1].content
