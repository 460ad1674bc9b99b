"""What a contrast says in the end: whole sentences, whole pairs, what is left out, what became of predictions."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sirius_core.contrast.verdict import Final, Pair, Verdict, by_round, compare_predictions, from_dict, judge
from sirius_core.statistics import Interval, changed, holm, mcnemar, two_way

CROSSED = ("Each interval takes seeds and problems as drawn from many: Student's t over the seeds, widened by what the "
           "problems that they share add.")
EXACT = ("Exact McNemar test, paired over problems, for each seed by itself; intervals after Bonett and Price (2012).")


class Said(NamedTuple):
    author: str
    arm: str
    points: float | None
    reason: str = ""


def answers(right: int, of: int, start: int = 0) -> dict[str, int]:
    """``right`` of ``of`` problems answered rightly, the right ones from problem ``start`` on."""
    return {f"t{i:04}": int((i - start) % of < right) for i in range(of)}


def arm(*right: int, of: int = 200) -> dict[int, dict[str, int]]:
    """Seeds 0, 1, ... with so many right; the right ones are the first problems."""
    return {seed: answers(count, of) for seed, count in enumerate(right)}


# These checkpoints ---------------------------------------------------------------------------------

def test_one_seed_speaks_of_the_checkpoints() -> None:
    found = judge({"no repair": arm(100), "critic": arm(120)})
    assert found == Verdict(
        "checkpoints",
        "With seed 0 “critic” answers 120 of 200 problems rightly and “no repair” 100, +10.0 points (95 % interval "
        "+5.6 to +14.2, p < 0.001): these checkpoints differ (exact McNemar). Whether the recipe is better would take "
        "at least 3 seeds.",
        (Pair("no repair", "critic", changed(20, 0, 200), 2 / 2**20, 2 / 2**20, 1, 200, 20, 0, 0, True, 0),),
        ("critic", "no repair"), EXACT)


def test_two_seeds_are_told_one_by_one_and_corrected() -> None:
    found = judge({"no repair": arm(100, 103), "critic": arm(120, 100)})
    assert found.sentence == (
        "With seed 0 “critic” answers 120 of 200 problems rightly and “no repair” 100, +10.0 points (95 % interval "
        "+5.6 to +14.2, p < 0.001 after Holm for 2 comparisons): these checkpoints differ; with seed 1 “critic” "
        "answers 100 of 200 problems rightly and “no repair” 103, -1.5 points (95 % interval -3.6 to +0.7, p = 0.25 "
        "after Holm for 2 comparisons): these checkpoints cannot be told apart (exact McNemar). Whether the recipe is "
        "better would take at least 3 seeds.")
    assert [(p.seed, p.p, p.p_holm, p.different, p.more) for p in found.pairs] == [
        (0, 2 / 2**20, 4 / 2**20, True, 0), (1, 0.25, 0.25, False, None)]


def test_checkpoints_of_three_arms_speak_of_the_first_two_and_count_the_rest() -> None:
    found = judge({"a": arm(100), "b": arm(150), "c": arm(148)})
    assert found.order == ("b", "c", "a")
    assert found.sentence == (
        "With seed 0 “b” answers 150 of 200 problems rightly and “c” 148, +1.0 points (95 % interval -0.9 to +2.9, "
        "p = 0.50 after Holm for 3 comparisons): these checkpoints cannot be told apart (exact McNemar). Whether the "
        "recipe is better would take at least 3 seeds. 2 of the 3 pairs of checkpoints can be told apart.")


def test_many_seeds_can_be_spoken_of_as_checkpoints_too() -> None:
    found = judge({"a": arm(100, 100, 100, 100), "b": arm(120, 120, 102, 99)}, level="checkpoints")
    assert found.sentence == (
        "“b” is ahead of “a” with 3 of 4 seeds, by so much that these checkpoints can be told apart with 2 (exact "
        "McNemar). Whether the recipe is better would take at least 3 seeds.")


# The recipe ----------------------------------------------------------------------------------------

def test_three_seeds_speak_of_the_recipe() -> None:
    found = judge({"no repair": arm(100, 102, 104), "critic": arm(140, 143, 145)})
    [pair] = found.pairs
    assert found.sentence == (
        "“critic” is better than “no repair”: +20.3 points (95 % interval +14.9 to +25.8, p < 0.001) over 3 seeds and "
        "200 problems.")
    assert (found.level, found.order, found.why) == ("recipe", ("critic", "no repair"), CROSSED)
    assert (pair.one, pair.other, pair.seeds, pair.items, pair.gained, pair.lost, pair.more, pair.different, pair.seed
            ) == ("no repair", "critic", 3, 200, 122, 0, 0, True, None)
    change = [[int(100 + 2 * s <= i < (140, 143, 145)[s]) for i in range(200)] for s in range(3)]
    assert (pair.delta, pair.p) == (two_way(change).interval(), two_way(change).p)


def test_what_cannot_be_told_says_how_many_more_seeds_would() -> None:
    found = judge({"a": arm(100, 100, 100), "b": arm(104, 112, 117)})
    assert found.sentence == (
        "Cannot tell whether “b” is better than “a”: +5.5 points (95 % interval -3.0 to +14.0, p = 0.11) over 3 seeds "
        "and 200 problems; about 4 more seeds would.")
    assert [(pair.more, pair.different) for pair in found.pairs] == [(4, False)]


def test_a_difference_that_no_number_of_seeds_would_tell() -> None:
    found = judge({"a": arm(100, 110, 105), "b": arm(110, 101, 105)})
    assert found.sentence == (
        "Cannot tell whether “b” is better than “a”: +0.2 points (95 % interval -11.6 to +12.0, p = 0.96) over 3 seeds "
        "and 200 problems; a difference as small as this would take very many seeds or more problems.")
    assert found.pairs[0].more is None


def test_a_difference_too_small_to_matter_is_said_to_be_so() -> None:
    found = judge({"a": {s: answers(1000, 2000, s) for s in range(4)},
                   "b": {s: answers(1000, 2000, s + (-1) ** s) for s in range(4)}})
    assert found.sentence == (
        "“a” and “b” differ by no more than 2 points: 0.0 points (95 % interval -0.2 to +0.2, p = 1.00) over 4 seeds "
        "and 2,000 problems; which is better one cannot tell.")


def test_equal_answers_leave_nothing_to_tell() -> None:
    found = judge({"a": arm(100, 101, 102), "b": arm(100, 101, 102)})
    assert found.sentence == ("“a” and “b” were right in the same answers, over 3 seeds and 200 problems: there is no "
                              "difference to tell.")
    assert (found.pairs[0].p, found.pairs[0].p_holm, found.pairs[0].more) == (1.0, 1.0, None)


def test_an_end_beside_nothing_is_not_rounded_to_it() -> None:
    """Else the sentence would seem to contradict itself: a difference, and an interval that reaches 0.0."""
    found = judge({"a": arm(0, 0, 0, of=400), "b": arm(20, 36, 46, of=400)})
    assert found.sentence == (
        "“b” is better than “a”: +8.50 points (95 % interval +0.03 to +16.97, p = 0.0497) over 3 seeds and 400 "
        "problems.")


def test_several_arms_are_corrected_by_holm_and_counted() -> None:
    found = judge({"a": arm(100, 102, 104), "b": arm(140, 143, 145), "c": arm(143, 144, 145)})
    assert found.order == ("c", "b", "a")
    ps = [pair.p for pair in found.pairs]
    assert [pair.p_holm for pair in found.pairs] == list(holm(ps))
    assert found.why == f"{CROSSED} p-values are corrected after Holm for 3 comparisons, intervals are not."
    assert found.sentence == (
        "Cannot tell which of 3 arms is best, “c” or “b”: +0.7 points (95 % interval -1.2 to +2.6, p = 0.27 after Holm "
        "for 3 comparisons) over 3 seeds and 200 problems; about 10 more seeds would. 2 of the 3 pairs can be told "
        "apart.")


def test_the_best_of_several_arms_is_named_with_its_runner_up() -> None:
    found = judge({"a": arm(60, 62, 61), "b": arm(140, 141, 142), "c": arm(100, 101, 100)})
    assert found.sentence == (
        "“b”, the best of 3 arms, is better than “c”: +20.3 points (95 % interval +14.6 to +26.1, p < 0.001 after Holm "
        "for 3 comparisons) over 3 seeds and 200 problems. All 3 pairs can be told apart.")


def test_the_first_is_the_best_only_where_it_is_told_from_every_other() -> None:
    """The third is further behind than the second, but its seeds vary too much to tell."""
    found = judge({"a": arm(10, 120, 190), "b": arm(150, 151, 152), "c": arm(140, 141, 142)})
    assert found.order == ("b", "c", "a") and [pair.different for pair in found.pairs] == [False, False, True]
    assert found.sentence == (
        "“b”, the first of 3 arms, is better than “c”: +5.0 points (95 % interval +2.1 to +7.9, p = 0.002 after Holm "
        "for 3 comparisons) over 3 seeds and 200 problems. 1 of the 3 pairs can be told apart.")


def test_more_seeds_are_asked_at_the_level_that_holm_leaves() -> None:
    """Of three waiting pairs each must come below a third of 5 %: that takes more seeds than one pair alone."""
    two = {"a": arm(100, 100, 100), "b": arm(104, 112, 117)}
    alone = judge(two).pairs[0].more
    among = judge({**two, "c": arm(101, 104, 99)}).pairs[0].more
    assert alone is not None and among is not None and among > alone


def test_a_pair_without_any_differing_answer_takes_no_part_in_the_correction() -> None:
    found = judge({"a": arm(100, 102, 104), "twin": arm(100, 102, 104), "b": arm(140, 143, 145)})
    same, one, other = found.pairs
    assert (same.p_holm, one.p_holm, other.p_holm) == (1.0, 2 * one.p, 2 * one.p)


# What is compared ----------------------------------------------------------------------------------

def test_only_common_seeds_and_problems_count_and_what_is_left_out_is_said() -> None:
    one, other = arm(100, 102, 104, 99), arm(140, 143, 145)
    del one[0]["t0000"], other[1]["t0001"], other[1]["t0002"]
    found = judge({"a": one, "b": other, "c": {}})
    assert (found.pairs[0].seeds, found.pairs[0].items) == (3, 200)
    assert found.why == (
        f"{CROSSED} Not compared, as no seed is finished: “c”. Left out, as not every arm has finished it: seed 3. "
        "Left out, as not every arm was asked: 3 of 600 problems (counted for each seed).")


def test_problems_of_each_seed_s_own_are_nested_in_it() -> None:
    """Splits that depend on the seed: then only the seeds tell."""
    made = {name: {seed: {f"{seed}-{task}": right for task, right in answers(count, 100, seed).items()}
                   for seed, count in enumerate(counts)}
            for name, counts in (("a", (50, 50, 50)), ("b", (60, 70, 80)))}
    [pair] = judge(made).pairs
    expected = stats.t.interval(0.95, 2, 0.2, stats.sem([0.1, 0.2, 0.3]))
    assert pair.items == 300
    assert pair.delta.estimate == pytest.approx(0.2)
    assert (pair.delta.low, pair.delta.high) == pytest.approx(expected, abs=0.01)


def test_nothing_can_be_compared_yet() -> None:
    expected = "Nothing can be compared yet: no seed has been finished by two arms."
    for final in ({}, {"a": arm(5)}, {"a": arm(5), "b": {}}, {"a": {0: answers(1, 5)}, "b": {1: answers(1, 5)}}):
        found = judge(final)
        assert (found.level, found.sentence, found.pairs) == ("none", expected, ())


def test_arms_without_a_common_problem_are_refused() -> None:
    with pytest.raises(ValueError, match="the arms share no problem with seed 0: there is nothing to compare"):
        judge({"a": {0: {"x": 1}}, "b": {0: {"y": 1}}})


def test_one_problem_leaves_everything_open() -> None:
    found = judge({"a": arm(1, 1, 0, of=1), "b": arm(0, 1, 0, of=1)})
    (pair,) = found.pairs
    assert (pair.delta, pair.p, pair.seeds, pair.items) == (Interval(-1 / 3, -1.0, 1.0, 1, "one seed"), 1.0, 3, 1)
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_recipe_takes_three_seeds() -> None:
    with pytest.raises(ValueError, match="at least 3 seeds, here are 2"):
        judge({"a": arm(1, 2), "b": arm(3, 4)}, level="recipe")


def test_a_verdict_goes_through_json() -> None:
    for found in (judge({"a": arm(100, 100, 100), "b": arm(104, 112, 117)}), judge({"a": arm(1), "b": arm(2)}),
                  judge({})):
        assert from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False))) == found


tables = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 2, (2, 4, 30)).tolist())


@given(tables)
def test_the_pair_turned_round_says_the_same(made: list[list[list[int]]]) -> None:
    final: Final = {name: {seed: {str(i): bit for i, bit in enumerate(row)} for seed, row in enumerate(table)}
                    for name, table in zip("ab", made)}
    one, other = judge(final).pairs[0], judge({name: final[name] for name in "ba"}).pairs[0]
    assert (one.delta.estimate, one.gained, one.lost, one.p) == pytest.approx(
        (-other.delta.estimate, other.lost, other.gained, other.p))
    assert (one.delta.low, one.delta.high) == pytest.approx((-other.delta.high, -other.delta.low))
    # the interval and the p-value never contradict one another
    assert (one.p < 0.05) == (not one.delta.low <= 0 <= one.delta.high)


# Rounds --------------------------------------------------------------------------------------------

def test_rounds_are_corrected_together() -> None:
    end, half = arm(140, 143, 145), arm(110, 111, 113)
    start = arm(100, 102, 104)
    found = by_round({"a": {s: {0: start[s], 1: start[s], 2: start[s]} for s in range(3)},
                      "b": {s: {0: start[s], 1: half[s], 2: end[s]} for s in range(3)}})
    assert [(row["round"], row["one"], row["other"], row["seeds"], row["items"], row["seed"]) for row in found] == [
        (number, "a", "b", 3, 200, None) for number in range(3)]
    ps = [row["p"] for row in found]
    assert ps[0] == found[0]["p_holm"] == 1 and found[0]["delta"] == 0
    assert [row["p_holm"] for row in found[1:]] == list(holm(ps[1:]))  # the untrained round has nothing to tell
    assert set(found[0]) == {"round", "one", "other", "delta", "low", "high", "p", "p_holm", "seeds", "items", "seed"}


def test_rounds_of_few_seeds_are_told_seed_by_seed_and_a_missing_round_has_no_row() -> None:
    found = by_round({"a": {0: {1: answers(100, 200)}, 1: {1: answers(100, 200)}},
                      "b": {0: {1: answers(120, 200)}, 1: {1: answers(101, 200), 2: answers(9, 200)}}})
    p = mcnemar([0] * 20, [1] * 20).p
    assert [(row["round"], row["seed"], row["p"], row["p_holm"]) for row in found] == [
        (1, 0, p, 2 * p), (1, 1, 1.0, 1.0)]
    assert by_round({}) == []


# Predictions ---------------------------------------------------------------------------------------

def came(found: Verdict, *said: Said) -> list[str]:
    return [row["came"] for row in compare_predictions(found, said)]


def test_predictions_stand_beside_what_came() -> None:
    found = judge({"no repair": arm(100, 102, 104), "critic": arm(140, 143, 145)})
    rows = compare_predictions(found, [Said("Ada", "critic", 22.0, "it sees the answer")])
    assert rows == [{"author": "Ada", "arm": "critic", "points": 22.0, "reason": "it sees the answer",
                     "came": "right: “critic” is better than “no repair”, +20.3 points (95 % interval +14.9 to +25.8); "
                             "+22.0 points were predicted, inside the interval"}]
    assert came(found, Said("", "critic", 3.0), Said("", "no repair", None), Said("", "", None)) == [
        "right: “critic” is better than “no repair”, +20.3 points (95 % interval +14.9 to +25.8); +3.0 points were "
        "predicted, outside the interval",
        "wrong: “critic” is better than “no repair”, -20.3 points (95 % interval -25.8 to -14.9) for “no repair”",
        "wrong: “critic” is better than “no repair”, +20.3 points (95 % interval +14.9 to +25.8)"]


def test_a_prediction_stays_open_where_one_cannot_tell() -> None:
    found = judge({"a": arm(100, 100, 100), "b": arm(104, 112, 117)})
    measured = "“b” and “a” cannot be told apart, +5.5 points (95 % interval -3.0 to +14.0)"
    assert came(found, Said("", "b", None), Said("", "b", 20), Said("", "", None), Said("", "x", None)) == [
        f"open: {measured}", f"open: {measured}; +20.0 points were predicted, outside the interval",
        "open: no two arms can be told apart, but a difference is not ruled out", "open: “x” has not been compared"]
    assert came(judge({}), Said("", "b", None)) == ["open: nothing can be compared yet"]


def test_no_difference_is_right_where_the_interval_is_narrow() -> None:
    found = judge({"a": {s: answers(1000, 2000, s) for s in range(4)},
                   "b": {s: answers(1000, 2000, s + (-1) ** s) for s in range(4)}})
    assert came(found, Said("", "", None)) == ["right: no two arms differ by more than 2 points"]


def test_predictions_about_two_checkpoints_need_both() -> None:
    found = judge({"a": arm(100, 103), "b": arm(120, 100)})
    assert came(found, Said("", "b", None)) == [
        "open: “b” and “a” cannot be told apart with every seed, +10.0 points (95 % interval +5.6 to +14.2) with seed 0"
        "; -1.5 points (95 % interval -3.6 to +0.7) with seed 1"]


def test_an_interval_is_finite_and_around_its_difference() -> None:
    pair = judge({"a": arm(0, 0, 0, of=5), "b": arm(5, 5, 5, of=5)}).pairs[0]
    assert pair.delta.estimate == 1 and math.isfinite(pair.delta.low)
    assert isinstance(pair.delta, Interval) and pair.p == 2 / 2**5
