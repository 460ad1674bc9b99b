"""Which turn was to blame: a button, the answer as a bar for each turn, a badge at the turn itself."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core import inquiries
from sirius_core.statistics import points
from sirius_core.store import Inquiry, Store
from sirius_core.trajectories import Trajectory
from sirius_core.whatif import Blame

from . import asked, code, lab, small_bars
from .small_bars import Bar

K = 16


def newest(found: Sequence[Inquiry]) -> Inquiry | None:
    """The newest question of this kind."""
    return next((a for a in found if a.kind == "blame"), None)


def badges(found: Sequence[Inquiry]) -> dict[int, str]:
    """A badge at the turn that the newest answer names; none where it cannot tell."""
    answer = next((inquiries.read(a) for a in found if a.kind == "blame" and a.result is not None), None)
    if not isinstance(answer, Blame) or answer.told is None:
        return {}
    share = answer.shares[answer.told]
    return {answer.told: f":red-badge[:material/flag: most to blame, {100 * share.estimate:+.0f} points]"}


def card(t: Trajectory, found: Sequence[Inquiry]) -> None:
    """The question, or its answer; only for an episode that failed and can be played again."""
    last = newest(found)
    with st.container(border=True, gap="xsmall", key=f"blame_{t.id[:12]}"):
        st.subheader("Which turn was to blame?", anchor=False)
        if last is None:
            st.caption("The team plays on from before each turn, a few times: where its chance of coming right falls, "
                       "there it went wrong. No critic and no right answer is asked.")
            st.button("Find out", icon=":material/flag:", key="blame_ask", on_click=asked.ask,
                      args=("blame", t.id), kwargs={"kind": "blame", "k": K},
                      help=f"{K} replays from each turn on, by the checkpoints of then, in the background.")
        else:
            asked.follow(last, f"blame_{t.id[:12]}", draw)
        asked.refused("blame")


def draw(store: Store, a: Inquiry, key: str) -> None:
    """The sentence, and a bar for each turn."""
    answer = inquiries.read(a)
    assert isinstance(answer, Blame)
    st.markdown(f"**{lab.plain(answer.says())}.**" if answer.told is not None else f"{lab.plain(answer.says())}.")
    small_bars.draw([_bar(answer, t) for t in range(len(answer.values))])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Beside a name: right of {a.k} replays said afresh from there on, {asked.spoken_by(a)}. The points "
                   "are what was lost at the turn; a line is the 95 % interval.")
        if answer.told is None and a.k < 256:
            st.button(f"Ask with {2 * a.k} from each", icon=":material/add:", type="tertiary", key=f"more_{key}",
                      on_click=asked.ask, args=("blame", a.trajectory), kwargs={"kind": "blame", "k": 2 * a.k},
                      help="Those that are played count; only the new ones are played.")
        code.copy(key, code.call("inquiries", a.experiment, inquiry=a.id))


def _bar(answer: Blame, t: int) -> Bar:
    share, before, blamed = answer.shares[t], answer.values[t], t == answer.told
    label = f"{answer.speakers[t].capitalize()} · {before.right} of {before.n}"
    return Bar(label, share.estimate, points(share), max(0.0, share.low), max(0.0, share.high), blamed, blamed)
