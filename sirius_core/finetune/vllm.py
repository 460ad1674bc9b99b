"""Adapters on a vLLM server: each is written into a folder that the server can read and loaded there by name.

vLLM must run with ``--enable-lora`` and the environment ``VLLM_ALLOW_RUNTIME_LORA_UPDATING=True``; then
``POST /v1/load_lora_adapter`` takes ``{"lora_name", "lora_path"}``, and the adapter is a model like any other.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from ..errors import ModelError
from ..models import TryAgain
from ..models.adapters import unpack
from ..models.chat_completions import Answer, error_of
from ..models.openai_api import Endpoint

DEADLINE = 120.0  # seconds for loading one adapter, with all attempts
PAUSES = (0.2, 1.0)  # seconds between attempts


class AdapterServer:
    """The server of ``endpoint``, over the checkpoint in ``checkpoint``.

    ``folder`` keeps the adapters; the server must find it under the same path.
    """

    def __init__(self, endpoint: Endpoint, folder: Path, checkpoint: Path) -> None:
        self._endpoint, self._folder, self._checkpoint = endpoint, folder, checkpoint
        self._loaded: set[str] = set()

    def load(self, name: str, blob: bytes) -> str:
        """Have the adapter whose hash is ``name`` loaded; returns what the server calls it. ModelError if it cannot.

        Not to be called from a coroutine.
        """
        served = f"sirius-{name[:16]}"
        if served not in self._loaded:
            body = {"lora_name": served, "lora_path": str(self._written(served, blob))}
            self._judge(asyncio.run(self._ask(body)), served)
            self._loaded.add(served)
        return served

    def _written(self, served: str, blob: bytes) -> Path:
        folder = self._folder / served
        if not folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Written elsewhere and moved: a kill never leaves half an adapter under its name.
            fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder))
            unpack(blob, fresh, self._checkpoint)
            fresh.chmod(0o755)  # the server may be another user
            try:
                fresh.rename(folder)
            except OSError:  # another process was first, with the same bytes
                shutil.rmtree(fresh)
        return folder.resolve()

    async def _ask(self, body: dict[str, str]) -> Answer:
        """The server's answer; asked again where none came or the server is not itself. Loading twice does no harm."""
        url = self._endpoint.base_url
        try:
            async with asyncio.timeout(DEADLINE):
                for pause in (*PAUSES, None):
                    try:
                        answer = await self._endpoint.send("/load_lora_adapter", body)
                    except TryAgain as error:
                        why = str(error)
                    else:
                        if answer.status < 500 or pause is None:
                            return answer
                    if pause is not None:
                        await asyncio.sleep(pause)
        except TimeoutError:
            why = f"no answer within {DEADLINE:g} s"
        finally:
            await self._endpoint.close()
        raise ModelError(f"the server at {url} cannot be asked to load an adapter: {why}")

    def _judge(self, answer: Answer, served: str) -> None:
        if answer.status == 200:
            return
        said = error_of(answer).message
        if answer.status == 400 and "already been loaded" in said and served in said:
            return  # by an earlier run: equal names mean equal bytes
        url, why = self._endpoint.base_url, self._endpoint.clean(said) or "no reason given"
        if answer.status in (404, 405) and served not in said:
            raise ModelError(f"the server at {url} loads no adapters; start vLLM with --enable-lora and the "
                             "environment VLLM_ALLOW_RUNTIME_LORA_UPDATING=True")
        raise ModelError(f"the server at {url} does not load an adapter ({answer.status}: {why}); it must find "
                         f"{self._folder} under the same path, and its --max-lora-rank must be lora_rank at least")
