"""What CONTRIBUTING.md shows is code that runs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from actors import ActingMachine
from scripted_team import MENDING, NUMBER, PATH, voices

from sirius_core import campaign
from sirius_core.contrast.plan import read
from sirius_core.episodes import direct, play
from sirius_core.errors import UsageError
from sirius_core.recipes import Recipe
from sirius_core.repair import CriticRepair, Failure
from sirius_core.rewards import right
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.teams import Team, chat, roles

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")
SHOWN: dict[str, object] = {}
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
for block in BLOCKS:
    exec(block, SHOWN)


def test_the_recipe_is_one_of_forty_lines():
    recipe = SHOWN["recipe"](Settings())
    assert isinstance(recipe, Recipe) and (recipe.name, recipe.team.name) == ("edge", "formula_chain")
    assert len(BLOCKS[0].splitlines()) <= 40


def test_the_recipe_is_an_arm_of_a_contrast_and_learns_at_the_edge_alone(tmp_path):
    (tmp_path / "mine.py").write_text(BLOCKS[0])
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "edge.toml").write_text(toml)
    plan = replace(read(tmp_path / "edge.toml"), preset="tiny", seeds=(0,),
                   settings={"rounds": 1, "problems": 12, "max_solutions": 3, "heldout": 8, "gate": False})
    path = tmp_path / "lab.db"
    with Store(path) as store:
        contrast = campaign.create(store, plan)
        anything = store.experiments.create("problems", plan.settings_of(plan.arms[0]), 0)
        job = campaign.carry_on(path, contrast, machine=ActingMachine(anything))
        assert (job.status, job.done) == ("done", 3)
        arms = {e.arm: e for e in store.experiments.of_contrast(contrast)}
        reports = {arm: store.experiments.reports(e.id) for arm, e in arms.items()}
        assert reports["edge"][1]["library"] == reports["all that was solved"][1]["library"]
        assert reports["placebo"][1]["library"] == reports["edge"][1]["library"] != {}
        tried = store.episodes.find(arms["edge"].id, round=1, phase="propose")
        right = {task: {t.right for t in tried if t.task == task} for task in {t.task for t in tried}}
        kept = {row[0] for row in store.db.rows(
            "SELECT t.task FROM example e JOIN trajectory t ON t.id = e.trajectory WHERE t.experiment = ?",
            arms["edge"].id)}
        assert kept == {task for task, found in right.items() if found == {True, False}} < set(right)


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
