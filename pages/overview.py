"""What the open experiment found: accuracy per round, what the critic bought, who learned what; live while it runs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

if not st.session_state.get("_routed"):  # opened by its address on a cold server: the frame comes first
    st.session_state["_goto"] = ("pages/overview.py", st.query_params.to_dict())
    st.switch_page("app.py")

from sirius_core import figures, jobs, share
from sirius_core.games import GAMES
from sirius_core.imports import imported
from sirius_core.store import Experiment, Job, Store
from sirius_core.store.browse import Browse
from view import (
    actor_critic_flow,
    arms,
    charts,
    code,
    data,
    findings,
    imports,
    lab,
    learned,
    live,
    measure,
    measures,
    pocket,
    spending,
    waiting,
    worth,
)
from view.numbers import many
from view.numbers import share as percent


# -- choose ----------------------------------------------------------------------------------------------------------
def chosen_round(reports: Sequence[findings.Report]) -> int | None:
    """The round that the address asks for (``?round=2``): the page as it stood when it closed. None is now."""
    asked, last = st.query_params.get("round"), len(reports) - 1
    if asked is None:
        return None
    if not asked.isascii() or not asked.isdigit() or int(asked[:6]) > last:
        st.session_state["_notice"] = f"There is no closed round {asked[:20]!r} here; this is the last one."
        lab.notice()
        return None
    return None if int(asked) == last else int(asked)


def go_to_round() -> None:
    if (round := st.session_state["ov_round"]) is None or round == "now":
        st.query_params.pop("round", None)
    else:
        st.query_params["round"] = str(round)


def round_control(reports: Sequence[findings.Report], round: int | None) -> None:
    """Which round to look at; only where there is more than the base."""
    st.session_state["ov_round"] = "now" if round is None else round
    st.segmented_control(
        "Round", [*range(len(reports) - 1), "now"], key="ov_round", on_change=go_to_round, label_visibility="collapsed",
        format_func=lambda r: "now" if r == "now" else "base" if r == 0 else f"round {r}", required=True,
        help="The page as it stood when that round closed.",
    )


# -- draw ------------------------------------------------------------------------------------------------------------
def waits_for_you(left: str) -> None:
    """What only a person can do now, before everything else; ``left`` is what `waiting.label` says."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="waits"):
        with st.container(gap="xsmall", width="stretch"):
            st.subheader("The run waits for you", anchor=False)
            st.caption("What you accept or edit is what the next round learns from.")
        lab.opener(left, lab.REVIEW, icon=":material/rate_review:")


def next_steps(store: Store, e: Experiment, waits: bool) -> None:
    """Where to go now: the most telling thing to look at first, but after what waits for a person."""
    story = Browse(store.db).mended(e.id)
    if story and waits:
        lab.link(lab.EXPLORE, "Show me a mended failure", icon=":material/auto_fix_high:", traj=story[0])
    elif story:
        st.write("Open one failure, read the critique, see the rewritten turn and what it changed further on.")
        lab.opener("Show me a mended failure", lab.EXPLORE, icon=":material/auto_fix_high:", traj=story[0])
    elif e.settings.rounds and live.critic_works(e.settings)[0]:
        st.caption("When the first failures are mended, one can be opened here, turn by turn.")
    lab.link(lab.EXPLORE, "All episodes", icon=":material/table_rows:")
    lab.link(lab.LIBRARY, "What each role learned from", icon=":material/local_library:")
    if e.settings.source in GAMES:
        lab.link(lab.GAMES, "Sit down and play against it", icon=":material/chair:")
    elif Browse(store.db).closed(e.id) > 1:
        lab.link(lab.LESSON, "Ask both, base and now", icon=":material/forum:", part="ask", team="open")
    lab.link(lab.RUN, "Start another experiment", icon=":material/play_circle:")
    st.download_button(
        "Share as one HTML file",
        data=lambda: bundled(e.id),
        file_name=f"{e.id}.html",
        mime="text/html",
        icon=":material/ios_share:",
        key="share",
        on_click="ignore",
        help="Figures, tables, examples and how to repeat it; opens anywhere, asks for nothing.",
    )


def bundled(experiment: str) -> bytes:
    """Made when it is asked for, in a thread of its own."""
    with lab.opened() as store:
        return share.bundle(store, experiment).encode("utf-8", "replace")


def what_it_is(e: Experiment) -> str:
    """The experiment in one line under the title."""
    s = e.settings
    if s.model or s.checkpoint:
        who = spending.host(e) if s.model else f"checkpoint {lab.plain(s.checkpoint)}"
        problems = "" if s.source == "formulas" else f" of {lab.plain(s.source)}"
        return (f"{who} · {many(s.rounds, 'round')} · up to {s.problems:,} training problems{problems}, "
                f"{many(s.max_solutions, 'try', 'tries')} each · recipe {lab.plain(s.recipe)} · update {s.update} · "
                f"seed {e.seed}")
    return (
        f"{many(s.rounds, 'round')} · {s.problems} training problems, {many(s.max_solutions, 'try', 'tries')} each · "
        f"recipe {lab.plain(s.recipe)} · base {s.base} · seed {e.seed}"
    )


def curve(store: Store, e: Experiment, reports: list[findings.Report], round: int | None) -> None:
    """Accuracy by round, and what has to be known to read it."""
    held = (store.experiments.measurement(e.id, "data") or {}).get("majority")
    plays = e.settings.source in GAMES
    st.subheader("Games won by round" if plays else "Accuracy by round", anchor=False)
    if plays:
        st.caption("Accuracy is the share of games in which the learner got more than an even deal.")
    if reports:
        said = "; ".join(f"round {r['round']}: {percent(r['accuracy'], 0)}" for r in reports)
        charts.stored(store, e, "accuracy", round=round, hold=True, alt=f"Held-out accuracy by round. {said}.")
    else:
        st.caption("The untrained base is being measured on problems that nobody trains on.")
        st.skeleton(height=347)  # with its caption as high as the figure and its code
    if held and held["n"] > 1:
        st.caption(data.majority_line(held))
    if not (e.settings.model or e.settings.checkpoint):
        pocket.honesty(store, e.settings)


def critic(store: Store, e: Experiment, reports: list[findings.Report], round: int | None) -> None:
    """What the critic bought: the sentences beside their bars; nothing where no critic mends (actor-critic's is one of
    the team)."""
    compared = [r for r in reports if r.get("controls")]
    if not compared and (e.settings.recipe == "actor_critic" or not live.critic_works(e.settings)[0]):
        return
    with st.container(border=True):
        st.subheader("What the critic bought", anchor=False)
        if not compared:
            st.caption("This experiment does not compare the critic with playing again.")
            return
        left, right = st.columns([2, 3], gap="medium")
        with left:
            findings.what_the_critic_bought(store, e, compared)
            st.caption(
                "Mended is not yet learned: whether training on repairs beats training on more tries is a question "
                "for a contrast over several seeds."
            )
        with right:
            charts.stored(
                store,
                e,
                "controls",
                round=round,
                alt="Share of failed problems mended by critic, blind critic and playing again, by round",
            )


def roles_and_examples(store: Store, e: Experiment, reports: list[findings.Report], round: int | None) -> None:
    """Which role does its part, where the steps of a problem can be checked, beside what each learned from."""
    parts, prompts = any(r["roles"] for r in reports), e.settings.update == "prompts"
    left, right = st.columns(2) if parts else (None, st.container())
    if left is not None:
        with left.container(border=True, height="stretch"):
            st.subheader("Who does their part", anchor=False)
            st.caption("Right when everything it was handed is right, on held-out problems.")
            charts.stored(store, e, "roles", round=round, hold=True,
                          alt="Accuracy of each role given right inputs, by round")
    with right.container(border=True, height="stretch"):
        st.subheader("Cases that writers read" if prompts else "Examples per role", anchor=False)
        st.caption("Failed turns, mostly, with how they were judged." if prompts else
                   "Turns of right episodes, and of mended ones, that a role learns from.")
        charts.stored(store, e, "library", round=round,
                      alt="Cases that writers read, per role" if prompts else "Training examples per role and round")


def tables(store: Store, e: Experiment, reports: list[findings.Report], round: int | None) -> None:
    with st.container(border=True):
        st.subheader("Round by round", anchor=False)
        findings.rounds_table(store, e, round)
        formulas = e.settings.source == "formulas"
        st.subheader("Beyond what was trained" if formulas else "Base and now", anchor=False)
        findings.tests_table(store, e, round)
        if formulas:
            st.caption(
                "Where the family decides, a withheld question can be answered by knowing the situation; where the "
                "question decides, it has to be read, and its form was never trained."
            )
    with st.container(border=True):
        st.subheader("What was learned from", anchor=False)
        learned.table(store, e, reports, round)
        learned.instructions(store, e)


def pass_at_k(store: Store, e: Experiment, job: Job) -> None:
    with st.container(border=True):
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
            code.copy("pass_at_k", code.call("figure", "pass_at_k", e.id))
        measure.button(e, busy=live.active(job), again=bool(measured))


with lab.opened() as store:
    e = lab.chosen(store)
    if e is None:
        lab.empty(
            "No experiment yet",
            "The quickstart takes about a minute: a team of three roles goes from mostly wrong to "
            "mostly right, while you watch.",
        )
        st.stop()
    if imported(e):
        imports.overview(store, e)
        st.stop()
    every: list[findings.Report] = list(store.experiments.reports(e.id))
    job, about = jobs.status(store, e.id), store.experiments.measurement(e.id, "data")
    round = chosen_round(every)
    reports = every if round is None else every[: round + 1]
    several = len(every) > 1
    arms.belongs(store, e)
    if several:
        st.caption(what_it_is(e))
    if left_to_do := waiting.label(store, e):
        waits_for_you(left_to_do)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="round_row"):
        if several:
            round_control(every, round)
        else:
            st.caption(what_it_is(e), width="content")
        if reports:
            code.copy("cards", code.call("base_and_now", e.id, round=round))
    if reports:
        findings.metrics(store, e, reports)
    elif live.active(job):
        findings.awaited(e)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        curve(store, e, reports, round)
    with right:
        with st.container(border=True):
            live.panel(e.id, key="overview")
        with st.container(border=True, height="stretch"):
            st.subheader("Next steps", anchor=False)
            next_steps(store, e, bool(left_to_do))
    arms.card(arms.look_of(store, e), key="overview")
    if e.settings.model:
        with st.container(border=True):
            st.subheader("What it took", anchor=False)
            spending.card(e.id, moving=live.active(job))
    if any(r["library"] for r in reports):
        critic(store, e, reports, round)
        roles_and_examples(store, e, reports, round)
        tables(store, e, reports, round)
    if reports:
        measures.card(store, e, reports, round)
        actor_critic_flow.card(store, e, reports)
        measures.earned(store, e)
    if about:
        with st.container(border=True):
            st.subheader("The problems", anchor=False)
            data.facts(about)
            data.files(about)
    if reports:
        pass_at_k(store, e, job)
        worth.card(store, e)
