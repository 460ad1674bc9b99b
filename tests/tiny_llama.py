"""A random Llama of 2 layers, width 32 and one token per byte, written as a Hugging Face checkpoint: made in a second,
never downloaded. It knows nothing, so what it answers after a fine-tuning it has learned there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sirius_core.models import Completion, Model, Sampling
from sirius_core.prompts import Message

START, END, PAD = "<|start|>", "<|end|>", "<|pad|>"
TURNS = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def make(folder: Path, template: str | None = TURNS, context: int = 256, seed: int = 0) -> Path:
    """Write the checkpoint into ``folder``. ``template`` None: one that cannot chat."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from sirius_core.models.hugging_face import offline

    vocabulary = {token: i for i, token in enumerate([START, END, PAD, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokens = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token=END, pad_token=PAD, additional_special_tokens=[START]
    )
    tokenizer.chat_template = template
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=context, eos_token_id=vocabulary[END],
        pad_token_id=vocabulary[PAD], bos_token_id=None, tie_word_embeddings=False,
    ))
    with torch.no_grad():
        model.model.norm.weight.fill_(12.0)  # else its frozen head could not be sure of anything
    with offline():
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    return folder


def answers(model: Model, asked: Sequence[Sequence[Message]], sampling: Sampling) -> list[Completion]:
    """The replies to requests that come at the same time."""
    async def all_at_once() -> list[Completion]:
        return list(await asyncio.gather(*(model.complete(messages, sampling) for messages in asked)))

    return asyncio.run(all_at_once())
