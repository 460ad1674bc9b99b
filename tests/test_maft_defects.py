"""The defects of the published code of Multiagent Finetuning (B1 to B13) and of multiagent debate (A.6): none is here.

The numbers are those of the audit; what each was is said in a line. B13 (packages that cannot be installed) is a matter
of pyproject.toml.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import replace
from random import Random

import pytest
from debating import PATH, POCKET, SUM, debated, script, sized, voices
from hypothesis import given
from hypothesis import strategies as st
from test_recipes import SMALL, debater, run  # noqa: F401

from sirius_core import export, recipes, rewards, tasks, votes
from sirius_core.calls import Limits
from sirius_core.episodes import play
from sirius_core.evaluate import accuracy
from sirius_core.finetune.samples import learning_examples
from sirius_core.imports.traces import trace
from sirius_core.models import Completion, Sampling, ScriptedModel, TryAgain, Voices
from sirius_core.pocket.vocabulary import STOP, STOP_WORD, decode, encode
from sirius_core.recipes.multiagent_finetuning import own_parts
from sirius_core.rollout import Records, Rollout, Work
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.teams import debate
from sirius_core.training import Example, Library, mixed, per_model, to_jsonl
from sirius_core.trajectories import Stop, Trajectory


def judged(*rounds: str, number: int = 0) -> Trajectory:
    """A debate of digits, ``judged("123", "133")``, with the vote as its label."""
    made = debated(script(*rounds))
    return replace(made, path=replace(PATH, task=f"t{number}"), reward=rewards.agreement(SUM, made))


def learned(library: Library, mix: float = 0.5) -> dict[str, list[str]]:
    """{model: the answers that it learns to give, sorted}."""
    chosen = own_parts(mix)(library, 2, Random(0))
    return {model: sorted(e.said.text.removeprefix("Answer: ") for e in found)
            for model, found in per_model(chosen, recipes.each_seat).items()}


CORRECTED, KEPT = ("122", "222"), ("222", "222")
FEW = {"problems": 6, "heldout": 4, "validation": 4, "new_wordings": 0, "withheld_forms": 0, "controls": 0}


def test_b1_the_whole_recipe_runs(run):  # noqa: F811
    """The first script crashed on its first call."""
    reports, _, _ = run("multiagent_finetuning", debater, rounds=1, **FEW)
    assert [r["round"] for r in reports] == [0, 1]


@pytest.mark.parametrize("source", ["formulas", "arithmetic"])
def test_b2_nothing_that_was_trained_on_is_tested_on(source):
    """The tuned society was tested on the very questions whose votes had trained it."""
    made = tasks.splits(source, SMALL.changed({"problems": 300, "heldout": 300, "validation": 100}), 3)
    learnt, tested = made["train"], [t for name in tasks.TESTS for t in made[name]]
    assert {t.id for t in learnt} & {t.id for t in tested} == set()
    assert {t.group for t in learnt} & {t.group for t in tested} == set() and len(learnt) == 300
    if source == "formulas":  # nor is an operand pair, in whatever wording
        pairs = [{tuple(t.data["pair"]) for t in part} for part in (learnt, tested, made["validation"])]
        assert all(not one & other for one, other in itertools.combinations(pairs, 2))


def test_b3_each_agent_learns_its_own_words_and_no_others():
    """Every generator's file held the examples of the last agent."""
    debates = tuple(judged(*rounds, number=i) for i, rounds in enumerate(
        [("123", "133"), ("311", "111"), ("222", "222"), ("121", "222")]))
    assert [t.reward.read for t in debates] == ["3", "1", "2", "2"]
    firsts = {"generator/1": ["2"], "generator/2": ["1", "2", "2"], "generator/3": ["1", "2", "3"]}
    assert learned(Library(debates), 1.0) == firsts | {"critic/1": ["1", "2"], "critic/2": ["3"], "critic/3": ["2"]}
    assert learned(Library(debates), 0.0) == firsts | {
        "critic/1": ["2"], "critic/2": ["1", "2", "2"], "critic/3": ["1", "2", "3"]}
    for example in own_parts(0.5)(Library(debates), 2, Random(0)):
        turn = example.said
        assert (turn.role, turn.seat) == tuple(recipes.each_seat(turn).split("/"))
        own = [m.content for m in turn.messages if m.role == "assistant"]
        first = next(t.text for t in example.trajectory.turns if (t.role, t.seat) == ("generator", turn.seat))
        assert own == ([] if turn.role == "generator" else [first])


def test_b4_answers_that_were_kept_right_are_used_and_have_the_same_form():
    """A misspelt key made every kept-correct example unreadable to the trainer."""
    kept, corrected = judged(*KEPT), judged(*CORRECTED, number=1)
    assert learned(Library((kept,)), mix=0.0)["critic/1"] == ["2"]
    lines = list(to_jsonl([Example(kept, 3), Example(corrected, 3)]))
    assert [line.count('"role": "assistant"') for line in lines] == [2, 2]
    assert [line.count('"messages"') for line in lines] == [1, 1]


def test_b5_more_corrected_than_kept_is_nothing_special():
    """An index into the wrong list crashed whenever an agent had more corrected than kept answers."""
    debates = [judged(*CORRECTED, number=i) for i in range(5)] + [judged(*KEPT, number=9)]
    assert len(learned(Library(tuple(debates)))["critic/1"]) == 2
    assert learned(Library(tuple(debates)), mix=1.0)["critic/1"] == ["2"] * 5


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]))
def test_b6_the_share_is_honoured_within_one_example_and_is_as_large_as_it_can_be(corrected, kept, w):
    """About two corrected came for each kept, whatever the supply, and there was no w at all."""
    one, other = ([Example(judged_once(name), i) for i in range(n)] for name, n in (("one", corrected),
                                                                                   ("other", kept)))
    found = mixed(one, other, w, Random(0))
    took = sum(e.trajectory.team == "one" for e in found)
    total = len(found)
    assert abs(took - w * total) <= 1 and took <= corrected and total - took <= kept
    assert len({(e.trajectory.team, e.turn) for e in found}) == total  # nothing twice
    bigger = total + 1
    assert bigger * w > corrected - 1e-6 or bigger * (1 - w) > kept - 1e-6
    if w == 0:
        assert (took, total) == (0, kept)
    if w == 1:
        assert (took, total) == (corrected, corrected)


def judged_once(name: str) -> Trajectory:
    return replace(BLANK, team=name)


BLANK = debated(script("1"))


def test_b7_the_loss_falls_on_the_last_turn_alone_never_on_a_wrong_first_one():
    """Critics were trained on all their turns, the wrong first answer among them."""
    wrong, right = "x / y : 8 / 4 | 0 8 / 4 2 0 8 0 = 2 | 2 m", "x * y : 8 * 4 | 8 4 3 2 + 0 3 2 = 3 2 | 3 2 m"
    said = {"generator/1": [wrong], "generator/2": [right], "generator/3": [right]} | {
        f"critic/{n}": [right] for n in "123"}
    made = debated(said, POCKET, dialect="pocket")
    made = replace(made, reward=rewards.agreement(POCKET, made))
    sets = per_model(own_parts(1.0)(Library((made,)), 2, Random(0)), recipes.each_seat)
    assert list(sets) == ["critic/1", "generator/2", "generator/3"]
    (example,) = learning_examples(sets["critic/1"])
    prompt = f"@solo {POCKET.question} @fb solo x / y = 2 m | x * y = 3 2 m ; x * y = 3 2 m =>"
    assert decode(example.tokens[: example.start]) == prompt
    assert list(example.tokens[example.start :]) == [*encode(right), STOP]  # all that is learned
    (first,) = learning_examples(sets["generator/2"])
    assert (decode(first.tokens[: first.start]), first.tokens[first.start :]) == (
        f"@solo {POCKET.question} =>", (*encode(right), STOP))
    assert STOP_WORD not in prompt


def test_b7_in_files_for_other_tools_earlier_turns_bear_no_loss_either(run, tmp_path):  # noqa: F811
    """The chat format learned every turn of the assistant."""
    _, store, experiment = run("multiagent_finetuning", debater, rounds=1, threshold=0.3, **FEW)
    for format in ("openai", "trl"):
        made = {f.model: [json.loads(line) for line in f.path.read_text().splitlines()]
                for f in export.folder(store, experiment, 1, tmp_path / format, format)}
        assert made["critic/1"] and made["generator/1"]
        for line in made["generator/1"]:
            assert list(line) == ["messages"] and not any("weight" in m for m in line["messages"])
        for line in made["critic/1"]:
            *prompt, reply = line["messages"] if format == "openai" else [*line["prompt"], *line["completion"]]
            assert [m["role"] for m in prompt] == ["system", "user", "assistant", "user"]
            assert [m.get("weight") for m in prompt] == [None, None, 0 if format == "openai" else None, None]
            assert list(reply) == ["role", "content"]
            assert trace(line).said[-1].text == reply["content"]  # the lab reads its own files again


@pytest.mark.parametrize("view", ["raw", "summary"])
def test_b8_nobody_reads_what_is_said_in_the_same_round(view):
    """Agents were updated in place, so that agent 3 read what 1 and 2 had said in the same round."""
    said = script("123", "456", "789") | {f"summarizer/{n}": ["s", "s"] for n in "123"}
    seen = set()
    for order in itertools.permutations("123"):
        made = debated(said, team=sized(said, view), order=order)
        read = made.turns if view == "raw" else [t for t in made.turns if t.role == "summarizer"]
        read = [t for t in read if t.role != "generator"]
        for turn, earlier in zip(read, ["123"] * 3 + ["456"] * 3, strict=True):
            others = [f"Agent {n}: Answer: {a}" for n, a in zip("123", earlier, strict=True) if n != turn.seat]
            assert "\n\n".join(others) in turn.messages[-1].content
            assert not any(f"Answer: {a}" in turn.messages[-1].content for a in "456789" if a not in earlier)
        seen.add(made.content)
    assert len(seen) == 1


@pytest.mark.parametrize(("agents", "rounds"), [(1, 1), (1, 3), (2, 1), (4, 2), (7, 3)])
def test_b9_any_number_of_agents_and_rounds_each_with_its_own_model_at_the_temperature_that_was_set(agents, rounds):
    """Three agents, two rounds and i % 3 were written into the code; the temperature was ignored."""
    said = script(*["1" * agents] * rounds)
    made_voices = replace(voices(said), sampling=Sampling(0.3))
    for key, model in made_voices.models.items():
        model.name = key
    made = asyncio.run(play(debate.of(agents, rounds), SUM, made_voices, PATH))
    assert [t.model for t in made.turns] == [
        f"{'critic' if m else 'generator'}/{n + 1}" for m in range(rounds) for n in range(agents)]
    asked = [call[1].temperature for model in made_voices.models.values() for call in model.calls]
    assert asked == [0.3] * (agents * rounds)
    if agents > 1 and rounds > 1:
        assert made.turns[-1].messages[-1].content.count("Agent ") == agents - 1


def test_b10_a_retry_asks_the_same_model_for_the_same_thing(tmp_path):
    """A retry dropped model and temperature and recursed without end."""
    asked: list[tuple[object, ...]] = []

    def stumbles(messages, sampling):
        asked.append((messages, sampling))
        if asked.count(asked[-1]) < 3:
            raise TryAgain("server error")
        return "Answer: 1"

    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.create("debate", Settings(), 0).id
        store.episodes.add_tasks([SUM])
        path = replace(PATH, experiment=experiment, task=SUM.id)
        model = Voices({"*": ScriptedModel(stumbles)}, Sampling(0.7, 99))

        async def one(call):
            return Records((await play(debate.of(2, 2), SUM, model, path, call),))

        Rollout(store, experiment, concurrency=1, limits=Limits(attempts=3)).run(
            1, "propose", [Work("one", one)], lockstep=False)
        (made,) = store.episodes.find(experiment)
    assert len(asked) == 12 and len(set(map(repr, asked))) == 4
    assert {asked.count(one) for one in asked} == {3}
    assert {(s.temperature, s.max_tokens) for _, s in asked} == {(0.7, 99)}
    assert {t.seed for t in made.turns} == {s.seed for _, s in asked}


def test_b11_what_is_trained_is_the_prompt_of_inference_word_for_word(run):  # noqa: F811
    """Training used another chat template than inference."""
    _, store, experiment = run("multiagent_finetuning", debater, rounds=1, **FEW)
    examples = store.weights.training_sets(experiment, 1)
    rows = store.db.rows("SELECT trajectory, turn FROM example")
    assert examples and rows
    for trajectory, place in rows:
        made = store.episodes.get(trajectory)
        turn, task = made.turns[place], store.episodes.task(made.task)
        again = asyncio.run(play(debate.of(), task, Voices({"*": Echo(made)}), made.path))
        assert again.turns[place].messages == turn.messages


class Echo(ScriptedModel):
    """Says again what was said in a debate to the same request."""

    def __init__(self, made: Trajectory) -> None:
        said = {turn.seed: turn.text for turn in made.turns}
        super().__init__(lambda messages, sampling: said[sampling.seed])


def test_b12_ties_are_broken_by_the_first_round_and_not_by_spelling():
    """The lexicographically largest answer won a tie."""
    assert judged("291", "291").reward.read == "2"  # all level twice: the lowest seat
    assert judged("223", "923").reward.read == "2"  # level in the end, but two began with 2
    assert judged("192", "219").reward.read == "2"  # level twice: the lowest seat's last answer


def test_b12_nobody_with_an_answer_is_wrong_and_counted():
    """A question without any parsed answer fell out of the denominator, which raised the accuracy."""
    none, right = (debated(script([said] * 3, [said] * 3, say="{}")) for said in ("unclear", "Answer: 42"))
    assert none.outcome.stop is Stop.NO_ANSWER
    marks = [int(rewards.right(SUM, t).value) for t in (none, right)]
    found = accuracy(marks, [replace(SUM, id="a"), replace(SUM, id="b")])
    assert (found["n"], found["correct"], found["accuracy"]) == (2, 1, 0.5)


def test_b12_an_answer_that_cannot_be_read_has_no_vote_but_stays_in_the_denominator():
    made = judged(["1", "x", "y"], ["1", "x", "y"])
    assert (made.reward.value, made.reward.read) == (1 / 3, "1") and not made.reward.right
    assert learned(Library((made,))) == {}  # one of three is no majority
    assert learned(Library((made,), threshold=0.3), mix=0.0) == {
        "critic/1": ["1"], "generator/1": ["1"]}


# -- multiagent debate -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["", "I cannot tell.", "Answer: unknown", "Answer:", "forty-two or so"])
def test_a6_an_answer_that_cannot_be_read_is_never_right(text):
    """The grader returned 1 for an answer that it could not parse."""
    made = debated(script([text], say="{}"))
    assert rewards.right(SUM, made).value == 0.0


@pytest.mark.parametrize("text", ["Answer: 1,234", "Answer: 1234", "Answer: 1,234.0.", r"\boxed{1{,}234}"])
def test_a6_a_comma_between_thousands_is_no_decimal_point(text):
    """1,234 was read as 1.234."""
    assert votes.read(text, "number") == "1234"
    assert rewards.right(replace(SUM, answer="1234"), debated(script([text], say="{}"))).right


def test_a6_the_vote_is_no_matter_of_who_spoke_first():
    """The first seen among equals won, and the evaluator read its own loop variable."""
    for order in itertools.permutations([("1", "a"), ("2", "b"), ("3", "b"), ("4", "a")]):
        assert votes.winner(dict(order))[0] == "a"


def test_the_vote_of_the_first_round_stands_beside_the_debate():
    """A debate may do worse than the vote with which it began: nobody should have to guess."""
    made = debated(script(["42", "42", "7"], ["7", "42", "7"]))
    first, last = (votes.winner(said)[0] for said in votes.by_round(made, "number"))
    assert (first, last, made.outcome.answer) == ("42", "7", "Answer: 7")


def test_the_label_stands_in_the_reward_beside_what_the_truth_would_say():
    made = judged("778", "778")
    assert (made.reward.read, made.reward.value) == ("7", 2 / 3)
    assert votes.read(SUM.answer, SUM.kind) == "42" and not rewards.right(SUM, made).right


def test_a_summary_is_never_an_example(run):  # noqa: F811
    def sums_up(text: str, seed: int, trained: bool) -> str:
        return "They say 41." if text.rstrip().endswith("Summarise them.") else debater(text, seed, trained)

    sums_up.dialect = "chat"
    _, store, _ = run("multiagent_finetuning", sums_up, debate_view="summary", agents=2, rounds=1, threshold=0.3,
                      **FEW)
    models = {row[0] for row in store.db.rows("SELECT DISTINCT model FROM training_set")}
    assert models == {"critic/1", "critic/2", "generator/1", "generator/2"}


def test_agents_in_one_round_have_no_critics(run):  # noqa: F811
    reports, _, _ = run("multiagent_finetuning", debater, agents=2, debate_rounds=1, rounds=1, threshold=0.3, **FEW)
    assert list(reports[1]["library"]) == ["generator/1", "generator/2"]


def test_a_round_goes_on_from_the_last_checkpoints_or_starts_again_from_the_base(run):  # noqa: F811
    for start, same in (("continue", False), ("base", True)):
        _, store, experiment = run("multiagent_finetuning", debater, f"{start}.db", start=start, gate=False, **FEW)
        begun = [{u.before for u in store.weights.updates(experiment, n)} for n in (1, 2)]
        assert (begun[0] == begun[1]) is same


def test_a_reply_that_was_cut_short_is_no_example_of_anything():
    cut = {f"generator/{n}": ScriptedModel(lambda m, s: Completion("Answer: 1", "length")) for n in "1"}
    rest = {f"generator/{n}": ScriptedModel(["Answer: 1"]) for n in "23"}
    made = asyncio.run(play(debate.of(3, 1), SUM, Voices(cut | rest), PATH))
    made = replace(made, reward=rewards.agreement(SUM, made))
    assert learned(Library((made,))) == {"generator/2": ["1"], "generator/3": ["1"]}
