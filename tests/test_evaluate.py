"""Reports: failures in the denominator, paired comparison, roles given right inputs, controls, pass@k."""

from __future__ import annotations

import pytest
from actors import ActingMachine, act

from sirius_core import statistics
from sirius_core.evaluate import accuracy, pass_at_k, right_by_task
from sirius_core.improve import Run
from sirius_core.store import Store
from sirius_core.tasks.formulas import marks
from sirius_core.trajectories import Task


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("evaluate") / "lab.db") as store:
        experiment = act(store, heldout=60)
        yield store, Run(store, experiment, ActingMachine(experiment)), store.experiments.reports(experiment.id)


def test_accuracy_counts_every_task_once_and_clusters_shared_groups():
    tasks = [Task(str(i), "s", "heldout", "q", "a", group=str(i)) for i in range(50)]
    assert accuracy([1] * 41 + [0] * 9, tasks) == {
        "n": 50,
        "correct": 41,
        "accuracy": 0.82,
        "low": statistics.wilson(41, 50).low,
        "high": statistics.wilson(41, 50).high,
    }
    twins = [Task(str(i), "s", "heldout", "q", "a", group=str(i // 2)) for i in range(50)]
    right = [int(i // 2 % 5 > 0) for i in range(50)]
    clustered, plain = accuracy(right, twins), accuracy(right, tasks)
    assert (
        clustered["accuracy"] == plain["accuracy"]
        and clustered["high"] - clustered["low"] > plain["high"] - plain["low"]
    )


def test_the_report_says_what_the_stored_episodes_say(finished):
    store, run, reports = finished
    for report in reports:
        plays = store.episodes.find(run.experiment.id, round=report["round"], phase="evaluate:heldout:sampled")
        assert len(plays) == report["n"] == 60
        assert sum(t.outcome.answer == store.episodes.task(t.task).answer for t in plays) == report["correct"]
        assert report["low"] < report["accuracy"] < report["high"] or report["accuracy"] in (0, 1)
    assert reports[-1]["accuracy"] > reports[0]["accuracy"]


def test_a_round_is_compared_with_the_one_before_over_the_same_problems(finished):
    _, run, reports = finished
    one, two = (right_by_task(run.bench, n, "evaluate:heldout:sampled") for n in (0, 1))
    assert list(one) == list(two)
    paired = statistics.mcnemar(list(one.values()), list(two.values()))
    assert (reports[1]["p_vs_previous"], reports[1]["gained"], reports[1]["lost"]) == (
        paired.p,
        paired.gained,
        paired.lost,
    )


def test_roles_are_judged_only_where_their_inputs_were_right(finished):
    store, run, reports = finished
    plays = store.episodes.find(run.experiment.id, round=0, phase="evaluate:heldout:sampled")
    found = [marks(store.episodes.task(t.task), t) for t in plays]
    planned = [m for m in found if m.formula_right and m.expression_right]
    calculated = [m for m in planned if m.result_right]
    assert reports[0]["roles"]["analyst"]["n"] == 60 and reports[0]["roles"]["calculator"]["n"] == len(planned)
    assert reports[0]["roles"]["summarizer"]["n"] == len(calculated)
    assert reports[0]["roles"]["calculator"]["correct"] == len(calculated)


def test_withheld_forms_are_told_apart_by_what_decides(finished):
    _, run, reports = finished
    withheld = reports[0]["tests"]["withheld_forms"]
    kinds = [withheld[kind]["sampled"]["n"] for kind in ("family_decides", "form_decides")]
    decided = sum(t.data["form_decides"] for t in run.bench.tasks["withheld_forms"])
    assert kinds == [withheld["sampled"]["n"] - decided, decided]


def test_controls_have_equal_problems_and_calls_and_say_what_they_spent(finished):
    store, run, reports = finished
    for report in reports[1:]:
        arms = report["controls"]
        assert set(arms) == {"again", "blind", "critic"} and len({(a["n"], a["calls"]) for a in arms.values()}) == 1
        for name, arm in arms.items():
            plays = store.episodes.find(run.experiment.id, round=report["round"], phase=f"control:{name}")
            made = sum(turn.origin == "sampled" for t in plays for turn in t.turns)
            assert arm["spent"] == made / arm["n"] and 0 < arm["spent"] <= arm["calls"]


def test_pass_at_k_rises_with_k_and_starts_near_the_accuracy(finished):
    _, run, _ = finished
    record = pass_at_k(run.bench, 0, run.voices(run.models_after(0)), samples=8, problems=20)
    means = [record["k"][str(k)][0] for k in (1, 2, 4, 8)]
    assert record["problems"] == 20 and means == sorted(means) and means[0] < means[-1] <= 1


def test_pass_at_k_counts_the_tries_that_were_asked_for_whatever_was_measured_before(finished):
    _, run, _ = finished
    asked = {"samples": 2, "problems": 20}
    voices = run.voices(run.models_after(1))
    before = pass_at_k(run.bench, 1, voices, **asked)
    pass_at_k(run.bench, 1, voices, samples=6, problems=20)
    assert pass_at_k(run.bench, 1, voices, **asked) == before
