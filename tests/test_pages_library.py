"""The library page: a table that stands in the address, an example's chain both ways, training, export, emptiness."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

from actors import ActingMachine, act
from app_pages import opened, text_of

from sirius_core import imports, review
from sirius_core.errors import WaitingForReview
from sirius_core.figures import for_round
from sirius_core.finetune import samples
from sirius_core.improve import Run, improve
from sirius_core.pocket import learning
from sirius_core.provenance import reread
from sirius_core.store import Store
from view import library_export, library_training

E = "tiny-0-1"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("library") / "lab.db"
    with Store(path) as store:
        e = act(store, review="true", controls=0, planted=0, blind=0, draws=8, rounds=1)
        repair = next(r for r in store.repairs.find(e.id, 1) if r.mended)
        review.decide(store, repair.id, "accept", "ann <b>&", reason="it *is* right", seconds=2.5)
        review.go_on(store, e.id, 1)
        with suppress(WaitingForReview):
            improve(Run(store, e, ActingMachine(e)))
        store.experiments.set_job(e.id, status="done", message="")
    return path


@pytest.fixture
def db(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "lab.db"))


def test_what_a_role_learned_from_fifty_at_a_time(db, monkeypatch):
    at = opened(db, "library", monkeypatch, exp=E, lb_round="1", lb_model="calculator")
    with Store(db) as store:
        s = next(s for s in store.weights.training_sets(E) if s["model"] == "calculator")
    values = {m.label: m.value for m in at.metric}
    assert values == {"Examples": f"{s['n']:,}", "Direct successes": f"{s['direct']:,}",
                      "From repairs": f"{s['repaired']:,}", "From edits": "0",
                      "Lucky": f"{100 * s['lucky'] / s['checked']:.1f} %"}
    assert len(at.dataframe[0].value) == 50 and f"1 to 50 of {s['n']:,}" in text_of(at)
    at.button(key="lb_on").click().run()
    assert at.dataframe[0].value["no."].iloc[0] == 51 and f"51 to 100 of {s['n']:,}" in text_of(at)
    at.selectbox(key="lb_source").select("repaired").run()
    assert set(at.dataframe[0].value["from"]) == {"repair"} and f"of {s['repaired']:,}" in text_of(at)
    at.text_input(key="lb_words").input("no such words").run()
    assert "No example fits these filters." in text_of(at) and not at.exception


def test_words_are_looked_for_as_people_read_them(db, monkeypatch):
    with Store(db) as store:
        s = next(s for s in store.weights.training_sets(E) if s["model"] == "analyst")
        text = store.examples.page(s["id"], limit=1)[0].text
    from view.words import readable

    at = opened(db, "library", monkeypatch, exp=E, lb_model="analyst", lb_words=readable("formulas", text))
    assert readable("formulas", text) in set(at.dataframe[0].value["reply"])


def test_one_example_leads_back_to_the_decision_and_forward_to_the_test(db, monkeypatch):
    with Store(db) as store:
        row = store.db.row("SELECT * FROM v_provenance WHERE author IS NOT NULL LIMIT 1")
        report = store.experiments.reports(E)[1]
    at = opened(db, "library", monkeypatch, exp=E, lb_round="1", lb_model=row["model"], lb_at=str(row["position"]))
    said = text_of(at)
    steps = [x.label.split("**")[1] for x in at.expander if "**" in x.label]
    assert steps[:5] == [f"Training example {row['position'] + 1}", f"Turn {row['turn'] + 1}", "Trajectory",
                         "The failure", "The critique"]
    assert "ann \\<b\\>\\&" in said and "it *is* right" in said and "Checkpoint" in steps and "The gate" in steps
    assert f"{report['correct']} of {report['n']}" in said
    links = [link.proto.query_string for link in at.get("page_link")]
    assert any(f"traj={row['trajectory']}" in link and f"turn={row['turn']}" in link for link in links)
    assert any(f"rv={row['repair']}" in link for link in links)
    there = opened(db, "review", monkeypatch, exp=E, rv=row["repair"])
    assert [i.value.replace("\\", "") for i in there.info] == [
        "Decided by ann <b>&: accept (it *is* right). Round 1 is over, so that stands."]
    assert "Played again with the rewrite" in text_of(there) and not there.warning
    at.button(key="lb_close").click().run()
    assert at.dataframe and "lb_at" not in at.query_params


def test_a_direct_success_needed_nobody_and_a_wrong_address_is_said(db, monkeypatch):
    with Store(db) as store:
        row = store.db.row("SELECT * FROM v_provenance WHERE source = 'direct' LIMIT 1")
    at = opened(db, "library", monkeypatch, exp=E, lb_model=row["model"], lb_at=str(row["position"]))
    assert "Nobody had to decide" in text_of(at)
    for wrong in ("99999", "x", "-1"):
        at.query_params["lb_at"] = wrong
        assert "There is no such example" in text_of(at.run())


def test_a_link_to_what_is_not_here_shows_nothing_else_in_its_place(db, monkeypatch):
    at = opened(db, "library", monkeypatch, exp=E, lb_round="77", lb_at="0")
    assert [w.value.replace("\\", "") for w in at.warning] == ["The link names round '77', which is not here."]
    assert at.dataframe and "lb_at" not in at.query_params
    at = opened(db, "review", monkeypatch, exp=E, rv="nope")
    assert [w.value.replace("\\", "") for w in at.warning] == ["This database has no item 'nope'."]


def test_the_loss_the_first_batch_and_the_hardest(db, monkeypatch):
    at = opened(db, "library", monkeypatch, exp=E, lb_model="analyst", lb_view="Training")
    assert "nats per token" in text_of(at)
    at.toggle(key="lb_show_batch").set_value(True).run()
    with Store(db) as store:
        s = next(s for s in store.weights.training_sets(E) if s["model"] == "analyst")
        found = library_training.first_batch(str(db), E, 1, "analyst", s["id"])
        examples = library_training.of_set(store, s["id"])
        seed, batch = reread(store, E).tune_seed(1, "analyst"), reread(store, E).settings.batch
    turns = [x.said for x in examples]
    assert {(x.prompt, x.reply) for x in found} <= {
        (" ".join(m.content for m in t.messages), f"{t.text} <stop>") for t in turns}
    lengths = [len(x.tokens) for x in samples.learning_examples(examples)]
    first = learning.buckets(lengths, batch, np.random.default_rng(seed))[0]  # as learning.train begins
    assert [x.position for x in found] == list(first) and "&lt;stop&gt;" in text_of(at)
    at.toggle(key="lb_show_hardest").set_value(True).run()
    assert "not one of the embedded model" in text_of(at) and not at.exception


def test_a_training_that_goes_on_is_drawn_from_what_is_told_of_it(db, monkeypatch):
    with Store(db) as store:
        store.db.run("DELETE FROM update_step")
        store.experiments.set_measurement(E, "losses", {"round": 1, "by": {"analyst": [0.9, 0.5], "calculator": []}})
        store.experiments.set_job(E, status="running", round=1, phase="train")
        monkeypatch.setattr("sirius_core.jobs.status", lambda store, e: store.experiments.job(e))
    at = opened(db, "library", monkeypatch, exp=E, lb_view="Training")
    assert "Round 1 trains now" in text_of(at)


def test_what_goes_out_is_what_the_command_writes(db, monkeypatch):
    at = opened(db, "library", monkeypatch, exp=E, lb_model="analyst", lb_view="Export and verify")
    with Store(db) as store:
        s = next(s for s in store.weights.training_sets(E) if s["model"] == "analyst")
    assert f"**{s['n']:,} lines**" in text_of(at)
    assert f"sirius export {E} --round 1 --format openai --model analyst --db" in text_of(at)
    with zipfile.ZipFile(io.BytesIO(library_export.archive(str(db), E, 1, "openai", "analyst"))) as found:
        assert found.namelist() == ["SHA256SUMS", "round1.analyst.jsonl", "round1.analyst.provenance.jsonl"]
        assert len(found.read("round1.analyst.jsonl").splitlines()) == s["n"]
    assert json.loads(library_export.manifest(str(db), E, 1))["training_sets"]["analyst"]["hash"] == s["hash"]
    at.segmented_control(key="lb_format").select("preferences").run()
    assert "pair" in text_of(at) and not at.exception


def test_derived_anew_it_is_equal_or_said_to_differ(db, monkeypatch):
    at = opened(db, "library", monkeypatch, exp=E, lb_view="Export and verify")
    at.button(key="lb_rebuild").click().run()
    assert sum("equal" in str(m.value) for m in at.markdown) == 3
    with Store(db) as store:
        store.db.run("UPDATE trajectory SET reward = 0 WHERE phase = 'propose' AND reward = 1")
    at.button(key="lb_rebuild").click().run()
    assert sum("differs" in str(m.value) for m in at.markdown) == 3 and "stored " in text_of(at)


@pytest.mark.parametrize("page", ["no experiment", "none trained"])
def test_an_empty_library_says_what_will_stand_there(tmp_path, monkeypatch, page):
    with Store(tmp_path / "lab.db") as store:
        if page == "none trained":
            act(store, stop_at="1:repair")
    said = text_of(opened(tmp_path / "lab.db", "library", monkeypatch))
    assert ("Nobody has learned yet" if page == "none trained" else "Nothing was learned yet") in said


def test_imported_traces_have_a_library_too(tmp_path, monkeypatch):
    lines = [{"question": f"What is {i} and {i}?", "answer": str(2 * i), "kind": "number", "turns": [
        {"role": "adder", "text": f"<b>Both</b> of them.\n\nAnswer: {2 * i}"}]} for i in range(3)]
    (tmp_path / "mine.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    with Store(tmp_path / "lab.db") as store:
        taken = imports.take(store, tmp_path / "mine.jsonl")
        imports.keep(store, taken.experiment)
        assert store.check(for_round) == []
    at = opened(tmp_path / "lab.db", "library", monkeypatch, exp=taken.experiment)
    assert at.dataframe[0].value["reply"][0] == "<b>Both</b> of them. Answer: 0"
    at.segmented_control(key="lb_view").select("Training").run()
    assert "&lt;b&gt;Both&lt;/b&gt;" in text_of(at) and "Examples, as messages" in text_of(at)
    at.segmented_control(key="lb_view").select("Export and verify").run()
    assert "**3 lines**" in text_of(at) and not at.exception
