"""Every kind of workflow, stopped after any number of calls and resumed: the same episode, and no reply asked twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_episodes import ACTOR_CRITIC, CHAIN, DEBATE, GAME, HAGGLE, TASK, Speaker, haggler, voices

from sirius_core.episodes import play, replay
from sirius_core.errors import Cancelled
from sirius_core.rollout import Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.trajectories import SeedPath, digest


def verdict(messages, sampling):
    text = messages[-1].content
    return "False: why" if text.startswith("judge") else f"r{digest(text, sampling.seed)[:6]}"


CASES = {
    "chain": (CHAIN, TASK, None, {1: "better"}),
    "actor - judge - critic - actor": (ACTOR_CRITIC, TASK, verdict, {1: "True"}),
    "two seats, eight messages": (HAGGLE, GAME, haggler, {2: "(mine) | offer 1"}),
    "debate of three": (DEBATE, TASK, None, {1: "changed"}),
}


class Stopping(Speaker):
    """Answers ``calls`` times, then the run is stopped."""

    def __init__(self, say, calls: int) -> None:
        super().__init__(say, shuffle=calls)
        self.left = calls

    async def complete(self, messages, sampling):
        if self.left == 0:
            raise Cancelled("stopped")
        self.left -= 1
        return await super().complete(messages, sampling)


def carry_out(store: Store, case: str, model) -> None:
    """Play the case and, from what was played, an edited replay and two fresh draws."""
    team, task, _, edits = CASES[case]
    experiment = store.experiments.all()[0].id
    path = SeedPath(experiment, 0, 1, "propose", task.id)

    async def all_of_it(call):
        first = await play(team, task, voices(model), path, call)
        edited = await replay(first, team, task, voices(model), edits=edits, call=call)
        draws = [await replay(first, team, task, voices(model), fresh_from=1, draw=k, call=call) for k in range(2)]
        return Records((first, edited, *draws))

    Rollout(store, experiment).run(1, "propose", [Work("one", all_of_it)], lockstep=False)


def stored(store: Store):
    found = store.episodes.find(store.experiments.all()[0].id)
    return [(t.id, t.content, [turn.origin for turn in t.turns]) for t in found]


def new(path) -> Store:
    store = Store(path)
    store.experiments.create("workflow", Settings(), 0)
    store.episodes.add_tasks([TASK, GAME])
    return store


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=12, deadline=None)
@given(stops=st.lists(st.integers(0, 9), max_size=3))
def test_a_workflow_resumes_where_it_was_stopped(tmp_path_factory, case, stops):
    folder = tmp_path_factory.mktemp("workflow")
    say = CASES[case][2]
    with new(folder / "undisturbed.db") as store:
        undisturbed = Speaker(say)
        carry_out(store, case, undisturbed)
        wanted = stored(store)
    calls = []
    with new(folder / "stopped.db") as store:
        for number in stops:
            model = Stopping(say, number)
            try:
                carry_out(store, case, model)
            except Cancelled:
                assert stored(store) == []
            calls += model.calls
        last = Speaker(say)
        carry_out(store, case, last)
        assert stored(store) == wanted
    calls += last.calls
    seen = [(messages, sampling.seed) for messages, sampling in calls]
    assert len(seen) == len(set(seen)) == len(undisturbed.calls)
