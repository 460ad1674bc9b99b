"""What an experiment found, as cards: each number with its n, its interval and, where two are compared, its p."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from sirius_core import frames, statistics, tables, tasks
from sirius_core.games import GAMES
from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse

from . import code, lab, live
from .columns import NOTHING, written
from .numbers import LEVEL, between, counted, dollars, p_text, points, share

Report = Mapping[str, Any]
SPLITS = {"heldout": "Held-out problems", "new_wordings": "New wordings", "withheld_forms": "Withheld forms"}
SPLIT_HELP = {
    "heldout": "Problems whose pair of numbers occurs nowhere in training, one sampled try each.",
    "new_wordings": "Held-out problems in combinations of words that fine-tuning never used.",
    "withheld_forms": "Held-out problems with a question form that fine-tuning never used at all.",
}
GAMES_HELP = ("Games against the untrained model, once from each seat: the share in which the learner got more than an "
              "even deal would give it.")
DATASET_HELP = "Problems whose question stands nowhere in training, whatever its options; one sampled try each."


def metrics(store: Store, e: Experiment, reports: Sequence[Report]) -> None:
    """Four numbers: the tests against the base, and what the critic bought where most had failed; of a dataset also
    what always saying one answer would score, at an endpoint what was paid."""
    last, base = reports[-1], reports[0]
    data = store.experiments.measurement(e.id, "data")
    with st.grid(4, min_column_width=150, gap="small"):
        for split, name in SPLITS.items():
            if split not in last["tests"]:
                continue
            now, then = last["tests"][split]["sampled"], base["tests"][split]["sampled"]
            delta: str | int | None = None
            colour: Literal["normal", "off"] = "off"
            against = ""
            if last["round"]:
                test = tables.paired(store, e, f"evaluate:{split}:sampled", 0, last["round"])
                delta, against = points(then["accuracy"], now["accuracy"]), f"vs base, {p_text(test.p)}"
                colour = "normal" if test.p < LEVEL else "off"
            playing = e.settings.source in GAMES
            said = GAMES_HELP if playing else DATASET_HELP if data else SPLIT_HELP[split]
            st.metric(
                tasks.split_title(e.settings.source, split).capitalize() if playing else name,
                share(now["accuracy"]),
                delta,
                colour,
                delta_description=against or None,
                border=True,
                height="stretch",
                help=f"{said} {counted(now)}.",
                chart_data=_line([r["tests"][split]["sampled"]["accuracy"] for r in reports]),
            )
        if data:
            _majority(data["majority"])
        found = [r for r in reports if r.get("controls")]
        if found:
            # The round with the most failures says most: later, a handful is left, and mostly bad luck of the draw.
            most = max(found, key=lambda r: (r["controls"]["critic"]["n"], -r["round"]))
            arms, test = most["controls"], critic_against(store, e, most, "again")
            st.metric(
                f"Critic mends, round {most['round']}",
                share(arms["critic"]["accuracy"]),
                points(arms["again"]["accuracy"], arms["critic"]["accuracy"]),
                "normal" if test.p < LEVEL else "off",
                delta_description=f"vs again, {p_text(test.p)}",
                border=True,
                height="stretch",
                help=f"Of the problems that failed, within as many calls as playing again: {counted(arms['critic'])}. "
                "The line shows every round: what still fails later is mostly bad luck of the draw, and there playing "
                "again mends more.",
                chart_data=_line([r["controls"]["critic"]["accuracy"] for r in found]),
            )
        elif not last["round"] and e.settings.controls and e.settings.rounds:
            st.metric("Critic mends", "–", border=True, height="stretch", help="Known when round 1 closes.")
        elif last["library"]:
            n = sum(last["library"].values())
            words = "Examples to show" if live.in_words(e.settings) else "Training examples"
            st.metric(
                "Cases that writers read" if e.settings.update == "prompts" else words,
                f"{n:,}",
                len(last["library"]),
                "off",
                delta_description="models",
                border=True,
                height="stretch",
                chart_data=_line([sum(r["library"].values()) for r in reports]),
            )
        if e.settings.model:
            _paid(store, e, reports)


def awaited(e: Experiment) -> None:
    """The cards before the base is measured: nothing below has to move when their numbers come."""
    splits = SPLITS.values() if e.settings.source == "formulas" else [SPLITS["heldout"]]
    cards = [(name, "the base is measured") for name in splits]
    if e.settings.controls and e.settings.rounds:
        cards.append(("Critic mends", "round 1 closes"))
    with st.grid(4, min_column_width=150, gap="small", key="awaited"):
        for name, when in cards:
            st.metric(name, "–", border=True, height="stretch", help=f"Known when {when}.")


def _line(values: list[Any]) -> list[Any] | None:
    """What a card draws under its number; nothing of one round alone, or where a value is unknown."""
    return values if len(values) > 1 and None not in values else None


def _majority(held: Mapping[str, Any]) -> None:
    if held["n"] > 1:
        st.metric(
            f"Always saying {lab.plain(held['answer'][:24])}",
            share(held["share"]),
            border=True,
            height="stretch",
            help=f"The most frequent right answer of the held-out problems: {held['n']} of {held['of']}. What a team "
            "scores above this line it does not owe to guessing well.",
        )


def _paid(store: Store, e: Experiment, reports: Sequence[Report]) -> None:
    calls, tokens, cost = store.episodes.spent(e.id)
    costs = [r.get("usage", {}).get("cost") for r in reports]
    st.metric(
        "Paid so far",
        dollars(cost).replace("$", "\\$"),
        border=True,
        height="stretch",
        help=f"{calls:,} calls, {tokens:,} tokens. Unknown: the model's price is not known."
        if cost is None
        else f"{calls:,} calls, {tokens:,} tokens; the line shows what each round used.",
        chart_data=_line(costs),
    )


def critic_against(store: Store, e: Experiment, report: Report, arm: str) -> statistics.Paired:
    """Of the same failed problems, how many only the critic mended, how many only the other arm did."""
    browse = Browse(store.db)
    again = browse.right(e.id, report["round"], "control:again", threshold=e.settings.threshold)
    chosen = [t for t, _ in sorted(again.items())]
    critic = browse.mended_tasks(e.id, report["round"], "gold")
    other = {t for t in chosen if again[t]} if arm == "again" else browse.mended_tasks(e.id, report["round"], "blind")
    return statistics.mcnemar([int(t in other) for t in chosen], [int(t in critic) for t in chosen])


def what_the_critic_bought(store: Store, e: Experiment, reports: Sequence[Report]) -> None:
    """The honest sentences about the controls: the first round and the last, and what seeing the answer did.

    The last is said of the round with most failures: of a handful nothing could be told.
    """
    last, calls = reports[-1], reports[-1]["controls"]["critic"]["calls"]
    lines = [_one_round(store, e, report) for report in ([reports[0], last] if len(reports) > 1 else [last])]
    most = max(reports, key=lambda r: (r["controls"]["critic"]["n"], -r["round"]))
    lines.append(_seeing_the_answer(most, critic_against(store, e, most, "blind").p))
    st.write(f"The same failed problems, at most {calls} calls on each of them for each of the three:")
    st.markdown("\n".join(f"- {line}" for line in lines).replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0"))


def _seeing_the_answer(report: Report, p: float) -> str:
    critic, blind = (report["controls"][arm]["accuracy"] for arm in ("critic", "blind"))
    start = f"In round {report['round']}"
    if p >= LEVEL:
        return f"{start} no difference can be told between seeing the right answer and not seeing it ({p_text(p)})."
    if critic > blind:
        return f"{start} what the critic gains over the blind critic is bought with the right answer ({p_text(p)})."
    return f"{start} the critic that sees the right answer mends less than the blind one ({p_text(p)})."


def _one_round(store: Store, e: Experiment, report: Report) -> str:
    arms, test = report["controls"], critic_against(store, e, report, "again")
    critic, again, blind = arms["critic"], arms["again"], arms["blind"]
    if test.p >= LEVEL:
        word = "cannot be told apart from"
    else:
        word = "mends more than" if critic["accuracy"] > again["accuracy"] else "mends less than"
    return (
        f"**Round {report['round']}**: the critic **{word} playing again**, {share(critic['accuracy'], 0)} "
        f"({between(critic)}) against {share(again['accuracy'], 0)} ({between(again)}), n = {critic['n']}, "
        f"{p_text(test.p)}. The blind critic: {share(blind['accuracy'], 0)} ({between(blind)})."
    )


def rounds_table(store: Store, e: Experiment, round: int | None) -> None:
    """A line for each round, up to ``round`` if one is chosen."""
    frame = frames.Frames(store).rounds(e.id, upto=round)
    optional = ("greedy_accuracy", "new_wordings_accuracy", "withheld_forms_accuracy", "lucky")
    order = ["round", "correct", "n", "accuracy", "low", "high", "greedy_accuracy", "gained", "lost", "p_vs_previous",
             "new_wordings_accuracy", "withheld_forms_accuracy", "repaired", "lucky", "seconds"]
    number = st.column_config.NumberColumn
    shares = ("accuracy", "low", "high", "greedy_accuracy", "new_wordings_accuracy", "withheld_forms_accuracy", "lucky")
    st.dataframe(
        written(frame, shares=shares, p_values=["p_vs_previous"], counts=["gained", "lost"]),
        hide_index=True,
        key="rounds_table",
        alt="One line per round: accuracy with interval and paired p-value",
        column_order=[name for name in order if name not in optional or frame[name].notna().any()],
        placeholder=NOTHING,
        column_config={
            "correct": number("right"),
            "n": number("of"),
            "low": number("from", help="The lower end of the 95 % interval."),
            "high": number("to", help="The upper end of the 95 % interval."),
            "greedy_accuracy": number("greedy"),
            "gained": number("+", help="Problems that went from wrong to right since the round before."),
            "lost": number("−", help="Problems that went from right to wrong since the round before."),
            "p_vs_previous": number(
                "p",
                help="McNemar's exact test against the round before, two-sided, not corrected for the number of "
                "rounds.",
            ),
            "new_wordings_accuracy": number("new wordings"),
            "withheld_forms_accuracy": number(tasks.split_title(e.settings.source, "withheld_forms")),
            "repaired": number("mended", help="Failed episodes whose repair led to the right answer."),
            "lucky": number("lucky", help="Share of the right answers that came by wrong steps."),
            "seconds": number("seconds", format="%.0f"),
        },
    )
    code.copy("rounds_table", code.call("rounds", e.id, upto=round))


def tests_table(store: Store, e: Experiment, round: int | None) -> None:
    """Every test split, base against now (or against ``round``), sampled and greedy."""
    number = st.column_config.NumberColumn
    sides = {f"{side}{end}": name for side in ("base", "now")
             for end, name in (("", side), ("_low", "from"), ("_high", "to"), ("_greedy", f"{side}, greedy"))}
    st.dataframe(
        written(frames.Frames(store).base_and_now(e.id, round), shares=sides, p_values=["p"]),
        hide_index=True,
        key="tests_table",
        alt="Accuracy of the base and of the team now on every test",
        placeholder=NOTHING,
        column_config={
            **{key: number(name) for key, name in sides.items()},
            "p": number(help="McNemar's exact test, base against now, sampled, two-sided."),
        },
    )
    code.copy("tests_table", code.call("base_and_now", e.id, round=round))
