"""Traces from elsewhere on the pages: choose a file, see how it is understood, import it; what became of one.

A file of at most `LARGE` bytes is imported while the page waits; a larger one is for the command line, which needs no
page to stay open.
"""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import streamlit as st

from sirius_core import answers, review
from sirius_core.errors import SiriusError
from sirius_core.imports import ROUND, Preview, Trace, keep, opened, preview, take
from sirius_core.store import Experiment, Store

from . import code, lab
from .numbers import many
from .texts import say

LARGE = 64_000_000
SHOWN, BRIEF = 5, 160  # traces, and characters of each text
GUESS = "as the first answers look"
FORMS = {"full": "question and turns", "chat": "a conversation", "completion": "prompt and completion",
         "preference": "a pair, one reply over another"}


# -- import ------------------------------------------------------------------------------------------------------------
def form() -> None:
    """A card: a path or an upload, the first traces as they are understood, and the button."""
    with st.container(border=True, key="import_card"):
        st.subheader("Traces from elsewhere", anchor=False)
        st.write("A JSONL of what other teams or models said becomes an experiment to look at, review and export. Each "
                 "line is one trace: question and turns, an OpenAI or TRL conversation, prompt and completion, a "
                 "preference pair, or a line of an export of this lab.")
        left, right = st.columns(2)
        with left:
            st.text_input("Path of a file on this machine", key="im_path", placeholder="traces.jsonl")
        with right:
            st.file_uploader("Or a file of at most 50 MB", type=["jsonl", "ndjson", "json"], key="im_file")
        left, right = st.columns(2)
        with left:
            st.selectbox("How answers are compared, where a line does not say", [GUESS, *answers.KINDS], key="im_kind")
        with right:
            st.text_input("Name of the experiment", key="im_name", max_chars=40, placeholder="that of the file")
        try:
            with _file() as file:
                if file is not None:
                    _offer(file)
        except (OSError, SiriusError) as error:
            st.error(lab.plain(str(error)), icon=":material/error:")


@contextmanager
def _file() -> Iterator[Path | None]:
    """The chosen file; an upload stands in a folder of its own while the page is drawn."""
    upload, named = st.session_state.get("im_file"), (st.session_state.get("im_path") or "").strip()
    if upload is None:
        yield opened(named) if named else None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (Path(upload.name).name or "traces.jsonl")
        file.write_bytes(upload.getvalue())
        yield opened(file)


def _offer(file: Path) -> None:
    kind = "" if st.session_state.get("im_kind") in (None, GUESS) else st.session_state["im_kind"]
    seen = preview(file, SHOWN, kind)
    understood(seen)
    if seen.error:
        return
    if (size := file.stat().st_size) > LARGE:
        st.info(f"{size / 1e6:,.0f} MB take their time; without a page that has to stay open:", icon=":material/info:")
        st.code(f"sirius import {shlex.quote(str(file))} --db {shlex.quote(str(lab.path()))}", language="bash")
        return
    if st.button("Import", type="primary", icon=":material/input:", key="im_go"):
        _import(file, (st.session_state.get("im_name") or "").strip(), kind)


def understood(seen: Preview) -> None:
    """The first traces, each in a few lines."""
    if seen.error:
        st.error(lab.plain(seen.error), icon=":material/error:")
    if not seen.traces:
        return
    st.caption(f"The first {many(len(seen.traces), 'trace')} as understood:")
    for number, one in enumerate(seen.traces):
        with st.container(border=True, gap="xsmall", key=f"im_seen_{number}"):
            _brief(one)
    for note in seen.notes:
        st.caption(lab.plain(note))


def _brief(one: Trace) -> None:
    """Its question and how it ends; under them who speaks, and what it is judged by."""
    roles = Counter(said.role for said in one.said)
    who = shorten(", ".join(f"{role} ({n})" if n > 1 else role for role, n in roles.items()), 120, placeholder=" …")
    told = [FORMS[one.form], f"{many(len(one.said), 'turn')} by {who}"]
    if one.answer:
        told.append(f"right answer {shorten(one.answer, 80, placeholder=' …')} ({one.kind})")
    elif one.better is None:
        told.append("no right answer stated")
    if one.reward is not None:
        told.append(f"stated reward {one.reward:g}")
    say(shorten(one.question, BRIEF, placeholder=" …"))
    say(_end(one.final or one.said[-1].text), quiet=True)
    if one.better is not None:
        say(f"preferred: {_end(one.better)}", quiet=True)
    st.caption(lab.plain(" · ".join(told)))


def _end(text: str) -> str:
    """The last words of a text in one line: where an answer stands."""
    words = " ".join(text[-20 * BRIEF :].split())
    return words if len(words) <= BRIEF else f"… {words[-BRIEF:].partition(' ')[2]}"


def _import(file: Path, name: str, kind: str) -> None:
    bar = st.progress(0.0, "Reading …")

    def progress(what: str, done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, f"{what.capitalize()}: {done:,} traces")

    with lab.opened() as store:
        taken = take(store, file, name, kind, progress)
    if taken.before:
        st.session_state["_notice"] = "This file was imported before: here it is, and nothing stands there twice."
    st.session_state["_open"] = taken.experiment
    st.switch_page(lab.OVERVIEW, query_params={"exp": taken.experiment})


# -- what became of one ------------------------------------------------------------------------------------------------
def overview(store: Store, e: Experiment) -> None:
    """What stands on the overview of an imported experiment, in place of curves that it cannot have."""
    body = store.experiments.measurement(e.id, "import") or {}
    left = len(review.waiting(store, e.id, ROUND))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"Imported traces · {lab.plain(str(body.get('file', '')))}", width="content")
        code.copy("imported", code.call("episodes", e.id))
    if body.get("landed", 0) < body.get("traces", 0):
        st.warning(f"{body['landed']:,} of them have landed: import the same file again to go on.",
                   icon=":material/pause_circle:")
    with st.grid(5, min_column_width=150, gap="small", key="im_overview"):
        for label, key in (("Traces", "traces"), ("Right", "right"), ("Wrong", "wrong"),
                           ("Not judged", "not_judged"), ("Sent to review", "waiting")):
            st.metric(label, f"{body.get(key, 0):,}", border=True, height="stretch")
    about, steps = st.columns([3, 2])
    with about.container(border=True, height="stretch"):
        st.subheader("What they are", anchor=False)
        st.write("Nobody was trained on them and nobody here can play on from them, so there is no curve and no "
                 "what-if. Judged by rule where a line states the right answer, else by the reward that it states.")
        told = [*body.get("notes", ())]
        if body.get("differ"):
            told.append(f"{body['differ']:,} state another reward than the rule gives; the rule's counts")
        for note in told:
            st.caption(lab.plain(note))
    with steps.container(border=True, height="stretch"):
        st.subheader("Next steps", anchor=False)
        if left:
            lab.opener(f"Review {many(left, 'failure')}", lab.REVIEW, icon=":material/rate_review:")
        lab.link(lab.EXPLORE, "All traces", icon=":material/table_rows:")
        lab.link(lab.LIBRARY, "What is kept of them", icon=":material/local_library:")
    library(store, e)


def library(store: Store, e: Experiment) -> None:
    """The button that makes a library of what is right and what was let in; afterwards nothing."""
    if store.weights.training_sets(e.id, ROUND):
        return
    left = len(review.waiting(store, e.id, ROUND))
    with st.container(border=True, key="im_keep"):
        st.subheader("A library of them", anchor=False)
        st.write("Every right trace and every failure that people edited or let in becomes an example of its role, to "
                 "be exported. The decisions stand from then on.")
        if left:
            st.caption(f"{many(left, 'item')} in the queue nobody has decided: they would stay out.")
        st.button("Make the library", icon=":material/inventory_2:", key="im_make", on_click=_keep, args=(e.id,))


def _keep(experiment: str) -> None:
    try:
        with lab.opened() as store:
            keep(store, experiment)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
