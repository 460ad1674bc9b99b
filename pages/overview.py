"""What the open experiment found: accuracy per round, what the critic bought, who learned what; live while it runs."""

from __future__ import annotations

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/overview.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import figures, jobs, review
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse
from view import charts, findings, lab, live, measure, pocket
from view.numbers import many, share


def next_steps(store: Store, e: Experiment) -> None:
    """Where to look now, the most telling first."""
    story = Browse(store.db).mended(e.id)
    if story:
        st.write("Open one failure, read the critique, see the rewritten turn and what it changed further on.")
        lab.opener("Show me a mended failure", lab.EXPLORE, icon=":material/auto_fix_high:", traj=story[0])
    else:
        st.caption("When the first failures are mended, one can be opened here, turn by turn.")
    waiting = review.waiting(store, e.id, Browse(store.db).closed(e.id)) if e.settings.review else []
    if waiting:
        lab.opener(f"Review {many(len(waiting), 'repair')}", lab.REVIEW, icon=":material/rate_review:")
    lab.link(lab.EXPLORE, "All episodes", icon=":material/table_rows:")
    lab.link(lab.RUN, "Start another experiment", icon=":material/play_circle:")


with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        lab.empty(
            "No experiment yet",
            "The quickstart takes about a minute: a team of three roles goes from mostly wrong to "
            "mostly right, while you watch.",
        )
        st.stop()
    reports = store.experiments.reports(e.id)
    job = jobs.status(store, e.id)
    s = e.settings
    st.caption(
        f"{many(s.rounds, 'round')} · {s.problems} training problems, {many(s.max_solutions, 'try', 'tries')} each · "
        f"recipe {lab.plain(s.recipe)} · base {s.base} · seed {e.seed}"
    )

    if reports:
        findings.metrics(store, e, reports)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        st.subheader("Accuracy by round", anchor=False)
        if reports:
            said = "; ".join(f"round {r['round']}: {share(r['accuracy'], 0)}" for r in reports)
            charts.stored(
                store.experiments.figure(e.id, "accuracy"),
                key="accuracy",
                rounds=s.rounds,
                alt=f"Held-out accuracy by round. {said}.",
            )
        else:
            st.caption("The untrained base is being measured on problems that nobody trains on.")
            st.skeleton(height=300)
        pocket.honesty(s)
    with right:
        with st.container(border=True):
            live.panel(e.id, key="overview")
        with st.container(border=True, height="stretch"):
            st.subheader("Look inside", anchor=False)
            next_steps(store, e)

    learned = [r for r in reports if r["library"]]
    compared = [r for r in reports if r.get("controls")]
    if learned:
        left, right = st.columns(2)
        with left.container(border=True, height="stretch"):
            st.subheader("What the critic bought", anchor=False)
            if compared:
                findings.what_the_critic_bought(store, e, compared)
                charts.stored(
                    store.experiments.figure(e.id, "controls"),
                    key="controls",
                    height=290,
                    alt="Share of failed problems mended by critic, blind critic and playing again, by round",
                )
                st.caption(
                    "Mended is not yet learned: whether training on repairs beats training on more tries is a question "
                    "for a contrast over several seeds."
                )
            else:
                st.caption("This experiment does not compare the critic with playing again.")
        with right.container(border=True, height="stretch"):
            st.subheader("Who does their part", anchor=False)
            st.write("How often each role is right when everything it was handed is right, on held-out problems.")
            charts.stored(
                store.experiments.figure(e.id, "roles"),
                key="roles",
                rounds=s.rounds,
                height=370,
                alt="Accuracy of each role given right inputs, by round",
            )

        with st.container(border=True):
            st.subheader("Round by round", anchor=False)
            findings.rounds_table(reports)
            st.subheader("Beyond what was trained", anchor=False)
            findings.tests_table(store, e, reports)
            st.caption(
                "Where the family decides, a withheld question can be answered by knowing the situation; where the "
                "question decides, it has to be read, and its form was never trained."
            )
        with st.container(border=True):
            st.subheader("What was learned from", anchor=False)
            findings.learned_table(store, e, reports)
    if reports:
        left, right = st.columns([2, 3])
        with left.container(border=True, height="stretch"):
            st.subheader("Examples per role", anchor=False)
            charts.stored(
                store.experiments.figure(e.id, "library"),
                key="library",
                height=300,
                alt="Training examples per role and round",
            )
        with right.container(border=True, height="stretch"):
            st.subheader("Skill or luck of the draw: pass@k", anchor=False)
            measured = store.experiments.measurement(e.id, "pass_at_k")
            st.write(
                "If the untrained base, given many tries, solves as much as the team now does in one, training mostly "
                "made likely what was already possible."
            )
            if measured:
                charts.spec(
                    figures.pass_at_k(measured),
                    key="pass_at_k",
                    height=300,
                    alt="Share of problems solved within k tries, base and team now",
                )
            measure.button(e.id, busy=live.active(job), again=bool(measured))
