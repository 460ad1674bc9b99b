"""What each model learned from in each round, by weights or in words, and what the gate said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sirius_core import frames
from sirius_core.store import Experiment, Store, UpdateRow

from . import code, lab, live, reads
from .columns import written
from .numbers import many, share
from .texts import diff

Report = Mapping[str, Any]
COUNTS = ("examples", "distinct", "direct", "repaired", "edited")


def table(store: Store, e: Experiment, reports: Sequence[Report], round: int | None = None) -> None:
    """Examples, what was made of them and the gate's verdict, by round (up to ``round``) and role."""
    frame = frames.Frames(store).learned(e.id, round)
    prompts, words = e.settings.update == "prompts", live.in_words(e.settings)
    order = ["round", "role", "examples", *(() if prompts else ("distinct", "direct", "repaired", "edited"))]
    if words or e.settings.update == "openai_api":
        updates = {(u.round, "all" if u.model == "*" else u.model): u for u in store.weights.updates(e.id)}
        frame["what changed"] = [_made(store, updates.get(place)) for place in zip(frame["round"], frame["role"])]
        order += ["what changed"]
    elif e.settings.update != "none":
        order += ["steps", "first_loss", "last_loss"]
    number = st.column_config.NumberColumn
    st.dataframe(
        written(frame[order if e.settings.update == "none" else [*order, "gate"]], counts=COUNTS),
        hide_index=True,
        key="learned_table",
        alt="Training examples and what was made of them, per round and role",
        column_config={
            "examples": number("cases read", help="Turns of this role, failed ones mostly, that the writer was shown "
                               "with how they were judged.") if prompts else number("examples"),
            "repaired": number(help="Examples from a critic's repair."),
            "edited": number(help="Examples that carry a person's text."),
            "first_loss": number("first loss", format="%.3f", help="Nats per token in the first step."),
            "last_loss": number("last loss", format="%.3f", help="Nats per token in the last step."),
            "what changed": st.column_config.TextColumn(width="large"),
        },
    )
    code.copy("learned_table", code.call("learned", e.id, round=round))
    st.caption(verdicts(e, reports))
    lucky = [r for r in reports if r.get("lucky_library") is not None]
    if lucky:
        st.caption(
            f"Lucky successes, right by wrong steps: {share(lucky[-1]['lucky_library'])} of the library of round "
            f"{lucky[-1]['round']}, {share(reports[-1]['lucky'] or 0.0)} of the right answers on held-out problems."
        )


def verdicts(e: Experiment, reports: Sequence[Report]) -> str:
    """The gate over all rounds: what was kept, and validation before and after."""
    if e.settings.update == "none":
        return "Nobody learned (update=none): this is what would have been learned from."
    totals = [sum(r["updates"][k] for r in reports) for k in ("accepted", "rejected")]
    checks = [_check(e, r) for r in reports if r.get("validation")]
    return (f"The gate kept {many(totals[0], 'update')} and rejected {totals[1]}"
            + (f"; on the validation problems, {'; '.join(checks)}." if checks else "."))


def _check(e: Experiment, report: Report) -> str:
    v = report["validation"]
    change = f" ({v['after'] - v['before']:+d})" if live.in_words(e.settings) else ""
    return f"round {report['round']}: {v['before']} → {v['after']} of {v['n']} right{change}"


def _made(store: Store, update: UpdateRow | None) -> str:
    """What an update in words made: ``512 examples to choose from, 4 shown before a request``."""
    if update is None:
        return "nothing: no example could be shown, or no instruction was admitted"
    after, before = reads.spoken(store, update.after), reads.spoken(store, update.before)
    if after is None:
        return f"{update.steps} steps"
    had = before.system if before else {}
    new = sum(had.get(original) != text for original, text in after.system.items())
    parts = []
    if after.over.get("model") != (before.over.get("model") if before else None):
        loss = f", loss {update.losses[0]:.3f} → {update.losses[-1]:.3f}" if update.losses else ""
        parts.append(f"fine-tuned by the host: {after.over.get('model', '')}{loss}")
    if after.demos and (before is None or after.demos != before.demos):
        shown = f"{min(after.count, len(after.demos))} shown before a request"
        parts.append(f"{many(len(after.demos), 'example')} to choose from, {shown}")
    if new:
        parts.append("instruction rewritten" if new == 1 else f"{new} instructions rewritten")
    return "; ".join(parts) or "nothing"


def instructions(store: Store, e: Experiment) -> None:
    """Which instructions are in force now, each as a word diff against the team's own; nothing where none changed."""
    now = store.weights.models(e.id, max(0, len(store.experiments.reports(e.id)) - 1))
    changed = [(model, original, text) for model, name in (now[0] if now else {}).items()
               if (found := reads.spoken(store, name)) for original, text in found.system.items() if original != text]
    if not changed:
        return
    for i, (model, original, text) in enumerate(changed):
        role = "all" if model == "*" else model
        with st.expander(f"The instruction of {lab.plain(role)} now", icon=":material/edit_note:", key=f"now_{i}"):
            diff(original, text, big=False)
