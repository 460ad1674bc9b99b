"""Beside accuracy on the overview page: a panel, exploration and exploitation, who earned it; the cells under them."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("streamlit")

from actors import ActingMachine, act
from app_pages import opened, text_of
from test_code_cells import cells, run, same_figure, same_table

from sirius_core import measures
from sirius_core.commands.measures import measure
from sirius_core.finetune import scripted
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, ScriptedModel
from sirius_core.settings import preset
from sirius_core.store import Store
from view import background
from view import measures as view_measures


class Debaters:
    """Chat agents that are right as often as their checkpoint has been trained, oftener when they read the others."""

    tune = staticmethod(scripted)

    def __init__(self) -> None:
        self.gold: dict[str, str] = {}

    def base(self) -> bytes:
        return b'{"n":0}'

    def mender(self) -> None:
        return None

    def model(self, name, blob):
        trained = blob != self.base()

        def reply(messages, sampling) -> Completion:
            text = " ".join(m.content for m in messages)
            gold = next(answer for question, answer in self.gold.items() if question in text)
            rng = random.Random(f"{name}{sampling.seed}" if sampling.temperature else text)
            known = rng.random() < 0.4 + 0.25 * trained + 0.2 * ("Agent " in text)
            said = f"{rng.choice(['I reckon', 'So', 'Let me see'])}. Answer: {gold if known else rng.randint(1, 3)}"
            return Completion(said, tokens_in=8, tokens_out=3)

        return ScriptedModel(reply, name=name)

    def describe(self):
        return {}


@pytest.fixture(scope="module")
def society(tmp_path_factory):
    """A finished experiment of three agents who debate, vote and learn from the vote."""
    path = tmp_path_factory.mktemp("society") / "lab.db"
    with Store(path) as store:
        changes = {"recipe": "multiagent_finetuning", "source": "arithmetic", "rounds": 1, "problems": 24,
                   "heldout": 24, "validation": 4, "max_solutions": 1, "gate": False, "controls": 0,
                   "library": "fresh", "update": "demos", "model": "nobody", "base_url": "http://127.0.0.1:9/v1"}
        e = store.experiments.create("society", preset("tiny", changes), 0)
        machine = Debaters()
        made = Run(store, e, machine)
        machine.gold = {t.question: t.answer for split in made.bench.tasks.values() for t in split}
        improve(made)
        store.experiments.set_job(e.id, status="done")
    return path, e


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    path = tmp_path_factory.mktemp("chain") / "lab.db"
    with Store(path) as store:
        e = act(store, controls=0, rounds=1, problems=24, heldout=20, gate=False)
    return path, e


def test_the_panel_says_what_voting_and_talking_buy(society, monkeypatch):
    path, e = society
    at = opened(path, "overview", monkeypatch)
    text = text_of(at)
    with Store(path) as store:
        rows = store.experiments.reports(e.id)[-1]["measures"]
    lines = view_measures.said(rows)
    assert len(lines) == 3 and all(line in text for line in lines)
    talk = measures.value(rows, "last_minus_first")
    assert lines[1].startswith(f"Talking adds **{100 * talk['value']:+.1f} points** (")
    assert ", n = 24) to voting at once, for 66 tokens a problem against 33." in lines[1]
    assert "of what was trained on" in lines[2]
    assert {"Inside the panel", "Exploration and exploitation", "Who earned it"} <= {s.value for s in at.subheader}
    assert "likelihood" not in {cell.key for cell in cells(at)}  # such models show no probabilities


def test_the_cells_give_what_stands_beside_them(society, chain, monkeypatch):
    measure(chain[0], chain[1].id, 10, machine=ActingMachine(chain[1]))
    for path, keys in ((society[0], {"panel", "diversity", "revision", "balance", "measures_table"}),
                       (chain[0], {"balance", "credit_bars", "credit_table", "credit_teams"})):
        found = {cell.key: cell for cell in cells(opened(path, "overview", monkeypatch))}
        assert keys <= set(found)
        for key in keys:
            given = run(found[key])
            same = same_figure if found[key].beside.type == "plotly_chart" else same_table
            same(found[key].beside if same is same_figure else found[key].beside.value, given)


def test_a_chain_has_no_panel_and_credit_is_offered_started_and_stopped(chain, monkeypatch):
    path, e = chain
    started, running = [], []
    monkeypatch.setattr(background, "start", lambda *words: started.append(words))
    monkeypatch.setattr(background, "running", lambda name: name in running)
    at = opened(path, "overview", monkeypatch)
    assert "Inside the panel" not in text_of(at) and "Repairs take no part." in text_of(at)
    at.button(key="credit_measure").click().run()
    assert started == [(f"{e.id}.credit", "credit", e.id)]
    running.append(f"{e.id}.credit")
    at.run()
    at.button(key="credit_stop").click().run()
    with Store(path) as store:
        assert store.experiments.measurement(e.id, "credit:cancel") is True


def test_a_report_of_an_earlier_lab_has_no_measures_and_no_card(tmp_path, monkeypatch):
    path = tmp_path / "lab.db"
    with Store(path) as store:
        e = act(store, controls=0, rounds=1, problems=8, heldout=8, update="none")
        with store.write():
            store.db.run("UPDATE report SET body = json_remove(body, '$.measures') WHERE experiment = ?", e.id)
    text = text_of(opened(path, "overview", monkeypatch))
    assert "Exploration" not in text and "Who earned it" not in text
