"""Prompt files: readable Markdown that is filled strictly.

A team's prompts stand in ``teams/prompts/TEAM``, one file per role, prompt and dialect: ``analyst.answer.pocket.md``. A
file is a list of messages, each opened by a line ``[system]``, ``[user]`` or ``[assistant]``; a file without such a
line is one user message. ``{{name}}`` is a slot. Braces of LaTeX (``\\frac{1}{2}``) are left alone, which
``str.format`` cannot do.

>>> Prompt.parse("[system]\\nBe brief.\\n[user]\\nSolve {{question}}").fill({"question": r"\\frac{1}{2}"})
(Message(role='system', content='Be brief.'), Message(role='user', content='Solve \\\\frac{1}{2}'))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from .errors import PromptError

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_HEADER = re.compile(r"^\[(system|user|assistant)\]\s*$", re.MULTILINE)


class Message(NamedTuple):
    """One chat message: ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """Messages with slots; ``name`` says where it came from in every error."""

    messages: tuple[Message, ...]
    name: str = "prompt"

    @classmethod
    def parse(cls, text: str, name: str = "prompt") -> Prompt:
        parts = _HEADER.split(text)
        if len(parts) == 1:
            return cls((Message("user", text.strip()),), name)
        if parts[0].strip():
            raise PromptError(f"{name}: text before the first [system], [user] or [assistant] line")
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        return cls(tuple(Message(role, body.strip()) for role, body in pairs), name)

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(slot for message in self.messages for slot in _SLOT.findall(message.content))

    def fill(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """The messages with every slot filled. A missing or a surplus value raises PromptError."""
        if missing := sorted(self.slots - values.keys()):
            raise PromptError(f"{self.name}: no value for {', '.join(missing)}")
        if surplus := sorted(values.keys() - self.slots):
            raise PromptError(f"{self.name}: has no slot for {', '.join(surplus)}")
        return tuple(Message(m.role, _SLOT.sub(lambda match: values[match[1]], m.content)) for m in self.messages)


@cache
def load(team: str) -> Mapping[tuple[str, str, str], Prompt]:
    """All prompt files of ``sirius_core/teams/prompts/TEAM``: {(role, prompt, dialect): Prompt}."""
    found: dict[tuple[str, str, str], Prompt] = {}
    for entry in sorted(resources.files("sirius_core.teams").joinpath("prompts", team).iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".md"):
            continue
        parts = entry.name.removesuffix(".md").split(".")
        if len(parts) != 3:
            raise PromptError(f"{team}/{entry.name}: a prompt file is named role.prompt.dialect.md")
        found[parts[0], parts[1], parts[2]] = Prompt.parse(entry.read_text(encoding="utf-8"), f"{team}/{entry.name}")
    return found
