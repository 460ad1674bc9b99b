"""A round's training as one can look into it: the loss, the first batch as the model reads it, the hardest examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import jobs
from sirius_core.errors import CheckpointError
from sirius_core.figures import BLUE, GREY, ROLE_COLOURS
from sirius_core.finetune import live as losses_live
from sirius_core.finetune import samples
from sirius_core.imports import imported
from sirius_core.provenance import reread
from sirius_core.store import Experiment, Store, UpdateRow
from sirius_core.training import Example

from . import charts, code, lab, live
from .numbers import clock, many, share
from .texts import learned, say

SHOWN = 8  # sequences of the first batch
MOST = 20_000  # examples of a training set that is looked through here
SECONDS = 2.0  # between two looks at a training that goes on


def draw(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    updates = {u.model: u for u in store.weights.updates(e.id, chosen["round"])}
    update = updates.get(chosen["model"])
    with st.container(border=True, key="lb_loss"):
        st.subheader("Loss", anchor=False)
        if update is None:
            st.caption(_why_none(e))
        elif not update.losses:
            st.caption("Nothing was optimised: this checkpoint shows examples, or says other instructions.")
        else:
            curve({u.model: u.losses for u in updates.values()}, chosen["model"], key="loss_curve")
            code.copy("loss_curve", code.call("losses", e.id, round=chosen["round"]))
            st.caption(_facts(update))
    watch(e)
    if chosen["n"] > MOST:
        st.caption(f"{many(chosen['n'], 'example')} are too many to look through here; export them.")
    elif _pocket(e):
        _first_batch(e, chosen)
        _hardest(e, chosen, update)
    else:
        _as_messages(store, e, chosen)


def _why_none(e: Experiment) -> str:
    if e.settings.update == "none":
        return "Nobody learned in this experiment (update=none): this is what would have been learned from."
    return "The loss stands here when the role's checkpoint has been made."


def _pocket(e: Experiment) -> bool:
    """Whether the embedded model's weights are trained."""
    s = e.settings
    return not (s.model or s.checkpoint or imported(e)) and s.update in ("auto", "pocket", "none")


def _facts(u: UpdateRow) -> str:
    return (f"{many(u.steps, 'step')}, {u.tokens:,} tokens, {clock(u.seconds)}: {u.losses[0]:.3f} → {u.losses[-1]:.3f} "
            f"nats per token. Checkpoint {u.before[:12]} → {u.after[:12]}.")


def curve(by_model: Mapping[str, Sequence[float]], chosen: str, *, key: str) -> None:
    """The loss of every step; the chosen role's as a thick line, the others' dotted beside it."""
    traces = [{
        "type": "scatter", "mode": "lines" if len(losses) > 1 else "markers", "name": "all roles" if m == "*" else m,
        "x": list(range(1, len(losses) + 1)), "y": list(losses), "hovertemplate": "%{y:.3f}",
        "line": {"color": ROLE_COLOURS.get(m, BLUE if m == chosen else GREY), "width": 3 if m == chosen else 1.5,
                 "dash": "solid" if m == chosen else "dot"},
    } for m, losses in sorted(by_model.items(), key=lambda pair: pair[0] == chosen) if losses]
    figure = {"data": traces, "layout": {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "loss, nats per token"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "hovermode": "x unified",
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10}}}
    said = "; ".join(f"{m}: {losses[0]:.3f} to {losses[-1]:.3f}" for m, losses in by_model.items() if losses)
    charts.spec(figure, key=key, alt=f"Loss by step. {said}.", height=290)


# -- a training that goes on -----------------------------------------------------------------------------------------
def watch(e: Experiment) -> None:
    """The losses of a round that trains now; nothing where none does. Looks again while the job moves."""
    with lab.opened() as store:
        moving = live.active(jobs.status(store, e.id))
    st.fragment(_watch, run_every=SECONDS if moving else None)(e.id)


def _watch(experiment: str) -> None:
    with lab.opened() as store:
        job, found = jobs.status(store, experiment), store.experiments.measurement(experiment, losses_live.NAME)
        done = bool(found) and bool(store.weights.updates(experiment, found["round"]))
    if not found or done or not live.active(job) or not any(found["by"].values()):
        return
    with st.container(border=True, key="lb_live"):
        st.subheader(f"Round {found['round']} trains now", anchor=False)
        curve(found["by"], next(iter(found["by"])), key="loss_live")


# -- what the embedded model reads -----------------------------------------------------------------------------------
def _first_batch(e: Experiment, chosen: Mapping[str, Any]) -> None:
    with st.container(border=True, key="lb_batch"):
        st.subheader("The first batch, as the model reads it", anchor=False)
        if not st.toggle("Show it", key="lb_show_batch"):
            st.caption("The very sequences of the first optimiser step, token by token.")
            return
        found = first_batch(str(lab.path()), e.id, chosen["round"], chosen["model"], chosen["id"])
        st.caption(f"{many(len(found), 'sequence')} of similar length. The loss falls on what is underlined; the rest "
                   "is only read. `<stop>` ends a reply.")
        for sample in found[:SHOWN]:
            learned(sample.prompt, sample.reply)
        if len(found) > SHOWN:
            with st.expander(f"The other {len(found) - SHOWN}", type="compact", key="lb_batch_rest"):
                for sample in found[SHOWN:]:
                    learned(sample.prompt, sample.reply)


@st.cache_data(max_entries=16, show_spinner="Putting the batch together ...")
def first_batch(path: str, experiment: str, round: int, model: str, training_set: str) -> list[samples.Sample]:
    """As `improve` and the tuner make it; a training set never changes, so this is asked once."""
    with Store(path) as store:
        run = reread(store, experiment)
        return samples.first_batch(of_set(store, training_set), {"batch": run.settings.batch},
                                   run.tune_seed(round, model))


def _hardest(e: Experiment, chosen: Mapping[str, Any], update: UpdateRow | None) -> None:
    with st.container(border=True, key="lb_hardest"):
        st.subheader("Hardest examples", anchor=False)
        if update is None:
            st.caption("There is no checkpoint yet that could be asked.")
            return
        looked = min(chosen["distinct_examples"], samples.MOST)
        if not st.toggle("Ask the checkpoint", key="lb_show_hardest"):
            st.caption(f"What the new checkpoint still finds least likely: a pass through the network for each of "
                       f"{many(looked, 'different example')}, some seconds. A wrong or lucky reply often stands here.")
            return
        found = hardest(str(lab.path()), update.after, chosen["id"])
        if found is None:
            st.caption("This checkpoint is not one of the embedded model.")
            return
        rest = f", the first of {chosen['distinct_examples']:,}" if looked < chosen["distinct_examples"] else ""
        st.caption("Mean loss of the reply in nats per token, by the checkpoint that was made from these; of "
                   f"{many(looked, 'different example')}{rest}.")
        for scored in found:
            with st.container(horizontal=True, vertical_alignment="top", key=f"lb_hard_{scored.sample.position}"):
                st.badge(f"{scored.loss:.2f}", color="orange", help=f"The reply has probability "
                         f"{share(scored.probability)} at temperature 1.")
                with st.container(gap=None, width="stretch"):
                    learned(scored.sample.prompt, scored.sample.reply)
                st.button("Open", key=f"lb_hard_open_{scored.sample.position}", type="tertiary", on_click=_open,
                          args=(scored.sample.position,))


@st.cache_data(max_entries=16, show_spinner="Asking the checkpoint ...")
def hardest(path: str, checkpoint: str, training_set: str) -> list[samples.Scored] | None:
    """None if the checkpoint is not the embedded model's."""
    with Store(path) as store:
        try:
            return samples.worst(store.weights.get(checkpoint), of_set(store, training_set))
        except CheckpointError:
            return None


def of_set(store: Store, training_set: str) -> list[Example]:
    """The examples of a stored training set, in order."""
    places = store.weights.examples_of(training_set)
    found = store.episodes.many(list({trajectory for trajectory, _ in places}))
    return [Example(found[trajectory], turn) for trajectory, turn in places]


def _open(position: int) -> None:
    st.query_params["lb_at"] = str(position)


# -- what a chat model reads -----------------------------------------------------------------------------------------
def _as_messages(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    count = min(e.settings.batch, SHOWN)
    with st.container(border=True, key="lb_batch"):
        st.subheader("Examples, as messages", anchor=False)
        if e.settings.update == "trl":
            st.caption("The checkpoint's own chat template writes these messages; the loss falls on the underlined "
                       "reply and the sign that ends it. The trainer shuffles them by the round's seed; here they "
                       "stand in the order of the set. Losses of single examples are not kept for real weights.")
        else:
            st.caption("Examples in the order of the set; the underlined reply is what a role may be shown or taught.")
        for line in store.examples.page(chosen["id"], limit=count):
            turn = store.episodes.get(line.trajectory).turns[line.turn]
            with st.container(border=True, gap="xsmall", key=f"lb_messages_{line.position}"):
                for message in turn.messages[:-1]:
                    st.caption(lab.plain(message.role))
                    say(message.content, quiet=True)
                learned(turn.messages[-1].content if turn.messages else "", turn.text)
