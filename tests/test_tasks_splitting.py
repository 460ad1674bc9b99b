"""Splits: no question on two sides, two thirds to one, the same for every seed; near-duplicates; memory."""

from __future__ import annotations

import string
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import tasks
from sirius_core.errors import UsageError
from sirius_core.settings import Settings
from sirius_core.tasks.describing import describe_dataset
from sirius_core.tasks.rows import Dataset, Row, normalised
from sirius_core.tasks.splitting import Made, Survey, make, plan


def dataset(rows: Sequence[Row], beside: Sequence[Row] = ()) -> Dataset:
    return Dataset("made up", lambda: iter(rows), beside=lambda: iter(beside))


def row(number: int, question: str, part: str = "", stratum: str = "") -> Row:
    return Row(f"{stratum}/{part}/{number}", question, "7", "number", f"row {number}", part, stratum)


def made(rows: Sequence[Row], seed: int = 0, **changes: int) -> Made:
    asked = Settings().changed({"problems": 1000, "validation": 1000, "heldout": 1000, **changes})
    return make("test", dataset(rows), asked, seed)


def rows_of(found: Made, side: str) -> list[str]:
    return [t.data["row"] for t in found.tasks[side]]


# Near-duplicates -------------------------------------------------------------------------------------

@pytest.mark.parametrize("one, other", [
    ("What is x?", "what is  X"), ("A mass of 10 m falls.", "A mass of 10m falls"), ("at 0.6c . How", "At 0.6c. How"),
    (r"Find $x\,+\,1$.", "Find x + 1"), (r"\left(x\right)", "(x)"), ("the pots, then", "The pots then"), ("x−1", "x-1"),
    ("a well-known law", "A well known law"), ("ﬁnd it", "find it"), ("_____ is it?", "is it"), ("STRASSE", "straße"),
])
def test_case_space_punctuation_and_latex_spacing_do_not_count(one: str, other: str) -> None:
    assert row(1, one).key() == row(2, other).key()


@pytest.mark.parametrize("one, other", [
    ("3-2", "3+2"), ("3 - 2", "3 2"), ("1.5 m", "15 m"), ("1 2", "12"), ("x > 1", "x < 1"), ("a b", "ab"),
    ("x-1", "x1"), ("What is 2*3?", "What is 2/3?"), ("???", "!!!"), ("10%", "10"),
])
def test_words_numbers_and_signs_count(one: str, other: str) -> None:
    assert row(1, one).key() != row(2, other).key()


@given(st.text(min_size=1, max_size=60))
def test_normalising_again_changes_nothing(question: str) -> None:
    once = normalised(question)
    assert normalised(f"  {question.swapcase().swapcase()}  ") == normalised(question)
    assert Row("", once, "", "", "").key() == Row("", normalised(once), "", "", "").key()


@given(st.text(alphabet=string.ascii_letters + string.digits + " .,-", min_size=1, max_size=40))
def test_ascii_and_other_text_are_normalised_alike(question: str) -> None:
    assert normalised(question + " é") == f"{normalised(question + ' e')[:-1]}é"


# Two thirds to one -----------------------------------------------------------------------------------

questions = st.lists(st.sampled_from([f"Question {i}?" for i in range(12)]), min_size=3, max_size=60)


@given(questions, st.integers(0, 5))
def test_no_question_stands_on_two_sides_and_every_row_on_one(asked: list[str], seed: int) -> None:
    rows = [row(i, text) for i, text in enumerate(asked)]
    sizes = Counter(asked)
    if len(sizes) < 3:
        with pytest.raises(UsageError, match="different questions, too few"):
            made(rows, seed)
        return
    try:
        found = made(rows, seed)
    except UsageError as error:  # one question fills a third by itself, or more
        assert max(sizes.values()) > len(rows) // 5 and "too few" in str(error)
        return
    sides = {side: {t.question for t in part} for side, part in found.tasks.items()}
    assert sum(len(part) for part in found.tasks.values()) == len(rows)
    assert not sides["train"] & sides["heldout"] and not sides["train"] & sides["validation"]
    assert not sides["validation"] & sides["heldout"]
    third = len(rows) - 2 * len(rows) // 3
    assert len(found.tasks["heldout"]) <= third
    assert third - len(found.tasks["heldout"]) < max(sizes.values())
    assert len(found.tasks["validation"]) <= max(1, (len(rows) - len(found.tasks["heldout"])) // 5)


@pytest.mark.parametrize("n, held", [(102, 34), (86, 29), (131, 44), (100, 34), (93, 31)])
def test_the_papers_sizes(n: int, held: int) -> None:
    found = made([row(i, f"Question {i}?") for i in range(n)])
    assert {side: len(part) for side, part in found.tasks.items()} == {
        "train": n - held - (n - held) // 5, "validation": (n - held) // 5, "heldout": held}


def test_doubled_questions_still_give_exactly_a_third() -> None:
    rows = [row(i, f"Question {i % 60}?") for i in range(102)]
    assert len(made(rows).tasks["heldout"]) == 34


def test_heldout_and_validation_are_the_same_for_every_seed_and_training_is_not() -> None:
    rows = [row(i, f"Question {i}?") for i in range(90)]
    one, two, again = made(rows, 1, problems=20), made(rows, 2, problems=20), made(rows, 1, problems=20)
    assert rows_of(one, "heldout") == rows_of(two, "heldout")
    assert rows_of(one, "validation") == rows_of(two, "validation")
    assert one.tasks == again.tasks
    assert len(rows_of(one, "train")) == 20 and set(rows_of(one, "train")) != set(rows_of(two, "train"))
    assert rows_of(made(rows, 1), "train")[:20] == rows_of(one, "train")


def test_smaller_limits_take_a_part_of_the_same_sides() -> None:
    rows = [row(i, f"Question {i}?") for i in range(90)]
    all_held, some = made(rows), made(rows, heldout=10)
    assert set(rows_of(some, "heldout")) < set(rows_of(all_held, "heldout"))
    assert rows_of(some, "train") == rows_of(all_held, "train")
    assert (some.offered, len(some.tasks["heldout"])) == (all_held.offered, 10)


def test_the_order_of_the_rows_changes_no_side() -> None:
    rows = [row(i, f"Question {i}?") for i in range(60)]
    forth, back = made(rows), made(rows[::-1])
    assert {s: {t.id for t in part} for s, part in forth.tasks.items() if s != "train"} == {
        s: {t.id for t in part} for s, part in back.tasks.items() if s != "train"}


def test_each_stratum_gives_its_third_and_shared_questions_train_nowhere() -> None:
    rows = [row(i, f"Of {s}: {i}?", stratum=s) for s in ("a", "b") for i in range(30)]
    rows += [row(i, f"Shared {i}?", stratum=s) for s, n in (("a", 9), ("b", 3)) for i in range(n)]
    found = made(rows)
    held = Counter(t.data["row"][0] for t in found.tasks["heldout"])
    assert held == {"a": 13, "b": 11}
    kept = sum(map(len, found.tasks.values()))
    assert kept + found.repeated == len(rows)
    groups = [{t.group for t in part} for part in found.tasks.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]


def test_a_large_dataset_is_planned_without_copies() -> None:
    keys = array("Q", sorted([*range(1_200_000), 400_000, 400_000]))  # the boundary falls into a group of three
    drawn = plan(Survey(keys={("", ""): keys}, rows=len(keys)), Settings())
    held, validation = drawn.heldout[""], drawn.validation[""]
    assert (len(held), len(validation), held[0], held[-1], validation[0]) == (400_000, 200, 0, 399_999, 400_000)
    sides = [drawn.side(row(0, "?"), key) for key in (0, 399_999, 400_000, 400_197, 400_198, 1_199_999)]
    assert sides == ["heldout", "heldout", "validation", "validation", "train", "train"]


# Official splits -------------------------------------------------------------------------------------

def official() -> list[Row]:
    return [*(row(i, f"Train {i}?", "train") for i in range(20)), *(row(i, f"Test {i}?", "test") for i in range(7)),
            row(20, "test 3", "train"), row(21, "Valid 1", "train"),
            *(row(i, f"Valid {i}?", "validation") for i in range(3)), row(3, "TEST 4", "validation")]


def test_official_parts_stay_whole_and_training_sheds_what_repeats_them() -> None:
    found = made(official())
    assert sorted(rows_of(found, "heldout")) == [f"/test/{i}" for i in range(7)]
    assert sorted(rows_of(found, "validation")) == [f"/validation/{i}" for i in range(3)]
    assert len(rows_of(found, "train")) == 20 and found.repeated == 3
    assert "/train/20" not in rows_of(found, "train") and "/train/21" not in rows_of(found, "train")


def test_without_an_official_validation_part_a_fifth_of_training_validates() -> None:
    found = made([r for r in official() if r.part != "validation"], validation=4)
    assert {side: len(part) for side, part in found.tasks.items()} == {"train": 17, "validation": 4, "heldout": 7}
    held = rows_of(made([r for r in official() if r.part != "validation"], heldout=3), "heldout")
    assert set(held) < {f"/test/{i}" for i in range(7)}


@given(st.lists(st.tuples(st.sampled_from([f"Question {i}" for i in range(15)]), st.sampled_from(["train", "test",
       "validation"])), min_size=8, max_size=50))
def test_official_parts_never_share_a_question_with_another(asked: list[tuple[str, str]]) -> None:
    rows = [row(i, text, part) for i, (text, part) in enumerate(asked)]
    try:
        found = made(rows)
    except UsageError:
        return
    groups = [{t.group for t in part} for part in found.tasks.values()]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    if {"train", "test"} <= {part for _, part in asked}:
        assert len(found.tasks["heldout"]) == sum(part == "test" for _, part in asked)
    assert sum(map(len, found.tasks.values())) + found.repeated == len(rows)


# What is said of it ----------------------------------------------------------------------------------

def told(rows: Sequence[Row], beside: Sequence[Row] = (), **changes: int) -> dict[str, object]:
    asked = Settings().changed(changes)
    data = dataset(rows, beside)
    return describe_dataset("test", data, make("test", data, asked, 0))


def test_doubled_questions_overlaps_and_what_is_left_out_are_said() -> None:
    rows = [row(i, f"Question {i}?") for i in range(30)] + [row(30, "Question 1?"), row(31, "question 2")]
    found = told(rows, [row(1, "Question 7?", "val"), row(2, "New?", "val")])
    assert (found["rows"], found["questions"], found["doubled_questions"], found["word_for_word"]) == (32, 30, 2, 1)
    assert found["overlaps"] == [{"subject": "", "part": "val", "rows": 2, "repeated": 1}]
    assert "2 questions stand in more than one row (1 word for word); each stays on one side" in found["notes"]
    assert found["line"] == ("test: 17 train, 4 validation, 11 heldout; "
                             "always saying '7' scores 11/11 = 100.0 % on the held-out problems")
    assert "3 rows repeat a question of another side and are left out" in told(official())["notes"]
    assert "11 heldout rows" not in str(found["notes"])
    assert "5 of 11 heldout rows are used; the settings allow no more" in told(rows, heldout=5)["notes"]
    assert "only one of the official parts is here, so it was split" in told(
        [row(i, f"Question {i}?", "train") for i in range(9)])["notes"]


def test_questions_that_differ_only_by_another_column_are_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"9 rows of the data ask 1 different.*columns=question=First\+Second"):
        made([row(i, "What is the mood?") for i in range(9)])


def test_ids_must_differ() -> None:
    with pytest.raises(UsageError, match=r"the id '//1' stands there twice"):
        made([row(i, f"Question {i}?") for i in range(9)] + [row(1, "Question 1?")])


def test_groups_on_two_sides_are_never_let_through() -> None:
    one = made([row(i, f"Question {i}?") for i in range(9)]).tasks
    with pytest.raises(UsageError, match="stands in two splits"):
        tasks.disjoint("test", {**one, "heldout": one["train"]})


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=2), min_size=1, max_size=40))
def test_counts_of_repeats(asked: list[str]) -> None:
    def rows() -> Iterator[Row]:
        return (row(i, text) for i, text in enumerate(asked))

    counts = Counter(asked)
    assert Survey.of(rows()).repeats() == (len(counts), sum(n > 1 for n in counts.values()),
                                           sum(n > 1 for n in counts.values()))
