"""What the embedded model is and is not, and the misconceptions that its textbook plants: shown beside every curve."""

from __future__ import annotations

import streamlit as st

from sirius_core import frames
from sirius_core.games import GAMES
from sirius_core.settings import Settings
from sirius_core.store import Store

from . import code

WHAT_IT_IS = """**What it is.** A small transformer in plain NumPy, trained once on an endless textbook that this
project writes, and shipped with it. Each role is a copy of it. It samples its replies token by token and is fine-tuned
by gradient descent on its own successful turns: nothing on these pages is a script."""
WHAT_IT_IS_NOT = """**What it is not.** It knows {words} words, twelve families of word problems and their arithmetic,
and has read no other text. That a curve rises here says that the recipe can remove planted errors that the model does
not always make; it says nothing about errors that it always makes, or about large models."""


HAGGLED = ("The base has read nothing but games between scripted players, patient and hasty, careful and careless. "
           "The curve shows this loop at work on a tiny model; it is no evidence about large ones.")


def honesty(store: Store, settings: Settings) -> None:
    """One line that is always there, and behind it the whole list."""
    if settings.source in GAMES:
        st.caption(HAGGLED)
        return
    from sirius_core.pocket.textbook import BOOKS
    from sirius_core.pocket.vocabulary import WORDS

    book = BOOKS.get({"novice": "misled"}.get(settings.base, settings.base))
    st.caption(
        "The base was taught wrong on purpose: its textbook plants misconceptions, so that there is something to "
        "unlearn. The curve shows this loop at work on a tiny model; it is no evidence about large ones."
    )
    with st.expander("What was planted, and what the pocket model is", icon=":material/menu_book:"):
        st.markdown(WHAT_IT_IS)
        st.markdown(WHAT_IT_IS_NOT.format(words=len(WORDS)))
        rows = frames.Frames(store).misconceptions(settings.base)
        if book is None:
            return
        percent = st.column_config.ProgressColumn
        st.dataframe(
            rows,
            hide_index=True,
            key="misconceptions",
            height=320,
            alt="Planted misconceptions: how often the textbook gives the right formula for each kind of question",
            column_config={"right_formula": "right formula", "taught_instead": "mostly taught instead",
                           "taught_right": percent("taught right", format="percent", min_value=0, max_value=1)},
        )
        code.copy("misconceptions", code.call("misconceptions", settings.base))
        st.caption(
            f"{len(rows)} kinds of question in {rows['family'].nunique()} families. In each, one noun "
            f"multiplies the rate by {book.trap_factor:g}, another the share of errors by {book.clear_factor:g}; units "
            "are taught wrong in some wordings, too."
        )
