"""Multiagent debate (arXiv 2305.14325): agents answer, then each answers again with the others' answers in view.

Rounds are synchronous: everyone reads what was said in the round before, whatever comes in first. Generators speak in
the first round, critics after; a seat is one agent, who keeps its own history. The answer is the plurality of the last
turns (`votes.winner`: a tie goes by the first round, then by seat). A turn that failed, or states no answer, is no vote
and stays in the count; nobody is left out of view, however many they are.

On the embedded problems an agent hands on ``FORMULA = ANSWER``: the embedded model reads that of itself and of the
others, and no history. Chat models read whole replies, or with ``view="summary"`` a summary of them, made for each by
one more call: N M answers and N (M - 1) summaries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from .. import answers, votes
from ..errors import Stopped, UsageError
from ..pocket.dialect import public
from ..pocket.notation import digits, parse_plan, read_expression
from ..pocket.ordinary import expression_in, is_pocket, to_ordinary
from ..pocket.vocabulary import knows
from ..trajectories import Task
from . import Parsed, Role, Team, from_files
from .chat import form, ordinary, problem

SILENT = "(no answer)"
Said = Mapping[str, Any]  # one round, {seat: its Reply, or the Stopped that kept it from one}


def of(agents: int = 3, rounds: int = 2, view: str = "raw", vote: str = "plain") -> Team:
    """A debate of ``agents`` in ``rounds``.

    ``view``: raw, or summary. ``vote``: plain, or weighted: each agent's vote counts the share of its answers, over
    the rounds, that equal its last one (RLCCF's weighting, with rounds for samples). One agent alone checks its own
    answer again (reflection); in one round there are no critics.
    """
    if agents < 1 or rounds < 1 or view not in ("raw", "summary") or vote not in ("plain", "weighted"):
        raise UsageError(f"a debate of {agents} agents in {rounds} rounds, view={view}, vote={vote}: at least one "
                         "agent and one round, view raw or summary, vote plain or weighted")
    seats = tuple(str(n) for n in range(1, agents + 1))
    others = agents > 1

    async def workflow(task: Task, ask: Any) -> str | None:
        heard: list[Said] = []
        for _ in range(rounds):
            async with asyncio.TaskGroup() as group:
                turns = {seat: group.create_task(speak(task, ask, seat, tuple(heard))) for seat in seats}
            heard.append({seat: turn.result() for seat, turn in turns.items()})
        return elected(task, heard, vote)

    async def speak(task: Task, ask: Any, seat: str, heard: Sequence[Said]) -> Any:
        """The seat's turn of this round. A call that failed for good silences the seat, not the others."""
        parse = handed_on if task.source == "formulas" else None
        try:
            if not heard:
                return await ask("generator", seat=seat, parse=parse, **asked(task, ask.dialect("generator", seat)))
            dialect = ask.dialect("critic", seat)
            slots = asked(task, dialect)
            if dialect == "pocket":
                slots["own"] = brief(heard[-1][seat])
            if others:
                slots["others"] = await shown(task, ask, seat, heard[-1], dialect)
            history = () if dialect == "pocket" else [r[seat] for r in heard if not isinstance(r[seat], Stopped)]
            prompt = "answer" if others else "again"
            return await ask("critic", prompt, seat=seat, history=history, parse=parse, **slots)
        except Stopped as stopped:
            return stopped

    async def shown(task: Task, ask: Any, seat: str, last: Said, dialect: str) -> str:
        """What a seat reads of the others."""
        rest = {other: said for other, said in last.items() if other != seat}
        if dialect == "pocket":
            return " ; ".join(brief(said) for said in rest.values())
        told = "\n\n".join(f"Agent {other}: {SILENT if isinstance(said, Stopped) else ordinary(task, str(said))}"
                           for other, said in rest.items())
        if view == "raw":
            return told
        try:
            return str(await ask("summarizer", seat=seat, question=problem(task), others=told))
        except Stopped:
            return SILENT

    members = ["generator", *(["critic"] if rounds > 1 else []),
               *(["summarizer"] if view == "summary" and rounds > 1 and others else [])]
    roles = from_files("debate", members)
    if rounds > 1:  # the prompt of a critic with others to read, or of one alone
        kept = {key: p for key, p in roles["critic"].prompts.items() if (key[0] == "answer") == others}
        roles["critic"] = Role("critic", kept)
    limits = {"pocket:generator": 150, "pocket:critic": 150}
    return Team("debate", roles, workflow, speaker=members[min(rounds, 2) - 1], limits=limits,
                spoken={"chat": to_ordinary}, lesson="solo/debate" if rounds > 1 else "solo")


def asked(task: Task, dialect: str) -> dict[str, str]:
    """What every turn is asked."""
    if dialect == "pocket":
        return {"question": task.question}
    return {"question": problem(task), "form": form(task)}


def elected(task: Task, heard: Sequence[Said], vote: str) -> str | None:
    """The reply that won, of an embedded model its answer; None where nobody's can be read."""
    texts = [{seat: "" if isinstance(said, Stopped) else votes.read(str(said), task.kind) for seat, said in r.items()}
             for r in heard]
    rounds = votes.settled(texts, task.kind)
    won, _ = votes.winner(rounds[-1], rounds[0], votes.steadiness(rounds) if vote == "weighted" else None)
    if won is None:
        stops = [said for said in heard[-1].values() if isinstance(said, Stopped)]
        if len(stops) == len(heard[-1]):
            raise stops[0]
        return None
    seat = next(seat for seat, said in rounds[-1].items() if said == won)
    reply = heard[-1][seat]
    return str(reply.value) if reply.value else str(reply)


def handed_on(text: str) -> Parsed:
    """A reply to an embedded problem: its answer, and what an embedded model reads of it. A chat reply stands as it
    is."""
    if not is_pocket(text):
        return Parsed(None, text)
    formula, answer = _stated(text)
    return Parsed(answer or None, public(formula, answer))


def brief(said: Any) -> str:
    """What an embedded model reads of a reply, ``x * y = 1 7 0 N``; ``=`` alone of one that says neither."""
    return public("", "") if isinstance(said, Stopped) else public(*_stated(str(said)))


def _stated(text: str) -> tuple[str, str]:
    """(formula, answer) of a reply in either language; empty what cannot be read, or written in the embedded one."""
    if is_pocket(text):
        plan, _, rest = text.partition(" | ")
        read = parse_plan(plan)
        return read.formula if read else "", rest.partition(" | ")[2] if rest.count(" | ") == 1 else ""
    planned, found = read_expression(expression_in(text) or ""), answers.extract(text, "quantity")
    whole = found is not None and isinstance(found.value, float) and found.value >= 0 and found.value.is_integer()
    stated = f"{digits(int(found.value))} {found.unit}".strip() if found and whole else ""
    return planned.formula if planned else "", stated if knows(stated) else ""


debate = of()
