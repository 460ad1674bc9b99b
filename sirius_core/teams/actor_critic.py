"""Actor, judge and critic (arXiv 2502.04780, section 3.2): an answer, a verdict on it, and where that is False another.

The judge says True or False of the actor's answer, the critic what to look at again, the actor answers once more.
Nobody is shown the right answer: the judge works the problem out itself, in its reply, and compares. After True, and
after a verdict that cannot be read, the first answer stands. The critic learns like the others, so it is no mender;
only the rephraser is.

On the embedded problems judge, critic and a revising actor read ``FORMULA = ANSWER`` of an answer, not its working.
Chat models read all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Stopped
from ..pocket.dialect import ADVISED, FALSE, opinion
from ..pocket.ordinary import is_pocket, to_ordinary
from ..pocket.vocabulary import knows
from ..trajectories import Stop, Task, Turn
from . import Parsed, Team, from_files
from .chat import MARK, ordinary, problem
from .debate import asked, brief, handed_on

_OPINION = re.compile(MARK.format("(?:opinion|decision)") + r"|^\W{0,8}(?:opinion|decision)\W{0,8}$",
                      re.IGNORECASE | re.MULTILINE)  # or a heading of its own
_VERDICT = re.compile(r"(?:[\s*_`\"'“({\[<$-]|\\text(?:bf)?\{){0,8}(true|false)\b(?!\W{0,5}(?:or|and)\b|\s{0,3}[/|])",
                      re.IGNORECASE)


async def actor_critic_workflow(task: Task, ask: Any) -> Any:
    read = reader(task)
    first = await ask("actor", parse=read, **asked(task, ask.dialect("actor")))
    if await _verdict(task, ask, first) is not False:
        return first.value["answer"]
    feedback = await ask("critic", parse=advice, **shown(task, ask.dialect("critic"), first))
    dialect = ask.dialect("actor")
    slots = {**asked(task, dialect), **shown(task, dialect, first), "feedback": feedback}
    return (await ask("actor", "revise", parse=read, **slots)).value["answer"]


async def _verdict(task: Task, ask: Any, first: Any) -> bool | None:
    """What the judge says; None where that cannot be read, or its call failed for good."""
    try:
        said = await ask("judge", parse=verdict, **shown(task, ask.dialect("judge"), first))
    except Stopped:
        return None
    found: bool | None = said.value["verdict"]
    return found


def shown(task: Task, dialect: str, answer: Any) -> Mapping[str, str]:
    """What somebody is shown who looks at an answer."""
    if dialect == "pocket":
        return {"question": task.question, "response": brief(answer)}
    return {"question": problem(task), "response": ordinary(task, str(answer))}


def reader(task: Task) -> Callable[[str], Parsed]:
    """Reads the actor's replies: ``{"answer": text}``, None where an embedded model's has none."""
    def answered(text: str) -> Parsed:
        if task.source != "formulas" or not is_pocket(text):
            return Parsed({"answer": text}, text)
        found = handed_on(text.removeprefix(f"{ADVISED} "))
        return Parsed({"answer": found.value}, found.public)

    return answered


def verdict(text: str) -> Parsed:
    """The judge's reply: ``{"verdict": True, False or None, "why": its reasons, "own": the answer that it came to}``.

    The last ``Opinion:`` counts. One that says neither, or both ("True or False"), is None. ``own`` is None in a chat
    model's reply, which says it in no set form.
    """
    if knows(text):
        said = text.rpartition(" | ")[2]
        own = text.split(" | ")[2] if opinion(text) is not None else None
        return Parsed({"verdict": opinion(text), "why": said.partition(f"{FALSE} ")[2], "own": own}, said)
    marks = list(_OPINION.finditer(text))
    found = _VERDICT.match(text, marks[-1].end()) if marks else None
    why = text[: marks[-1].start()] if found else text
    said_true = found[1].lower() == "true" if found else None
    return Parsed({"verdict": said_true, "why": why.strip(" \t\n*_`#"), "own": None}, text)


def advice(text: str) -> Parsed:
    """The critic's reply. Without a word of feedback there is nothing to revise by, and the episode ends."""
    if not (said := text.strip()):
        raise Stopped(Stop.NO_ANSWER, "the critic said nothing")
    return Parsed({"feedback": said}, said)


def reads(task: Task, role: str) -> Callable[[str], Parsed] | None:
    """How a role's replies are read."""
    return {"actor": reader(task), "judge": verdict, "critic": advice}.get(role)


def answer_of(turn: Turn) -> str | None:
    """What an actor's turn answers; None of one that was cut off or cannot be read."""
    return turn.value["answer"] if turn.value else None


def verdict_of(turn: Turn) -> bool | None:
    """What a judge's turn says."""
    return turn.value["verdict"] if turn.value else None


# The embedded model's replies are short; a chat model's bound is the experiment's.
_LIMITS = {"pocket:actor": 150, "pocket:judge": 160, "pocket:critic": 16, "pocket:rephraser": 150}

actor_critic = Team(
    "actor_critic", from_files("actor_critic", borrowed={"rephraser": "mending"}), actor_critic_workflow,
    ("actor", "judge", "critic"), "actor", limits=_LIMITS, spoken={"chat": to_ordinary}, judges=("judge", "critic"),
    lesson="judge", reads=reads)
