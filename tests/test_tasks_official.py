"""The official files themselves: documented counts, the official splits, overlaps, and every truth given back."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sirius_core import tasks
from sirius_core.answers import judge_text
from sirius_core.settings import Settings
from sirius_core.tasks.rows import normalised
from sirius_core.trajectories import Task

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("SIRIUS_TEST_DATA" not in os.environ, reason="needs the official datasets"),
]
DATA = Path(os.environ.get("SIRIUS_TEST_DATA", "."))
EVERYTHING = {"problems": 100_000, "validation": 1, "heldout": 100_000}


def settings(name: str, **changes: Any) -> Settings:
    return Settings().changed({"data": str(DATA / name), **EVERYTHING, **changes})


def split(source: str, name: str, **changes: Any) -> dict[str, tuple[Task, ...]]:
    """The splits; no question text stands on two sides, whatever its case, spacing and punctuation."""
    made = {side: part for side, part in tasks.splits(source, settings(name, **changes), 0).items() if part}
    stems = [{normalised(t.question.partition("\nA) ")[0]) for t in part} for part in made.values()]
    assert not stems[0] & stems[1] and not stems[0] & stems[2] and not stems[1] & stems[2]
    return made


def sizes(made: dict[str, tuple[Task, ...]]) -> dict[str, int]:
    return {side: len(part) for side, part in made.items()}


@pytest.mark.parametrize("subject, dev, val, test", [
    ("college_physics", 5, 11, 102), ("college_chemistry", 5, 11, 100), ("high_school_physics", 5, 17, 154),
    ("high_school_chemistry", 5, 22, 204), ("conceptual_physics", 5, 26, 235), ("college_mathematics", 5, 11, 100),
])
def test_mmlu_has_the_documented_rows(subject: str, dev: int, val: int, test: int) -> None:
    told = tasks.describe("mmlu", settings("mmlu", subjects=subject), 0)
    assert (told["rows"], told["kinds"]) == (test, {"letter": test})
    assert [(o["part"], o["rows"]) for o in told["overlaps"]] == [("dev", dev), ("val", val)]
    made = split("mmlu", "mmlu", subjects=subject)
    assert len(made["heldout"]) == test - 2 * test // 3
    assert sum(map(len, made.values())) == test


def test_mmlu_college_physics_is_doubled_and_its_validation_part_stands_in_its_test_part() -> None:
    told = tasks.describe("mmlu", settings("mmlu/data", subjects="college_physics", validation=200), 0)
    assert (told["rows"], told["questions"], told["word_for_word"], told["doubled_questions"]) == (102, 83, 18, 19)
    assert told["overlaps"] == [{"subject": "college_physics", "part": "dev", "rows": 5, "repeated": 0},
                                {"subject": "college_physics", "part": "val", "rows": 11, "repeated": 6}]
    assert told["splits"] == {"train": 55, "validation": 13, "heldout": 34}
    assert told["notes"][1:] == [
        "19 questions stand in more than one row (18 word for word); each stays on one side",
        "6 of the 11 questions of college_physics's val part, which is not used, stand in the rows that are"]


def test_all_of_mmlu_at_once() -> None:
    assert sum(sizes(split("mmlu", "mmlu")).values()) == 895


def test_pubmedqas_official_split_exactly() -> None:
    made = split("pubmedqa", "pubmedqa")
    truth = json.loads((DATA / "pubmedqa" / "data" / "test_ground_truth.json").read_text("utf-8"))
    assert {t.data["row"]: t.answer for t in made["heldout"]} == truth
    assert Counter(t.answer for t in made["heldout"]) == {"yes": 276, "no": 169, "maybe": 55}
    train = [*made["train"], *made["validation"]]
    assert Counter(t.answer for t in train) == {"yes": 276, "no": 169, "maybe": 55}
    assert all(t.data["context"] and len(t.data["sections"]) >= 1 for t in (*train, *made["heldout"]))
    told = tasks.describe("pubmedqa", settings("pubmedqa"), 0)
    assert told["majority"] == {"answer": "yes", "n": 276, "of": 500, "share": 0.552}
    assert (told["split"], told["left_out_rows"]) == ("official", 0)


def test_theoremqa_has_its_kinds_and_its_pictures() -> None:
    told = tasks.describe("theoremqa", settings("theoremqa"), 0)
    assert (told["rows"], told["needs_picture"]) == (800, 53)
    assert told["kinds"] == {"boolean": 115, "letter": 18, "list": 73, "number": 594}
    physics = tasks.describe("theoremqa", settings("theoremqa", subjects="Physics"), 0)
    assert (physics["rows"], physics["needs_picture"], physics["kinds"]) == (131, 17, {"list": 5, "number": 126})
    assert len(split("theoremqa", "theoremqa", subjects="physics")["heldout"]) == 44


def test_gsm8k_has_the_official_split_and_whole_numbers() -> None:
    made = split("gsm8k", "gsm8k")
    assert sizes(made) == {"train": 7472, "validation": 1, "heldout": 1319}
    assert all(re.fullmatch(r"-?[0-9]+", t.answer) for part in made.values() for t in part)


def test_the_mixtures_without_gpqa_keep_the_papers_sizes() -> None:
    made = split("college_physics", ".")
    assert sizes(made) == {"train": 154, "validation": 1, "heldout": 78}
    assert Counter(t.data["row"].split("/")[0] for t in made["heldout"]) == {"mmlu": 34, "theoremqa": 44}
    told = tasks.describe("college_chemistry", settings("."), 0)
    assert (told["rows"], told["splits"]["heldout"], len(told["left_out"])) == (100, 34, 1)


def test_siriuss_public_rows_are_mmlus() -> None:
    ours = {t.group: t.answer for part in split("sirius", "sirius").values() for t in part}
    theirs = {t.group: t.answer for part in split("mmlu", "mmlu", subjects="college_physics").values() for t in part}
    assert len(ours) == 5 and ours.items() <= theirs.items()


# Every truth of TheoremQA, given back in ten ways ----------------------------------------------------

PHRASINGS = (
    "Answer: {}",
    "**Answer:** {}",
    "The final answer is {}.",
    "Therefore, the answer is $\\boxed{{{}}}$.",
    "Answer: ${}$",
    "First I thought 17.\nAnswer: 17\nNo: that is wrong.\n\n**Final Answer:** {}",
    "ANSWER: {}\n\nI hope this helps!",
    "So, by the theorem, we are done.\n\nAnswer:\n\n{}",
    "### Result\nThe answer to the question is: **{}**",
    r"Hence \(x\) follows, and the answer is \({}\).",
)


def written(task: Task) -> str:
    return str(task.answer)


def spoiled(task: Task) -> list[str]:
    """The truth with a wrong sign and with a wrong exponent (or, where it has neither, another one of its kind)."""
    if task.kind == "boolean":
        return ["False" if task.answer == "True" else "True"]
    if task.kind == "letter":
        return [letter for letter in ("(a)", "(b)", "(c)", "(d)") if letter != task.answer]
    if task.kind == "list":
        numbers = json.loads(task.answer)
        place = next((i for i, n in enumerate(numbers) if n), None)
        if place is None:
            return [json.dumps([10, *numbers[1:]])]
        return [json.dumps([*numbers[:place], changed, *numbers[place + 1:]])
                for changed in (-numbers[place], numbers[place] * 10, numbers[place] / 10)]
    number = float(task.answer)
    if number == 0:
        return ["10", "-0.1"]
    exact = f"{abs(number):.6e}"
    mantissa, _, exponent = exact.partition("e")
    sign = "" if number < 0 else "-"
    wrong = [f"{sign}{task.answer.lstrip('-')}", f"{sign}{mantissa}e{exponent}"]
    own = "-" if number < 0 else ""
    return wrong + [f"{own}{mantissa}e{int(exponent) + step}" for step in (-1, 1)] + [
        f"{own}{mantissa} x 10^{int(exponent) + 1}", f"{own}{mantissa} \\times 10^{{{int(exponent) - 1}}}"]


def every_theorem() -> list[Task]:
    made = tasks.splits("theoremqa", settings("theoremqa"), 0)
    return [task for part in made.values() for task in part]


def test_every_truth_of_theoremqa_in_ten_phrasings_is_right() -> None:
    found = every_theorem()
    assert len(found) == 800 and len(PHRASINGS) == 10
    for task in found:
        for phrasing in PHRASINGS:
            said = phrasing.format(written(task))
            assert judge_text(said, task.answer, task.kind, task.data.get("tolerance")).right, (said, task.answer)


def test_every_truth_of_theoremqa_with_a_wrong_sign_or_exponent_is_wrong() -> None:
    for task in every_theorem():
        for wrong in spoiled(task):
            for phrasing in PHRASINGS:
                verdict = judge_text(phrasing.format(wrong), task.answer, task.kind, task.data.get("tolerance"))
                assert not verdict.right, (phrasing, wrong, task.answer)


def test_numbers_of_theoremqa_in_scientific_notation_and_latex_are_right() -> None:
    for task in every_theorem():
        if task.kind == "number" and (number := float(task.answer)):
            mantissa, _, exponent = f"{number:.9e}".partition("e")
            for form in (f"{number:.9e}", f"{mantissa} x 10^{int(exponent)}", f"{mantissa} × 10^{{{int(exponent)}}}",
                         f"${mantissa} \\times 10^{{{int(exponent)}}}\\,\\mathrm{{m/s}}$", f"{number!r} m/s"):
                assert judge_text(f"Answer: {form}", task.answer, "number", task.data["tolerance"]).right, form
