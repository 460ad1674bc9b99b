"""Measures beside accuracy, on trajectories made by hand: every number worked out, nothing undefined ever raises."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from actors import act
from debating import debated, script, sized
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import figures, jobs
from sirius_core.finetune.pocket import PocketMachine
from sirius_core.measures import NAMES, again, balance, distance, likelihood, panel, revision, rows, sittings, value
from sirius_core.models.pocket import Engine
from sirius_core.prompts import Message
from sirius_core.rewards import agreement, right
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.trajectories import Outcome, Reward, SeedPath, Stop, Task, Trajectory, Turn

# A debate is written as its rounds, each the numbers that its agents say; 0 stands for "I do not know".
TASKS = {f"t{i}": Task(f"t{i}", "arithmetic", "heldout", f"question {i}", "42", "number") for i in range(40)}


def turn(role: str, seat: str, text: str, tokens: int = 5) -> Turn:
    return Turn(role, "answer", seat, (), {}, text, f"{role}{seat}", tokens_in=tokens, tokens_out=1, public=text)


def text(number: int) -> str:
    return f"I think so. Answer: {number}" if number else "I do not know."


def debate(task: str, *said: tuple[int, ...], answer: int | None = 42, stop: Stop | None = None) -> Trajectory:
    turns = [turn("generator" if m == 0 else "critic", str(seat), text(number))
             for m, each in enumerate(said) for seat, number in enumerate(each, 1)]
    path = SeedPath("e", 0, 0, "evaluate:heldout:sampled", task)
    made = Trajectory(path, "debate", tuple(turns), Outcome(None if stop else text(answer or 0), stop))
    return replace(made, reward=right(TASKS[task], made))


def found(*debates: Trajectory) -> list[sittings.Sitting]:
    return sittings.read(debates, TASKS)


TWO = found(debate("t0", (42, 41, 41), (42, 42, 41)), debate("t1", (42, 40, 0), (40, 40, 42), answer=40))


def numbers(made: list[rows.Row], measure: str) -> dict[str, tuple[float | None, int]]:
    return {r["where"]: (r["value"], r["n"]) for r in made if r["measure"] == measure}


def test_a_panel_round_by_round():
    made = panel.measure(TWO)
    one, two = "debate round 1", "debate round 2"
    # first votes: 41 (wrong), 42 (a tie, the lowest seat's); last: 42, 40
    assert numbers(made, "vote") == {one: (0.5, 2), two: (0.5, 2)}
    assert numbers(made, "agent_mean") == {one: (2 / 6, 6), two: (3 / 6, 6)}
    assert numbers(made, "agent") == {
        f"{one}, agent 1": (1.0, 2), f"{one}, agent 2": (0.0, 2), f"{one}, agent 3": (0.0, 2),
        f"{two}, agent 1": (0.5, 2), f"{two}, agent 2": (0.5, 2), f"{two}, agent 3": (0.5, 2)}
    assert numbers(made, "pass_at_n") == {one: (1.0, 2), two: (1.0, 2)}
    assert numbers(made, "pass_minus_vote") == {one: (0.5, 2), two: (0.5, 2)}
    assert numbers(made, "consensus") == {one: (3 / 6, 6), two: (4 / 6, 6)}
    assert numbers(made, "distinct") == {one: (2.0, 2), two: (2.0, 2)}
    assert numbers(made, "unparsed") == {one: (1 / 6, 6), two: (0.0, 6)}
    assert numbers(made, "tokens") == {one: (18.0, 2), two: (36.0, 2)}
    assert numbers(made, "team") == {}  # it answers what the vote says
    (last,) = [r for r in made if r["measure"] == "last_minus_first"]
    assert (last["value"], last["n"], last["p"]) == (0.0, 2, 1.0)  # one gained, one lost


def test_equal_answers_agree_however_they_are_written():
    made = debate("t0", (42, 42))
    other = replace(made, turns=(made.turns[0], turn("generator", "2", "So the answer is 42.0")))
    assert numbers(panel.measure(found(other)), "consensus") == {"all tries": (1.0, 2)}
    assert numbers(panel.measure(found(other)), "distinct") == {"all tries": (1.0, 1)}


def test_an_episode_that_stopped_stays_in_every_count():
    made = panel.measure(found(debate("t0", (42, 42), (42, 42)), debate("t1", (42, 42), stop=Stop.TRUNCATED)))
    assert numbers(made, "vote") == {"debate round 1": (1.0, 2), "debate round 2": (0.5, 2)}
    assert numbers(made, "unparsed")["debate round 2"] == (0.5, 4)


def test_a_team_that_chooses_otherwise_is_set_against_the_plain_vote():
    made = panel.measure(found(debate("t0", (42, 41, 41)), debate("t1", (42, 42, 42))))
    assert numbers(made, "vote") == {"all tries": (0.5, 2)} and numbers(made, "team") == {"all tries": (1.0, 2)}
    (row,) = [r for r in made if r["measure"] == "team_minus_vote"]
    assert (row["value"], row["n"], row["p"]) == (0.5, 2, 1.0)


def test_a_weighted_vote_is_set_against_the_plain_one_as_the_team_counts_it():
    """Agent 1 is steady and counts 1, the two others, who changed their minds, a half each: level, as in round 1, where
    the lowest seat decides."""
    said = script(["42", "7", "8"], ["42", "41", "41"])
    made = replace(debated(said, TASKS["t0"], sized(said, vote="weighted")), path=SeedPath("e", 0, 0, "p", "t0"))
    made = replace(made, reward=right(TASKS["t0"], made))
    shown = panel.measure(found(made))
    assert numbers(shown, "vote") == {"debate round 1": (1.0, 1), "debate round 2": (0.0, 1)}
    assert numbers(shown, "team") == {"debate round 2": (1.0, 1)}
    assert numbers(shown, "team_minus_vote") == {"debate round 2": (1.0, 1)}
    assert numbers(shown, "last_minus_first") == {"debate round 2 - debate round 1": (0.0, 1)}


def test_one_agent_is_no_panel():
    assert found(debate("t0", (42,), (41,))) == [] == panel.measure([]) == revision.measure([]) == distance.measure([])


def test_tries_of_one_agent_are_a_panel_of_one_round():
    turns = tuple(turn("solver", str(seat), text(n)) for seat, n in enumerate((42, 42, 7), 1))
    made = Trajectory(SeedPath("e", 0, 0, "p", "t0"), "vote", turns, Outcome(text(42)), reward=Reward(1.0))
    assert numbers(panel.measure(found(made)), "vote") == {"all tries": (1.0, 1)}
    assert revision.measure(found(made)) == []


def test_revising_keeps_and_mends():
    one, two = debate("t0", (42, 42, 41), (42, 41, 42)), debate("t1", (41, 41, 42), (41, 42, 42))
    made = {r["measure"]: (r["value"], r["n"]) for r in revision.measure(found(one, two))}
    assert made == {"acc1": (0.5, 6), "cl": (2 / 3, 3), "cs": (2 / 3, 3), "acc2": (4 / 6, 6),
                    "rss": (pytest.approx((4 / 6 - 0.25) / 0.5), 6)}
    assert {r["where"] for r in revision.measure(found(one))} == {"debate round 1 to 2"}


@pytest.mark.parametrize("first, undefined", [((42, 42), {"cs", "rss"}), ((41, 41), {"cl", "rss"})])
def test_what_is_not_defined_is_none_and_no_crash(first, undefined):
    made = revision.measure(found(debate("t0", first, (42, 41))))
    assert {r["measure"] for r in made if r["value"] is None} == undefined
    assert all(r["low"] is None and r["high"] is None for r in made if r["value"] is None)


def test_distance_of_those_who_agree():
    assert distance.distance(distance.grams("a b"), distance.grams("a b")) == 0.0
    assert distance.distance(distance.grams("a b"), distance.grams("c d")) == 1.0
    # a, b, a b against a, c, a c: one of three sequences in common
    assert distance.distance(distance.grams("a b"), distance.grams("A c")) == pytest.approx(2 / 3)
    assert distance.distance(distance.grams(""), distance.grams("")) == 0.0
    assert distance.distance(distance.grams(""), distance.grams("a")) == 1.0
    (row,) = distance.measure(found(debate("t0", (42, 42, 41)), debate("t1", (42, 42, 42))))
    assert (row["value"], row["n"]) == (0.0, 4)  # one pair, three pairs; who disagrees takes no part
    (row,) = distance.measure(found(debate("t0", (42, 41, 0))))
    assert (row["value"], row["n"]) == (None, 0)


def test_the_balance_score_of_b_star():
    assert balance.score(2, 4, 8) == 0.125 and balance.score(9, 9, 8) == 1.0 and balance.score(0, 0, 8) == 0.0
    told = [("a", 1, 1), ("a", 1, 1), ("b", 1, 1), ("b", 0, 1), ("c", 0, 0), ("c", 1, 0)]
    tries = [balance.Try(task, bool(good), bool(kept)) for task, good, kept in told]
    made = balance.measure(tries, 2, {"a": "a", "b": "b", "c": "c"})
    assert {r["measure"]: (r["value"], r["n"]) for r in made} == {
        "solved": (1.0, 3), "kept_right": (0.75, 4), "balance": (pytest.approx((1 + 0.25 + 0) / 3), 3)}


def test_more_tries_than_wanted_give_pass_at_k():
    tries = [balance.Try("a", right, right) for right in (True, False, False, False)]
    made = balance.measure([*tries, balance.Try("b", False, False), balance.Try("b", False, False)], 2,
                           {"a": "a", "b": "b"})
    (row,) = [r for r in made if r["measure"] == "pass_at_k"]
    assert (row["value"], row["n"], row["where"]) == (0.25, 2, "training tries, k = 2")


def test_labels_against_the_truth():
    made = panel.labels([("t0", "42", 1), ("t0", "41", 1), ("t1", "42.0", 2), ("t1", None, 5)], TASKS, "examples")
    assert (made["value"], made["n"]) == (0.75, 4)
    assert panel.labels([("t0", None, 1)], TASKS, "examples")["value"] is None
    trusted = agreement(TASKS["t0"], debate("t0", (42, 41, 41), (42, 42, 41)))
    assert panel.labels([("t0", trusted.read, 1)], TASKS, "tries")["value"] == 1.0


def test_rows_are_json_and_say_what_they_are():
    made = panel.measure(TWO) + revision.measure(TWO) + distance.measure(TWO)
    json.dumps(made, allow_nan=False)
    assert {r["measure"] for r in made} <= set(NAMES)
    assert value(made, "vote")["where"] == "debate round 2" and value(made, "nothing") is None
    assert value(made, "vote", "debate round 1")["value"] == 0.5


ANSWERS = st.sampled_from([42, 41, 0])


@given(st.integers(2, 4).flatmap(lambda n: st.lists(
    st.lists(st.tuples(*[ANSWERS] * n), min_size=1, max_size=3), min_size=1, max_size=4)), st.data())
def test_measures_stay_in_their_ranges_and_never_raise(debates, data):
    stops = [data.draw(st.sampled_from([None, Stop.TRUNCATED])) for _ in debates]
    read = found(*(debate(f"t{i}", *said, answer=said[-1][0], stop=stop)
                   for i, (said, stop) in enumerate(zip(debates, stops, strict=True))))
    agents = len(debates[0][0])
    made = panel.measure(read) + revision.measure(read) + distance.measure(read)
    json.dumps(made, allow_nan=False)
    ranges = {"distinct": (0, agents), "tokens": (0, math.inf), "rss": (-math.inf, math.inf),
              **dict.fromkeys(("last_minus_first", "pass_minus_vote", "team_minus_vote"), (-1, 1))}
    for r in made:
        low, high = ranges.get(r["measure"], (0, 1))
        assert r["n"] >= 0 and (r["value"] is None or low - 1e-9 <= r["value"] <= high + 1e-9), r
        if r["low"] is not None:
            assert r["low"] <= r["value"] <= r["high"], r
    told = {r["measure"]: r["value"] for r in revision.measure(read)[-5:]}
    if told and None not in (told["cl"], told["cs"]):
        assert told["acc2"] == pytest.approx(told["acc1"] * told["cl"] + (1 - told["acc1"]) * told["cs"])


# -- as language models: real checkpoints of the embedded model --------------------------------------------------------
ASKED = ("@solo {} =>", "x * y : 3 4 * 5 | 3 4 * 5 = 1 7 0 ; = 1 7 0 | 1 7 0 N")


@pytest.fixture(scope="module")
def blobs() -> dict[str, bytes]:
    """The shipped base, and the same with one array a little louder."""
    from sirius_core.pocket import checkpoint, pretraining

    blob = pretraining.base("misled")
    weights, manifest = checkpoint.load(blob)
    louder = {**weights, "head": weights["head"] * 1.2}
    return {"base": blob, "tuned": checkpoint.dump(louder, {k: v for k, v in manifest.items() if k != "shape"})}


def spoken(*models: str) -> list[sittings.Sitting]:
    """A panel of one round whose agents all say `ASKED`, each by its own checkpoint."""
    turns = tuple(replace(turn("generator", str(i), ASKED[1]), model=model,
                          messages=(Message("user", ASKED[0].format("3 4 , 5")),))
                  for i, model in enumerate(models, 1))
    task = Task("p", "formulas", "heldout", "q", "1 7 0 N", "quantity")
    made = Trajectory(SeedPath("e", 0, 0, "p", "p"), "debate", turns, Outcome("1 7 0 N"), reward=Reward(1.0))
    return sittings.read([made], {"p": task})


def test_one_model_is_no_distance_from_itself_and_nll_is_its_score(blobs):
    from sirius_core.pocket import checkpoint, sampling
    from sirius_core.pocket.vocabulary import STOP, encode

    made = {r["measure"]: r for r in likelihood.measure(spoken("base", "base"), blobs.__getitem__, "tuned")}
    weights, manifest = checkpoint.load(blobs["base"])
    prompt, reply = encode(ASKED[0].format("3 4 , 5")), (*encode(ASKED[1]), STOP)
    (scored,) = sampling.score(weights, checkpoint.shape_of(manifest), [(*prompt, *reply)], [len(prompt)])
    assert made["nll"]["value"] == pytest.approx(-scored.mean(), abs=1e-4)
    assert made["kl_between"]["value"] == 0.0 < made["kl_from_base"]["value"]
    assert likelihood.measure(spoken("base", "base"), blobs.__getitem__, "base") == []  # tries of one untrained model
    assert (made["nll"]["n"], made["kl_from_base"]["n"]) == (2, 2)


def test_divergences_of_two_models_by_hand(blobs):
    one, two = (np.log(np.array([p])) for p in ([[0.5, 0.5]], [[0.25, 0.75]]))
    assert likelihood.divergence(one[0], two[0]) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert likelihood.surprise(two[0], [1]) == pytest.approx(-math.log(0.75))
    made = {r["measure"]: r["value"] for r in likelihood.measure(spoken("base", "tuned"), blobs.__getitem__, "base")}
    alone = {r["measure"]: r["value"] for r in likelihood.measure(spoken("tuned", "tuned"), blobs.__getitem__, "base")}
    assert made["kl_between"] > 0 and 0 < made["kl_from_base"] == pytest.approx(alone["kl_from_base"] / 2, abs=1e-5)
    assert alone["kl_between"] == 0


def test_models_that_show_no_probabilities_have_no_rows(blobs):
    assert likelihood.measure(spoken("base", "note"), {**blobs, "note": b'{"level": 0}'}.__getitem__, "base") == []
    assert likelihood.measure([], blobs.__getitem__, "base") == []


# -- in a run ----------------------------------------------------------------------------------------------------------
def test_a_chain_has_balance_alone_and_the_check_reckons_it_again(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        e = act(store, problems=20, heldout=16, rounds=1)
        base, first = (report["measures"] for report in store.experiments.reports(e.id))
        assert base == [] and [r["measure"] for r in first] == ["solved", "kept_right", "balance"]
        tried = store.episodes.find(e.id, round=1, phase="propose")
        by_task = [[t.right for t in tried if t.task == task] for task in sorted({t.task for t in tried})]
        wanted = e.settings.max_solutions
        assert value(first, "solved")["value"] == pytest.approx(sum(map(any, by_task)) / 20)
        assert value(first, "kept_right")["value"] == 1.0
        assert value(first, "balance")["value"] == pytest.approx(sum(sum(found) / wanted for found in by_task) / 20)
        assert store.check(figures.for_round, measure=again(store)) == []
        wrong = [{**first[0], "value": 0.987}, *first[1:]]
        body = json.dumps({**store.experiments.reports(e.id)[1], "measures": wrong})
        with store.write():
            store.db.run("UPDATE report SET body = ? WHERE experiment = ? AND round = 1", body, e.id)
        (line,) = store.check(measure=again(store))
        assert line.startswith(f"report of round 1 ({e.id}): measures solved (training tries) value is 0.987, derived ")


def test_a_placebo_keeps_what_is_wrong(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        e = act(store, recipe="placebo", problems=20, heldout=16, rounds=1)
        made = store.experiments.reports(e.id)[1]["measures"]
        tried = store.episodes.find(e.id, round=1, phase="propose")
        assert value(made, "kept_right")["n"] == len(tried)
        assert value(made, "kept_right")["value"] == pytest.approx(sum(t.right for t in tried) / len(tried))


@pytest.mark.parametrize(("recipe", "measure"), [("vote", "vote"), ("best_of_k", "team")])
def test_what_the_team_answers_is_the_reports_accuracy(tmp_path, recipe, measure):
    with Store(tmp_path / "lab.db") as store:
        e = act(store, recipe=recipe, samples=5, rounds=0, heldout=24, critic="blind")
        (report,) = store.experiments.reports(e.id)
        made = report["measures"]
        assert value(made, measure)["value"] == report["accuracy"] and value(made, measure)["where"] == "all tries"
        assert (value(made, "team") is None) is (recipe == "vote")
        assert value(made, "agent_mean")["n"] == 5 * 24 and value(made, "cl") is None


def test_debaters_of_the_embedded_model_show_their_probabilities(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        changes = {"recipe": "multiagent_finetuning", "base": "panel", "rounds": 0, "problems": 4, "heldout": 6}
        e = jobs.create(store, "tiny", preset("tiny", changes), 0)
    jobs.run(tmp_path / "lab.db", e.id, machine=PocketMachine(Engine(0), "panel"))
    with Store(tmp_path / "lab.db") as store:
        (report,) = store.experiments.reports(e.id)
        assert store.check(figures.for_round, measure=again(store)) == []
    made = report["measures"]
    assert value(made, "vote")["value"] == report["accuracy"]
    assert [r["where"] for r in made if r["measure"] == "nll"] == ["debate round 1", "debate round 2"]
    assert all(r["value"] > 0 and r["n"] == 36 for r in made if r["measure"] == "nll")  # 6 ordered pairs, 6 problems
    assert {r["value"] for r in made if r["measure"].startswith("kl_")} == {0.0}  # nobody has learned yet
    drawn = json.loads(figures.for_round([report])["likelihood"])["data"]
    assert [t["name"] for t in drawn] == [f"{name}, {who}" for who in ("generators", "critics") for name in (
        "surprise at each other", "between agents", "from the base")]


def test_the_handbook_names_every_measure():
    page = (Path(__file__).parents[1] / "docs" / "measures.md").read_text("utf-8")
    assert set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in page.splitlines()
                                              if line.startswith("| `")))) | {"tokens"} == set(NAMES)
