"""The book of negotiation: rational but for some, wide but not out of distribution, readable, within the context."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from sirius_core import games
from sirius_core.games import State
from sirius_core.pocket import bargains, haggling
from sirius_core.pocket.books import BOOKS, Bargains
from sirius_core.pocket.pretraining import BASES, batches, shape
from sirius_core.pocket.textbook import Lesson

BOOK = BOOKS["bargains"]
assert isinstance(BOOK, Bargains)


@pytest.fixture(scope="module")
def played() -> dict[str, list[tuple[State, list[Lesson]]]]:
    table = bargains.Table(BOOK, random.Random(7))
    return {game: [table.played(game) for _ in range(200)] for game in games.GAMES}


def deals(played: list[tuple[State, list[Lesson]]]) -> list[tuple[float, float]]:
    return [state.outcome.payoffs for state, _ in played if state.outcome and state.outcome.trade is not None]


def test_most_games_end_with_a_deal_and_nearly_nobody_signs_below_the_own_limit(
        played: dict[str, list[tuple[State, list[Lesson]]]]) -> None:
    for game, those in played.items():
        assert 0.5 < len(deals(those)) / len(those) < 0.93, game
    at_a_loss = [min(payoffs) < 0 for payoffs in deals(played["sell_and_buy"])]
    assert 0 < sum(at_a_loss) / len(at_a_loss) < 0.06
    ends = Counter(state.ended for those in played.values() for state, _ in those)
    assert set(ends) == {"accepted", "rejected", "cap"} and min(ends.values()) > 2


def test_the_split_is_about_even_and_varies(played: dict[str, list[tuple[State, list[Lesson]]]]) -> None:
    shares = []
    for state, _ in played["sell_and_buy"]:
        outcome = state.outcome
        if outcome is not None and outcome.trade is not None:
            shares.append(outcome.payoffs[0] / sum(outcome.payoffs))
    assert 0.35 < sum(shares) / len(shares) < 0.6
    assert sum(share < 0.3 for share in shares) > 15 < sum(share > 0.7 for share in shares)


def test_nothing_of_the_book_is_out_of_distribution(played: dict[str, list[tuple[State, list[Lesson]]]]) -> None:
    for state, _ in played["sell_and_buy"]:
        (_, cost), (_, value) = state.setting.values[0][0], state.setting.values[1][0]
        assert cost < value and max(abs(cost - 30), abs(value - 70)) > bargains.AWAY
    pots = [max(n for side in state.setting.resources for _, n in side) for state, _ in played["ultimatum"]]
    assert not [pot for pot in pots if 800 < pot < 1200] and min(pots) < 100 < 1500 < max(pots)
    for state, _ in played["resource_exchange"]:
        red, blue = (sorted(n for _, n in side) for side in state.setting.resources)
        assert max(abs(red[1] - 35), abs(blue[1] - 35), abs(red[0] - 15), abs(blue[0] - 15)) > bargains.AWAY


def test_every_lesson_is_what_a_player_could_say(played: dict[str, list[tuple[State, list[Lesson]]]]) -> None:
    """The lessons of a game are its valid messages: each read back from the words, in turn."""
    for those in played.values():
        for state, lessons in those[:50]:
            again = games.start(state.setting)
            for lesson in lessons:
                if lesson.prompt.endswith("no =>"):
                    again, _ = again.said("")
                said = haggling.read(again.view(again.seat), lesson.reply)
                assert lesson.kind == haggling.ROLES[state.setting.game.name][again.seat] and said.move is not None
                again, event = again.moved(said.move)
                assert event.valid
            assert again == state


def test_lessons_are_short_of_all_six_kinds_and_the_same_each_time() -> None:
    lessons = list(islice(bargains.lessons(BOOK, 3), 2500))
    assert lessons[:50] == list(islice(bargains.lessons(BOOK, 3), 50))
    kinds = Counter(lesson.kind for lesson in lessons)
    assert set(kinds) == set(BOOK.shares) and min(kinds.values()) > 150
    assert max(len(lesson.reply.split()) for lesson in lessons) < 20
    assert max(len(lesson.prompt.split()) for lesson in lessons) < 60
    said = Counter(lesson.reply.split(" : ")[1].split()[0] for lesson in lessons)
    assert set(said) == {"offer", "accept", "reject", "wait"} and min(said.values()) > 25
    assert sum(lesson.prompt.endswith("no =>") for lesson in lessons) > 8


def test_the_base_reads_this_book() -> None:
    batch = next(batches(BASES["trader"]))
    assert len(batch) == BASES["trader"].batch
    assert max(max(example.tokens) for example in batch) < shape("trader").vocab
