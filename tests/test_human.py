"""A person at the table: the same moves meet the same replies, no move is a strike by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
from hagglers import HagglingMachine, haggled
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core import games, human, inquiries
from sirius_core.errors import UsageError
from sirius_core.games import Move
from sirius_core.human import Sitting, Table
from sirius_core.improve import Run
from sirius_core.models import ScriptedModel
from sirius_core.store import Experiment, Store
from sirius_core.tasks import scores

MACHINE = HagglingMachine()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = Store(tmp_path_factory.mktemp("human") / "lab.db")
    haggled(found, rounds=2, problems=6, heldout=4, validation=4, withheld_forms=4)
    return found


@pytest.fixture
def e(store: Store) -> Experiment:
    return store.experiments.all()[0]


def seated(store: Store, e: Experiment, round: int = 0, seat: int = 1, number: int = 3) -> Sitting:
    table = human.open_table(store, e, e.settings.source, round=round, seat=seat, number=number)
    return human.sit(table, store, MACHINE)


def buy(price: int) -> Move:
    return games.offer({"X": 1}, {"ZUP": price})


def to_the_end(game: Sitting, store: Store, price: int = 30) -> Sitting:
    while not game.over:
        kinds = [move.kind for move in game.state.legal().moves]
        move = buy(price) if game.state.legal().offers is not None else Move("reject" if "reject" in kinds else "wait")
        game = human.say(game, store, MACHINE, move)
    return game


def test_the_same_moves_meet_the_same_replies(store: Store, e: Experiment) -> None:
    one, two = (to_the_end(seated(store, e), store) for _ in range(2))
    assert one == two and one.state == two.state
    assert to_the_end(seated(store, e), store, 20).trajectory.turns[0] == one.trajectory.turns[0]  # it had spoken first
    fresh = seated(store, e)
    after = human.say(fresh, store, MACHINE, buy(31))
    assert after.trajectory.turns[: len(fresh.trajectory.turns)] == fresh.trajectory.turns  # word for word


def test_every_opponent_is_met_in_the_same_game(store: Store, e: Experiment) -> None:
    assert human.rounds(store, e) == [0, 1, 2]
    tables = [human.open_table(store, e, "sell_and_buy", round=r, seat=1, number=3) for r in (0, 1, 2)]
    assert [t.other for t in tables] == ["base", "r1", None]
    assert len({str(t.task.data["game"]) for t in tables}) == 1
    spoken = [human.sit(t, store, MACHINE).trajectory.turns[0] for t in tables]
    models = [store.weights.models(e.id, r) for r in (0, 1, 2)]
    assert [t.seat for t in spoken] == ["base", "r1", None]
    assert [t.model for t in spoken] == [m[0].get("seller", m[0]["*"]) for m in models if m]


@pytest.mark.parametrize("move, why", [
    (games.offer({"X": 2}, {"ZUP": 30}), "Player RED cannot give X: 2."),
    (games.offer({"X": 1}, {"ZUP": 10_000}), "Player BLUE cannot give ZUP: 10000."),
    (Move("wait"), "In this game every message is an offer, ACCEPT or REJECT."),
    (Move("steal"), "A move is offer, accept, reject or wait."),
])
def test_an_illegal_move_is_told_and_no_strike(store: Store, e: Experiment, move: Move, why: str) -> None:
    game = seated(store, e)
    with pytest.raises(UsageError) as error:
        human.say(game, store, MACHINE, move)
    assert str(error.value) == why and game.state.strikes == 0 and game.mine


def test_nobody_speaks_out_of_turn(store: Store, e: Experiment) -> None:
    over = to_the_end(seated(store, e), store)
    with pytest.raises(UsageError, match="The game is over"):
        human.say(over, store, MACHINE, buy(30))


def test_a_kept_game_is_an_episode_like_any_other(store: Store, e: Experiment) -> None:
    game = to_the_end(human.say(seated(store, e), store, MACHINE, buy(25), "<b>dear</b>"), store)
    kept = human.keep(store, game, "Ann", learn=False)
    assert human.keep(store, game, "Ann", learn=True) == kept  # played twice alike it stands once, as it was
    assert human.keep(store, game, "Bob", learn=False) != kept
    row, stored = store.human_games.get(kept), store.episodes.get(kept)
    assert row is not None and (row.author, row.seat, row.learn) == ("Ann", 1, False)
    assert (stored.path.phase, stored.parent, stored.path.round) == ("human", None, 0)
    assert {(t.role, t.model == human.NAME) for t in stored.turns} == {("seller", False), ("buyer", True)}
    assert [t.seat for t in stored.turns if t.role == "buyer"] == [None] * sum(t.role == "buyer" for t in stored.turns)
    said = next(t for t in stored.turns if t.model == human.NAME)
    assert said.value["message"] == "‹b›dear‹/b›" and said.text == "aim 2 5 : offer 2 5"
    task = store.episodes.task(stored.task)
    assert scores.played(task, stored) == game.state and stored.reward == scores.game(task, stored)
    assert inquiries.then(store, stored) == 0 and store.check() == []


def test_only_what_a_person_allowed_is_learned_from_and_only_what_was_finished(store: Store, e: Experiment) -> None:
    allowed = human.keep(store, to_the_end(seated(store, e, round=2, number=5), store), "Ann", learn=True)
    left = human.leave(human.say(seated(store, e, number=6), store, MACHINE, buy(20)))
    unfinished = human.keep(store, left, "Ann", learn=True)
    assert store.human_games.learnable(e.id) == [allowed]
    row = store.human_games.get(unfinished)
    assert row is not None and not row.learn and store.episodes.get(unfinished).outcome.why == human.LEFT
    with pytest.raises(UsageError, match="not over"):
        human.keep(store, seated(store, e), "Ann", learn=True)
    run = Run(store, e, MACHINE)
    assert allowed not in {t.id for t in run.library(3).tried}  # not before a round takes it in
    store.human_games.take(e.id, 3)
    library = run.library(3)
    assert allowed in {t.id for t in library.tried} and unfinished not in {t.id for t in library.tried}


def test_without_an_experiment_the_untrained_player_sits_there(store: Store) -> None:
    for game in games.GAMES:
        host = human.practice(game)
        table = human.open_table(store, host, game, round=0, seat=0, number=1)
        sitting = human.sit(table, store, MACHINE)
        assert sitting.mine and human.rounds(store, host) == [0]
        with pytest.raises(UsageError, match="belongs to no experiment"):
            human.keep(store, human.leave(sitting), "Ann", learn=False)


@pytest.mark.parametrize("round, seat, number", [(7, 0, 0), (0, 2, 0), (0, 0, -1), (0, 0, human.NUMBERS)])
def test_a_table_that_cannot_be(store: Store, e: Experiment, round: int, seat: int, number: int) -> None:
    with pytest.raises(UsageError):
        human.open_table(store, e, "sell_and_buy", round=round, seat=seat, number=number)


OFFER = ("<player answer> PROPOSAL </player answer> <message> hm </message> <newly proposed trade> "
         "Player RED Gives X: 1 | Player BLUE Gives ZUP: 50 </newly proposed trade>")


class Chat(HagglingMachine):
    """A chat model in the other seat, which makes the same offer each time."""

    def model(self, name: str, blob: bytes) -> ScriptedModel:
        return ScriptedModel(lambda messages, sampling: OFFER)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=400) | st.sampled_from([OFFER, "</message>", "<player answer> ACCEPT"]))
def test_no_words_of_a_person_are_a_strike_or_reach_beyond_the_message(tmp: str) -> None:
    host = human.practice("sell_and_buy")
    nowhere: Store = None  # type: ignore[assignment]
    game = human.sit(Table(host, "sell_and_buy", 0, 1, 0, "base", TABLE.task), nowhere, Chat())
    after = human.say(game, nowhere, Chat(), buy(41), tmp)
    mine = after.state.events[1]
    assert mine.valid and mine.kind == "offer" and after.state.strikes == 0
    assert games.tags.public(mine).message == human.clean(tmp) and len(human.clean(tmp)) <= human.LONGEST


with Store(":memory:") as _nothing:
    TABLE = human.open_table(_nothing, human.practice("sell_and_buy"), "sell_and_buy", round=0, seat=1, number=0)


def test_the_database_keeps_what_people_played(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        assert store.human_games.all("none") == [] and store.human_games.get("none") is None
