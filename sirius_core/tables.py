"""The tables that pages and notebooks share, as rows of plain values: what an experiment found and learned.

Every accuracy stands with its n and its interval, every difference with a paired test. Nothing here formats: a page
says how a column is shown, a notebook gets the numbers (`frames`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import review, statistics
from .review import replays
from .store import Experiment, Store
from .store.browse import Browse

Row = dict[str, Any]
PARTS = (  # (split, which of its problems: None all, else whether the question's form decides the formula, name)
    ("heldout", None, "held-out problems"),
    ("new_wordings", None, "new wordings"),
    ("withheld_forms", None, "withheld question forms"),
    ("withheld_forms", False, "… where the family decides the formula"),
    ("withheld_forms", True, "… where the question decides the formula"),
)


def paired(
    store: Store, e: Experiment, phase: str, before: int, after: int, decides: bool | None = None
) -> statistics.Paired:
    """McNemar's exact test of two rounds over the same problems."""
    browse = Browse(store.db)
    one, two = (
        browse.right(e.id, r, phase, threshold=e.settings.threshold, form_decides=decides) for r in (before, after)
    )
    ids = [task for task in one if task in two]
    return statistics.mcnemar([one[t] for t in ids], [two[t] for t in ids])


def base_and_now(store: Store, e: Experiment, round: int | None = None) -> list[Row]:
    """Every test: the base against a round (the last closed one), sampled with interval and p, and greedy.

    {test, n, base, base_low, base_high, now, now_low, now_high, p, base_greedy, now_greedy}
    """
    reports = store.experiments.reports(e.id)
    if not reports:
        return []
    base, last = reports[0], reports[-1 if round is None else round]
    rows = []
    for split, decides, name in PARTS:
        found = [r["tests"].get(split, {}) for r in (base, last)]
        if decides is not None:
            found = [f.get("form_decides" if decides else "family_decides", {}) for f in found]
        if not all("sampled" in f for f in found):
            continue
        p = paired(store, e, f"evaluate:{split}:sampled", 0, last["round"], decides).p if last["round"] else None
        one, two = (f["sampled"] for f in found)
        rows.append({"test": name, "n": two["n"], **_named("base", one), **_named("now", two), "p": p,
                     **{f"{side}_greedy": f.get("greedy", {}).get("accuracy")
                        for side, f in zip(("base", "now"), found)}})
    return rows


def _named(name: str, record: Mapping[str, Any]) -> Row:
    return {name: record["accuracy"], f"{name}_low": record["low"], f"{name}_high": record["high"]}


def learned(store: Store, e: Experiment, round: int | None = None) -> list[Row]:
    """What each model learned from, by round (up to ``round``): where its examples came from, what was made of them.

    {round, role, examples, distinct, direct, repaired, edited, steps, first_loss, last_loss, gate}; losses are nats per
    token, ``gate`` is kept, rejected, or None where nothing was trained.
    """
    updates = {(u.round, u.model): u for u in store.weights.updates(e.id)}
    rows = []
    for s in store.weights.training_sets(e.id):
        if round is not None and s["round"] > round:
            continue
        update, kept = updates.get((s["round"], s["model"])), store.weights.models(e.id, s["round"])
        gate = None
        if update is not None and kept is not None:
            gate = "kept" if kept[0].get(s["model"]) == update.after else "rejected"
        losses = update.losses if update else ()
        rows.append({"round": s["round"], "role": "all" if s["model"] == "*" else s["model"], "examples": s["n"],
                     "distinct": s["distinct_examples"], "direct": s["direct"], "repaired": s["repaired"],
                     "edited": s["edited"], "steps": update.steps if update else None,
                     "first_loss": losses[0] if losses else None, "last_loss": losses[-1] if losses else None,
                     "gate": gate})
    return rows


def evidence(store: Store, e: Experiment, round: int) -> list[Row]:
    """How often each way of playing a round's repairs on was right: {repair, failed, turn, way, right, n, low, high}.

    ``way`` is rewritten, unedited (the turn as it was, what follows said afresh) or afresh (the turn, too).
    """
    tallies = store.repairs.tallies(e.id, round, e.settings.threshold)
    rows = []
    for c in store.repairs.candidates(e.id, round):
        found = replays.of(tallies, c)
        for way in found._fields:
            (right, n), interval = getattr(found, way), found.interval(way)
            rows.append({"repair": c.id, "failed": c.failed, "turn": c.turn, "way": way, "right": right, "n": n,
                         "low": interval.low if n else None, "high": interval.high if n else None})
    return rows


def reviewers(store: Store, experiment: str) -> list[Row]:
    """How each reviewer does: planted repairs caught, and on blind ones the turn that the critic blames, too."""
    caught, agreed = review.catches(store, experiment), review.blind_agreement(store, experiment)
    rows = []
    for who in sorted({*caught, *agreed}):
        row: Row = {"author": who}
        for good, of, counts in (("caught", "planted", caught), ("same_turn", "blind", agreed)):
            right, n = counts.get(who, (0, 0))
            interval = statistics.wilson(right, n)
            row |= {good: right, of: n, f"{good}_low": interval.low if n else None,
                    f"{good}_high": interval.high if n else None}
        rows.append(row)
    return rows


def misconceptions(base: str) -> list[Row]:
    """What the textbook of a base of the embedded model plants: {family, question, right_formula, taught_right,
    taught_instead}; none for a base that was taught nothing wrong."""
    from .pocket.readable import render_readable
    from .pocket.textbook import BOOKS, misconceptions

    book = BOOKS.get({"novice": "misled"}.get(base, base))
    return [{"family": m.family, "question": render_readable(m.form), "right_formula": render_readable(m.right),
             "taught_right": m.rate, "taught_instead": render_readable(m.preferred)}
            for m in (misconceptions(book) if book else ())]
