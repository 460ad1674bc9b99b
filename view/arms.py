"""The first look at one's own problems: four arms one after the other, and what came of each, live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from sirius_core import contrast, jobs
from sirius_core.errors import SiriusError
from sirius_core.settings import Settings, preset
from sirius_core.store import ACTIVE, Experiment, Store
from sirius_core.store.arms import Arms

from . import background, code, lab
from .numbers import between, dollars, p_text, spread

NAME = "first-look"
ASKED = ("single agent", "chain", "chain + demos", "chain + prompts")
WHAT = (
    "The same problems and the same seed, played by one agent alone, by a chain of three, by the chain shown its own "
    "successes, and by the chain with instructions rewritten from its failures."
)


def begin(seed: int, changes: dict[str, Any], start: str) -> None:
    """Estimate the four arms on the form's problems and model (a callback); they wait then for somebody to start them.

    What the arms differ in, and the preset's sizes, are the first look's own.
    """
    try:
        chosen, own = preset(start, changes).as_dict(), preset("quickstart").as_dict()
        arms = {name for arm in contrast.FIRST_LOOK for name in arm.changes} | {"model", "base_url", "data"}
        asked = {n: v for n, v in chosen.items() if v != own[n] and n not in arms and (n in changes or n == "source")}
        words = [f"--set={n}={str(v).lower() if isinstance(v, bool) else v}" for n, v in asked.items()]
        where = [f"--model={chosen['model']}", f"--base-url={chosen['base_url']}", f"--seed={seed}"]
        background.start(NAME, NAME, _named(chosen["data"]), *where, *words)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
    else:
        st.session_state["_first_look"] = True


def _named(data: str) -> str:
    """The data as a word of a command line: never like an option."""
    path = Path(data).expanduser()
    return str(path.resolve()) if path.exists() else data.lstrip("-")


def carry_on(look: str) -> None:
    """Start the arms of a look that was estimated, or go on with one that was stopped (a callback)."""
    try:
        background.start(NAME, NAME, look, "--yes")
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def fits(settings: Settings) -> str:
    """Why a first look is not offered for these settings; empty if it is."""
    if not settings.model:
        return "Name a model at an endpoint first."
    return "" if settings.data else "Name a file with your own problems first."


def newest(store: Store) -> str | None:
    """The look that was begun last."""
    planned = Arms(store.db).planned()
    found = (e.contrast for e in store.experiments.all() if e.contrast and e.arm in ASKED)
    return next((contrast for contrast in found if contrast not in planned), None)


def look_of(store: Store, e: Experiment | None) -> str | None:
    """The first look that an experiment belongs to; None of one that stands alone or is a run of a planned contrast."""
    return None if e is None or not e.contrast or e.contrast in Arms(store.db).planned() else e.contrast


def belongs(store: Store, e: Experiment) -> None:
    """Of a run of a planned contrast: which, and the way there."""
    if not e.contrast or e.contrast not in Arms(store.db).planned():
        return
    with st.container(horizontal=True, vertical_alignment="center", key="belongs"):
        st.caption(f"One run of the contrast {lab.plain(store.contrasts.get(e.contrast).name)}: arm "
                   f"**{lab.plain(e.arm)}**, seed {e.seed}.", width="content")
        lab.link(lab.CONTRAST, "All arms", icon=":material/compare_arrows:", contrast=e.contrast)


def card(look: str | None, *, key: str) -> None:
    """A card with the table; it moves only while the arms are at work."""
    moving = background.running(NAME)
    if look is None and not (moving or st.session_state.get("_first_look")):
        return
    with st.container(border=True, key=f"arms_{key}"):
        st.fragment(_card, run_every=2.0 if moving else None)(look, moving, key)


def _card(look: str | None, was_moving: bool, key: str) -> None:
    moving = background.running(NAME)
    if was_moving != moving:
        st.rerun(scope="app")
    with lab.opened() as store:
        look = look or newest(store)
        rows = contrast.table(store, look) if look else []
        found = {row["experiment"]: store.experiments.measurement(row["experiment"], "estimate") for row in rows}
        status = {row["experiment"]: jobs.status(store, row["experiment"]).status for row in rows}
    if not rows:
        st.subheader("First look", anchor=False)
        _last_words(moving)
        return
    st.subheader("First look: one's own problems, four arms", anchor=False)
    st.write(WHAT)
    st.dataframe(
        [_line(row, status[row["experiment"]], found[row["experiment"]]) for row in rows],
        hide_index=True,
        key=f"arms_table_{key}",
        alt="One line per arm: accuracy on the same held-out problems, against the first arm, and what it took",
        column_config={
            "against the first": st.column_config.TextColumn(
                help="Problems gained and lost against the first arm, and McNemar's exact test over the same problems."
            ),
        },
    )
    code.copy(f"arms_table_{key}", code.call("arms", look))
    done = [row for row in rows if status[row["experiment"]] == "done"]
    if not done and all(found.values()):
        _sum(list(found.values()))
    with st.container(horizontal=True, vertical_alignment="center"):
        if not moving and len(done) < len(rows) and not any(s in ACTIVE and s == "running" for s in status.values()):
            label = "Start all four" if not done else "Go on with the rest"
            st.button(label, type="primary", icon=":material/play_arrow:", key=f"arms_start_{key}", on_click=carry_on,
                      args=(look,), help="One after the other, as a process of its own: page and app may be closed.")
        for row in rows:
            lab.link(lab.OVERVIEW, row["arm"], icon=":material/insights:", exp=row["experiment"])
    if len(done) == len(rows):
        st.caption("One seed: a small p says that two of these teams differ on these problems. That one way of "
                   "learning is better than another would take several seeds.")
    _last_words(moving)


def _line(row: dict[str, Any], status: str, estimated: Any) -> dict[str, Any]:
    known = row["accuracy"] is not None
    against = "" if row["p"] is None else f"+{row['gained']} −{row['lost']}, {p_text(row['p'])}"
    took = f"{row['calls']:,}" if row["calls"] else "–"
    cost = dollars(row["cost"]) if row["calls"] else "–"
    if not known and estimated:
        low, high = estimated["low"], estimated["high"]
        took = "about " + spread(f"{low['calls']:,}", f"{high['calls']:,}")
        cost = "unknown" if high["cost"] is None else spread(dollars(low["cost"]), dollars(high["cost"]))
    return {
        "arm": row["arm"],
        "right": f"{row['correct']} of {row['n']}" if known else "",
        "accuracy": f"{100 * row['accuracy']:.0f} % ({between(row)})" if known else "",
        "against the first": against,
        "calls paid": took,
        "cost": cost,
        "status": "waits" if not known and status in ("queued", "paused", "stopped") else status,
    }


def _sum(found: list[Any]) -> None:
    low, high = ([f[end]["cost"] for f in found] for end in ("low", "high"))
    if any(cost is None for cost in high):
        st.caption("What it would cost is unknown: say the model's price under Model at an endpoint, then ask again.")
    else:
        said = spread(dollars(sum(low)), dollars(sum(high))).replace("$", "\\$")
        st.caption(f"All together about {said}; what arms have in common is paid once.")


def _last_words(moving: bool) -> None:
    lines = background.said(NAME)
    if moving:
        last = lab.plain(lines[-1]) if lines else ""
        st.caption(f"At work, as a process of its own: this page may be closed. {last}")
    elif lines and lines[-1].startswith("sirius"):
        st.error(lab.plain(lines[-1].partition(": ")[2] or lines[-1]), icon=":material/error:")
