"""The form of a new experiment: problems looked at while they are chosen, servers, keys, prices, what is idle."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

import chat_lab
from app_pages import notice, opened, text_of
from endpoint import FakeEndpoint
from streamlit.testing.v1 import AppTest

from sirius_core import contrast, jobs
from sirius_core.errors import Busy, SiriusError, UsageError
from sirius_core.finetune import openai_api
from sirius_core.settings import FIELDS, PRESETS, Settings, preset
from sirius_core.store import Store
from view import arms, background, data, form, servers
from view.estimates import minutes

KEY = "sk-canary-0123456789abcdef"
HERE = "http://127.0.0.1:8000/v1"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    Store(tmp_path / "lab.db").close()
    return tmp_path / "lab.db"


@pytest.fixture
def run_page(db: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """The run page on an empty database, in a shell that holds a key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return lambda: opened(db, "run", monkeypatch)


@pytest.fixture
def bottles(tmp_path: Path) -> str:
    return str(chat_lab.bottles(tmp_path / "bottles.csv"))


def field(at: AppTest, name: str) -> Any:
    key = f"set_quickstart_{name}"
    return next(w for kind in ("text_input", "selectbox", "number_input") for w in at.get(kind) if w.key == key)


def on_a_table(at: AppTest, path: str) -> AppTest:
    field(at, "source").set_value("table").run()
    return field(at, "data").set_value(path).run()


# -- problems ---------------------------------------------------------------------------------------------------------
def test_columns_are_chosen_from_the_file_s_own(run_page: Callable[[], AppTest], bottles: str) -> None:
    at = on_a_table(run_page(), bottles)
    assert "which column is the question" in at.error[0].value.replace("\\", "")
    assert "The problems cannot be read yet" in text_of(at) and at.button(key="start").disabled
    assert "row 1 of the data, as it stands" in text_of(at) and "a machine fills" in text_of(at)
    assert at.multiselect(key="column_question").options == ["Aufgabe", "Loesung", "Thema"]
    at.multiselect(key="column_question").set_value(["Aufgabe"]).run()
    assert field(at, "columns").value == "question=Aufgabe"
    at.selectbox(key="column_answer").set_value("Loesung").run()
    at.selectbox(key="column_subject").set_value("Thema").run()
    assert field(at, "columns").value == "question=Aufgabe, answer=Loesung, subject=Thema"
    said = text_of(at)
    assert not at.error and "32 to train on, 8 to validate, 20 held out" in said
    assert "60 rows, 60 different questions; answers: number \\(60\\)" in said and "kind \\= number" in said
    assert "No two held-out answers are the same" in said and "right answer: 478 (number)" in said
    assert "--set source=table" in at.code[-1].value and "columns=question=Aufgabe" in at.code[-1].value
    assert "name a model at an endpoint" in said and at.button(key="start").disabled
    at.number_input(key="set_quickstart_heldout").set_value(7).run()  # of another group
    assert "32 to train on, 8 to validate, 7 held out" in text_of(at)
    field(at, "columns").set_value("question=Aufgabe+Thema, answer=Loesung").run()  # written by hand, the boxes follow
    assert at.multiselect(key="column_question").value == ["Aufgabe", "Thema"]


def test_a_broken_file_is_one_line_and_a_mended_one_is_read_again(
    run_page: Callable[[], AppTest], tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("question,answer\nHow many?,\n" + "".join(f"q{i}?,{i % 3}\n" for i in range(30)))
    at = on_a_table(run_page(), str(path))
    assert len(at.error) == 1 and "row 2" in at.error[0].value.replace("\\", "")
    path.write_text("question,answer\n" + "".join(f"q{i}?,{i % 3}\n" for i in range(30)))
    at.run()
    assert not at.error and "Always answering" in text_of(at)
    field(at, "data").set_value(str(tmp_path / "nowhere.csv")).run()
    assert "there is no" in at.error[0].value


def test_every_source_says_its_format_and_restricted_text_its_badge(
    run_page: Callable[[], AppTest], tmp_path: Path
) -> None:
    at = run_page()
    assert len(field(at, "source").options) > 10
    field(at, "source").set_value("gpqa").run()
    assert "CC BY 4\\.0" in text_of(at)
    field(at, "data").set_value(str(chat_lab.quiz(tmp_path / "gpqa_diamond.csv"))).run()
    assert "not to be exported" in text_of(at) and "Always answering" in text_of(at)
    assert field(at, "columns").disabled
    assert all(data.formats(source) for source in field(at, "source").options)


def test_a_large_file_and_the_hub_wait_for_a_click(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(data.LARGE + 1)
    assert data.waits(Settings().changed({"data": str(path)})) == "Read it (64 MB)"
    assert data.waits(Settings().changed({"data": "hf://owner/name"})) == "Fetch it from the hub"
    assert data.waits(Settings()) == ""
    assert [Path(name).name for name, _, _ in data.signature(f"mmlu={path}, gpqa={tmp_path / 'none'}")] == [
        "large.csv", "none"]


# -- the endpoint -----------------------------------------------------------------------------------------------------
def test_servers_are_looked_for_on_a_click_and_no_key_is_shown(
    run_page: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEndpoint(models=("fake", "other")) as server:
        monkeypatch.setattr(servers, "PORTS", {server.port: "vLLM", 9: "nobody"})
        at = run_page()
        assert "api.openai.com: OPENAI_API_KEY is set" in [b.label for b in at.button] and server.connections == 0
        at.button(key="look_for_servers").click().run()
        at.button(key=f"use_{server.base_url}").click().run()
        assert field(at, "base_url").value == server.base_url
        at.selectbox(key="pick_model").set_value("fake").run()
        assert field(at, "model").value == "fake"
        said = text_of(at)
        assert "No key is sent" in said and KEY not in said
        assert KEY not in repr(at.session_state)
        assert server.requests == 0  # no model was asked: lists of models are not counted


def test_models_are_listed_with_the_key_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", KEY)
    with FakeEndpoint(models=("b", "a"), key=KEY) as server:
        assert servers.models_at(server.base_url, "LAB_KEY") == ("a", "b")
        with pytest.raises(SiriusError, match="asks for a key"):
            servers.models_at(server.base_url, "")
        assert [s.what for s in servers.on_this_machine({server.port: "vLLM"})] == ["vLLM, with a key"]
    with pytest.raises(SiriusError, match="nothing usable answers"):
        servers.models_at("http://127.0.0.1:9/v1", "")
    assert servers.on_this_machine({}) == []
    assert "from the variable LAB_KEY" in servers.key_line("https://example.org/v1", "LAB_KEY")
    with pytest.raises(UsageError, match="needs a key of its own"):
        servers.key_line("https://example.org/v1", "")


@pytest.mark.parametrize("raw, names", [
    (b'{"data": [{"id": "b"}, {"id": "a"}, {"id": "a"}]}', ("a", "b")),
    (b'{"data": []}', ()),
    (b'{"data": [{"id": "x\\u0000"}, {"id": ""}, {"id": "y"}]}', ("y",)),
    (b'{"data": {}}', ()), (b'{"data": [1]}', None), (b"[]", None), (b"<html>", None), (b"\xff", None), (b"", None),
])
def test_a_list_of_models_is_read_strictly(raw: bytes, names: tuple[str, ...] | None) -> None:
    assert servers._names(raw) == names


def test_what_the_environment_names_comes_first() -> None:
    assert [s.what for s in servers.from_environment({})] == []
    found = servers.from_environment({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1/"})
    assert [tuple(s) for s in found] == [(HERE, "OPENAI_BASE_URL", ()), (servers.OPENAI, "OpenAI", ())]


def test_a_missing_key_is_said_before_any_work(run_page: Callable[[], AppTest]) -> None:
    at = run_page()
    field(at, "base_url").set_value("https://api.example.org/v1").run()
    assert at.button(key="start").disabled and "Name the model" in text_of(at)
    assert "needs a key of its own" in at.error[0].value.replace("\\", "")
    field(at, "key_env").set_value("NO_SUCH_KEY").run()
    assert "NO_SUCH_KEY" in at.error[0].value.replace("\\", "") and "holds no key" in at.error[0].value


def test_prices_are_said_on_the_form(run_page: Callable[[], AppTest], db: Path) -> None:
    at = run_page()
    field(at, "model").set_value("gpt-x").run()
    assert "Not known: cost is reported as unknown" in text_of(at)
    at.number_input(key="price_read_gpt-x").set_value(0.5).run()
    at.button(key="price_save_gpt-x").click().run()
    assert "Two prices are needed" in notice(at)
    at.number_input(key="price_written_gpt-x").set_value(2.0)
    at.text_input(key="price_note_gpt-x").set_value("the price list")
    at.button(key="price_save_gpt-x").click().run()
    field(at, "mender_model").set_value("mine").run()
    at.button(key="price_free_mine").click().run()
    with Store(db) as store:
        assert [row[:5] for row in store.prices.all()] == [
            ("gpt-x", 0.5, 2.0, None, "the price list"), ("mine", 0.0, 0.0, None, "a server of one's own")]
    assert "the price list" in text_of(at) and "price_free_gpt-x" not in [b.key for b in at.button]


# -- what applies -----------------------------------------------------------------------------------------------------
def idle(**changes: Any) -> set[str]:
    return set(form.idle({**Settings().as_dict(), **changes}))


def test_what_has_no_effect_is_idle_with_a_reason(run_page: Callable[[], AppTest]) -> None:
    assert {"model", "update", "source", "sampling", "base", "rate"} & idle() == set()
    assert {"data", "demos", "checkpoint", "lora_rank", "max_cost"} <= idle() and "base_url" not in idle()
    chat = idle(model="m", source="table", data="x")
    assert {"base", "workers", "chunk", "rate", "epochs", "new_wordings"} <= chat
    assert not {"base_url", "data", "demos", "concurrency", "reply_tokens", "controls"} & chat
    assert {"demos"} <= idle(model="m", update="prompts") and "columns" in idle(source="gpqa", model="m")
    assert {"max_repairs", "controls"} <= idle(critic="none")
    assert "max_repairs" in idle(recipe="star") and "controls" not in idle(recipe="star")
    assert {"rounds", "verifier", "rate", "gate"} <= idle(recipe="vote") and "heldout" not in idle(recipe="vote")
    debate, sizes = {"agents", "debate_rounds", "debate_view", "vote"}, {"samples", "answer_tokens"}
    assert debate | sizes | {"mix"} <= idle() and not (debate | {"mix"}) & idle(recipe="multiagent_finetuning")
    assert not debate & idle(recipe="chain", team="debate") and not sizes & idle(recipe="best_of_k")
    assert not (debate | sizes | {"mix", "rounds"}) & idle(recipe="mine.py")  # nobody knows what a person's file reads
    at = run_page()
    field(at, "model").set_value("gpt-x").run()
    workers = at.number_input(key="set_quickstart_workers")
    assert workers.disabled and "Only the embedded pocket model has this" in text_of(at)
    assert "workers" not in at.code[-1].value


def test_a_setting_that_has_no_effect_is_not_part_of_the_experiment(run_page: Callable[[], AppTest]) -> None:
    at = run_page()
    at.number_input(key="set_quickstart_workers").set_value(7).run()
    assert "--set workers=7" in at.code[-1].value
    field(at, "model").set_value("gpt-x").run()
    assert at.code[-1].value == "sirius run quickstart --set model=gpt-x"


def test_each_way_to_learn_is_explained(run_page: Callable[[], AppTest]) -> None:
    assert set(form.UPDATES) == set(FIELDS["update"].metadata["choices"])
    said = text_of(run_page())
    assert "OpenAI takes no new fine-tuning jobs after 2027-01-06." in said
    assert all(f"**{way}**" in said for way in form.UPDATES)


@pytest.mark.parametrize("name, value, wrong", [
    ("sampling", "nobody.temperature=0.2", "nobody"),
    ("sampling", "analyst.heat=2", "is not like ROLE"),
    ("request", '{"messages": 1}', "is the lab"),
    ("max_cost", 1.0, ""),
    ("update", "pocket", "at an endpoint use demos or prompts"),
    ("update", "prompts", "reads no instructions"),
    ("update", "trl", "go together"),
])
def test_what_is_wrong_is_said_before_a_start(
    run_page: Callable[[], AppTest], name: str, value: Any, wrong: str
) -> None:
    at = run_page()
    if name in ("request", "max_cost") or value == "pocket":
        field(at, "model").set_value("gpt-x").run()
    field(at, name).set_value(value).run()
    assert at.button(key="start").disabled == bool(wrong)
    assert [wrong in e.value.replace("\\", "") for e in at.error] == [True] * bool(wrong)


def test_problems_and_endpoint_go_along_to_another_preset(run_page: Callable[[], AppTest], bottles: str) -> None:
    at = on_a_table(run_page(), bottles)
    field(at, "model").set_value("gpt-x")
    field(at, "columns").set_value(chat_lab.COLUMNS).run()
    at.button_group(key="preset").set_value("tiny").run()
    assert at.code[-1].value == (f"sirius run tiny --set source=table --set data={bottles} "
                                 f"--set 'columns={chat_lab.COLUMNS}' --set model=gpt-x")


# -- cost beforehand, first look, check-up ----------------------------------------------------------------------------
def test_an_estimate_is_a_table_with_a_start(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {"calls": 1200, "tokens": 90_000, "cost": 0.12, "minutes": 0.4}
    pilot = {"episodes": 8, "failed": 5, "tokens_per_call": 75.0, "seconds_per_call": 0.5, "cost_per_episode": 0.001,
             "stops": {"truncated": 2}}
    with Store(db) as store:
        made = store.experiments.create("costly", preset("tiny", {"model": "gpt-x"}), 0)
        store.experiments.set_measurement(made.id, "estimate", {"pilot": pilot, "low": ends,
                                                                "high": {**ends, "calls": 4800, "cost": 1.5}})
        store.experiments.set_job(made.id, status="paused", message="said in the table")
    at = opened(db, "run", monkeypatch)
    said = text_of(at)
    assert "| calls | 1,200 | 4,800 |" in said and "| cost | \\$0.12 | \\$1.50 |" in said
    assert "5 of them not solved (2 truncated)" in said and "said in the table" not in said
    assert at.button(key="resume").label == "Start"
    assert "start_estimated" not in [b.key for b in at.button]
    at.session_state["_pilot"] = made.id
    at.run()
    assert at.button(key="start_estimated").label == "Start it"
    assert (minutes(0.2), minutes(12.4)) == ("under 1", "12")


def test_a_first_look_is_asked_for_in_words_that_the_command_line_reads(
    run_page: Callable[[], AppTest], bottles: str, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(background, "start", lambda name, *words: asked.append((name, *words)))
    at = on_a_table(run_page(), bottles)
    assert "first_look" not in [b.key for b in at.button]
    with FakeEndpoint(chat_lab.ChatLab()) as server:
        field(at, "model").set_value("fake")
        field(at, "base_url").set_value(server.base_url)
        field(at, "columns").set_value(chat_lab.COLUMNS)
        at.number_input(key="set_quickstart_heldout").set_value(8).run()
        at.button(key="first_look").click().run()
        (words,) = asked
        assert words[:3] == ("first-look", "first-look", bottles) and "--set=heldout=8" in words
        assert not any(word.startswith(("--set=recipe", "--set=rounds", "--set=model")) for word in words)
        from sirius_core.__main__ import main

        small = ["--set", "problems=12", "--set", "validation=4"]
        assert main([*words[1:], *small, "--db", str(db)]) == 0  # no --yes: estimated, and waiting
        with Store(db) as store:
            look = arms.newest(store)
            rows = contrast.table(store, str(look))
            assert [row["status"] for row in rows] == ["paused"] * 4 and all(r["accuracy"] is None for r in rows)
        at = opened(db, "run", monkeypatch, exp=rows[0]["experiment"])
        table = next(f.value for f in at.dataframe if "against the first" in f.value.columns)
        assert list(table["status"]) == ["waits"] * 4 and all("about" in text for text in table["calls paid"])
        assert "is unknown: say the model's price" in text_of(at)
        at.button(key="arms_start_run").click().run()
        assert asked[1:] == [("first-look", "first-look", look, "--yes")]
        assert main(["first-look", str(look), "--yes", "--db", str(db)]) == 0
        with Store(db) as store:
            assert {row["status"] for row in contrast.table(store, str(look))} == {"done"}
            assert len(store.experiments.all()) == 4
    assert "One seed: a small p" in text_of(opened(db, "overview", monkeypatch, exp=rows[0]["experiment"]))


def test_a_check_up_is_shown_as_it_was_found(run_page: Callable[[], AppTest], db: Path) -> None:
    from view import checkup

    share = {"n": 11, "correct": 5, "accuracy": 5 / 11, "low": 0.21, "high": 0.72}
    found = {"calls": 20, "right": share, "read": share, "truncated": 1, "refused": 0, "lost": 0, "obeys": share,
             "leaks": None, "planted": 0, "tokens": 900, "cost": None, "seconds_per_call": 0.5, "faults": {"reset": 2},
             "zone": "good", "model": "gpt-x", "base_url": HERE}
    log = jobs.log_file(db, checkup._name(HERE, "gpt-x"))
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"a line before\n{json.dumps(found)}\n")
    at = run_page()
    field(at, "base_url").set_value(HERE)
    field(at, "model").set_value("gpt-x").run()
    said = text_of(at)
    assert "in the zone where bootstrapping pays" in said and "gpt-x: 20 calls" in said and "2 x reset" in said
    log.write_text("sirius: nothing usable answers there\n")
    at.run()
    assert "nothing usable answers there" in at.error[0].value


# -- processes of the page's own --------------------------------------------------------------------------------------
def test_a_command_works_on_by_itself_and_is_not_started_twice(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRIUS_DB", str(db))
    assert not background.running("prices") and background.said("prices") == []
    background.start("prices", "prices", "mine", "1", "2", "--json")
    with jobs.log_file(db, "prices").open("rb") as log:
        try:
            with pytest.raises(Busy):
                background.start("prices", "prices", "--json")
            assert background.running("prices")
        finally:
            background._CHILDREN[jobs.log_file(db, "prices")].wait()
        fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)  # whoever holds a lock in a child has ended
    assert not background.running("prices")
    assert json.loads(background.said("prices")[-1])["prices"][0]["model"] == "mine"


def test_the_date_on_the_form_is_the_client_s_own() -> None:
    assert openai_api.ENDING in form.UPDATES["openai_api"]
    assert {"quickstart", "tiny", "contrast"} < set(PRESETS)
