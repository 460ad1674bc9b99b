"""A person's games in this session: which table, what was said, who answers. In the address stand the game and the
moves, so that a page that is loaded again shows the same table: the replies follow from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import streamlit as st

from sirius_core import games, human
from sirius_core.errors import SiriusError
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.games import Move
from sirius_core.human import Saying, Sitting, Table
from sirius_core.machines import embedded, machine_for
from sirius_core.store import Experiment, Store

from . import lab, trial
from .actions import author

PLACE, SAID = "gm_at", "gm_said"  # in the address


class Place(NamedTuple):
    """A table as the address names it: ``sell_and_buy.3.1.7`` is the game, after which round, the seat, the number."""

    game: str
    round: int
    seat: int
    number: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


# -- the address -------------------------------------------------------------------------------------------------------
def place() -> Place | None:
    """The table at which the person sits; None where there is none, or the address names none that could be."""
    game, *rest = (st.query_params.get(PLACE) or "").split(".")
    if game not in games.GAMES or len(rest) != 3 or not all(r.isascii() and r.isdecimal() for r in rest):
        return None
    round, seat, number = (int(r[:6]) for r in rest)
    return Place(game, round, seat, number)


def said() -> tuple[Saying, ...]:
    """The person's moves so far; () where the address holds something else."""
    try:
        return tuple(_saying(entry) for entry in json.loads(st.query_params.get(SAID) or "[]"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _saying(entry: Any) -> Saying:
    kind, trade, message = entry
    given = None if trade is None else games.trade(*({str(k): int(v) for k, v in side.items()} for side in trade))
    return Move(str(kind), given), human.clean(str(message))


def _entry(saying: Saying) -> list[Any]:
    move, message = saying
    return [move.kind, None if move.trade is None else [dict(side) for side in move.trade], message]


def sit(at: Place) -> None:
    """Take a seat; what was said at another table stays there."""
    st.query_params[PLACE] = str(at)
    st.query_params.pop(SAID, None)
    st.session_state.pop("gm_just", None)


def speak(before: tuple[Saying, ...], move: Move, message: str) -> None:
    """Say something; it counts once it is found legal, when the page is drawn."""
    st.query_params[SAID] = json.dumps([_entry(s) for s in (*before, (move, human.clean(message)))],
                                       separators=(",", ":"), ensure_ascii=False)
    st.session_state["gm_just"] = True  # this window has played it: an address that was only opened stores nothing


def back(moves: tuple[Saying, ...]) -> None:
    """Take the last word back: it was never said."""
    st.query_params[SAID] = json.dumps([_entry(s) for s in moves], separators=(",", ":"), ensure_ascii=False)


def stand_up() -> None:
    for name in (PLACE, SAID):
        st.query_params.pop(name, None)
    st.session_state.pop("gm_just", None)


# -- who answers -------------------------------------------------------------------------------------------------------
@contextmanager
def machine(store: Store, e: Experiment) -> Iterator[Any]:
    """What the opponent plays on; the embedded model's worker is the one that the server keeps warm."""
    if embedded(e.settings):
        kept = trial.kept()
        with kept.lock:
            yield PocketMachine(kept.engine, e.settings.base)
        return
    made = machine_for(e.settings.changed({"workers": 1}), store, e.id)
    try:
        yield made
    finally:
        close = getattr(made, "close", None)
        if close:
            close()


def sitting(store: Store, e: Experiment, at: Place, moves: tuple[Saying, ...]) -> Sitting:
    """The game after these moves. UsageError for a table that is not there, or a move that is not legal."""
    models = tuple(sorted((store.weights.models(e.id, at.round) or ({},))[0].items())) if e.id else ()
    return _sitting(str(store.path), e.id or e.name, at, moves, models, store, e)


@st.cache_data(max_entries=512, show_spinner=False)
def _sitting(path: str, experiment: str, at: Place, moves: tuple[Saying, ...], models: tuple[tuple[str, str], ...],
             _store: Store, _e: Experiment) -> Sitting:
    """The game after these moves, from the game before the last of them; the same checkpoints always answer alike."""
    before = _sitting(path, experiment, at, moves[:-1], models, _store, _e) if moves else None
    with machine(_store, _e) as plays:
        if before is None:
            table: Table = human.open_table(_store, _e, at.game, round=at.round, seat=at.seat, number=at.number)
            return human.sit(table, _store, plays)
        return human.say(before, _store, plays, *moves[-1])


# -- the end -----------------------------------------------------------------------------------------------------------
def keep(store: Store, game: Sitting, learn: bool) -> str | None:
    """Keep a game that this window has played to its end, once; the id of its trajectory, None where it is not kept."""
    if not game.table.experiment.id:
        return None
    kept: dict[str, str] = st.session_state.setdefault("gm_kept", {})
    key = f"{game.table.path.id}/{len(game.said)}/{hash(game.said)}"
    if key not in kept and st.session_state.get("gm_just"):
        try:
            kept[key] = human.keep(store, game, author(), learn)
        except SiriusError as error:
            st.session_state["_notice"] = str(error)
            return None
    return kept.get(key)


def leave(at: Place, moves: tuple[Saying, ...]) -> None:
    """Stand up in the middle: what was said is kept as a game that was not finished."""
    try:
        with lab.opened() as store:
            e = lab.chosen(store)
            mine = st.session_state.get("gm_just") and moves
            if mine and e is not None and e.settings.source == at.game:
                human.keep(store, human.leave(sitting(store, e, at, moves)), author(), learn=False)
    except SiriusError as error:
        st.session_state["_notice"] = str(error)
    stand_up()
