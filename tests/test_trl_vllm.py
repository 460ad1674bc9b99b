"""Adapters on a vLLM server, against a small stub of it on loopback that checks what it is sent and reads the files."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_trl_adapters import OVER, saved

from sirius_core.errors import CheckpointError, ModelError
from sirius_core.finetune.spoken import Spoken
from sirius_core.finetune.trl import TrlMachine
from sirius_core.finetune.vllm import AdapterServer
from sirius_core.models import Completion, Sampling
from sirius_core.models.adapters import CONFIG, WEIGHTS, pack, read
from sirius_core.models.hugging_face import Checkpoint
from sirius_core.models.openai_api import Endpoint
from sirius_core.prompts import Message
from sirius_core.settings import Settings
from sirius_core.store import Store

NAME = "0123456789abcdef" * 4
SERVED = "sirius-0123456789abcdef"
LOADED = f"The lora adapter '{SERVED}' has already been loaded. If you want to load the adapter in place, set "
REFUSED = "the server at {url} loads no adapters; start vLLM with --enable-lora and the environment "


class Stub:
    """Answers ``load_lora_adapter`` with ``answers`` in order, then as vLLM does; a chat by the name of its model."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = []
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.keys: list[str | None] = []
        self.adapters: dict[str, tuple[dict[str, object], bytes]] = {}

    def answer(self, path: str, body: dict[str, object], key: str | None) -> tuple[int, object]:
        self.asked.append((path, body))
        self.keys.append(key)
        if path == "/v1/chat/completions":
            message = {"role": "assistant", "content": f"{body['model']} speaks"}
            return 200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        if self.answers:
            return self.answers.pop(0)
        folder = Path(str(body["lora_path"]))
        self.adapters[str(body["lora_name"])] = (json.loads((folder / CONFIG).read_text()),
                                                 (folder / WEIGHTS).read_bytes())
        return 200, f"Success: LoRA adapter '{body['lora_name']}' added successfully."


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = stub.answer(self.path, body, self.headers.get("Authorization"))
            raw = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blob(tmp_path) -> bytes:
    return pack(saved(tmp_path / "saved"), OVER)


def server(stub: Stub, tmp_path: Path) -> AdapterServer:
    return AdapterServer(Endpoint(stub.url), tmp_path / "adapters", tmp_path / "tiny")


def test_an_adapter_is_written_and_loaded_once_under_the_name_of_its_content(stub, blob, tmp_path):
    adapters = server(stub, tmp_path)
    assert [adapters.load(NAME, blob) for _ in range(2)] == [SERVED, SERVED]
    where = str((tmp_path / "adapters" / SERVED).resolve())
    assert stub.asked == [("/v1/load_lora_adapter", {"lora_name": SERVED, "lora_path": where})]
    adapter = read(blob)
    assert stub.adapters == {SERVED: (
        {**adapter.config, "base_model_name_or_path": str(tmp_path / "tiny")}, adapter.weights)}
    assert [p.name for p in (tmp_path / "adapters").iterdir()] == [SERVED]
    assert stub.keys == ["Bearer none"]  # this server asks for no key


@pytest.mark.parametrize("said", [{"error": {"message": LOADED, "type": "InvalidUserInput", "code": 400}},
                                  {"object": "error", "message": LOADED, "code": 400}])
def test_one_that_an_earlier_run_loaded_serves(stub, blob, tmp_path, said):
    stub.answers = [(400, said)]
    assert server(stub, tmp_path).load(NAME, blob) == SERVED


def test_a_server_that_is_not_itself_is_asked_again(stub, blob, tmp_path):
    stub.answers = [(503, "starting"), (500, {"error": {"message": "once more"}})]
    assert server(stub, tmp_path).load(NAME, blob) == SERVED
    assert len(stub.asked) == 3 and len({json.dumps(body) for _, body in stub.asked}) == 1


@pytest.mark.parametrize("answer, line", [
    ((404, {"detail": "Not Found"}), REFUSED + "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
    ((404, {"error": {"message": f"Loading lora {SERVED} failed: no adapter_config.json"}}),
     "the server at {url} does not load an adapter (404: Loading lora " + SERVED + " failed: no adapter_config.json); "
     "it must find {folder} under the same path, and its --max-lora-rank must be lora_rank at least"),
    ((400, {"error": {"message": "LoRA rank 64 is greater than max_lora_rank 16."}}),
     "the server at {url} does not load an adapter (400: LoRA rank 64 is greater than max_lora_rank 16.); "
     "it must find {folder} under the same path, and its --max-lora-rank must be lora_rank at least"),
])
def test_a_server_that_refuses_is_one_line(stub, blob, tmp_path, answer, line):
    stub.answers = [answer]
    with pytest.raises(ModelError) as caught:
        server(stub, tmp_path).load(NAME, blob)
    assert str(caught.value) == line.format(url=stub.url, folder=tmp_path / "adapters")
    assert server(stub, tmp_path).load(NAME, blob) == SERVED  # and once it is mended, it serves


def test_the_key_goes_into_the_header_and_into_no_error(stub, blob, tmp_path):
    key = "sk-canary-0123456789"
    stub.answers = [(403, {"error": {"message": f"{key} may not"}})]
    endpoint = Endpoint(stub.url, "VLLM_KEY", {"VLLM_KEY": key})
    with pytest.raises(ModelError) as caught:
        AdapterServer(endpoint, tmp_path / "adapters", tmp_path).load(NAME, blob)
    assert stub.keys == [f"Bearer {key}"] and "canary" not in str(caught.value)


def test_a_server_that_is_not_there_is_named(stub, blob, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/v1"
    with pytest.raises(ModelError, match=f"the server at {url} cannot be asked to load an adapter: "):
        AdapterServer(Endpoint(url), tmp_path / "adapters", tmp_path).load(NAME, blob)


@pytest.mark.skipif(find_spec("trl") is None, reason="the trl extra is not installed")
def test_a_machine_on_a_server_speaks_through_it(stub, tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"")
    settings = Settings(update="trl", checkpoint=str(tmp_path / "tiny"), base_url=stub.url, model="llama",
                        mender_model="wise", request='{"top_k": 5}')
    with Store(tmp_path / "lab.db") as store:
        store.prices.set("llama", 1e6, 0.0)
        store.prices.set("wise", 0.0, 5e5)
        machine = TrlMachine(settings, tmp_path / "adapters", store.prices)
        speak(machine, stub, tmp_path)


def speak(machine: TrlMachine, stub: Stub, tmp_path: Path) -> None:
    over = Checkpoint(tmp_path / "tiny").over
    adapter, mender = pack(saved(tmp_path / "saved"), over), machine.mender()
    assert machine.base() == Spoken(over).blob() and mender is not None

    async def ask(blob: bytes, name: str) -> Completion:
        model = models[name]
        try:
            return await model.complete([Message("user", "Hi")], Sampling(0.5, 7, 11))
        finally:
            await model.close()

    blobs = {"b" * 64: machine.base(), NAME: adapter, "c" * 64: mender}
    models = {name: machine.model(name, blob) for name, blob in blobs.items()}
    said = [asyncio.run(ask(blob, name)) for name, blob in blobs.items()]
    assert [(one.text, one.cost) for one in said] == [
        ("llama speaks", 3.0), (f"{SERVED} speaks", 3.0), ("wise speaks", 1.0)]
    assert [body for path, body in stub.asked if path == "/v1/chat/completions"] == [
        {"model": name, "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "max_tokens": 7,
         "seed": 11, "top_k": 5} for name in ("llama", SERVED, "wise")]
    with pytest.raises(CheckpointError, match="this was trained over"):
        machine.model("d" * 64, pack(tmp_path / "saved", OVER))
    machine.close()
