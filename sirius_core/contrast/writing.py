"""A plan as the TOML text that says the same: what `plan.read` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .plan import Plan

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(plan: Plan) -> str:
    """The text of a file that holds this plan; `plan.parsed` of it gives the plan back."""
    lines = [f"{name} = {_value(value)}" for name, value in (("name", plan.name), ("question", plan.question)) if value]
    counted = plan.seeds == tuple(range(len(plan.seeds)))
    lines += [f"preset = {_value(plan.preset)}", f"seeds = {len(plan.seeds) if counted else list(plan.seeds)}"]
    if plan.equal:
        lines.append(f"equal = {_value(plan.equal)}")
    if plan.settings:
        lines += ["", "[settings]", *_settings(plan.settings)]
    for arm in plan.arms:
        lines += ["", f"[arms.{_key(arm.name)}]", *_settings(arm.changes)]
    return "\n".join(lines) + "\n"


def _settings(changes: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in changes.items()]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    """A truth value, a number or a text; JSON's escapes are TOML's, but for DEL, which JSON leaves as it is."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
