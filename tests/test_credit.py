"""Who earned it: teams of trained and untrained roles on the same problems with the same randomness."""

from __future__ import annotations

import itertools
import json

import pytest
from actors import ActingMachine, act
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core import credit
from sirius_core.__main__ import main
from sirius_core.commands.measures import CANCEL, PROGRESS, measure
from sirius_core.errors import Cancelled, UsageError
from sirius_core.improve import Run
from sirius_core.store import Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import SeedPath, Task

ROLES = ("analyst", "calculator", "summarizer")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("credit") / "lab.db"
    with Store(path) as store:
        act(store, controls=0, problems=40, heldout=30, gate=False)
    return path


@pytest.fixture
def run(finished, tmp_path):
    """A run on a copy of it."""
    with Store(finished) as store:
        store.db.run("VACUUM INTO ?", str(tmp_path / "lab.db"))
    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.all()[0]
        yield Run(store, experiment, ActingMachine(experiment))


def tasks(n):
    return [Task(f"t{i}", "s", "heldout", "q", "a", group=f"g{i // 2}") for i in range(n)]


def right(**given):
    """{team: right or wrong}; ``ab="110"`` is the team of a and b."""
    return {tuple(name.strip("_")): [int(c) for c in marks] for name, marks in given.items()}


def test_the_record_by_hand():
    made = credit.record("ab", right(_="0000", a="1100", b="0000", ab="1111"), tasks(4))
    assert made["teams"]["base"]["correct"] == 0 and made["teams"]["a+b"]["accuracy"] == 1.0
    a, b = made["roles"]["a"], made["roles"]["b"]
    assert (a["left_out"]["value"], a["left_out"]["gained"], a["left_out"]["lost"]) == (1.0, 4, 0)
    assert (a["added"]["value"], b["added"]["value"], b["left_out"]["value"]) == (0.5, 0.0, 0.5)
    # a adds 1/2 to nobody and 1 to b: the mean of both orders
    assert (a["shapley"]["value"], b["shapley"]["value"], made["gain"]["value"]) == (0.75, 0.25, 1.0)
    assert a["left_out"]["p"] == 0.125 and a["left_out"]["holm"] == 0.5 and b["added"]["p"] == 1.0


def test_more_than_three_roles_have_no_shapley_value():
    assert len(credit.teams("abc")) == 8 and len(credit.teams("a")) == 2
    assert credit.teams("abcd") == [(), *[(r,) for r in "abcd"], *itertools.combinations("abcd", 3), tuple("abcd")]
    assert credit.shapley("a", "abcd", {}, []) is None


@settings(max_examples=15)
@given(st.lists(st.tuples(*[st.integers(0, 1)] * 8), min_size=3, max_size=12))
def test_the_parts_add_up_to_the_gain(marks):
    everybody = dict(zip(credit.teams("abc"), zip(*marks, strict=True), strict=True))
    made = credit.record("abc", everybody, tasks(len(marks)))
    parts = [made["roles"][role]["shapley"] for role in "abc"]
    assert sum(part["value"] for part in parts) == pytest.approx(made["gain"]["value"])
    assert all(part["low"] <= part["value"] + 1e-9 and part["value"] <= part["high"] + 1e-9 for part in parts)
    json.dumps(made, allow_nan=False)


def test_who_learned():
    names = ["generator", "critic", "summarizer"]
    assert credit.learners(names, (), {"*": "0", "generator/1": "1", "critic/2": "0"}, "0") == ["generator"]
    assert credit.learners(names, ("critic",), {"*": "1"}, "0") == ["generator", "summarizer"]


def test_teams_share_their_randomness():
    one, two, other = (SeedPath("e", 0, 2, phase, "t", branch=branch) for phase, branch in (
        ("credit:base:sampled", "x"), ("credit:analyst:sampled", "y"), ("worth:people:sampled", "x")))
    seeds = [path.call_seed("analyst", "answer", None, "r", 0) for path in (one, two, other)]
    assert seeds[0] == seeds[1] != seeds[2] and one.id != two.id


def test_of_a_finished_experiment(run):
    made = credit.credit(run, 20)
    round = run.round - 1
    assert (made["round"], made["n"], list(made["roles"])) == (round, 20, list(ROLES))
    assert next(iter(made["teams"])) == "base" and len(made["teams"]) == 8
    parts = sum(made["roles"][role]["shapley"]["value"] for role in ROLES)
    assert parts == pytest.approx(made["gain"]["value"])
    full = run.store.episodes.find(run.experiment.id, phase="credit:analyst+calculator+summarizer:sampled")
    assert sum(t.right for t in full) == made["teams"]["analyst+calculator+summarizer"]["correct"]
    final = run.models_after(round)
    assert {turn.model for t in full for turn in t.turns} == {final[role] for role in ROLES}
    only = run.store.episodes.find(run.experiment.id, phase="credit:analyst:sampled")
    base = run.base_models()["*"]
    assert {(turn.role, turn.model) for t in only for turn in t.turns} >= {
        ("analyst", final["analyst"]), ("calculator", base), ("summarizer", base)}
    assert credit.measured(run.store, run.experiment.id) == json.loads(json.dumps(made))


def test_more_problems_go_on_where_it_was(run):
    small = credit.credit(run, 10)
    before = run.store.db.value("SELECT count(*) FROM trajectory WHERE phase GLOB 'credit:*'")
    assert before == 80 and credit.credit(run, 10) == small
    assert credit.credit(run, 25)["n"] == 25
    assert run.store.db.value("SELECT count(*) FROM trajectory WHERE phase GLOB 'credit:*'") == 200
    reports = run.store.experiments.reports(run.experiment.id)
    usage = [report["usage"] for report in reports]
    assert [Browse(run.store.db).usage(run.experiment.id, r["round"]) for r in reports] == usage  # it costs no round


def test_a_stopped_one_is_resumed(run, tmp_path, monkeypatch):
    e, path = run.experiment.id, tmp_path / "lab.db"
    said: list[str] = []
    run.store.close()

    class Stops(ActingMachine):
        calls = 0

        def model(self, name, blob):
            made = super().model(name, blob)
            complete = made.complete

            async def counted(messages, sampling):
                Stops.calls += 1
                if Stops.calls == 100:
                    raise Cancelled("enough")
                return await complete(messages, sampling)

            made.complete = counted
            return made

    with Store(path) as store:
        experiment = store.experiments.get(e)
    with pytest.raises(Cancelled):
        measure(path, e, 20, machine=Stops(experiment))
    made = measure(path, e, 20, machine=ActingMachine(experiment), hear=said.append)
    assert made["n"] == 20 and said == ["round 2, credit"]
    with Store(path) as store:
        assert store.experiments.measurement(e, PROGRESS)[1] == "credit"
        assert store.experiments.measurement(e, CANCEL) is False


def test_nothing_learned_is_nothing_to_credit(tmp_path, capsys):
    path = tmp_path / "lab.db"
    with Store(path) as store:
        e = act(store, update="none", problems=8, heldout=8, rounds=1, controls=0)
        with pytest.raises(UsageError, match="untrained base"):
            credit.credit(Run(store, e, ActingMachine(e)))
    assert main(["credit", e.id, "--db", str(path), "--problems", "1"]) == 2
    assert "at least two problems" in capsys.readouterr().err
