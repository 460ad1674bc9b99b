"""One example's provenance as a connected chain: back to turn, trajectory, critique and decision; forward to the
checkpoint, the gate and the test before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import provenance
from sirius_core.errors import Missing
from sirius_core.provenance import Chain
from sirius_core.statistics import wilson
from sirius_core.store import Experiment, Review, Store
from sirius_core.store.examples import Use

from . import episodes, lab
from .library_examples import SOURCES
from .numbers import local_time, many, p_text, points, share
from .texts import diff, problem, say
from .words import plain_critique, readable

VERDICTS = {"accept": "accepted", "edit": "edited", "reject": "rejected", "undo": "took it back"}


def opened() -> bool:
    """Whether the address names an example."""
    return "lb_at" in st.query_params


def close() -> None:
    st.query_params.pop("lb_at", None)


def draw(store: Store, e: Experiment, chosen: Mapping[str, Any]) -> None:
    try:
        position = int(st.query_params["lb_at"])
        place = store.examples.place(chosen["id"], position)
    except (ValueError, Missing):
        st.caption("There is no such example in this training set.")
        st.button("All examples", icon=":material/arrow_back:", key="lb_close", on_click=close)
        return
    chain, uses = provenance.back(store, *place), provenance.forward(store, *place)
    here = next(u for u in uses if (u.training_set, u.position) == (chosen["id"], position))
    with st.container(horizontal=True, vertical_alignment="center", key="lb_top"):
        st.button("All examples", icon=":material/arrow_back:", key="lb_close", on_click=close)
        for label, icon, at in (("Before", ":material/chevron_left:", position - 1),
                                ("Next", ":material/chevron_right:", position + 1)):
            st.button(label, icon=icon, key=f"lb_step_{label}", type="tertiary", on_click=_go, args=(at,),
                      disabled=not 0 <= at < chosen["n"])
        raw = st.toggle("Raw text", key="raw", help="The words exactly as the model reads and writes them.")
    problem(chain.task.question if raw else readable(chain.task.source, chain.task.question))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Where it came from", anchor=False)
        with st.container(gap=None, key="lb_back_chain"):
            _back(e, chain, here, raw)
    with right:
        st.subheader("What became of it", anchor=False)
        with st.container(gap=None, key="lb_forward_chain"):
            _forward(e, here, [u for u in uses if u != here])


def _go(position: int) -> None:
    st.query_params["lb_at"] = str(position)


def _step(label: str, icon: str, key: str) -> Any:
    return st.expander(label, expanded=True, type="step", icon=icon, key=f"lb_{key}")


# -- back ------------------------------------------------------------------------------------------------------------
def _back(e: Experiment, chain: Chain, here: Use, raw: bool) -> None:
    turn, task, repair = chain.said, chain.task, chain.repair
    with _step(f"**Training example {here.position + 1:,}** of {here.examples:,}", ":material/school:", "example"):
        st.caption(f"{SOURCES[here.source]} · weight {here.weight:g} · loss on the reply alone")
        with st.expander("The prompt, as at inference", type="compact", key="lb_prompt"):
            for message in turn.messages:
                st.caption(lab.plain(message.role))
                episodes.said(task, message.content, raw=raw)
        episodes.said(task, turn.text, raw=raw)
    label = f"**Turn {chain.turn + 1}** of {len(chain.trajectory.turns)} · {episodes.name(turn)}"
    if chain.failed is not None:
        label += f" · {episodes.ORIGINS.get(turn.origin, turn.origin)}"
    with _step(label, episodes.ICONS.get(turn.role, ":material/forum:"), "turn"):
        by = f"checkpoint {turn.model[:12]}" if turn.model else "a rewrite, said by no checkpoint in this turn"
        st.caption(lab.plain(f"by {by} · seed {turn.seed}" if turn.model else by))
        lab.link(lab.EXPLORE, "Open this turn", icon=":material/open_in_new:", traj=chain.trajectory.id,
                 turn=str(chain.turn))
    path = chain.trajectory.path
    with _step(f"**Trajectory** · round {path.round}, {episodes.phase(path.phase)}", ":material/timeline:", "episode"):
        episodes.verdict(chain.trajectory)
        lab.link(lab.EXPLORE, "Open the whole episode", icon=":material/open_in_new:", traj=chain.trajectory.id)
    if chain.failed is not None:
        with _step("**The failure** that it mends", ":material/error:", "failed"):
            episodes.verdict(chain.failed)
            edited = next((i for i in chain.trajectory.edits if i < len(chain.failed.turns)), None)
            if edited is not None:
                before, after = chain.failed.turns[edited].text, chain.trajectory.turns[edited].text
                diff(*((before, after) if raw else (readable(task.source, t) for t in (before, after))))
            lab.link(lab.EXPLORE, "Open the failure", icon=":material/open_in_new:", traj=chain.failed.id)
    if repair is not None:
        seen = {"gold": "a critic that saw the right answer", "blind": "a critic that did not see the right answer",
                "person": "a person", "imported": "an imported trace"}.get(repair.critic, repair.critic)
        with _step(f"**The critique** by {lab.plain(seen)}", ":material/rate_review:", "critique"):
            if repair.critique:
                say(repair.critique if raw else plain_critique(repair))
            if repair.leak:
                st.badge("possible leak", icon=":material/visibility:", color="orange")
            if chain.mend is not None and chain.mend.id != chain.trajectory.id:
                lab.link(lab.EXPLORE, "The critic's and the writer's own calls", icon=":material/open_in_new:",
                         traj=chain.mend.id)
    _decisions(e, chain, here)


def _decisions(e: Experiment, chain: Chain, here: Use) -> None:
    if chain.repair is None:
        if here.source == "direct":
            with _step("**Nobody had to decide**: it was right by itself", ":material/check_circle:", "decision"):
                st.caption("A direct success enters by its reward.")
        return
    if not chain.decisions:
        with _step("**No decision**: it entered without review", ":material/no_accounts:", "decision"):
            st.caption("The round was not reviewed, so every repair that mended its failure entered.")
        return
    for i, d in enumerate(chain.decisions):
        now = d == chain.decision
        label = f"**{lab.plain(d.author)}** {VERDICTS[d.verdict]}"
        label += "" if now or d.verdict == "undo" else " · not in force"
        with _step(label, ":material/how_to_reg:" if now else ":material/history:", f"decision_{i}"):
            _decision(d)
            if now:
                lab.link(lab.REVIEW, "Open it on the review page", icon=":material/open_in_new:", rv=d.repair)


def _decision(d: Review) -> None:
    if d.reason:
        say(d.reason, quiet=True)
    seconds = f" · {d.seconds:.0f} s on screen" if d.seconds else ""
    same = "text unchanged" if d.before == d.after else "text changed"
    st.caption(lab.plain(f"{d.created_at[:10]} {local_time(d.created_at)}{seconds} · {same}: {d.before[:8]} to "
                         f"{d.after[:8]}"))


# -- forward ---------------------------------------------------------------------------------------------------------
def _forward(e: Experiment, here: Use, others: Sequence[Use]) -> None:
    role = "all roles" if here.model == "*" else here.model
    with _step(f"**Training set** of {lab.plain(role)}, round {here.round}", ":material/library_books:", "set"):
        st.caption(f"{here.examples:,} examples · hash {here.hash[:12]}")
    if here.checkpoint_after is None:
        with _step("**No checkpoint**: nothing was made of it", ":material/block:", "checkpoint"):
            st.caption("This round did not train, or has not come so far.")
        return
    with _step("**Checkpoint**", ":material/deployed_code:", "checkpoint"):
        st.caption(f"{(here.checkpoint_before or '')[:12]} → {here.checkpoint_after[:12]}")
    _gate(here)
    _test(e, here)
    if others:
        label = f"**Drawn {many(len(others), 'more time', 'more times')}**"
        with _step(label, ":material/call_split:", "others"):
            for i, use in enumerate(others[:8]):
                whose = "all roles" if use.model == "*" else use.model
                lab.link(lab.LIBRARY, f"round {use.round}, {lab.plain(whose)}, example {use.position + 1:,}",
                         icon=":material/school:", lb_round=str(use.round), lb_model=use.model, lb_at=str(use.position))
                if i == 7 and len(others) > 8:
                    st.caption(f"and {len(others) - 8} more")


def _gate(here: Use) -> None:
    if here.kept is None:
        with _step("**The gate** has not spoken yet", ":material/hourglass_top:", "gate"):
            st.caption("New checkpoints are tried on validation problems first.")
        return
    word, icon = ("kept", ":material/check_circle:") if here.kept else ("rejected", ":material/cancel:")
    with _step(f"**The gate** {word} it", icon, "gate"):
        if here.validation is None:
            st.caption("Without validation: the gate was off.")
            return
        before, after, n = here.validation
        st.caption(f"Validation problems right, the team before and with what was kept: {before} → {after} of {n}.")


def _test(e: Experiment, here: Use) -> None:
    if here.before is None or here.after is None:
        return
    (right, n), (right_after, n_after) = here.before, here.after
    one, two = wilson(right, n), wilson(right_after, n_after)
    with _step("**Held-out problems**, the whole team", ":material/insights:", "test"):
        then, now = right / n, right_after / n_after
        st.metric(f"round {here.round - 1} → round {here.round}", f"{share(then)} → {share(now)}", points(then, now),
                  delta_description=p_text(here.p))
        st.caption(f"{right} of {n} ({100 * one.low:.0f} to {100 * one.high:.0f} %), then {right_after} of {n_after} "
                   f"({100 * two.low:.0f} to {100 * two.high:.0f} %); {p_text(here.p) or 'not compared'}, McNemar's "
                   "exact test over the same problems. All roles that learned in this round changed at once.")
        lab.link(lab.OVERVIEW, "The whole experiment", icon=":material/insights:")
