"""Beside accuracy: what happens inside a panel, how a round explores and exploits, which role earned it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from sirius_core import credit, figures, frames, jobs, measures
from sirius_core.commands.measures import NAME, PROBLEMS, WAYS
from sirius_core.store import Experiment, Store

from . import charts, code, lab, live, measuring
from .columns import NOTHING, written
from .numbers import many, p_text, share

if TYPE_CHECKING:
    from pandas import DataFrame
    from pandas.io.formats.style import Styler

Report = Mapping[str, Any]
FORMS = {"share": lambda v: share(v), "points": lambda v: f"{100 * v:+.1f} points", "number": lambda v: f"{v:,.3g}"}
PANEL = ("panel", "diversity", "likelihood", "revision")
READ = {  # figure: (title, what it shows and which way is better, where it comes from)
    "panel": ("Votes and single agents", "Higher is better. Between one agent and the vote lies what counting "
              "answers buys, between the first vote and the last what talking buys on top of it. Votes as labels are "
              "those on training problems."),
    "diversity": ("How alike they are", "Neither way is better by itself: agents that always agree make a vote "
                  "useless, agents that never agree have none. Consensus and text distance as in Multiagent Finetuning "
                  "(arXiv 2501.05707), the distance over word sequences."),
    "likelihood": ("How far apart as models", "Higher is more diverse, 0 is one and the same model. How unlikely an "
                   "agent finds what another says, and how far their next words differ (arXiv 2501.05707)."),
    "revision": ("What hearing the others does", "Higher is better. Right answers that stay right are confidence, "
                 "wrong ones that get mended critique; both must be high for talking to pay."),
}


# -- the panel and the training tries ----------------------------------------------------------------------------------
def card(store: Store, e: Experiment, reports: Sequence[Report], round: int | None) -> None:
    """What applies to this experiment: nothing of a panel where one agent speaks, nothing where nobody tried."""
    last = reports[-1].get("measures", ())
    if measures.value(last, "vote") is not None:
        _panel(store, e, reports, round)
    if measures.value(last, "balance") is not None:
        _balance(store, e, reports, round)


def _panel(store: Store, e: Experiment, reports: Sequence[Report], round: int | None) -> None:
    with st.container(border=True):
        st.subheader("Inside the panel", anchor=False)
        for line in said(reports[-1]["measures"]):
            st.markdown(line)
        names = {row["measure"] for row in reports[-1]["measures"]}
        drawn = [name for name, needs in zip(PANEL, ("vote", "consensus", "nll", "cl"), strict=True) if needs in names]
        for pair in (drawn[i : i + 2] for i in range(0, len(drawn), 2)):
            for column, name in zip(st.columns(2, gap="medium"), pair, strict=False):
                with column:
                    title, what = READ[name]
                    st.markdown(f"**{title}**")
                    charts.stored(store, e, name, round=round, alt=f"{title}, by round", height=300)
                    st.caption(what)
        table(store, e, reports[-1]["round"])


def said(rows: Sequence[measures.Row]) -> list[str]:
    """What the last round's panel comes to: the vote, talking, the labels; each number with interval and n."""
    lines = []
    vote, alone = measures.value(rows, "vote"), measures.value(rows, "agent_mean", _first(rows))
    anyone, lost = measures.value(rows, "pass_at_n"), measures.value(rows, "pass_minus_vote")
    if vote and alone and anyone and lost:
        lines.append(f"The vote is right on **{told(vote)}**, one agent alone on {told(alone)}; on {told(anyone)} at "
                     f"least one agent is: {share(lost['value'])} are lost in the vote.")
    if (team := measures.value(rows, "team")) and (more := measures.value(rows, "team_minus_vote")):
        lines.append(f"The team does not count all votes alike: it is right on {told(team)}, "
                     f"{100 * more['value']:+.1f} points ({100 * more['low']:+.1f} to {100 * more['high']:+.1f}, "
                     f"{p_text(more['p'])}) over the plain vote.")
    talk = measures.value(rows, "last_minus_first")
    if talk:
        first, last = (measures.value(rows, "tokens", where) for where in (_first(rows), None))
        tell = "" if talk["p"] is not None and talk["p"] < 0.05 else " The two cannot be told apart."
        cost = f", for {last['value']:,.0f} tokens a problem against {first['value']:,.0f}" if first and last else ""
        lines.append(f"Talking adds **{100 * talk['value']:+.1f} points** ({100 * talk['low']:+.1f} to "
                     f"{100 * talk['high']:+.1f}, {p_text(talk['p'])}, n = {talk['n']}) to voting at once{cost}.{tell}")
    tries, kept = (measures.value(rows, "label", where) for where in ("training tries", "training examples"))
    if tries and tries["value"] is not None:
        also = f", in {told(kept)} of what was trained on" if kept and kept["value"] is not None else ""
        lines.append(f"Without the truth the vote is the label: right in {told(tries)} of the training tries{also}.")
    return lines


def _first(rows: Sequence[measures.Row]) -> str:
    return next(str(row["where"]) for row in rows if row["measure"] == "vote")


def of(report: Report, name: str) -> measures.Row | None:
    """A measure of a round that has a value; None where it has none."""
    row = measures.value(report.get("measures", ()), name)
    return row if row and row["value"] is not None else None


def told(row: measures.Row) -> str:
    """A share with its interval and n, on one line: ``61.2 % (56 % to 66 %, n = 400)``."""
    ends = "" if row["low"] is None else f"{share(row['low'], 0)} to {share(row['high'], 0)}, "
    return f"{share(row['value'])} ({ends}n = {row['n']:,})".replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")


def _balance(store: Store, e: Experiment, reports: Sequence[Report], round: int | None) -> None:
    with st.container(border=True):
        st.subheader("Exploration and exploitation", anchor=False)
        rows = reports[-1]["measures"]
        solved, kept, score = (measures.value(rows, name) for name in ("solved", "kept_right", "balance"))
        values = "; ".join(f"round {r['round']}: {row['value']:.2f}" for r in reports
                           if (row := measures.value(r.get("measures", ()), "balance")))
        charts.stored(store, e, "balance", round=round, hold=True, height=300,
                      alt=f"Problems solved, kept tries that are right and the balance score, by round. {values}.")
        if solved and score and kept:
            right = "nothing was kept" if kept["value"] is None else f"{told(kept)} of what is kept is right"
            st.caption(f"In the last round some try solves {told(solved)} of the training problems, {right}; balance "
                       f"score {score['value']:.2f}. Higher is better: it falls when a team finds fewer right tries, "
                       "or keeps wrong ones (B-STaR, arXiv 2412.17256). Repairs take no part.")


def table(store: Store, e: Experiment, round: int) -> None:
    with st.expander("Every measure of this round", type="compact"):
        frame = frames.Frames(store).measures(e.id, round=round)
        frame["name"] = [measures.NAMES[name].title for name in frame["measure"]]
        frame["what it is"] = [measures.NAMES[name].what for name in frame["measure"]]
        frame["better"] = [measures.NAMES[name].better for name in frame["measure"]]
        number = st.column_config.NumberColumn
        st.dataframe(
            _styled(frame), hide_index=True, key="measures_table", placeholder=NOTHING,
            alt="Every measure of this round with its interval",
            column_order=["name", "where", "value", "low", "high", "n", *(["p"] if "p" in frame else []), "better",
                          "what it is"],
            column_config={
                "low": number("from", help="The lower end of the 95 % interval."),
                "high": number("to", help="The upper end of the 95 % interval."),
                "n": number(help="Observations; answers to one problem are drawn together."),
                "p": number(help="McNemar's exact test over the same problems, two-sided."),
            },
        )
        code.copy("measures_table", code.call("measures", e.id, round=round))


def _styled(frame: DataFrame) -> Styler:
    """Shares as shares, differences in points, the rest as it stands."""
    made = written(frame, p_values=["p"])
    for unit, form in FORMS.items():
        chosen = [measures.NAMES[name].unit == unit for name in frame["measure"]]
        made = made.format(form, subset=(chosen, ["value", "low", "high"]), na_rep=NOTHING)
    return made


# -- who earned it -----------------------------------------------------------------------------------------------------
def earned(store: Store, e: Experiment) -> None:
    """Credit for each role as it was last measured, and the way to the next measurement."""
    found = credit.measured(store, e.id)
    trained = any(r["updates"]["accepted"] for r in store.experiments.reports(e.id))
    if found is None and not trained:
        return
    with st.container(border=True, key="credit"):
        st.subheader("Who earned it", anchor=False)
        if found is None:
            st.write("Roles can be swapped one at a time: the final team with one role untrained, the untrained team "
                     "with one role trained, on the same held-out problems with the same randomness.")
        else:
            st.markdown(gain(found))
            charts.spec(figures.credit(found), key="credit_bars", height=300,
                        alt=f"Each role's part in the gain in accuracy. {gain(found)}")
            code.copy("credit_bars", code.call("figure", "credit", e.id))
            st.caption("Higher is more. Grey: what the final team loses without this role's training. Orange: what "
                       "this training alone adds to the untrained team. Where the two differ, roles need one another. "
                       "Blue, the part of the gain (Shapley value), is the mean over all orders of training; the parts "
                       "add up to the whole.")
            _credit_tables(store, e)
        again = found is not None and found["round"] == len(store.experiments.reports(e.id)) - 1
        measuring.button(e, NAME, "Measure it again" if again else "Measure who earned it",
                         f"Plays up to eight teams on {many(PROBLEMS, 'held-out problem')} at most.",
                         busy=live.active(jobs.status(store, e.id)))


def gain(found: Mapping[str, Any]) -> str:
    """The whole gain, and of whom most of it is."""
    whole = found["gain"]
    head = (f"**{100 * whole['value']:+.1f} points** ({100 * whole['low']:+.1f} to {100 * whole['high']:+.1f}, "
            f"{p_text(whole['p'])}, n = {whole['n']}) over the base by round {found['round']}.")
    parts = {role: ways["shapley"] for role, ways in found["roles"].items() if ways["shapley"]}
    if not parts:
        return head
    told = "; ".join(f"{lab.plain(role)} {100 * p['value']:+.1f} ({100 * p['low']:+.1f} to {100 * p['high']:+.1f})"
                     for role, p in sorted(parts.items(), key=lambda item: -item[1]["value"]))
    return f"{head} Of these: {told}."


def _credit_tables(store: Store, e: Experiment) -> None:
    number = st.column_config.NumberColumn
    ends = {"low": number("from"), "high": number("to")}
    frame = frames.Frames(store).credit(e.id)
    frame["what"] = [{**WAYS, "shapley": "its part of the gain"}[way] for way in frame["way"]]
    st.dataframe(
        written(frame, points=["value", "low", "high"], p_values=["p", "holm"], counts=["gained", "lost"]),
        hide_index=True, key="credit_table", placeholder=NOTHING, alt="Credit of each role with interval and p",
        column_order=["role", "what", "value", "low", "high", "n", "gained", "lost", "p", "holm"],
        column_config={"value": number("points"), **ends, "gained": number("+"), "lost": number("−"),
                       "p": number(help="McNemar's exact test over the same problems, two-sided."),
                       "holm": number("p of all", help="Corrected for all roles and both ways by Holm's method.")},
    )
    code.copy("credit_table", code.call("credit", e.id))
    with st.expander("The teams that were played", type="compact"):
        st.dataframe(
            written(frames.Frames(store).credit_teams(e.id), shares=["accuracy", "low", "high"]),
            hide_index=True, key="credit_teams", alt="How often each team of trained and untrained roles is right",
            column_order=["trained", "correct", "n", "accuracy", "low", "high"],
            column_config={"correct": number("right"), "n": number("of"), **ends},
        )
        code.copy("credit_teams", code.call("credit_teams", e.id))
