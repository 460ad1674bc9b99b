"""What a dataset holds, said where it is chosen and again where it was played: counts, kinds, majority, licence.

Reading is cached by the files' own times and sizes; a large file, or one of the hub, is read when somebody asks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import streamlit as st

from sirius_core import tasks
from sirius_core.errors import SiriusError
from sirius_core.settings import Settings
from sirius_core.tasks.columns import parsed
from sirius_core.trajectories import Task

from . import lab
from .numbers import many, share
from .texts import say, say_pairs

LARGE = 64_000_000  # bytes from which on a file is read only on a click
MOST_FILES = 20_000
RELEVANT = ("source", "data", "subjects", "columns", "problems", "validation", "heldout")


def formats(source: str) -> str:
    """The first sentence of the module that reads a source: who made it, its licence, which files it has."""
    told = import_module(f"{tasks.__name__}.{tasks.SOURCES[source]}").__doc__ or ""
    return " ".join(told.split("\n\n")[0].replace("``", "`").split())


def signature(data: str) -> tuple[tuple[str, int, int], ...]:
    """(name, time, size) of every file that a path names, or that the parts of a mixture name; what is cached hangs
    on it."""
    found: list[tuple[str, int, int]] = []
    for part in _paths(data):
        path = Path(part).expanduser()
        try:
            files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for file in files[:MOST_FILES]:
                stat = file.stat()
                found.append((str(file), stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((part, 0, 0))
    return tuple(found)


def _paths(data: str) -> list[str]:
    if os.path.exists(os.path.expanduser(data)) or "=" not in data:
        return [data] if data else []
    return [part.partition("=")[2].strip() for part in data.split(",")]


def waits(settings: Settings) -> str:
    """Why this data is not read without a click; empty if it is."""
    if settings.data.startswith("hf://"):
        return "Fetch it from the hub"
    size = sum(size for _, _, size in signature(settings.data))
    return f"Read it ({size / 1e6:,.0f} MB)" if size > LARGE else ""


def look(settings: Settings, seed: int) -> dict[str, Any]:
    """{"described": `tasks.describe`, "preview": tasks}, or {"error": one line}."""
    chosen = {name: getattr(settings, name) for name in RELEVANT}
    return _look(tuple(chosen.items()), signature(settings.data), seed)


@st.cache_data(max_entries=16, show_spinner="Reading the problems")
def _look(chosen: tuple[tuple[str, Any], ...], files: tuple[Any, ...], seed: int) -> dict[str, Any]:
    settings = Settings().changed(dict(chosen))
    try:
        found = tasks.describe(settings.source, settings, seed)
        return {"described": found, "preview": tasks.preview(settings.source, settings, seed)}
    except SiriusError as error:
        return {"error": str(error)}


@st.cache_data(max_entries=16, show_spinner="Reading the first rows")
def _table(data: str, files: tuple[Any, ...]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    from sirius_core.tasks.records import opened

    try:
        records = opened(data, "a table")
        return records.columns, [record for _, _, _, record in islice(records, 3)]
    except SiriusError:
        return (), []


def columns(data: str, files: tuple[Any, ...]) -> tuple[str, ...]:
    """The names of a table's columns; none where it cannot be read (`look` says why)."""
    return _table(data, files)[0]


def first_rows(data: str, files: tuple[Any, ...]) -> None:
    """Three rows as they stand in the file, for whoever must say which column is what."""
    for number, record in enumerate(_table(data, files)[1], 1):
        st.caption(f"row {number} of the data, as it stands")
        say_pairs((str(name), _short(value)) for name, value in record.items())


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:300]} …"


# -- the same facts, drawn -------------------------------------------------------------------------------------------
def facts(found: Mapping[str, Any]) -> None:
    """What a person should know of the data before a number on it is believed; ``found`` is `tasks.describe`."""
    names = {"heldout": "held out", "train": "to train on", "validation": "to validate"}
    used = ", ".join(f"{n:,} {names.get(split, split.replace('_', ' '))}" for split, n in found["splits"].items())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{used}**", width="content")
        licence(found)
    kinds = ", ".join(f"{kind.replace('_', ' ')} ({n:,})" for kind, n in found["kinds"].items())
    st.caption(f"{many(found['rows'], 'row')}, {found['questions']:,} different questions; answers: "
               f"{lab.plain(kinds)}. The split is {lab.plain(found['split'])}.")
    st.caption(majority_line(found["majority"]))
    notes = [*found["notes"], *(f"left out: {line}" for line in found["left_out"])]
    if found["needs_picture"]:
        notes.append(f"{found['needs_picture']:,} questions refer to a picture that no model here sees")
    if notes:
        st.markdown("\n".join(f"- {lab.plain(note)}" for note in notes))


def files(found: Mapping[str, Any]) -> None:
    """Which files they were, to the byte."""
    if found["files"]:
        with st.expander("The files, to the byte", type="compact", key="data_files"):
            st.code("\n".join(f"{f['sha256']}  {f['name']}, {f['bytes']:,} bytes" for f in found["files"]),
                    language=None, wrap_lines=True)


def licence(found: Mapping[str, Any]) -> None:
    if found["restricted"]:
        st.badge("not to be exported", icon=":material/lock:", color="orange",
                 help="The authors ask that no question be published: the texts stay out of exports, bundles and logs.")
    st.badge(lab.plain(found["licence"]), icon=":material/gavel:", color="gray")


def majority_line(held: Mapping[str, Any]) -> str:
    """What always saying the most frequent answer would score."""
    if held["n"] < 2:
        return "No two held-out answers are the same: there is nothing to gain by always saying one."
    return (f"Always answering {lab.plain(held['answer'])} would be right on {held['n']:,} of {held['of']:,} held-out "
            f"problems, {share(held['share'])}.")


def problems(shown: tuple[Task, ...]) -> None:
    """Problems as a team would be asked them, as plain text."""
    for number, task in enumerate(shown, 1):
        tolerance = task.data.get("tolerance")
        within = f", within {100 * tolerance:g} %" if tolerance else ""
        kind = lab.plain(task.kind.replace("_", " "))
        st.caption(f"{number}. right answer: {lab.plain(task.answer)} ({kind}{within})")
        if context := task.data.get("context"):
            say(context if isinstance(context, str) else "\n\n".join(map(str, context)), quiet=True)
        say(tasks.readable(task.source, task.question))


def mapping(text: str) -> dict[str, str]:
    """The setting ``columns`` as {role: value}; empty where it cannot be read."""
    try:
        return parsed(text)
    except SiriusError:
        return {}
