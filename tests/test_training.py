"""Credit, selection by frequency, placebo, exact counts, JSONL."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sirius_core.prompts import Message
from sirius_core.training import Example, Library, at_random, by_frequency, cut, per_model, to_jsonl
from sirius_core.trajectories import Outcome, Reward, SeedPath, Trajectory, Turn


def episode(task: str, text: str, right: bool = True, attempt: int = 0, origins=("sampled", "sampled"), parent=None):
    turns = tuple(
        Turn(role, "answer", None, (Message("user", f"{role} {task}"),), {}, f"{role} {text}", role, origin=origin)
        for role, origin in zip(("a", "b"), origins, strict=True))
    return Trajectory(SeedPath("e", 0, 1, "propose", task, attempt), "team", turns, Outcome("x"), parent,
                      reward=Reward(float(right)))


def test_a_repair_earns_for_the_edited_turn_and_those_after_but_not_for_what_was_given_back():
    repaired = episode("t", "new", origins=("given", "edited"), parent="p")
    library = Library((episode("t", "old"), repaired))
    earned = [(e.trajectory.parent, e.said.role, e.source) for t in library.tried for e in library.credited(t)]
    assert earned == [(None, "a", "direct"), (None, "b", "direct"), ("p", "b", "repaired")]
    assert Library((repaired,), frozenset([repaired.id])).source(repaired) == "edited"


def test_replies_are_drawn_as_often_as_they_were_produced():
    tried = [episode("t", "common", attempt=i) for i in range(19)] + [episode("t", "lucky", attempt=19)]
    drawn = by_frequency(Library(tuple(tried)), 4000, Random(0))
    share = Counter(e.said.text for e in drawn if e.said.role == "a")["a lucky"] / 4000
    assert len(drawn) == 8000 and 0.035 < share < 0.065


def test_only_solved_problems_count_and_the_placebo_ignores_success():
    tried = tuple(episode(f"t{i}", "x", right=i % 3 == 0, attempt=k) for i in range(9) for k in range(3))
    kept = by_frequency(Library(tried), 2, Random(0))
    assert Counter(e.said.role for e in kept) == {"a": 6, "b": 6} and all(e.trajectory.right for e in kept)
    placebo = at_random(Library(tried), 2, Random(0))
    assert Counter(e.said.role for e in placebo) == {"a": 18, "b": 18}
    assert {e.trajectory.right for e in placebo} == {True, False}


@given(st.integers(1, 30), st.one_of(st.none(), st.integers(1, 60)))
def test_cut_gives_exactly_as_many_as_asked_and_loses_none_when_there_are_too_few(have, count):
    examples = [Example(episode(f"t{i}", "x"), 0) for i in range(have)]
    found = cut(examples, count, Random(1))
    assert len(found) == (have if count is None else count)
    assert (count is not None and count < have) or set(map(id, examples)) <= set(map(id, found))


def test_models_are_named_by_the_rule_and_lines_are_openai_chat():
    examples = by_frequency(Library((episode("t", "x"),)), 1, Random(0))
    assert list(per_model(examples, lambda turn: turn.role)) == ["a", "b"]
    assert list(per_model(examples, lambda turn: "*")) == ["*"]
    (line,) = to_jsonl(examples[:1])
    said = [{"role": "user", "content": "a t"}, {"role": "assistant", "content": "a x"}]
    assert json.loads(line) == {"messages": said}


def test_contents_are_of_prompt_and_reply_alone():
    one, two = episode("t", "x"), episode("t", "x", attempt=3)
    slow = replace(two, turns=tuple(replace(t, ms=9.0, tokens_out=3, seed=5) for t in two.turns))
    assert one.id != slow.id and one.content == slow.content and Example(one, 0).content == Example(slow, 0).content
