"""One line of a file to one trace. The forms are told apart by their keys; every defect names the key.

    full         {"question", "answer"?, "kind"?, "turns": [{"role", "text", "messages"?, "model"?}], "final"?,
                 "reward"?, "round"?}
    chat         {"messages": [...]}: what OpenAI's fine-tuning and TRL's conversational form read; each reply is a turn
    completion   {"prompt", "completion"}: TRL's, texts or messages
    preference   {"prompt"?, "chosen", "rejected"}: TRL's, texts or messages; a failure, and what is better

All but the full form may carry ``question``, ``answer``, ``kind``, ``reward`` and ``round``, beside the other keys or
under ``metadata``. What else stands there is not read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import answers
from ..errors import UnknownName, UsageError
from ..prompts import Message
from ..store import dumps

FORMS = {"full": ("turns",), "chat": ("messages",), "completion": ("prompt", "completion"),
         "preference": ("chosen", "rejected")}
TOLD = ("question", "answer", "kind", "reward", "round")
READ = frozenset({*TOLD, *(key for keys in FORMS.values() for key in keys), "prompt", "final", "metadata"})
MOST_TURNS, MOST_ROUNDS = 1000, 10_000
REPLY = "assistant"  # who speaks in chats
_SPEAKERS = ("system", "developer", "user", REPLY, "tool", "function")


def wrong(key: str, what: str) -> UsageError:
    """What is wrong with a line; ``key`` is where in it."""
    return UsageError(f"{key}: {what}" if key else what)


@dataclass(frozen=True, slots=True)
class Said:
    """One turn: who said what, and what they were asked (empty where the file does not say)."""

    role: str
    text: str
    asked: tuple[Message, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """One line as it was understood. ``better`` is what the file prefers to the last turn; ``origin`` is what a
    provenance file says of the line."""

    form: str
    question: str
    said: tuple[Said, ...]
    answer: str = ""
    kind: str = ""
    final: str = ""
    reward: float | None = None
    round: int = 0
    better: str | None = None
    unread: tuple[str, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)


def form_of(line: Mapping[str, Any]) -> str:
    """The name of a line's form. UsageError if it has none, or two."""
    found = [name for name, keys in FORMS.items() if all(key in line for key in keys)]
    if "preference" in found and "completion" not in found:
        found = [name for name in found if name != "chat"]  # some files keep the whole talk beside the pair
    if len(found) == 1:
        return found[0]
    if found:
        raise wrong("", f"keys of two forms, {found[0]} and {found[1]}: leave one out")
    there = ", ".join(repr(key[:40]) for key in list(line)[:6]) or "none"
    raise wrong("", f"no trace: the keys are {there}; a trace has turns, or messages, or prompt and completion, or "
                     "chosen and rejected")


def trace(line: Mapping[str, Any]) -> Trace:
    """A line as a trace. UsageError says what is wrong and where."""
    form = form_of(line)
    made = {"full": _full, "chat": _chat, "completion": _completion, "preference": _preference}[form](line)
    if not made.said:
        raise wrong(FORMS[form][0], "nobody says anything in it")
    if len(made.said) > MOST_TURNS:
        raise wrong(FORMS[form][0], f"more than {MOST_TURNS} turns")
    told = _told(line)
    return replace(made, form=form, question=told.get("question") or made.question, answer=told.get("answer", ""),
                   kind=told.get("kind", ""), reward=told.get("reward"), round=told.get("round", 0),
                   unread=tuple(whole(key) for key in line if key not in READ))


# -- the forms ---------------------------------------------------------------------------------------------------------
def _full(line: Mapping[str, Any]) -> Trace:
    if not text(line.get("question"), "question").strip():
        raise wrong("question", "a text is needed")
    turns = line["turns"]
    if not isinstance(turns, list):
        raise wrong("turns", f"a list is needed, not {kind_of(turns)}")
    said: list[Said] = []
    for number, turn in enumerate(turns[: MOST_TURNS + 1]):
        at = f"turns[{number}]"
        if not isinstance(turn, dict):
            raise wrong(at, f"an object with role and text is needed, not {kind_of(turn)}")
        role = text(turn.get("role"), f"{at}.role").strip()
        if not role:
            raise wrong(f"{at}.role", "a name is needed")
        asked = messages(turn["messages"], f"{at}.messages") if turn.get("messages") is not None else ()
        said.append(Said(role, text(turn.get("text"), f"{at}.text"), asked, optional(turn, "model", at)))
    return Trace("", whole(line["question"]), tuple(said), final=optional(line, "final"))


def _chat(line: Mapping[str, Any]) -> Trace:
    talk = spoken(line["messages"], "messages")
    said = tuple(Said(name, said.content, tuple(message for _, message in talk[:i]))
                 for i, (name, said) in enumerate(talk) if said.role == REPLY)
    if not said:
        raise wrong("messages", f"no message of the role {REPLY}: nobody answers in it")
    return Trace("", _asked(said[0].asked), said)


def _completion(line: Mapping[str, Any]) -> Trace:
    asked = messages(line["prompt"], "prompt")
    return Trace("", _asked(asked), tuple(_replies(line["completion"], "completion", asked)))


def _preference(line: Mapping[str, Any]) -> Trace:
    if "prompt" in line:
        asked = messages(line["prompt"], "prompt")
        good, bad = messages(line["chosen"], "chosen", REPLY), messages(line["rejected"], "rejected", REPLY)
    else:  # whole conversations that part at the last message
        one, other = messages(line["chosen"], "chosen"), messages(line["rejected"], "rejected")
        asked = one[: next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))]
        good, bad = one[len(asked) :], other[len(asked) :]
    for key, replies in (("chosen", good), ("rejected", bad)):
        if [reply.role for reply in replies] != [REPLY]:
            raise wrong(key, "one reply to the same prompt is needed")
    return Trace("", _asked(asked), (Said(REPLY, bad[0].content, asked),), better=good[0].content)


def _replies(value: Any, key: str, asked: tuple[Message, ...]) -> list[Said]:
    talk = messages(value, key, REPLY)
    return [Said(REPLY, m.content, (*asked, *talk[:i])) for i, m in enumerate(talk) if m.role == REPLY]


def _asked(asked: Sequence[Message]) -> str:
    """What the first reply answers: the first thing that a user says; where nobody does, all that was asked."""
    first = next((m.content for m in asked if m.role == "user"), None)
    return first if first is not None else "\n\n".join(m.content for m in asked)


# -- pieces ------------------------------------------------------------------------------------------------------------
def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line says of itself, beside its other keys or under ``metadata``."""
    more = line.get("metadata")
    if more is not None and not isinstance(more, dict):
        raise wrong("metadata", f"an object is needed, not {kind_of(more)}")
    found: dict[str, Any] = {}
    for key in TOLD:
        at, value = (key, line[key]) if line.get(key) is not None else (f"metadata.{key}", (more or {}).get(key))
        if value is None:
            continue
        if key == "reward":
            found[key] = _number(value, at)
        elif key == "round":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ROUNDS:
                raise wrong(at, f"a whole number from 0 to {MOST_ROUNDS} is needed")
            found[key] = value
        elif key == "answer" and isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = str(value)
        elif key == "answer" and isinstance(value, list):
            found[key] = whole(dumps(value))
        else:
            found[key] = text(value, at).strip() if key != "question" else text(value, at)
    if found.get("kind") and found["kind"] not in answers.KINDS:
        raise wrong("kind", str(UnknownName("kind of answer", found["kind"][:40], answers.KINDS)))
    return found


def _number(value: Any, key: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise wrong(key, "a number is needed" if not isinstance(value, str) else "a number is needed, not a text")
    return number


def messages(value: Any, key: str, speaker: str = "user") -> tuple[Message, ...]:
    """Messages as they stand; a text is one message of ``speaker``."""
    if isinstance(value, str):
        return (Message(speaker, whole(value)),)
    return tuple(message for _, message in spoken(value, key))


def spoken(value: Any, key: str) -> list[tuple[str, Message]]:
    """[(who: the message's name, else its role; the message)]"""
    if not isinstance(value, list):
        raise wrong(key, f"a list of messages is needed, not {kind_of(value)}")
    found = []
    for number, one in enumerate(value):
        at = f"{key}[{number}]"
        if not isinstance(one, dict):
            raise wrong(at, f"an object with role and content is needed, not {kind_of(one)}")
        role = one.get("role")
        if role not in _SPEAKERS:
            raise wrong(f"{at}.role", f"one of {', '.join(_SPEAKERS)} is needed")
        name = optional(one, "name", at).strip() or role
        found.append((name, Message(role, _content(one, at))))
    return found


def _content(one: Mapping[str, Any], at: str) -> str:
    """The words of a message: a text, or the texts of its parts; calls of tools as JSON."""
    value, calls = one.get("content"), one.get("tool_calls")
    if value is None and calls is not None:
        return whole(dumps(calls))
    if isinstance(value, list):
        parts = []
        for number, part in enumerate(value):
            if not isinstance(part, dict) or not isinstance(part.get("text"), str):
                raise wrong(f"{at}.content[{number}]", "only parts with a text can be read")
            parts.append(part["text"])
        return whole("\n".join(parts))
    return text(value, f"{at}.content")


def optional(line: Mapping[str, Any], key: str, at: str = "") -> str:
    value = line.get(key)
    return "" if value is None else text(value, f"{at}.{key}" if at else key)


def text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise wrong(key, "it is missing" if value is None else f"a text is needed, not {kind_of(value)}")
    return whole(value)


def whole(value: str) -> str:
    """The text with U+FFFD for each half of a character, which JSON may spell and no file can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
