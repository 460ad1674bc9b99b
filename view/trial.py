"""A person's edit, played again at once with the models of then. The engine is kept; connections never are."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from sirius_core import recipes, review
from sirius_core.calls import Calls, Limits
from sirius_core.evaluate import voices_for
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.improve import MENDER
from sirius_core.machines import machine_for
from sirius_core.models.pocket import Engine
from sirius_core.pocket.vocabulary import encode
from sirius_core.store import Experiment, Store
from sirius_core.trajectories import Trajectory


@dataclass
class _Kept:
    """One worker for the whole server: it serves one edit at a time."""

    engine: Engine
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def _kept() -> _Kept:
    return _Kept(Engine(workers=1))


def play(store: Store, e: Experiment, repair_id: str, text: str, draw: int = 0) -> tuple[Trajectory, float]:
    """(the replay with ``text`` in the repaired turn, seconds it took). Unknown words raise UnreadableText."""
    started = time.perf_counter()
    round, kept = store.repairs.place(repair_id)[1], _kept()
    recipe, pocket = recipes.get(e.settings), not e.settings.model and e.settings.update in ("auto", "pocket", "none")
    limits = Limits(e.settings.deadline, e.settings.attempts)
    with kept.lock:
        machine: Any = PocketMachine(kept.engine, e.settings.base) if pocket else machine_for(e.settings, store, e.id)
        try:
            found = store.weights.models(e.id, round - 1)  # who spoke when the episode failed
            names = found[0] if found else {"*": store.weights.put(machine.base())}
            models = {role: machine.model(name, store.weights.get(name))
                      for role, name in names.items() if role != MENDER}
            again = review.try_edit(
                store,
                repair_id,
                text,
                team=recipe.team,
                judge=recipe.judge,
                voices=voices_for(models, e.settings, recipe.team, "repair"),
                draw=draw,
                calls=None if pocket else Calls(store, e.id, e.settings.concurrency, limits),
                check=encode if all(model.dialect == "pocket" for model in models.values()) else len,
            )
        finally:
            if not pocket:
                machine.close()
    return again, time.perf_counter() - started
