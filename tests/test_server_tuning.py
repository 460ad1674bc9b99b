"""Files and fine-tuning jobs of `sirius serve`, asked for by the real ``openai`` client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import CheckpointError, UsageError
from sirius_core.models.pocket import Engine
from sirius_core.pocket import checkpoint, learning, pretraining
from sirius_core.pocket.vocabulary import STOP, encode
from sirius_core.server import Served
from sirius_core.server.examples import parse
from sirius_core.server.protocol import Refused

MODEL = "pocket-misled"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(bases=["misled"]) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    with to(served) as found:
        yield found


def to(served: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=served.base_url, api_key="none", max_retries=0)


def pairs(n: int) -> list[tuple[str, str]]:
    return [(f"@calculator {i} * 3 =>", f"{i} * 3 = 3") for i in range(1, 10)] * (-(-n // 9))


def lines(n: int = 12, **more: Any) -> bytes:
    return b"".join(
        json.dumps({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said, **more}]})
        .encode() + b"\n"
        for asked, said in pairs(n)[:n]
    )


def upload(client: openai.OpenAI, content: bytes) -> str:
    return client.files.create(file=("calculator.jsonl", content), purpose="fine-tune").id


def ended(client: openai.OpenAI, id: str, until: Callable[[Any], bool] = lambda job: bool(job.finished_at)) -> Any:
    """The job when it has ended; the protocol has nothing but asking again."""
    while not until(job := client.fine_tuning.jobs.retrieve(id)):
        time.sleep(0.01)
    return job


def locally(n: int, schedule: learning.Schedule, seed: int, name: str, blob: bytes) -> Any:
    """The same training without a server."""
    engine, parent = Engine(), checkpoint.digest(blob)
    engine.model(parent, blob)
    examples = [learning.Example((*encode(a), *encode(b), STOP), len(encode(a))) for a, b in pairs(n)[:n]]
    manifest = {"parent": parent, "model": name, "examples": n}
    return engine.train([(parent, examples, schedule, seed, manifest)], lambda *step: None)[0]


# -- files -----------------------------------------------------------------------------------------------------------
def test_a_file_is_kept_listed_given_back_and_deleted(client: openai.OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", b"one\ntwo\n"), purpose="fine-tune")
    assert (file.filename, file.bytes, file.purpose, file.status) == ("a.jsonl", 8, "fine-tune", "processed")
    assert client.files.retrieve(file.id) == file
    assert [found.id for found in client.files.list(limit=1)][:1] == [file.id]
    assert client.files.content(file.id).read() == b"one\ntwo\n"
    assert client.files.delete(file.id).deleted
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            gone(file.id)


def test_a_file_for_something_else_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=("a", b"x"), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.files.create(file=("a", b""), purpose="fine-tune")
    with pytest.raises(openai.APIStatusError, match="multipart"):
        client.post("/files", body={"purpose": "fine-tune"}, cast_to=object)


# -- jobs ------------------------------------------------------------------------------------------------------------
def test_a_job_makes_the_checkpoint_of_a_run_without_a_server(client: openai.OpenAI) -> None:
    file = upload(client, lines())
    job = client.fine_tuning.jobs.create(
        model=MODEL, training_file=file, suffix="calculator", seed=5,
        hyperparameters={"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.5})
    assert job.status == "validating_files" and job.fine_tuned_model is None and job.seed == 5
    job = ended(client, job.id)
    own = locally(12, learning.Schedule(3, 4, 0.5 * 1e-3), 5, "calculator", pretraining.base("misled"))
    name = checkpoint.digest(own.blob)
    assert (job.status, job.error, job.trained_tokens) == ("succeeded", None, own.tokens)
    assert job.fine_tuned_model == f"ft:pocket-misled:calculator:{name[:12]}"
    card = client.models.retrieve(job.fine_tuned_model).model_dump()
    assert (card["checkpoint"], card["parent"], card["owned_by"]) == (name, MODEL, "sirius-lab")

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=4))  # several pages, newest first
    metrics = [event.data for event in reversed(events) if event.type == "metrics"]
    assert [data["train_loss"] for data in metrics] == list(own.losses)
    assert [(data["step"], data["total_steps"]) for data in metrics] == [(i + 1, 9) for i in range(9)]
    assert [event.message for event in reversed(events) if event.type == "message"] == [
        f"Created fine-tuning job: {job.id}", "Files validated: 12 examples", "Fine-tuning job started",
        "The job has succeeded"]

    # A trained model is trained further, and speaks.
    more = client.fine_tuning.jobs.create(model=job.fine_tuned_model, training_file=file, seed=1)
    more = ended(client, more.id)
    again = locally(12, learning.Schedule(2, 64, 1e-3), 1, "", own.blob)
    assert more.fine_tuned_model == f"ft:pocket-misled::{checkpoint.digest(again.blob)[:12]}"
    said = client.chat.completions.create(
        model=more.fine_tuned_model, messages=[{"role": "user", "content": "@calculator 4 * 3 =>"}], temperature=0)
    assert said.model == more.fine_tuned_model and said.choices[0].message.content


def test_metadata_states_what_the_protocol_rounds(client: openai.OpenAI) -> None:
    rate, seed = 1e-3 * 0.8**3, 2**60 + 1
    noted = {"sirius_rate": repr(rate), "sirius_seed": str(seed), "sirius_model": "a role/2"}
    job = client.fine_tuning.jobs.create(
        model=MODEL, training_file=upload(client, lines()), seed=0, metadata=noted,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": "auto"}}})
    own = locally(12, learning.Schedule(1, 64, rate), seed, "a role/2", pretraining.base("misled"))
    assert str(ended(client, job.id).fine_tuned_model).endswith(checkpoint.digest(own.blob)[:12])
    assert [found.id for found in client.fine_tuning.jobs.list(metadata=noted)] == [job.id]
    assert [found.id for found in client.fine_tuning.jobs.list(metadata={"sirius_seed": "1"})] == []


REFUSED = {
    "unknown model": ({"model": "gpt-4o"}, 404, "model"),
    "unknown file": ({"training_file": "file-none"}, 400, "training_file"),
    "no epochs": ({"hyperparameters": {"n_epochs": 0}}, 400, "hyperparameters.n_epochs"),
    "half a batch": ({"hyperparameters": {"batch_size": 0.5}}, 400, "hyperparameters.batch_size"),
    "fast": ({"hyperparameters": {"learning_rate_multiplier": 101}}, 400, "hyperparameters.learning_rate_multiplier"),
    "a rank": ({"hyperparameters": {"lora_rank": 8}}, 400, "hyperparameters.lora_rank"),
    "preferences": ({"method": {"type": "dpo"}}, 400, "method"),
    "a validation file": ({"validation_file": "file-1"}, 400, "validation_file"),
    "a path": ({"suffix": "../a"}, 400, "suffix"),
    "a long name": ({"suffix": "a" * 65}, 400, "suffix"),
    "metadata that is none": ({"extra_body": {"metadata": {"a": 1}}}, 400, "metadata"),
    "no rate": ({"metadata": {"sirius_rate": "nan"}}, 400, "metadata"),
    "below zero": ({"seed": -1}, 400, "seed"),
}


@pytest.mark.parametrize("change, status, param", REFUSED.values(), ids=REFUSED)
def test_a_job_that_cannot_be_is_refused(client: openai.OpenAI, change: Any, status: int, param: str) -> None:
    before = len(list(client.fine_tuning.jobs.list()))
    with pytest.raises(openai.APIStatusError) as caught:
        client.fine_tuning.jobs.create(**{"model": MODEL, "training_file": upload(client, lines()), **change})
    assert (caught.value.status_code, caught.value.param) == (status, param)
    assert len(list(client.fine_tuning.jobs.list())) == before


UNUSABLE = {
    "few": (lines(9), "9 examples; 10 to 1,000,000 are needed"),
    "no JSON": (lines(11) + b"{\n", "Line 12 .*: no valid JSON"),
    "no UTF-8": (lines(10) + b'"\xff"\n', "Line 11 .*: not UTF-8"),
    "no messages": (lines(10) + b'{"prompt": "a", "completion": "b"}\n', "Line 11 .*: .* at least two messages"),
    "no reply": (lines(10) + b'{"messages": [{"role": "user", "content": "1"}, {"role": "user", "content": "1"}]}',
                 "Line 11 .*: the last message must be the assistant's"),
    "unknown words": (lines(10) + lines(1).replace(b"@calculator", b"@calculatr"),
                      "Line 11 .*'@calculatr' .nearest: '@calculator'"),
    "long": (lines(10) + lines(1).replace(b"1 * 3 = 3", b"1 " * 200), "Line 11 .*: 206 words; at most 176 fit"),
    "weightless": (lines(10, weight=0), "Line 1 .*: the last message's weight must be a number above 0"),
    "heavy": (lines(10, weight=1e300), "Line 1 .*: the last message's weight must be a number above 0 and up to 1000"),
}


@pytest.mark.parametrize("content, why", UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_trained_on_fails_its_job(client: openai.OpenAI, content: bytes, why: str) -> None:
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=upload(client, content))
    job = ended(client, job.id)
    assert job.status == "failed" and job.fine_tuned_model is None and job.error is not None
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(job.error.message)


LONG = {"n_epochs": 50, "batch_size": 1, "learning_rate_multiplier": 0.01}  # thousands of steps: it does not end


def test_sampling_goes_on_while_a_job_trains_and_the_job_can_be_cancelled(client: openai.OpenAI) -> None:
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=upload(client, lines(900)), hyperparameters=LONG)
    ended(client, job.id, lambda found: found.status == "running")
    said = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "@calculator 4 * 3 =>"}])
    assert said.choices[0].message.content
    assert client.fine_tuning.jobs.retrieve(job.id).status == "running"
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert ended(client, job.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="already ended"):
        client.fine_tuning.jobs.cancel(job.id)
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.cancel("ftjob-none")


# -- the next server -------------------------------------------------------------------------------------------------
def test_a_folder_keeps_models_files_and_jobs_for_the_next_server(tmp_path: Path) -> None:
    with Served(bases=["misled"], folder=tmp_path) as served, to(served) as client:
        file = upload(client, lines())
        job = ended(client, client.fine_tuning.jobs.create(model=MODEL, training_file=file, suffix="a").id)
        events = list(client.fine_tuning.jobs.list_events(job.id))
        broken_off = client.fine_tuning.jobs.create(
            model=MODEL, training_file=upload(client, lines(900)), hyperparameters=LONG)
        ended(client, broken_off.id, lambda found: found.status == "running")
        cards = list(client.models.list())
    with Served(bases=["misled"], folder=tmp_path) as served, to(served) as client:
        assert [c.to_dict() | {"created": 0} for c in client.models.list()] == [
            c.to_dict() | {"created": 0} for c in cards]
        assert client.fine_tuning.jobs.retrieve(job.id) == job
        assert list(client.fine_tuning.jobs.list_events(job.id)) == events
        assert client.files.content(file).read() == lines()
        lost = client.fine_tuning.jobs.retrieve(broken_off.id)
        assert lost.status == "failed" and lost.error is not None
        assert lost.error.message == "The server ended while the job ran."
    for path in (tmp_path / "models").glob("*.bin"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="is damaged"), Served(bases=["misled"], folder=tmp_path):
        pass
    for path in (tmp_path / "jobs").glob("*.json"):
        path.write_text("{")
    for path in (tmp_path / "models").glob("*"):
        path.unlink()
    with pytest.raises(UsageError, match="is damaged"), Served(bases=["misled"], folder=tmp_path):
        pass


@given(st.binary(max_size=200) | st.lists(st.sampled_from([*lines(3).split(b"\n"), b"[]", b"{}"]), max_size=14).map(
    b"\n".join))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    try:
        examples = parse(content, 176)
    except Refused as error:
        assert error.body["error"]["param"] == "training_file"
    else:
        assert len(examples) >= 10 and all(0 < e.start < len(e.tokens) for e in examples)
