"""A contrast at work: how far it is, the curves of all seeds as they grow, stop, go on. Still when it does not work."""

from __future__ import annotations

import streamlit as st

from sirius_core import campaign, jobs
from sirius_core.contrast import Plan, curves, telling
from sirius_core.errors import SiriusError
from sirius_core.store import ACTIVE, Store
from sirius_core.store.arms import Arms
from sirius_core.store.contrasts import ContrastJob

from . import charts, code, lab, live
from .columns import NOTHING, written
from .numbers import clock, many, share


def act(verb: str, contrast: str, seeds: int = 0) -> None:
    """Begin, stop, go on, or add seeds and go on (a callback)."""
    try:
        if verb == "stop":
            return campaign.stop(lab.path(), contrast)
        if verb == "more":
            with lab.opened() as store:
                campaign.more_seeds(store, contrast, seeds)
        campaign.launch(lab.path(), contrast)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
    return None


def moving(job: ContrastJob) -> bool:
    return job.status in ACTIVE


def panel(store: Store, contrast: str, plan: Plan) -> None:
    """How far it is, with its buttons; redrawn while the job moves."""
    job = campaign.status(store, contrast)
    st.fragment(_panel, run_every=1.0 if moving(job) else None)(contrast, plan, job.status)


def _panel(contrast: str, plan: Plan, was: str) -> None:
    with lab.opened() as store:
        job = campaign.status(store, contrast)
        at, pace = (_at(store, contrast, plan), Arms(store.db).pace(contrast)) if moving(job) else ("", None)
    if job.status != was:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("At work" if moving(job) else "Where it stands", anchor=False)
        st.badge(job.status, icon=live.ICONS.get(job.status), color=live.COLOURS.get(job.status, "gray"))  # type: ignore[arg-type]
    done = job.done / job.total if job.total else 0.0
    spent = f" · {clock(job.seconds)}" if job.seconds and not moving(job) else ""
    spent += f" · about {clock(pace * (job.total - job.done))} left" if pace else ""
    st.progress(min(1.0, done), text=f"{job.done} of {many(job.total, 'run')}{spent}")
    if job.status in ("failed", "paused") and job.message:
        st.error(lab.plain(job.message), icon=":material/error:")
    elif moving(job):
        st.caption(lab.plain(at or job.message or "It begins."))
    elif job.message:
        st.caption(lab.plain(job.message))
    with st.container(horizontal=True, vertical_alignment="center"):
        if moving(job):
            st.button("Stop", icon=":material/stop_circle:", key="ct_stop", on_click=act, args=("stop", contrast),
                      help="Stops at the next call. What is finished stays, and it can go on.")
            st.caption("It runs as a process of its own: this page may be closed.")
        elif job.status != "done":
            st.button("Go on", type="primary", icon=":material/play_arrow:", key="ct_resume", on_click=act,
                      args=("resume", contrast))


def _at(store: Store, contrast: str, plan: Plan) -> str:
    """``seed 2 of 5, arm critic, round 1 of 2: propose, 40 of 800``"""
    run = Arms(store.db).at_work(contrast)
    if run is None:
        return ""
    e, job = store.experiments.get(run), jobs.status(store, run)
    seed = plan.seeds.index(e.seed) + 1 if e.seed in plan.seeds else 0
    round = f"round {job.round} of {e.settings.rounds}" if e.settings.rounds else "no learning"
    far = f", {job.done:,} of {job.total:,}" if job.total else ""
    return f"seed {seed} of {len(plan.seeds)}, arm {e.arm}, {round}: {job.phase or 'beginning'}{far}"


# -- the curves --------------------------------------------------------------------------------------------------------
def learning(store: Store, contrast: str, plan: Plan) -> None:
    """The curves of all seeds; while it is at work they fill."""
    at_work = moving(campaign.status(store, contrast))
    st.fragment(_learning, run_every=2.0 if at_work else None)(contrast, plan)


def _learning(contrast: str, plan: Plan) -> None:
    with lab.opened() as store:
        figure, closed = curves.of(store, contrast), Arms(store.db).closed(contrast)
    st.subheader("What every arm and seed learned", anchor=False)
    if not closed:
        st.caption("The first points come when the first run has measured its base.")
        st.skeleton(height=410)
        return
    said = "; ".join(f"{arm.name}: {share(telling.mean(own).estimate)}" for arm in plan.arms
                     if (own := telling.last_of(closed, arm.name)))
    charts.spec(figure, key="ct_learning", height=410,
                alt=f"Held-out accuracy by round, a thin line per seed and a thick mean per arm. Last closed: {said}.")
    code.copy("ct_learning", code.call("contrast_figure", "learning", contrast))
    drawn = "Bands" if len(plan.arms) <= curves.BANDS else "Bars"
    st.caption(f"Thin lines are single seeds, thick ones the mean of an arm. {drawn} come in the end: the mean's 95 % "
               "interval.")


def board(store: Store, contrast: str, plan: Plan) -> None:
    """Arms by seeds: the last closed round's accuracy of every run; while it is at work they fill."""
    at_work = moving(campaign.status(store, contrast))
    st.fragment(_board, run_every=2.0 if at_work else None)(contrast, plan)


def _board(contrast: str, plan: Plan) -> None:
    import pandas as pd

    seeds = [f"seed {seed}" for seed in plan.seeds]
    with lab.opened() as store:
        frame = pd.DataFrame(telling.board(store, contrast)).astype(dict.fromkeys(seeds, float))
    st.dataframe(written(frame, shares=seeds), hide_index=True, key="ct_board", placeholder=NOTHING,
                 alt="Held-out accuracy of the last closed round, a line per arm and a column per seed")
    code.copy("ct_board", code.call("contrast", "board", contrast))
