"""Problems, splits by operand pair, splits by wording."""

from __future__ import annotations

import pytest

from sirius_core.pocket.families import FAMILIES
from sirius_core.pocket.grammar import (
    SPLITS,
    WORDINGS,
    draw,
    executed,
    split_of,
    true_formula,
    withheld_forms,
    wordings,
)
from sirius_core.pocket.notation import expression_value, fill, read_expression
from sirius_core.pocket.vocabulary import encode


def test_pools_share_no_pair_whatever_the_family() -> None:
    pools = {split: {p.pair for kind in WORDINGS for p in draw(split, kind, 400, 3)} for split in SPLITS}
    for one in SPLITS:
        assert all(split_of(pair) == one for pair in pools[one])
        assert not any(pools[one] & pools[other] for other in SPLITS if other != one)


def test_every_split_has_enough_distinct_pairs() -> None:
    for split, kind, n in (
        ("train", "old", 800),
        ("validation", "old", 400),
        ("heldout", "old", 400),
        ("heldout", "new", 400),
        ("heldout", "withheld", 400),
    ):
        assert len({p.pair for p in draw(split, kind, n, 0)}) == n  # type: ignore[arg-type]


def test_training_cannot_touch_a_tested_pair_even_by_a_wrong_formula() -> None:
    for p in draw("train", "old", 1000, 5):
        assert {split_of(pair) for pair in executed(p.x, p.y)} <= {"base", "train"}


def test_wordings_are_split_by_combination_and_by_form() -> None:
    old, new, withheld = (set(wordings(kind)) for kind in ("old", "new", "withheld"))  # type: ignore[arg-type]
    assert old | new | withheld == set(wordings("all")) and len(old) + len(new) + len(withheld) == 864
    assert len(new) == round(0.2 * 864)
    assert {w.form for w in new} <= {w.form for w in old}
    assert set(wordings("withheld-family")) | set(wordings("withheld-form")) == withheld
    assert {w.family for w in wordings("withheld-form")} == {"spring", "circuit", "road", "thrust"}


def test_withheld_questions_never_come_back_in_training_through_any_family() -> None:
    texts = set(withheld_forms().values())
    assert len(texts) == len(FAMILIES)
    for p in (*draw("train", "old", 700, 1), *draw("train", "new", 700, 1)):
        assert p.form not in texts
        assert not any(p.question.endswith(f". {text}") for text in texts)


def test_problems_are_right_and_readable() -> None:
    for p in draw("heldout", "all", 600, 2):
        assert true_formula(p) == p.formula
        expression = fill(p.formula, p.x, p.y, p.z)
        read = read_expression(expression)
        assert read is not None and read.pair == p.pair
        assert p.answer == " ".join(str(expression_value(expression))) + f" {p.unit}"
        assert p.x % p.y == 0 or p.formula != "x / y"
        assert len(encode(p.question)) < 40


def test_where_the_form_decides_equal_situations_ask_for_different_formulas() -> None:
    for family in FAMILIES.values():
        assert family.form_decides == (len({formula for formula, _ in family.forms.values()}) > 1)
        assert len(family.forms) == 6 and len(family.frames) == 4 and len(family.nouns) == 3


def test_a_draw_depends_on_its_arguments_alone() -> None:
    first = draw("train", "old", 50, 7)
    draw("train", "old", 50, 8)
    assert draw("train", "old", 50, 7) == first != draw("train", "old", 50, 8)
    with pytest.raises(ValueError, match="split"):
        draw("test", "old", 1, 0)  # type: ignore[arg-type]
