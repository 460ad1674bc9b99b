"""The notebooks run from top to bottom, against a database that a real run (preset `tiny`) makes within them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="the notebook extra is not installed")
import nbformat
from nbclient import NotebookClient

from sirius_core import contrast, crossplay, flows, inquiries
from sirius_core.contrast import telling
from sirius_core.statistics import kendall_tau
from sirius_core.store import Store

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def execute(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The executed cells' outputs, one list per code cell."""
    monkeypatch.setenv("SIRIUS_DB", str(folder / "lab.db"))
    monkeypatch.setenv("SIRIUS_PRESET", "tiny")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(NOTEBOOKS.parent), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell["outputs"] for cell in notebook.cells if cell["cell_type"] == "code"]


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_quickstart_shows_the_figures_of_the_app(tmp_path, monkeypatch):
    outputs = execute("01_quickstart.ipynb", tmp_path, monkeypatch)
    shown = [
        o["data"]["application/vnd.plotly.v1+json"]
        for cell in outputs
        for o in cell
        if "application/vnd.plotly.v1+json" in o.get("data", {})
    ]
    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.all()[0].id
        assert store.experiments.job(experiment).status == "done"
        stored = json.loads(store.experiments.figure(experiment, "accuracy") or "")
    assert len(shown) == 3
    assert [t["name"] for t in shown[0]["data"]] == [t["name"] for t in stored["data"]]
    assert list(shown[0]["data"][0]["y"]) == stored["data"][0]["y"]


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_ones_own_task_and_model_ends_in_a_table_of_arms(tmp_path, monkeypatch):
    outputs = execute("06_your_own_task_and_model.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    assert "guessed from the names: question = question" in said
    assert "answer readable" in said and "critic obeys" in said and "chain, fine-tuned" in said
    with Store(tmp_path / "lab.db") as store:
        arms = contrast.table(store, "contrast-1")
        assert [arm["arm"] for arm in arms] == ["one agent", "chain", "chain + demos", "chain, fine-tuned"]
        assert {arm["status"] for arm in arms} == {"done"} and {arm["n"] for arm in arms} == {30}
        assert store.experiments.get(arms[3]["experiment"]).settings.data == str(tmp_path / "own.csv")
    shown = next(o["data"]["text/html"] for cell in outputs for o in cell if "chain + demos" in str(o.get("data", "")))
    assert all(f"{arm['accuracy']:.3f}" in shown for arm in arms)


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_the_library_is_walked_back_and_forward_and_comes_back_from_an_export(tmp_path, monkeypatch):
    outputs = execute("04_the_library.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    assert "critique   analyst : " in said and "by nobody: this run had no review" in said
    with Store(tmp_path / "lab.db") as store:
        (first, last) = [store.weights.training_sets(e, r) for e, r in (("tiny-0-1", 2), ("back-0-1", 0))]
        assert [(row["model"], row["n"]) for row in last] == [("analyst", first[0]["n"])]
        assert f"checkpoint {store.weights.updates('tiny-0-1')[0].after[:12]}" in said
        assert store.check() == []
    assert f"{first[0]['n']} lines came back, for analyst; the same lines: True" in said


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_a_repair_is_followed_to_the_decision_and_into_the_library(tmp_path, monkeypatch):
    outputs = execute("05_a_repair.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    with Store(tmp_path / "lab.db") as store:
        assert store.experiments.job("repair-0-1").status == "done"
        (decision,) = store.repairs.decisions("repair-0-1", 1).values()
        replay = store.episodes.get(decision.replay)
        asked = store.inquiries.find("repair-0-1")
        assert {a.kind for a in asked} == {"blame", "whatif"} and all(inquiries.read(a).says() in said for a in asked)
    assert (decision.author, decision.verdict, replay.right) == ("reader", "edit", True)
    assert f"decided by reader - edit | repair of episode {replay.parent[:8]}" in said


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_recipes_are_compared_pair_by_pair_and_again_with_fresh_seeds(tmp_path, monkeypatch):
    outputs = execute("02_contrast.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    figures = [o["data"]["application/vnd.plotly.v1+json"] for cell in outputs for o in cell
               if "application/vnd.plotly.v1+json" in o.get("data", {})]
    with Store(tmp_path / "lab.db") as store:
        again, first = store.contrasts.all()
        assert (first.plan["seeds"], again.plan["seeds"]) == ([0, 1, 2], [3])
        found = store.contrasts.verdict(first.id)
        ends = [{row["arm"]: row["accuracy"] for row in telling.arms(store, c.id)} for c in (first, again)]
    assert found["sentence"] in said and len(found["pairs"]) == 3 and found["counted"] == [0, 1, 2]
    arms = list(ends[0])
    tau = kendall_tau([ends[0][arm] for arm in arms], [ends[1][arm] for arm in arms])
    assert set(arms) == {"chain", "SiriuS, no critic", "SiriuS"} and f"two orders: {tau:.2f}" in said
    _, forest, _, stored = figures  # the last two are those of the full run
    assert len(forest["data"][0]["y"]) == 3 and len(stored["data"][0]["y"]) == 24  # told apart


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_a_society_learns_beside_one_model_and_one_agent(tmp_path, monkeypatch):
    outputs = execute("03_multiagent_finetuning.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    figures = [o["data"]["application/vnd.plotly.v1+json"] for cell in outputs for o in cell
               if "application/vnd.plotly.v1+json" in o.get("data", {})]
    learning, diversity, stored, stored_diversity = figures
    arms = ["society", "one model, debate", "one model, vote", "gold"]
    with Store(tmp_path / "lab.db") as store:
        (made,) = store.contrasts.all()
        assert store.contrasts.job(made.id).status == "done"
        assert store.contrasts.verdict(made.id)["sentence"] in said
        runs = {e.arm: store.experiments.reports(e.id) for e in store.experiments.of_contrast(made.id)}
        steps = {arm: set(reports[1]["steps"].values()) for arm, reports in runs.items()}
    assert list(runs) == arms and {len(reports) for reports in runs.values()} == {2}
    assert steps["one model, debate"] == steps["one model, vote"] == steps["gold"]
    shown = {t["name"]: list(t["y"]) for t in learning["data"] if t.get("name") in arms}
    assert shown == {arm: [100 * r["correct"] / r["n"] for r in reports] for arm, reports in runs.items()}
    assert {t["name"] for t in diversity["data"]} == set(arms) - {"gold"}
    # the stored figures are those of the full run
    assert max(max(t["x"]) for t in stored["data"] if t.get("name") == "society") == 5
    assert {t["name"] for t in stored_diversity["data"]} == set(arms) - {"gold"}


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_players_before_and_after_training_stand_in_one_matrix(tmp_path, monkeypatch):
    outputs = execute("08_negotiation.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    figures = [o["data"]["application/vnd.plotly.v1+json"] for cell in outputs for o in cell
               if "application/vnd.plotly.v1+json" in o.get("data", {})]
    assert "deal at 54 ZUP, after 4 messages" in said
    assert "payoffs (14, 6) as the paper reports them (4.0, -4.0)" in said
    with Store(tmp_path / "lab.db") as store:
        (made,) = store.experiments.all()
        cells = crossplay.measured(store, made.id)["splits"]["heldout"]["cells"]
    payoffs, heat, prices = figures
    assert [t["name"] for t in payoffs["data"]] == ["seller", "buyer"] and len(payoffs["data"][0]["y"]) == 2
    earned = [cell["numbers"]["paper_red"]["value"] for cell in cells]
    assert [value for row in heat["data"][0]["z"] for value in row] == earned and {c["n"] for c in cells} == {40}
    assert [sum(t["y"]) for t in prices["data"]] == [cell["numbers"]["price"]["n"] for cell in cells]


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_actor_and_critic_are_looked_at_before_and_after(tmp_path, monkeypatch):
    outputs = execute("07_actor_critic.ipynb", tmp_path, monkeypatch)
    said = "".join(str(o.get("text", "")) for cell in outputs for o in cell)
    before, after, answers, judging = [o["data"]["application/vnd.plotly.v1+json"] for cell in outputs for o in cell
                                       if "application/vnd.plotly.v1+json" in o.get("data", {})]
    with Store(tmp_path / "lab.db") as store:
        ablation, trained = store.experiments.all()
        assert [store.experiments.job(e.id).status for e in (ablation, trained)] == ["done", "done"]
        assert {row["model"] for row in store.weights.training_sets(ablation.id)} <= {"actor", "critic"}
        stored = json.loads(store.experiments.figure(trained.id, "judging") or "")
        for round, shown in ((0, before), (1, after)):
            assert shown["data"] == json.loads(json.dumps(
                flows.picture(flows.of_round(store, trained, round))["data"]))
    assert [t["name"] for t in judging["data"]] == [t["name"] for t in stored["data"]]
    assert [t["name"] for t in answers["data"]] == ["final answers", "first answers", "right and passed"]
    assert "in the end" in said or "flagged nothing" in said
