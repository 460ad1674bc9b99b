"""Games as tasks and teams: how they are drawn and told, every ending, retries and forfeits, what a seat may see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_games import PATH, asked, game, kinds, played, price, share, swap, tagged, talked

from sirius_core import games, jobs, tasks, teams
from sirius_core.episodes import play, replay
from sirius_core.errors import Stopped, UsageError
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.rewards import right
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.tasks import negotiation, scores
from sirius_core.teams.negotiation import played as replayed
from sirius_core.teams.negotiation import roles_of
from sirius_core.trajectories import Stop, Task

SMALL = {"recipe": "self_play", "problems": 8, "validation": 4, "heldout": 6, "withheld_forms": 4}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "lab.db") as opened:
        yield opened


def drawn(source: str, seed: int = 0, **changes: object) -> dict[str, tuple[Task, ...]]:
    return dict(tasks.splits(source, Settings().changed({**SMALL, "source": source, **changes}), seed))


# -- tasks -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("source", games.GAMES)
def test_every_number_is_played_from_both_seats_with_the_same_amounts_against_the_base(source: str) -> None:
    made = drawn(source)
    for split, n in {"train": 8, "validation": 4, "heldout": 6, "new_wordings": 0, "withheld_forms": 4}.items():
        part = made[split]
        assert [(t.data["number"], t.data["learner"], t.data["opponent"]) for t in part] == [
            (i // 2, i % 2, "base") for i in range(n)]
        assert [t.data["game"] for t in part[0::2]] == [t.data["game"] for t in part[1::2]]
        assert [t.group for t in part[0::2]] == [t.group for t in part[1::2]] and len({t.id for t in part}) == n
    assert len({str(t.data["game"]) for t in made["train"]}) > 1


def test_training_games_follow_the_seed_and_the_others_do_not() -> None:
    one, other = drawn("ultimatum", 0), drawn("ultimatum", 1)
    assert one["heldout"] == other["heldout"] and one["validation"] == other["validation"]
    assert not {t.id for t in one["train"]} & {t.id for t in other["train"]}
    assert one == drawn("ultimatum", 0) == drawn("ultimatum", 0, opponent="base")


@pytest.mark.parametrize("source, known, unknown", [
    ("sell_and_buy", "costs the seller 40 ZUP and is worth 60 ZUP", "costs the seller 30 ZUP and is worth 70 ZUP"),
    ("ultimatum", "100 Dollars to share", "1000 Dollars to share"),
    ("resource_exchange", "RED has 25 X, 5 Y; BLUE has 5 X, 25 Y", "RED has 35 X, 15 Y; BLUE has 15 X, 35 Y")])
def test_without_spread_the_amounts_are_the_paper_s(source: str, known: str, unknown: str) -> None:
    made = drawn(source, spread=0)
    assert all(known in t.question for split in ("train", "heldout") for t in made[split])
    assert all(unknown in t.question for t in made["withheld_forms"])
    assert made["heldout"][1].question.endswith(f"messages; the {roles_of(source)[1]} counts")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 10**6), st.sampled_from(sorted(games.GAMES)))
def test_amounts_lie_within_the_spread_and_always_make_a_game(spread: int, seed: int, source: str) -> None:
    about = games.setting(source)
    made = negotiation.around(about, spread, Random(seed))
    sides = zip((*about.resources, *about.values), (*made.resources, *made.values), strict=True)
    pairs = [(a, b) for old, new in sides for (_, a), (_, b) in zip(old, new, strict=True)]
    assert all(abs(a - b) <= spread or b in (0, 1) or spread > 20 for a, b in pairs)
    assert negotiation.setting_of(negotiation.task(made, "train", "g", 0, 0, "base")) == made
    if source == "sell_and_buy":
        assert made.values[0][0][1] < made.values[1][0][1]


@pytest.mark.parametrize("opponent, learners", [("base", [0, 1] * 4), ("pool", [0, 1] * 4), ("latest", [None] * 8)])
def test_whom_one_trains_against_is_not_whom_one_is_tested_against(opponent: str, learners: list[int | None]) -> None:
    made = drawn("sell_and_buy", opponent=opponent)
    assert [t.data["learner"] for t in made["train"]] == learners
    assert {t.data["opponent"] for t in made["train"]} == {opponent}
    assert made["heldout"] == drawn("sell_and_buy")["heldout"]


@pytest.mark.parametrize("text, told", [
    ("cost=44, messages=6", "costs the seller 44 ZUP and is worth 60 ZUP to the buyer; 6 messages"),
    ("30/70", "costs the seller 30 ZUP and is worth 70 ZUP to the buyer; 10 messages"),
    ("30/70, value=90, currency=Euro", "costs the seller 30 Euro and is worth 90 Euro to the buyer; 10 messages")])
def test_a_game_can_be_changed_by_a_setting(text: str, told: str) -> None:
    assert told in drawn("sell_and_buy", game=text, spread=0)["train"][0].question


def test_what_changes_any_game_changes_the_one_out_of_distribution_too() -> None:
    made = drawn("resource_exchange", game="35/15, messages=6", spread=0)
    assert "35 X, 15 Y; BLUE has 15 X, 35 Y; 6 messages" in made["heldout"][0].question
    assert "25 X, 5 Y; BLUE has 5 X, 25 Y; 6 messages" in made["withheld_forms"][0].question
    made = drawn("resource_exchange", game="red=Y:2 X:9", spread=0)
    assert "RED has 9 X, 2 Y; BLUE has 5 X" in made["train"][0].question


@pytest.mark.parametrize("source, text, why", [
    ("sell_and_buy", "cost", "'cost' is not like cost=44"),
    ("sell_and_buy", "cost=4; x", "is not like"),
    ("sell_and_buy", "cost=1, cost=2", "cost stands there twice"),
    ("sell_and_buy", "30/70, 40/60", "stands there twice"),
    ("sell_and_buy", "99/1", "'99/1'"),
    ("sell_and_buy", "pot=3", "no option of sell_and_buy 'pot'"),
    ("sell_and_buy", "cost=70", "the value must be above the cost"),
    ("sell_and_buy", "money=40", "the buyer needs more than the cost, 40 ZUP"),
    ("resource_exchange", "red=X:0 Y:0", "both players must have something"),
    ("resource_exchange", "red=X:25 X:5", "'X:25 X:5' names an item twice"),
    ("sell_and_buy", "money=zero", "money must be a whole number"),
    ("ultimatum", "messages=1", "messages must be a whole number from 2"),
    ("ultimatum", "compat=paper", "replays of old games only")])
def test_what_is_no_setting_of_the_game_is_refused_in_one_line(source: str, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        drawn(source, game=text)
    assert str(caught.value).startswith(f"setting game={text!r}: ") and why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_said_of_games_as_data() -> None:
    told = tasks.describe("ultimatum", Settings().changed({**SMALL, "source": "ultimatum"}), 0)
    assert told["line"] == ("ultimatum: 8 training games, 4 validation games, 6 held-out games, 4 out of distribution; "
                            "amounts within 4 of the setting's")
    assert told["majority"] == {"answer": "", "n": 0, "of": 0, "share": 0.0} and not told["restricted"]
    assert told["notes"][:2] == ["in distribution: Ultimatum: 100 Dollars to share; 8 messages",
                                 "out of distribution: Ultimatum: 1000 Dollars to share; 8 messages"]
    assert [tasks.split_title("ultimatum", s) for s in ("withheld_forms", "heldout")] == [
        "out of distribution", "held-out games"]
    assert tasks.split_title("formulas", "withheld_forms") == "withheld forms"


# -- who can play what -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes, why", [
    ({"recipe": "sirius", "source": "ultimatum"}, "no critic that could mend"),
    ({"recipe": "star", "source": "ultimatum"}, "the game is for its two players"),
    ({"recipe": "vote", "source": "ultimatum"}, "the game is for its two players"),
    ({"recipe": "multiagent_finetuning", "source": "ultimatum"}, "the game is for its two players"),
    ({"recipe": "self_play"}, "source=formulas is none"),
    ({"recipe": "self_play", "team": "ultimatum", "source": "sell_and_buy"}, "has the team 'ultimatum'"),
    ({"recipe": "self_play", "source": "ultimatum"}, "never saw a negotiation"),
    ({"recipe": "self_play", "source": "ultimatum", "verifier": "unit", "base": "trader"}, "judged by what it came to"),
    ({"recipe": "self_play", "source": "ultimatum", "base": "trader", "matrix": 1}, "at least two games a cell; 0"),
    ({"recipe": "chain", "base": "trader"}, "take one that did"),
    ({"recipe": "self_play", "source": "ultimatum", "data": "x.csv"}, "are made, not read")])
def test_what_cannot_be_played_is_refused_before_anything_runs(changes: dict, why: str, store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        jobs.checked(store, Settings().changed({**SMALL, "recipe": "self_play", **changes}), 0)
    assert why in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", ["self_play", "placebo", "keep_all", "chain"])
@pytest.mark.parametrize("source", games.GAMES)
def test_what_can_be_played_is_taken(recipe: str, source: str, store: Store) -> None:
    chosen = Settings().changed({**SMALL, "recipe": recipe, "source": source, "base": "trader"})
    assert jobs.checked(store, chosen, 0).rounds == (0 if recipe == "chain" else chosen.rounds)


# -- every ending ----------------------------------------------------------------------------------------------------
ENDINGS = [
    ("sell_and_buy", [price(58), price(45), price(52), games.accept], "deal: X for 52 ZUP", (0.6, 0.4)),
    ("sell_and_buy", [price(30), games.accept], "deal: X for 30 ZUP", (-0.5, 1.5)),
    ("sell_and_buy", [price(58), games.reject], "no deal: rejected by the buyer", (0.0, 0.0)),
    ("ultimatum", [share(40), games.accept], "deal: 60 : 40", (0.6, 0.4)),
    ("ultimatum", [share(10), share(70), games.reject], "no deal: rejected by the proposer", (0.0, 0.0)),
    ("resource_exchange", [swap(10, 13), games.accept], "deal: 10 X for 13 Y", (0.55, 0.45)),
    ("resource_exchange", [games.wait] * 8, "no deal: no message left", (0.5, 0.5)),
]


@pytest.mark.parametrize("name, moves, told, worth", ENDINGS)
@pytest.mark.parametrize("learner", [0, 1])
def test_how_a_game_ends_and_what_it_is_worth(
        name: str, moves: list, told: str, worth: tuple[float, float], learner: int) -> None:
    t = talked(game(name, learner), *moves)
    assert t.outcome.answer == told and t.outcome.stop is None
    assert t.reward is not None and t.reward.read == told and t.reward.lucky is None
    assert t.reward.value == pytest.approx(min(1, max(0, worth[learner])))
    assert t.reward.turns == pytest.approx({i: worth[i % 2] for i in range(len(moves))})
    assert [turn.seat for turn in t.turns] == [None if i % 2 == learner else "base" for i in range(len(moves))]
    assert [turn.role for turn in t.turns] == [roles_of(name)[i % 2] for i in range(len(moves))]
    state = replayed(game(name), t)
    assert scores.ended(state) == told and scores.scores(state) == pytest.approx(worth)


def test_a_reward_says_both_payoffs() -> None:
    why = [talked(game(name), *moves).reward.why for name, moves, _, _ in (ENDINGS[1], ENDINGS[3], ENDINGS[5])]
    assert why == ["deal: X for 30 ZUP; the seller gains -10, the buyer gains +30",
                   "deal: 60 : 40; the proposer takes 60, the responder takes 40",
                   "deal: 10 X for 13 Y; the red gains +3, the blue gains -3"]


def test_a_loss_stays_a_loss_where_there_is_nothing_to_gain() -> None:
    both_lose = talked(game(cost=60, value=40), price(50), games.accept).reward
    assert (both_lose.value, both_lose.turns) == (0.0, {0: -0.5, 1: -0.5})
    assert talked(game(cost=50, value=50), price(51), games.accept).reward.turns == {0: 1.0, 1: -1.0}
    nothing = game("resource_exchange", red={"X": 0, "Y": 0})
    assert talked(nothing, games.offer({}, {"Y": 2}), games.accept).reward.turns == {0: 1.5, 1: 0.5 - 2 / 60}


def test_where_both_learn_a_game_is_worth_the_better_score() -> None:
    t = talked(game(learner=None, opponent="latest"), price(45), games.accept)
    assert t.reward.value == 0.75 and [turn.seat for turn in t.turns] == [None, None]


def test_a_turn_keeps_what_its_move_was() -> None:
    task = game()
    t = talked(task, price(58), price(45), games.accept)
    assert [turn.value for turn in t.turns] == [
        {"seat": 0, "kind": "offer", "rule": "", "why": "", "trade": {"RED": {"X": 1}, "BLUE": {"ZUP": 58}},
         "reason": "", "offered": None},
        {"seat": 1, "kind": "offer", "rule": "", "why": "", "trade": {"RED": {"X": 1}, "BLUE": {"ZUP": 45}},
         "reason": "", "offered": 0.1},
        {"seat": 0, "kind": "accept", "rule": "", "why": "", "trade": None, "reason": "", "offered": 0.25}]


# -- no legal move ---------------------------------------------------------------------------------------------------
def test_an_invalid_move_is_told_why_and_asked_for_again() -> None:
    task = game()
    t = played(task, ["hello", *tagged(task, [price(55)])], [tagged(task, [price(55), games.accept])[1]])
    assert t.outcome.answer == "deal: X for 55 ZUP" and kinds(t) == ["invalid", "offer", "accept"]
    assert [turn.prompt for turn in t.turns] == ["answer", "again", "answer"]
    system, first, hello, again = t.turns[1].messages
    assert (hello.role, hello.content) == ("assistant", "hello") and first == t.turns[0].messages[1]
    assert again.content.startswith("That was no legal move: The message has no <player answer>.")
    assert system == t.turns[0].messages[0]


def test_the_second_in_a_row_forfeits() -> None:
    task = game()
    t = played(task, tagged(task, [price(55)]), ["hm", "<player answer> MAYBE </player answer>"])
    assert t.outcome.answer == "forfeit by the buyer" and kinds(t) == ["offer", "invalid", "forfeit"]
    assert t.reward.value == 0 and t.reward.turns == {0: 0, 1: 0, 2: 0}


@pytest.mark.parametrize("broken", [
    Completion("<player answer> ACCEPT </player answer>", "length"), Completion("no", "refusal"),
    Completion("", "tool_call")])
def test_a_reply_that_is_no_whole_text_is_an_invalid_move_whatever_it_holds(broken: Completion) -> None:
    task = game()
    said = tagged(task, [price(55), games.accept])
    t = played(task, said[:1], [broken, said[1]])
    assert t.outcome.answer == "deal: X for 55 ZUP" and kinds(t) == ["offer", None, "accept"]
    assert scores.CUT_OFF in t.turns[2].messages[-1].content and "ZUP: 55" in t.turns[2].messages[-1].content
    assert [e.kind for e in replayed(task, t).events] == ["offer", "invalid", "accept"]
    t = played(task, said[:1], [broken, broken])
    assert t.outcome.answer == "forfeit by the buyer" and t.reward.turns == {0: 0, 1: 0, 2: 0}


def test_a_lost_call_ends_the_episode_and_is_nobody_s_forfeit() -> None:
    task = game()
    said = tagged(task, [price(55)])

    async def lost(model, messages, sampling, place):
        if "BLUE, the buyer: you" not in messages[0].content:
            return Completion(said[0])
        raise Stopped(Stop.LOST, "gone") if len(lost.seen) else lost.seen.append(1) or Stopped(Stop.TRUNCATED, "long")

    lost.seen = []
    voices = Voices({"*": ScriptedModel([])})
    t = asyncio.run(play(teams.get(task.source), task, voices, PATH, lost))
    assert (t.outcome.answer, t.outcome.stop, t.outcome.why) == (None, Stop.LOST, "gone")
    assert [turn.finish for turn in t.turns] == ["stop", "truncated", "lost"]
    judged = right(task, t)
    assert (judged.value, judged.why) == (0.0, "lost: gone") and replayed(task, t).ended == ""


# -- the embedded language -------------------------------------------------------------------------------------------
def test_the_embedded_model_gets_one_compact_prompt_and_its_own_aim() -> None:
    t = played(game(), ["aim 5 8 : offer 7 0", "aim 5 1 : offer 5 5"], ["aim 4 2 : offer 4 4", "aim 5 : accept"],
               "pocket")
    assert t.outcome.answer == "deal: X for 55 ZUP" and t.reward.value == 0.75
    assert [turn.messages[0].content for turn in t.turns] == [
        "@seller cost 4 0 | aim none | none | left 1 0 4 =>",
        "@buyer worth 6 0 | aim none | they 7 0 less 1 0 | left 9 4 =>",
        "@seller cost 4 0 | aim 5 8 | they 4 4 more 4 : you 7 0 | left 8 3 =>",
        "@buyer worth 6 0 | aim 4 2 | they 5 5 more 5 : you 4 4 : they 7 0 | left 7 3 =>"]
    assert [turn.value["reason"] for turn in t.turns] == ["58", "42", "51", "5"]
    assert {turn.public.partition("ZUP: ")[0] for turn in t.turns[:3]} == {
        "<other player message>  </other player message>\n<other player answer> PROPOSAL </other player answer>\n"
        "<other player proposed trade> Player RED Gives X: 1 | Player BLUE Gives "}


def test_an_unreadable_reply_in_the_embedded_language_is_asked_for_again() -> None:
    t = played(game(), ["offer 5 5", "aim 5 5 : offer 5 5"], ["aim 5 : wait", "aim 5 : wait"], "pocket")
    assert t.outcome.answer == "forfeit by the buyer" and kinds(t) == ["invalid", "offer", "invalid", "forfeit"]
    assert t.turns[1].messages[0].content == "@seller cost 4 0 | aim none | none | left 1 0 4 no =>"
    assert t.turns[0].value["why"] == "A reply is: aim, a number, a colon, then offer, accept, reject or wait."
    assert [e.why for e in replayed(game(), t).events] == [turn.value["why"] for turn in t.turns]


def test_players_of_both_languages_can_meet() -> None:
    task = game()
    said = tagged(task, [price(58), price(45)])[1]
    voices = Voices({"seller": ScriptedModel(["aim 6 0 : offer 6 0", "aim 5 : accept"], dialect="pocket"),
                     "buyer/base": ScriptedModel([said])})
    t = asyncio.run(play(teams.get(task.source), task, voices, PATH))
    assert t.outcome.answer == "deal: X for 45 ZUP" == scores.ended(replayed(task, t))
    assert "Player BLUE Gives ZUP: 60" in t.turns[1].messages[1].content


# -- privacy ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("learner", [0, 1, None])
def test_nothing_private_ever_reaches_the_other_seat_in_words(learner: int | None) -> None:
    task = game(learner=learner, opponent="base" if learner is not None else "latest", cost=41, value=67, money=93)
    setting = negotiation.setting_of(task)
    moves = [price(72), price(35), price(58), games.accept]
    said = [games.write(setting, i % 2, move, i, message=f"open {i}", reason=f"THOUGHT-{i % 2}")
            for i, move in enumerate(moves)]
    t = played(task, [said[0], "JUNK-0 <reason> THOUGHT-0 </reason>", said[2]],
               [Completion("CUT-1 <reason> THOUGHT-1", "length"), said[1], "JUNK-1 <message> x </message>", said[3]])
    assert t.outcome.answer == "deal: X for 58 ZUP" and len(t.turns) == 7
    seller, buyer = asked(t, "seller"), asked(t, "buyer")
    for hidden in ("THOUGHT-1", "JUNK-1", "CUT-1", "67", "93"):
        assert hidden not in seller and (hidden == "CUT-1" or hidden in asked(t, "buyer")), hidden
    for hidden in ("THOUGHT-0", "JUNK-0", "41"):
        assert hidden not in buyer and hidden in seller, hidden
    assert "open 0" in buyer and "open 1" in seller and all("THOUGHT" not in turn.public for turn in t.turns)


@pytest.mark.parametrize("learner", [0, 1])
def test_nothing_private_ever_reaches_the_other_seat_in_the_embedded_language(learner: int) -> None:
    task = game(learner=learner, cost=41, value=67, money=93)
    t = played(task, ["aim 8 6 : offer 7 2", "aim 9 : aim", "aim 8 7 : offer 5 5"],
               ["aim 1 6 : offer 2 2", "aim 1 7 : accept"], "pocket")
    assert t.outcome.answer == "deal: X for 55 ZUP"
    seller, buyer = asked(t, "seller"), asked(t, "buyer")
    assert "aim 8 6" in seller and "cost 4 1" in seller and "aim 1 6" in buyer and "worth 6 7" in buyer
    assert not [hidden for hidden in ("8 6", "8 7", "4 1", "aim 9") if hidden in buyer]
    assert not [hidden for hidden in ("1 6", "1 7", "6 7", "9 3") if hidden in seller]
    assert not [turn for turn in t.turns if turn.value["reason"] and f"{turn.value['reason']} " in turn.public]


# -- opponents and replays -------------------------------------------------------------------------------------------
def test_a_pool_is_drawn_from_by_task_and_try_and_a_replay_keeps_its_opponent() -> None:
    task = game(opponent="pool")
    said = tagged(task, [price(55), games.reject])

    def voices(rounds: int) -> Voices:
        talk = ScriptedModel(lambda messages, sampling: said["BLUE, the buyer: you" in messages[0].content])
        return Voices({"*": talk, "buyer/base": talk, **{f"buyer/r{n}": talk for n in range(rounds)}})

    def seat(attempt: int, rounds: int = 3) -> str | None:
        return asyncio.run(play(teams.get(task.source), task, voices(rounds), replace(PATH, attempt=attempt))
                           ).turns[1].seat

    met = [seat(attempt) for attempt in range(12)]
    assert set(met) == {"r0", "r1", "r2"} and met == [seat(attempt) for attempt in range(12)]
    assert {seat(0, 0), seat(1, 0)} == {"base"}
    first = asyncio.run(play(teams.get(task.source), task, voices(1), PATH))
    later = [asyncio.run(replay(first, teams.get(task.source), task, voices(9), fresh_from=0, draw=d)) for d in (1, 2)]
    assert [t.turns[1].seat for t in (first, *later)] == ["r0"] * 3
    assert [turn.rival for turn in first.turns] == [False, True]


def test_a_replay_with_another_move_keeps_what_came_before_and_asks_afresh_after_it() -> None:
    task = game()
    t = talked(task, price(58), price(45), price(52), games.reject)
    said = tagged(task, [price(58), price(45), price(47), games.accept])
    voices = Voices({"buyer": ScriptedModel([said[3]]), "seller": ScriptedModel([])})
    again = asyncio.run(replay(t, teams.get(task.source), task, voices, edits={2: said[2]}))
    assert [turn.origin for turn in again.turns] == ["given", "given", "edited", "sampled"]
    assert again.outcome.answer == "deal: X for 47 ZUP" and right(task, again).value == 0.35
