"""The frame around every page: which database, which experiment, links between pages."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from sirius_core import jobs
from sirius_core.errors import Missing, SiriusError
from sirius_core.settings import preset
from sirius_core.store import Experiment, Store
from sirius_core.store.arms import Arms

_ADDRESS = re.compile(r"(?<=https:)(?=//)|(?<=http:)(?=//)|(?<=\bwww)(?=\.)|(?<=@)(?=[-\w])", re.IGNORECASE)
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")

OVERVIEW, RUN, CONTRAST, EXPLORE, ACTOR_CRITIC, GAMES, REVIEW, LIBRARY, LESSON, SETTINGS = (
    f"pages/{name}.py"
    for name in ("overview", "run", "contrast", "explore", "actor_critic", "games", "review", "library", "lesson",
                 "settings")
)
OPENED = ("traj", "turn", "rv", "round", "lb_at", "cell")  # parts of an address that name something of one experiment
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40" width="190" height="40">
<path d="M20 2 L23.6 16.4 L38 20 L23.6 23.6 L20 38 L16.4 23.6 L2 20 L16.4 16.4 Z" fill="#6366f1"/>
<text x="48" y="28" font-family="'Source Sans 3', system-ui, sans-serif" font-size="23" font-weight="600"
 fill="#7578f2">Sirius Lab</text>
</svg>"""


def path() -> Path:
    """The database: what ``sirius lab --db`` names, else ``lab.db`` here."""
    return Path(os.environ.get("SIRIUS_DB", "lab.db"))


@contextmanager
def opened() -> Iterator[Store]:
    """The store of this run of the script or fragment; never kept."""
    with Store(path()) as store:
        yield store


def launch(experiment: str) -> None:
    """Start or resume as a process of its own; what cannot start says so on the page."""
    try:
        jobs.launch(path(), experiment)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def new(name: str, seed: int, changes: dict[str, Any], start: str = "", pilot: bool = False) -> None:
    """Create an experiment of a preset, start it (or a pilot of it) and open it where it can be watched."""
    try:
        with opened() as store:
            made = jobs.create(store, name or start, preset(start or name, changes), seed)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
        return
    st.session_state["_open"] = made.id
    if pilot:
        st.session_state["_pilot"] = made.id
        jobs.launch_estimate(path(), made.id)
        return
    st.session_state["_goto"] = (OVERVIEW, {"exp": made.id})
    launch(made.id)


def notice() -> None:
    """What a callback could not do, in one line, until the next action."""
    text = st.session_state["_noticed"] = st.session_state.pop("_notice", None)
    if text:
        st.error(plain(text), icon=":material/error:")


def anew() -> None:
    """Run the script again from its first line; what the notice has just said is said again."""
    if text := st.session_state.get("_noticed"):
        st.session_state["_notice"] = text
    st.rerun()


def plain(text: str) -> str:
    """Text for a place that reads Markdown, with everything that Markdown could act on made plain.

    Bare addresses become links whatever is escaped: an invisible word joiner keeps them words. Signs that turn the
    direction of writing end with the text.
    """
    text = re.sub(r"\n[ \t]+", "\n", _ADDRESS.sub("\u2060", text.strip()))
    made = "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~$:&=" else c for c in text)
    return f"\u2068{made}\u2069" if _DIRECTION.search(text) else made


def choose(store: Store) -> Experiment | None:
    """The experiment selector; its choice always stands in the address as ``?exp=``, so that every view can be shared.

    Not a bound widget: that would leave the newest experiment out of the address, and a link would later open another.
    """
    known = {e.id: e for e in store.experiments.all()}
    if not known:
        st.caption("No experiment yet.")
        return None
    groups = {g.contrast: g for g in Arms(store.db).groups()}
    asked = st.query_params.get("exp")
    if asked is not None and asked not in known:
        st.session_state["_notice"] = f"There is no experiment {asked!r} here; this is the newest one."
    wanted = [st.session_state.pop("_open", None), asked, st.session_state.get("exp"), *known]
    chosen = next(i for i in wanted if i in known)
    st.session_state["exp"] = st.query_params["exp"] = chosen
    lines = {i: e.contrast if e.contrast in groups else i for i, e in known.items()}  # a contrast is one line
    st.session_state["_exp"] = lines[chosen]
    st.selectbox(
        "Experiment",
        list(dict.fromkeys(lines.values())),
        key="_exp",
        format_func=lambda i: contrast_title(i, groups[i].name) if i in groups
        else _title(known[i]) if i in known else str(i),
        on_change=_chosen,
        args=({line: i for i, line in lines.items()}, [*groups]),
    )
    if lines[chosen] in groups:
        _run_of(known, lines, chosen)
    return known[chosen]


def contrast_title(contrast: str, name: str) -> str:
    """A contrast in a selector. Streamlit knows an option by its words: they are of one contrast only, and never change
    while it is at work."""
    return f"{name or 'a contrast'} · {contrast.replace('-', ' ')}"


def _run_of(known: Mapping[str, Experiment], lines: Mapping[str, str | None], chosen: str) -> None:
    """Of a contrast every run is reachable: the one that is open, and the others under it."""
    st.session_state["_run"] = chosen
    st.selectbox(
        "Run of this contrast",
        sorted((i for i in known if lines[i] == lines[chosen]), key=lambda i: (known[i].created_at, i)),
        key="_run",
        format_func=lambda i: f"{known[i].arm} · seed {known[i].seed}" if i in known else i,
        on_change=_other_run,
    )
    link(CONTRAST, "All arms", icon=":material/compare_arrows:", contrast=str(lines[chosen]))


def _chosen(first: Mapping[str, str], groups: Collection[str]) -> None:
    """Open what was chosen; a contrast on its own page, with its first run as the open experiment."""
    line = st.session_state["_exp"]
    st.session_state["_open"] = first[line]
    _closed()
    if line in groups:
        st.session_state["_goto"] = (CONTRAST, {"exp": first[line], "contrast": line})


def _other_run() -> None:
    st.session_state["_open"] = st.session_state["_run"]
    _closed()


def _closed() -> None:
    for name in OPENED:  # what was open belongs to the other experiment
        st.query_params.pop(name, None)


def chosen(store: Store) -> Experiment | None:
    """The experiment that is open."""
    try:
        return store.experiments.get(st.session_state.get("exp") or "")
    except Missing:
        return None


def _title(e: Experiment) -> str:
    number = e.id.rpartition("-")[2]
    return f"{e.name} · seed {e.seed}" + (f" · no. {number}" if number != "1" else "")


def known(key: str, options: Iterable[str], what: str) -> bool:
    """Whether what a link chooses in a selector is there; said in a line where it is not. Ask before it is drawn: the
    selector drops from the address what it does not know."""
    asked = st.query_params.get(key)
    if asked is None or asked in options:
        return True
    st.warning(f"The link names {what} {plain(repr(asked[:40]))}, which is not here.", icon=":material/link_off:")
    return False


def link(page: str, label: str, *, icon: str | None = None, width: Any = "content", **params: str) -> None:
    """A link to another page or another view of this one; the open experiment goes along."""
    here = {"exp": st.session_state.get("exp") or ""}
    st.page_link(page, label=label, icon=icon, width=width, query_params={**here, **params})


def opener(label: str, page: str, *, icon: str, **params: str) -> None:
    """A link that must not be overlooked."""
    if st.button(label, type="primary", icon=icon, key=f"open_{page}"):
        go(page, **params)


def go(page: str, **params: str) -> NoReturn:
    st.switch_page(page, query_params={"exp": st.session_state.get("exp") or "", **params})


def empty(title: str, text: str, *, review: bool = False) -> None:
    """An empty state that acts: what this page would show, and the buttons that make it so."""
    with st.container(border=True, key="empty"):
        st.subheader(title)
        st.write(text)
        with st.container(horizontal=True):
            st.button(
                "Start the quickstart",
                type="secondary" if review else "primary",
                icon=":material/play_arrow:",
                key="empty_quickstart",
                on_click=new,
                args=("quickstart", 0, {}),
            )
            st.button(
                "Start a small one with review",
                type="primary" if review else "secondary",
                icon=":material/rate_review:",
                key="empty_review",
                on_click=new,
                args=("quickstart", 0, {"review": True, "problems": 100, "rounds": 2}),
            )
