"""Learning by demonstrations: what is shown for a request, checkpoints in words, and a run that gains by them."""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from actors import ActingMachine, Actor
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import CheckpointError, UsageError
from sirius_core.finetune import TuneJob
from sirius_core.finetune.demos import DemoTuner, best
from sirius_core.finetune.spoken import Spoken, wrap
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, Sampling, ScriptedModel
from sirius_core.models.in_context import Demo, InContext, frame, tokens, words
from sirius_core.pocket.notation import fill, parse_plan
from sirius_core.pocket.transformer import Shape
from sirius_core.prompts import Message
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.training import Example
from sirius_core.trajectories import Outcome, SeedPath, Trajectory, Turn, digest


def user(text: str) -> Message:
    return Message("user", text)


def said(text: str) -> Message:
    return Message("assistant", text)


def demo(ask: str, reply: str, **more: Any) -> Demo:
    return Demo((user(ask),), reply, **more)


def model(demos: Any = (), dialect: str = "chat", **more: Any) -> InContext:
    return InContext(ScriptedModel(lambda messages, sampling: "fine", dialect=dialect), "it", demos, **more)


SYSTEM = Message("system", "Solve it.")
FRUIT = [demo("How many apples are in two boxes?", "Answer: 12"), demo("How heavy is the red stone?", "Answer: 3 kg"),
         demo("How many pears are in two boxes of apples?", "Answer: 7"), demo("Which way is the wind?", "Answer: N")]


def test_the_nearest_demonstrations_stand_before_the_request_the_nearest_last() -> None:
    request = [SYSTEM, user("How many apples are in nine boxes?")]
    assert model(FRUIT, count=2).sees(request) == (
        SYSTEM,
        user("How many pears are in two boxes of apples?"), said("Answer: 7"),
        user("How many apples are in two boxes?"), said("Answer: 12"),
        user("How many apples are in nine boxes?"))


def test_what_is_sent_is_what_is_seen() -> None:
    inner = ScriptedModel(["fine"])
    shown = InContext(inner, "it", FRUIT)
    request = (user("How many apples are in nine boxes?"),)
    assert asyncio.run(shown.complete(request, Sampling(seed=5))) == Completion("fine")
    assert inner.calls == [(shown.sees(request), Sampling(seed=5))]
    assert (shown.name, shown.dialect, shown.lockstep) == ("it", "chat", False)


def test_demonstrations_stand_before_a_conversation() -> None:
    talk = [SYSTEM, user("How many apples are in nine boxes?"), said("Answer: 4"), user("Think again.")]
    assert model(FRUIT[:1]).sees(talk) == (SYSTEM, *FRUIT[0].messages, *talk[1:])


def test_a_request_is_never_shown_its_own_question() -> None:
    stone = demo("Solve: How Heavy is  the stone?", "3", question="How Heavy is  the stone?")
    one, two = demo("Add.\n\n1 + 1", "2"), demo("Add.\n\n2 + 2", "4")
    shown = model([stone, one, two]).shown
    assert set(shown([user("Solve, with care: how heavy is the stone ?  The physicist says: light.")])) == {one, two}
    assert shown([user("add. 1 + 1")]) == (stone, two)
    assert shown([user("How heavy is the stones?")])[-1] == stone  # words, not letters


def test_demonstrations_are_shown_to_requests_of_their_own_kind() -> None:
    solver, checker = [SYSTEM, user("a b")], [Message("system", "Check it."), user("a b")]
    shown = model([demo("a c", "solved", frame=frame(solver)), demo("a d", "checked", frame=frame(checker)),
                   demo("a e", "any")]).shown
    assert {d.reply for d in shown(solver)} == {"any", "solved"}
    assert {d.reply for d in shown(checker)} == {"any", "checked"}
    assert {d.reply for d in shown([user("a b")])} == {"any"}


def test_on_the_pocket_model_tags_tell_kinds_apart() -> None:
    plan = demo("@analyst a ball =>", "x * y : 1 * 2", frame=frame([user("@analyst a ball =>")]))
    shown = model([plan], "pocket", budget=80)
    assert shown.sees([user("@analyst a stone =>")]) == (*plan.messages, user("@analyst a stone =>"))
    for other in ("@calculator 1 * 2 =>", "@analyst a stone @fb divide =>"):
        assert shown.sees([user(other)]) == (user(other),)


def test_instructions_in_new_words() -> None:
    shown = model(system={"Solve it.": "Solve {{it}} step by step.", "": "Be brief."})
    assert shown.sees([SYSTEM, user("x")]) == (Message("system", "Solve {{it}} step by step."), user("x"))
    assert shown.sees([user("x")]) == (Message("system", "Be brief."), user("x"))
    other = (Message("system", "Solve it!"), user("x"))
    assert shown.sees(other) == other


def test_tokens_are_counted_by_dialect() -> None:
    assert tokens("x * y : 3 4 * 5", "pocket") == 8
    assert [tokens(text, "chat") for text in ("", "a", "seven t", "eight ch")] == [0, 1, 2, 3]


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"demonstrations are chosen by similar or random, not 'best'"):
        model(choice="best")


# -- choice and budget -----------------------------------------------------------------------------------------------
text = st.lists(st.sampled_from(["a", "b", "c", "d", "1", "2", "?", "stone"]), min_size=1, max_size=8).map(" ".join)
demos = st.lists(st.builds(demo, text, text), max_size=12, unique_by=lambda d: d.key)
choices = st.sampled_from(("similar", "random"))


@given(demos, text, choices, st.integers(0, 30), st.integers(0, 6), st.sampled_from(("chat", "pocket")))
def test_whole_demonstrations_within_the_budget(found: list[Demo], asked: str, choice: str, budget: int, count: int,
                                                dialect: str) -> None:
    taught = model(found, dialect, choice=choice, budget=budget, count=count)
    request = (user(asked),)
    shown = taught.shown(request)
    assert taught.sees(request) == (*(m for d in shown for m in d.messages), *request)
    assert len(shown) == len({d.key for d in shown}) <= count and set(shown) <= set(found)
    assert sum(tokens(m.content, dialect) for d in shown for m in d.messages) <= budget
    assert all(words(d.ask[-1].content) != words(asked) for d in shown)
    if len(shown) < count:  # nothing more would have fitted
        left = budget - sum(tokens(m.content, dialect) for d in shown for m in d.messages)
        assert all(sum(tokens(m.content, dialect) for m in d.messages) > left for d in found
                   if d not in shown and words(d.ask[-1].content) != words(asked))


@given(st.lists(st.builds(demo, text, text), min_size=1, max_size=12), st.integers(1, 170))
def test_on_the_pocket_model_request_and_reply_have_room(found: list[Demo], length: int) -> None:
    request = [user(" ".join(["ball"] * length))]
    seen = model(found * 12, "pocket", budget=10_000, count=64).sees(request)
    longest = max(tokens(d.reply, "pocket") for d in found)
    assert sum(tokens(m.content, "pocket") for m in seen) + longest + 2 <= max(Shape(1).context, length + longest + 2)


@given(demos, text, choices, st.integers(0, 3), st.randoms())
def test_the_choice_depends_on_nothing_but_the_request(found: list[Demo], asked: str, choice: str, seed: int,
                                                       dice: Any) -> None:
    mixed = dice.sample(found, len(found))
    one, other = model(found, choice=choice, seed=seed), model(mixed, choice=choice, seed=seed)
    other.sees([user("another request before")])
    assert one.sees([user(asked)]) == other.sees([user(asked)])


@given(demos, text)
def test_similar_is_the_cosine_of_tf_idf(found: list[Demo], asked: str) -> None:
    bags = [Counter(words(d.ask[-1].content)) for d in found]
    spread = Counter(w for bag in bags for w in bag)

    def vector(bag: Counter[str]) -> dict[str, float]:
        weight = {w: math.log((1 + len(found)) / (1 + spread[w])) for w in bag if spread[w]}
        return {w: (1 + math.log(bag[w])) * x for w, x in weight.items()}

    def near(d: Demo) -> float:
        one, two = vector(Counter(words(d.ask[-1].content))), vector(Counter(words(asked)))
        size = math.hypot(*one.values()) or 1.0
        return round(sum(x * two.get(w, 0.0) for w, x in one.items()) / size, 6)

    shown = model(found, count=3).shown([user(asked)])
    others = [d for d in found if words(d.ask[-1].content) != words(asked)]
    assert [near(d) for d in reversed(shown)] == sorted(map(near, others), reverse=True)[:3]


def test_random_differs_by_request_and_by_seed() -> None:
    many = [demo(f"question {i}", str(i)) for i in range(100)]
    seen = {(seed, q): tuple(d.reply for d in model(many, choice="random", seed=seed).shown([user(q)]))
            for seed in range(3) for q in ("one", "two", "three")}
    assert len(set(seen.values())) == 9


# -- checkpoints in words --------------------------------------------------------------------------------------------
anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
spoken = st.builds(
    Spoken, st.dictionaries(anything, anything, min_size=1, max_size=2),
    st.lists(st.builds(Demo, st.lists(st.builds(Message, anything, anything), min_size=1, max_size=2).map(tuple),
                       anything, anything, anything, anything), max_size=3).map(tuple),
    st.dictionaries(anything, anything, max_size=2), st.sampled_from(("similar", "random")), st.integers(0, 9**9),
    st.integers(0, 64), st.integers(0, 2**60))


@given(spoken)
def test_a_checkpoint_in_words_is_read_as_it_was_written(one: Spoken) -> None:
    assert Spoken.parse(one.blob()) == one
    assert Spoken.parse(one.blob()).blob() == one.blob()


names = st.sampled_from(("kind", "over", "demos", "system", "count", "ask", "reply"))
values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                      lambda inner: st.lists(inner) | st.dictionaries(names, inner))


@given(st.binary(max_size=40) | values.map(
    lambda value: json.dumps({**value, "kind": "spoken"} if isinstance(value, dict) else value).encode()))
def test_a_damaged_checkpoint_is_said_and_nothing_else(blob: bytes) -> None:
    try:
        assert isinstance(Spoken.parse(blob).blob(), bytes)
    except CheckpointError as error:
        assert "\n" not in str(error)


ONE = Spoken({"pocket": "misled"}, (demo("a", "b"),)).blob()


@pytest.mark.parametrize("blob, why", [
    (ONE[:-1], "a checkpoint in words cannot be read: Expecting ',' delimiter"),
    (b"[]", "its kind is not 'spoken'"),
    (b"[" * 100_000, "a checkpoint in words cannot be read: maximum recursion depth"),
    (b'{"kind": "spoken"}', "does not say over which model it stands"),
    (ONE.replace(b'"reply":"b"', b'"reply":1'), "a demonstration in a checkpoint has a damaged field 'reply'"),
    (ONE.replace(b',"reply":"b"', b''), "has no request or no reply"),
    (ONE.replace(b'"similar"', b'"best"'), "unknown choice, 'best'"),
    (ONE.replace(b'"budget"', b'"budgets"'), "a field 'budgets' that this version does not know"),
    (ONE.replace(b'"a"', b'"\\ud800"'), "cannot be read: 'utf-8' codec can't encode"),
])
def test_what_is_damaged_is_named(blob: bytes, why: str) -> None:
    with pytest.raises(CheckpointError) as error:
        Spoken.parse(blob)
    assert why in str(error.value)


def test_what_a_stored_turn_s_model_read_is_known_from_its_checkpoint() -> None:
    kept = Spoken({"pocket": "misled"}, (demo("@analyst a ball =>", "x * y : 1 * 2"),), budget=80)
    assert kept.sees([user("@analyst a stone =>")]) == (*kept.demos[0].messages, user("@analyst a stone =>"))


def test_shuffled_replies_stay_with_their_kind() -> None:
    kinds = {"p": "plan {}", "s": "sum {}"}
    found = tuple(demo(f"{k} {i}", kinds[k].format(i), frame=k) for k in kinds for i in range(5))
    mixed = Spoken({"pocket": "misled"}, found).shuffled(0)
    assert [d.ask for d in mixed.demos] == [d.ask for d in found]
    assert all(new.reply != old.reply and new.reply.split()[0] == old.reply.split()[0]
               for new, old in zip(mixed.demos, found, strict=True))
    assert Counter(d.reply for d in mixed.demos) == Counter(d.reply for d in found)
    assert mixed == Spoken({"pocket": "misled"}, found).shuffled(0) != Spoken({"pocket": "misled"}, found).shuffled(1)


# -- the tuner -------------------------------------------------------------------------------------------------------
def example(question: str, reply: str, number: int = 0, role: str = "solver", system: str = "Solve it.",
            weight: float = 1.0) -> Example:
    messages = (Message("system", system), user(f"Q: {question}"))
    turn = Turn(role, "answer", None, messages, {"question": question}, reply, digest(role, messages))
    path = SeedPath("e", 0, 1, "propose", "t", number)
    return Example(Trajectory(path, "team", (turn,), Outcome(reply)), 0, weight)


def shelf(examples: list[Example], most: int = 512, budget: int = 100) -> list[tuple[str, str]]:
    return sorted((d.question, d.reply) for d in best(examples, "chat", budget, most))


def test_examples_become_demonstrations() -> None:
    one = example("How far?", "Answer: 3", 7)
    kind = frame(one.said.messages)
    assert best([one, one], "chat", 100) == (
        Demo((user("Q: How far?"),), "Answer: 3", "How far?", kind, one.content),)


def test_every_question_has_its_most_frequent_reply_before_any_has_two() -> None:
    found = [example("a", "often", i) for i in range(3)] + [example("a", "rarely"), example("b", "once")]
    assert shelf(found) == [("a", "often"), ("a", "rarely"), ("b", "once")]
    assert shelf(found, most=2) == [("a", "often"), ("b", "once")]
    assert shelf(found, most=1) == [("a", "often")]
    assert shelf([*found, example("a", "rarely", weight=9.0)], most=2) == [("a", "rarely"), ("b", "once")]
    assert shelf(found[::-1], most=2) == shelf(found, most=2)


def test_what_is_too_long_or_says_nothing_is_left_out() -> None:
    assert shelf([example("a", "x" * 400), example("b", "  "), example("c", "fine")]) == [("c", "fine")]


def test_an_instruction_that_changes_with_the_task_names_no_kind() -> None:
    kept = best([example("a", "x", system="Solve a."), example("b", "y", system="Solve b."),
                 example("c", "z", role="checker")], "chat", 100)
    assert sorted((d.reply, bool(d.frame)) for d in kept) == [("x", False), ("y", False), ("z", True)]


def test_the_tuner_keeps_what_was_there_before_and_reports_no_losses() -> None:
    before = Spoken({"endpoint": "http://x", "model": "m"}, (demo("old", "one"),), {"Solve it.": "Solve it well."})
    heard: list[tuple[str, int, int, float]] = []
    job = TuneJob("solver", "hash", before.blob(), (example("a", "x"),), {}, 5)
    tuned = DemoTuner(2, "random", 50)([job], lambda *step: heard.append(step))
    after = Spoken.parse(tuned[0].blob)
    assert after == Spoken(before.over, best(job.examples, "chat", 50), before.system, "random", 50, 2, 5)
    assert (tuned[0].losses, tuned[0].steps, tuned[0].tokens) == ((), 0, 3)
    assert heard == [("solver", 1, 1, 0.0)]


# -- a run -----------------------------------------------------------------------------------------------------------
class Copier(Actor):
    """An analyst who copies the formula of the demonstration that stands last, and guesses without one."""

    lockstep = False
    shown: tuple[str, ...] = ()

    async def complete(self, messages: Any, sampling: Sampling) -> Completion:
        self.shown = tuple(m.content for m in messages if m.role == "assistant")
        return await super().complete(messages, sampling)

    def analyst(self, asked: str, hint: str, rng: Any, greedy: bool) -> str:
        problem = self.problems[asked]
        plan = parse_plan(self.shown[-1]) if self.shown else None
        formula = plan.formula if plan else rng.choice(["x * y", "x / y", "z - x * y", "x * y + z"])
        if problem.z is None and "z" in formula:
            formula = "x * y"
        return f"{formula} : {fill(formula, problem.x, problem.y, problem.z)}"


class CopyingMachine(ActingMachine):
    """Checkpoints in words over `Copier`; with ``shuffled`` each demonstration replies to another's request."""

    def __init__(self, experiment: Any, shuffled: bool) -> None:
        super().__init__(experiment)
        self._shuffled, self._tuner = shuffled, DemoTuner(4, "similar", 120)

    def base(self) -> bytes:
        return Spoken({"endpoint": "http://scripted", "model": "copier", "dialect": "pocket"}).blob()

    def model(self, name: str, blob: bytes) -> Any:
        return wrap(Copier("copier", 1, self._problems), name, Spoken.parse(blob))

    def tune(self, jobs: Any, on_step: Any) -> Any:
        tuned = self._tuner(jobs, on_step)
        return [replace(t, blob=Spoken.parse(t.blob).shuffled(1).blob()) for t in tuned] if self._shuffled else tuned

    def close(self) -> None:
        return None


def carry_out(path: Path, shuffled: bool) -> list[dict[str, Any]]:
    with Store(path) as store:
        changes = {"update": "demos", "rounds": 1, "problems": 120, "heldout": 150, "validation": 40, "new_wordings": 0,
                   "withheld_forms": 0, "controls": 0, "critic": "none", "train_roles": "analyst", "gate": False}
        experiment = store.experiments.create("tiny", preset("tiny", changes), 0)
        reports = improve(Run(store, experiment, CopyingMachine(experiment, shuffled)))
        for turn in (t.turns[0] for t in store.episodes.find(experiment.id, round=1, phase="evaluate:heldout:sampled")):
            assert len(turn.messages) == 1  # a turn keeps the request as the team made it
        update, = store.weights.updates(experiment.id)
        assert (update.model, update.losses, update.steps) == ("analyst", (), 0)
        if not shuffled:
            held = {d.content: d.reply for d in Spoken.parse(store.weights.get(update.after)).demos}
            rows = store.db.rows("SELECT trajectory, turn, content FROM example")
            found = store.episodes.many([row["trajectory"] for row in rows])
            assert held == {row["content"]: found[row["trajectory"]].turns[row["turn"]].text for row in rows}
            assert all(t.right for t in found.values())
            twin = store.experiments.create("twin", experiment.settings, 0)
            improve(Run(store, twin, CopyingMachine(twin, shuffled)))
            assert store.weights.updates(twin.id)[0].after == update.after
        return reports


def test_a_run_gains_on_held_out_problems_by_its_own_successes_and_not_by_shuffled_ones(tmp_path: Path) -> None:
    true, shuffled = carry_out(tmp_path / "true.db", False), carry_out(tmp_path / "shuffled.db", True)
    assert true[0]["correct"] == shuffled[0]["correct"] and true[0]["n"] == 150
    assert true[1]["accuracy"] > true[0]["accuracy"] + 0.3, (true[0]["accuracy"], true[1]["accuracy"])
    assert shuffled[1]["accuracy"] < shuffled[0]["accuracy"] + 0.1, (shuffled[0]["accuracy"], shuffled[1]["accuracy"])
