"""Algorithms 1 and 2 of the paper (arXiv 2502.04780) in our words, with the lines lit that a step carries out.

A lit line has a mark, a bar and bold letters beside its colour; a reader of the screen hears "current step".
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from sirius_core.store import Experiment

STEPS = ("Sample", "Keep", "Critique", "Repair", "Train", "Evaluate")


class Line(NamedTuple):
    """``depth`` is how far it is set in; ``steps`` are the steps (from 1) that carry it out."""

    depth: int
    text: str
    steps: tuple[int, ...] = ()


LOOP = (
    Line(0, "for each round t = 1 … T"),
    Line(1, "every agent acts, in order, on every problem x; keep what each said", (1,)),
    Line(1, "C(n) ← what agent n said in the tries with reward R > ε", (2,)),
    Line(1, "the tries with R ≤ ε go through Algorithm 2; what it mends joins C(n)", (3, 4)),
    Line(1, "θ(n) ← agent n fine-tuned on its own C(n)", (5,)),
    Line(0, "beside the listing: ask the team what nobody trains on", (6,)),
)
MENDING = (
    Line(0, "the agents act in order on x; the last one answers ŷ", (1,)),
    Line(0, "is ŷ = y, what each said joins its C, else its W", (2,)),
    Line(0, "for each x in W, and the agent k that is to be mended", (3,)),
    Line(1, "feedback f ← critic(x, what k said, y)", (3,)),
    Line(1, "k says its part anew, having read f", (4,)),
    Line(1, "k puts it in other words: no trace of f is left", (4,)),
    Line(1, "the agents after k act again; those before k keep their words", (4,)),
    Line(1, "is ŷ = y now, what k and those after it said joins their C", (4,)),
    Line(0, "θ(k) ← agent k fine-tuned on its own C(k)", (5,)),
)


def draw(step: int, e: Experiment) -> None:
    """Both algorithms at this step, and where this experiment does otherwise than the listing."""
    with st.container(border=True, gap="xsmall", key="algorithms"):
        st.markdown("**Algorithm 1: the loop**")
        st.html(listing(LOOP, step))
        st.markdown("**Algorithm 2: what becomes of one try**")
        st.html(listing(MENDING, step))
        with st.expander("Here, and in the paper", type="compact", key="algorithm_notes"):
            st.markdown("\n".join(f"- {note}" for note in notes(e)))


def listing(lines: Sequence[Line], step: int) -> str:
    """The lines as HTML."""
    return f'<div class="algo" role="list">{"".join(_line(line, step in line.steps) for line in lines)}</div>'


def _line(line: Line, lit: bool) -> str:
    kind, current = ("lit", ' aria-current="step"') if lit else ("", "")
    return (f'<div role="listitem" class="{kind}"{current} style="margin-left:{1.3 * line.depth:g}em">'
            f"{html.escape(line.text)}</div>")


def notes(e: Experiment) -> list[str]:
    """What the listing leaves open or does otherwise, and what holds here."""
    s = e.settings
    blamed = ("the critic says whose turn is to blame" if s.repair_turn == "blamed" else
              "each agent in turn is asked about, as in the listing")
    shared = ("here one model speaks for all roles, so all C(n) train the same θ" if s.sharing == "shared" else
              "here, too, each role has a model of its own")
    shown = "it sees" if s.critic == "gold" else "it does not see"
    return [
        f"ε is {s.threshold:g} here; the paper names no value.",
        f"{s.max_solutions} tries at a problem, {s.max_critiques} critique, {s.max_regenerations} rewrite; the paper "
        "gives none of these numbers.",
        f"Which agent k is mended: {blamed}. The paper takes each in turn.",
        f"The critic is shown the right answer y in the paper; here {shown} it. No role ever does.",
        f"In the paper each agent has parameters θ(n) of its own; {shared}.",
        "The lines after the rewrite stand in the paper's text: the rephrasing is not in its listing.",
    ]
