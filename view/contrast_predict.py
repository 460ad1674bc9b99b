"""What people expect before a contrast begins: which arm ends ahead, by how much, why. Locked when it begins."""

from __future__ import annotations

import streamlit as st

from sirius_core.contrast import Plan
from sirius_core.errors import SiriusError
from sirius_core.store import Store

from . import lab
from .numbers import many

NONE = ""  # the arm of "no difference"
KEPT = "_ct_kept"  # how many predictions this visitor has given


def draw(store: Store, contrast: str, plan: Plan) -> None:
    """The form, and who has predicted. What others expect is not shown before it comes out."""
    said = store.contrasts.predictions(contrast)
    st.subheader("What do you expect?", anchor=False)
    st.caption("Say it before it begins: a surprise is worth more when it was written down. It cannot be changed, and "
               "stands beside the verdict in the end.")
    # One that was kept leaves an empty form for the next person; one that another browser kept leaves this form alone.
    key = f"ct_p{st.session_state.get(KEPT, 0)}"
    names = [arm.name for arm in plan.arms]
    st.radio("Which arm ends ahead?", [*range(len(names)), -1], index=None, key=f"{key}_arm",
             format_func=lambda i: "no difference of more than 2 points" if i < 0 else lab.plain(names[i]))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("By how many points?", 0.0, 100.0, None, step=0.5, format="%.1f", key=f"{key}_points",
                        width=180, placeholder="if you like")
        st.text_input("Your name", key="ct_author", max_chars=40, width=220, persist_state="session",
                      placeholder="a person")
    st.text_area("Why?", key=f"{key}_why", max_chars=1000, height=80, placeholder="in a sentence")
    arm = st.session_state.get(f"{key}_arm")
    st.button("Keep my prediction", icon=":material/lock:", key="ct_predict", disabled=arm is None,
              on_click=_predict, args=(contrast, key, NONE if arm is None or arm < 0 else names[arm]))
    if said:
        who = ", ".join(dict.fromkeys(lab.plain(p.author or "a person") for p in said))
        st.caption(f":material/lock: {many(len(said), 'prediction')} kept, by {who}. Several people may predict.")


def _predict(contrast: str, key: str, arm: str) -> None:
    ss = st.session_state
    points = None if arm == NONE else ss.get(f"{key}_points")
    try:
        with lab.opened() as store:
            store.contrasts.predict(contrast, (ss.get("ct_author") or "").strip(), arm, points,
                                    (ss.get(f"{key}_why") or "").strip())
        ss[KEPT] = ss.get(KEPT, 0) + 1
    except SiriusError as error:
        ss["_notice"] = str(error)


def locked(store: Store, contrast: str) -> None:
    """One line while it runs: who has predicted."""
    said = store.contrasts.predictions(contrast)
    if said:
        who = ", ".join(dict.fromkeys(lab.plain(p.author or "a person") for p in said))
        st.caption(f":material/lock: {many(len(said), 'prediction')} locked, by {who}: shown in the end.")
    else:
        st.caption(":material/lock: It has begun, and nobody predicted.")
