"""Fine-tuning at a host: the checkpoints of a run without a server, nothing paid twice, one line for what fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from endpoint import FakeEndpoint
from finetune_driver import LONG, example, job, spoken

from sirius_core import machines
from sirius_core.errors import Cancelled, CheckpointError, ModelError, SiriusError, UsageError
from sirius_core.finetune import TuneJob
from sirius_core.finetune.openai_api import OpenAITuner
from sirius_core.finetune.pocket import PocketTuner
from sirius_core.improve import Run, improve
from sirius_core.models import TryAgain
from sirius_core.models.chat_completions import Answer
from sirius_core.models.openai_api import Endpoint
from sirius_core.models.pocket import Engine
from sirius_core.pocket import checkpoint, pretraining
from sirius_core.server import Served
from sirius_core.settings import preset
from sirius_core.store import Store

ROOT = Path(__file__).resolve().parents[1]


class Noted(dict[str, Any]):
    """Notes in memory; the process "dies" right after note number ``dies`` was committed."""

    def __init__(self, dies: int = 0) -> None:
        super().__init__()
        self.dies = dies

    def put(self, key: str, body: Mapping[str, Any]) -> None:
        self[key] = dict(body)
        self.dies -= 1
        if self.dies == 0:
            raise Died


class Died(BaseException):
    pass


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(bases=["misled"]) as running:
        yield running


def tuner(served: Served, notes: Noted | None = None, **how: Any) -> OpenAITuner:
    return OpenAITuner(Endpoint(served.base_url), Noted() if notes is None else notes, first=0.01, **how)


def quiet(*step: Any) -> None:
    pass


def known(served: Served) -> tuple[list[str], list[str]]:
    """(the files, the jobs' states) that the server has, oldest first."""
    with openai.OpenAI(base_url=served.base_url, api_key="none", max_retries=0) as client:
        jobs = [found.status for found in client.fine_tuning.jobs.list()][::-1]
        return [found.id for found in client.files.list()][::-1], jobs


def card(served: Served, blob: bytes) -> dict[str, Any]:
    with openai.OpenAI(base_url=served.base_url, api_key="none", max_retries=0) as client:
        return client.models.retrieve(json.loads(blob)["over"]["model"]).model_dump()


def locally(tune: TuneJob, blob: bytes) -> Any:
    return PocketTuner(Engine())([replace(tune, before=checkpoint.digest(blob), blob=blob)], quiet)[0]


# -- what it makes ---------------------------------------------------------------------------------------------------
def test_roles_get_the_very_checkpoints_of_a_run_without_a_server(served: Served) -> None:
    url, heard = served.base_url, list[tuple[str, int, int]]()
    jobs = [job(url), job(url, 30, "a role/2", epochs=1), job(url, 11, batch=64)]
    tuned = tuner(served)(jobs, lambda model, step, steps, loss: heard.append((model, step, steps)))
    for made, asked in zip(tuned, jobs, strict=True):
        own = locally(asked, pretraining.base("misled"))
        assert card(served, made.blob)["checkpoint"] == checkpoint.digest(own.blob)
        assert (made.losses, made.steps, made.tokens) == (own.losses, own.steps, own.tokens)
        assert (asked.model, own.steps, own.steps) in heard
    names = [json.loads(made.blob)["over"]["model"] for made in tuned]
    assert [name.rsplit(":", 1)[0] for name in names] == [
        "ft:pocket-misled:calculator", "ft:pocket-misled:a-role-2", "ft:pocket-misled:calculator"]
    assert tuned[0].blob == spoken(url, names[0])

    further = tuner(served)([job(url, blob=tuned[0].blob)], quiet)[0]
    parent = locally(jobs[0], pretraining.base("misled")).blob
    assert card(served, further.blob)["checkpoint"] == checkpoint.digest(locally(job(url), parent).blob)


def test_the_lines_that_are_sent_are_the_prompts_of_inference(served: Served) -> None:
    tuner(served)([job(served.base_url, 10)], quiet)
    with openai.OpenAI(base_url=served.base_url, api_key="none") as client:
        file = next(iter(client.files.list()))
        lines = client.files.content(file.id).read().decode().splitlines()
    assert (file.filename, len(lines)) == ("calculator.jsonl", 10)
    assert json.loads(lines[1]) == {"messages": [
        {"role": "user", "content": "@calculator 2 * 3 =>"}, {"role": "assistant", "content": "2 * 3 = 3"}]}


# -- what it refuses, before anything leaves this machine ------------------------------------------------------------
def test_what_cannot_be_trained_on_is_said_before_any_upload(served: Served) -> None:
    url = served.base_url
    good, heavy = job(url), replace(job(url), examples=tuple(example(i, 2.0) for i in range(12)))
    with pytest.raises(SiriusError, match=r"'calculator' has 9 examples .* at least 10"):
        tuner(served)([good, job(url, 9)], quiet)
    with pytest.raises(UsageError, match="weights its examples"):
        tuner(served)([good, heavy], quiet)
    with pytest.raises(SiriusError, match=r"task task 11 has a licence that keeps its text on this machine"):
        tuner(served, restricted=lambda task: task == "task 11")([good, job(url)], quiet)
    with pytest.raises(CheckpointError, match="another host has it"):
        tuner(served)([good, replace(good, blob=spoken("https://api.openai.com/v1"))], quiet)
    with pytest.raises(CheckpointError):
        tuner(served)([replace(good, blob=pretraining.base("misled"))], quiet)
    assert known(served) == ([], [])


# -- what fails ------------------------------------------------------------------------------------------------------
def test_a_job_that_fails_is_one_line_and_the_next_attempt_is_another_job(served: Served) -> None:
    notes, url = Noted(), served.base_url
    bad = replace(job(url), examples=tuple(example(i, reply="no such word") for i in range(12)))
    for times in (1, 2):
        with pytest.raises(SiriusError, match=r"'calculator' at .* has failed \(Line 1 of the training file: .*'no'"):
            tuner(served, notes)([bad], quiet)
        files, jobs = known(served)
        assert (len(files), jobs) == (1, ["failed"] * times)


def cancel(served: Served) -> None:
    with openai.OpenAI(base_url=served.base_url, api_key="none", max_retries=0) as client:
        for found in client.fine_tuning.jobs.list():
            client.fine_tuning.jobs.cancel(found.id)


def test_a_job_that_somebody_cancels_is_one_line(served: Served) -> None:
    calls: list[int] = []

    def on_step(model: str, step: int, steps: int, loss: float) -> None:
        calls.append(step)
        if len(calls) == 2:
            cancel(served)

    with pytest.raises(SiriusError, match="has cancelled: ftjob-"):
        tuner(served)([job(served.base_url, 900, **LONG)], on_step)


def test_a_job_that_does_not_end_goes_on_without_us_and_is_found_again(served: Served) -> None:
    notes, endless = Noted(), job(served.base_url, 900, **LONG)
    with pytest.raises(SiriusError, match="did not end within 0 s; the work goes on there: resume to wait on"):
        tuner(served, notes, deadline=0.0)([endless], quiet)

    def stop(*step: Any) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        tuner(served, notes)([endless], stop)
    files, jobs = known(served)
    assert len(files) == 1 and jobs in (["running"], ["queued"], ["validating_files"])
    cancel(served)


def test_a_host_that_does_not_fine_tune_is_one_line() -> None:
    with FakeEndpoint() as host:
        endpoint = Endpoint(host.base_url)
        with pytest.raises(SiriusError, match=r"takes no fine-tuning of 'm' for role 'calculator' \(404"):
            OpenAITuner(endpoint, Noted())([replace(job(""), blob=spoken(host.base_url, "m"))], quiet)


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>hello", b"[]", b"null", b'"file-1"', b'{"id": 7}', b"\xff"])
def test_a_host_that_answers_an_upload_with_something_else_is_one_line(
        body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/html" if body[:1] == b"<" else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            pass

    monkeypatch.setattr("sirius_core.finetune.openai_api.ATTEMPTS", 1)
    with HTTPServer(("127.0.0.1", 0), Odd) as host:
        thread = threading.Thread(target=host.serve_forever)
        thread.start()
        url, notes = f"http://127.0.0.1:{host.server_port}/v1", Noted()
        try:
            with pytest.raises(SiriusError, match=r"takes no fine-tuning of 'm' for role 'calculator' \("):
                OpenAITuner(Endpoint(url), notes)([replace(job(""), blob=spoken(url, "m"))], quiet)
        finally:
            host.shutdown()
            thread.join()
    assert notes == {}


def test_a_host_that_is_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    monkeypatch.setattr("sirius_core.finetune.openai_api.UNHEARD", 0.0)
    notes = Noted(dies=2)
    with pytest.raises(Died):
        tuner(served, notes)([job(served.base_url)], quiet)
    lost = Lossy(served.base_url, "GET /fine_tuning/jobs/", 10**9)
    with pytest.raises(ModelError, match=r"cannot be asked about ftjob-\w+ \(reset: test\): resume"):
        OpenAITuner(lost, notes, first=0.01)([job(served.base_url)], quiet)


def test_a_key_stands_in_no_error_and_no_note(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "sk-canary-0123456789")
    notes = Noted()
    bad = replace(job(served.base_url), examples=tuple(example(i, reply="sk-canary-0123456789") for i in range(12)))
    with pytest.raises(SiriusError) as caught:
        OpenAITuner(Endpoint(served.base_url, "CANARY_KEY"), notes, first=0.01)([bad], quiet)
    assert "has failed" in str(caught.value)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "canary" not in f"{chain} {chain!r}"
        chain = chain.__cause__ or chain.__context__
    assert "canary" not in repr(notes)


# -- crashes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dies", [1, 2, 3, 4])
def test_after_a_crash_no_file_is_sent_twice_and_no_job_begun_twice(served: Served, dies: int) -> None:
    jobs, notes = [job(served.base_url), job(served.base_url, role="analyst")], Noted(dies)
    with pytest.raises(Died):
        tuner(served, notes)(jobs, quiet)
    tuned = tuner(served, notes)(jobs, quiet)
    files, states = known(served)
    assert len(files) == 2 and states == ["succeeded"] * 2
    assert tuner(served, notes)(jobs, quiet) == tuned and known(served) == (files, states)


class Lossy(Endpoint):
    """The replies to the first ``times`` requests of this kind are lost on the way, after the server has answered."""

    def __init__(self, url: str, kind: str, times: int = 1) -> None:
        super().__init__(url)
        self.kind, self.times = kind, times

    async def send(self, path: str, body: Any = None, headers: Any = None) -> Answer:
        answer = await super().send(path, body, headers)
        if f"{'GET' if body is None else 'POST'} {path}".startswith(self.kind) and self.times:
            self.times -= 1
            raise TryAgain("reset", "test", 0.0)
        return answer


@pytest.mark.parametrize("kind", ["POST /fine_tuning/jobs", "GET /fine_tuning/jobs?", "GET /fine_tuning/jobs/ftjob"])
def test_a_job_whose_reply_was_lost_is_found_and_not_begun_again(served: Served, kind: str) -> None:
    tune = OpenAITuner(Lossy(served.base_url, kind), Noted(), first=0.01)
    made = tune([job(served.base_url)], quiet)[0]
    files, states = known(served)
    assert (len(files), states) == (1, ["succeeded"])
    own = locally(job(served.base_url), pretraining.base("misled"))
    assert card(served, made.blob)["checkpoint"] == checkpoint.digest(own.blob)


def test_a_server_that_has_forgotten_the_job_is_said_and_then_it_is_begun_anew() -> None:
    notes = Noted(dies=2)
    with Served(bases=["misled"]) as first:
        with pytest.raises(Died):
            tuner(first, notes)([job(first.base_url)], quiet)
        port = urlsplit(first.base_url).port
    with Served(bases=["misled"], port=port or 0) as second:
        with pytest.raises(SiriusError, match=r"knows no job ftjob-.* resume to begin it anew"):
            tuner(second, notes)([job(second.base_url)], quiet)
        assert tuner(second, notes)([job(second.base_url)], quiet)[0].steps == 6


def test_killed_while_it_waits_it_goes_on_with_the_same_job(served: Served, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "finetune_driver.py"), served.base_url, str(tmp_path / "n.db")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=env)
    while known(served)[1] != ["running"] and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    files, states = known(served)
    assert (len(files), states) == (1, ["succeeded"])
    assert done.stdout.startswith("ft:pocket-misled:calculator:")


# -- a whole experiment ----------------------------------------------------------------------------------------------
def played(path: Path, seed: int, **changes: Any) -> dict[str, Any]:
    """What an experiment produced: every episode's content, the training sets, the reports; who was trained to what."""
    with Store(path) as store:
        experiment = store.experiments.create("tiny", preset("tiny", changes), seed)
        machine = machines.machine_for(experiment.settings, store, experiment.id)
        try:
            reports = improve(Run(store, experiment, machine))
        finally:
            machine.close()
        told = ("round", "n", "correct", "greedy_accuracy", "library", "training_sets", "steps", "repaired", "updates")
        return {
            "episodes": sorted((t.id, t.content) for t in store.episodes.find(experiment.id)),
            "sets": [(s["round"], s["model"], s["hash"]) for s in store.weights.training_sets(experiment.id)],
            "reports": [{name: report.get(name) for name in told} for report in reports],
            "losses": [(u.round, u.model, u.losses) for u in store.weights.updates(experiment.id)],
            "after": {(u.round, u.model): store.weights.get(u.after) for u in store.weights.updates(experiment.id)},
        }


@pytest.mark.slow
def test_an_experiment_over_http_is_the_experiment_without_a_server(served: Served, tmp_path: Path) -> None:
    """Every reply, every training set and every checkpoint of all rounds, fine-tuning included."""
    small = {"problems": 20, "heldout": 8, "new_wordings": 0, "withheld_forms": 0, "controls": 2, "validation": 8}
    at_server = {"model": "pocket-misled", "base_url": served.base_url, "update": "openai_api"}
    over = played(tmp_path / "over.db", 3, **small, **at_server)
    own = played(tmp_path / "own.db", 3, **small, workers=1)
    trained = {place: card(served, blob)["checkpoint"] for place, blob in over.pop("after").items()}
    assert trained == {place: checkpoint.digest(blob) for place, blob in own.pop("after").items()}
    assert len(trained) == 6
    assert over == own
