"""Exact marks for a team's work on a word problem: which role did its part, given what it was handed.

The reward of a trajectory is the answer alone. Marks are for looking inside: a *lucky* trajectory has the right
answer although the plan or a step is wrong; a role's own accuracy is measured given right inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from sirius_core.pocket.grammar import Problem, true_formula
from sirius_core.pocket.notation import canonical_steps, fill, parse_plan, stated_result


@dataclass(frozen=True)
class Marks:
    """Each mark is judged by what the role had before it, not by the final answer.

    formula_right     the plan can be read and names the formula that the wording calls for
    expression_right  the plan's expression is its own formula filled with the problem's numbers
    steps_right       the steps are, word for word, the canonical steps of the plan's expression
    result_right      the stated result is the value of the plan's expression, however it was found
    unit_right        the answer ends with the right unit
    copied_right      the answer's number is the stated result
    answer_right      the answer is the problem's answer: the only mark that earns the reward
    """

    formula_right: bool
    expression_right: bool
    steps_right: bool
    result_right: bool
    unit_right: bool
    copied_right: bool
    answer_right: bool

    @property
    def lucky(self) -> bool:
        """Right answer, wrong way."""
        return self.answer_right and not (
            self.formula_right and self.expression_right and self.steps_right and self.copied_right
        )


def check(problem: Problem, plan: str, steps: str, answer: str) -> Marks:
    """Mark the three texts of a team: analyst's plan, calculator's steps with result, summarizer's answer."""
    read = parse_plan(plan)
    canonical = canonical_steps(read.expression) if read else None
    stated = stated_result(steps)
    number, _, unit = answer.rpartition(" ")
    return Marks(
        formula_right=read is not None and read.formula == true_formula(problem),
        expression_right=read is not None and _filled(read.formula, problem) == read.expression,
        steps_right=canonical is not None and steps == canonical,
        result_right=canonical is not None and stated is not None and stated == stated_result(canonical),
        unit_right=unit == problem.unit,
        copied_right=stated is not None and number == stated,
        answer_right=answer == problem.answer,
    )


def check_solo(problem: Problem, text: str) -> Marks:
    """Mark a solo reply, ``plan | steps | answer``; a part that is missing counts as empty."""
    plan, steps, answer = (*text.split(" | "), "", "", "")[:3]
    return check(problem, plan, steps, answer)


def _filled(formula: str, problem: Problem) -> str | None:
    if "z" in formula and problem.z is None:
        return None
    return fill(formula, problem.x, problem.y, problem.z)
