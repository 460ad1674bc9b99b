"""Learning without training: a model reads a role's failures and writes its instruction anew.

In the spirit of Trace and TextGrad (spec: language models as optimisers): the writer sees the present instruction,
whole trajectories with their rewards, what was read and why it was wrong, and critiques where there are any. It works
in an episode of its own, so its calls are seeded, journalled, budgeted and stored like all others. What it writes is
data: it is put before a request after the prompt's slots were filled, so nothing in it is ever filled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ..episodes import Call, play
from ..errors import Stopped, UsageError
from ..models import Voices
from ..prompts import Prompt
from ..rewriting import MOST, objection
from ..rollout import Records
from ..store.rewrites import Rewrite
from ..teams import Team, from_files
from ..training import Example, ModelOf
from ..trajectories import Repair, SeedPath, Stop, Task, Trajectory, digest

FAILURES, SUCCESSES = 6, 2  # cases that the writer reads
REJECTED = 3  # earlier attempts that it is reminded of
TRIES = 2  # an instruction that cannot be used is asked for once more
_TURN, _CASES = 1500, 24_000  # characters of one turn, and of all cases together
_MARK = re.compile(r"<\s{0,3}(/?)\s{0,3}instruction\s{0,3}>", re.IGNORECASE)
_THOUGHT = re.compile(r"\A\s{0,9}<think>.*?</think>", re.IGNORECASE | re.DOTALL)
_FENCED = re.compile(r"\A```\w{0,20}\n(.*)\n```\Z", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One trajectory in which the role spoke, its turn in it, and what a critic said about that turn. ``right`` is
    about the trajectory, or, where each role is judged by its ``own`` part (actor-critic), about that turn."""

    task: Task
    trajectory: Trajectory
    turn: int
    right: bool
    feedback: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True)
class Brief:
    """What a writer is handed: ``original`` is the instruction as the team's prompt has it (empty: it has none),
    ``before`` the text in force, ``rejected`` what was tried in its place and did not stay."""

    model: str
    role: str
    original: str
    before: str
    request: str
    team: tuple[str, ...]
    cases: tuple[Case, ...]
    path: SeedPath
    rejected: tuple[str, ...] = ()
    gold: bool = True  # whether the writer is shown right answers

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple({case.task.id: case.task for case in self.cases}.values())

    @property
    def examples(self) -> tuple[Example, ...]:
        """The evidence, as it is kept: the role's turns that the writer read, weighted by reward."""
        return tuple(Example(c.trajectory, c.turn, c.trajectory.reward.value if c.trajectory.reward else 0.0, "shown")
                     for c in self.cases)


def read(reply: str) -> tuple[str, str | None]:
    """(analysis, instruction) of a writer's reply: what stands between the last pair of marks; None without one."""
    text = _THOUGHT.sub("", reply)
    marks = list(_MARK.finditer(text))
    for end in reversed([i for i, mark in enumerate(marks) if mark[1]]):
        if end and not marks[end - 1][1]:
            start = marks[end - 1]
            found = text[start.end() : marks[end].start()].strip()
            fenced = _FENCED.match(found)
            clean = "".join(c if c.isprintable() or c in "\n\t" else " " for c in fenced[1] if c != "\r") if fenced \
                else "".join(c if c.isprintable() or c in "\n\t" else " " for c in found if c != "\r")
            return text[: start.start()].strip(), clean.strip() or None
    return text.strip(), None


async def propose(brief: Brief, voices: Voices, call: Call) -> Records:
    """The writer's episode. Its outcome is the new instruction, or the reason why there is none that can be used."""
    case = brief.cases[0]

    async def writing(task: Task, ask: Any) -> str:
        replies = [await ask("writer", **_slots(brief))]
        for tries_left in reversed(range(TRIES)):
            _, text = read(replies[-1])
            wrong = "there is none between the marks" if text is None else objection(text, brief.before, brief.tasks)
            if text is not None and not wrong:
                return text
            if tries_left:
                said = wrong if brief.gold else wrong.partition(", ")[0]  # no right answer by way of an objection
                replies.append(await ask("writer", "again", history=replies, objection=said))
        raise Stopped(Stop.NO_ANSWER, wrong)

    team = Team("writer", from_files("writer"), writing)
    return Records((await play(team, case.task, voices, brief.path, call),))


def written(brief: Brief, writer: Trajectory) -> Rewrite | None:
    """What a writer's episode brought; None if nothing that can be used."""
    if writer.outcome.answer is None:
        return None
    path = writer.path
    analysis, _ = read(writer.turns[-1].text)
    return Rewrite(digest("rewrite", writer.id), path.experiment, path.round, brief.model, brief.before,
                   writer.outcome.answer, analysis, writer.id)


def briefs(
    tried: Sequence[Trajectory],
    team: Team,
    model_of: ModelOf,
    *,
    tasks: Mapping[str, Task],
    in_force: Mapping[str, Mapping[str, str]],
    past: Sequence[Rewrite] = (),
    repairs: Sequence[Repair] = (),
    threshold: float = 0.5,
    only: Sequence[str] = (),
    gold: bool = True,
) -> list[Brief]:
    """A brief for every model's every instruction with a failure, in the order of models and instructions.

    ``in_force`` is {model: {original instruction: its text now}}. Up to `FAILURES` failed trajectories, one of a task,
    those first whose critique blames the role; up to `SUCCESSES` successes, of the same tasks if there are any.
    ``only`` names the roles that learn (empty: all). UsageError if no instruction of the team could be rewritten.
    """
    spoke: dict[tuple[str, str], dict[str, tuple[Trajectory, int]]] = {}
    seen = 0
    for trajectory in tried:
        for i, turn in enumerate(trajectory.turns):
            if only and turn.role not in only:
                continue
            seen += 1
            system = [m.content for m in turn.messages if m.role == "system"]
            if not _varies(team, turn.role, turn.prompt):
                spoke.setdefault((model_of(turn), system[0] if system else ""), {})[trajectory.id] = (trajectory, i)
    if seen and not spoke:
        raise UsageError(f"update=prompts: the instructions of team {team.name!r} differ from task to task (they have "
                         "slots), so no role's instruction can be rewritten")
    blamed: dict[tuple[str, str], list[str]] = {}
    for repair in repairs:
        if said := repair.feedback or repair.critique:
            blamed.setdefault((repair.failed, repair.role), []).append(said)
    found = []
    for (model, original), plays in sorted(spoke.items()):
        before = in_force.get(model, {}).get(original, original)
        place = next(iter(plays.values()))[0].path
        random = Random(f"rewrite/{place.seed}/{place.round}/{digest(model, original)}")
        cases = [_case(team, tasks[t.task], t, i, threshold, tuple(blamed.get((t.id, t.turns[i].role), ())))
                 for t, i in plays.values()]
        random.shuffle(cases)
        failures = _one_each([c for c in cases if not c.right], lambda c: not c.feedback)[:FAILURES]
        if not failures:
            continue
        failed = {c.task.id for c in failures}
        successes = _one_each([c for c in cases if c.right], lambda c, failed=failed: c.task.id not in failed)
        chosen = (*failures, *successes[:SUCCESSES])
        path = replace(place, phase="rewrite", task=chosen[0].task.id, attempt=0, draw=0,
                       branch=digest("rewrite", model, original, before))
        names = tuple(sorted({c.trajectory.turns[c.turn].role for c in cases}))
        first = chosen[0].trajectory.turns[chosen[0].turn]
        rejected = tuple(r.after for r in past if r.model == model and r.before == before)[-REJECTED:]
        found.append(Brief(model, ", ".join(names), original, before, _template(team, first.role, first.prompt),
                           team.chain or tuple(team.roles), chosen, path, rejected, gold))
    return found


def _case(team: Team, task: Task, t: Trajectory, turn: int, threshold: float, feedback: tuple[str, ...]) -> Case:
    marks = t.reward.turns if team.reads is not None and t.reward is not None else {}
    right = marks[turn] > threshold if turn in marks else t.earned(threshold)
    return Case(task, t, turn, right, feedback, turn in marks)


def _one_each(cases: list[Case], later: Any) -> list[Case]:
    """One case of each task, in order; those that are ``later`` after the others."""
    return list({c.task.id: c for c in reversed(sorted(cases, key=later))}.values())[::-1]


def _prompts(team: Team, role: str, prompt: str) -> list[Prompt]:
    prompts = team.role(role).prompts
    return [found for key in ((prompt, "chat"), (prompt, "*")) if (found := prompts.get(key)) is not None]


def _varies(team: Team, role: str, prompt: str) -> bool:
    return any(Prompt((m,)).slots for p in _prompts(team, role, prompt)[:1] for m in p.messages if m.role == "system")


def _template(team: Team, role: str, prompt: str) -> str:
    return "\n\n".join(m.content for p in _prompts(team, role, prompt)[:1] for m in p.messages if m.role != "system")


# -- what the writer reads -------------------------------------------------------------------------------------------
def _slots(brief: Brief) -> dict[str, str]:
    cases: list[str] = []
    for number, case in enumerate(brief.cases, 1):
        text = _show(case, brief, number)
        if cases and sum(map(len, cases)) + len(text) > _CASES:
            break
        cases.append(text)
    rejected = "".join(f"\n\n<rejected>\n{text}\n</rejected>" for text in brief.rejected)
    return {
        "team": ", ".join(brief.team), "role": brief.role, "instruction": brief.before or "(none so far)",
        "request": brief.request, "cases": "\n\n".join(cases), "characters": f"{MOST:,}",
        "rejected": f"Tried in its place, and not better on other tasks:{rejected}" if rejected else "",
    }


def _show(case: Case, brief: Brief, number: int) -> str:
    t, reward = case.trajectory, case.trajectory.reward
    lines = [f"<case number=\"{number}\" judged=\"{'right' if case.right else 'wrong'}\">",
             f"Task: {clip(case.task.question, _TURN)}"]
    for i, turn in enumerate(t.turns):
        who = turn.role if turn.seat is None else f"{turn.role} ({turn.seat})"
        lines.append(f"{who}{' (the role to improve)' if i == case.turn else ''} said: {clip(turn.text, _TURN)}")
    if t.outcome.stop is not None:
        lines.append(f"It ended without an answer: {t.outcome.stop}: {clip(t.outcome.why, 300)}")
    if case.own:
        lines.append(f"What {t.turns[case.turn].role} said last was {'right' if case.right else 'wrong'}: it is judged "
                     "by its own part, whatever came of it.")
    if reward is not None:
        lines.append(f"Reward: {reward.value:g}. Read as the answer: {reward.read or 'nothing'}.")
        if brief.gold:
            lines.append(f"How it was judged: {clip(reward.why, 300)}. The right answer: {case.task.answer}")
    lines += [f"A critic said of this role: {clip(said, 600)}" for said in case.feedback]
    return "\n".join([*lines, "</case>"])


def clip(text: str, most: int) -> str:
    """Beginning and end of a long text: a step goes wrong at its start or its conclusion more often than between."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} [... {len(text) - most:,} characters left out ...] {text[len(text) - most // 2 :]}"
