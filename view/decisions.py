"""The decision bar, pinned to the bottom; every button carries its key. What is decided can only be undone or left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from . import actions

# A key that is held down is one press: what the browser repeats never reaches the buttons, however slow the page is.
# Nothing of a person's or a model's goes in here.
ONE_PRESS = """<script>
if (!window.onePress) {
  window.onePress = true;
  addEventListener("keydown", (e) => {
    const typing = e.target.closest && e.target.closest("input, textarea, [contenteditable=true]");
    if (e.repeat && !typing && document.querySelector(".st-key-decisions")) e.stopImmediatePropagation();
  }, true);
}
</script>"""


def bar(
    item: str,
    decide: Callable[[str], None],
    *,
    accept: bool,
    save: bool,
    done: bool,
    undo: str | None,
    back: str | None,
    help: Mapping[str, str],
    reject: bool = True,
    flag: Callable[[], None] | None = None,
    flagged: bool = False,
    dead: bool = False,
) -> None:
    """``accept``, ``save`` and ``reject`` say whether these can be decided now; ``undo`` is the item whose decision can
    be taken back, ``back`` the one that was in view before. ``dead``: something lies over the page, no key may fire.

    The buttons belong to their item: a browser that still shows the one before, because it is slow or far away, sends
    a press of that one's button, and that decides nothing.

    ``help`` has a sentence for accept, save and reject.
    """
    st.html(ONE_PRESS, unsafe_allow_javascript=True)
    with st.bottom, st.container(horizontal=True, gap="small", key="decisions"):
        st.button(
            "Accept",
            type="primary",
            icon=":material/check:",
            key=f"accept_of_{item}",
            shortcut="A",
            on_click=decide,
            args=("accept",),
            disabled=done or dead or not accept,
            help=f"Key A: {help['accept']}",
        )
        st.button(
            "Save edit",
            icon=":material/edit:",
            key=f"save_of_{item}",
            shortcut="Mod+Enter" if save and not done else None,
            on_click=decide,
            args=("edit",),
            disabled=done or dead or not save,
            help=help["save"],
        )
        st.button(
            "Reject",
            icon=":material/close:",
            key=f"reject_of_{item}",
            shortcut="X",
            on_click=decide,
            args=("reject",),
            disabled=done or dead or not reject,
            help=f"Key X: {help['reject']}",
        )
        st.button(
            "Next" if done else "Skip",
            icon=":material/arrow_forward:",
            key=f"skip_of_{item}",
            shortcut="Right",
            on_click=actions.skip,
            args=(item,),
            disabled=dead,
            help="Key →: decide later." if not done else "Key →: the next one that waits.",
        )
        if flag is not None:
            st.button(
                "Unflag" if flagged else "Flag",
                icon=":material/flag:",
                key=f"flag_of_{item}",
                shortcut="F",
                on_click=flag,
                disabled=dead,
                help="Key F: mark it for a second look, or take the mark away. It decides nothing.",
            )
        st.button(
            "Undo",
            icon=":material/undo:",
            type="tertiary",
            key=f"undo_of_{item}",
            shortcut="U",
            disabled=dead or undo is None,
            on_click=actions.undo,
            args=(undo or "", item),
            help="Key U: take the last decision back.",
        )
        st.button(
            "Back",
            icon=":material/arrow_back:",
            type="tertiary",
            key=f"back_of_{item}",
            shortcut="Left",
            disabled=dead or back is None,
            on_click=actions.back,
            args=(item, back or ""),
            help="Key ←: to the one before.",
        )
