"""The fifth step of the lesson: which examples a try became, the loss of the round, what the gate said."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from sirius_core.store import Experiment, Store, UpdateRow
from sirius_core.trajectories import Repair, Trajectory

from . import code, episodes, lab, library_training
from .numbers import many
from .texts import learned
from .words import asked, readable


def draw(store: Store, path: Path, e: Experiment, t: Trajectory, repair: Repair | None) -> None:
    """``t`` is the try; where a repair mended it, the examples are its replay's."""
    source = t if t.earned(e.settings.threshold) else None
    first = 0
    if source is None and repair is not None and repair.mended and repair.replay and repair.turn is not None:
        source, first = store.episodes.get(repair.replay), repair.turn
    if source is None:
        st.write("Nothing of this try is learned from: it was neither right nor mended. The round trains on what the "
                 "others brought.")
    else:
        examples(store, source, t.path.round, first)
    updates = {u.model: u for u in store.weights.updates(e.id, t.path.round)}
    for u in updates.values():
        st.markdown(facts(store, e, u))
    if updates:
        library_training.curve({m: u.losses for m, u in updates.items()}, next(iter(updates)), key="lesson_loss")
        code.copy("lesson_loss", code.call("losses", e.id, round=t.path.round), db=path)
        st.caption("A step is a batch of examples of like length, so easy and hard batches take turns.")


def examples(store: Store, source: Trajectory, round: int, first: int) -> None:
    """What of this episode stands in the round's training sets, as the model reads it: prompt, then the reply."""
    task = store.episodes.task(source.task)
    st.markdown("**As it stands in the training set**")
    missing = 0
    for i, turn in enumerate(source.turns[first:], first):
        uses = [u for u in store.examples.uses(source.id, i) if u.round == round]
        if not uses:
            missing += 1
            continue
        learned(asked(task.source, turn.messages[-1].content), readable(task.source, turn.text))
        kind = "from a right try" if uses[0].source == "direct" else "from a repair"
        st.caption(f"{episodes.name(turn)}: example {uses[0].position + 1} of {uses[0].examples}, {kind}.")
    if missing:
        st.caption(f"{many(missing, 'turn')} of it {'is' if missing == 1 else 'are'} in the good sets but not drawn: "
                   "of each problem and role a few replies are trained on.")
    if missing < len(source.turns) - first:
        st.caption("The prompt is the one that is asked at a test, without critic and advice. Only what is underlined "
                   "carries loss.")


def facts(store: Store, e: Experiment, u: UpdateRow) -> str:
    """How much was learned from, in how many steps, and the gate's word."""
    row = next(s for s in store.weights.training_sets(e.id, u.round) if s["model"] == u.model)
    kept, verdict = store.weights.models(e.id, u.round) or ({}, {})
    checked = verdict.get("validation")
    gate = "kept" if kept.get(u.model) == u.after else "rejected"
    who = "One model for all roles" if u.model == "*" else lab.plain(u.model.capitalize())
    said = (f"; right on {checked['before']} of {checked['n']} validation problems before, {checked['after']} after"
            if checked else "")
    return (f"{who}: {many(row['n'], 'example')}, {row['repaired']} of them from repairs; {many(u.steps, 'step')}. The "
            f"gate: **{gate}**{said}.")
