"""Reports: failures in the denominator, paired comparison, roles given right inputs, controls, pass@k."""

from __future__ import annotations

from dataclasses import replace

import pytest
from actors import ActingMachine, act

from sirius_core import figures, jobs, statistics
from sirius_core.evaluate import accuracy, asked, pass_at_k, right_by_task, some
from sirius_core.improve import Run, improve
from sirius_core.store import Store
from sirius_core.store.browse import Browse
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


# -- fewer questions before the last round ---------------------------------------------------------------------------
def asked_in(store: Store, experiment: str) -> list[tuple[int, int, int]]:
    """(n of the report, n greedy, problems that both this round and the one before were asked) of every round."""
    reports, browse = store.experiments.reports(experiment), Browse(store.db)
    right = [browse.right(experiment, r["round"], "evaluate:heldout:sampled") for r in reports]
    assert all(r["p_vs_previous"] == statistics.mcnemar([b[t] for t in b if t in a], [a[t] for t in b if t in a]).p
               for r, b, a in zip(reports[1:], right, right[1:], strict=False))
    return [(r["n"], r["tests"]["heldout"]["greedy"]["n"], len(set(right[i]) & set(right[max(0, i - 1)])))
            for i, r in enumerate(reports)]


def test_before_the_last_round_only_the_first_held_out_problems_are_asked(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        experiment = act(store, heldout=40, interim=15)
        assert asked_in(store, experiment.id) == [(15, 15, 15), (15, 15, 15), (40, 40, 15)]
        all_asked = act(store, heldout=40)
        one, two = (Browse(store.db).right(e.id, 0, "evaluate:heldout:sampled") for e in (experiment, all_asked))
        assert one == {task: two[task] for task in store.experiments.splits(experiment.id)["heldout"][:15]}
        new = [(r["new_wordings_accuracy"], r["withheld_forms_accuracy"])
               for e in (experiment, all_asked) for r in store.experiments.reports(e.id)[:1]]
        assert new[0] == new[1]
        assert store.check(figures.for_round) == []


def test_of_a_file_that_goes_by_subject_every_subject_is_asked_before_the_last_round():
    made = [Task.of("mmlu", str(i), "heldout", f"question {i}", "A") for i in range(10)]
    assert [task.question for task in some(made, 4)] == ["question 1", "question 3", "question 6", "question 8"]
    assert some(made, 10) == tuple(made) and all(
        len({task.id for task in some(made, n)}) == n for n in range(1, 11))


def test_with_more_rounds_the_one_that_was_the_last_keeps_its_problems(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        experiment = act(store, heldout=40, interim=15, rounds=1)
        jobs.change(store, experiment.id, {"rounds": 3})
        improve(Run(store, store.experiments.get(experiment.id), ActingMachine(experiment)))
        assert asked_in(store, experiment.id) == [(15, 15, 15), (40, 40, 15), (15, 15, 15), (40, 40, 15)]
        assert store.check(figures.for_round) == []


def test_a_last_round_that_was_stopped_while_it_was_tested_goes_on_with_all_problems(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        experiment = act(store, heldout=40, interim=15, rounds=1)
        bench = Run(store, experiment, ActingMachine(experiment)).bench
        last = replace(bench, experiment=replace(experiment, settings=experiment.settings.changed({"rounds": 2})))
        run = Run(store, last.experiment, ActingMachine(experiment))
        assert {name: len(part) for name, part in asked(last, 2).items()}["heldout"] == 40
        assert {name: len(part) for name, part in asked(last, 1).items()}["heldout"] == 40  # it has been asked them
        assert {name: len(part) for name, part in asked(last, 0).items()}["heldout"] == 15
        assert {name: len(part) for name, part in asked(run.bench, 3).items()} == {
            "heldout": 40, "new_wordings": 12, "withheld_forms": 12}


def test_without_rounds_the_base_is_asked_everything(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        assert asked_in(store, act(store, heldout=40, interim=15, rounds=0).id) == [(40, 40, 40)]
