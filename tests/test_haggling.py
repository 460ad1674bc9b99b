"""The language of negotiation: every legal move survives being written, no text raises, a prompt tells no secret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core import games
from sirius_core.errors import UsageError
from sirius_core.games import Move, State, Trade
from sirius_core.pocket import dialect, haggling, vocabulary


def prompt(state: State, seat: int, aim: str = "") -> str:
    view = state.view(seat)
    return dialect.PROMPTS[haggling.ROLES[view.game][seat]].format_map(haggling.slots(view, aim))


def play(setting: games.Setting, *replies: str) -> State:
    """The game after these replies, each of the seat whose turn it is."""
    state = games.start(setting)
    for reply in replies:
        move = haggling.read(state.view(state.seat), reply).move
        state, event = state.said("") if move is None else state.moved(move)
        assert event.valid == (move is not None), event
    return state


@st.composite
def dealt(draw: st.DrawFn) -> games.Setting:
    """Any setting of any of the games, with the seats as usual or exchanged."""
    amount = st.integers(1, 3000)
    game = draw(st.sampled_from(sorted(games.GAMES)))
    options: dict[str, Any] = {"messages": draw(st.integers(2, 12)), "first": draw(st.integers(0, 1))}
    if game == "sell_and_buy":
        options |= {"cost": draw(amount), "value": draw(amount), "money": draw(amount), "item": "Gold"}
    elif game == "ultimatum":
        options |= {"pot": draw(amount)}
    else:
        options |= {side: {"X": draw(amount), "Y": draw(amount)} for side in ("red", "blue")}
    setting = games.setting(game, **options)
    return setting.mirrored() if draw(st.booleans()) else setting


def legal(state: State, draw: st.DrawFn) -> Move:
    """Any legal move."""
    found = state.legal()
    moves = list(found.moves)
    if found.offers is not None:
        sides = [{item: draw(st.integers(least, most)) for item, least, most in side}
                 for side in (found.offers.red, found.offers.blue)]
        trade = found.offers.at(sides[0], sides[1])
        moves += [Move("offer", trade)] * 4 if trade else []
    return draw(st.sampled_from(moves))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_legal_move_survives_being_written_and_read(data: st.DataObject) -> None:
    state = games.start(data.draw(dealt()))
    aim = ""
    while not state.over:
        view, meant = state.view(state.seat), data.draw(st.composite(lambda draw, state: legal(state, draw))(state))
        assert vocabulary.knows(prompt(state, state.seat, aim))
        wanted = data.draw(st.integers(0, 2000))
        reply = haggling.write(view, meant, wanted)
        assert vocabulary.knows(reply)
        said = haggling.read(view, reply)
        aim = said.aim
        state, event = state.moved(meant)
        assert (said.aim, said.move) == (str(wanted), event.move)


WORDS = st.lists(st.sampled_from([*vocabulary.WORDS[:25], *vocabulary.WORDS[-45:]]), max_size=14).map(" ".join)
SHAPED = st.tuples(WORDS, WORDS).map(lambda parts: f"aim 5 : offer {parts[0]} for {parts[1]}")


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), WORDS, SHAPED), st.sampled_from(sorted(games.GAMES)), st.integers(0, 1))
def test_no_reply_raises_and_what_is_read_is_written_so(text: str, game: str, seat: int) -> None:
    view = games.start(games.setting(game, first=seat)).view(seat)
    said = haggling.read(view, text)
    assert (said.move is None) == bool(said.why)
    if said.move is not None:
        assert haggling.write(view, said.move, int(said.aim)) == " ".join(text.split())


@pytest.mark.parametrize("reply", [
    "", "accept", "aim : accept", "aim 5 3 accept", "aim none : accept", "aim 0 5 : accept", "aim 5 3 : deal",
    "aim 5 3 : accept 5 2", "aim 5 3 : offer", "aim 5 3 : offer 52", "aim 5 3 : offer 0 5", "aim 5 3 : offer - 5",
    "aim 5 3 : offer 5 2 ZUP", "aim 5 3 : offer 5 2 : accept", "AIM 5 3 : ACCEPT", "aim 5 3 : offer 5 ٢",
    "aim 5 3 : offer 1 X for 1 Y", "aim 5 3 : offer " + "9 " * 15 + "9",
])
def test_nothing_but_the_language_is_read(reply: str) -> None:
    view = games.start(games.setting("sell_and_buy")).view(0)
    assert haggling.read(view, reply).move is None


def test_a_game_of_each_kind_as_both_seats_see_it() -> None:
    sell = play(games.setting("sell_and_buy"), "aim 5 3 : offer 5 8", "aim 4 8 : offer 4 4", "aim 5 3 : offer 5 5")
    assert prompt(sell, 1, "48") == "@buyer worth 6 0 | aim 4 8 | they 5 5 more 5 : you 4 4 : they 5 8 | left 7 3 =>"
    assert prompt(sell, 0) == "@seller cost 4 0 | aim none | you 5 5 : they 4 4 : you 5 8 | left 7 2 =>"
    deal = play(games.setting("sell_and_buy"), "aim 5 3 : offer 5 2", "aim 4 8 : accept")
    assert deal.outcome is not None and deal.outcome.payoffs == (12, 8)
    split = play(games.setting("ultimatum"), "aim 4 0 : offer 3 0", "aim 5 0 : offer 5 5")
    assert prompt(split, 0, "40") == "@proposer pot 1 0 0 | aim 4 0 | they 5 5 more 4 5 : you 3 0 | left 6 3 =>"
    assert prompt(split, 1, "50") == "@responder pot 1 0 0 | aim 5 0 | you 5 5 : they 3 0 | left 6 3 =>"
    swap = play(games.setting("resource_exchange"), "aim 3 : offer 1 0 X for 1 2 Y", "aim 2 : wait",
                "aim 3 : offer none for 1 X 2 Y")
    assert swap.offer == Trade((), (("X", 1), ("Y", 2)))
    assert prompt(swap, 0, "3") == (
        "@red stock 2 5 X 5 Y | aim 3 | you none for 1 X 2 Y : they wait : you 1 0 X for 1 2 Y | left 5 1 =>")
    assert prompt(swap, 1, "2") == (
        "@blue stock 5 X 2 5 Y | aim 2 | they 1 X 2 Y for none less 3 : you wait : they 1 2 Y for 1 0 X | left 5 3 =>")


def test_who_may_make_no_offer_is_told_so() -> None:
    state = play(games.setting("ultimatum", messages=2), "aim 4 0 : offer 3 0")
    assert prompt(state, 1) == "@responder pot 1 0 0 | aim none | they 3 0 more 3 0 | left 1 final =>"


def test_who_is_asked_again_is_told_so_and_a_strange_aim_is_none() -> None:
    state, _ = games.start(games.setting("sell_and_buy")).said("what ?")
    assert prompt(state, 0, "fifty") == "@seller cost 4 0 | aim none | none | left 1 0 4 no =>"


@settings(max_examples=40, deadline=None)
@given(dealt().filter(lambda setting: setting.game.name != "ultimatum"), st.integers(0, 1), st.integers(1, 99))
def test_a_prompt_tells_nothing_that_the_other_seat_alone_knows(setting: games.Setting, seat: int, more: int) -> None:
    """Two games that differ only in the other seat's worth and stock look the same."""
    def side(of: str) -> tuple[Any, ...]:
        sides = list(getattr(setting, of))
        sides[1 - seat] = tuple((item, amount if amount == 1 else amount + more) for item, amount in sides[1 - seat])
        return tuple(sides)

    other = games.Setting(setting.game, side("resources"), side("values"), messages=setting.messages,
                          proposals=setting.proposals, first=setting.first)
    assert prompt(games.start(setting), seat) == prompt(games.start(other), seat)


def test_thoughts_stay_with_their_seat() -> None:
    states = [play(games.setting("sell_and_buy"), f"aim {aim} : offer 5 8") for aim in ("5 3", "9 1")]
    assert prompt(states[0], 1) == prompt(states[1], 1)


def test_three_items_are_refused() -> None:
    setting = games.setting("resource_exchange", red={"X": 1, "Y": 1}, blue={"Z": 1})
    with pytest.raises(UsageError, match="two items"):
        haggling.slots(games.start(setting).view(0), "")
