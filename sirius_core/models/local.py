"""A checkpoint of this machine that speaks in this process, untrained or with an adapter.

Calls that wait at the same time for the same adapter are answered in one batch, in a thread, so that the event loop
lives. Each row draws with a generator of its own seed, so a reply depends on its messages, sampling and weights; only
rounding can make a reply in company differ from the same reply alone (``batch=1`` excludes that, and is slower).
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..prompts import Message
from . import Completion, Sampling
from .hugging_face import Checkpoint, line, offline

MOST_ADAPTERS = 8  # in memory at once; the one that was silent longest makes room
GREEDY = 1e-4  # temperatures below this are 0: dividing by less overflows


@dataclass
class _Waiting:
    adapter: str  # its name; empty: the untrained checkpoint
    blob: bytes
    prompt: list[int]
    sampling: Sampling
    most: int  # tokens of the reply, the context's end considered
    future: asyncio.Future[Completion]


class LocalEngine:
    """Holds one checkpoint in memory, loads it when first asked, and answers what waits, ``batch`` rows at a time."""

    def __init__(self, checkpoint: Checkpoint, batch: int = 32) -> None:
        self.checkpoint, self._batch = checkpoint, batch
        self._model: Any = None
        self._adapters: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def model(self, name: str, blob: bytes = b"") -> LocalModel:
        """The model of a checkpoint whose hash is ``name``; ``blob`` is its adapter, or nothing for the untrained."""
        return LocalModel(name, self, blob)

    async def answer(self, name: str, blob: bytes, prompt: list[int], sampling: Sampling, most: int) -> Completion:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Completion] = loop.create_future()
        self._waiting.append(_Waiting(name if blob else "", blob, prompt, sampling, most, future))
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # who asks in the same moment joins the batch
        while self._waiting:
            self._waiting = [w for w in self._waiting if not w.future.done() and w.future.get_loop() is loop]
            rows = [w for w in self._waiting if w.adapter == self._waiting[0].adapter][: self._batch]
            if not rows:
                return
            self._waiting = [w for w in self._waiting if w not in rows]
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="sirius-local")
            started = time.perf_counter()
            try:
                said = await loop.run_in_executor(self._thread, self._generate, rows)
            except Exception as error:
                for w in rows:
                    if not w.future.done():
                        w.future.set_exception(error)
                continue
            ms = (time.perf_counter() - started) * 1000
            for w, (text, finish, tokens) in zip(rows, said, strict=True):
                if not w.future.done():
                    w.future.set_result(Completion(text, finish, len(w.prompt), tokens, ms))

    # -- in the thread -----------------------------------------------------------------------------------------------
    def _generate(self, rows: list[_Waiting]) -> list[tuple[str, str, int]]:
        """(text, finish, tokens) of each row; all rows are for one adapter."""
        import torch

        model, tokenizer = self._ready(rows[0].adapter, rows[0].blob), self.checkpoint.tokenizer
        ends, device = self.checkpoint.ends, self.checkpoint.device
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
        width = max(len(w.prompt) for w in rows)
        ids = torch.tensor([[pad] * (width - len(w.prompt)) + w.prompt for w in rows], device=device)
        mask = torch.tensor([[0] * (width - len(w.prompt)) + [1] * len(w.prompt) for w in rows], device=device)
        generators = [torch.Generator(device).manual_seed(w.sampling.seed) for w in rows]

        def draw(seen: Any, scores: Any) -> Any:
            """Gumbel noise from each row's own generator: the greatest score is then a draw at its temperature."""
            scores = scores.float()
            for row, (w, generator) in enumerate(zip(rows, generators, strict=True)):
                if w.sampling.temperature >= GREEDY:
                    waiting = torch.empty_like(scores[row]).exponential_(generator=generator)
                    scores[row] = scores[row] / w.sampling.temperature - waiting.log()
            return scores

        def enough(seen: Any, scores: Any, **more: Any) -> Any:
            written = seen.shape[1] - width
            return torch.tensor([written >= w.most or w.future.cancelled() for w in rows], device=seen.device)

        with offline(), torch.inference_mode():
            from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

            # The checkpoint's own sampling habits (top_p, penalties) stay out: temperature alone decides.
            settings = GenerationConfig(
                max_new_tokens=max(w.most for w in rows), do_sample=False, eos_token_id=list(ends), pad_token_id=pad
            )
            model.generation_config = settings
            try:
                out = self._speak(
                    model,
                    rows[0].adapter,
                    input_ids=ids,
                    attention_mask=mask,
                    generation_config=settings,
                    logits_processor=LogitsProcessorList([draw]),
                    stopping_criteria=StoppingCriteriaList([enough]),
                )
            except torch.OutOfMemoryError:
                raise ModelError(
                    f"no room on the {device} for {len(rows)} replies of {self.checkpoint.name} at once; "
                    "lower concurrency or reply_tokens, or serve the checkpoint with vLLM"
                ) from None
            except RuntimeError as error:
                raise ModelError(f"{self.checkpoint.name} cannot answer: {line(error)}") from None
        replies = []
        for w, tokens in zip(rows, out[:, width:].tolist(), strict=True):
            tokens = tokens[: w.most]
            end = next((i for i, token in enumerate(tokens) if token in ends), None)
            said = tokens if end is None else tokens[:end]
            text = tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            replies.append((text, "length" if end is None else "stop", len(tokens) if end is None else end + 1))
        return replies

    def _ready(self, adapter: str, blob: bytes) -> Any:
        """The model with ``adapter`` at hand."""
        if self._model is None:
            self._model = self.checkpoint.load()
        if adapter and adapter not in self._adapters:
            self._model = self.checkpoint.attach(self._model, adapter, blob)
            self._adapters[adapter] = None
            if len(self._adapters) > MOST_ADAPTERS:
                self._model.delete_adapter(self._adapters.popitem(last=False)[0])
        if adapter:
            self._adapters.move_to_end(adapter)
            self._model.set_adapter(adapter)
        return self._model.eval()

    def _speak(self, model: Any, adapter: str, **how: Any) -> Any:
        if adapter or not self._adapters:
            return model.generate(**how)
        with model.disable_adapter():
            return model.generate(**how)

    def release(self) -> None:
        """Give the weights' memory back; they are loaded again when next needed."""
        self._model = None
        self._adapters.clear()
        gc.collect()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None
        self.release()


class LocalModel:
    """The checkpoint, or one adapter over it. It speaks chat; its replies go to the journal like an endpoint's."""

    dialect, lockstep = "chat", False

    def __init__(self, name: str, engine: LocalEngine, blob: bytes) -> None:
        self.name, self._engine, self._blob = name, engine, blob

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """A prompt as long as the context is a truncated, empty reply."""
        checkpoint = self._engine.checkpoint
        prompt = checkpoint.prompt(messages)
        room = sampling.max_tokens if checkpoint.context is None else checkpoint.context - len(prompt)
        if room <= 0:
            return Completion("", "length", len(prompt))
        return await self._engine.answer(self.name, self._blob, prompt, sampling, min(room, sampling.max_tokens))
