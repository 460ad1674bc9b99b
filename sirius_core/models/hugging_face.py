"""A Hugging Face checkpoint in a folder of this machine.

Nothing is fetched, no code of the checkpoint is run, no pickle is read: ``local_files_only``, ``trust_remote_code``
false, safetensors alone. What the model reads is made by the checkpoint's own chat template, here and nowhere else, so
the text that an adapter is trained on is the text that it is asked with.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ModelError, SiriusError, UsageError
from ..prompts import Message
from .adapters import read

_FILES = ("*.json", "*.jinja", "*.safetensors", "*.model", "merges.txt", "vocab.txt")  # what decides what it says
# Renamed in transformers 5; PEFT 0.21 and TRL 1.16 still ask for the old names.
_RENAMED = r"`?(is_)?gradient_checkpointing"


def line(error: BaseException) -> str:
    """A library's error as one line for a person."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def installed() -> None:
    """SiriusError where the libraries for local checkpoints are missing. Imports none of them."""
    for name in ("torch", "transformers", "peft", "trl", "datasets"):
        if find_spec(name) is None:
            raise SiriusError(f"a local checkpoint needs {name}: pip install 'sirius-lab[trl]'")


@contextmanager
def offline() -> Iterator[None]:
    """No network, no telemetry, no progress bars of the libraries inside this block."""
    installed()
    from huggingface_hub import constants
    from transformers.utils import logging as talk

    before, bars = constants.HF_HUB_OFFLINE, talk.is_progress_bar_enabled()
    constants.HF_HUB_OFFLINE = True
    talk.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_RENAMED, category=FutureWarning)
            yield
    finally:
        constants.HF_HUB_OFFLINE = before
        if bars:
            talk.enable_progress_bar()


@dataclass(frozen=True)
class Tokens:
    """A conversation with its reply as token ids: ``ids[reply:]`` is what the model has to say, the end included."""

    ids: tuple[int, ...]
    reply: int


class Checkpoint:
    """The checkpoint in ``folder``. UsageError names what is missing there."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser().resolve()
        wrong = f"setting checkpoint={str(folder)!r}:"
        if not (self.folder / "config.json").is_file():
            raise UsageError(f"{wrong} not the folder of a Hugging Face checkpoint (it has no config.json)")
        if not any(self.folder.glob("*.safetensors")):
            pickled = any(self.folder.glob("*.bin"))
            why = "its weights are pickles (*.bin), which are never read; convert them to safetensors"
            raise UsageError(f"{wrong} {why if pickled else 'it has no weights (*.safetensors)'}")
        self.name = self.folder.name

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the names and contents of its files: 1 to 2 GB a second, read once."""
        found = hashlib.sha256()
        for path in sorted({p for pattern in _FILES for p in self.folder.glob(pattern)}):
            with path.open("rb") as file:
                found.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return found.hexdigest()

    @property
    def over(self) -> dict[str, str]:
        """How its descendants name it: by name and hash, since folders differ between machines."""
        return {"checkpoint": self.name, "hash": self.hash}

    def check(self, over: Any) -> None:
        """CheckpointError if something was trained over another checkpoint than this one."""
        if over.get("hash") != self.hash:
            named = f"{over.get('checkpoint', '?')} ({str(over.get('hash', '?'))[:12]})"
            raise CheckpointError(
                f"this was trained over {named}; setting checkpoint leads to {self.name} ({self.hash[:12]}) "
                f"in {self.folder}"
            )

    # -- what the model reads ----------------------------------------------------------------------------------------
    @cached_property
    def tokenizer(self) -> Any:
        with offline():
            from transformers import AutoTokenizer

            try:
                found = AutoTokenizer.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
            except Exception as error:  # the library raises whatever its parsers raise
                raise CheckpointError(f"the tokenizer of {self.name} cannot be read: {line(error)}") from None
        if not found.chat_template:
            raise UsageError(f"checkpoint {self.name} has no chat template; take one that was trained to chat")
        return found

    @cached_property
    def config(self) -> Any:
        with offline():
            from transformers import AutoConfig

            try:
                found = AutoConfig.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
            except Exception as error:
                raise CheckpointError(f"config.json of {self.name} cannot be read: {line(error)}") from None
        return found

    @property
    def context(self) -> int | None:
        """Most tokens that it can look at; None where it does not say."""
        most = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        return most if isinstance(most, int) and most > 0 else None

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Ids of the tokens at which it stops."""
        with offline():
            from transformers import GenerationConfig

            found: list[Any] = [self.tokenizer.eos_token_id, self.config.get_text_config().eos_token_id]
            if (self.folder / "generation_config.json").is_file():
                found.append(GenerationConfig.from_pretrained(self.folder, local_files_only=True).eos_token_id)
        flat = [i for ids in found for i in (ids if isinstance(ids, list | tuple) else [ids])]
        ends = tuple(sorted({i for i in flat if isinstance(i, int)}))
        if not ends:
            raise UsageError(f"checkpoint {self.name} names no token that ends a reply (eos_token)")
        return ends

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the conversation up to where the reply begins."""
        return self._ids(self._text(messages, reply=None))

    def conversation(self, messages: Sequence[Message], reply: str) -> Tokens:
        """The same followed by ``reply`` and the token that ends it.

        What the template puts between prompt and reply, or between reply and end, the model has to say, too; what
        follows the end is left out. A template that ends a reply with no token at which the model stops gets one.
        """
        asked, whole = self._text(messages, reply=None), self._text(messages, reply=reply)
        said = whole[len(asked) :]
        if not whole.startswith(asked) or "".join(reply.split()) not in "".join(said.split()):
            raise CheckpointError(
                f"the chat template of {self.name} writes a request differently once it is answered, "
                "so nothing can be learned from it as it is asked; take a checkpoint with a plain template"
            )
        prompt, ids = self._ids(asked), self._ids(whole)
        # Some tokenizers begin every text with a space of their own: cut the reply from the whole where that works.
        rest = ids[len(prompt) :] if ids[: len(prompt)] == prompt else self._ids(said)
        last = max((i for i, token in enumerate(rest) if token in self.ends), default=None)
        rest = [*rest, self.tokenizer.eos_token_id or self.ends[0]] if last is None else rest[: last + 1]
        return Tokens((*prompt, *rest), len(prompt))

    def _text(self, messages: Sequence[Message], reply: str | None) -> str:
        said = [{"role": m.role, "content": m.content} for m in messages]
        if reply is not None:
            said.append({"role": "assistant", "content": reply})
        tokenizer = self.tokenizer
        try:
            text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=reply is None)
        except Exception as error:  # a template raises what it likes, for instance at a system message
            raise ModelError(f"the chat template of {self.name} refuses a request: {line(error)}") from None
        return str(text)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    # -- weights -----------------------------------------------------------------------------------------------------
    @property
    def device(self) -> str:
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def load(self) -> Any:
        """The model, ready to speak: in single precision on a processor, as it was stored on a GPU."""
        with offline():
            import torch
            from transformers import AutoModelForCausalLM

            kind = torch.float32 if self.device == "cpu" else "auto"
            try:
                model = AutoModelForCausalLM.from_pretrained(
                    self.folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=kind
                )
            except torch.OutOfMemoryError:
                raise ModelError(f"no room for the weights of {self.name} on the {self.device}") from None
            except Exception as error:
                raise CheckpointError(f"the weights of {self.name} cannot be read: {line(error)}") from None
            return model.to(self.device).eval()

    def merge(self, blob: bytes, folder: Path) -> None:
        """Write a whole checkpoint with the adapter in ``blob`` worked into its weights, for programs that load none.

        ``folder`` is made if absent.
        """
        with offline():
            self.attach(self.load(), "default", blob).merge_and_unload().save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)

    def attach(self, model: Any, name: str, blob: bytes, *, trainable: bool = False) -> Any:
        """``model`` (plain, or with adapters already) with the adapter in ``blob`` under ``name``; returns PEFT's.

        ``name`` holds no dot and is no part of ``lora_``: PEFT makes it a part of the weights' names.
        """
        adapter = read(blob)
        self.check(adapter.over)
        with offline():
            from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
            from safetensors.torch import load

            settings = LoraConfig(**adapter.config, inference_mode=not trainable)
            try:
                weights = load(adapter.weights)
                if isinstance(model, PeftModel):
                    model.add_adapter(name, settings)
                else:
                    model = get_peft_model(model, settings, adapter_name=name)
                if set(get_peft_model_state_dict(model, adapter_name=name)) != set(weights):
                    raise CheckpointError("its weights are not those of the modules that it names")
                set_peft_model_state_dict(model, weights, adapter_name=name)
            except Exception as error:
                raise CheckpointError(f"an adapter does not fit {self.name}: {line(error)}") from None
            return model
