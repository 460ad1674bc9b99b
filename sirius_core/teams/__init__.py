"""A team is a few roles plus one plain async function, the workflow, that says who speaks when.

    async def workflow(task, ask):
        physics = await ask("physicist", question=task.question)
        maths = await ask("mathematician", question=task.question, physics=physics)
        return await ask("summarizer", question=task.question, physics=physics, maths=maths)

One file per team; its prompts are Markdown files in ``prompts/TEAM``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from ..errors import PromptError, UnknownName
from ..prompts import Prompt, load
from ..trajectories import Task, Trajectory

Workflow = Callable[[Task, Any], Awaitable[Any]]


class Parsed(NamedTuple):
    """What a turn's ``parse`` made of the reply: a typed value (JSON-able) and the part that other seats may see."""

    value: Any
    public: str


class Blame(NamedTuple):
    """What a critique says: the turn to rewrite, and the feedback for it."""

    turn: int
    feedback: str


@dataclass(frozen=True)
class Role:
    """A name and its prompts, {(prompt, dialect): Prompt}. A dialect may be ``*``: the same text for every model."""

    name: str
    prompts: Mapping[tuple[str, str], Prompt]

    def prompt(self, name: str, dialect: str) -> Prompt:
        found = self.prompts.get((name, dialect)) or self.prompts.get((name, "*"))
        if found is None:
            raise PromptError(f"role {self.name!r} has no prompt {name!r} in the {dialect!r} dialect")
        return found


@dataclass(frozen=True)
class Team:
    """Roles and a workflow, and what the repair loop must know of them.

    ``chain`` lists the roles that can be rewritten, in order of speaking; ``speaker`` is the role that states the
    answer. ``view(task, trajectory, shown)`` gives the critic's slots (``shown`` is the gold answer, or None), and
    ``blame(critique, trajectory)`` reads a critique; a team without them cannot be mended by a critic. ``limits`` gives
    the most tokens of a reply, by role or role.prompt, for one dialect only with it before a colon
    (``pocket:analyst``). ``spoken`` puts what fills a prompt into the words of a dialect, {dialect: text to text}; what
    it gives it leaves alone, so that a text may come by twice. ``judges`` are roles that look at the others' work
    within the workflow: they speak at the critic's temperature. ``lesson`` is the kind of lesson (a prompt of
    `pocket.dialect.PROMPTS`) that an embedded base must have read to play in this team. ``opposed``: its roles play
    against one another, so each also speaks untrained from the seat ``base``, and from ``rN`` as it was after round N.
    ``reads(task, role)`` is how the workflow parses that role's replies, where a reward goes by what was read.
    """

    name: str
    roles: Mapping[str, Role]
    workflow: Workflow
    chain: tuple[str, ...] = ()
    speaker: str = ""
    view: Callable[[Task, Trajectory, str | None], Mapping[str, str]] | None = None
    blame: Callable[[str, Trajectory], Blame | None] | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    spoken: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    judges: tuple[str, ...] = ()
    lesson: str = ""
    opposed: bool = False
    reads: Callable[[Task, str], Callable[[str], Parsed] | None] | None = None

    def limit(self, role: str, prompt: str, dialect: str) -> int | None:
        keys = (f"{dialect}:{role}.{prompt}", f"{dialect}:{role}", f"{role}.{prompt}", role)
        return next((self.limits[key] for key in keys if key in self.limits), None)

    @property
    def menders(self) -> tuple[str, ...]:
        """The roles that take no part in the workflow but mend its failures: the rephraser, and a critic where there is
        a view for it."""
        names = ("rephraser",) if self.view is None else ("critic", "rephraser")
        return tuple(r for r in names if r in self.roles and r not in self.chain)

    def role(self, name: str) -> Role:
        if name not in self.roles:
            raise UnknownName("role", name, self.roles)
        return self.roles[name]


def roles(prompts: Mapping[tuple[str, str, str] | tuple[str, str], Prompt | str]) -> dict[str, Role]:
    """Roles from {(role, prompt[, dialect]): Prompt or text}; a text without a dialect serves every model."""
    by_role: dict[str, dict[tuple[str, str], Prompt]] = {}
    for key, prompt in prompts.items():
        role, name, dialect = (*key, "*")[:3]
        made = Prompt.parse(prompt, f"{role}.{name}") if isinstance(prompt, str) else prompt
        by_role.setdefault(role, {})[name, dialect] = made
    return {role: Role(role, found) for role, found in by_role.items()}


def from_files(team: str, only: Iterable[str] = (), borrowed: Mapping[str, str] | None = None) -> dict[str, Role]:
    """The roles whose prompts stand in ``sirius_core/teams/prompts/TEAM``; ``only``: these alone.

    ``borrowed`` ({role: folder}) takes from another folder what the team's own has not of a role's prompts.
    """
    found: dict[tuple[str, str, str] | tuple[str, str], Prompt | str] = {
        key: prompt for role, folder in (borrowed or {}).items()
        for key, prompt in load(folder).items() if key[0] == role}
    wanted = set(only)
    found |= {key: prompt for key, prompt in load(team).items() if not wanted or key[0] in wanted}
    return roles(found)


TEAMS = {
    "formula_chain": "formulas",
    "formula_solo": "formulas",
    "physics": "physics",
    "chemistry": "chemistry",
    "pubmedqa": "pubmedqa",
    "chain": "chain",
    "solver": "solver",
    "debate": "debate",
    "actor_critic": "actor_critic",
    "self_correct": "self_correct",
    "sell_and_buy": "negotiation",
    "ultimatum": "negotiation",
    "resource_exchange": "negotiation",
}
FOR_SOURCE = {
    "formulas": "formula_chain",
    "college_physics": "physics",
    "gpqa": "physics",
    "theoremqa": "physics",
    "college_chemistry": "chemistry",
    "pubmedqa": "pubmedqa",
    "sell_and_buy": "sell_and_buy",
    "ultimatum": "ultimatum",
    "resource_exchange": "resource_exchange",
}


def for_source(source: str, *, single: bool) -> str:
    """The team that plays a source's tasks unless the settings name another: a chain, or one agent alone."""
    if single:
        return "formula_solo" if source == "formulas" else "solver"
    return FOR_SOURCE.get(source, "chain")


def get(name: str) -> Team:
    """A team that ships, by name; the debate is one of three agents and two rounds (`debate.of` makes others)."""
    if name not in TEAMS:
        raise UnknownName("team", name, TEAMS)
    made: Team = getattr(import_module(f"{__name__}.{TEAMS[name]}"), name)
    return made
