"""Answers counted: one spelling for equal answers, ties, weights, what a turn states in either language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from debating import POCKET, PROBLEM, RIGHT, SUM, debated, script
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import answers, votes
from sirius_core.answers import units
from sirius_core.pocket.families import UNITS
from sirius_core.pocket.notation import digits


@pytest.mark.parametrize(("text", "kind", "answer"), [
    ("Answer: 1,234", "number", "1234"),
    ("Answer: 1234.0", "number", "1234"),
    ("1/3, so the answer is 1/3", "number", "0.3333"),
    ("Answer: 0.33333", "number", "0.3333"),
    ("no idea", "number", ""),
    ("Answer: 170 N", "quantity", "170 N"),
    ("Answer: 170 kg m/s^2", "quantity", "170 N"),
    ("Answer: 170 J", "quantity", "170 J"),
    ("1 7 0 N", "quantity", "170 N"),
    ("x * y : 3 4 * 5 | = 1 7 0 | 1 7 0 N", "quantity", "170 N"),
    ("x * y : 3 4 * 5 | = 1 7 0", "quantity", ""),
    ("x * y : 3 4 * 5 | = 1 7 0 | 1 7 0 N | 1 7 0 N", "quantity", ""),
    ("x * y : 3 4 * 5", "quantity", ""),
    ("0 1 7 N", "quantity", ""),
    ("N", "quantity", ""),
    ("It is (c).\nAnswer: C", "letter", "C"),
    ("Answer: yes", "boolean", "True"),
    ("Answer: 2, 1", "list", "1, 2"),
    ("Answer: (2, 1)", "ordered_list", "2, 1"),
    ("So.  Answer:  Paris  ", "exact", "paris"),
    ("", "number", ""),
])
def test_what_a_text_states(text, kind, answer):
    assert votes.read(text, kind) == answer


def test_the_same_expression_in_other_words_is_one_answer_the_one_that_came_first():
    rounds = [{"1": votes.read(r"Answer: $\frac{1}{2}$", "latex"), "2": votes.read("Answer: 0.5", "latex"), "3": ""},
              {"1": votes.read("Answer: x", "latex"), "2": votes.read("Answer: 1/2", "latex"), "3": ""}]
    half = r"\frac{1}{2}"
    assert votes.settled(rounds, "latex") == [{"1": half, "2": half, "3": ""}, {"1": "x", "2": half, "3": ""}]


@given(st.lists(st.text(alphabet="1x+/^{}\\frac $.", max_size=8), max_size=6), st.sampled_from(["latex", "text"]))
def test_no_text_breaks_the_comparison(texts, kind):
    said = {str(i): votes.read(f"Answer: {text}", kind) for i, text in enumerate(texts)}
    (settled,) = votes.settled([said], kind)
    assert set(settled) == set(said) and all(bool(settled[seat]) == bool(said[seat]) for seat in said)


@given(st.integers(0, 10**6), st.sampled_from(UNITS))
def test_both_languages_state_one_answer(number, unit):
    pocket, chat = f"{digits(number)} {unit}", f"So it is.\nAnswer: {number:,} {unit}"
    assert votes.read(pocket, "quantity") == votes.read(chat, "quantity") != ""
    assert answers.judge_text(chat, pocket, "quantity").right


@given(st.sampled_from(sorted(units._DEFINED)))
def test_a_unit_has_one_spelling_that_is_itself_a_unit(symbol):
    spelt = units.canonical(symbol)
    assert units.same(spelt, symbol) and units.canonical(spelt) == spelt


@pytest.mark.parametrize(("said", "first", "weights", "won", "share"), [
    ("aab", "", {}, "a", 2 / 3),
    ("ab", "", {}, "a", 1 / 2),              # nobody spoke before: the lowest seat
    ("ab", "bb", {}, "b", 1 / 2),            # level now: what more said in the first round
    ("abc", "bbc", {}, "b", 1 / 3),
    ("aabb", "abba", {}, "a", 1 / 2),        # level in both: the lowest seat
    ("bbaa", "abab", {}, "b", 1 / 2),
    ("a  ", "", {}, "a", 1 / 3),             # who states nothing stays in the denominator
    ("   ", "", {}, None, 0.0),
    (" ab", "", {}, "a", 1 / 3),
    ("aab", "", {"1": 0.25, "2": 0.25, "3": 1.0}, "b", 2 / 3),
    ("ab", "", {"1": 1 / 3 + 1 / 3 + 1 / 3, "2": 1.0}, "a", 1 / 2),
])
def test_the_winner(said, first, weights, won, share):
    seats = [{str(n): answer.strip() for n, answer in enumerate(answers, start=1)} for answers in (said, first)]
    found, at = votes.winner(*seats, weights)
    assert (found, at) == (won, pytest.approx(share))


def test_seats_are_in_order_of_their_numbers_not_of_their_names():
    assert votes.winner({"10": "a", "9": "b"})[0] == "b"


@given(st.dictionaries(st.integers(1, 20).map(str), st.sampled_from(["", "a", "b", "c"]), min_size=1), st.data())
def test_the_order_in_which_votes_are_counted_changes_nothing(said, data):
    shuffled = dict(data.draw(st.permutations(list(said.items()))))
    first = dict(data.draw(st.permutations(list(said.items()))))
    assert votes.winner(said, said) == votes.winner(shuffled, first)
    won, share = votes.winner(said)
    assert (won is None) == (not any(said.values())) and 0 <= share <= 1 and won != ""


def test_how_steady_each_agent_was():
    rounds = [{"1": "a", "2": "b", "3": "c"}, {"1": "a", "2": "c", "3": ""}, {"1": "a", "2": "c", "3": ""}]
    assert votes.steadiness(rounds) == {"1": 1.0, "2": 2 / 3}


def test_a_debate_round_by_round_and_what_it_ended_on():
    trajectory = debated(script("123", "133", "233"))
    assert votes.by_round(trajectory, "number") == [
        {"1": "1", "2": "2", "3": "3"}, {"1": "1", "2": "3", "3": "3"}, {"1": "2", "2": "3", "3": "3"}]
    assert votes.speaking(trajectory) == [{"1": 0, "2": 1, "3": 2}, {"1": 3, "2": 4, "3": 5}, {"1": 6, "2": 7, "3": 8}]
    assert votes.decided(trajectory, "number") == "3"


def test_summaries_state_no_answers():
    turns = debated(script("12", "22")).turns
    summary = replace(turns[0], role="summarizer", seat="1", text="Answer: 9")
    trajectory = replace(debated(script("12", "22")), turns=(*turns[:2], summary, *turns[2:]))
    assert votes.by_round(trajectory, "number") == [{"1": "1", "2": "2"}, {"1": "2", "2": "2"}]


def test_a_turn_that_was_cut_short_states_nothing_whatever_it_says():
    turns = debated(script("12")).turns
    assert votes.said(turns[0], "number") == "1"
    assert votes.said(replace(turns[0], finish="length"), "number") == ""


def test_an_episode_that_stopped_decided_nothing():
    assert votes.decided(debated(script(["", "none"], ["", "none"], say="{}")), SUM.kind) == ""


def test_in_the_embedded_language_the_answer_stands_after_the_second_bar():
    reply = f"x * y : {digits(PROBLEM.x)} * {PROBLEM.y} | = 1 | {RIGHT}"
    trajectory = debated({"generator/1": [reply], "generator/2": ["x * y : 3"]}, POCKET, dialect="pocket")
    assert votes.by_round(trajectory, POCKET.kind) == [{"1": votes.read(RIGHT, POCKET.kind), "2": ""}]
    assert trajectory.outcome.answer == RIGHT
