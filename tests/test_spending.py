"""A round within a held budget: first tries first, repairs in slices, what they leave on more tries; the same when it
was killed on the way; and the exact number of optimiser steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from actors import ActingMachine, act
from crash_driver import EndpointMachine, know

from sirius_core import jobs, spending
from sirius_core.errors import UsageError
from sirius_core.improve import Run, improve
from sirius_core.machines import clash
from sirius_core.settings import preset
from sirius_core.spending import Budget, most_calls
from sirius_core.store import Store
from sirius_core.store.spending import Spending, Taken

SMALL = {"rounds": 1, "problems": 20, "max_solutions": 3, "max_repairs": 40, "validation": 2, "heldout": 4,
         "new_wordings": 0, "withheld_forms": 0, "controls": 0, "gate": False, "chunk": 9, "batch": 8}


def ways(store: Store, e: str, round: int = 1) -> tuple[dict[int, int], int, int]:
    """({try: problems tried}, failures sent to the critic, calls for all of that)"""
    tries: dict[int, int] = {}
    for r in store.episodes.results(e, round, "propose"):
        tries[r.attempt] = tries.get(r.attempt, 0) + 1
    sent = len(Spending(store.db).taken(e, round, "repair"))
    return tries, sent, Spending(store.db).calls(e, round, ("propose", "repair"))[0]


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "lab.db") as opened:
        yield opened


def test_without_a_budget_a_round_is_as_before(store: Store) -> None:
    e = act(store, **SMALL)
    tries, sent, _ = ways(store, e.id)
    assert tries == {0: 20, 1: 20, 2: 20} and 10 < sent <= 40
    assert spending.held(e.settings, 1) is None


def test_a_budget_that_does_not_pay_for_the_tries_pays_for_every_problems_first_one_first(store: Store) -> None:
    e = act(store, **SMALL, round_calls="90")  # three calls a try
    assert ways(store, e.id) == ({0: 20, 1: 10}, 0, 90)
    tried = [(r.task, r.attempt) for r in store.episodes.results(e.id, 1, "propose")]
    train = store.experiments.splits(e.id)["train"]
    assert sorted(tried) == sorted([(t, 0) for t in train] + [(t, 1) for t in train[:10]])


def test_repairs_get_what_tries_leave_and_never_more_than_one_failures_worst_case_beyond_it(store: Store) -> None:
    free = ways(store, act(store, **SMALL).id)
    most = 1 + 1 + 1 + 3  # a critique, the rewrite, its rephrasing, whoever acts again
    for calls in (185, 230):
        e = act(store, **SMALL, round_calls=str(calls))
        tries, sent, spent = ways(store, e.id)
        assert tries == {0: 20, 1: 20, 2: 20} and 0 < sent < free[1]
        assert calls <= spent < calls + most


def test_what_repairs_leave_is_spent_on_more_tries_at_problems_that_nothing_solved(store: Store) -> None:
    e = act(store, **{**SMALL, "max_solutions": 1, "max_repairs": 5}, round_calls="260,345")
    tries, sent, spent = ways(store, e.id)
    assert tries[0] == 20 and sent == 5 and 260 <= spent < 263
    mended = {r.task for r in store.repairs.find(e.id, 1) if r.mended}
    right, failed, passes = set[str](), set[str](), []
    played = sorted(store.episodes.results(e.id, 1, "propose"), key=lambda r: r.attempt)
    for k in range(max(tries) + 1):
        now = [r for r in played if r.attempt == k]
        if k:
            unsolved = failed - right - mended if k <= spending.UNSOLVED else set()
            wanted = unsolved or failed
            passes.append(bool(unsolved))
            assert {r.task for r in now} <= wanted
            assert {r.task for r in now} == wanted or k == max(tries)  # the last pass may have been cut
        right |= {r.task for r in now if r.reward > 0.5}
        failed |= {r.task for r in now if r.reward <= 0.5}
    assert passes[0] and not passes[-1] and passes == sorted(passes, reverse=True)
    examples = {x for s in store.weights.training_sets(e.id, 1) for x, _ in store.weights.examples_of(s["id"])}
    late = {t.id for t in store.episodes.find(e.id, round=1, phase="propose") if t.path.attempt
            and t.earned(0.5)}
    assert late & examples  # they are learned from like all tries


def test_without_repairs_the_same_calls_go_into_tries_alone(store: Store) -> None:
    e = act(store, **SMALL, critic="none", round_calls="250")
    tries, sent, spent = ways(store, e.id)
    assert sent == 0 and sum(tries.values()) * 3 == spent and 250 <= spent < 253


def test_tokens_are_held_in_the_same_way(store: Store) -> None:
    e = act(store, **SMALL)
    tokens = Spending(store.db).calls(e.id, 1, ("propose", "repair"))[1]
    held = act(store, **SMALL, round_tokens=str(tokens + 2000))
    spent = Spending(store.db).calls(held.id, 1, ("propose", "repair"))[1]
    longest = max(t.tokens for t in Spending(store.db).taken(held.id, 1, "repair").values())
    assert tokens + 2000 <= spent < tokens + 2000 + longest


def test_a_budget_ends_where_nothing_fails(store: Store) -> None:
    e = act(store, **{**SMALL, "problems": 6, "max_solutions": 1}, round_calls="100000")
    tries, _, spent = ways(store, e.id)
    failed = {r.task for r in store.episodes.results(e.id, 1, "propose") if r.reward <= 0.5}
    assert spent < 100000 and tries[1] <= tries[0] == 6
    assert max(tries) == spending.MORE_TRIES and tries[max(tries)] == len(failed)


def told(store: Store, e: str) -> list[dict]:
    return [{k: v for k, v in r.items() if k not in ("seconds", "phases")} for r in store.experiments.reports(e)]


class Killed(BaseException):
    """As little of a program's own error handling as of a kill's."""


@pytest.mark.parametrize("calls", ["150", "330"])
def test_stopped_after_chunks_of_every_phase_it_goes_on_in_the_same_slices(store: Store, calls: str) -> None:
    undisturbed = act(store, **SMALL, round_calls=calls)
    e = store.experiments.create("tiny", undisturbed.settings, 0)
    for count in range(100):
        heard = 0

        def progress(round: int, phase: str, done: int, total: int, last: int = 3 + 2 * count) -> None:
            nonlocal heard
            heard += round == 1
            if heard == last:
                raise Killed

        try:
            improve(Run(store, e, ActingMachine(e), progress))
            break
        except Killed:
            continue
    assert count >= 3 and told(store, e.id) == told(store, undisturbed.id)
    assert ways(store, e.id) == ways(store, undisturbed.id)


def test_on_an_endpoint_the_journal_keeps_the_budget_too(store: Store) -> None:
    found = []
    for machine in (EndpointMachine(), EndpointMachine(shuffle=1, slowest=0.004)):
        e = jobs.create(store, "tiny", preset("tiny", {**SMALL, "round_calls": "260", "concurrency": 7}), 5)
        know(store, e.id)
        improve(Run(store, e, machine))
        found.append((told(store, e.id), ways(store, e.id)))
    assert found[0] == found[1] and 260 <= found[0][1][2] < 266


def test_how_many_items_a_budget_allows() -> None:
    assert Budget(100, 0).fits(Taken(40, 999), Taken(3, 50)) == 20
    assert Budget(100, 1000).fits(Taken(40, 900), Taken(3, 50)) == 2
    assert Budget(100, 0).fits(Taken(98), Taken(3)) == 1
    assert Budget(100, 0).fits(Taken(100), Taken(3)) == 0
    assert Budget(100, 500).fits(Taken(0, 500), Taken(3, 10)) == 0


def test_the_most_that_a_repair_can_take_is_known_of_a_critic_and_not_of_a_persons_own_way(store: Store) -> None:
    e = act(store, **SMALL, max_critiques=2, max_regenerations=2)
    run = Run(store, e, ActingMachine(e))
    assert most_calls(run.recipe) == 2 * (1 + 2 * (1 + 1 + 3))
    assert max(t.calls for t in Spending(store.db).taken(e.id, 1, "repair").values()) <= most_calls(run.recipe)

    async def own(failure, call):
        raise NotImplementedError

    assert most_calls(replace(run.recipe, repair=own)) == 0


@pytest.mark.parametrize("changes, says", [
    ({"update": "openai_api", "model": "m"}, "counts epochs, not steps"),
    ({"update": "demos"}, "update=demos takes no optimiser steps"),
    ({"model": "m"}, "update=demos takes no optimiser steps"),
    ({"update": "prompts", "model": "m"}, "update=prompts takes no optimiser steps"),
])
def test_steps_are_refused_where_nobody_counts_them(changes: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        clash(preset("tiny", {"steps": "20", **changes}))


def test_a_number_for_each_round_whose_last_one_repeats() -> None:
    s = preset("tiny", {"steps": "20, 25", "round_calls": "900000000"})
    assert [s.held("steps", n) for n in (1, 2, 3)] == [20, 25, 25] and s.held("examples", 1) is None
    assert s.held("round_calls", 7) == 900000000
    with pytest.raises(UsageError, match="whole numbers from 1 to 1,000,000 with commas"):
        s.changed({"steps": "2000000"})
