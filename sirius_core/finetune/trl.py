"""Fine-tuning of a local Hugging Face checkpoint: LoRA adapters, one per role, by TRL's SFTTrainer and PEFT.

The loss is on the reply alone: its tokens and the one that ends it. Prompt and reply are written by the checkpoint's
own chat template, by the same function that asks it, so an adapter is trained on exactly what it will read. Nothing is
fetched, reported or left on the disk.

`TrlMachine` plays in this process, which is simplest, or on a vLLM server, which answers many times faster.
"""

from __future__ import annotations

import gc
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, SiriusError, UsageError
from ..models import Model
from ..models.adapters import describe, pack
from ..models.hugging_face import Checkpoint, installed, line, offline
from ..models.local import LocalEngine
from ..settings import Settings
from ..store import Prices
from ..training import Example
from . import OnStep, Tuned, TuneJob, Tuner
from .endpoint import endpoint
from .spoken import Spoken, wrap
from .vllm import AdapterServer

# With the usual scaling by alpha / rank, a fixed alpha lets one learning rate serve every rank.
ALPHA = 32
MICRO = 8  # examples in memory at once: larger batches are added up
WARM_UP = 5  # steps
IGNORED = -100  # label of a token without loss


class TrlTuner:
    """A `Tuner` over ``checkpoint``; a job that comes with an adapter goes on from it, else a new one begins.

    ``settings`` of a job: epochs, batch (examples per optimiser step) and rate, Adam's learning rate after the warm-up,
    which then falls linearly to 0; steps, if given, is their exact number, however many epochs they make.
    Gradients are clipped at norm 1. An example of weight 2 is learned twice in every epoch; a weight that is no whole
    number is refused. An example that does not fit into the checkpoint's context is
    an error that names it: a cut prompt or a cut reply would teach something else. ``losses`` are means over the
    reply tokens of a batch. Whatever ``on_step`` raises ends the training and is passed on.
    """

    def __init__(self, checkpoint: Checkpoint, *, rank: int = 16, micro: int = MICRO) -> None:
        self.checkpoint, self.rank, self.micro = checkpoint, rank, micro

    def __call__(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        return [self._tune(job, on_step) for job in jobs]

    def _tune(self, job: TuneJob, on_step: OnStep) -> Tuned:
        started = time.perf_counter()
        before = describe(job.blob)
        self.checkpoint.check(before["over"])
        rows = labelled(self.checkpoint, job.examples)
        if not rows:
            return Tuned(job.blob, (), 0, 0, 0.0)
        losses: list[float] = []

        def heard(step: int, steps: int, loss: float) -> None:
            if not math.isfinite(loss):
                raise SiriusError(f"fine-tuning of {job.model} diverged at step {step}; start again with a lower rate")
            losses.append(loss)
            on_step(job.model, step, steps, loss)

        with offline(), tempfile.TemporaryDirectory(prefix="sirius-trl-") as folder:
            import torch

            model = self.checkpoint.load()
            if before["kind"] == "lora":
                model = self.checkpoint.attach(model, "default", job.blob, trainable=True)
            trainer = self._trainer(model, rows, job, Path(folder) / "run", heard, new=before["kind"] != "lora")
            try:
                trainer.train()
                trainer.model.save_pretrained(Path(folder) / "adapter")
            except torch.OutOfMemoryError as error:
                raise SiriusError(
                    f"no room on the {self.checkpoint.device} to fine-tune {self.checkpoint.name} ({line(error)}); "
                    "lower lora_rank, or take a smaller checkpoint"
                ) from None
            finally:
                del model, trainer
                _free()
            blob = pack(Path(folder) / "adapter", self.checkpoint.over)
        epoch = math.ceil(len(rows) / job.settings["batch"])  # steps
        tokens = sum(len(row["input_ids"]) for row in rows) * len(losses) // epoch
        return Tuned(blob, tuple(losses), len(losses), tokens, time.perf_counter() - started)

    def _trainer(
        self,
        model: Any,
        rows: list[dict[str, list[int]]],
        job: TuneJob,
        folder: Path,
        heard: Callable[[int, int, float], None],
        *,
        new: bool,
    ) -> Any:
        import torch
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import PrinterCallback, TrainerCallback
        from trl import SFTConfig, SFTTrainer

        gpu, s = self.checkpoint.device == "cuda", job.settings
        if torch.cuda.device_count() > 1:
            raise UsageError("several GPUs are visible; choose one for the fine-tuning, e.g. CUDA_VISIBLE_DEVICES=0")
        micro = max(k for k in range(1, min(self.micro, s["batch"]) + 1) if s["batch"] % k == 0)
        steps = s.get("steps") or s["epochs"] * math.ceil(len(rows) / s["batch"])
        settings = SFTConfig(
            output_dir=str(folder),
            num_train_epochs=s["epochs"],
            max_steps=s.get("steps") or -1,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=s["batch"] // micro,
            learning_rate=s["rate"],
            lr_scheduler_type="linear",
            warmup_steps=min(WARM_UP, steps // 4),
            max_length=None,  # nothing is cut: `labelled` has seen to it that all fits
            seed=job.seed % 2**32,
            bf16=gpu and torch.cuda.is_bf16_supported(),
            use_cpu=not gpu,
            activation_checkpointing=gpu,
            dataloader_pin_memory=gpu,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        adapter = LoraConfig(
            r=self.rank, lora_alpha=ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        )

        class Steps(TrainerCallback):  # type: ignore[misc,unused-ignore]
            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
                if logs and "loss" in logs:
                    heard(state.global_step, state.max_steps, float(logs["loss"]))

        trainer = SFTTrainer(
            model,
            settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=self.checkpoint.tokenizer,
            peft_config=adapter if new else None,
            callbacks=[Steps()],
        )
        trainer.remove_callback(PrinterCallback)  # stdout belongs to whoever runs the experiment
        return trainer


def labelled(checkpoint: Checkpoint, examples: Iterable[Example]) -> list[dict[str, list[int]]]:
    """One row ``{"input_ids", "labels"}`` per example and unit of weight; labels are -100 outside the reply."""
    rows = []
    for example in examples:
        where = f"turn {example.turn} of trajectory {example.trajectory.id}"
        if example.weight < 0 or example.weight != int(example.weight):
            raise UsageError(f"{where} has weight {example.weight:g}: with update=trl weights are whole numbers")
        said = checkpoint.conversation(example.said.messages, example.said.text)
        if checkpoint.context is not None and len(said.ids) > checkpoint.context:
            raise UsageError(
                f"{where} takes {len(said.ids):,} tokens, but {checkpoint.name} looks at {checkpoint.context:,}; "
                "shorten what its role is shown, or take a checkpoint with a longer context"
            )
        labels = [IGNORED] * said.reply + list(said.ids[said.reply :])
        rows += [{"input_ids": list(said.ids), "labels": labels}] * int(example.weight)
    return rows


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class TrlMachine:
    """What an experiment on the checkpoint in ``settings.checkpoint`` plays and learns on.

    In this process it answers up to ``settings.concurrency`` calls in one batch. With ``settings.base_url`` a vLLM
    server plays, which calls the checkpoint ``settings.model``; ``adapters`` is a folder for its adapters that it finds
    under the same path, and an adapter's calls cost in ``prices`` what the checkpoint's do. Without, ``adapters`` is
    not touched.
    """

    def __init__(self, settings: Settings, adapters: Path, prices: Prices | None = None) -> None:
        if not settings.checkpoint:
            raise UsageError("update=trl needs a local checkpoint: --set checkpoint=FOLDER")
        if bool(settings.base_url) != bool(settings.model):
            raise UsageError("update=trl on a server needs --base-url and --model (what the server calls the "
                             "checkpoint); without both the checkpoint plays in this process")
        installed()
        self.checkpoint = Checkpoint(settings.checkpoint)
        self.engine = LocalEngine(self.checkpoint, settings.concurrency)
        self._tuner = TrlTuner(self.checkpoint, rank=settings.lora_rank)
        self._s, self._prices = settings, prices
        self._endpoint = endpoint(settings) if settings.base_url else None
        self._adapters = self._endpoint and AdapterServer(self._endpoint, adapters, self.checkpoint.folder)

    @property
    def tune(self) -> Tuner:
        return self._tune

    def base(self) -> bytes:
        """The untrained checkpoint by name and hash: its weights stay where they are."""
        return Spoken(self.checkpoint.over).blob()

    def mender(self) -> bytes | None:
        if not self._s.mender_model:
            return None
        if not self._s.base_url:
            raise UsageError("setting mender_model: needs a server (--base-url); in this process the base mends")
        return Spoken({"endpoint": self._s.base_url, "model": self._s.mender_model}).blob()

    def model(self, name: str, blob: bytes) -> Model:
        """The model of a stored checkpoint: the untrained one, one with demonstrations, an adapter, the mender."""
        said = describe(blob)
        if said["kind"] == "spoken" and "endpoint" in said["over"]:
            return self._served(said["over"]["model"], priced=said["over"]["model"])
        self.checkpoint.check(said["over"])
        if said["kind"] == "lora":
            return self._served(self._adapters.load(name, blob)) if self._adapters else self.engine.model(name, blob)
        spoken = Spoken.parse(blob)
        inner = self._served(self._s.model) if self._adapters else self.engine.model(name)
        return wrap(inner, name, spoken) if spoken.demos or spoken.system else inner

    def _served(self, model: str, priced: str = "") -> Model:
        from ..models.openai_api import OpenAIModel, Price

        if self._endpoint is None:
            raise CheckpointError(f"{model} belongs to a server; name it with --base-url")
        row = self._prices.get(priced or self._s.model) if self._prices is not None else None
        price = None if row is None else Price(row.input, row.output, row.cached)
        return OpenAIModel(self._endpoint, model, request=self._s.request_fields(), price=price)

    def describe(self) -> Mapping[str, Any]:
        import torch

        gpu = torch.cuda.get_device_name() if self.checkpoint.device == "cuda" else None
        return {**self.checkpoint.over, "device": gpu or "cpu", "torch": torch.__version__,
                "threads": torch.get_num_threads(), "endpoint": self._s.base_url or None}

    def close(self) -> None:
        self.engine.close()

    def _tune(self, jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
        self.engine.release()  # training needs the memory
        return self._tuner(jobs, on_step)
