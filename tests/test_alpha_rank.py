"""Alpha-rank on games whose answer is known, and on whatever payoffs there are."""

from __future__ import annotations

import doctest
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.statistics import alpha_rank
from sirius_core.statistics.alpha_rank import both_seats, fixation, one_seat, stationary, two_seats

ROCK = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]
DILEMMA = [[-1, -3], [0, -2]]  # cooperate, defect
SEXES = [[3, 0], [0, 2]], [[2, 0], [0, 3]]  # the pure equilibria are the two places where both go to the same thing


def turned(payoffs):
    return [list(column) for column in zip(*payoffs, strict=True)]


def near(*mass):
    return pytest.approx(mass, abs=1e-4)


def test_the_docstrings_say_the_truth():
    assert doctest.testmod(alpha_rank).failed == 0


def test_rock_paper_scissors_is_a_circle_whatever_alpha_is():
    found = one_seat(ROCK)
    assert found.states == ((0,), (1,), (2,)) and found.edges == ((0, 1), (1, 2), (2, 0))
    assert found.mass == pytest.approx((1 / 3,) * 3) == found.of_player()
    for alpha in (0.01, 1.0, 100.0):
        assert one_seat(ROCK, alpha).mass == pytest.approx((1 / 3,) * 3)
    biased = [[0, -0.5, 1], [0.5, 0, -0.1], [-1, 0.1, 0]]  # the paper's biased game: the circle is what counts
    assert one_seat(biased).mass == pytest.approx((1 / 3,) * 3)


def test_a_dominated_player_has_no_mass():
    assert one_seat([[0, -2, 1, 1], [2, 0, 3, 4], [-1, -3, 0, 0], [-1, -4, 0, 0]]).mass == near(0, 1, 0, 0)
    circle = [[*row, 1] for row in ROCK] + [[-1, -1, -1, 0]]
    assert one_seat(circle).mass == near(1 / 3, 1 / 3, 1 / 3, 0)
    assert one_seat([[0]]).mass == (1.0,)


def test_two_seats_end_in_the_known_equilibria():
    dilemma = two_seats(DILEMMA, turned(DILEMMA))
    assert dilemma.mass == near(0, 0, 0, 1)
    assert dilemma.edges == ((0, 1), (0, 2), (1, 3), (2, 3)) and dilemma.of_player(1) == near(0, 1)
    assert two_seats(*SEXES).mass == near(0.5, 0, 0, 0.5)
    pennies = [[1, -1], [-1, 1]]
    assert two_seats(pennies, [[-v for v in row] for row in pennies]).mass == pytest.approx((0.25,) * 4)


def test_a_table_that_is_no_square_ranks_each_seat():
    found = two_seats([[1, 2, 3]], [[0, 5, 1]])  # one seller, three buyers: the second buyer earns most
    assert found.of_player(0) == pytest.approx((1.0,)) and found.of_player(1) == near(0, 1, 0)


def test_two_seats_taken_in_turn_are_one():
    red, blue = [[0, 4], [2, 6]], [[0, 1], [-3, -2]]
    assert both_seats(red, blue) == [[0.0, 0.5], [1.5, 2.0]]
    assert one_seat(both_seats(red, blue)).mass == near(0, 1)


def test_fixation_by_hand():
    assert fixation(0, 3.0, 50) == 1 / 50 == fixation(0, math.inf, 50)
    assert fixation(1, 0.5, 10) == pytest.approx((1 - math.exp(-0.5)) / (1 - math.exp(-5)))
    assert fixation(-1, 0.5, 10) == pytest.approx((1 - math.exp(0.5)) / (1 - math.exp(5)))
    assert fixation(-1e6, 1e6, 50) == 0.0 and fixation(1e6, 1e6, 50) == 1.0


def test_what_is_no_table_is_refused():
    for wrong in ([], [[]], [[1, 2], [3]]):
        with pytest.raises(ValueError, match="full table"):
            one_seat(wrong)
    with pytest.raises(ValueError, match="square"):
        one_seat([[1, 2]])
    with pytest.raises(ValueError, match="same pairs"):
        two_seats(DILEMMA, ROCK)
    with pytest.raises(ValueError, match="both seats"):
        both_seats([[1, 2]], [[1, 2]])
    with pytest.raises(ValueError, match="no payoff"):
        one_seat([[0, math.nan], [0, 0]])
    with pytest.raises(ValueError, match="alpha"):
        one_seat(ROCK, 0)


tables = st.integers(1, 4).flatmap(lambda n: st.lists(
    st.lists(st.integers(-5, 5), min_size=n, max_size=n), min_size=n, max_size=n))


@settings(max_examples=40)
@given(tables, st.sampled_from([math.inf, 0.3, 20.0]))
def test_mass_is_a_distribution_and_knows_no_names(payoffs, alpha):
    found, n = one_seat(payoffs, alpha), len(payoffs)
    assert math.isclose(sum(found.mass), 1) and all(0 <= mass <= 1 for mass in found.mass)
    order = random.Random(0).sample(range(n), n)
    renamed = one_seat([[payoffs[i][j] for j in order] for i in order], alpha)
    assert renamed.mass == pytest.approx([found.mass[i] for i in order], abs=1e-9)


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(0, 2**32))
def test_the_stationary_distribution_stays_where_it_is(n, seed):
    chain = np.random.default_rng(seed).random((n, n)) ** 4 / n + 1e-6
    np.fill_diagonal(chain, 0)
    np.fill_diagonal(chain, 1 - chain.sum(axis=1))
    mass = np.array(stationary(chain.tolist()))
    assert mass @ chain == pytest.approx(mass, abs=1e-12)
