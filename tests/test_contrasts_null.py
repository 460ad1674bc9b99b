"""What is not there is seldom found, what can be detected mostly is: `benchmarks/contrasts_null.py`, made smaller."""

from __future__ import annotations

import pytest

from benchmarks.contrasts_null import Design, covered, different, found, simulated

SMALL = {"items": 200, "luck": 0.05}


@pytest.mark.parametrize("half", [False, True])
def test_two_equal_arms_are_called_different_in_at_most_seven_of_a_hundred_contrasts(half: bool) -> None:
    made = simulated(Design(**SMALL, half=half), (0, 0), 200, 2)
    assert {verdict.level for verdict in made} == {"recipe"}
    assert different(made) <= 14
    assert covered(made, 0) >= 186


def test_a_difference_of_the_detectable_size_is_found_in_three_of_four_contrasts() -> None:
    design = Design(**SMALL)
    size = design.detectable()
    assert 0.12 < size < 0.15
    made = simulated(design, (-size / 2, size / 2), 200, 1)
    assert found(made) >= 150
    assert covered(made, size) >= 180
