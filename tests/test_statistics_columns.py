"""One bootstrap for a whole table: as each column alone would be, and right as often as it says."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.statistics import cluster_bootstrap, columns, paired_delta, resampled


def test_the_docstring_says_the_truth():
    assert doctest.testmod(columns).failed == 0


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(-20, 30), st.integers(-20, 30), st.integers(0, 5)), min_size=3, max_size=30))
def test_columns_are_what_each_would_be_alone(rows):
    one, two, groups = zip(*rows, strict=True)
    change = [b - a for a, b in zip(one, two, strict=True)]
    found = resampled({"one": one, "change": change}, groups)
    if len(set(groups)) < 2:
        assert math.isnan(found["one"].low)
    if len(set(one)) > 1 and len(set(groups)) > 1:
        alone = cluster_bootstrap([v + 0.5 for v in one], groups)  # never all 0 or 1
        assert (found["one"].low, found["one"].high) == pytest.approx((alone.low - 0.5, alone.high - 0.5))
    sums = {g: [c for c, group in zip(change, groups, strict=True) if group == g] for g in groups}
    if len({sum(c) / len(c) for c in sums.values()}) > 1:
        alone = paired_delta(one, two, groups)
        if max(change) > 1 or min(change) < 0:
            assert (found["change"].low, found["change"].high) == pytest.approx((alone.low, alone.high))


def test_what_is_not_there_takes_no_part():
    found = resampled({"price": [50, None, 54, None], "none": [None] * 4, "same": [3, 3, 3, 3]})
    assert (found["price"].estimate, found["price"].n, found["none"].n) == (52, 2, 0)
    assert found["price"].low < 52 < found["price"].high
    assert math.isnan(found["none"].estimate) and (found["same"].estimate, math.isnan(found["same"].low)) == (3, True)
    assert resampled({}) == {} and resampled({"x": []})["x"].n == 0


def test_the_interval_covers_as_often_as_it_says():
    rng, hit = np.random.default_rng(5), 0
    for trial in range(200):
        payoffs = np.where(rng.random(60) < 0.8, rng.normal(10, 6, 60), 0.0)  # deals, and games without one
        found = resampled({"payoff": list(payoffs)}, seed=trial, draws=400)["payoff"]
        hit += found.low <= 8.0 <= found.high
    assert 180 <= hit <= 199
