"""The prose of `longform`: sections with formulas, tables, code and lists around the one step that matters."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from longform_physics import Problem

OPENERS = ("In a first reading,", "Seen from the laboratory,", "Before any number is put in,",
           "For bodies like this one,", "As in Émilie du Châtelet’s clay,", "In the notation of the table above,",
           "On the scale of everyday things,", "To first order,", "With all quantities in SI units,",
           "Since nothing else is said,", "Strictly speaking,", "On physical grounds,",
           "Much as in Галилей’s gedankenexperiment,", "Looking at the limits,")
SUBJECTS = ("the system", "the energy balance", "each of the given quantities", "the relation between them",
            "the idealised model", "the order of magnitude", "the dependence on the parameters",
            "the boundary of the system", "every term of the equation", "the sign convention (→ is positive)")
VERBS = ("stays the same from beginning to end", "carries the same unit on both sides", "can be read off the statement",
         "behaves monotonically, as one would expect", "does not depend on how the process is paced",
         "is treated as exact, since no uncertainty is stated", "scales as a power law with a small exponent",
         "is fixed by the initial and the final state alone", "may be pictured as an area under a curve",
         "follows from what is conserved and from nothing else")
TAILS = ("which is why no differential equation is needed here", "and air drag as well as sound is left aside",
         "so that \\(\\Delta E\\) is all that has to be known", "in line with the usual treatment (≈ §4.2)",
         "as a sketch with Δx along the abscissa would show", "and this holds for \\(t \\to \\infty\\), too",
         "while terms of the order \\(10^{-3}\\) are dropped", "whatever the path in between looks like",
         "up to the rounding of the data — three figures, say", "where `float` arithmetic is more than enough")
CRITIC = ("The transcript reads well on the surface, and its notation is consistent.",
          "Dimensions alone do not settle the matter, because both readings would pass that test.",
          "A limiting case would have shown what is going on: let one quantity vanish and see what remains.",
          "The later turns take over what they were handed, and they do so faithfully.",
          "I compared each statement with the laws that the problem calls for, one after the other.",
          "Formatting, headings and the small program are no part of the assessment.",
          "What matters is the first place where the reasoning leaves the physics of the situation.",
          "A reader who only looks at the numbers would hardly notice where the deviation starts.",
          "The listing in the transcript repeats the formula and thus confirms nothing by itself.",
          "Each unit is carried along properly, from the table of data to the last line.")
ADVICE = {
    "quantity": "think again about where the energy comes from and which share of it arrives at the body in question; "
                "then write down the balance for that body alone.",
    "letter": "think again about the power with which the speed enters the energy, and hold the listed factors against "
              "it one by one.",
}


def _padding(rng: Random, words: int) -> list[str]:
    """Paragraphs of about so many words."""
    found, count = [], 0
    while count < words:
        said = " ".join(f"{rng.choice(OPENERS)} {rng.choice(SUBJECTS)} {rng.choice(VERBS)}, {rng.choice(TAILS)}."
                        for _ in range(rng.randint(2, 4)))
        found.append(said)
        count += len(said.split())
    return found


def _woven(parts: Sequence[str], rng: Random, least: int, most: int) -> str:
    """The parts in their order, padding between them, ``least`` to ``most`` words in all; the last part stays last."""
    room = rng.randint(least, most - 60) - sum(len(part.split()) for part in parts)
    texts = list(parts)
    for said in _padding(rng, max(0, room)):
        texts.insert(rng.randint(1, len(texts) - 1), said)
    return "\n\n".join(texts)


def _given(task: Problem) -> str:
    rows = "\n".join(f"| \\({symbol}\\) | {value} | given |" for symbol, value in task.given)
    return f"| quantity | value | note |\n|:---|---:|---|\n{rows}\n| \\({task.symbol}\\) | ? | wanted |"


def explanation(task: Problem, right: bool, rng: Random) -> str:
    step = (task.step if right else task.fault) if task.turn == 0 else "The laws that apply are named below."
    law = task.law if right else task.bad_law
    return _woven((
        "## The physics of the problem", _given(task),
        "What applies here:\n\n1. the system is closed but for what the statement names;\n"
        "2. the *state* before and the *state* after are compared;\n"
        "3. all quantities are taken in SI units (kg, m, s, A).",
        step,
        f"In symbols this is\n\n\\[\n{law}\n\\]\n\nwith \\({task.symbol}\\) as the unknown.",
        "**Assumptions.** ✓ rigid bodies, ✓ constant coefficients, ✗ relativistic corrections.",
        "The numbers are left to the mathematician.",
    ), rng, 220, 820)


def derivation(task: Problem, value: int, said: int, right: bool, rng: Random) -> str:
    """The mathematics that comes to ``value``; ``said`` is what its last line makes of that."""
    step = (task.step if right else task.fault) if task.turn == 1 else "Only the given quantities enter."
    law = task.law if value == task.right else task.bad_law
    unit = rf"\ \mathrm{{{task.unit}}}" if task.unit else ""
    names = ", ".join(f"{symbol.replace('/', '_over_')!r}: {given.split()[0]}" for symbol, given in task.given)
    slip = "" if said == value else f"Moving the decimal point for the unit gives ${value} \\to {said}$."
    return _woven((
        "### Setting up", step, f"$$\n{law}\n$$",
        f"As a small program:\n\n```python\ngiven = {{{names}}}\n{task.symbol} = solve(given)\n"
        f"assert {task.symbol} > 0\n```",
        f"With the numbers, \\({task.symbol} = {value}{unit}\\).", *filter(None, [slip]),
        "- the unit comes out as it must\n- the sign is positive\n- the order of magnitude is plausible",
        f"**Result:** {said} {task.unit}".strip(),
    ), rng, 240, 880)


def verdict(task: Problem, answer: str, right: bool, rng: Random) -> str:
    step = (task.step if right else task.fault) if task.turn == 2 else "Explanation and mathematics fit each other."
    return _woven((
        "**Summary.** Both texts were read against the statement of the problem.", step,
        f"> Units, signs and orders of magnitude of \\({task.symbol}\\) agree.",
        "| looked at | finding |\n|---|---|\n| units | consistent |\n| sign | \\(> 0\\) |\n| magnitude | plausible |",
        f"Answer: {answer}",
    ), rng, 210, 420)


def critique(task: Problem, role: str, rng: Random) -> str:
    said = [" ".join(rng.sample(CRITIC, 4)) for _ in range(5)]
    return "\n\n".join([
        "### Analysis", *said,
        f"What the {role} writes does not follow from \\({task.law.split(',')[0]}\\) and the data.",
        f"Blame: {role}", f"Feedback: {ADVICE[task.kind]}"])
