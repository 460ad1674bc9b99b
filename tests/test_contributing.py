"""What CONTRIBUTING.md shows is code that runs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_team import MENDING, NUMBER, PATH, voices

from sirius_core.episodes import direct, play
from sirius_core.errors import UsageError
from sirius_core.recipes import Recipe
from sirius_core.repair import CriticRepair, Failure
from sirius_core.rewards import right
from sirius_core.settings import Settings
from sirius_core.teams import Team, chat, roles

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")
SHOWN: dict[str, object] = {}
for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
    exec(block, SHOWN)


def test_the_recipe_is_one():
    recipe = SHOWN["recipe"](Settings())
    assert isinstance(recipe, Recipe) and recipe.name == "mine" and recipe.repair == CriticRepair(gold=True)


def test_the_teams_play_and_the_second_is_mended():
    for team in (SHOWN["team"], SHOWN["mendable"]):
        trajectory = asyncio.run(play(team, NUMBER, voices(["E = 9", "Answer: 9"]), PATH))
        assert [t.messages[0].content for t in trajectory.turns] == [
            f"Solve: {NUMBER.question}", f"Check and correct: {NUMBER.question}\n\nE = 9\n\n{chat.form(NUMBER)}"]
    failed = replace(trajectory, reward=right(NUMBER, trajectory))
    script = ["It took energy.\nBlame: writer\nFeedback: mass times acceleration", "F = m a", "F = m a", "Answer: 6"]
    mend = Failure(NUMBER, failed, team, voices(script), right, MENDING)
    (repair,) = asyncio.run(CriticRepair()(mend, direct)).repairs
    assert (repair.role, repair.mended) == ("writer", True)


def test_a_slot_that_a_revision_fills_itself_is_refused():
    async def workflow(task, ask):
        return await ask("editor", draft=task.question)

    prompts = {("editor", "answer"): "{{draft}}", ("editor", "revise"): "{{draft}} {{feedback}}",
               ("critic", "answer"): "{{transcript}}", ("rephraser", "answer"): "{{text}}"}
    team = Team("clashing", roles(prompts), workflow, ("editor",), "editor", chat.view, chat.blame)
    failed = asyncio.run(play(team, NUMBER, voices(["Answer: 9"]), PATH))
    mend = Failure(NUMBER, failed, team, voices(["Blame: editor\nFeedback: x"]), right, MENDING)
    with pytest.raises(UsageError, match="team 'clashing': the slot 'draft' of role 'editor'"):
        asyncio.run(CriticRepair()(mend, direct))
