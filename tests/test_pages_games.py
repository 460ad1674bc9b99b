"""The games page without a browser: a game against a checkpoint, one game as a table, the matrix, empty states."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

import streamlit as st
from app_pages import ROOT, text_of
from hagglers import HagglingMachine, haggled
from streamlit.testing.v1 import AppTest

from sirius_core import human, scoresheet
from sirius_core.store import Experiment, Store

EXP = "sell_and_buy-0-1"
SEAT = "sell_and_buy.0.1.3"  # game 3, as the buyer, against the base


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("games") / "lab.db"
    with Store(path) as store:
        haggled(store, rounds=2, problems=8, heldout=8, validation=4, matrix=6)
    return path


@pytest.fixture
def db(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a finished experiment, whose players bargain by rule."""

    @contextmanager
    def machine(store: Store, e: Experiment) -> Iterator[Any]:
        yield HagglingMachine()

    monkeypatch.setattr("view.games_play.machine", machine)
    st.cache_data.clear()
    return Path(shutil.copy(made, tmp_path / "lab.db"))


def opened(db: Path, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    """The page as this address opens it; the overview, with which the app begins, is passed by."""
    monkeypatch.setenv("SIRIUS_DB", str(db))
    monkeypatch.setenv("SIRIUS_AUTOSTART", "0")
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=20)
    at.session_state["_goto"] = ("pages/actor_critic.py", {})
    at.run()
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page("pages/games.py").run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def press(at: AppTest, start: str) -> AppTest:
    """The button whose key begins so."""
    next(b for b in at.button if str(b.key).startswith(start)).click().run()
    assert not at.exception, [e.message for e in at.exception]
    return at


def moves(at: AppTest) -> list[Any]:
    return list(json.loads(named(at, "gm_said") or "[]"))


def named(at: AppTest, key: str) -> str:
    """What stands in the address."""
    value = at.query_params.get(key, "")
    return value[0] if isinstance(value, list) else value


def kept(db: Path) -> list[Any]:
    with Store(db) as store:
        return store.human_games.all(EXP)


def test_sit_down_and_play_a_game_to_its_end(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, monkeypatch, exp=EXP)
    said = text_of(at)
    assert "Sit down and play" in said and "Take the seat" in said
    press(at, "gm_sit")
    said = text_of(at)
    assert "You are **the buyer**" in said and "the seller before training" in said
    assert "is worth" in said and "Accept" in said and kept(db) == []
    words = next(t for t in at.text_input if str(t.key).startswith("gm_words"))
    words.input("<b class='hostile'>too</b> dear :red[x]")
    next(s for s in at.slider if str(s.key).startswith("gm_price")).set_value(1).run()
    press(at, "gm_offer")
    assert [m[0] for m in moves(at)] == ["offer"] and "‹b class='hostile'›too‹/b› dear :red[x]" in moves(at)[0][2]
    assert "&lt;" not in text_of(at) and "<b class='hostile'>" not in text_of(at)
    press(at, "gm_accept")
    said = text_of(at)
    assert "Deal at" in said and "Play again" in said and "The seller" in said and "cost was" in said
    assert "thought" in said and "You as the buyer against the seller before training" in said
    [game] = kept(db)
    assert (game.seat, game.learn) == (1, False)
    press(at, "gm_same_2")
    assert "the seller after round 2" in text_of(at) and moves(at) == []
    with Store(db) as store:
        assert store.check() == []
        t = store.episodes.get(game.trajectory)
    assert t.path.phase == "human" and t.reward is not None
    said = text_of(opened(db, monkeypatch, exp=EXP, part="game", traj=t.id))
    assert "a person" in said and "‹b class='hostile'›too‹/b› dear :red[x]" in said.replace("&#x27;", "'")


def test_a_ticked_box_lets_a_later_round_learn(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, monkeypatch, exp=EXP, gm_at="sell_and_buy.2.0.1")
    [box] = at.checkbox
    assert not box.value
    box.check()
    press(at, "gm_reject")
    assert "no deal: the seller rejects" in text_of(at).lower()
    assert [(g.seat, g.learn) for g in kept(db)] == [(0, True)]


def test_an_address_shows_the_same_table_and_stores_nothing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = {"exp": EXP, "gm_at": SEAT, "gm_said": '[["offer",[{"X":1},{"ZUP":30}],"hm"]]'}
    one, two = (text_of(opened(db, monkeypatch, **address)) for _ in range(2))
    assert one == two and "hm" in one
    ended = {**address, "gm_said": '[["reject",null,""]]'}
    assert "a game from a link" in text_of(opened(db, monkeypatch, **ended)) and kept(db) == []


def test_who_leaves_keeps_an_unfinished_game_that_nobody_learns_from(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, monkeypatch, exp=EXP, gm_at=SEAT)
    at.checkbox[0].check()
    next(s for s in at.slider if str(s.key).startswith("gm_price")).set_value(1).run()
    press(at, "gm_offer")
    press(at, "gm_leave")
    [game] = kept(db)
    assert not game.learn and "Sit down and play" in text_of(at)
    with Store(db) as store:
        assert store.episodes.get(game.trajectory).outcome.why == human.LEFT


@pytest.mark.parametrize("at, said", [
    ("sell_and_buy.9.1.3", "round 9 of sell_and_buy-0-1 is not closed"), ("sell_and_buy.0.7.3", "seat 7"),
])
def test_a_table_that_is_not_there_is_told(db: Path, monkeypatch: pytest.MonkeyPatch, at: str, said: str) -> None:
    page = opened(db, monkeypatch, exp=EXP, gm_at=at)
    assert said in text_of(page).replace("\\", "")


@pytest.mark.parametrize("said", ["[[", "7", '[["offer",[{"X":"a"},{}],""]]', '{"a":1}', "null", '[["steal",null,""]]',
                                  '[["offer",[{"X":9},{"ZUP":3}],""]]', '[["accept",[{"X":1},{"ZUP":3}],""]]'])
def test_an_address_with_nonsense_goes_back_to_the_last_legal_move(db: Path, monkeypatch: pytest.MonkeyPatch, said: str
                                                                   ) -> None:
    at = opened(db, monkeypatch, exp=EXP, gm_at=SEAT, gm_said=said)
    assert "You are **the buyer**" in text_of(at) and kept(db) == []


def test_one_game_as_a_table(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(db) as store:
        found = store.episodes.find(EXP, round=2, phase="evaluate:heldout:sampled")
        bad = next(t for t in found if any(turn.value and turn.value["rule"] for turn in t.turns))
        state, roles = scoresheet.of(store.episodes.task(bad.task), bad)
    at = opened(db, monkeypatch, exp=EXP, part="game", traj=bad.id)
    said = text_of(at)
    assert all(word in said for word in ("Offers over time", "Who sat here", "What they said and thought"))
    [sheet] = [d.value for d in at.dataframe]
    assert list(sheet["message"]) == [line.message for line in scoresheet.lines(state, roles)]
    assert any("no answer" in why or "unreadable" in why for why in sheet["why"])
    assert bad.turns[0].text in said


def test_rounds_and_kinds_lead_to_their_first_game(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, monkeypatch, exp=EXP, part="game")
    assert at.selectbox(key="gm_kind").value == "evaluate:heldout:sampled"
    at.selectbox(key="gm_round").select(1).run()
    at.selectbox(key="gm_kind").select("propose").run()
    with Store(db) as store:
        first = store.episodes.find(EXP, round=1, phase="propose")
    assert named(at, "traj") == first[0].id
    at.selectbox(key="gm_game").select(first[3].id).run()
    assert named(at, "traj") == first[3].id and not at.exception


def test_the_matrix_in_numbers_and_a_cells_games(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(db, monkeypatch, exp=EXP, part="cross")
    [numbers] = [d.value for d in at.dataframe]
    assert list(zip(numbers["red"], numbers["blue"], strict=True)) == [
        ("base", "base"), ("base", "round 2"), ("round 2", "base"), ("round 2", "round 2")]
    assert set(numbers["n"]) == {6} and "paired by game" in text_of(at)
    at.selectbox(key="gm_measure").select("wins").run()
    assert not at.exception and "decisive games" in text_of(at)
    at.selectbox(key="gm_cell").select(("base", "base")).run()
    with Store(db) as store:
        found = store.episodes.find(EXP, round=0, phase="cross:heldout:base:base")
    box = at.selectbox(key="gm_of_cross:heldout:base:base")
    assert len(box.options) == 6
    box.select(found[2].id).run()
    press(at, "gm_open")
    assert named(at, "traj") == found[2].id and "Offers over time" in text_of(at)


def test_nothing_yet_offers_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / "empty.db"
    assert "Start sell-and-buy" in text_of(opened(db, monkeypatch, part="game"))
    assert "Start sell-and-buy" in text_of(opened(db, monkeypatch, part="cross"))
    said = text_of(opened(db, monkeypatch))
    assert "Take the seat" in said and "such games are not kept" in said


def test_the_overview_speaks_of_games(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = text_of(opened(db, monkeypatch, exp=EXP).switch_page("pages/overview.py").run())
    assert "more than an even deal" in said and "Held-out games" in said and "Out of distribution" in said
    assert "question form" not in said and "misconceptions" not in said and "Sit down and play against it" in said
