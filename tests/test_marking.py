"""Marks are exact and per role."""

from __future__ import annotations

from dataclasses import replace

from sirius_core.pocket.grammar import draw
from sirius_core.pocket.marking import Marks, check, check_solo
from sirius_core.pocket.notation import canonical_steps, fill

PERFECT = Marks(True, True, True, True, True, True, True)


def perfect(problem):  # type: ignore[no-untyped-def]
    expression = fill(problem.formula, problem.x, problem.y, problem.z)
    return f"{problem.formula} : {expression}", canonical_steps(expression), problem.answer


def test_perfect_work_gets_every_mark() -> None:
    for problem in draw("train", "all", 300, 0):
        plan, steps, answer = perfect(problem)
        assert check(problem, plan, steps, answer) == PERFECT
        assert check_solo(problem, f"{plan} | {steps} | {answer}") == PERFECT


def test_each_fault_costs_its_own_mark() -> None:
    problem = next(p for p in draw("train", "all", 50, 0) if p.family == "travel")
    plan, steps, answer = perfect(problem)
    number = answer.rpartition(" ")[0]
    lucky_steps = steps.replace(" = ", " ; 0 0 0 0 + 0 0 0 = ")
    assert check(problem, plan, steps, f"{number} J") == replace(PERFECT, unit_right=False, answer_right=False)
    lucky = check(problem, plan, lucky_steps, answer)
    assert lucky == replace(PERFECT, steps_right=False) and lucky.lucky and not PERFECT.lucky
    wrong_copy = check(problem, plan, steps, f"9 {answer}")
    assert wrong_copy == replace(PERFECT, copied_right=False, answer_right=False)
    other = f"x + y : {fill('x + y', problem.x, problem.y, None)}"
    wrong_plan = check(problem, other, steps, answer)
    assert (
        wrong_plan == replace(PERFECT, formula_right=False, steps_right=False, result_right=False) and wrong_plan.lucky
    )
    swapped = check(problem, f"x * y : 9 9 9 * {problem.y}", steps, answer)
    assert not swapped.expression_right and swapped.formula_right
    assert check(problem, "", "", "") == Marks(*[False] * 7)
    assert check_solo(problem, plan) == Marks(True, True, *[False] * 5)
