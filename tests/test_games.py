"""The three games as people play them: what is legal, what ends them, what they are worth, what a seat may know."""

from __future__ import annotations

import pytest

from sirius_core import games
from sirius_core.errors import SiriusError, UnknownName, UsageError
from sirius_core.games import Event, Legal, Move, Outcome, State, Trade, View, accept, offer, reject, wait
from sirius_core.games.moves import RULES, Offers, Range
from sirius_core.games.tags import Public

SPLIT = "Player RED Gives Dollars: 40 | Player BLUE Gives Dollars: 0"
PRICE = "Player RED Gives X: 1 | Player BLUE Gives ZUP: 52"
SWAP = "Player RED Gives X: 10 | Player BLUE Gives Y: 12"
SELL, SPLITS, SWAPS = "sell_and_buy", "ultimatum", "resource_exchange"


def text(answer: str, trade: str = "NONE") -> str:
    return f"<player answer> {answer} </player answer>\n<newly proposed trade> {trade} </newly proposed trade>"


def played(game: str, *moves: Move | str, **changes: object) -> State:
    """After these moves or texts, all legal."""
    state = games.start(games.setting(game, **changes))
    for move in moves:
        state, event = state.said(move) if isinstance(move, str) else state.moved(move)
        assert event.valid, event.why
    return state


def sold(price: int) -> Move:
    return offer({"X": 1}, {"ZUP": price})


def split(amount: int) -> Move:
    return offer({"Dollars": amount})


def test_the_papers_settings() -> None:
    found = {name: {key: (setting.resources, setting.values, setting.messages, setting.proposals)
                    for key in game.settings for setting in (game.setting(key),)}
             for name, game in games.GAMES.items()}
    assert found == {
        SWAPS: {"25/5": (((("X", 25), ("Y", 5)), (("X", 5), ("Y", 25))), ((), ()), 8, 3),
                "35/15": (((("X", 35), ("Y", 15)), (("X", 15), ("Y", 35))), ((), ()), 8, 3)},
        SPLITS: {"100": (((("Dollars", 100),), (("Dollars", 0),)), ((), ()), 8, 4),
                 "1000": (((("Dollars", 1000),), (("Dollars", 0),)), ((), ()), 8, 4)},
        SELL: {"40/60": (((("X", 1),), (("ZUP", 100),)), ((("X", 40),), (("X", 60),)), 10, 4),
               "30/70": (((("X", 1),), (("ZUP", 100),)), ((("X", 30),), (("X", 70),)), 10, 4)}}


NOT_SETTINGS = [
    (lambda: games.get("ultimatun"), "there is no game 'ultimatun'; did you mean 'ultimatum'?"),
    (lambda: games.setting(SPLITS, "10"), "there is no setting of ultimatum '10'; did you mean '100'?"),
    (lambda: games.setting(SELL, costs=4), "there is no option of sell_and_buy 'costs'; did you mean 'cost'?"),
    (lambda: games.setting(SELL, cost=4.5), f"cost must be a whole number from 0 to {10**15 - 1}, not 4.5"),
    (lambda: games.setting(SELL, messages=1), "messages must be a whole number from 2 to 100, not 1"),
    (lambda: games.setting(SELL, proposals=-1), "proposals must be a whole number from 1 to 100, not -1"),
    (lambda: games.setting(SELL, first=2), "first must be a whole number from 0 to 1, not 2"),
    (lambda: games.setting(SELL, item="ZUP"), "in Sell&Buy one player has one thing and the other has money"),
    (lambda: games.setting(SELL, item="a|b"), "item: an item is called by a letter and then letters, digits or _, and "
                                              "not Player, Gives, NONE; not 'a|b'"),
    (lambda: games.setting(SWAPS, red=3), "red must be amounts of items, such as {'X': 25}, not 3"),
    (lambda: games.setting(SWAPS, red={}), "both players must have something to exchange"),
    (lambda: games.setting(SWAPS, red_goal={"Z": 1}), "a goal names Z, which nobody has; known: X, Y"),
    (lambda: games.setting(SPLITS, compat="papers"), "there is no compat 'papers'; did you mean 'paper'?"),
    (lambda: games.setting(SPLITS, compat="paper", first=1), "in the original games RED moves first: first must be 0"),
    (lambda: games.from_dict({"game": SELL}), "a setting needs resources: what RED and BLUE have"),
    (lambda: games.from_dict({"game": SPLITS, "resources": [{"A": 1}]}),
     "resources must be two, RED's and BLUE's, not [{'A': 1}]"),
    (lambda: games.from_dict({"game": SPLITS, "resources": [{"A": 1}, {"A": 2}]}),
     "in Ultimatum one player has a pot of one currency and the other 0 of it"),
    (lambda: games.from_dict({"game": SELL, "resources": [{"A": 2}, {"B": 9}], "values": [{"A": 1}, {"A": 1}]}),
     "in Sell&Buy the seller has exactly one A"),
    (lambda: games.from_dict({"game": SELL, "resources": [{"A": 1}, {"B": 9}]}),
     "in Sell&Buy both players must say what the thing is worth to them, and nothing else"),
]


@pytest.mark.parametrize("make, said", NOT_SETTINGS, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_what_is_no_setting_is_said(make: object, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()  # type: ignore[operator]
    assert str(caught.value) == said and isinstance(caught.value, SiriusError)
    assert isinstance(caught.value, UnknownName) == said.startswith("there is no")


@pytest.mark.parametrize("name", games.GAMES)
def test_a_setting_survives_as_a_dictionary(name: str) -> None:
    for setting in (games.setting(name), games.setting(name, messages=5, proposals=2, first=1),
                    games.setting(name, compat="sirius"), games.setting(name).mirrored()):
        assert games.from_dict(setting.as_dict()) == setting
        assert hash(games.from_dict(setting.as_dict())) == hash(setting)


@pytest.mark.parametrize("game, moves, outcome", [
    (SELL, (sold(52), accept), Outcome("accepted", 1, Trade((("X", 1),), (("ZUP", 52),)), (
        (("X", 0), ("ZUP", 52)), (("ZUP", 48), ("X", 1))), (12, 8), (2.0, -2.0))),
    (SELL, (sold(70), sold(35), accept), Outcome("accepted", 0, Trade((("X", 1),), (("ZUP", 35),)), (
        (("X", 0), ("ZUP", 35)), (("ZUP", 65), ("X", 1))), (-5, 25), (-15.0, 15.0))),
    (SELL, (sold(70), reject), Outcome(
        "rejected", 1, None, ((("X", 1),), (("ZUP", 100),)), (0, 0), (0.0, 0.0))),
    (SPLITS, (split(40), split(60), accept), Outcome("accepted", 0, Trade((("Dollars", 60),), ()), (
        (("Dollars", 40),), (("Dollars", 60),)), (40, 60), (-10.0, 10.0))),
    (SPLITS, (split(0), accept), Outcome(
        "accepted", 1, Trade((), ()), ((("Dollars", 100),), (("Dollars", 0),)), (100, 0), (50.0, -50.0))),
    (SPLITS, (split(40), reject), Outcome(
        "rejected", 1, None, ((("Dollars", 100),), (("Dollars", 0),)), (0, 0), (-50.0, -50.0))),
    (SWAPS, (offer({"X": 10}, {"Y": 12}), accept), Outcome("accepted", 1, Trade((("X", 10),), (("Y", 12),)), (
        (("X", 15), ("Y", 17)), (("X", 15), ("Y", 13))), (2, -2), (2.0, -2.0))),
    (SWAPS, (wait, reject), Outcome("rejected", 1, None, (
        (("X", 25), ("Y", 5)), (("X", 5), ("Y", 25))), (0, 0), (0.0, 0.0))),
    (SWAPS, (wait,) * 8, Outcome("cap", 1, None, (
        (("X", 25), ("Y", 5)), (("X", 5), ("Y", 25))), (0, 0), (0.0, 0.0))),
])
def test_how_a_game_ends_and_what_it_is_worth(game: str, moves: tuple[Move, ...], outcome: Outcome) -> None:
    before = played(game, *moves[:-1])
    assert not before.over and before.outcome is None
    assert played(game, *moves).outcome == outcome


def test_the_papers_payoffs_fit_any_setting() -> None:
    of = [played(SPLITS, split(400), accept, pot=1000), played(SELL, sold(52), accept, cost=30, value=71),
          played(SELL, sold(52), accept, messages=4).setting.mirrored()]
    assert [state.outcome.paper for state in of[:2]] == [(10.0, -10.0), (1.5, -1.5)]  # type: ignore[union-attr]
    mirrored, _ = games.start(of[2]).moved(offer({"ZUP": 52}, {"X": 1}))
    mirrored, _ = mirrored.moved(accept)
    assert (mirrored.outcome.payoffs, mirrored.outcome.paper) == ((8, 12), (-2.0, 2.0))  # type: ignore[union-attr]


ILLEGAL = [
    (SELL, (), "I will sell it for 52.", "no answer"),
    (SELL, (), text("MAYBE", PRICE), "unknown answer"),
    (SELL, (), text("Player RED PROPOSAL", PRICE), "unknown answer"),
    (SELL, (), text("PROPOSAL", PRICE) + text("REJECT"), "said twice"),
    (SELL, (), "<player answer> PROPOSAL", "open tag"),
    (SELL, (), text("PROPOSAL"), "no offer"),
    (SELL, (), "<player answer>PROPOSAL</player answer>", "no offer"),
    (SELL, (PRICE,), text("ACCEPT", PRICE.replace("52", "50")), "answer and offer"),
    (SELL, (), text("PROPOSAL", "52 ZUP"), "unreadable offer"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: one | Player BLUE Gives ZUP: 52"), "unreadable offer"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: 1, X: 0 | Player BLUE Gives ZUP: 52"), "unreadable offer"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: 1 | Player BLUE Gives ZUP: " + "9" * 900), "too much"),
    (SELL, (), text("PROPOSAL", PRICE.replace("52", "٥٢")), "unreadable offer"),
    (SELL, (), text("PROPOSAL", PRICE.replace("52", "−52")), "negative"),
    (SELL, (), text("PROPOSAL", PRICE + " " * 1000 + "x"), "unreadable offer"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: 1"), "seats"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: 1 | Player RED Gives ZUP: 52"), "seats"),
    (SELL, (), text("PROPOSAL", "Player 1 Gives X: 1 | Player 2 Gives ZUP: 52"), "seats"),
    (SELL, (), text("PROPOSAL", PRICE + " | Player GREEN Gives ZUP: 1"), "seats"),
    (SELL, (), text("PROPOSAL", "Player RED Gives Gold: 0, X: 1 | Player BLUE Gives ZUP: 52"), "unknown item"),
    (SELL, (), text("PROPOSAL", PRICE.replace("52", "-52")), "negative"),
    (SELL, (), text("PROPOSAL", PRICE.replace("52", "52.5")), "not whole"),
    (SELL, (), text("PROPOSAL", PRICE.replace("52", "101")), "too much"),
    (SELL, (), text("PROPOSAL", "Player RED Gives ZUP: 5, X: 1 | Player BLUE Gives ZUP: 52"), "too much"),
    (SELL, (), text("PROPOSAL", "Player RED Gives X: 0 | Player BLUE Gives ZUP: 52"), "too little"),
    (SWAPS, (), text("NONE", "Player RED Gives X: 0 | Player BLUE Gives Y: 0"), "empty offer"),
    (SWAPS, (), text("NONE", "Player RED Gives X: 26 | Player BLUE Gives Y: 1"), "too much"),
    (SWAPS, (), text("NONE", "Player RED Gives X: 1 | Player BLUE Gives Y: 26"), "too much"),
    (SELL, (), text("ACCEPT"), "nothing to accept"),
    (SWAPS, (SWAP, text("NONE")), text("ACCEPT"), "nothing to accept"),
    (SELL, (), text("NONE"), "no waiting"),
    (SPLITS, (SPLIT,), text("NONE"), "no waiting"),
    (SELL, (PRICE,) * 8, text("PROPOSAL", PRICE), "limit"),
    (SWAPS, (SWAP,) * 6, text("NONE", SWAP), "limit"),
    (SPLITS, (SPLIT,) * 7, text("NONE", SPLIT), "last word"),
]


@pytest.mark.parametrize("game, before, said, rule", ILLEGAL)
def test_what_is_no_legal_move_gets_one_retry_and_then_forfeits(
    game: str, before: tuple[str, ...], said: str, rule: str,
) -> None:
    state = played(game, *(text("NONE", words) if words.startswith("Player") else words for words in before))
    refused, event = state.said(said)
    assert event == Event(state.seat, "invalid", None, rule, event.why, said)
    assert event.why[0].isupper() and event.why[-1] == "." and "\n" not in event.why
    assert refused == state._replace(strikes=1, events=(*state.events, event))
    assert refused.legal() == state.legal() and refused.view(state.seat).problem == event.why
    assert refused.view(1 - state.seat).problem == ""
    forfeited, second = refused.said(said)
    assert second == event._replace(kind="forfeit") and forfeited.over
    nothing = played(game, *([wait] if game == SWAPS else [split(1)] if game == SPLITS else [sold(1)]), reject).outcome
    assert forfeited.outcome == nothing._replace(ended="forfeit", seat=state.seat)  # type: ignore[union-attr]


def test_every_rule_of_strict_play_has_a_case() -> None:
    mine = {rule for rule, meaning in RULES.items() if not meaning.startswith("original")}
    assert {rule for *_, rule in ILLEGAL} == mine


def test_a_legal_retry_wipes_the_slate_and_still_answers_the_open_offer() -> None:
    state = played(SELL, sold(52))
    for turn in (1, 3):
        state, event = state.said("hm")
        assert (event.kind, state.strikes, state.turn) == ("invalid", 1, turn)
        state, _ = state.moved(sold(45))
        assert (state.strikes, state.over) == (0, False)
        state, _ = state.moved(sold(50))
    state, _ = state.said("hm")
    state, _ = state.moved(accept)
    assert state.outcome is not None and state.outcome.payoffs == (10, 10)
    assert [event.kind for event in state.events] == ["offer", "invalid", "offer", "offer"] + [
        "invalid", "offer", "offer", "invalid", "accept"]


@pytest.mark.parametrize("said, move", [
    (text("proposal", PRICE), sold(52)),
    (text("\nNONE\n", "\n" + PRICE.replace(" | ", "|") + "\n"), sold(52)),
    (text("PROPOSAL", "Player BLUE Gives ZUP: 52 ZUP | Player RED Gives X: 1, ZUP: 0"), sold(52)),
    (text("PROPOSAL", "Player  RED  Gives X:1 | Player BLUE Gives X: 0 ,ZUP : 52"), sold(52)),
    (text("Reject", "none"), reject),
    ("<reason> ACCEPT? </reason><player answer>REJECT</player answer>", reject),
])
def test_forms_in_which_models_write_the_same(said: str, move: Move) -> None:
    _, event = games.start(games.setting(SELL)).said(said)
    trade = None if move.trade is None else Trade((("X", 1),), (("ZUP", 52),))
    assert event == Event(0, move.kind, trade, "", "", said) and event.move == Move(move.kind, trade)


def test_accepting_may_repeat_the_offer() -> None:
    state, event = played(SELL, sold(52)).said(text("ACCEPT", PRICE))
    assert (event.kind, event.trade, state.ended, state.offer) == (
        "accept", None, "accepted", Trade((("X", 1),), (("ZUP", 52),)))


def test_what_a_seat_may_do() -> None:
    everything = Offers((Range("X", 1, 1),), (Range("ZUP", 0, 100),), False)
    assert played(SELL).legal() == Legal((reject,), everything)
    assert played(SELL, sold(1)).legal() == Legal((accept, reject), everything)
    assert played(SELL, *[sold(1)] * 8).legal() == Legal((accept, reject), None)
    assert played(SELL, reject).legal() == Legal((), None)
    assert played(SPLITS, *[split(1)] * 7).legal() == Legal((accept, reject), None)
    swaps = Offers((Range("X", 0, 25), Range("Y", 0, 5)), (Range("X", 0, 5), Range("Y", 0, 25)), False)
    assert played(SWAPS).legal() == Legal((reject, wait), swaps) and swaps.number == 26 * 6 * 6 * 26 - 1
    assert played(SWAPS, offer({"X": 1}), wait).legal() == Legal((reject, wait), swaps)


@pytest.mark.parametrize("move, rule", [
    (Move("offer"), "no offer"),
    (Move("accept", Trade((), ())), "answer and offer"),
    (Move("resign"), "unknown answer"),
    (offer({"X": 1}, {"ZUP": 5.0}), "not whole"),  # type: ignore[dict-item]
    (Move("offer", Trade((("X", 1), ("X", 1)), ())), "unreadable offer"),
    (offer({"X": 1}, {"ZUP": -1}), "negative"),
    (offer({"X": 1, "Y": 0}), "unknown item"),
])
def test_a_typed_move_is_judged_like_a_text(move: Move, rule: str) -> None:
    state, event = played(SELL).moved(move)
    assert (event.kind, event.rule, state.strikes) == ("invalid", rule, 1)


def test_after_the_end_nothing_changes() -> None:
    state = played(SELL, reject)
    assert state.said("hello") == (state, Event(1, "over", None, "over", "The game is over.", "hello"))
    assert state.moved(accept)[0] == state


def test_a_reply_in_the_order_that_the_paper_asks_for() -> None:
    setting = games.setting(SELL)
    assert games.write(setting, 0, sold(52), 2, message="Hello.", reason="Above 40.") == (
        "<proposal count> 2 </proposal count>\n<my resources> X: 1 </my resources>\n"
        "<my goals> Sell X, which cost you 40 ZUP to make, for as much as you can. </my goals>\n"
        "<reason> Above 40. </reason>\n<player answer> PROPOSAL </player answer>\n"
        f"<newly proposed trade> {PRICE} </newly proposed trade>\n<message> Hello. </message>")
    assert games.write(games.setting(SPLITS, messages=3), 0, split(0), 2).splitlines()[:2] == [
        "<my name> Player RED </my name>", "<move> 2 / 2 </move>"]
    assert [games.get(name).goal(games.setting(name), 1) for name in games.GAMES] == [
        "Get as many resources as you can, of whatever kind.",
        "Agree on a split and take as much of it as you can; without a deal both get nothing.",
        "Buy X, for which you would pay at most 60 ZUP, for as little as you can."]
    assert games.get(SWAPS).goal(games.setting(SWAPS, red_goal={"X": 15, "Y": 15}), 0) == "Reach X: 15, Y: 15."


def test_public_and_private_parts() -> None:
    state, _ = played(SELL).moved(sold(52), "It is a bargain.", "My cost is 40.")
    state, _ = state.said("<reason> 60 is my most. </reason>")
    assert (state.public(0), state.public(1)) == (
        "<other player message> It is a bargain. </other player message>\n"
        "<other player answer> PROPOSAL </other player answer>\n"
        f"<other player proposed trade> {PRICE} </other player proposed trade>", "")
    assert (state.private(0), state.private(1)) == (("My cost is 40.",), ("60 is my most.",))
    state, _ = state.moved(reject, "No.")
    assert state.public(1) == (
        "<other player message> No. </other player message>\n<other player answer> REJECT </other player answer>\n"
        "<other player proposed trade> NONE </other player proposed trade>")


def test_a_seat_sees_its_own_and_the_public_part() -> None:
    state, _ = played(SELL).moved(sold(52), "It is a bargain.", "My cost is 40.")
    trade = Trade((("X", 1),), (("ZUP", 52),))
    assert state.view(1) == View(
        SELL, 1, "Player BLUE", (("ZUP", 100),), (("X", 60),),
        "Buy X, for which you would pay at most 60 ZUP, for as little as you can.", None,
        (Public(0, "offer", trade, "It is a bargain."),), trade, ("accept", "reject", "offer"), 4, 9, "",
        ("X", "ZUP"))
    assert (state.view(0).moves, state.view(0).proposals_left) == ((), 3)
    assert not any(word in str(state.view(1)) for word in ("40", "cost"))
    assert played(SPLITS).view(1).others == (("Dollars", 100),)
    assert played(SWAPS).view(0).others is None
