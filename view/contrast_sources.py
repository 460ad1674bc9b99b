"""Where a plan may come from: the page itself, a lesson that ships, a TOML text."""

from __future__ import annotations

import tomllib
from pathlib import Path

import streamlit as st

from sirius_core import lessons
from sirius_core.contrast.plan import parsed
from sirius_core.errors import SiriusError, UsageError

from . import contrast_draft, lab
from .texts import say

WAYS = ("your own", "a lesson", "a TOML text")
MOST = 100_000  # characters of a plan


def draw() -> None:
    """The three ways; a lesson or a text replaces the plan below."""
    st.session_state.setdefault("ct_from", WAYS[0])  # and no default: a plan that was taken sets it back
    way = st.segmented_control("Begin from", WAYS, required=True, key="ct_from", persist_state="session")
    if way == "a lesson":
        _lessons()
    elif way == "a TOML text":
        _text()


def _lessons() -> None:
    grid = st.grid(3, min_column_width=240, gap="small", key="ct_lessons")
    for lesson in lessons.all():
        with grid.cell(), st.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f"**{lab.plain(lesson.title)}**")
            say(lesson.question)
            st.button("Take it", key=f"ct_lesson_{lesson.key}", icon=":material/school:", on_click=_take,
                      args=(lesson.key,))


def _take(key: str) -> None:
    contrast_draft.load(lessons.get(key).plan)
    st.session_state["ct_from"] = WAYS[0]


def _text() -> None:
    given = st.file_uploader("A plan as a file", type=["toml"], key="ct_file", max_upload_size=1)
    pasted = st.text_area("Or its text", key="ct_text", height=180, max_chars=MOST, persist_state="session",
                          placeholder='question = "..."\nseeds = 5\n[arms.one]\ncritic = "none"\n[arms.other]\n...')
    text = given.getvalue().decode("utf-8", "replace") if given is not None else pasted
    st.button("Read it", icon=":material/input:", key="ct_read", on_click=_read, args=(text or "",),
              disabled=not (text or "").strip())


def _read(text: str) -> None:
    try:
        contrast_draft.load(parsed(tomllib.loads(text), "contrast", Path.cwd(), "the text"))
    except tomllib.TOMLDecodeError as error:
        st.session_state["_notice"] = str(UsageError(f"the text is no TOML: {error}"))
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
    else:
        st.session_state["ct_from"] = WAYS[0]
