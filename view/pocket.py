"""What the embedded model is and is not, and the misconceptions that its textbook plants: shown beside every curve."""

from __future__ import annotations

import streamlit as st

from sirius_core.settings import Settings

WHAT_IT_IS = """**What it is.** A small transformer in plain NumPy, trained once on an endless textbook that this
project writes, and shipped with it. Each role is a copy of it. It samples its replies token by token and is fine-tuned
by gradient descent on its own successful turns: nothing on these pages is a script."""
WHAT_IT_IS_NOT = """**What it is not.** It knows {words} words, twelve families of word problems and their arithmetic,
and has read no other text. That a curve rises here says that the recipe can remove planted errors that the model does
not always make; it says nothing about errors that it always makes, or about large models."""


def honesty(settings: Settings) -> None:
    """One line that is always there, and behind it the whole list."""
    from sirius_core.pocket.readable import render_readable
    from sirius_core.pocket.textbook import BOOKS, misconceptions
    from sirius_core.pocket.vocabulary import WORDS

    book = BOOKS.get({"novice": "misled"}.get(settings.base, settings.base))
    st.caption(
        "The base was taught wrong on purpose: its textbook plants misconceptions, so that there is something to "
        "unlearn. The curve shows this loop at work on a tiny model; it is no evidence about large ones."
    )
    with st.expander("What was planted, and what the pocket model is", icon=":material/menu_book:"):
        st.markdown(WHAT_IT_IS)
        st.markdown(WHAT_IT_IS_NOT.format(words=len(WORDS)))
        if book is None:
            return
        rows = [
            {
                "family": m.family,
                "question": render_readable(m.form),
                "right formula": render_readable(m.right),
                "taught right": m.rate,
                "mostly taught instead": render_readable(m.preferred),
            }
            for m in misconceptions(book)
        ]
        st.dataframe(
            rows,
            hide_index=True,
            key="misconceptions",
            height=320,
            alt="Planted misconceptions: how often the textbook gives the right formula for each kind of question",
            column_config={"taught right": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
        )
        st.caption(
            f"{len(rows)} kinds of question in {len({row['family'] for row in rows})} families. In each, one noun "
            f"multiplies the rate by {book.trap_factor:g}, another the share of errors by {book.clear_factor:g}; units "
            "are taught wrong in some wordings, too."
        )
