"""Players that learn: who earns which example, whole runs of all three games, resumed, asked about, exported."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from endpoint import FakeEndpoint
from hagglers import TINY, HagglingMachine, haggled
from scripted_games import PATH, game, played, price, swap, tagged, talked

from sirius_core import asking, credit, export, games, inquiries, jobs, provenance, recipes, review
from sirius_core.errors import UsageError, WaitingForReview
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.improve import Run, improve
from sirius_core.models.pocket import Engine
from sirius_core.settings import Settings, preset
from sirius_core.store import Store
from sirius_core.tasks import negotiation
from sirius_core.training import Library, everything
from sirius_core.trajectories import Trajectory

CLOCK = ("seconds", "phases", "usage")


def learned(*found: Trajectory, threshold: float = 0.5, **changes: Any) -> list[list[int]]:
    """The turns of each trajectory that self-play learns from."""
    settings = Settings().changed({"recipe": "self_play", "source": "sell_and_buy", **changes})
    tried = tuple(replace(t, path=replace(PATH, attempt=i)) for i, t in enumerate(found))
    chosen = recipes.get(settings).select(Library(tried, threshold=threshold), 7, Random(0))
    assert all(not e.said.rival and e.source == "direct" and e.weight == 1 for e in chosen)
    return [[e.turn for e in chosen if e.trajectory is t] for t in tried]


# -- credit ----------------------------------------------------------------------------------------------------------
def test_who_earned_more_than_half_learns_its_own_messages_once() -> None:
    deal = [price(58), price(45), price(52), games.accept]  # 12 of 20 for the seller
    assert learned(talked(game(learner=0), *deal), talked(game(learner=1), *deal)) == [[0, 2], []]
    assert learned(talked(game(learner=1), *deal), threshold=0.3) == [[1, 3]]
    assert learned(talked(game(learner=None, opponent="latest"), *deal)) == [[0, 2]]
    assert learned(talked(game(learner=None, opponent="latest"), price(50), games.accept)) == [[]]


def test_a_text_that_was_no_move_is_never_learned_from() -> None:
    task = game()
    said = tagged(task, [price(55), games.accept])
    assert learned(played(task, ["hm", said[0]], ["what", said[1]])) == [[1]]


def test_who_refuses_a_loss_learns_the_refusal_whatever_the_game_came_to() -> None:
    lost = talked(game(learner=1), price(70), price(40), price(66), games.reject)  # no deal: 0 for both
    assert learned(lost) == [[1, 3]] and learned(lost, refusals=False) == [[]]
    fair = talked(game(learner=1), price(60), price(40), price(55), games.reject)  # nothing here would have been a loss
    assert learned(fair) == [[]]
    waited = talked(game("resource_exchange", 1), swap(2, 5), games.wait, swap(2, 4), games.reject)
    assert learned(waited, source="resource_exchange") == [[1, 3]]


def test_nobody_learns_from_a_game_in_which_it_signed_a_loss() -> None:
    signed = talked(game(learner=1), price(70), price(50), price(63), games.accept)
    assert signed.reward.turns[1] == -0.15 and learned(signed, threshold=0.0) == [[]]
    both = talked(game(learner=None, opponent="latest"), price(70), price(50), price(63), games.accept)
    assert learned(both) == [[0, 2]]  # the seller's price was good for it
    given = talked(game("resource_exchange", 0), swap(9, 2), games.accept)
    assert given.reward.value < 0.5 and learned(given, threshold=0.0, source="resource_exchange") == [[]]


def test_even_a_placebo_never_learns_what_the_opponent_said() -> None:
    t = talked(game(learner=1), price(58), price(45), price(52), games.accept)
    assert [e.turn for e in everything(Library((t,)), 1, Random(0))] == [1, 3]
    for recipe in ("placebo", "keep_all"):
        made = recipes.get(Settings().changed({"recipe": recipe, "source": "sell_and_buy"}))
        assert {e.turn for e in made.select(Library((t,)), 4, Random(0))} == {1, 3}


# -- whole runs ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("games") / "lab.db"
    with Store(path) as store:
        haggled(store, rounds=2, problems=16)
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[Store]:
    with Store(Path(shutil.copy(made, tmp_path / "lab.db"))) as opened:
        yield opened


def told(store: Store, experiment: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k not in CLOCK} for r in store.experiments.reports(experiment)]


def test_the_report_of_a_round_of_games(store: Store) -> None:
    e = store.experiments.all()[0]
    base, first, last = told(store, e.id)
    assert (base["n"], base["library"], base["lucky"], base["new_wordings_accuracy"]) == (8, {}, None, None)
    assert base["withheld_forms_accuracy"] is not None and base["stops"] == {} and last["controls"] == {}
    for report in (base, last):
        assert {role: found["n"] for role, found in report["roles"].items()} == {"seller": 4, "buyer": 4}
        assert sum(found["correct"] for found in report["roles"].values()) == report["correct"]
    assert set(first["library"]) == {"seller", "buyer"} == set(first["models"]) - {"*"}
    assert first["validation"]["n"] == 8 and first["updates"] == {"accepted": 2, "rejected": 0}
    assert all(rebuilt.equal for r in (1, 2) for rebuilt in provenance.rebuild(store, e.id, r))
    assert store.check() == []
    spoke = {(turn.role, turn.seat, turn.model) for t in store.episodes.find(e.id, round=2, phase="propose")
             for turn in t.turns}
    assert spoke == {(role, seat, first["models"]["*" if seat else role])
                     for role in ("seller", "buyer") for seat in ("base", None)}


@pytest.mark.parametrize("source, opponent", [("ultimatum", "latest"), ("resource_exchange", "pool")])
def test_every_game_is_learned_against_every_opponent(tmp_path: Path, source: str, opponent: str) -> None:
    with Store(tmp_path / "lab.db") as store:
        e = haggled(store, source, opponent=opponent, rounds=2)
        seats = [Counter(turn.seat for t in store.episodes.find(e.id, round=r, phase="propose") for turn in t.turns)
                 for r in (1, 2)]
        expected = [{None}, {None}] if opponent == "latest" else [{None, "r0"}, {None, "r0", "r1"}]
        assert [set(found) for found in seats] == expected
        tests = store.episodes.find(e.id, round=2, phase="evaluate:heldout:sampled")
        assert {turn.seat for t in tests for turn in t.turns} == {None, "base"}
        assert all(rebuilt.equal for rebuilt in provenance.rebuild(store, e.id, 2)) and store.check() == []


@pytest.mark.parametrize("stop", ["1:propose", "1:train", "2:validate"])
def test_a_run_that_was_stopped_anywhere_ends_as_one_that_was_not(stop: str, tmp_path: Path, store: Store) -> None:
    whole = store.experiments.all()[0]

    def progress(round: int, phase: str, done: int, total: int) -> None:
        if f"{round}:{phase}" == stop and not gone and (done or phase == "train"):
            gone.append(1)
            raise InterruptedError

    gone: list[int] = []
    with Store(tmp_path / "again.db") as other:
        e = other.experiments.create("again", whole.settings, whole.seed)
        with pytest.raises(InterruptedError):
            improve(Run(other, e, HagglingMachine(), progress))
    with Store(tmp_path / "again.db") as other:
        improve(Run(other, e, HagglingMachine(), progress))
        assert told(other, e.id) == told(store, whole.id)


def test_the_real_embedded_model_plays_and_learns_the_same_by_any_number_of_workers(tmp_path: Path) -> None:
    changes = {**TINY, "problems": 8, "heldout": 4, "validation": 4, "withheld_forms": 0, "source": "ultimatum",
               "gate": False, "batch": 16, "epochs": 1}
    found = []
    for name, workers in (("alone", 0), ("two", 2)):
        with Store(tmp_path / f"{name}.db") as store:
            e = jobs.create(store, "tiny", preset("tiny", changes), 1)
        machine = PocketMachine(Engine(workers), "trader")
        try:
            jobs.run(tmp_path / f"{name}.db", e.id, machine=machine)
        finally:
            machine.close()
        with Store(tmp_path / f"{name}.db") as store:
            found.append(told(store, e.id))
            said = [turn.text for t in store.episodes.find(e.id, round=1, phase="propose") for turn in t.turns]
            assert sum(text.startswith("aim ") for text in said) > 0.9 * len(said)
    assert found[0] == found[1] and found[0][1]["training_sets"]


# -- asked about, reviewed, exported ---------------------------------------------------------------------------------
def lost_game(store: Store, experiment: str) -> Trajectory:
    """A training game that was not won, with an offer of the learner's in it."""
    return next(t for t in store.episodes.find(experiment, round=2, phase="propose") if not t.right
                and any(not x.rival and x.value and x.value["kind"] == "offer" for x in t.turns))


def test_what_if_a_player_had_asked_for_more(store: Store) -> None:
    e = store.experiments.all()[0]
    t = lost_game(store, e.id)
    turn = next(i for i, x in enumerate(t.turns) if not x.rival and x.value["kind"] == "offer")
    asked = inquiries.ask(store, t.id, turn=turn, text="aim 5 1 : offer 5 1", k=8)
    answer = inquiries.carry_out(store.path, asked, machine=HagglingMachine())
    assert answer.status == "done" and answer.result["edited"][1] == 8
    again = store.episodes.find(e.id, parent=t.id)
    assert {x.turns[turn].text for x in again if x.edits} == {"aim 5 1 : offer 5 1"}
    assert {y.seat for x in again for y in x.turns} == {y.seat for y in t.turns}  # nobody else sat down
    blamed = inquiries.carry_out(store.path, inquiries.ask(store, t.id, "blame", k=2), machine=HagglingMachine())
    assert len(blamed.result["values"]) == len(t.turns) and store.check() == []


def test_whoever_asks_or_credits_a_player_sets_it_against_the_untrained_one(store: Store) -> None:
    e = store.experiments.all()[0]
    now, base = (store.weights.models(e.id, r)[0] for r in (2, 0))
    task = asking.heldout(store, e)[0]
    (t,) = asking.ask(store, e, task, 2, machine=HagglingMachine())
    assert {(x.role, x.seat, x.model) for x in t.turns} == {
        ("seller", None, now["seller"]), ("buyer", "base", base["*"])}
    with pytest.raises(UsageError, match="a game is not written"):
        asking.written(store, e, "sell me this pen")
    found = credit.credit(Run(store, e, HagglingMachine()), problems=4)
    assert set(found["teams"]) == {"base", "seller", "buyer", "seller+buyer"}


def test_a_better_move_that_a_person_sent_enters_by_a_decision(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        e = store.experiments.create("games", preset("tiny", {**TINY, "source": "sell_and_buy", "review": True}), 0)

        run = Run(store, e, HagglingMachine())
        run.close(0, run.models(), {})
        run.propose(1, run.models())
        t, sent = send(store, e.id)
        with pytest.raises(WaitingForReview, match="1 repairs of round 1 wait"):
            improve(Run(store, e, HagglingMachine()))
        review.decide(store, sent, "accept", "Ann")
        improve(Run(store, e, HagglingMachine()))
        (line,) = [x for s in store.weights.training_sets(e.id, 1) for x in store.weights.examples_of(s["id"])
                   if x[0] == t.id and x[1] == next(iter(t.edits))]
        assert provenance.back(store, *line).decision.author == "Ann"
        assert all(rebuilt.equal for rebuilt in provenance.rebuild(store, e.id, 1)) and store.check() == []


def send(store: Store, experiment: str) -> tuple[Trajectory, str]:
    """A branch of a game that was not won, in which the learner's last word was another one, and won: sent."""
    for t in store.episodes.find(experiment, round=1, phase="propose"):
        mine = [i for i, x in enumerate(t.turns) if not x.rival and x.value["kind"] == "offer"]
        for turn in mine if not t.right else []:
            text = f"aim 5 : offer {'5 4' if t.turns[turn].role == 'seller' else '4 6'}"
            asked = inquiries.ask(store, t.id, turn=turn, text=text, k=8)
            inquiries.carry_out(store.path, asked, machine=HagglingMachine())
            for branch in store.episodes.find(experiment, parent=t.id):
                if branch.edits and branch.right:
                    return branch, review.send(store, branch.id, "Ann", "ask for more")
    raise AssertionError("no edit won")


def test_a_game_against_a_person_is_learned_from_if_the_person_says_so(store: Store) -> None:
    e = store.experiments.all()[0]
    for learn in (False, True):
        task = game(learner=None, opponent="latest", split="human", cost=41 + learn)
        t = talked(task, price(58), price(45), price(56), games.accept)
        t = replace(t, path=replace(PATH, experiment=e.id, round=2, phase="human", task=task.id))
        store.human_games.add(task, t, "Ann", 1, learn)
    jobs.change(store, e.id, {"rounds": 3})
    improve(Run(store, store.experiments.get(e.id), HagglingMachine()))
    sets = store.weights.training_sets(e.id, 3)
    (seller,) = [s for s in sets if s["model"] == "seller"]
    assert [turn for trajectory, turn in store.weights.examples_of(seller["id"]) if trajectory == t.id] == [0, 2]
    talks = {x for s in sets for x, _ in store.weights.examples_of(s["id"])}
    assert sum(store.episodes.get(x).path.phase == "human" for x in talks) == 1
    store.human_games.add(task, replace(t, path=replace(t.path, attempt=1)), "Bob", 1, True)  # too late for round 3
    assert all(rebuilt.equal for r in (1, 2, 3) for rebuilt in provenance.rebuild(store, e.id, r))


def reply(messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
    """A chat model that haggles: a seller comes down from 58 by 2, a buyer takes what is below 55."""
    mine = [m["content"] for m in messages if m["role"] == "assistant"]
    seat, heard = int("You are Player BLUE" in messages[0]["content"]), messages[-1]["content"]
    setting = games.setting("sell_and_buy")
    if seat and any(f"ZUP: {n} " in heard for n in range(55)):
        return games.write(setting, 1, games.accept, 2 * len(mine) + 1, "fine", "cheap enough")
    ask = 47 + len(mine) if seat else 58 - 2 * len(mine)
    return games.write(setting, seat, price(ask), 2 * len(mine) + seat, f"what about {ask}", f"my thought {ask}")


def test_an_endpoint_plays_learns_by_examples_and_its_seats_are_exported(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with FakeEndpoint(reply) as server:
        changes = {**TINY, "base": "misled", "source": "sell_and_buy", "model": "fake", "base_url": server.base_url,
                   "problems": 4, "heldout": 4, "validation": 2, "withheld_forms": 0, "max_solutions": 1, "spread": 0}
        with Store(path) as store:
            e = jobs.create(store, "chat", preset("tiny", changes), 0)
        jobs.run(path, e.id)
    with Store(path) as store:
        plays = store.episodes.find(e.id, round=1, phase="propose")
        assert {t.outcome.answer for t in plays} == {"deal: X for 54 ZUP"}
        assert store.experiments.reports(e.id)[1]["library"] == {"seller": 6}
        (file,) = export.folder(store, e.id, 1, tmp_path / "out")
        lines = [json.loads(line) for line in file.path.read_text().splitlines()]
        assert (file.model, len(lines)) == ("seller", 6)
        longest = max(lines, key=lambda line: len(line["messages"]))["messages"]
        assert [(m["role"], m.get("weight")) for m in longest] == [
            ("system", None), ("user", None), ("assistant", 0), ("user", None), ("assistant", 0), ("user", None),
            ("assistant", None)]
        assert "my thought 54" in longest[-1]["content"] and "my thought 47" not in json.dumps(longest)
        assert "what about 47" in longest[3]["content"] and store.check() == []
        assert negotiation.setting_of(store.episodes.task(plays[0].task)).messages == 10
