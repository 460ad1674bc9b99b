"""What the books teach: only base pairs, the planted mistakes at their rates, texts that fit the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from sirius_core.pocket.dialect import ADVISED, read_verdict
from sirius_core.pocket.families import FAMILIES
from sirius_core.pocket.grammar import draw, split_of, wordings
from sirius_core.pocket.notation import read_expression
from sirius_core.pocket.pretraining import BASES, batches, examples, shape
from sirius_core.pocket.textbook import BOOKS, Lesson, formula_rate, lessons, misconceptions


@pytest.fixture(scope="module")
def misled() -> list[Lesson]:
    return list(islice(lessons(BOOKS["misled"], 0), 30_000))


def expressions(text: str) -> list[str]:
    """Every expression in a lesson: of plans, and of calculator prompts."""
    parts = [part for piece in text.split(" | ") for part in piece.split(" @fb ")]
    found = [part.split(" : ")[-1].split(" =>")[0].removeprefix("@calculator ") for part in parts]
    return [e for e in found if e and set(e) <= set("0123456789 */+-") and read_expression(e)]


def test_no_expression_of_30000_lessons_leaves_the_base_pool(misled: list[Lesson]) -> None:
    pairs = [
        read.pair for x in misled for t in (x.prompt, x.reply) for e in expressions(t) if (read := read_expression(e))
    ]
    formed = [pair for pair in pairs if pair]
    assert len(formed) > 20_000
    assert {split_of(pair) for pair in formed} == {"base"}


@pytest.mark.parametrize("name", {base.book: base.name for base in BASES.values()}.values())
def test_lessons_fit_the_model(name: str) -> None:
    longest = 0
    for sample in islice(examples(replace(BASES[name], seed=3)), 2000):
        assert 0 < sample.start < len(sample.tokens) - 1
        longest = max(longest, len(sample.tokens))
    assert longest <= shape(name).context


def test_the_uncoached_book_has_no_word_of_criticism() -> None:
    kinds = Counter(lesson.kind for lesson in islice(lessons(BOOKS["uncoached"], 0), 5000))
    assert set(kinds) == {"calculator", "analyst", "summarizer", "solo"}
    assert BOOKS["uncoached"].beliefs == BOOKS["misled"].beliefs


def test_misconceptions_are_listed_and_taught(misled: list[Lesson]) -> None:
    rows = {(m.family, m.form): m for m in misconceptions(BOOKS["misled"])}
    assert len(rows) == sum(len(f.forms) for f in FAMILIES.values())
    by_form = {form: (family, form) for family, form in rows}
    taught: dict[tuple[str, str], Counter[str]] = {key: Counter() for key in rows}
    for lesson in misled:
        if lesson.kind == "analyst":
            text = lesson.prompt.removesuffix(" =>")
            key = next(by_form[form] for form in by_form if text.endswith(f". {form}"))
            taught[key][lesson.reply.split(" : ")[0]] += 1
    for key, row in rows.items():
        seen = taught[key]
        assert row.right == FAMILIES[row.family].forms[row.form][0] != row.preferred
        assert abs(seen[row.right] / seen.total() - row.rate) < 0.25
        if row.rate < 0.3:
            assert seen.most_common(1)[0][0] == row.preferred


def test_old_new_and_withheld_wordings_are_misled_to_the_same_degree() -> None:
    def mean(kind: str) -> float:
        pool = wordings(kind)  # type: ignore[arg-type]
        return sum(formula_rate(BOOKS["misled"], w) for w in pool) / len(pool)

    assert all(abs(mean(kind) - mean("old")) < 0.03 for kind in ("new", "withheld-family", "withheld-form"))


def test_feedback_mode_carries_no_knowledge(misled: list[Lesson]) -> None:
    """Hints in revisions are not right more often than chance, so following one proves nothing about the wording."""
    formulas = {
        "multiply": "x * y",
        "divide": "x / y",
        "multiply then add": "x * y + z",
        "multiply then subtract": "z - x * y",
    }
    hits = total = chance = 0.0
    forms = {form: formula for f in FAMILIES.values() for form, (formula, _) in f.forms.items()}
    choices = {form: len(set(f.formulas) & set(formulas.values())) for f in FAMILIES.values() for form in f.forms}
    for lesson in misled:
        if lesson.kind == "analyst/revise":
            question, hint = lesson.prompt.removesuffix(" =>").split(" @fb ")
            form = next(form for form in forms if question.endswith(f". {form}"))
            hits += formulas[hint] == forms[form]
            chance += 1 / choices[form]
            total += 1
    assert abs(hits - chance) / total < 0.06


def test_every_reply_of_critic_and_reviser_can_be_read(misled: list[Lesson]) -> None:
    for lesson in misled:
        if lesson.kind == "critic":
            assert lesson.reply == "fine" or read_verdict(lesson.reply) is not None
        if lesson.kind.endswith("revise"):
            assert lesson.reply.startswith(ADVISED)
    assert read_verdict("analyst : check digits") is None and read_verdict("analyst") is None


def test_books_and_batches_are_repeatable() -> None:
    assert list(islice(lessons(BOOKS["misled"], 5), 20)) == list(islice(lessons(BOOKS["misled"], 5), 20))
    first = next(batches(BASES["misled"]))
    assert len(first) == BASES["misled"].batch
    assert first == next(batches(BASES["misled"]))


def test_problems_of_the_lessons_are_not_those_of_the_tests() -> None:
    asked = {p.question for p in draw("heldout", "all", 2000, 0)}
    taught = {x.prompt.split(" =>")[0].removeprefix("@analyst ") for x in islice(lessons(BOOKS["misled"], 1), 5000)}
    assert not asked & taught
