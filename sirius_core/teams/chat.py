"""What the teams that speak to chat models share: the problem's text, the form of the answer, the critic's two ends.

A critic reads the problem with its transcript and replies with ``Blame: <role>`` and ``Feedback: ...``, of which the
last statement counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..prompts import load
from ..trajectories import Task, Trajectory
from . import Blame

NOT_SHOWN = "(not shown)"
MOST_STATEMENTS = 50


def problem(task: Task) -> str:
    """The problem as a chat model reads it, below the passages that it is about where the task has some."""
    passages = context(task)
    return f"{passages}\n\n{ordinary(task, task.question)}" if passages else ordinary(task, task.question)


def context(task: Task) -> str:
    """The passages that the task is about, ``data["context"]``: a text or a list of texts; empty without any."""
    found = task.data.get("context") or ""
    return found if isinstance(found, str) else "\n\n".join(map(str, found))


def ordinary(task: Task, text: str) -> str:
    """A text of the task in ordinary words: the embedded problems are written in a language of their own."""
    if task.source != "formulas":
        return text
    from ..pocket.ordinary import to_ordinary

    return to_ordinary(text)


def form(task: Task) -> str:
    """How the answer is to be stated, by the task's kind: ``prompts/forms``."""
    forms = load("forms")
    return forms.get(("form", task.kind, "chat"), forms["form", "exact", "chat"]).messages[0].content


def view(task: Task, failed: Trajectory, shown: str | None) -> Mapping[str, str]:
    """What the critic reads: ``question``, ``transcript`` and ``truth``, the right answer or that it is not shown."""
    said = [f"[{' '.join(filter(None, (turn.role, turn.seat)))}]\n{turn.text.strip() or '(nothing)'}"
            for turn in failed.turns]
    if failed.outcome.stop is not None:
        said.append(f"(It ended here: {failed.outcome.stop}.)")
    truth = NOT_SHOWN if shown is None else ordinary(task, shown)
    return {"question": problem(task), "transcript": "\n\n".join(said), "truth": truth}


# How a statement begins that models decorate: **Blame:** physicist, "Blame" = the `mathematician`, <b>Blame</b>: x.
MARK = r"\b{}\b(?:[*_`\"'’”)\]\s]|</?\w{{1,10}}>){{0,6}}(?:[:=：]|\s[-–—]\s)(?:[*_`]|</?\w{{1,10}}>){{0,6}}"
_BLAME = re.compile(MARK.format(r"(?:role[ \t]{1,3}to[ \t]{1,3})?blamed?(?:[ \t]{1,3}role)?"), re.IGNORECASE)
_FEEDBACK = re.compile(MARK.format("feedback") + "|<feedback>", re.IGNORECASE)
_FEEDBACK_ENDS = re.compile(f"</feedback>|{_BLAME.pattern}", re.IGNORECASE)
_LEAD = r"[\s*_`\"'‘“({\[<>-]{0,8}(?:(?:the|role|agent)\b[\s:]{1,3}){0,3}(?:(?!(?:no|none|nobody|not)\b)\w{1,20}\s)?"


def blame(critique: str, failed: Trajectory) -> Blame | None:
    """Whom a critique blames last, and the feedback for it; None where that is nobody of these turns, or unreadable."""
    marks = list(_BLAME.finditer(critique))[-MOST_STATEMENTS:]
    if not marks:
        return None
    rest = critique[marks[-1].end() : marks[-1].end() + 200].lstrip(" \t\n")
    names = sorted({turn.role for turn in failed.turns}, key=len, reverse=True)
    role = next((n for n in names if re.match(f"{_LEAD}{_spelt(n)}(?!\\w)", rest, re.IGNORECASE)), None)
    turn, feedback = failed.turn_of(role) if role else None, _feedback(critique)
    return Blame(turn, feedback) if turn is not None and feedback else None


def _spelt(role: str) -> str:
    """A pattern for the name: of ``context_analyst`` also ``Context Analyst``."""
    return r"[\s_-]".join(re.escape(part) for part in re.split(r"[\s_-]", role))


def _feedback(critique: str) -> str:
    """What stands after the last ``Feedback:``, up to a statement of blame; without one, all but the lines of blame."""
    marks = list(_FEEDBACK.finditer(critique))[-MOST_STATEMENTS:]
    if marks:
        words = _FEEDBACK_ENDS.split(critique[marks[-1].end() :], maxsplit=1)[0]
    else:
        words = "\n".join(line for line in critique.split("\n") if not _BLAME.search(line))
    return words.strip(" \t\n*_`#-").strip()
