"""The notebooks run from top to bottom, against a database that a real run (preset `tiny`) makes within them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="the notebook extra is not installed")
import nbformat
from nbclient import NotebookClient

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
