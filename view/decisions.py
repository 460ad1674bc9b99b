"""The decision bar, pinned to the bottom; every button carries its key. What is decided can only be undone or left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from . import actions


def bar(
    item: str,
    decide: Callable[[str, str], None],
    *,
    accept: bool,
    save: bool,
    done: bool,
    back: str | None,
    help: Mapping[str, str],
) -> None:
    """``accept`` and ``save`` say whether these can be decided now; ``back`` is the item whose decision can be undone.

    ``help`` has a sentence for accept, save and reject.
    """
    with st.bottom, st.container(horizontal=True, key="decisions"):
        st.button(
            "Accept",
            type="primary",
            icon=":material/check:",
            key="accept",
            shortcut="A",
            on_click=decide,
            args=(item, "accept"),
            disabled=done or not accept,
            help=f"Key A: {help['accept']}",
        )
        st.button(
            "Save edit",
            icon=":material/edit:",
            key="save",
            shortcut="Mod+Enter" if save else None,
            on_click=decide,
            args=(item, "edit"),
            disabled=done or not save,
            help=help["save"],
        )
        st.button(
            "Reject",
            icon=":material/close:",
            key="reject",
            shortcut="X",
            on_click=decide,
            args=(item, "reject"),
            disabled=done,
            help=f"Key X: {help['reject']}",
        )
        st.button(
            "Next" if done else "Skip",
            icon=":material/arrow_forward:",
            key="skip",
            shortcut="Right",
            on_click=actions.skip,
            args=(item,),
            help="Key →: decide later.",
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            shortcut="U",
            disabled=back is None,
            on_click=actions.undo,
            args=(back or "",),
            help="Key U: take the last decision back.",
        )
