"""Alpha-rank: who is on top where players beat one another in circles (Omidshafiei et al. 2019, Scientific Reports 9).

A mean payoff ranks players by whom they happened to meet. Alpha-rank asks instead where a population ends that keeps
trying other players: the *response graph* has an edge wherever one seat would earn more by another player, and the
*perturbed Markov chain* walks along these edges, against them only by rare mistakes. Its stationary distribution is the
ranking; a cycle such as rock, paper, scissors keeps its mass among its members.

    two_seats(red, blue)    games with two seats: states are pairs (player in seat 0, player in seat 1)
    one_seat(payoffs)       a symmetric game, or one made so by taking both seats in turn: states are players
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Matrix = Sequence[Sequence[float]]
MISTAKE = 1e-6
"""How rarely the chain of an infinite alpha steps against an edge of the response graph."""


@dataclass(frozen=True)
class AlphaRank:
    """``mass`` [states] sums to 1. A state is (i,) or (i, j); ``edges``: (from, to) wherever the seat that changes its
    player earns more, as indices of ``states``."""

    states: tuple[tuple[int, ...], ...]
    mass: tuple[float, ...]
    edges: tuple[tuple[int, int], ...]

    def of_player(self, seat: int = 0) -> tuple[float, ...]:
        """The mass of all states with each player in this seat."""
        found = [0.0] * (1 + max(state[seat] for state in self.states))
        for state, mass in zip(self.states, self.mass, strict=True):
            found[state[seat]] += mass
        return tuple(found)


def two_seats(red: Matrix, blue: Matrix, alpha: float = math.inf, population: int = 50) -> AlphaRank:
    """``red[i][j]``, ``blue[i][j]``: what each seat earns when player i sits in seat 0 and player j in seat 1.

    >>> found = two_seats([[-1, -3], [0, -2]], [[-1, 0], [-3, -2]])  # the prisoners' dilemma: both defect
    >>> [round(mass, 3) for mass in found.mass]
    [0.0, 0.0, 0.0, 1.0]
    """
    rows, columns = _shape(red)
    if _shape(blue) != (rows, columns):
        raise ValueError(f"two payoffs for the same pairs, not {(rows, columns)} and {_shape(blue)}")
    states = [(i, j) for i in range(rows) for j in range(columns)]

    def gain(one: tuple[int, ...], two: tuple[int, ...]) -> float | None:
        if (one[0] == two[0]) == (one[1] == two[1]):
            return None  # nobody moves, or both at once
        payoff = red if one[0] != two[0] else blue
        return payoff[two[0]][two[1]] - payoff[one[0]][one[1]]

    return _rank(states, gain, rows + columns - 2, alpha, population)


def one_seat(payoffs: Matrix, alpha: float = math.inf, population: int = 50) -> AlphaRank:
    """``payoffs[i][j]``: what player i earns against player j, in one population of which everybody meets everybody.

    >>> found = one_seat([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])  # rock, paper, scissors
    >>> [round(mass, 6) for mass in found.mass]
    [0.333333, 0.333333, 0.333333]
    """
    rows, columns = _shape(payoffs)
    if rows != columns:
        raise ValueError(f"everybody meets everybody: a square of payoffs, not {rows} x {columns}")

    def gain(one: tuple[int, ...], two: tuple[int, ...]) -> float | None:
        (i,), (j,) = one, two
        return None if i == j else payoffs[j][i] - payoffs[i][j]

    return _rank([(i,) for i in range(rows)], gain, rows - 1, alpha, population)


def both_seats(red: Matrix, blue: Matrix) -> list[list[float]]:
    """The symmetric game in which the same players take both seats in turn: the mean of what i earns from j in each."""
    n, columns = _shape(red)
    if n != columns or _shape(blue) != (n, n):
        raise ValueError("only players who were all played in both seats can take them in turn")
    return [[(red[i][j] + blue[j][i]) / 2 for j in range(n)] for i in range(n)]


def fixation(gain: float, alpha: float, population: int) -> float:
    """How likely one newcomer takes over a ``population`` of m that earn ``gain`` less than it:
    (1 - e^(-alpha gain)) / (1 - e^(-m alpha gain)), 1/m without a difference.

    With an infinite alpha: 1 for a gain, `MISTAKE` for a loss, 1/m without a difference.
    """
    if gain == 0:
        return 1 / population
    if math.isinf(alpha):
        return 1 - MISTAKE if gain > 0 else MISTAKE
    x = alpha * gain
    if x > 0:
        return math.expm1(-x) / math.expm1(-population * x)
    # e^(-m x) may be beyond all floats: both sides times e^(m x)
    return math.exp((population - 1) * x) * math.expm1(x) / math.expm1(population * x)


def _rank(
    states: Sequence[tuple[int, ...]], gain: Callable[[tuple[int, ...], tuple[int, ...]], float | None],
    neighbours: int, alpha: float, population: int,
) -> AlphaRank:
    if alpha <= 0 or population < 2:
        raise ValueError(f"alpha must be above 0 and a population have 2 members, not {alpha} and {population}")
    n = len(states)
    chain, edges = [[0.0] * n for _ in range(n)], []
    for i, one in enumerate(states):
        for j, two in enumerate(states):
            if (better := gain(one, two)) is None:
                continue
            if not math.isfinite(better):
                raise ValueError(f"no payoff of {one} or {two}")
            if better > 0:
                edges.append((i, j))
            chain[i][j] = max(fixation(better, alpha, population), 1e-300) / max(1, neighbours)
    return AlphaRank(tuple(states), stationary(chain), tuple(edges))


def stationary(chain: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The stationary distribution of an irreducible chain; its diagonal is not read.

    Grassmann, Taksar and Heyman (1985): Gauss without a subtraction, so that chances of one in a million lose no digit.

    >>> [round(mass, 6) for mass in stationary([[0, 0.5], [0.25, 0]])]
    [0.333333, 0.666667]
    """
    step, n = [list(row) for row in chain], len(chain)
    for k in range(n - 1, 0, -1):
        away = math.fsum(step[k][:k])
        for i in range(k):
            step[i][k] /= away
            for j in range(k):
                if i != j:
                    step[i][j] += step[i][k] * step[k][j]
    mass = [1.0]
    for k in range(1, n):
        mass.append(math.fsum(mass[i] * step[i][k] for i in range(k)))
    total = math.fsum(mass)
    return tuple(m / total for m in mass)


def _shape(payoffs: Matrix) -> tuple[int, int]:
    rows, columns = len(payoffs), len(payoffs[0]) if payoffs else 0
    if not columns or any(len(row) != columns for row in payoffs):
        raise ValueError("payoffs are a full table, a row for each player")
    return rows, columns
