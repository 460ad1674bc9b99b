"""The plan that is being made on the contrast page: what the widgets begin with, and what they say together.

A draft that is loaded (a lesson, a TOML text) gets a number of its own, which stands in the keys of the widgets: so all
begin anew with what was loaded, and nothing writes into a widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from sirius_core.contrast import Plan
from sirius_core.contrast.plan import seeds_of
from sirius_core.errors import UsageError

KEY = "_ct_draft"


@dataclass(frozen=True)
class Draft:
    """What was loaded; ``arms`` are (number, name, changes), numbers are never given twice."""

    number: int
    name: str = "critic or play again"
    question: str = "Does a critic teach more than playing again, at equal calls?"
    preset: str = "contrast"
    seeds: str = "5"
    equal: str = "calls"
    settings: Mapping[str, Any] = field(default_factory=dict)
    arms: tuple[tuple[int, str, Mapping[str, Any]], ...] = (
        (0, "critic", {"critic": "gold"}), (1, "play again", {"critic": "none"}))
    lesson: str = ""


def current() -> Draft:
    """The draft of this visitor."""
    draft = st.session_state.setdefault(KEY, Draft(0))
    assert isinstance(draft, Draft)
    return draft


def load(plan: Plan) -> None:
    """Begin anew with a plan."""
    common = plan.settings_of(plan.arms[0]).as_dict()  # a value as its setting's type, whatever the text wrote
    arms = tuple((i, arm.name, {n: plan.settings_of(arm).as_dict()[n] for n in arm.changes})
                 for i, arm in enumerate(plan.arms))
    counted = plan.seeds == tuple(range(len(plan.seeds)))
    seeds = str(len(plan.seeds)) if counted else ", ".join(map(str, plan.seeds))
    held = {n: v if n in plan.arms[0].changes else common[n] for n, v in plan.settings.items()}
    st.session_state[KEY] = Draft(current().number + 1, plan.name, plan.question, plan.preset, seeds, plan.equal, held,
                                  arms, plan.lesson)


def add(changes: Mapping[str, Any]) -> None:
    """One more arm, which begins with the same settings as the last (a callback)."""
    draft = current()
    number = 1 + max((n for n, _, _ in draft.arms), default=-1)
    st.session_state[KEY] = _with(draft, (*draft.arms, (number, f"arm {number + 1}", dict(changes))))


def drop(number: int) -> None:
    """Take an arm away (a callback)."""
    draft = current()
    st.session_state[KEY] = _with(draft, tuple(arm for arm in draft.arms if arm[0] != number))


def _with(draft: Draft, arms: tuple[tuple[int, str, Mapping[str, Any]], ...]) -> Draft:
    return Draft(draft.number, draft.name, draft.question, draft.preset, draft.seeds, draft.equal, draft.settings, arms,
                 draft.lesson)


def seeds(text: str) -> tuple[int, ...]:
    """``5`` is 0 to 4; ``3, 7, 11`` are these; ``3,`` is this one."""
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        raise UsageError(f"seeds {text[:40]!r}: a number of seeds, or seeds with commas between them") from None
    return seeds_of(numbers if "," in text or len(numbers) != 1 else numbers[0])
