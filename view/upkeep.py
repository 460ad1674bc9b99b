"""What is done to the database as a whole, from the settings page: state on disk, check, snapshot.

Check and snapshot are commands of ``sirius`` in processes of their own: the page may be left while they work.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from sirius_core.errors import SiriusError
from sirius_core.store import Store
from sirius_core.store.snapshot import Disk, disk

from . import background, lab
from .numbers import many
from .texts import say

CHECK, SNAPSHOT = "check", "snapshot"  # names of the processes and of their logs


def state() -> None:
    """Where the file is and what it holds; counted again only when the file has changed."""
    file = lab.path().resolve()
    with st.container(border=True, height="stretch", key="db"):
        st.subheader("Database", anchor=False)
        say(str(file))
        found = _counted(str(file), _stamp(file))
        with st.grid(4, min_column_width=110, gap="small"):
            for name, value in (("Experiments", found.experiments), ("Episodes", found.trajectories),
                                ("Turns", found.turns), ("Decisions", found.decisions)):
                st.metric(name, f"{value:,}")
        log = f", and {size(found.log)} written that are not moved into it yet" if found.log else ""
        st.caption(f"{size(found.size)} on disk{log}. Everything is in this one file: episodes, decisions, weights, "
                   "reports and figures. Another one: `sirius lab --db FILE`.")


@st.cache_data(max_entries=4, show_spinner=False)
def _counted(file: str, stamp: tuple[int, ...]) -> Disk:
    with Store(file) as store:
        return disk(store.db)


def _stamp(file: Path) -> tuple[int, ...]:
    """Changes whenever something is written."""
    log = Path(f"{file}-wal")
    parts = [path.stat() for path in (file, log) if path.exists()]
    return tuple(n for part in parts for n in (part.st_mtime_ns, part.st_size))


def size(count: int) -> str:
    return f"{count / 2**20:,.1f} MB" if count >= 2**20 else f"{count / 2**10:,.0f} kB"


def check() -> None:
    """Everything that can be derived is derived again and compared."""
    with st.container(border=True, key="check_card"):
        st.subheader("Is everything as it was written?", anchor=False)
        st.write("Reads the whole file: its structure, every reference, and what can be derived again from the facts.")
        st.button("Check the database", icon=":material/fact_check:", key="check", on_click=_begin,
                  args=(CHECK, "check"), disabled=background.running(CHECK))
        _follow(CHECK)


def snapshot() -> None:
    """A copy under a new name, whoever writes meanwhile."""
    with st.container(border=True, key="snapshot_card"):
        st.subheader("Snapshot", anchor=False)
        st.write("A copy of this moment in a new file, while runs go on. Nothing is ever overwritten.")
        busy = background.running(SNAPSHOT)
        st.text_input("New file", key="snapshot_file", max_chars=500, value=str(_proposed()), persist_state="session",
                      help="In a folder that exists. A name alone is put beside the database.")
        st.button("Make the snapshot", icon=":material/content_copy:", key="snapshot", on_click=_make, disabled=busy)
        _follow(SNAPSHOT)
        st.caption("To look at the tables of a copy in a browser: `datasette -i FILE`. The views `v_rounds` and "
                   "`v_provenance` are what the pages and the notebooks read, too.")


def _proposed() -> Path:
    """``lab-2026-11-21.db``, with a number where that stands already."""
    file = lab.path()
    stem = f"{file.stem}-{datetime.now():%Y-%m-%d}"
    numbers = ("", *(f"-{n}" for n in range(2, 100)))
    names = [file.with_name(f"{stem}{number}{file.suffix or '.db'}") for number in numbers]
    return Path(next((path.name for path in names if not path.exists()), names[-1].name))


def _make() -> None:
    typed = str(st.session_state.get("snapshot_file") or "").strip()
    if not typed:
        st.session_state["_notice"] = "A snapshot needs the name of a new file."
        return
    _begin(SNAPSHOT, "snapshot", str(lab.path().resolve().parent / Path(typed).expanduser()))


def _begin(name: str, *words: str) -> None:
    try:
        background.start(name, *words)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)


def _follow(name: str) -> None:
    """What the process says; looked at every second while it works."""
    st.fragment(_said, run_every=1.0 if background.running(name) else None)(name)


def _said(name: str) -> None:
    moving, lines = background.running(name), background.said(name)
    if moving:
        st.session_state[f"_moving_{name}"] = True
        st.caption("At work, as a process of its own: this page may be left.")
        return
    if st.session_state.pop(f"_moving_{name}", False):
        st.rerun(scope="app")  # its button can be pressed again
    if not lines:
        return
    clean = lines == ["the database is sound"] or (name == SNAPSHOT and not lines[-1].startswith("sirius:"))
    if clean:
        st.badge("done" if name == SNAPSHOT else "sound", icon=":material/check_circle:", color="green")
    else:
        found = "it could not be made" if name == SNAPSHOT else many(len(lines), "finding")
        st.badge(found, icon=":material/error:", color="red")
    say("\n".join(lines))
