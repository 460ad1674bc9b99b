"""What may be said in the end: one sentence, what it stands on, what was equal, and what people had expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sirius_core.contrast import Plan, curves, telling
from sirius_core.contrast.plan import MOST_SEEDS
from sirius_core.store import Store

from . import charts, code, contrast_live, lab, small_bars
from .columns import NOTHING, written
from .numbers import many, share
from .texts import problem, say

Record = Mapping[str, Any]
LEVELS = {
    "checkpoints": (":material/deployed_code:", "about these checkpoints",
                    "This speaks of the checkpoints that were made here, seed by seed. Whether one way of learning is "
                    "better takes three seeds or more: other seeds make other checkpoints."),
    "recipe": (":material/science:", "about the way of learning",
               "This speaks of the way of learning, not of single checkpoints: the interval counts that other seeds "
               "and other problems of this kind would have come out otherwise."),
    "none": (":material/block:", "nothing is compared", ""),
}
CAME = {"right": (":material/check:", "green"), "wrong": (":material/close:", "red"),
        "open": (":material/question_mark:", "gray")}


def draw(store: Store, contrast: str, plan: Plan, said: Record) -> None:
    """The verdict with everything under it."""
    with st.container(border=True, key="ct_verdict"):
        sentence(contrast, plan, said)
    compared = said["level"] != "none"
    left, right = st.columns([3, 2], gap="small") if compared else (st.container(), None)
    with left.container(border=True, height="stretch" if compared else "content"):
        contrast_live.learning(store, contrast, plan)
    if right is not None:
        with right:
            with st.container(border=True):
                ends(store, contrast)
            expected(store, contrast)
    with st.container(border=True):
        st.subheader("Seed by seed", anchor=False)
        arms(store, contrast, plan)
    if said["pairs"]:
        with st.container(border=True):
            pairs(store, contrast)
    with st.container(border=True):
        fairness(store, contrast, said)
    if said["by_round"]:
        by_round(store, contrast)


def sentence(contrast: str, plan: Plan, said: Record) -> None:
    """The one big sentence, what it speaks of, and what would tell more."""
    icon, words, explained = LEVELS[said["level"]]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(words, icon=icon, color="gray" if said["level"] == "none" else "blue")
        st.caption(f"{many(len(plan.arms), 'arm')}, {many(said['seeds'], 'seed')}")
    problem(said["sentence"])
    if explained:
        st.caption(explained)
    for line in said["left_out"]:
        say(line)
    if said["why"]:  # where nothing could be compared, the sentence is all that there is
        with st.expander("How it was found", type="compact", key="ct_how"):
            say(said["why"], quiet=True)
    needed, room = more(said), MOST_SEEDS - len(plan.seeds)
    with st.container(horizontal=True, vertical_alignment="center"):
        if 0 < needed <= room and needed != 3:
            st.button(f"Run {many(needed, 'more seed', 'more seeds')}", type="primary", icon=":material/add:",
                      key="ct_needed", on_click=contrast_live.act, args=("more", contrast, needed),
                      help="About as many as it would take to tell the first two apart, if the difference is real.")
        st.button("Three more seeds", icon=":material/add:", key="ct_more", on_click=contrast_live.act,
                  args=("more", contrast, 3), type="primary" if needed == 3 else "secondary", disabled=room < 3)


def more(said: Record) -> int:
    """About how many more seeds would tell the first two arms apart; 0 where that is told, or no number would."""
    first = set(said["order"][:2])
    between = [pair for pair in said["pairs"] if {pair["one"], pair["other"]} == first]
    open_ones = [pair["more"] for pair in between if not pair["different"]]
    return max((n for n in open_ones if n), default=0)


def expected(store: Store, contrast: str) -> None:
    """What people had predicted, beside what came."""
    found = telling.rows(store, "predictions", contrast)
    if not found:
        return
    with st.container(border=True, gap="small", height="stretch"):
        st.subheader("What was expected, and what came", anchor=False)
        for row in found:
            head, _, rest = row["came"].partition(": ")
            icon, colour = CAME.get(head, CAME["open"])
            arm = f"{row['arm']} ahead" if row["arm"] else "no difference"
            points = f" by {row['points']:g} points" if row["points"] is not None and row["arm"] else ""
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(head if head in CAME else "open", icon=icon, color=colour)  # type: ignore[arg-type]
                st.markdown(f"**{lab.plain(row['author'] or 'a person')}**: {lab.plain(arm)}{points}.", width="content")
            if row["reason"]:
                say(f"“{row['reason']}”", quiet=True)
            say(f"{rest[:1].upper()}{rest[1:]}.")


def ends(store: Store, contrast: str) -> None:
    """The means as bars, best first."""
    st.subheader("Where the arms ended", anchor=False)
    found = telling.rows(store, "arms", contrast)
    small_bars.draw([
        small_bars.Bar(row["arm"], row["accuracy"],
                       f"{share(row['accuracy'])} ({100 * row['low']:.1f} to {100 * row['high']:.1f} %)", row["low"],
                       row["high"], place == 0)
        for place, row in enumerate(found)])
    few = any(row["seeds"] < telling.FEW for row in found)
    st.caption("Mean of an arm over its seeds; the line is its 95 % interval: "
               + ("Wilson's for as many answers as one seed gave, about these checkpoints." if few else
                  "Student's, over the seeds, on these problems."))


def arms(store: Store, contrast: str, plan: Plan) -> None:
    """Mean over seeds with interval, and each seed's end."""
    shares = ["accuracy", "low", "high", *(f"seed {seed}" for seed in plan.seeds)]
    number = st.column_config.NumberColumn
    st.dataframe(
        written(_frame(telling.rows(store, "arms", contrast)), shares=shares, counts=["n"]),
        hide_index=True, key="ct_arms", placeholder=NOTHING,
        alt="Mean held-out accuracy of every arm over its seeds, with its interval, and what each seed ended with",
        column_config={
            "accuracy": number("mean"), "low": number("from"), "high": number("to"),
            "n": number("answers", help="Answers to held-out problems after the last round, over all seeds."),
        },
    )
    code.copy("ct_arms", code.call("contrast", "arms", contrast))


def pairs(store: Store, contrast: str) -> None:
    """Every difference with its interval, as a forest and as a table."""
    st.subheader("Arm against arm", anchor=False)
    found = telling.rows(store, "pairs", contrast)
    shown = min(len(found), curves.MOST)
    charts.spec(curves.of(store, contrast, "forest"), key="ct_forest", height=130 + 30 * shown,
                alt="Differences between arms in points, each with its 95 % interval; filled marks are differences")
    code.copy("ct_forest", code.call("contrast_figure", "forest", contrast))
    if len(found) > shown:
        st.caption(f"The {shown} largest of {len(found)} differences; the table has all.")
    number, of_seed = st.column_config.NumberColumn, found[0]["seed"] is not None
    st.dataframe(
        written(_frame(found), points=["delta", "low", "high"], p_values=["p", "p_holm"], counts=["more", "items"]),
        hide_index=True, key="ct_pairs", placeholder=NOTHING,
        alt="Differences between arms over the same problems with interval and p",
        column_order=["arm", "against", *(["seed"] if of_seed else []), "delta", "low", "high", "p", "p_holm", "gained",
                      "lost", *([] if of_seed else ["seeds"]), "items", "different", "more"],
        column_config={
            "delta": number("points", help="How much more often the arm was right, in percentage points."),
            "low": number("from"), "high": number("to"),
            "p_holm": number("p of all pairs", help="Holm's correction for the number of pairs."),
            "gained": number("+", help="Answers that only the arm had right, over all seeds."),
            "lost": number("−", help="Answers that only the other had right."),
            "items": number("problems"), "different": st.column_config.CheckboxColumn("different"),
            "more": number("seeds to tell", help="About how many more seeds would tell a difference of this size, if "
                           "it is real."),
        },
    )
    code.copy("ct_pairs", code.call("contrast", "pairs", contrast))


def fairness(store: Store, contrast: str, said: Record) -> None:
    """What was held equal and what was not, with the numbers."""
    st.subheader("Was it fair?", anchor=False)
    for line in said["fairness"]:
        say(line)
    number = st.column_config.NumberColumn
    st.dataframe(
        written(_frame(telling.rows(store, "costs", contrast)),
                counts=["calls", "tokens", "examples", "steps", "seconds", "answer_tokens"]),
        hide_index=True, key="ct_costs", placeholder=NOTHING,
        alt="What a run of every arm took on average: calls, tokens, examples, steps, seconds",
        column_config={
            "calls": number(help="Model calls for tries and repairs of all rounds, the mean over seeds."),
            "tokens": number(help="Read and written in these calls."),
            "examples": number(help="That one model learned from in all rounds."),
            "steps": number(help="Optimiser steps of one model in all rounds."),
            "answer_calls": number("calls an answer", format="%.2f", help="To answer one held-out problem."),
            "answer_tokens": number("tokens an answer"),
        },
    )
    code.copy("ct_costs", code.call("contrast", "costs", contrast))


def by_round(store: Store, contrast: str) -> None:
    """Pair by pair and round by round, folded."""
    box = st.expander("Round by round", icon=":material/stacked_line_chart:", key="ct_rounds", on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption("The same comparisons after every round; p is corrected by Holm's method over all rounds and pairs.")
        number = st.column_config.NumberColumn
        st.dataframe(
            written(_frame(telling.rows(store, "by_round", contrast)), points=["delta", "low", "high"],
                    p_values=["p", "p_holm"], counts=["items"]),
            hide_index=True, key="ct_by_round", placeholder=NOTHING,
            alt="Differences between arms after every round, with interval and p",
            column_order=["round", "other", "one", "seed", "delta", "low", "high", "p", "p_holm", "seeds", "items"],
            column_config={"other": "arm", "one": "against", "delta": number("points"), "low": number("from"),
                           "high": number("to"), "p_holm": number("p of all"), "items": number("problems")},
        )
        code.copy("ct_by_round", code.call("contrast", "by_round", contrast))


def _frame(rows: list[dict[str, Any]]) -> Any:
    import pandas as pd

    return pd.DataFrame(rows)
