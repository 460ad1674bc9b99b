"""A round within a held budget: its tries and repairs together take so many calls or tokens (settings ``round_calls``,
``round_tokens``), so that recipes are compared at equal cost.

Tries come first, every problem's first try before any second one. Repairs follow in slices. What they leave is spent
on more tries: at problems that nothing has solved yet, then at all that were failed at least once. A slice is as large
as the budget allows if everything in it takes the most that it can, so the budget is exceeded by less than one item's
worst case; a round ends where nothing is left of it, or nothing is left to do. How large slices were follows from what
is stored, so a run that was killed goes on in the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .evaluate import Bench
from .models import Voices
from .recipes import Recipe
from .repair import CriticRepair
from .rollout import Work
from .settings import Settings
from .store.spending import Spending, Taken

UNSOLVED = 8  # more tries that problems without a success get before the others do
MORE_TRIES = 64  # at one problem
CAREFUL = 8  # repairs in the first slice where tokens are held: how long a critic's calls are is not known before
Item = tuple[str, int]  # (problem, try)


@dataclass(frozen=True)
class Budget:
    """What a round's tries and repairs may take together; 0: no bound."""

    calls: int
    tokens: int

    def fits(self, spent: Taken, most: Taken) -> int:
        """How many items that take at ``most`` so much may be begun: at least one as long as anything is left."""
        bounds = [(self.calls - spent.calls, most.calls)] if self.calls else []
        bounds += [(self.tokens - spent.tokens, most.tokens)] if self.tokens else []
        if any(left <= 0 for left, _ in bounds):
            return 0
        return max(1, min(left // max(1, each) for left, each in bounds))


def held(settings: Settings, round: int) -> Budget | None:
    """The budget of a round; None where it has none."""
    calls, tokens = settings.held("round_calls", round), settings.held("round_tokens", round)
    return Budget(calls or 0, tokens or 0) if calls or tokens else None


def first_tries(bench: Bench, round: int, voices: Voices) -> None:
    """``max_solutions`` tries at every training problem, as far as the budget goes."""
    order = [(task.id, k) for k in range(bench.settings.max_solutions) for task in bench.tasks["train"]]
    _tries(bench, round, voices, order, Taken())


def repairs(bench: Bench, round: int, plan: Sequence[Work], *, lockstep: bool) -> None:
    """Carry out the repairs of a round in the order of the plan, as far as its budget goes; without one, all."""
    if (budget := held(bench.settings, round)) is None:
        bench.rollout.run(round, "repair", plan, lockstep=lockstep)
        return
    spent, tried = _spent(bench, round)
    calls, done = most_calls(bench.recipe), 0
    longest = max((t.longest for t in (*tried.values(), *_before(bench).values())), default=0)
    worst = Taken(calls or max((t.calls for t in tried.values()), default=1), calls * longest, longest)
    while done < len(plan) and (n := budget.fits(spent, worst)):
        if budget.tokens or not calls:
            n = min(n, max(CAREFUL, 2 * done))
        part = plan[done : done + n]
        bench.rollout.run(round, "repair", part, lockstep=lockstep)
        taken = Spending(bench.store.db).taken(bench.experiment.id, round, "repair")
        for work in part:
            task, attempt = work.id.rsplit("/", 1)
            spent, worst = _and(spent, worst, taken.get((task, int(attempt)), Taken()))
            worst = worst._replace(tokens=max(worst.tokens, calls * worst.longest))
        done += n


def more_tries(bench: Bench, round: int, voices: Voices) -> None:
    """What is left: one more try at every problem without a success or a repair that mended it, `UNSOLVED` times; then,
    or when there is none, one more at every problem that some try failed, until the budget is spent."""
    s, store, e = bench.settings, bench.store, bench.experiment.id
    spent, _ = _spent(bench, round)
    for taken in Spending(store.db).taken(e, round, "repair").values():
        spent, _ = _and(spent, Taken(), taken)
    mended = {r.task for r in store.repairs.find(e, round) if r.mended}
    for k in range(s.max_solutions, s.max_solutions + MORE_TRIES):
        tried = [r for r in store.episodes.results(e, round, "propose") if r.attempt < k]
        failed = {r.task for r in tried if r.reward <= s.threshold}
        unsolved = failed - mended - {r.task for r in tried if r.reward > s.threshold}
        wanted = unsolved if unsolved and k < s.max_solutions + UNSOLVED else failed
        order = [(task.id, k) for task in bench.tasks["train"] if task.id in wanted]
        if not order or not _left(bench, round, spent):
            return
        spent = _tries(bench, round, voices, order, spent)


def most_calls(recipe: Recipe) -> int:
    """The most calls that the repair of one failure can take; 0 where only its author knows."""
    if not isinstance(how := recipe.repair, CriticRepair):
        return 0
    chain = len(recipe.team.chain)
    once = 1 + how.rephrase + chain  # the rewrite, its rephrasing, and whoever acts again
    return how.max_critiques * (chain if how.each else 1) * (1 + how.max_regenerations * once)


# -- parts -----------------------------------------------------------------------------------------------------------
def _tries(bench: Bench, round: int, voices: Voices, order: Sequence[Item], spent: Taken) -> Taken:
    """Play tries in this order as far as the budget goes; what has been spent then, ``spent`` being so before."""
    budget, tasks, done = held(bench.settings, round), {t.id: t for t in bench.tasks["train"]}, 0
    assert budget is not None
    worst = Taken()
    for taken in _before(bench).values():
        worst = _and(Taken(), worst, taken)[1]
    while done < len(order) and (n := budget.fits(spent, worst)):
        part = order[done : done + n]
        bench.play_all(round, "propose", [("propose", tasks[task], k, voices) for task, k in part])
        found = Spending(bench.store.db).taken(bench.experiment.id, round, "propose")
        for item in part:
            spent, worst = _and(spent, worst, found.get(item, Taken()))
        done += n
    return spent


def _spent(bench: Bench, round: int) -> tuple[Taken, dict[Item, Taken]]:
    """What the first tries of a round took, together and one by one."""
    found = Spending(bench.store.db).taken(bench.experiment.id, round, "propose")
    first = {item: taken for item, taken in found.items() if item[1] < bench.settings.max_solutions}
    spent = Taken()
    for taken in first.values():
        spent, _ = _and(spent, Taken(), taken)
    return spent, first


def _before(bench: Bench) -> dict[Item, Taken]:
    """What the untrained team's held-out answers took: how much an episode may take is learned from them."""
    return Spending(bench.store.db).taken(bench.experiment.id, 0, "evaluate:heldout:sampled")


def _left(bench: Bench, round: int, spent: Taken) -> bool:
    budget = held(bench.settings, round)
    return budget is not None and budget.fits(spent, Taken()) > 0


def _and(spent: Taken, worst: Taken, taken: Taken) -> tuple[Taken, Taken]:
    """(the sum, the larger in each) after one more item."""
    return (Taken(spent.calls + taken.calls, spent.tokens + taken.tokens),
            Taken(*(max(pair) for pair in zip(worst, taken, strict=True))))
