"""What a person tries at a repair, played at once with the models of then: a text, or a critique that is carried out.

The embedded model's worker is kept for the whole server; connections never are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from sirius_core import imports, recipes, review
from sirius_core.calls import Calls, Limits
from sirius_core.evaluate import voices_for
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.improve import MENDER
from sirius_core.machines import machine_for
from sirius_core.models.pocket import Engine
from sirius_core.pocket.vocabulary import encode
from sirius_core.review import Item
from sirius_core.store import Experiment, Store
from sirius_core.trajectories import Repair, Trajectory


@dataclass
class Kept:
    """One worker for the whole server: it serves one edit at a time."""

    engine: Engine
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    return Kept(Engine(workers=1))


def play(store: Store, e: Experiment, item: Item, text: str, draw: int = 0) -> tuple[Trajectory, float]:
    """(the replay with ``text`` in the repaired turn, seconds it took). Unknown words raise UnreadableText."""
    started = time.perf_counter()
    if imports.imported(e):  # nobody is there who could go on from it: the text itself is judged
        return imports.edited(store, item.id, text), time.perf_counter() - started
    with _spoken(store, e, item.round) as with_voices:
        again = review.try_edit(store, item.id, text, draw=draw, **with_voices)
    return again, time.perf_counter() - started


def advise(store: Store, e: Experiment, item: Item, feedback: str, draw: int = 0) -> tuple[Repair, float]:
    """(the repair that the role made of a person's ``feedback``, seconds it took)."""
    started = time.perf_counter()
    with _spoken(store, e, item.round) as with_voices:
        made = review.advise(store, item.id, feedback, draw=draw, **with_voices)
    return made, time.perf_counter() - started


@contextmanager
def _spoken(store: Store, e: Experiment, round: int) -> Iterator[dict[str, Any]]:
    """Team, judge, voices, calls and check as the review asks for them: who spoke when the round's episodes failed."""
    recipes.playable(e.settings)
    worker = kept()
    recipe, pocket = recipes.get(e.settings), not e.settings.model and e.settings.update in ("auto", "pocket", "none")
    limits = Limits(e.settings.deadline, e.settings.attempts)
    with worker.lock:
        machine: Any = PocketMachine(worker.engine, e.settings.base) if pocket else machine_for(e.settings, store, e.id)
        try:
            base = (store.weights.models(e.id, 0) or ({"*": store.weights.put(machine.base())},))[0]
            names = (store.weights.models(e.id, round - 1) or (base,))[0]
            mends = {role: base.get(MENDER, base["*"]) for role in recipe.team.menders}  # they are never trained
            models = {role: machine.model(name, store.weights.get(name))
                      for role, name in {**mends, **names}.items() if role != MENDER}
            check: Callable[[str], object] = encode if all(m.dialect == "pocket" for m in models.values()) else len
            yield {
                "team": recipe.team,
                "judge": recipe.judge,
                "voices": voices_for(models, e.settings, recipe.team, "repair"),
                "calls": None if pocket else Calls(store, e.id, e.settings.concurrency, limits),
                "check": check,
            }
        finally:
            if not pocket:
                machine.close()
