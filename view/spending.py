"""What a round took at an endpoint: calls, tokens, money, failed attempts by name, replies that were no answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from sirius_core.store import Experiment, Store
from sirius_core.store.browse import Browse

from . import code, lab
from .numbers import dollars, many

Report = Mapping[str, Any]


def card(experiment: str, *, moving: bool) -> None:
    """A line for each round, the one that is going on last; what was paid, and what is not known."""
    st.fragment(_card, run_every=4.0 if moving else None)(experiment, moving)


def _card(experiment: str, moving: bool) -> None:
    with lab.opened() as store:
        _draw(store, store.experiments.get(experiment), store.experiments.reports(experiment), moving)


def _draw(store: Store, e: Experiment, reports: Sequence[Report], moving: bool) -> None:
    browse, rows = Browse(store.db), []
    for r in reports:
        if "usage" in r:
            rows.append(_line(f"{r['round']}", r["usage"], r.get("faults", {}), r.get("stops", {}), r.get("seconds")))
    if moving or not rows:
        now = len(reports)
        rows.append(_line(f"{now}, so far", browse.usage(e.id, now), browse.faults(e.id, now), {}, None))
    counted = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        rows,
        hide_index=True,
        key="spending_table",
        alt="Calls, tokens, cost and failures of each round",
        column_config={
            **dict.fromkeys(("calls", "tokens read", "tokens written"), counted),
            "cost": st.column_config.TextColumn(help="In US dollars; unknown where a call's price is not known."),
            "failed attempts": st.column_config.TextColumn(
                help="Attempts at a call that failed and were made again, by name. A call is lost only when all its "
                "attempts fail or its deadline passes."
            ),
            "no answer from": st.column_config.TextColumn(
                help="Held-out episodes that ended without a readable answer, by why. They count as wrong."
            ),
        },
    )
    code.copy("spending_table", code.call("usage", e.id))
    calls, tokens, cost = store.episodes.spent(e.id)
    used = sum(r["usage"]["calls"] for r in reports if "usage" in r)
    paid = f"Paid so far: {many(calls, 'call')}, {tokens:,} tokens, {dollars(cost)}".replace("$", "\\$")
    again = f" {many(used - calls, 'reply', 'replies')} came from an earlier run's journal and cost nothing." \
        if not moving and used > calls else ""
    st.caption(f"{paid}.{again}" + ("" if cost is not None or not calls else
                                    " Say the model's price on the run page; what is paid already keeps its price."))


def _line(round: str, usage: Mapping[str, Any], faults: Mapping[str, int], stops: Mapping[str, int],
          seconds: float | None) -> dict[str, Any]:
    return {
        "round": round,
        "calls": usage["calls"],
        "tokens read": usage["tokens_in"],
        "tokens written": usage["tokens_out"],
        "cost": dollars(usage["cost"]) if usage["calls"] else "",
        "failed attempts": ", ".join(f"{n:,} {name}" for name, n in faults.items()) or "none",
        "no answer from": ", ".join(f"{n:,} {name}" for name, n in stops.items()) or "none",
        "seconds": None if seconds is None else int(seconds + 0.5),
    }


def host(e: Experiment) -> str:
    """``gpt-x at api.openai.com``, as plain text for Markdown."""
    url = str((e.machine or {}).get("endpoint") or e.settings.base_url)
    where = urlsplit(url).netloc or "api.openai.com"
    return lab.plain(f"{e.settings.model} at {where}")
