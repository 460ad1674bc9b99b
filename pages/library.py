"""What each model learned from: examples by role, the way back to where each came from, training runs, export."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/library.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import jobs
from sirius_core.imports import imported
from sirius_core.store import Experiment, Store
from view import imports, lab, library_chain, library_examples, library_export, library_training, live
from view.numbers import many, share

EXAMPLES, TRAINING, EXPORT = "Examples", "Training", "Export and verify"


def choose(sets: list[dict]) -> dict:
    """Which round and whose training set; both stand in the address."""
    rounds = [str(r) for r in dict.fromkeys(s["round"] for s in reversed(sets))]
    known = lab.known("lb_round", rounds, "round")
    with st.container(horizontal=True, vertical_alignment="bottom", key="lb_choice"):
        round = st.selectbox("Round", rounds, key="lb_round", bind="query-params", width=95)
        models = [s["model"] for s in sets if str(s["round"]) == round]
        if not (lab.known("lb_model", models, "role") and known):
            library_chain.close()  # the example of that number is another one here
        model = st.selectbox("Role", models, key="lb_model", bind="query-params", width=190, format_func=whose)
        st.segmented_control("Show", [EXAMPLES, TRAINING, EXPORT], key="lb_view", bind="query-params",
                             default=EXAMPLES, required=True, on_change=library_chain.close)
    return next(s for s in sets if str(s["round"]) == round and s["model"] == model)


def whose(model: str) -> str:
    return "all roles" if model == "*" else model


def figures(s: dict, prompts: bool) -> None:
    """What the training set holds, in five numbers."""
    cards: list[tuple[str, str, str, str]] = [
        ("Cases read" if prompts else "Examples", f"{s['n']:,}", f"{s['distinct_examples']:,} different",
         "A reply that came often stands here often: a lucky one that came once is drawn rarely.")]
    if not prompts:
        cards += [
            ("Direct successes", f"{s['direct']:,}", share(s["direct"] / max(1, s["n"])) + " of them",
             "Turns of episodes that were right by themselves."),
            ("From repairs", f"{s['repaired']:,}", share(s["repaired"] / max(1, s["n"])) + " of them",
             "The turn that a critic had rewritten, and the turns said afresh after it."),
            ("From edits", f"{s['edited']:,}", share(s["edited"] / max(1, s["n"])) + " of them",
             "A person's edit in the repaired turn, and the turns said afresh after it."),
            ("Lucky", share(s["lucky"] / s["checked"]) if s["checked"] else "–",
             f"{s['lucky']:,} of {s['checked']:,} checked" if s["checked"] else "steps cannot be checked",
             "Of episodes that were right by wrong steps.")]
    with st.grid(5, min_column_width=150, gap="small", key="lb_figures"):
        for label, value, under, help in cards:
            st.metric(label, value, under, "off", delta_arrow="off", border=True, height="stretch", help=help)


def draw(store: Store, e: Experiment) -> None:
    sets = store.weights.training_sets(e.id)
    if not sets:
        nothing(store, e)
        return
    chosen = choose(sets)
    if library_chain.opened():
        library_chain.draw(store, e, chosen)
        return
    figures(chosen, e.settings.update == "prompts")
    view = st.session_state.get("lb_view") or EXAMPLES
    if view == TRAINING:
        library_training.draw(store, e, chosen)
    elif view == EXPORT:
        library_export.draw(store, e, chosen)
    else:
        library_examples.draw(store, e, chosen)


def nothing(store: Store, e: Experiment) -> None:
    """No round has learned yet: what will stand here, and where it can be watched coming."""
    if imported(e):
        imports.library(store, e)
        return
    moving = live.active(jobs.status(store, e.id))
    with st.container(border=True, key="empty"):
        st.subheader("Nobody has learned yet", anchor=False)
        st.write("When a round's team has played and its failures are mended, what each role learns from stands here: "
                 "every example with the way back to its turn, its critique and the person who let it in.")
        if not e.settings.rounds:
            st.caption(f"This experiment has {many(0, 'round')}: it measures and does not learn.")
        elif moving:
            lab.opener("Watch it come", lab.OVERVIEW, icon=":material/insights:")
        else:
            lab.opener("See where it stands", lab.RUN, icon=":material/play_circle:")
    library_training.watch(e)


with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        lab.empty("Nothing was learned yet", "When a round has trained, what each role learned from can be opened "
                  "here, example by example.")
    else:
        draw(store, e)
