"""A training file, read strictly: chat JSONL, one example per line, loss on the last reply alone."""

from __future__ import annotations

import json
from typing import Any

from ..pocket.learning import Example
from ..pocket.vocabulary import STOP
from .chat import content, tokens
from .protocol import Refused, unknown_fields

FEWEST = 10  # as OpenAI has it
MOST = 1_000_000
HEAVIEST = 1000  # weight of an example


def parse(blob: bytes, context: int, words: int | None = None) -> list[Example]:
    """The examples of a file in order: the prompt is every message but the last, the reply is the last.

    ``{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}``; the assistant's
    ``weight`` (1 if absent) multiplies the loss of its words. ``context``, ``words``: how many tokens the model reads
    and how many words it knows. Refused names the first line that cannot be used.
    """
    try:
        lines = [(i, line) for i, line in enumerate(blob.decode("utf-8-sig").split("\n"), 1) if line.strip()]
    except UnicodeDecodeError as error:
        raise _unusable(blob[: error.start].count(b"\n") + 1, "not UTF-8") from None
    if not FEWEST <= len(lines) <= MOST:
        raise Refused(
            f"The training file has {len(lines)} examples; {FEWEST} to {MOST:,} are needed.",
            param="training_file",
            code="invalid_n_examples",
        )
    return [_example(number, line, context, words) for number, line in lines]


def _example(number: int, line: str, context: int, words: int | None) -> Example:
    try:
        body = json.loads(line)
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or len(body["messages"]) < 2:
            raise Refused('{"messages": [...]} with at least two messages is needed')
        unknown_fields(body, ("messages",))
        *asked, said = body["messages"]
        if not isinstance(said, dict) or said.get("role") != "assistant":
            raise Refused("the last message must be the assistant's")
        weight = _weight(said.pop("weight", 1))
        for message in asked:
            if isinstance(message, dict) and message.get("role") == "assistant":
                message.pop("weight", None)
        prompt = tokens(" ".join(content(m, f"messages[{i}]") for i, m in enumerate(asked)), "messages", words)
        reply = tokens(content(said, f"messages[{len(asked)}]"), "messages", words)
    except (ValueError, RecursionError) as error:
        raise _unusable(number, f"no valid JSON: {error}") from None
    except Refused as error:
        raise _unusable(number, str(error)) from None
    sequence = (*prompt, *reply, STOP)
    if not prompt:
        raise _unusable(number, "the prompt holds no word")
    if len(sequence) > context:
        raise _unusable(number, f"{len(sequence)} words; at most {context} fit")
    return Example(sequence, len(prompt), weight)


def _weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= HEAVIEST:
        raise Refused(f"the last message's weight must be a number above 0 and up to {HEAVIEST}")
    return float(value)


def _unusable(number: int, why: str) -> Refused:
    return Refused(f"Line {number} of the training file: {why}", param="training_file", code="invalid_training_file")
