"""The whole road against a chat endpoint on loopback: run, resume, budget, prices, estimate, doctor, first look."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from chat_actor import ChatActor
from endpoint import FakeEndpoint
from jsonschema import Draft202012Validator

from sirius_core.__main__ import main
from sirius_core.estimate import Pilot, calls_of
from sirius_core.improve import Run
from sirius_core.settings import preset
from sirius_core.statistics import wilson
from sirius_core.store import Store

SCHEMA = json.loads((Path(__file__).parents[1] / "sirius_core" / "report.schema.json").read_text())
KEY = "sk-canary-0123456789abcdef"
SMALL = {"rounds": 1, "problems": 16, "max_solutions": 2, "max_repairs": 6, "validation": 8, "heldout": 12,
         "new_wordings": 0, "withheld_forms": 0, "controls": 2, "control_calls": 6}


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def server() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(ChatActor(preset("tiny", SMALL))) as found:
        yield found


@pytest.fixture
def sirius(tmp_path: Path, capsys: pytest.CaptureFixture[str], server: FakeEndpoint) -> Callable[..., Said]:
    """A command in this process on ``lab.db`` of the test's own folder."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        try:
            code = main([*map(str, words), "--db", str(tmp_path / "lab.db")])
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return run


def settings(**more: object) -> list[str]:
    return [word for name, value in {**SMALL, **more}.items() for word in ("--set", f"{name}={value}")]


def test_a_run_at_an_endpoint_learns_from_its_own_examples_and_is_never_paid_twice(
        sirius: Callable[..., Said], server: FakeEndpoint) -> None:
    where = ["--model", "fake", "--base-url", server.base_url]
    found = sirius("run", "tiny", *where, "--json", *settings()).object
    Draft202012Validator(SCHEMA).validate(found)
    assert found["status"] == "done" and [r["round"] for r in found["rounds"]] == [0, 1]
    base, end = found["rounds"]
    assert end["updates"]["accepted"] == 3 and end["greedy_accuracy"] > base["greedy_accuracy"]
    assert end["usage"]["cost"] is None and end["usage"]["calls"] > 100 and end["faults"] == {}
    assert end["steps"] == {"analyst": 0, "calculator": 0, "summarizer": 0}
    shown = [seen for seen in server.log if len(seen.body.get("messages", ())) > 3]
    assert shown and all(len(seen.body["messages"]) <= 2 + 2 * 4 for seen in shown)
    asked = server.requests
    again = sirius("run", "tiny", *where, "--json", *settings()).object
    assert again["experiment"] != found["experiment"]
    same = [{**r, "seconds": 0, "phases": 0} for r in again["rounds"]]
    assert same == [{**r, "seconds": 0, "phases": 0} for r in found["rounds"]]
    assert {seen.path for seen in server.log[asked:]} <= {"/v1/models"}


def test_other_requests_are_not_answered_from_the_journal(sirius: Callable[..., Said], server: FakeEndpoint) -> None:
    def asked(**more: object) -> list[dict[str, Any]]:
        before = server.requests
        run = sirius("run", "tiny", "--model", "fake", "--base-url", server.base_url, "--json",
                     *settings(rounds=0, **more)).object
        assert run["rounds"][0]["stops"] == {}
        return [dict(seen.body) for seen in server.log[before:] if seen.path.endswith("completions")]

    plain, cooler = asked(), asked(request='{"top_p": 0.5, "seed": null}')
    assert plain and [*map(len, (plain, cooler))] == [len(plain)] * 2
    assert all(body["top_p"] == 0.5 and "seed" not in body for body in cooler)
    assert asked() == asked(request='{"seed": null, "top_p": 0.5}') == asked(request="{}") == []


def test_calls_that_were_lost_stand_beside_the_number_that_they_lower(sirius: Callable[..., Said]) -> None:
    with FakeEndpoint("four", faults="empty body") as server:
        where = ["--model", "fake", "--base-url", server.base_url]
        said = sirius("run", "tiny", *where, *settings(rounds=0, heldout=3, attempts=1))
    assert said.code == 0 and "round 0: 0/3 = 0.0%" in said.out and "; 3 lost" in said.out


def test_money_is_a_budget_that_pauses_and_a_key_is_found_nowhere(
        sirius: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", KEY)
    with FakeEndpoint(ChatActor(preset("tiny", SMALL)), key=KEY) as server:
        where = ["--model", "fake", "--base-url", server.base_url]
        refused = sirius("run", "tiny", *where, *settings())
        assert refused.code == 1 and "asks for a key" in refused.err and "key_env=NAME" in refused.err
        unpriced = sirius("run", "tiny", *where, *settings(key_env="LAB_KEY", max_cost=0.01))
        assert unpriced.code == 2 and "sirius prices fake" in unpriced.err
        assert sirius("prices", "fake", 10, 30, "--json").object["prices"][0]["output"] == 30.0
        paused = sirius("run", "tiny", *where, *settings(key_env="LAB_KEY", max_cost=0.2), "--json")
        assert paused.code == 3 and "max_cost" in paused.err
        stopped = json.loads(paused.out)
        assert stopped["status"] == "paused"
        done = sirius("resume", stopped["experiment"], "--set", "max_cost=100", "--json").object
        assert done["status"] == "done" and done["rounds"][-1]["usage"]["cost"] > 0
        sent = [json.dumps(seen.body, sort_keys=True) for seen in server.log if seen.path.endswith("completions")]
        assert len(set(sent)) == len(sent)  # what was in flight at the pause was waited for, and kept
        assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in server.log[3:])
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in paused.err + paused.out + refused.err


@pytest.mark.parametrize("change, code, parts", [
    ({"model": "fakes"}, 1, ("no model 'fakes'", "did you mean 'fake'?")),
    ({"base_url": "http://127.0.0.1:9/v1"}, 1, ("127.0.0.1:9", "start the server")),
    ({"update": "pocket"}, 2, ("update=pocket", "demos or prompts")),
    ({"sampling": "nobody.temperature=0"}, 2, ("nobody",)),
])
def test_what_is_wrong_is_said_before_any_work(sirius: Callable[..., Said], server: FakeEndpoint, tmp_path: Path,
                                               change: dict[str, str], code: int, parts: tuple[str, ...]) -> None:
    said = sirius("run", "tiny", *settings(**{"model": "fake", "base_url": server.base_url, **change}))
    assert said.code == code and all(part in said.err for part in parts), said.err
    assert said.err.count("\n") == 1 and not any(seen.body.get("seed") for seen in server.log)
    with Store(tmp_path / "lab.db") as store:
        assert store.experiments.all() == []


def test_an_estimate_knows_the_cost_beforehand(sirius: Callable[..., Said], server: FakeEndpoint) -> None:
    sirius("prices", "fake", 1, 2)
    where = ["--model", "fake", "--base-url", server.base_url]
    found = sirius("estimate", "tiny", *where, "--json", *settings()).object
    pilot, low, high = found["pilot"], found["low"], found["high"]
    assert pilot["episodes"] == 8 and 0 < low["calls"] <= high["calls"] and 0 < low["cost"] <= high["cost"]
    assert server.requests <= 8 * 3 + 4
    done = sirius("resume", found["experiment"], "--json").object
    spent = [sum(r["usage"][name] for r in done["rounds"]) for name in ("calls", "cost")]
    assert low["calls"] <= spent[0] <= high["calls"] and low["cost"] <= spent[1] <= high["cost"]


@pytest.mark.parametrize("more, models, low, high", [
    ({}, 3, 192 + 336, 192 + 480),  # three roles' checkpoints that are worse together are tried one by one
    ({"update": "prompts"}, 3, 192 + 336, 192 + 480 + 6),
    ({"sharing": "shared"}, 1, 192 + 336, 192 + 336),
    ({"gate": False}, 3, 144 + 288, 144 + 288),
])
def test_the_upper_end_of_an_estimate_has_room_for_every_try_of_the_gate(
        more: dict[str, Any], models: int, low: int, high: int, tmp_path: Path) -> None:
    plain = {"rounds": 1, "critic": "none", "new_wordings": 0, "withheld_forms": 0, "controls": 0}
    with Store(tmp_path / "lab.db") as store:
        run = Run(store, store.experiments.create("e", preset("tiny", {**plain, **more}), 0), None)
        measured = Pilot(8, 4, 3.0, 90.0, 30.0, None, 1.0, {}, models)
        assert [calls_of(run, measured, 0.5, most) for most in (False, True)] == [low, high]


def test_an_estimate_counts_what_repair_looks_at(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        made = preset("actor-critic", {"problems": 24, "heldout": 24, "validation": 8})
        run = Run(store, store.experiments.create("e", made, 0), None)
        none, all_ = (Pilot(8, 0, 3.0, 90.0, 30.0, None, 1.0, {}, 3, mendable) for mendable in (0, 8))
        bounds = [[calls_of(run, measured, 0.0, most) for most in (False, True)] for measured in (none, all_)]
        plain = calls_of(run, replace(none, mendable=None), 0.0, True)  # nobody fails: nothing would be mended
        assert [bounds[0][1] - plain, bounds[1][0] - bounds[0][0]] == pytest.approx(
            [3 * 96 * 6 * wilson(0, 8).high, 3 * 96 * wilson(8, 8).low])


def test_the_doctor_makes_at_most_twenty_calls_and_says_where_the_base_stands(
        sirius: Callable[..., Said], server: FakeEndpoint) -> None:
    found = sirius("doctor", server.base_url, "--model", "fake", "--json").object
    asked = [seen for seen in server.log if seen.body.get("seed") is not None]
    assert len(asked) == found["calls"] <= 20
    assert found["right"]["n"] == 11 and found["read"]["correct"] == 11 and found["obeys"]["accuracy"] == 1.0
    assert found["zone"] in ("good", "unclear") and found["cost"] is None and found["truncated"] == 0
    text = sirius("doctor", server.base_url, "--model", "fake").out
    assert "answer readable:  11 of 11" in text and "critic obeys" in text


def test_a_first_look_plays_four_arms_and_what_they_share_is_paid_once(
        sirius: Callable[..., Said], tmp_path: Path) -> None:
    rows = ["question,answer"] + [f"What is {a} plus {b}?,{a + b}" for a in range(12) for b in range(5)]
    (tmp_path / "sums.csv").write_text("\n".join(rows))

    def reply(messages: Any, body: Any) -> str:
        text = str(messages[-1]["content"])
        import re
        a, b = (re.findall(r"What is (\d+) plus (\d+)", text) or [("0", "0")])[-1]
        wrong = int(body["seed"]) % 3 == 0 and len(messages) <= 2
        return f"We add.\nAnswer: {int(a) + int(b) + wrong}"

    with FakeEndpoint(reply) as server:
        where = ["--model", "fake", "--base-url", server.base_url]
        asked = sirius("first-look", tmp_path / "sums.csv", *where)
        assert asked.code == 0 and "not started" in asked.err and "cost unknown" in asked.err
        waiting = sirius("first-look", tmp_path / "sums.csv", *where, "--json").object
        assert [row["status"] for row in waiting["arms"]] == ["paused"] * 4
        found = sirius("first-look", waiting["contrast"], "--yes", "--json").object
        arms = {row["arm"]: row for row in found["arms"]}
        assert list(arms) == ["single agent", "chain", "chain + demos", "chain + prompts"]
        assert {row["status"] for row in arms.values()} == {"done"}
        assert {row["n"] for row in arms.values()} == {arms["chain"]["n"]}
        assert arms["single agent"]["p"] is None and arms["chain"]["p"] is not None
        sent = [json.dumps(seen.body, sort_keys=True) for seen in server.log if seen.path.endswith("completions")]
        pilots = 8 * 1 + 8 * 3  # were paid by the first of the two looks
        assert len(set(sent)) == len(sent) == pilots + sum(row["calls"] for row in arms.values())
        (tmp_path / "sums.csv").unlink()  # the problems are the experiment's own by now
        more = sirius("resume", arms["chain"]["experiment"], "--set", "rounds=1", "--json").object
        assert more["status"] == "done" and len(more["rounds"]) == 2
    with sqlite3.connect(tmp_path / "lab.db") as db:
        assert db.execute("SELECT count(*) FROM contrast").fetchone() == (2,)
    db.close()


def test_a_command_that_is_told_finds_the_database(sirius: Callable[..., Said], server: FakeEndpoint,
                                                  tmp_path: Path) -> None:
    where = ["--model", "fake", "--base-url", server.base_url]
    paused = sirius("run", "tiny", *where, *settings(max_calls=5))
    told = paused.err.rstrip().rpartition("go on with: sirius ")[2]
    assert paused.code == 3 and told == f"resume tiny-0-1 --set max_calls=N --db {tmp_path / 'lab.db'}"
    unpriced = sirius("run", "tiny", *where, *settings(max_cost=1))
    assert unpriced.err.rstrip().endswith(f": sirius prices fake INPUT OUTPUT --db {tmp_path / 'lab.db'}")
    assert sirius("prices", "fake", 1).err.rstrip().endswith(f" MODEL 0.15 0.6 --db {tmp_path / 'lab.db'}")


def test_an_estimate_is_priced_as_soon_as_the_price_is_known(sirius: Callable[..., Said], server: FakeEndpoint) -> None:
    where = ["--model", "fake", "--base-url", server.base_url, "--json", *settings()]
    first = sirius("estimate", "tiny", *where).object
    assert first["high"]["cost"] is None
    sirius("prices", "fake", 10, 30)
    asked = server.requests
    again = sirius("estimate", first["experiment"], "--experiment", "--json").object
    other = sirius("estimate", "tiny", *where).object
    assert server.requests == asked and again["low"] == other["low"]
    assert 0 < again["low"]["cost"] < again["high"]["cost"]
    assert again["pilot"]["cost_per_episode"] == pytest.approx(
        again["pilot"]["tokens_per_call"] * 3 * 10e-6, rel=0.3)  # three calls, nearly all of it read


def test_the_arms_of_a_first_look_have_one_budget_together(sirius: Callable[..., Said], tmp_path: Path) -> None:
    rows = ["question,answer"] + [f"How much is {a} and {b}?,{a + b}" for a in range(12) for b in range(5)]
    (tmp_path / "sums.csv").write_text("\n".join(rows))
    with FakeEndpoint("Answer: 4") as server:
        where = ["--model", "fake", "--base-url", server.base_url, "--set", "concurrency=1"]
        paused = sirius("first-look", tmp_path / "sums.csv", *where, "--yes", "--set", "max_calls=90", "--json")
        told = f"go on with: sirius first-look contrast-1 --yes --set max_calls=N --db {tmp_path / 'lab.db'}"
        assert paused.code == 3 and paused.err.rstrip().endswith(told) and server.requests == 90
        arms = json.loads(paused.out)["arms"]
        assert sum(row["calls"] for row in arms) == 90 and [row["status"] for row in arms][:2] == ["done", "paused"]
        done = sirius("first-look", "contrast-1", "--yes", "--set", "max_calls=100000", "--json").object
        assert {row["status"] for row in done["arms"]} == {"done"}
        assert server.requests == sum(row["calls"] for row in done["arms"])
        assert sirius("first-look", "contrast-1", "--yes", "--set", "demos=2").code == 2


def test_a_server_that_has_gone_before_a_resume_is_what_the_job_says(sirius: Callable[..., Said]) -> None:
    with FakeEndpoint("four") as server:
        where = ["--model", "fake", "--base-url", server.base_url]
        assert sirius("run", "tiny", *where, *settings(max_calls=5)).code == 3
    gone = sirius("resume", "tiny-0-1", "--set", "max_calls=0", "--json")
    found = json.loads(gone.out)
    assert gone.code == 1 and (found["status"], found["message"]) == ("failed", gone.err.rstrip().split("sirius: ")[-1])
    assert "connection refused" in found["message"] and "start the server" in found["message"]
    assert found["message"] in sirius("status").out
