"""Settings that are written as text: what each may say, and how it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple


class SamplingRule(NamedTuple):
    """``critic.revise@repair.max_tokens=300``: role ``*`` and an empty prompt or phase mean every one."""

    role: str
    prompt: str
    phase: str
    field: str  # temperature or max_tokens
    value: float

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        return self.role != "*", bool(self.prompt), bool(self.phase)


PHASES = ("propose", "repair", "control", "validate", "evaluate", "replays", "rewrite", "pilot", "pass")
MOST_EXAMPLES = 1_000_000
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}|(?!(?:sk|pk|gsk|xai|hf)_)[a-z_][A-Za-z0-9_]{0,31}")
_OPTION = re.compile(r"[0-9/]{1,31}|[a-z_]{1,31}\s*=\s*(\w{1,31}|\w{1,31}:[0-9]{1,15}( +\w{1,31}:[0-9]{1,15})*)")
_RULE = re.compile(r"(\*|\w+)(?:\.(\w+))?(?:@(\w+))?\.(temperature|max_tokens)\s*=\s*([0-9.]+)")


def sampling_rules(text: str) -> list[SamplingRule]:
    """ValueError names the part that cannot be read."""
    rules = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _RULE.fullmatch(part)
        if found is None or found[5].count(".") > (found[4] == "temperature") or found[5] == ".":
            raise ValueError(f"{part!r} is not like ROLE.temperature=0.2 or ROLE.PROMPT@PHASE.max_tokens=300")
        if found[3] and found[3] not in PHASES:
            raise ValueError(f"there is no phase {found[3]!r}; the phases are {', '.join(PHASES)}")
        value = float(found[5])
        low, high = (0.0, 2.0) if found[4] == "temperature" else (1, 1_000_000)
        if not low <= value <= high:
            raise ValueError(f"{part!r}: must lie between {low} and {high}")
        rules.append(SamplingRule(found[1], found[2] or "", found[3] or "", found[4], value))
    return rules


def _request(text: str) -> None:
    try:
        fields = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise ValueError('a JSON object is needed, e.g. {"top_p": 0.9}')
    try:
        json.dumps(fields, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # NaN, an infinity, half a character
        raise ValueError("it holds a number or a character that JSON cannot say") from None
    if taken := sorted({"messages", "model", "stream", "n"} & set(fields)):
        raise ValueError(f"{taken[0]!r} is the lab's own")


def counts(text: str, most: int = MOST_EXAMPLES) -> list[int]:
    """One number per round. ValueError says what is allowed."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 0 < int(part) <= most for part in parts):
        raise ValueError(f"whole numbers from 1 to {most:,} with commas, e.g. 620,800")
    return [int(part) for part in parts]


def options_of(text: str) -> dict[str, str | None]:
    """``30/70, messages=6`` as {"30/70": None, "messages": "6"}: a named setting of a game, then options."""
    found: dict[str, str | None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not _OPTION.fullmatch(part):
            raise ValueError(f"{part[:40]!r} is not like cost=44, red=X:25 Y:5 or the name of a setting, 30/70")
        if key in found or (not equals and None in found.values()):
            raise ValueError(f"{key if equals else 'a named setting'} stands there twice")
        found[key] = value if equals else None
    return found


def _key_env(text: str) -> None:
    """A name that could be the key itself is neither kept nor said again."""
    if text and not _VARIABLE.fullmatch(text):
        raise ValueError("write the name of the environment variable that holds the key (OPENAI_API_KEY), never the "
                         "key itself")


TEXTS: dict[str, Callable[[str], object]] = {
    "examples": counts,
    "steps": counts,
    "round_calls": partial(counts, most=10**9),
    "round_tokens": partial(counts, most=10**12),
    "sampling": sampling_rules,
    "request": _request,
    "key_env": _key_env,
    "game": options_of,
}
