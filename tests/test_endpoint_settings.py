"""Sampling by role and phase, prices, notes, splits, the second migration, and arms side by side."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from endpoint import FakeEndpoint
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import contrast, jobs, teams
from sirius_core.errors import SiriusError, StoreError, UnknownName, UsageError
from sirius_core.evaluate import voices_for
from sirius_core.machines import preflight
from sirius_core.models import Sampling
from sirius_core.models.pocket import aside
from sirius_core.settings import Settings, preset
from sirius_core.store import PriceRow, Store, schema

TEAM = teams.get("formula_chain")


# -- sampling by role and phase --------------------------------------------------------------------------------------
def settled(sampling: str, role: str, prompt: str = "answer", phase: str = "propose") -> Sampling:
    settings = Settings().changed({"sampling": sampling, "reply_tokens": 500})
    return voices_for({}, settings, TEAM, phase).settings(role, prompt, 7)


@pytest.mark.parametrize("sampling, role, prompt, phase, temperature, tokens", [
    ("", "analyst", "answer", "propose", 1.0, 500),
    ("", "critic", "answer", "repair", 0.7, 500),
    ("analyst.temperature=0.2", "analyst", "answer", "propose", 0.2, 500),
    ("analyst.temperature=0.2", "calculator", "answer", "propose", 1.0, 500),
    ("*.temperature=0.3", "critic", "answer", "repair", 0.3, 500),
    ("critic@repair.max_tokens=300", "critic", "answer", "repair", 0.7, 300),
    ("critic@repair.max_tokens=300", "critic", "answer", "control", 0.7, 500),
    ("analyst.revise.temperature=0.1", "analyst", "revise", "repair", 0.1, 500),
    ("analyst.revise.temperature=0.1", "analyst", "answer", "repair", 1.0, 500),
    ("analyst.temperature=0.2, *.temperature=0.9", "analyst", "answer", "propose", 0.2, 500),
    ("analyst.temperature=0.2, analyst@evaluate.temperature=0", "analyst", "answer", "evaluate", 0.0, 500),
    ("*.revise.max_tokens=9", "summarizer", "revise", "repair", 1.0, 9),
    ("critic.max_tokens=64, *.answer.temperature=1.5", "critic", "answer", "repair", 1.5, 64),
])
def test_the_more_special_rule_wins(sampling: str, role: str, prompt: str, phase: str, temperature: float,
                                    tokens: int) -> None:
    assert settled(sampling, role, prompt, phase) == Sampling(temperature, tokens, 7)


@pytest.mark.parametrize("sampling, part", [
    ("analyst", "'analyst' is not like"),
    ("analyst.temperature=hot", "is not like"),
    ("analyst.temperature=1.2.3", "is not like"),
    ("analyst.max_tokens=1.5", "is not like"),
    ("analyst.temperature=2.5", "must lie between 0.0 and 2.0"),
    ("analyst.max_tokens=0", "must lie between 1 and 1000000"),
    ("analyst@lunch.temperature=1", "there is no phase 'lunch'"),
    ("analyst.top_p=0.5", "is not like"),
])
def test_a_rule_that_cannot_be_read_is_named(sampling: str, part: str) -> None:
    with pytest.raises(UsageError, match="setting sampling=") as error:
        Settings().changed({"sampling": sampling})
    assert part in str(error.value)


def test_a_role_or_prompt_that_the_team_lacks_is_named() -> None:
    for sampling in ("analist.temperature=1", "analyst.rewrite.temperature=1"):
        with pytest.raises(UnknownName, match="role or prompt"):
            settled(sampling, "analyst")


@given(st.text(max_size=40))
def test_any_text_is_rules_or_one_clear_line(text: str) -> None:
    for name in ("sampling", "request"):
        try:
            changed = Settings().changed({name: text})
        except UsageError as error:
            assert "\n" not in str(error)
        else:
            assert isinstance(changed.sampling_rules(), tuple) and isinstance(changed.request_fields(), dict)


def test_more_fields_of_a_request_are_a_json_object() -> None:
    assert Settings().changed({"request": '{"top_p": 0.9, "temperature": null}'}).request_fields() == {
        "top_p": 0.9, "temperature": None}
    for wrong, part in (("[1]", "object"), ("{", "not JSON"), ('{"model": "x"}', "the lab's own"),
                        ('{"top_p": NaN}', "JSON cannot say"), ('{"top_p": 1e999}', "JSON cannot say"),
                        ('{"stop": "\\ud800"}', "JSON cannot say")):
        with pytest.raises(UsageError, match="setting request=") as error:
            Settings().changed({"request": wrong})
        assert part in str(error.value)


# -- clashes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes, part", [
    ({"max_cost": 1.0}, "costs nothing"),
    ({"update": "openai_api"}, "--model NAME"),
    ({"update": "trl"}, "go together"),
    ({"checkpoint": "somewhere"}, "go together"),
    ({"update": "prompts"}, "prompts"),
    ({"base_url": "http://127.0.0.1:9/v1"}, "setting base_url: name the model"),
    ({"key_env": "LAB_KEY"}, "setting key_env: name the model"),
    ({"data": "mine.csv"}, "setting data=mine.csv: the problems of source=formulas are made"),
    ({"source": "arithmetic", "subjects": "sums"}, "setting subjects=sums"),
    ({"source": "tabel"}, "did you mean 'table'?"),
])
def test_settings_that_clash_are_said_before_any_work(changes: dict[str, object], part: str) -> None:
    with pytest.raises(SiriusError) as error:
        preflight(Settings().changed(changes))
    assert part in str(error.value)


def test_a_dataset_needs_a_model_that_reads_it(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store, pytest.raises(UsageError, match="its own language"):
        jobs.create(store, "own", Settings().changed({"source": "table", "data": "x.csv"}), 0)


def test_a_key_in_place_of_its_variables_name_is_neither_kept_nor_shown() -> None:
    for key in ("sk-canary-0123456789", "sk_canary_0123456789", "gsk_canary0123456789", "c" * 33, "0123456789ABCDEF"):
        with pytest.raises(UsageError, match="setting key_env: write the name") as error:
            Settings().changed({"key_env": key})
        assert key[:6] not in str(error.value)
    for name in ("", "OPENAI_API_KEY", "my_key", "_K1", "K" * 64):
        assert Settings().changed({"key_env": name}).key_env == name


def test_nothing_is_made_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with FakeEndpoint() as server, Store(tmp_path / "lab.db") as store:
        asked = {"model": "fake", "base_url": server.base_url, "source": "table", "data": str(tmp_path / "none.csv")}
        with pytest.raises(UsageError, match="there is no"):
            jobs.create(store, "own", Settings().changed(asked), 0)
        assert store.experiments.all() == []


# -- prices, notes, splits -------------------------------------------------------------------------------------------
def test_prices_are_said_changed_and_forgotten(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        assert store.prices.get("m") is None and store.prices.all() == []
        store.prices.set("m", 0.15, 0.6)
        store.prices.set("m", 0.2, 0.8, 0.1, "the host's page")
        found = store.prices.get("m")
        assert found == PriceRow("m", 0.2, 0.8, 0.1, "the host's page", found.updated_at if found else "")
        store.prices.remove("m")
        assert store.prices.all() == []
        for wrong in (-1.0, float("nan"), float("inf"), 1e7):
            with pytest.raises(UsageError, match="price of m, input"):
                store.prices.set("m", wrong, 1.0)


def test_notes_are_kept_per_experiment(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        one, two = (store.experiments.create(name, preset("tiny"), 0).id for name in ("one", "two"))
        store.notes(one).put("job", {"id": "a"})
        store.notes(one).put("job", {"id": "b"})
        assert store.notes(one).get("job") == {"id": "b"} and store.notes(two).get("job") is None


def test_a_dataset_that_changes_under_an_experiment_is_noticed(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        e = jobs.create(store, "tiny", preset("tiny"), 0)
        from sirius_core import tasks

        splits = {name: part for name, part in tasks.splits("formulas", e.settings, 0).items()}
        for part in splits.values():
            store.episodes.add_tasks(part)
        ids = {name: [t.id for t in part] for name, part in splits.items()}
        store.experiments.set_splits(e.id, ids)
        store.experiments.set_splits(e.id, ids)
        assert store.experiments.splits(e.id) == {name: tuple(part) for name, part in ids.items()}
        with pytest.raises(StoreError, match="not those with which it began"):
            store.experiments.set_splits(e.id, {**ids, "train": ids["train"][1:]})


def test_a_database_of_the_first_format_is_brought_up_to_date_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    db = sqlite3.connect(path)
    for statement in schema._statements(schema._TABLES) + schema._statements(schema._VIEWS):
        db.execute(statement)
    db.execute("CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT)")
    db.execute("INSERT INTO _sqlite_migrations VALUES ('sirius_lab', '0001_arms_seeds_and_the_whole_path', '')")
    db.execute("INSERT INTO experiment VALUES ('e', 'old', 'sirius', 0, NULL, '', '{\"rounds\": 2}', '{}', '2026')")
    db.execute("INSERT INTO job (experiment, status, updated_at) VALUES ('e', 'done', '2026')")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    with Store(path) as store:
        e = store.experiments.get("e")
        assert (e.settings.rounds, e.settings.model, e.settings.update) == (2, "", "auto")
        assert store.db.value("PRAGMA user_version") == schema.VERSION
        assert store.check() == [] and store.experiments.splits("e") == {}


# -- arms ------------------------------------------------------------------------------------------------------------
def test_arms_stand_side_by_side_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    arms = (contrast.Arm("one agent", {"recipe": "star", "rounds": 0}), contrast.Arm("chain", {"rounds": 0}),
            contrast.Arm("cool chain", {"rounds": 0, "temperature": 0.3}))
    small = preset("tiny", {"heldout": 12, "new_wordings": 0, "withheld_forms": 0, "controls": 0})
    path = tmp_path / "lab.db"
    with Store(path) as store:
        name, made = contrast.begin(store, "mine", "Which?", arms, small, 3, jobs.create)
        assert [(e.contrast, e.arm, e.seed) for e in made] == [(name, arm.name, 3) for arm in arms]
        waiting = contrast.table(store, name)
        assert [(r["arm"], r["status"], r["n"], r["p"]) for r in waiting] == [
            (arm.name, "queued", None, None) for arm in arms]
    for e in made[1:]:
        jobs.run(path, e.id)
    with Store(path) as store:  # the first arm is still to come: nothing else may stand in for it
        assert [(r["n"], r["p"], r["gained"]) for r in contrast.table(store, name)] == [
            (None, None, None), (12, None, None), (12, None, None)]
    jobs.run(path, made[0].id)
    with Store(path) as store:
        rows = contrast.table(store, name)
        first, second, third = rows
        assert (first["n"], second["n"], first["p"]) == (12, 12, None) and 0 < second["p"] <= 1 and third["p"]
        assert second["correct"] - first["correct"] == second["gained"] - second["lost"]
        assert first["calls"] == 24 and second["calls"] > first["calls"] and first["cost"] is None
        text = contrast.lines(rows)
    assert text[0].startswith("one agent") and "against one agent, p = " in text[1]


def test_work_goes_on_in_a_thread_where_a_loop_runs_already() -> None:
    import asyncio
    import threading

    @aside
    def who() -> str:
        return threading.current_thread().name

    async def inside() -> str:
        return who()

    assert who() == threading.current_thread().name != asyncio.run(inside())


# -- export ----------------------------------------------------------------------------------------------------------
def test_training_sets_go_out_as_chat_lines_and_restricted_texts_stay(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sirius_core.__main__ import main

    db, out = tmp_path / "lab.db", tmp_path / "out"
    with Store(db) as store:
        settings = preset("tiny", {"rounds": 1, "controls": 0, "new_wordings": 0, "withheld_forms": 0})
        e = jobs.create(store, "tiny", settings, 0).id
    jobs.run(db, e)
    words = ["export", e, "--out", str(out), "--db", str(db), "--json"]
    assert main(words) == 0
    before = json.loads(capsys.readouterr().out)
    with Store(db) as store:
        sets = {row["model"]: row for row in store.weights.training_sets(e)}
        assert {f["model"]: (f["examples"], f["left_out"], f["training_set"]) for f in before["files"]} == {
            model: (row["n"], 0, row["hash"]) for model, row in sets.items()}
        trajectory, turn = store.weights.examples_of(sets["analyst"]["id"])[0]
        said = store.episodes.get(trajectory)
        first = json.loads((out / "round1.analyst.jsonl").read_text().splitlines()[0])
        assert first == {"messages": [{"role": m.role, "content": m.content} for m in said.turns[turn].messages]
                         + [{"role": "assistant", "content": said.turns[turn].text}]}
        question = store.episodes.task(said.task).question
        store.db.run("UPDATE task SET data = json_set(data, '$.restricted', json('true')) WHERE id = ?", said.task)
    assert main(words) == 0
    after = json.loads(capsys.readouterr().out)
    assert sum(f["left_out"] for f in after["files"]) > 0
    assert question not in "".join(path.read_text() for path in out.iterdir())
    assert main([*words[:2], "--round", "7", "--db", str(db)]) == 2
    assert "no training set in round 7" in capsys.readouterr().err
