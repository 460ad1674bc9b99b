"""What-if and blame on a scripted team whose chances are known: plans, answers, sentences, as whole values."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sirius_core.episodes import direct, play
from sirius_core.models import Sampling, ScriptedModel, Voices
from sirius_core.prompts import Message
from sirius_core.rewards import right
from sirius_core.statistics import Interval, difference
from sirius_core.teams import Team, roles
from sirius_core.trajectories import SeedPath, Task, Trajectory
from sirius_core.whatif import (
    BLOCK,
    Blame,
    Tries,
    Variant,
    WhatIf,
    blame,
    blame_of,
    ids,
    plan,
    what_if,
    whatif_of,
)


async def relay(task: Task, ask: object) -> object:
    """One plans, one works, one states: each hands on what it was handed, or loses it."""
    first = await ask("planner", question=task.question)  # type: ignore[operator]
    second = await ask("worker", plan=first)  # type: ignore[operator]
    return await ask("speaker", work=second)  # type: ignore[operator]


TEAM = Team("relay", roles({("planner", "answer"): "plan {{question}}", ("worker", "answer"): "work {{plan}}",
                            ("speaker", "answer"): "say {{work}}"}), relay, ("planner", "worker", "speaker"), "speaker")
TASK = Task("t", "made", "train", "good", "good")
PATH = SeedPath("e", 0, 3, "propose", "t")


def voice(chances: dict[str, int]) -> Voices:
    """Each role passes on what it is handed in ``chances[role]`` of 8 draws, by the call's seed, else says ``bad``."""

    def said(messages: Sequence[Message], sampling: Sampling) -> str:
        verb, handed = messages[-1].content.split()
        return handed if sampling.seed % 8 < chances[verb] else "bad"

    return Voices({"*": ScriptedModel(said)})


ALWAYS = voice({"plan": 8, "work": 8, "say": 8})


def episode(voices: Voices) -> Trajectory:
    played = asyncio.run(play(TEAM, TASK, voices, PATH))
    return replace(played, reward=right(TASK, played))


def carried_out(parent: Trajectory, variants: Sequence[Variant], phase: str,
                voices: Voices = ALWAYS) -> list[list[Trajectory]]:
    async def go() -> list[Trajectory]:
        work = plan(parent, variants, phase, TASK, TEAM, voices, right)
        return [t for w in work for t in (await w.play(direct)).trajectories]

    found = {t.id: t for t in asyncio.run(go())}
    return [[found[i] for i in ids(parent, variant, phase)] for variant in variants]


SLIP = episode(voice({"plan": 8, "work": 0, "say": 8}))  # the worker loses it


def test_the_turn_that_lost_it_is_to_blame() -> None:
    found = blame_of(SLIP, carried_out(SLIP, blame(SLIP, 16), "blame:2"), 0.5)
    assert [turn.text for turn in SLIP.turns] == ["good", "bad", "bad"]
    assert found == Blame((Tries(16, 16), Tries(16, 16), Tries(0, 16)), ("planner", "worker", "speaker"))
    assert found.shares == (difference(16, 16, 16, 16), difference(16, 16, 0, 16), Tries(0, 16).interval)
    assert (found.most, found.told, found.needed()) == (1, 1, 0)
    assert found.says() == ("The worker was to blame, +100 points (+73 to +100): before it spoke the team would have "
                            "come right in 16 of 16 (81-100 %), with it in 0 of 16 (0-19 %)")
    assert Blame.read(found.as_dict()) == found


def test_the_last_turn_is_compared_with_the_outcome() -> None:
    failed = episode(voice({"plan": 8, "work": 8, "say": 0}))
    found = blame_of(failed, carried_out(failed, blame(failed, 8), "blame:2"), 0.5)
    assert found.shares == (difference(8, 8, 8, 8), difference(8, 8, 8, 8), Tries(8, 8).interval)
    assert found.told == 2
    assert found.says() == ("The speaker was to blame, +100 points (+68 to +100): before it spoke the team would have "
                            "come right in 8 of 8 (68-100 %), with it the episode was wrong")


def test_it_says_when_it_cannot_tell() -> None:
    nothing = Blame((Tries(0, 8), Tries(0, 8)), ("a", "b"))
    assert (nothing.told, nothing.needed()) == (None, None)
    assert nothing.says() == ("Cannot tell: played again from the start it fails as often as with these turns (right "
                              "in 0 of 8 (0-32 %)), so no turn took anything away")
    little = Blame((Tries(4, 8), Tries(1, 8), Tries(0, 8)), ("a", "b", "c"))
    assert little.told is None
    assert little.says() == ("Cannot tell yet: most falls on the a, +38 points (-7 to +68); about 81 more replays "
                             "would tell")
    even = Blame((Tries(16, 16), Tries(8, 16), Tries(0, 16)), ("a", "b", "c"))
    assert (even.told, even.needed()) == (None, None)
    twice = Blame((Tries(16, 16), Tries(0, 16)), ("debater A", "debater A"))
    assert twice.says().startswith("Turn 0 was to blame")


def test_an_edit_is_compared_with_the_turn_as_it_was() -> None:
    chance = voice({"plan": 8, "work": 4, "say": 8})
    variants = what_if(SLIP, 0, "good!", 8)
    assert variants == (Variant("edited", 8, {0: "good!"}), Variant("unedited", 8, {}, 1))
    edited, unedited = carried_out(SLIP, variants, "whatif:2", chance)
    assert [turn.origin for turn in edited[0].turns] == ["edited", "sampled", "sampled"]
    assert [turn.origin for turn in unedited[0].turns] == ["given", "sampled", "sampled"]
    found = whatif_of(SLIP, edited, unedited, 0.5)
    assert found.edited == Tries(0, 8)  # good! is not the answer
    assert found.unedited == Tries(sum(t.right for t in unedited), 8)
    assert not found.was_right and not found.certain
    assert WhatIf.read(found.as_dict()) == found


def test_the_sentence_of_a_what_if() -> None:
    assert WhatIf(Tries(7, 8), Tries(1, 8), False).says() == (
        "Right in 7 of 8 (53-98 %), as it was: 1 of 8 (2-47 %): +75 points (+26 to +90)")
    assert WhatIf(Tries(3, 4), None, False).says() == (
        "Right in 3 of 4 (30-95 %), as it was: wrong, and no turn follows: +75 points (+30 to +95)")


def test_after_the_last_turn_nothing_is_left_to_chance() -> None:
    variants = what_if(SLIP, 2, "good", 4)
    assert variants == (Variant("edited", 4, {2: "good"}),)
    found = whatif_of(SLIP, carried_out(SLIP, variants, "whatif:2")[0], None, 0.5)
    assert found == WhatIf(Tries(4, 4), None, False, certain=True)
    assert found.difference == Interval(1.0, 1.0, 1.0, 4, "certain")
    assert found.says() == "Right: no turn is said afresh after it, so nothing is left to chance (it was wrong)"


def test_a_larger_k_extends_the_draws() -> None:
    few, many = (ids(SLIP, blame(SLIP, k)[1], "blame:2") for k in (8, 24))
    assert few == many[:8] and len(set(many)) == 24


def test_an_embedded_model_plays_whole_blocks() -> None:
    in_step = ScriptedModel(["x"])
    in_step.lockstep = True

    def draws(voices: Voices) -> int:
        return len(plan(SLIP, what_if(SLIP, 0, "x", 9), "whatif:2", TASK, TEAM, voices, right))

    assert draws(ALWAYS) == 2 * 9
    assert draws(Voices({"*": in_step})) == 2 * 2 * BLOCK
