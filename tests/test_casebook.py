"""The book of the base that judges: nobody in it knows more than anybody else, hints are followed whatever they say."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from sirius_core.pocket import measuring, vocabulary
from sirius_core.pocket.books import BOOKS
from sirius_core.pocket.casebook import cases
from sirius_core.pocket.dialect import ADVISED, FORMULA_HINTS, PROMPTS, opinion
from sirius_core.pocket.families import FAMILIES, UNITS
from sirius_core.pocket.grammar import draw, split_of
from sirius_core.pocket.notation import parse_plan, read_expression
from sirius_core.pocket.pretraining import BASES, examples, shape, yardstick
from sirius_core.pocket.textbook import Lesson

BOOK = BOOKS["sceptic"]
RIGHT = {form: formula for family in FAMILIES.values() for form, (formula, _) in family.forms.items()}
HINTED = {hint: formula for formula, hint in FORMULA_HINTS.items()}


@pytest.fixture(scope="module")
def written() -> list[Lesson]:
    return list(islice(cases(BOOK, 0), 12_000))


def of(written: list[Lesson], kind: str) -> list[Lesson]:
    return [lesson for lesson in written if lesson.kind == kind]


def question(lesson: Lesson) -> str:
    return lesson.prompt.removesuffix(" =>").partition(" | ")[0].partition(" ")[2]


def response(lesson: Lesson) -> tuple[str, str]:
    """(formula, answer) that the lesson shows."""
    shown = lesson.prompt.removesuffix(" =>").partition(" | ")[2].partition(" @fb ")[0]
    formula, _, answer = shown.rpartition("=")
    return formula.strip(), answer.strip()


def right(lesson: Lesson) -> str:
    return next(formula for form, formula in RIGHT.items() if question(lesson).endswith(f". {form}"))


def plan(reply: str) -> tuple[str, str]:
    """(formula, answer) of a reply in solo form."""
    parts = reply.removeprefix(f"{ADVISED} ").split(" | ")
    read = parse_plan(parts[0])
    assert read is not None
    return read.formula, parts[2]


def test_the_book_is_written_in_the_shares_of_its_settings_and_fits_the_model(written: list[Lesson]) -> None:
    counts, total = Counter(lesson.kind for lesson in written), sum(BOOK.shares.values())
    assert set(counts) == set(BOOK.shares)
    assert all(abs(counts[kind] / len(written) - share / total) < 0.02 for kind, share in BOOK.shares.items())
    assert all(lesson.prompt.startswith(PROMPTS[lesson.kind].split()[0]) for lesson in written)
    assert all(vocabulary.knows(f"{lesson.prompt} {lesson.reply}") for lesson in written)
    longest = max(len(f"{lesson.prompt} {lesson.reply}".split()) for lesson in written)
    assert longest < shape("sceptic").context
    assert list(islice(cases(BOOK, 0), 20)) == written[:20] != list(islice(cases(BOOK, 1), 20))
    assert next(examples(BASES["sceptic"])).tokens[-1] == vocabulary.STOP


def test_no_pair_outside_the_base_pool_is_worked_out(written: list[Lesson]) -> None:
    plans = [parse_plan(x.reply.removeprefix(f"{ADVISED} ").split(" | ")[0]) for x in written]
    pairs = [read.pair for p in plans if p and (read := read_expression(p.expression)) and read.pair]
    assert len(pairs) > 5000 and {split_of(pair) for pair in pairs} == {"base"}


def test_a_verdict_says_what_the_judges_own_working_says_in_nine_of_ten(written: list[Lesson]) -> None:
    agrees = Counter()
    for lesson in of(written, "judge"):
        own, said = plan(lesson.reply), response(lesson)
        agrees[opinion(lesson.reply) is (own == said)] += 1
    assert 0.88 < agrees[True] / agrees.total() < 0.92 and agrees.total() > 5000


def test_the_judge_works_without_regard_to_the_response(written: list[Lesson]) -> None:
    """Asked the same of the same noun its formula is right as often whether the response's is or not."""
    nouns = {noun for family in FAMILIES.values() for noun in family.nouns}
    cells: dict[tuple[str, str], dict[bool, list[bool]]] = {}
    for lesson in of(written, "judge"):
        form = next(form for form in RIGHT if question(lesson).endswith(f". {form}"))
        noun = next(word for word in question(lesson).split() if word in nouns)
        seen = cells.setdefault((form, noun), {True: [], False: []})
        seen[response(lesson)[0] == RIGHT[form]].append(plan(lesson.reply)[0] == RIGHT[form])
    gap = weight = 0.0
    for seen in cells.values():
        good, bad = seen[True], seen[False]
        if good and bad:
            w = len(good) * len(bad) / (len(good) + len(bad))
            gap, weight = gap + w * (sum(good) / len(good) - sum(bad) / len(bad)), weight + w
    assert weight > 400 and abs(gap / weight) < 0.07  # three standard errors


def test_hints_know_no_more_than_answers_do(written: list[Lesson]) -> None:
    """A hint to revise by names the right formula no more often than one drawn from what the numbers allow; the tutor's
    own are right about as often as the actor's formula is."""
    drawn = [HINTED[h] == right(x) for x in of(written, "actor/revise")
             if (h := x.prompt.partition(" @fb ")[2].removesuffix(" =>")) in HINTED]
    assert len(drawn) > 500 and 0.25 < sum(drawn) / len(drawn) < 0.5
    first = [plan(x.reply)[0] == right(x) for x in of(written, "actor")]
    told = [HINTED[x.reply] == right(x) for x in of(written, "tutor") if x.reply in HINTED]
    assert sum(told) / len(told) < sum(first) / len(first) + 0.05


def test_revisions_follow_the_hint_whatever_it_says(written: list[Lesson]) -> None:
    followed = Counter()
    for lesson in of(written, "actor/revise"):
        assert lesson.reply.startswith(f"{ADVISED} ")
        hint, (formula, answer) = lesson.prompt.partition(" @fb ")[2].removesuffix(" =>"), plan(lesson.reply)
        if hint in HINTED:
            followed["formula", formula == HINTED[hint]] += 1
        elif hint.startswith("unit "):
            assert hint.split()[1] in UNITS
            followed["unit", answer.split()[-1] == hint.split()[1]] += 1
            followed["kept", formula == response(lesson)[0]] += 1
    for what in ("formula", "unit", "kept"):
        assert followed[what, True] > 0.85 * (followed[what, True] + followed[what, False]) > 100


def test_the_yardstick_counts_what_a_scripted_team_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four problems: right and passed, right and spoilt, wrong and mended, wrong and passed."""
    problems = draw("validation", "old", 4, 0)
    good = [f"{p.formula} : {p.x} | = 1 | {p.answer}" for p in problems]
    bad = [f"x + y : {p.x} | = 1 | 1 m" for p in problems]
    said = {"actor": [[good[0], good[1], bad[2], bad[3]], good, ["", bad[1], good[2], ""]],
            "judge": [["a | b | c | true", "a | b | c | false multiply", "a | b | c | false multiply", "true"]],
            "tutor": [["", "multiply", "divide", ""]]}
    monkeypatch.setattr(measuring, "reply", lambda w, s, role, prompts, t, seed: said[role].pop(0))
    found = yardstick("sceptic")({}, shape("sceptic"), problems, 0)
    assert {name: found[name] for name in ("n", "sampled", "greedy", "passed_right", "passed_wrong", "unread", "final",
                                           "mended", "spoilt")} == {
        "n": 4, "sampled": 2, "greedy": 4, "passed_right": 1, "passed_wrong": 0, "unread": 1, "final": 2, "mended": 1,
        "spoilt": 1}
