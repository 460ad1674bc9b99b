"""The originals' rules: every recorded game of NegotiationArena replayed, and their quirks by hand, SiriuS's included.

The logs come from https://github.com/vinid/NegotiationArena (an MIT badge); they are read here and nothing else.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sirius_core import games
from sirius_core.games import Setting, State, Trade, originals

NAMES = {"BuySellGame": "sell_and_buy", "MultiTurnUltimatumGame": "ultimatum", "TradingGame": "resource_exchange"}
BRANCHES = {"paper_experiment_code": "paper", "main": "sirius"}
SELL, SPLITS, SWAPS = "sell_and_buy", "ultimatum", "resource_exchange"
MINE = {SELL: "X: 1", SPLITS: "Dollars: 100", SWAPS: "X: 25, Y: 5"}
PRICE = "Player RED Gives X: 1 | Player BLUE Gives ZUP: 52"
SPLIT = "Player RED Gives Dollars: 40 | Player BLUE Gives Dollars: 0"
SWAP = "Player RED Gives X: 10 | Player BLUE Gives Y: 12"


def setting_of(game: dict[str, Any]) -> Setting:
    goals = [goal["value"] if goal["type"] == "resource_goal" else {} for goal in game["goals"]]
    return games.from_dict({
        "game": NAMES[game["game"]], "resources": game["initial_resources"], "values": game["valuations"] or [{}, {}],
        "goals": goals, "messages": game["iterations"], "compat": BRANCHES[game["branch"]]})


def plain(trade: Trade | None) -> Any:
    return "NONE" if trade is None else {"RED": dict(trade.red), "BLUE": dict(trade.blue)}


@pytest.mark.data
@pytest.mark.skipif("SIRIUS_TEST_DATA" not in os.environ, reason="needs the recorded games in SIRIUS_TEST_DATA")
def test_every_recorded_game_replays_to_what_was_recorded() -> None:
    path = Path(os.environ["SIRIUS_TEST_DATA"]) / "negotiationarena" / "replay.jsonl.gz"
    counted: Counter[tuple[str, str]] = Counter()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for game in map(json.loads, lines):
            state, before = games.start(setting_of(game)), "NONE"
            for message in game["messages"]:
                assert (state.over, state.seat) == (False, message["turn"]), game["source"]
                state, event = state.said(message["raw"])
                assert originals.content(message["raw"], "player answer") == message["answer"]
                # The rules' own word for it: ACCEPT with no trade on the table is where the original crashed.
                crashes = message["answer"] == "ACCEPT" and before == "NONE"
                assert (event.kind, event.rule) == ("crash", "no trade") if crashes else event.valid, game["source"]
                assert crashes or plain(event.trade) == message["trade"], game["source"]
                before = message["trade"]
            counted[game["game"], state.ended if game["ended"] else f"unfinished {state.ended}".strip()] += 1
            if not game["ended"]:
                assert state.ended in ("", "crash"), game["source"]
                continue
            outcome, expected = state.outcome, game["expected"]
            assert outcome is not None and outcome.ended == {"ACCEPT": "accepted", "REJECT": "rejected"}.get(
                expected["final_response"], "cap"), game["source"]
            assert outcome.ended != "accepted" or plain(outcome.trade) == expected["proposed_trade"], game["source"]
            found = {"final_resources": [dict(held) for held in outcome.resources],
                     "player_outcome": list(games.recorded(
                         state.setting, outcome.trade is not None, outcome.resources))}
            assert found == {key: expected[key] for key in found}, game["source"]
    assert counted == {
        ("TradingGame", "accepted"): 108, ("TradingGame", "cap"): 18,
        ("TradingGame", "unfinished crash"): 9, ("TradingGame", "unfinished"): 31,
        ("MultiTurnUltimatumGame", "accepted"): 341, ("MultiTurnUltimatumGame", "rejected"): 16,
        ("MultiTurnUltimatumGame", "cap"): 8, ("MultiTurnUltimatumGame", "unfinished crash"): 7,
        ("MultiTurnUltimatumGame", "unfinished"): 7, ("BuySellGame", "accepted"): 311, ("BuySellGame", "rejected"): 8,
        ("BuySellGame", "unfinished crash"): 3, ("BuySellGame", "unfinished"): 5}


def text(game: str, answer: str, trade: str = "NONE", resources: str | None = None) -> str:
    mine = MINE[game] if resources is None else resources
    return (f"<my resources> {mine} </my resources>\n<player answer> {answer} </player answer>\n"
            f"<message> Hello. </message>\n<newly proposed trade> {trade} </newly proposed trade>")


def played(game: str, compat: str, *said: tuple[str, ...], **changes: object) -> State:
    state = games.start(games.setting(game, compat=compat, **changes))
    for words in said:
        assert not state.over
        state, _ = state.said(text(game, *words))
    return state


def last(state: State) -> tuple[str, str]:
    return state.events[-1].kind, state.events[-1].rule


def test_how_long_the_originals_play() -> None:
    assert {(game, compat): games.setting(game, compat=compat).messages
            for game in games.GAMES for compat in ("paper", "sirius")} == {
        (SWAPS, "paper"): 8, (SWAPS, "sirius"): 8, (SPLITS, "paper"): 8, (SPLITS, "sirius"): 8,
        (SELL, "paper"): 10, (SELL, "sirius"): 8}
    state = played(SELL, "sirius", *[("PROPOSAL", PRICE)] * 8)
    assert state.outcome is not None and state.outcome[:4] == ("cap", 1, None, ((("X", 1),), (("ZUP", 100),)))


@pytest.mark.parametrize("compat, kind, rule", [("paper", "crash", "trade"), ("sirius", "offer", "")])
def test_an_amount_with_its_unit_behind_it(compat: str, kind: str, rule: str) -> None:
    state = played(SELL, compat, ("PROPOSAL", "Player RED Gives X: 1 | Player BLUE Gives ZUP: 50 ZUP"))
    assert last(state) == (kind, rule)
    assert state.offer == (Trade((("X", 1),), (("ZUP", 50),)) if kind == "offer" else None)


@pytest.mark.parametrize("game, compat, ended", [
    (SELL, "paper", "rejected"), (SELL, "sirius", ""), (SPLITS, "paper", "rejected"), (SPLITS, "sirius", "rejected"),
    (SWAPS, "paper", ""), (SWAPS, "sirius", "")])
def test_where_reject_ends_a_game(game: str, compat: str, ended: str) -> None:
    offer = {SELL: PRICE, SPLITS: SPLIT, SWAPS: SWAP}[game]
    assert played(game, compat, ("PROPOSAL", offer), ("REJECT",)).ended == ended


def test_ultimatum_without_a_deal_leaves_the_pot_where_it_is() -> None:
    for said in ((("NONE", SPLIT), ("REJECT",)), [("NONE", SPLIT)] * 8):
        outcome = played(SPLITS, "paper", *said).outcome
        assert outcome is not None and outcome.payoffs == (100, 0)
        setting = games.setting(SPLITS, compat="paper")
        assert games.recorded(setting, False, outcome.resources) == ({"Dollars": 100}, {"Dollars": 0})


def test_amounts_beyond_all_floats_are_carried_out_too() -> None:
    huge = 10**400
    outcome = played(SPLITS, "paper", ("NONE", SPLIT.replace("40", str(huge))), ("ACCEPT",)).outcome
    assert outcome is not None and outcome.payoffs == (100 - huge, huge)
    assert outcome.paper == (float("-inf"), float("inf"))
    sold = played(SELL, "sirius", ("PROPOSAL", PRICE.replace("52", str(huge))), ("ACCEPT",)).outcome
    assert sold is not None and sold.paper == (float("inf"), float("-inf")) and sold.payoffs == (huge - 40, 60 - huge)


@pytest.mark.parametrize("answer", ["Player BLUE ACCEPT", "ACCEPTED", "accept", "\nACCEPT\n", "ACCEPT."])
@pytest.mark.parametrize("compat", ["paper", "sirius"])
def test_what_is_not_to_the_letter_accepts_nothing(answer: str, compat: str) -> None:
    state = played(SWAPS, compat, ("NONE", SWAP), (answer,))
    assert (state.ended, last(state), state.offer) == ("", ("talk", ""), None)


@pytest.mark.parametrize("compat", ["paper", "sirius"])
@pytest.mark.parametrize("trade, kind, offer", [
    ("Player BLUE Gives Y: 12\n| Player RED Gives X: 10", "offer", ({"X": 10}, {"Y": 12})),
    ("Player 1 Gives X: 10 | Player 2 Gives Y: 12", "offer", ({"Y": 12}, {"X": 10})),  # 2 > 1: the sides change
    ("Player RED Gives X: 99 | Player BLUE Gives Gold: -3", "offer", ({"X": 99}, {"Gold": -3})),
    ("Player RED Gives X: 1, X: 2 | Player BLUE Gives Y: +1_0", "offer", ({"X": 2}, {"Y": 10})),
    ("I offer: Player RED Gives X: 1 | Player BLUE Gives Y: 1", "offer", ({"X": 1}, {"Y": 1})),
    ("Player A Gives X: 1 | Player C Gives X: 3 | Player B Gives X: 2", "offer", ({"X": 3}, {"X": 2})),
    ("none", "crash", None), ("", "crash", None), ("Player RED Gives X: 10", "crash", None),
    ("RED Gives X: 10 | BLUE Gives Y: 12", "crash", None), (SWAP.replace("10", "1.5"), "crash", None),
    (SWAP + ".", "crash", None), (SWAP.replace("10", "9" * 5000), "crash", None),
])
def test_what_the_originals_take_for_a_trade(
    compat: str, trade: str, kind: str, offer: tuple[dict[str, int], dict[str, int]] | None,
) -> None:
    state = played(SWAPS, compat, ("NONE", trade))
    assert last(state) == (kind, "trade" if kind == "crash" else "")
    assert state.offer == (None if offer is None else games.trade(*offer))


@pytest.mark.parametrize("resources, kind", [
    ("X: 25, Y: 5", "wait"), ("Gold: -7", "wait"), ("X:25,Y:5", "crash"), ("25 X", "crash"), ("", "crash"),
    ("X: 25,\nY: 5", "crash")])
def test_own_resources_must_be_readable_and_are_never_compared(resources: str, kind: str) -> None:
    state = played(SWAPS, "paper", ("NONE", "NONE", resources))
    assert last(state) == (kind, "resources" if kind == "crash" else "")


def test_a_missing_tag_is_no_error_by_itself() -> None:
    whole = text(SWAPS, "ACCEPT", SWAP)
    for said in (whole.replace("player answer", "answer"), whole.replace("<player answer>", "")):
        _, event = games.start(games.setting(SWAPS, compat="paper")).said(said)
        assert (event.kind, event.trade) == ("talk", games.trade({"X": 10}, {"Y": 12}))
    assert originals.content("<a> NONE.", "a") == "NONE"  # not closed: all but the last character
    assert originals.content("abcdef", "x") == "cde"


def test_accept_carries_out_the_trade_of_the_message_before_and_no_other() -> None:
    other = "Player RED Gives X: 1 | Player BLUE Gives Y: 1"
    state = played(SWAPS, "paper", ("NONE", SWAP), ("ACCEPT", other))
    assert state.outcome is not None and state.outcome.resources == (
        (("X", 15), ("Y", 17)), (("X", 15), ("Y", 13)))
    state = played(SWAPS, "paper", ("NONE", SWAP), ("NONE",), ("ACCEPT",))
    assert (last(state), state.ended) == (("crash", "no trade"), "crash")
    state = played(SWAPS, "sirius", ("NONE", SWAP.replace("10", "40")), ("ACCEPT",))
    assert state.outcome is not None and state.outcome.resources[0] == (("X", -15), ("Y", 17))


@pytest.mark.parametrize("game, compat, answer, expected", [
    (SWAPS, "paper", "ACCEPT", ("crash", "first message", "crash")),
    (SPLITS, "paper", "ACCEPT", ("crash", "first message", "crash")),
    (SPLITS, "sirius", "REJECT", ("crash", "first message", "crash")),
    (SELL, "paper", "ACCEPT", ("accept", "", "no summary")),
    (SELL, "paper", "REJECT", ("reject", "", "no summary")),
    (SELL, "sirius", "ACCEPT", ("accept", "", "no summary")),
    (SELL, "sirius", "REJECT", ("reject", "", "")),
])
def test_a_game_that_ends_with_its_first_message(
    game: str, compat: str, answer: str, expected: tuple[str, str, str],
) -> None:
    state = played(game, compat, (answer,))
    assert (*last(state), state.ended) == expected


def test_an_item_without_a_value_crashes_when_it_is_reckoned_with() -> None:
    gold = "Player RED Gives X: 1, Gold: 0 | Player BLUE Gives ZUP: 52"
    state = played(SELL, "paper", ("PROPOSAL", gold))
    assert last(state) == ("offer", "")
    state, event = state.said(text(SELL, "ACCEPT"))
    assert (event.kind, event.rule, state.ended) == ("crash", "valuation", "crash")


def test_a_goal_is_logged_as_reached_or_not() -> None:
    state = played(SWAPS, "sirius", ("NONE", SWAP), ("ACCEPT",), red_goal={"X": 15, "Y": 15}, blue_goal={"Y": 14})
    assert state.outcome is not None
    assert games.recorded(state.setting, True, state.outcome.resources) == (True, False)


def test_sirius_hands_messages_of_sell_and_buy_on_the_wrong_way_round() -> None:
    assert played(SELL, "sirius", ("PROPOSAL", PRICE)).public(0) == (
        f"<Hello.> message </Hello.>\n<PROPOSAL> player answer </PROPOSAL>\n<{PRICE}> newly proposed trade </{PRICE}>")
    for game, compat, answer in ((SELL, "paper", "PROPOSAL"), (SWAPS, "sirius", "PROPOSAL")):
        assert played(game, compat, (answer, PRICE)).public(0) == (
            "<other player message> Hello. </other player message>\n"
            "<other player answer> PROPOSAL </other player answer>\n"
            f"<other player proposed trade> {PRICE} </other player proposed trade>\n")


def test_what_we_write_the_originals_can_read() -> None:
    for game in games.GAMES:
        state = games.start(games.setting(game, compat="paper"))
        state, event = state.moved(games.offer({"Dollars": 40} if game == SPLITS else {"X": 1}))
        assert event.kind == "offer"
        state, event = state.moved(games.accept)
        assert (event.kind, state.ended) == ("accept", "accepted")
