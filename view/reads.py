"""What the model of a turn really read, where its checkpoint shows examples or gives instructions in new words."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from sirius_core.errors import SiriusError
from sirius_core.finetune.spoken import Spoken, wrap
from sirius_core.models import ScriptedModel
from sirius_core.models.in_context import Demo, InContext
from sirius_core.prompts import Message
from sirius_core.store import Store
from sirius_core.store.browse import Browse
from sirius_core.trajectories import Task, Turn

from . import lab
from .numbers import many
from .texts import diff, say
from .words import readable


def spoken(store: Store, name: str) -> Spoken | None:
    """The checkpoint in words with that hash; None where there is none, or its weights are of another kind."""
    return _parsed(str(store.path), name, store) if name else None


@st.cache_resource(max_entries=200, show_spinner=False)
def _parsed(path: str, name: str, _store: Store) -> Spoken | None:
    """Read once for all sessions: what a hash names never changes."""
    try:
        blob = _store.weights.get(name)
        return Spoken.parse(blob) if blob[:1] == b"{" else None
    except SiriusError:
        return None


@st.cache_resource(max_entries=24, show_spinner=False)
def _wrapped(name: str, _spoken: Spoken) -> InContext:
    """Kept with its index of examples, which takes longer to make than to ask."""
    return wrap(ScriptedModel((), dialect=_spoken.dialect), "", _spoken)


def changes(store: Store, turn: Turn) -> Spoken | None:
    """The turn's checkpoint, if its model reads another thing than the team's request."""
    found = spoken(store, turn.model)
    return found if found and (found.demos or found.system) else None


def draw(store: Store, experiment: str, task: Task, turn: Turn, *, raw: bool, key: str) -> None:
    """An expander with everything that was sent in place of what the turn was handed; nothing if that was the same."""
    found = changes(store, turn)
    if found is None:
        return
    model = _wrapped(turn.model, found)
    shown = model.shown(turn.messages)
    read = model.sees(turn.messages)
    asked = [m for m in turn.messages if m.role == "system"]
    said = [m for m in read[: max(len(asked), 1)] if m.role == "system"]
    rewritten = [m.content for m in said] != [m.content for m in asked]
    if not shown and not rewritten:
        return
    words = [many(len(shown), "example")] if shown else []
    words += ["its instruction in new words"] if rewritten else []
    with st.expander(f"What the model read: {' and '.join(words)}", type="compact", key=key):
        if raw:
            for message in read:
                st.caption(lab.plain(message.role))
                st.code(message.content, language=None, wrap_lines=True)
            return
        if rewritten:
            _instruction(asked, said)
        for number, demo in enumerate(shown, 1):
            _example(store, experiment, task, demo, number)
        st.caption("then what it was handed" + (", without the old instruction" if rewritten else ""))


def _instruction(asked: Sequence[Message], said: Sequence[Message]) -> None:
    st.caption("instruction, against the team's own")
    for i, message in enumerate(said):
        before = asked[i].content if i < len(asked) else ""
        if before == message.content:
            say(message.content)
        else:
            diff(before, message.content, big=False)


def _example(store: Store, experiment: str, task: Task, demo: Demo, number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"example {number}", width="content")
        if demo.content and (origin := Browse(store.db).origin(experiment, demo.content)):
            lab.link(lab.EXPLORE, "where it comes from", icon=":material/history:", traj=origin)
    for message in demo.ask:
        say(readable(task.source, message.content), quiet=True)
    say(readable(task.source, demo.reply))
