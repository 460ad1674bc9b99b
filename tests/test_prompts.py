"""Prompt files are filled strictly and leave LaTeX alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import teams
from sirius_core.errors import PromptError
from sirius_core.pocket import dialect
from sirius_core.prompts import Message, Prompt, load


@given(st.text())
def test_any_value_is_filled_in_word_for_word(value):
    filled = Prompt.parse(r"[user]" + "\n" + r"Solve \frac{1}{2} of {{question}}").fill({"question": value})
    assert filled == (Message("user", rf"Solve \frac{{1}}{{2}} of {value}"),)


def test_a_missing_and_a_surplus_value_are_named():
    prompt = Prompt.parse("{{a}} and {{b}}", "team/x.answer.chat.md")
    with pytest.raises(PromptError, match=r"team/x\.answer\.chat\.md: no value for b"):
        prompt.fill({"a": "1"})
    with pytest.raises(PromptError, match="has no slot for c"):
        prompt.fill({"a": "1", "b": "2", "c": "3"})
    with pytest.raises(PromptError, match="text before the first"):
        Prompt.parse("hello\n[user]\nworld")


def test_the_formula_team_speaks_the_dialect_of_the_textbook():
    names = {("critic", "answer"): "critic", ("rephraser", "answer"): "rephrase"}
    slots = {"feedback": "hint"}
    for (role, prompt, kind), found in load("formulas").items():
        if kind != "pocket":
            continue
        key = names.get((role, prompt), role if prompt == "answer" else f"{role}/{prompt}")
        values = {name: f"<{slots.get(name, name)}>" for name in found.slots}
        wanted = dialect.PROMPTS[key].format_map({slots.get(n, n): v for n, v in values.items()})
        assert found.fill(values) == (Message("user", wanted),)


def test_every_team_that_ships_loads_and_knows_its_roles():
    for name in teams.TEAMS:
        team = teams.get(name)
        assert team.name == name and set(team.chain) <= set(team.roles)
