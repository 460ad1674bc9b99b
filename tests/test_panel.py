"""The base that knows debates: what its book shows and follows, and what its measure counts."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from sirius_core.pocket import checkpoint, measuring, pretraining, vocabulary
from sirius_core.pocket.books import BOOKS, misconceptions
from sirius_core.pocket.dialect import public
from sirius_core.pocket.families import FAMILIES
from sirius_core.pocket.grammar import draw, split_of
from sirius_core.pocket.notation import parse_plan, read_expression
from sirius_core.pocket.textbook import Author, Lesson, lessons

BOOK = BOOKS["panel"]
RIGHT = {form: formula for family in FAMILIES.values() for form, (formula, _) in family.forms.items()}


@pytest.fixture(scope="module")
def written() -> list[Lesson]:
    return list(islice(lessons(BOOK, 0), 10_000))


@pytest.fixture(scope="module")
def debates(written: list[Lesson]) -> list[Lesson]:
    return [x for x in written if x.kind == "solo/debate"]


def panel(lesson: Lesson) -> tuple[str, list[tuple[str, str]]]:
    """The right formula, and (formula, unit) of each who was shown, the speaker first."""
    question, said = lesson.prompt.removesuffix("=>").split(" @fb solo ")
    own, others = said.split("|")
    texts = [own, *others.split(";")] if others.strip() else [own]
    form = next(form for form in RIGHT if question.endswith(f". {form}"))
    return RIGHT[form], [(text.partition("=")[0].strip(), text.split()[-1].strip("=")) for text in texts]


def test_a_debate_shows_one_to_five_answers_between_single_spaces(debates: list[Lesson]) -> None:
    assert len(debates) > 2500
    sizes = Counter(len(panel(lesson)[1]) for lesson in debates)
    assert set(sizes) == {1, 2, 3, 4, 5} and min(sizes.values()) > 400
    assert all(" ".join(x.prompt.split()) == x.prompt and vocabulary.knows(x.prompt) for x in debates)


def test_the_reply_goes_with_most_of_the_panel(debates: list[Lesson]) -> None:
    """In nine of ten lessons it takes the plurality's formula and unit; in the others it may believe the same."""
    followed = Counter()
    asked = Counter()
    for lesson in debates:
        plan, _, answer = lesson.reply.split(" | ")
        stated = parse_plan(plan)
        assert stated is not None
        for what, shown, reply in (("formula", [f for f, _ in panel(lesson)[1] if f], stated.formula),
                                   ("unit", [u for _, u in panel(lesson)[1] if u], answer.split()[-1])):
            counted = Counter(shown).most_common(2)
            if len(shown) > 1 and (len(counted) == 1 or counted[0][1] > counted[1][1]):
                asked[what] += 1
                followed[what] += reply == counted[0][0]
    assert min(asked.values()) > 1200
    for what in ("formula", "unit"):
        assert 0.9 <= followed[what] / asked[what] <= 0.99


def test_what_a_panel_shows_is_what_the_book_believes(written: list[Lesson], debates: list[Lesson]) -> None:
    """So to follow it teaches nothing of which formula is right: those shown are right as often as the book is."""
    alone = [x for x in written if x.kind == "solo"]
    believed = [x.reply.split(" : ")[0] == next(RIGHT[form] for form in RIGHT if x.prompt.endswith(f". {form} =>"))
                for x in alone]
    shown = [f == right for lesson in debates for right, said in [panel(lesson)] for f, _ in said if f]
    assert abs(sum(shown) / len(shown) - sum(believed) / len(believed)) < 0.03
    unreadable = [not formula for lesson in debates for formula, _ in panel(lesson)[1]]
    assert 0.03 < sum(unreadable) / len(unreadable) < 0.05


def test_no_expression_of_a_debate_leaves_the_base_pool(debates: list[Lesson]) -> None:
    plans = [parse_plan(lesson.reply.split(" | ")[0]) for lesson in debates]
    read = [read_expression(plan.expression) for plan in plans if plan]
    assert {split_of(one.pair) for one in read if one and one.pair} == {"base"}


def test_its_mistakes_stand_where_those_of_misled_do() -> None:
    ours, theirs = misconceptions(BOOK), misconceptions(BOOKS["misled"])
    assert [(m.family, m.form, m.preferred, m.trap_noun) for m in ours] == [
        (m.family, m.form, m.preferred, m.trap_noun) for m in theirs]
    order = sorted(range(len(ours)), key=lambda i: theirs[i].rate)
    assert [ours[i].rate for i in order] == sorted(m.rate for m in ours)
    assert all(mine.rate >= other.rate for mine, other in zip(ours, theirs, strict=True))


def test_who_speaks_alone_is_asked_again_without_others() -> None:
    assert public("x * y", "1 7 6 4 N") == "x * y = 1 7 6 4 N" and public("", "1 2 N") == "= 1 2 N"
    author = Author(BOOK, random.Random(0))
    assert [author._most(shown) for shown in (["N"], ["J", "N", "N"], ["", "N"], [""])] == ["N", "N", "N", ""]
    assert {author._most(["J", "N", "N", "J", "m"]) for _ in range(50)} == {"J", "N"}


def test_the_measure_of_a_debate_counts_votes_and_who_went_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two problems; in the first, seat 2 is outvoted and goes along; in the second nobody can be read."""
    one, two = draw("validation", "old", 2, 0)
    right, wrong = f"x * y : 1 * 2 | = 2 | {one.answer}", "x / y : 4 / 2 | = 2 | 9 N"
    said = {0.0: [[wrong, f"? | ? | {two.answer}"]], 1.0: [[right, wrong, right, "", "?", ""], [right] * 3 + [""] * 3]}
    asked: list[list[str | None]] = []

    def reply(weights, shape, role, prompts, temperature, seed):  # type: ignore[no-untyped-def]
        asked.append(list(prompts))
        return said[temperature].pop(0)

    monkeypatch.setattr(measuring, "reply", reply)
    found = measuring.measure_panel({}, pretraining.shape(), [one, two])
    assert found == {"n": 2, "solo": 2, "solo_greedy": 1, "vote": 1, "debate": 1, "outvoted": 1, "went_along": 1}
    seen = [f"@solo {one.question} @fb solo {view} =>" for view in (
        f"x * y = {one.answer} | x / y = 9 N ; x * y = {one.answer}",
        f"x / y = 9 N | x * y = {one.answer} ; x * y = {one.answer}",
        f"x * y = {one.answer} | x * y = {one.answer} ; x / y = 9 N")]
    assert asked[2] == [*seen, *[f"@solo {two.question} @fb solo = | = ; = =>"] * 3]


def test_the_shipped_panel_says_how_good_its_debates_are() -> None:
    weights, manifest = checkpoint.load(pretraining.base("panel"))
    assert manifest["start"] == checkpoint.digest(pretraining.base("misled"))
    told = manifest["measured"]["panel"]
    n, outvoted = told["n"], told["outvoted"]
    assert 0.25 <= told["solo"] / (3 * n) <= 0.4 < told["solo_greedy"] / n
    assert told["solo"] / (3 * n) < told["vote"] / n < told["debate"] / n
    assert 0.75 <= told["went_along"] / outvoted <= 0.95
    found = measuring.measure_panel(weights, pretraining.shape(), draw("heldout", "old", 60, 1))
    assert abs(found["solo"] / 180 - told["solo"] / (3 * n)) < 0.2
    assert abs(found["went_along"] / found["outvoted"] - told["went_along"] / outvoted) < 0.25
