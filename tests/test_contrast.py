"""What a contrast's runs ended with, whether they may be compared, and what each of them spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from actors import ActingMachine
from campaigning import Players, small

from sirius_core import campaign, frames
from sirius_core.contrast.results import (
    Answers,
    differing_tests,
    fairness,
    final,
    per_round,
    refusal,
    results,
    run_spent,
    spent,
    starved,
)
from sirius_core.errors import Missing, UsageError
from sirius_core.improve import Run, improve
from sirius_core.store import Store
from sirius_core.store.browse import Browse

SAMPLED = "evaluate:heldout:sampled"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory):
    """(store, contrast) of three arms and two seeds; before the last round only 6 of 10 problems are asked."""
    plan = small({"again": {"critic": "none"}, "critic": {}, "still": {"rounds": 0}}, settings={"interim": 6})
    path = tmp_path_factory.mktemp("contrast") / "lab.db"
    with Store(path) as store:
        contrast = campaign.create(store, plan)
        campaign.carry_on(path, contrast, machine=Players(plan))
        yield store, contrast


def test_answers_are_a_mapping_of_one_byte_each() -> None:
    tasks = ("a", "b", "c")
    answers = Answers(tasks, {"a": 0, "b": 1, "c": 2}, {"c": 1, "a": 0})
    assert answers == {"a": 0, "c": 1} and list(answers) == ["a", "c"] and len(answers) == 2
    assert answers["c"] == 1 and "b" not in answers and answers.get("b") is None and answers.get("z") is None
    assert repr(answers) == "Answers(1 of 2 right)"


def test_results_are_the_answers_of_every_closed_round_in_the_order_of_the_plan(played) -> None:
    store, contrast = played
    found, browse = results(store, contrast), Browse(store.db)
    assert {arm: {seed: {r: len(a) for r, a in closed.items()} for seed, closed in by_seed.items()}
            for arm, by_seed in found.items()} == {
        "again": {0: {0: 6, 1: 10}, 1: {0: 6, 1: 10}}, "critic": {0: {0: 6, 1: 10}, 1: {0: 6, 1: 10}},
        "still": {0: {0: 10}, 1: {0: 10}}}
    for e in store.experiments.of_contrast(contrast):
        for round, answers in found[e.arm][e.seed].items():
            assert dict(answers) == browse.right(e.id, round, SAMPLED)
            assert list(answers) == list(store.experiments.splits(e.id)["heldout"][: len(answers)])
            assert sum(answers.values()) == store.experiments.reports(e.id)[round]["correct"]
    greedy = results(store, contrast, mode="greedy")["again"][0][1]
    assert sum(greedy.values()) == store.experiments.reports(
        store.experiments.of_contrast(contrast)[0].id)[1]["tests"]["heldout"]["greedy"]["correct"]
    assert results(store, contrast, test="new_wordings") == {"again": {}, "critic": {}, "still": {}}
    with pytest.raises(UsageError, match="there is no test 'held' 'sampled'"):
        results(store, contrast, test="held")
    assert refusal(found) == ""
    assert {arm: {s: len(a) for s, a in ends.items()} for arm, ends in final(found).items()} == {
        arm: {0: 10, 1: 10} for arm in ("again", "critic", "still")}


def test_other_problems_are_refused_in_one_sentence() -> None:
    same, other = {"a": 1, "b": 0, "c": 1}, {"b": 1, "c": 0, "d": 1, "e": 1}
    found = {"one": {0: {0: same}}, "late": {}, "two": {0: {0: same}, 7: {0: other}}, "three": {0: {0: same, 1: other}}}
    assert refusal(found) == (
        "'one' and 'three' cannot be compared: with seed 0 they were asked 3 and 4 held-out problems, and 3 of those "
        "only one of them was asked; a difference could come from the problems. Give all arms the same source, data "
        "and heldout")
    assert refusal({"one": {}, "two": {}}) == "" and refusal({"one": found["one"], "two": found["two"]}) == ""
    assert refusal({"one": {0: {0: same}, 1: {0: other}}, "two": {0: {0: same}, 1: {0: other}}}) == ""


@pytest.mark.parametrize("changes, name", [({"heldout": 20}, "heldout"), ({"data": "x.csv"}, "data"),
                                           ({"source": "arithmetic"}, "source"), ({"problems": 20}, "")])
def test_a_plan_whose_arms_would_be_tested_on_other_problems_is_known_before(changes: dict, name: str) -> None:
    said = differing_tests(small({"a": {}, "b": changes}))
    assert (f"({name}=" in said) if name else said == ""


@pytest.mark.parametrize("equal, first, second, names", [
    ("calls", {"critic": "none"}, {}, "second"), ("tokens", {"recipe": "placebo"}, {}, "second"),
    ("calls", {"recipe": "star"}, {"recipe": "star_rationalised"}, "second"),
    ("calls", {"recipe": "actor_critic", "critic": "none"}, {"recipe": "actor_critic"}, "second"),
    ("calls", {"critic": "none"}, {"max_solutions": 1}, ""), ("calls", {"recipe": "star"}, {}, ""),
    ("calls", {}, {"critic": "none"}, ""), ("examples", {"critic": "none"}, {}, ""), ("", {"critic": "none"}, {}, "")])
def test_an_arm_that_could_not_pay_for_its_repairs_is_known_before(equal: str, first: dict, second: dict,
                                                                   names: str) -> None:
    said = starved(small({"first": first, "second": second}, equal=equal))
    assert said == (f"equal={equal}: the tries of arm 'second' would take all that 'first' takes, which mends nothing, "
                    "and leave none for its own repairs; let 'second' be the first arm, which sets the measure"
                    if names else "")


def test_what_a_run_spent_is_summed_over_its_rounds_and_kept(played) -> None:
    store, contrast = played
    rows = {(row["arm"], row["seed"]): row for row in spent(store, contrast)}
    for e in store.experiments.of_contrast(contrast):
        row = rows[e.arm, e.seed]
        learnt = [t for phase in ("propose", "repair")
                  for t in store.episodes.find(e.id, round=1, phase=phase)]
        turns = [u for t in learnt for u in t.turns if u.origin == "sampled"]
        answers = store.episodes.find(e.id, round=e.settings.rounds, phase=SAMPLED)
        assert row["calls"] == len(turns) and row["tokens"] == sum(u.tokens_in + u.tokens_out for u in turns)
        assert row["answer_calls"] == sum(len(t.turns) for t in answers) / 10
        assert row["answer_tokens"] == sum(u.tokens_in + u.tokens_out for t in answers for u in t.turns) / 10
        sets, updates = store.weights.training_sets(e.id), store.weights.updates(e.id)
        assert row["examples"] == (round(sum(s["n"] for s in sets) / len(sets)) if sets else 0)
        assert row["steps"] == (round(sum(u.steps for u in updates) / len(updates)) if updates else 0)
        assert row["models"] == len({u.model for u in updates})
        kept = store.experiments.measurement(e.id, "spent")
        assert kept["by_round"] == per_round(store, e.id, e.settings.rounds)
        assert run_spent(store, e) == row
    assert rows["critic", 0]["calls"] > rows["again", 0]["calls"] > rows["still", 0]["calls"] == 0


def test_fairness_says_what_was_equal_and_what_was_not() -> None:
    def row(arm: str, **more: float) -> dict:
        return {"arm": arm, "seed": 0, "calls": 1000, "tokens": 40000, "examples": 300, "steps": 10, "models": 3,
                "answer_calls": 3.0, "answer_tokens": 120.0, **more}

    plan = small({"a": {}, "b": {}}, equal="calls")
    free = small({"a": {}, "b": {}})
    assert fairness(plan, [row("a"), row("b", calls=1010, tokens=50000)]) == [
        "Held equal in learning: calls (1,000 to 1,010), examples (300), steps (10).",
        "Not equal in learning: tokens (a 40,000; b 50,000).",
        "Equal in answering: calls an answer (3), tokens an answer (120)."]
    assert fairness(plan, [row("a"), row("b", calls=900, steps=12)])[1:3] == [
        "To be held equal, but not so in the end: calls (a 1,000; b 900).",
        "Not equal in learning: steps (a 10; b 12)."]
    assert fairness(free, [row("a"), row("a", calls=2000), row("b", calls=1500, answer_calls=1.5)]) == [
        "Equal in learning, though not held so: calls (1,500), tokens (40,000), examples (300), steps (10).",
        "Equal in answering: tokens an answer (120).", "Not equal in answering: calls an answer (a 3; b 1.5)."]
    assert fairness(free, [row("a"), row("b", models=1), row("c", models=0)])[1] == (
        "Not equal: models that learn, each from so many examples in so many steps (a 3; b 1).")
    idle = {"calls": 0, "tokens": 0, "examples": 0, "steps": 0, "models": 0}
    assert fairness(free, [row("a", **idle), row("b", **idle)]) == [
        "No arm learned.", "Equal in answering: calls an answer (3), tokens an answer (120)."]
    three = small({"a": {}, "b": {}, "c": {}}, equal="calls")
    assert fairness(three, [row("a"), row("b"), row("c", **idle)])[:2] == [
        "Only playing, without learning: c.",
        "Held equal in learning: calls (1,000), tokens (40,000), examples (300), steps (10)."]
    assert fairness(free, [row("a")]) == [] == fairness(free, [])


def test_the_older_first_look_is_none_of_these_contrasts(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        store.experiments.add_contrast("first-look", "Which?")
        new = store.contrasts.add("mine", "Which?", small().as_dict())
        assert (new, [c.id for c in store.contrasts.all()]) == ("contrast-2", ["contrast-2"])
        for missing in ("contrast-1", "contrast-9"):
            with pytest.raises(Missing, match=f"no contrast '{missing}'"):
                store.contrasts.get(missing)


def test_the_verdict_of_the_most_seeds_counts_and_can_be_said_again(tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        contrast = store.contrasts.add("mine", "Which?", small().as_dict())
        assert store.contrasts.verdict(contrast) is None
        for seeds, sentence in ((2, "first"), (5, "second"), (2, "late"), (5, "again")):
            store.contrasts.add_verdict(contrast, seeds, {"sentence": sentence}, json.dumps({"data": []}))
        said = store.contrasts.verdict(contrast)
        assert said is not None and said.pop("created_at")
        assert said == {"sentence": "again", "seeds": 5, "figure": '{"data": []}'}


def test_a_round_that_is_not_closed_counts_nowhere(tmp_path: Path) -> None:
    plan = small(seeds=1)
    with Store(tmp_path / "lab.db") as store:
        contrast = campaign.create(store, plan)
        e = store.experiments.create("small: critic", plan.settings_of(plan.arms[1]), 0, contrast=contrast,
                                     arm="critic")

        def progress(round: int, phase: str, done: int, total: int) -> None:
            if (round, phase) == (1, "train"):
                raise InterruptedError

        with pytest.raises(InterruptedError):
            improve(Run(store, e, ActingMachine(e), progress))
        found = results(store, contrast)
        assert list(found) == ["again", "critic"] and found["again"] == {} and list(found["critic"][0]) == [0]
        [row] = spent(store, contrast)
        assert row["calls"] == row["steps"] == 0 and store.experiments.measurement(e.id, "spent") is None


def test_notebooks_list_contrasts_and_their_pairs(played) -> None:
    store, contrast = played
    with frames.open(store.path) as lab:
        [row] = lab.contrasts().to_dict("records")
        said = store.contrasts.verdict(contrast)
        assert said is not None and row.pop("created_at")
        assert row == {"contrast": contrast, "name": "small", "question": "", "arms": 3, "seeds": 2, "equal": "",
                       "status": "done", "done": 6, "total": 6, "sentence": said["sentence"]}
        assert sorted(lab.pairs(contrast)["seed"]) == [0, 0, 0, 1, 1, 1]
        runs = lab.contrast("runs", contrast)
        assert [(r.arm, r.seed, r.round, r.n) for r in runs.itertuples()][:4] == [
            ("again", 0, 0, 6), ("again", 0, 1, 10), ("critic", 0, 0, 6), ("critic", 0, 1, 10)]
