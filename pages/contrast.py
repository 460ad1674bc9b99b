"""Two or more arms on the same problems and seeds: plan, predict, watch, and what may be said in the end."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/contrast.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import campaign
from sirius_core.contrast import Plan, from_dict
from sirius_core.store import Store
from sirius_core.store.arms import Arms, Group
from sirius_core.store.contrasts import PLANNED, Contrast
from view import contrast_flips, contrast_live, contrast_plan, contrast_predict, contrast_verdict, lab
from view.numbers import many
from view.texts import problem

NEW = "new"
STEPS = ("Plan", "Predict", "Watch", "Verdict")
OWN = ("pair", "seed", "task")  # parts of the address that belong to one contrast


# -- choose ----------------------------------------------------------------------------------------------------------
def chosen(groups: list[Group]) -> tuple[str, bool]:
    """(the contrast that the address names, else the newest; ``new`` for one that is still to be planned; whether the
    address names one that is not here, which a notice says)."""
    known = [g.contrast for g in groups]
    asked = st.query_params.get("contrast")
    lost = asked not in (None, NEW, *known)
    if lost:
        st.session_state["_notice"] = f"There is no contrast {asked[:40]!r} here."
    found = asked if asked in (NEW, *known) else known[0] if known else NEW
    st.query_params["contrast"] = found
    return found, lost


def open_one(contrast: str) -> None:
    st.query_params["contrast"] = contrast
    for name in OWN:
        st.query_params.pop(name, None)


def go_to() -> None:
    open_one(st.session_state["ct_which"])


def selector(groups: list[Group], contrast: str) -> None:
    """Which contrast, and the way to a new one; nothing where there is none yet."""
    if not groups:
        return
    by_id = {g.contrast: g for g in groups}
    st.session_state["ct_which"] = contrast
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Contrast", [*by_id, NEW], key="ct_which", on_change=go_to, width=460,
                     format_func=lambda c: lab.contrast_title(c, by_id[c].name) if c in by_id else "a new one …")
        if contrast != NEW:
            st.button("Plan another", icon=":material/add:", key="ct_another", on_click=open_one, args=(NEW,))


def open_a_run(store: Store, contrast: str) -> None:
    """The open experiment is one of this contrast, as soon as it has any: so the side bar tells of it, too."""
    runs = Arms(store.db).runs(contrast)
    if runs and not {st.session_state.get("exp"), st.session_state.get("_open")} & {*runs}:
        st.session_state["_open"] = runs[0]
        lab.anew()


# -- draw ------------------------------------------------------------------------------------------------------------
def trail(at: int) -> None:
    """Where one is on the way from an idea to a verdict."""
    signs = ("✓ " if i < at else "" for i in range(len(STEPS)))
    st.caption(" › ".join(f"**{sign}{step}**" if i == at else f"{sign}{step}"
                          for i, (sign, step) in enumerate(zip(signs, STEPS, strict=True))))


def heading(contrast: Contrast, plan: Plan) -> None:
    """The question, and the arms in a line."""
    problem(contrast.question or contrast.name)
    arms = " · ".join(lab.plain(arm.name) for arm in plan.arms)
    differs = ", ".join(f"`{name}`" for name in plan.differing()) or "nothing: what comes out is chance alone"
    equal = f" · held equal: {plan.equal}" if plan.equal else ""
    st.caption(f"{arms} · differ in {differs}{equal} · preset {plan.preset} · {many(len(plan.seeds), 'seed')}")


def waiting(store: Store, contrast: str, plan: Plan) -> None:
    """Nothing has begun: predictions, then the start."""
    left, right = st.columns([3, 2], gap="small")
    with left.container(border=True, height="stretch"):
        contrast_predict.draw(store, contrast, plan)
    with right.container(border=True, height="stretch"):
        contrast_plan.ready(store, contrast, plan)


def at_work(store: Store, contrast: str, plan: Plan) -> None:
    """It has begun and is not done: how far, the curves, what there is so far."""
    with st.container(border=True):
        contrast_live.panel(store, contrast, plan)
        contrast_predict.locked(store, contrast)
    if (said := store.contrasts.verdict(contrast)) is not None:  # seeds were added to it
        with st.container(border=True):
            st.caption(f"What {many(said['seeds'], 'seed')} said, until there is more:")
            problem(said["sentence"])
    with st.container(border=True):
        contrast_live.learning(store, contrast, plan)
    with st.container(border=True):
        contrast_live.board(store, contrast, plan)


def over(store: Store, contrast: str, plan: Plan) -> None:
    said = store.contrasts.verdict(contrast)
    if said is None:
        st.warning("It is done, but no verdict is stored.", icon=":material/gavel:")
        at_work(store, contrast, plan)
        return
    contrast_verdict.draw(store, contrast, plan, said)
    with st.container(border=True):
        contrast_flips.draw(store, contrast, plan)


with lab.opened() as store:
    groups = Arms(store.db).groups()
    contrast, lost = chosen(groups)
    selector(groups, contrast)
    if contrast != NEW:
        open_a_run(store, contrast)
    if lost:
        lab.notice()  # not before: opening a run begins the page anew, and the frame says it
    if contrast == NEW:
        trail(0)
        contrast_plan.draw(store)
    else:
        record = store.contrasts.get(contrast)
        plan, job = from_dict(record.plan), campaign.status(store, contrast)
        open_to_predictions = job.status == PLANNED and not store.contrasts.begun(contrast)
        trail(1 if open_to_predictions else 3 if job.status == "done" else 2)
        heading(record, plan)
        if open_to_predictions:
            waiting(store, contrast, plan)
        elif job.status == "done":
            over(store, contrast, plan)
        else:
            at_work(store, contrast, plan)
