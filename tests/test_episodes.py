"""Six workflows of at most 20 lines, played, edited, replayed: what is given back, sampled afresh, seen."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.episodes import play, replay
from sirius_core.errors import Stopped, UsageError
from sirius_core.models import Completion, Sampling, ScriptedModel, Voices
from sirius_core.prompts import Message
from sirius_core.teams import Parsed, Team, roles
from sirius_core.trajectories import SeedPath, Stop, Task, digest

TASK = Task("t1", "test", "train", "How far?", "42")
PATH = SeedPath("e", 0, 1, "propose", "t1")


async def chain(task, ask):
    physics = await ask("physicist", question=task.question)
    maths = await ask("mathematician", question=task.question, physics=physics)
    return await ask("summarizer", question=task.question, physics=physics, maths=maths)


CHAIN = Team(
    "chain",
    roles(
        {
            ("physicist", "answer"): "physicist: {{question}}",
            ("mathematician", "answer"): "mathematician: {{question}} {{physics}}",
            ("summarizer", "answer"): "summarizer: {{question}} {{physics}} {{maths}}",
        }
    ),
    chain,
)


async def actor_critic(task, ask):
    first = await ask("actor", question=task.question)
    verdict = await ask("judge", question=task.question, response=first)
    if "True" in verdict:
        return first
    feedback = await ask("critic", question=task.question, response=first)
    return await ask("actor", "revise", question=task.question, response=first, feedback=feedback)


ACTOR_CRITIC = Team(
    "actor_critic",
    roles(
        {
            ("actor", "answer"): "actor: {{question}}",
            ("actor", "revise"): "actor again: {{question}} {{response}} {{feedback}}",
            ("judge", "answer"): "judge: {{question}} {{response}}",
            ("critic", "answer"): "critic: {{question}} {{response}}",
        }
    ),
    actor_critic,
)


def offer(text: str) -> Parsed:
    return Parsed({"price": text.split()[-1]}, text.split("|")[-1].strip())


async def haggle(task, ask):
    said = []
    for move in range(8):
        seat = ("red", "blue")[move % 2]
        said.append(await ask("player", seat=seat, history=said, parse=offer, limit=task.data[seat]))
        if "deal" in said[-1].public:
            return f"{said[-1].value['price']} after {len(said)}"
    return None


HAGGLE = Team(
    "haggle", roles({("player", "answer"): "[system]\nYour secret limit: {{limit}}\n[user]\nYour move."}), haggle
)
GAME = Task("g1", "test", "train", "haggle", "", data={"red": "secret-40", "blue": "secret-60"})


async def debate(task, ask):
    async def seat(name, others):
        if others is None:
            return await ask("debater", seat=name, question=task.question)
        heard = " ".join(o.seen_by("debater", name) for o in others if o.seat != name)
        own = [o for o in others if o.seat == name]
        return await ask("debater", "update", seat=name, history=own, question=task.question, others=heard)

    answers = None
    for _ in range(2):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(seat(name, answers)) for name in "abc"]
        answers = [t.result() for t in tasks]
    return max(sorted({str(a) for a in answers}), key=[str(a) for a in answers].count)


DEBATE = Team(
    "debate",
    roles(
        {
            ("debater", "answer"): "debater: {{question}}",
            ("debater", "update"): "debater again: {{question}} | others: {{others}}",
        }
    ),
    debate,
)

WORKFLOWS = [chain, actor_critic, haggle, debate]


class Speaker(ScriptedModel):
    """Says something that depends on the request and its seed alone; replies arrive in shuffled order."""

    def __init__(self, say=None, shuffle: int | None = None) -> None:
        super().__init__(say or (lambda m, s: f"r{digest([list(x) for x in m], s.seed)[:6]}"))
        self._random = None if shuffle is None else random.Random(shuffle)

    async def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        if self._random is not None:
            for _ in range(self._random.randrange(6)):
                await asyncio.sleep(0)
        return await super().complete(messages, sampling)


def voices(model) -> Voices:
    return Voices({"*": model})


def go(team, task=TASK, model=None, path=PATH):
    return asyncio.run(play(team, task, voices(model or Speaker()), path))


def again(parent, team, task=TASK, model=None, **how):
    return asyncio.run(replay(parent, team, task, voices(model or Speaker()), **how))


def origins(trajectory):
    return [(turn.role, turn.seat, turn.origin) for turn in trajectory.turns]


def test_every_workflow_is_at_most_twenty_lines():
    assert all(len(inspect.getsource(w).splitlines()) <= 20 for w in WORKFLOWS)


def test_chain_plays_and_a_plain_replay_gives_every_turn_back_without_a_call():
    played, model = go(CHAIN), Speaker()
    back = again(played, CHAIN, model=model)
    assert [t.role for t in played.turns] == ["physicist", "mathematician", "summarizer"]
    assert played.turns[2].messages[0].content == f"summarizer: How far? {played.turns[0].text} {played.turns[1].text}"
    assert model.calls == [] and [t.text for t in back.turns] == [t.text for t in played.turns]
    assert {t.origin for t in back.turns} == {"given"} and back.parent == played.id and back.id != played.id


def test_chain_edit_in_the_middle_keeps_predecessors_and_samples_successors():
    played, model = go(CHAIN), Speaker()
    edited = again(played, CHAIN, model=model, edits={1: "better maths"})
    assert [t.origin for t in edited.turns] == ["given", "edited", "sampled"]
    assert edited.turns[0].text == played.turns[0].text and edited.turns[1].text == "better maths"
    assert len(model.calls) == 1 and "better maths" in edited.turns[2].messages[0].content
    assert edited.turns[2].text != played.turns[2].text


def test_edit_that_adds_turns_and_one_that_removes_turns():
    def yes(messages, sampling):
        text = messages[-1].content
        return "True" if text.startswith("judge") else f"r{digest(text)[:6]}"

    short = go(ACTOR_CRITIC, model=ScriptedModel(yes))
    assert [t.role for t in short.turns] == ["actor", "judge"] and short.outcome.answer == short.turns[0].text
    longer = again(short, ACTOR_CRITIC, model=ScriptedModel(yes), edits={1: "False: no unit"})
    assert origins(longer) == [
        ("actor", None, "given"),
        ("judge", None, "edited"),
        ("critic", None, "sampled"),
        ("actor", None, "sampled"),
    ]
    assert longer.turns[3].prompt == "revise" and longer.outcome.answer == longer.turns[3].text
    shorter = again(longer, ACTOR_CRITIC, model=ScriptedModel(yes), edits={1: "True"})
    assert origins(shorter) == [("actor", None, "given"), ("judge", None, "edited")]
    assert shorter.outcome.answer == short.turns[0].text


def haggler(messages, sampling):
    secret = messages[0].content.split(": ")[1]
    moves = sum(m.role == "assistant" for m in messages)
    word = "deal" if moves == 3 and secret == "secret-60" else "offer"
    return f"(I must stay within {secret}) | {word} {digest(sampling.seed)[:4]}"


def test_no_private_text_reaches_the_other_seat():
    played = go(HAGGLE, GAME, ScriptedModel(haggler))
    assert len(played.turns) == 8 and played.outcome.answer.endswith("after 8")
    for turn in played.turns:
        other = "secret-60" if turn.seat == "red" else "secret-40"
        assert all(other not in message.content for message in turn.messages)
        assert all("stay within" not in m.content for m in turn.messages if m.role == "user")
    own = [m.content for m in played.turns[4].messages if m.role == "assistant"]
    assert own == [played.turns[0].text, played.turns[2].text]
    model = ScriptedModel(haggler)
    edited = again(played, HAGGLE, GAME, model, edits={2: "(secret-40 again) | offer 9999"})
    assert [t.origin for t in edited.turns] == ["given", "given", "edited"] + ["sampled"] * 5
    assert all("secret-40" not in m.content for t in edited.turns if t.seat == "blue" for m in t.messages)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_debate_is_the_same_however_replies_arrive_and_siblings_stay_untouched(order):
    played = go(DEBATE, model=Speaker(shuffle=order))
    assert played.content == go(DEBATE).content
    assert [(t.seat, t.prompt) for t in played.turns] == [(s, p) for p in ("answer", "update") for s in "abc"]
    edited = again(played, DEBATE, model=Speaker(shuffle=order + 1), edits={1: "changed mind"})
    assert [t.origin for t in edited.turns] == ["given", "edited", "given", "sampled", "sampled", "sampled"]
    late = again(played, DEBATE, model=Speaker(shuffle=order + 2), edits={4: "changed late"})
    assert [t.origin for t in late.turns] == ["given"] * 4 + ["edited", "given"]


def test_fresh_from_draws_differ_from_each_other_and_repeat_themselves():
    played = go(CHAIN)
    draws = [again(played, CHAIN, fresh_from=1, draw=k) for k in range(5)]
    assert all([t.origin for t in d.turns] == ["given", "sampled", "sampled"] for d in draws)
    assert len({d.turns[1].text for d in draws}) == 5 and len({d.id for d in draws}) == 5
    assert draws[3] == again(played, CHAIN, fresh_from=1, draw=3)


def test_identical_requests_count_by_occurrence():
    async def twins(task, ask):
        return " ".join([await ask("poet"), await ask("poet")])

    team = Team("twins", roles({("poet", "answer"): "Write."}), twins)
    played = go(team)
    assert [t.occurrence for t in played.turns] == [0, 1] and played.turns[0].text != played.turns[1].text
    edited = again(played, team, edits={1: "second"})
    assert edited.outcome.answer == f"{played.turns[0].text} second"


def test_a_models_failure_is_an_outcome_with_a_name_and_its_turn_can_be_edited():
    cut = go(
        CHAIN, model=ScriptedModel(lambda m, s: Completion("so it", "length") if "mathem" in m[0].content else "ok")
    )
    assert cut.outcome.stop is Stop.TRUNCATED and [t.role for t in cut.turns] == ["physicist", "mathematician"]
    mended = again(cut, CHAIN, edits={1: "so it is 42"})
    assert mended.outcome.stop is None and [t.origin for t in mended.turns] == ["given", "edited", "sampled"]

    def strict(text: str) -> Parsed:
        raise Stopped(Stop.FORFEIT, "no move")

    async def one(task, ask):
        return await ask("poet", parse=strict)

    stopped = go(Team("one", roles({("poet", "answer"): "Write."}), one))
    assert stopped.outcome.stop is Stop.FORFEIT and stopped.outcome.why == "no move" and len(stopped.turns) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from("abc"))
def test_a_stop_in_a_parallel_seat_records_the_same_turns_in_any_order(order, seat):
    def parse(name):
        def read(text: str) -> Parsed:
            if name == seat:
                raise Stopped(Stop.FORFEIT, name)
            return Parsed(None, text)

        return read

    async def race(task, ask):
        async def run(name):
            first = await ask("debater", seat=name, question=task.question, parse=parse(name))
            return await ask("debater", "update", seat=name, question=task.question, others=first)

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(run(name))

    team = Team("race", DEBATE.roles, race)
    stopped = go(team, model=Speaker(shuffle=order))
    assert stopped == go(team) and stopped.outcome.stop is Stop.FORFEIT
    assert [(t.seat, t.prompt) for t in stopped.turns] == [
        (s, p) for s in "abc" for p in ("answer", "update") if (s, p) != (seat, "update")
    ]


@pytest.mark.parametrize("stop", [Stop.UNREADABLE, Stop.LOST])
def test_a_turn_that_was_never_spoken_is_asked_again_in_a_replay_not_given_back_as_silence(stop):
    def fails(messages, sampling):
        if "mathem" in messages[0].content:
            raise Stopped(stop, "no reply")
        return "ok"

    cut = go(CHAIN, model=ScriptedModel(fails))
    assert cut.outcome.stop is stop and cut.turns[1].text == ""
    same = again(cut, CHAIN, model=ScriptedModel(fails))
    assert same.outcome == cut.outcome and [t.origin for t in same.turns] == ["given", "sampled"]
    mended = again(cut, CHAIN, model=ScriptedModel(["read it now", "42"]))
    assert [t.text for t in mended.turns] == ["ok", "read it now", "42"]


def test_editing_a_turn_that_is_not_there_says_which_there_are():
    with pytest.raises(UsageError, match="turn 7 cannot be edited: the trajectory has turns 0 to 2"):
        again(go(CHAIN), CHAIN, edits={7: "x"})


def test_a_workflow_without_an_answer_is_no_answer():
    async def silent(task, ask):
        return None

    assert go(Team("silent", {}, silent)).outcome.stop is Stop.NO_ANSWER
