"""Whatever is said: no text raises, no item is made or lost, and the seats are alike but for who moves first."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core import games
from sirius_core.games import Holdings, Move, Setting, State, Trade

NUMBERS = st.integers(0, 9) | st.integers(-5, 120) | st.just(10**15)


@st.composite
def settings_of(draw: st.DrawFn, compat: tuple[str, ...] = ("",)) -> Setting:
    """Any setting of any game, small enough that moves are often legal."""
    whose, messages = draw(st.sampled_from(compat)), draw(st.integers(2, 9))
    more = {"messages": messages, "compat": whose, "first": 0 if whose else draw(st.integers(0, 1))}
    if draw(st.booleans()):
        more["proposals"] = draw(st.integers(1, 5))
    name, amount = draw(st.sampled_from(sorted(games.GAMES))), st.integers(1, 12)
    if name == "ultimatum":
        return games.setting(name, pot=draw(amount), **more)
    if name == "sell_and_buy":
        return games.setting(name, cost=draw(amount), value=draw(amount), money=draw(amount), **more)
    stock = st.dictionaries(st.sampled_from("XYZ"), st.integers(0, 12), min_size=1)
    return games.setting(name, red=draw(stock), blue=draw(stock), **more)


ITEMS = st.sampled_from(["X", "Y", "Z", "ZUP", "Dollars"])
BUNDLES = st.lists(st.tuples(ITEMS, st.integers(0, 12) | NUMBERS), max_size=2)
MOVES = st.one_of(
    st.sampled_from([games.accept, games.reject, games.wait, games.accept, Move("offer"), Move("shrug")]),
    st.builds(lambda red, blue: Move("offer", Trade(tuple(red), tuple(blue))), BUNDLES, BUNDLES))
CHOICES = st.tuples(st.integers(0, 9), st.lists(st.integers(0, 12), min_size=6, max_size=6))
"""Which of the legal moves (`chosen`)."""
WORDS = st.sampled_from([
    "<player answer>", "</player answer>", "<newly proposed trade>", "</newly proposed trade>", "<message>", "<reason>",
    "</message>", "<my resources>", "</my resources>", "X: 1, Y: 2", "X: 1", "ACCEPT", "REJECT", "NONE", "PROPOSAL",
    "Player", "RED", "BLUE", "Gives", "|", ":", ",", "X", "ZUP", "Dollars", "0", "7", "-3", "1.5", "50 ZUP", "\n", "٣",
    "\ud800", "9" * 400, "9" * 4300, "9" * 4301])
SENTENCES = st.lists(WORDS | st.text(max_size=5), max_size=14).map(" ".join)
ANSWERS = st.sampled_from(["ACCEPT", "ACCEPT", "PROPOSAL", "PROPOSAL", "NONE", "NONE", "REJECT", "no"])
TRADES = st.one_of(
    st.just("NONE"), SENTENCES, *[
        st.builds(lambda red, blue, n, m: f"Player RED Gives {red}: {n} | Player BLUE Gives {blue}: {m}", ITEMS, ITEMS,
                  numbers, NUMBERS) for numbers in (NUMBERS, st.sampled_from([10**4299, -(10**4299), 10**400]))])
REPLIES = st.builds(lambda answer, trade: (
    f"<my resources> X: 1 </my resources><player answer> {answer} </player answer>"
    f"<newly proposed trade> {trade} </newly proposed trade>"), ANSWERS, TRADES)


def chosen(state: State, choice: tuple[int, list[int]]) -> Move:
    """A legal move of the seat to move, mostly an offer and seldom a refusal; to reject once the game is over."""
    (which, amounts), (moves, offers) = choice, state.legal()
    if offers is None or which > 7:
        return moves[0 if which < 9 else amounts[0] % len(moves)] if moves else games.reject
    red, blue = ({item: least + n % (most - least + 1) for (item, least, most), n in zip(side, part)}
                 for side, part in ((offers.red, amounts[:3]), (offers.blue, amounts[3:])))
    return games.offer(red, blue)


def swapped(move: Move) -> Move:
    return move if move.trade is None else Move(move.kind, Trade(move.trade.blue, move.trade.red))


LINES = st.lists(st.sampled_from([SENTENCES, *[REPLIES] * 3, *[CHOICES] * 8]).flatmap(lambda one: one), max_size=12)
PLAYS = st.lists(st.sampled_from([MOVES, *[CHOICES] * 8]).flatmap(lambda one: one), max_size=14)


def total(holdings: Holdings) -> Counter[str]:
    found: Counter[str] = Counter()
    for bundle in holdings:
        for item, amount in bundle:
            found[item] += amount
    return Counter({item: amount for item, amount in found.items() if amount})


def look(state: State) -> None:
    """Everything that may be asked of a state."""
    for seat in (0, 1):
        state.public(seat), state.private(seat), state.view(seat)
    state.legal()
    if state.outcome is not None:
        assert total(state.outcome.resources) == total(state.setting.resources)
        deal = state.outcome.trade is not None
        assert deal == (state.ended == "accepted")
        games.recorded(state.setting, deal, state.outcome.resources)


@given(settings_of(("", "paper", "sirius")), LINES)
@settings(max_examples=200)
def test_no_text_whatever_raises_and_no_item_is_made_or_lost(
    setting: Setting, texts: list[str | tuple[int, list[int]]],
) -> None:
    state = games.start(setting)
    for one in texts:
        text = one if isinstance(one, str) else games.write(setting, state.seat, chosen(state, one), state.turn)
        before = state
        state, event = state.said(text)
        look(state)
        assert event.raw == text and (event.kind == "over") == before.over
        assert state.events == ((*before.events, event) if not before.over else before.events)
        assert before.over or (event.valid or state.turn == before.turn)
        if before.over:
            break
    if not setting.compat and state.outcome is not None:
        assert all(amount >= 0 for bundle in state.outcome.resources for _, amount in bundle)


@given(settings_of(), PLAYS)
def test_the_seats_are_alike(setting: Setting, moves: list[Move | tuple[int, list[int]]]) -> None:
    state, mirror = games.start(setting), games.start(setting.mirrored())
    assert setting.mirrored().mirrored() == setting
    for one in moves:
        move = one if isinstance(one, Move) else chosen(state, one)
        state, event = state.moved(move)
        mirror, seen = mirror.moved(swapped(move))
        assert (seen.seat, seen.kind) == (1 - event.seat, event.kind)  # of two faults the first of RED's side is told
        assert (mirror.seat, mirror.turn, mirror.strikes, mirror.ended) == (
            1 - state.seat, state.turn, state.strikes, state.ended)
        assert mirror.made == state.made[::-1]
    ended, other = state.outcome, mirror.outcome
    if ended is None or other is None:
        assert ended == other
    else:
        assert [dict(held) for held in other.resources] == [dict(held) for held in ended.resources[::-1]]
        assert (other.payoffs, other.paper) == (ended.payoffs[::-1], ended.paper[::-1])


@given(settings_of(), PLAYS)
def test_a_move_is_taken_if_it_is_listed_as_legal_written_or_typed(
    setting: Setting, moves: list[Move | tuple[int, list[int]]],
) -> None:
    state = games.start(setting)
    for one in moves:
        move = one if isinstance(one, Move) else chosen(state, one)
        legal, written = state.legal(), games.write(setting, state.seat, move, state.turn)
        after, event = state.moved(move)
        if not event.valid:
            assert move not in legal.moves and (
                legal.offers is None or move.trade is None or any(len(dict(side)) < len(side) for side in move.trade)
                or legal.offers.at(dict(move.trade.red), dict(move.trade.blue)) is None)
        elif event.kind == "offer":
            assert event.trade is not None and move.trade is not None
            assert legal.offers is not None and event.trade in legal.offers
            assert [dict(side) for side in event.trade] == [
                {item: amount for item, amount in side if amount} for side in move.trade]
        else:
            assert move in legal.moves
        if event.valid:
            assert state.said(written) == (after, event)
        state = after


@given(settings_of())
def test_there_is_always_something_to_do(setting: Setting) -> None:
    state = games.start(setting)
    while not state.over:
        legal = state.legal()
        assert legal.moves
        if legal.offers is not None and state.turn % 3 < 2:
            red, blue = ({item: most for item, _, most in side} for side in (legal.offers.red, legal.offers.blue))
            state, event = state.moved(games.offer(red, blue))
            if not event.valid:  # nobody has anything
                assert event.rule == "empty offer"
                return
        else:
            state, event = state.moved(legal.moves[-1])
            assert event.valid
