"""Actor, judge and critic: who speaks when, what each turn earns, what is learned from it, what repair makes of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scripted_team import MEDICAL

from sirius_core import export, figures, jobs, measures, recipes, teams, votes
from sirius_core.episodes import direct, play, replay
from sirius_core.errors import UsageError
from sirius_core.finetune.prompts import briefs
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.pocket.dialect import opinion
from sirius_core.pocket.grammar import draw
from sirius_core.pocket.notation import canonical_steps, expression_value, fill
from sirius_core.repair import Advised, Failure, OwnRevision, revised
from sirius_core.review import planted
from sirius_core.rewards import actor_critic as reward
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.tasks import formulas
from sirius_core.teams.actor_critic import verdict
from sirius_core.training import Library, by_turn
from sirius_core.trajectories import SeedPath, Stop

TEAM = teams.get("actor_critic")
PROBLEM = next(p for p in draw("train", "all", 50, 0) if p.formula == "x * y" and p.z is None)
TASK = formulas.task(PROBLEM, "train")
PATH, MENDING = SeedPath("e", 0, 1, "propose", "t"), SeedPath("e", 0, 1, "repair", "t")


def solo(formula: str, unit: str = PROBLEM.unit) -> str:
    expression = fill(formula, PROBLEM.x, PROBLEM.y, PROBLEM.z)
    steps = canonical_steps(expression)
    assert expression_value(expression) is not None and steps is not None
    return f"{formula} : {expression} | {steps} | {steps.rpartition('= ')[2]} {unit}"


RIGHT, WRONG = solo("x * y"), solo("x + y")
SHOWN = f"x + y = {WRONG.rpartition(' | ')[2]}"
PASSED, FLAGGED = f"{RIGHT} | {RIGHT.split()[-1]} {RIGHT.rpartition(' | ')[2].rpartition(' ')[0]} true", (
    f"{RIGHT} | false multiply")


def acted(first: str, judged: str | Completion, hint: str = "multiply", second: str = f"as advised , {RIGHT}"):
    """One episode on the embedded problem with its reward, and what each role was asked."""
    replies: dict[str, str | Completion] = {"@judge": judged, "@tutor": hint, "@fb": second, "@actor": first}
    asked = []

    def say(messages, sampling):
        text = messages[-1].content
        asked.append(text)
        return next(reply for tag, reply in replies.items() if tag in text)

    model = ScriptedModel(say, dialect="pocket")
    played = asyncio.run(play(TEAM, TASK, Voices({"*": model}), PATH))
    return replace(played, reward=reward(TASK, played)), asked


# -- the workflow ----------------------------------------------------------------------------------------------------
def test_what_the_judge_holds_to_be_true_stands():
    played, asked = acted(RIGHT, PASSED)
    assert [(t.role, t.prompt, t.seat) for t in played.turns] == [("actor", "answer", None), ("judge", "answer", None)]
    assert played.outcome.answer == TASK.answer and played.reward.value == 1.0
    assert played.turns[0].value == {"answer": TASK.answer}
    assert played.turns[1].value == {"verdict": True, "why": "", "own": TASK.answer}
    assert played.reward.turns == {0: 1.0, 1: 1.0} and played.reward.lucky is False
    assert asked == [f"@actor {TASK.question} =>", f"@judge {TASK.question} | x * y = {TASK.answer} =>"]


def test_what_it_holds_to_be_false_is_advised_upon_and_revised():
    played, asked = acted(WRONG, FLAGGED)
    assert [(t.role, t.prompt) for t in played.turns] == [
        ("actor", "answer"), ("judge", "answer"), ("critic", "answer"), ("actor", "revise")]
    assert played.turns[1].value == {"verdict": False, "why": "multiply", "own": TASK.answer}
    assert played.turns[2].value == {"feedback": "multiply"} and played.turns[3].value == {"answer": TASK.answer}
    assert played.reward.turns == {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0} and played.reward.value == 1.0
    assert asked[2:] == [f"@tutor {TASK.question} | {SHOWN} =>", f"@actor {TASK.question} | {SHOWN} @fb multiply =>"]
    assert not any(TASK.answer in text for text in asked)  # the right answer is shown to nobody


def test_a_right_answer_can_be_spoilt_and_a_wrong_one_passed():
    spoilt, _ = acted(RIGHT, FLAGGED, "divide", f"as advised , {WRONG}")
    assert spoilt.reward.value == 0.0 and spoilt.reward.turns == {0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0}
    passed, _ = acted(WRONG, PASSED)
    assert passed.reward.value == 0.0 and passed.reward.turns == {0: 0.0, 1: 0.0}


@pytest.mark.parametrize("judged", ["true", f"{RIGHT} | perhaps", Completion("x * y", "length"), ""])
def test_a_verdict_that_cannot_be_read_lets_the_answer_stand_and_is_wrong(judged):
    for first, value in ((RIGHT, 1.0), (WRONG, 0.0)):
        played, _ = acted(first, judged)
        assert len(played.turns) == 2 and played.outcome.stop is None
        assert (played.reward.value, played.reward.turns) == (value, {0: value, 1: 0.0})


def test_an_answer_that_cannot_be_read_is_judged_all_the_same():
    played, asked = acted("x * y", FLAGGED)
    assert asked[1] == f"@judge {TASK.question} | = =>" and played.turns[0].value == {"answer": None}
    assert played.reward.turns == {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}
    stands, _ = acted("x * y", PASSED)
    assert stands.outcome.stop is Stop.NO_ANSWER and stands.reward.turns == {0: 0.0, 1: 0.0}


def test_who_is_cut_off_ends_the_episode_and_keeps_its_place_in_the_count():
    first, _ = acted(Completion("x * y", "length"), PASSED)
    assert first.outcome.stop is Stop.TRUNCATED and first.reward.turns == {0: 0.0} and first.reward.value == 0.0
    last, _ = acted(WRONG, FLAGGED, second=Completion("as", "length"))
    assert last.outcome.stop is Stop.TRUNCATED and last.reward.turns == {0: 0.0, 1: 1.0, 2: 0.0, 3: 0.0}
    silent, _ = acted(WRONG, FLAGGED, hint=" ")
    assert silent.outcome.stop is Stop.NO_ANSWER and silent.reward.turns == {0: 0.0, 1: 1.0, 2: 0.0}


def test_chat_models_read_whole_answers_and_the_passages():
    script = ["They improved. Answer: no", "31 of 40 did.\nOpinion: False", "Count the patients.", "Answer: yes"]
    model = ScriptedModel(script)
    played = asyncio.run(play(TEAM, MEDICAL, Voices({"*": model}), PATH))
    marks = reward(MEDICAL, played)
    assert played.outcome.answer == "Answer: yes" and marks.value == 1.0 and marks.lucky is None
    assert marks.turns == {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}
    assert played.turns[1].value == {"verdict": False, "why": "31 of 40 did.", "own": None}
    texts = ["\n".join(m.content for m in messages) for messages, _ in model.calls]
    assert all("We gave feedback to 40 patients." in text for text in texts)
    assert all("They improved. Answer: no" in text for text in texts[1:]) and "Count the patients." in texts[3]


@pytest.mark.parametrize(("said", "read"), [
    ("Opinion: True", True), ("**Opinion:** False.", False), ("Decision: `true`", True), ("OPINION = FALSE", False),
    ("### Opinion\nFalse", False), ("**Opinion**\n\n**True**", True), ("Opinion\nIt is true that", None),
    ("Opinion: $\\text{False}$", False), ("Opinion：True", True),
    ("Opinion: True\nNo, wait.\nOpinion: False", False),
    ("Opinion: True or False", None), ("Opinion: TRUE/FALSE", None),
    ("Opinion: maybe", None), ("Opinion: not true", None), ("Opinion: untrue", None), ("It is true.", None), ("", None),
    ("Opinion: False\nOpinion: I cannot say", None), (PASSED, True), (FLAGGED, False), (f"{PASSED} false unit N", None),
    (f"{RIGHT} | false", None), (f"{RIGHT} | true N", None), ("false multiply", None),
])
def test_verdicts_are_read_strictly(said, read):
    assert verdict(said).value["verdict"] is read


@given(st.text())
@example("Opinion: " * 2000)
def test_no_text_whatever_raises(text):
    assert verdict(text).value["verdict"] in (True, False, None) and opinion(text) in (True, False, None)


# -- credit ----------------------------------------------------------------------------------------------------------
def test_each_turn_is_credited_by_itself_and_verdicts_by_a_wrong_working_are_not_believed():
    kept, _ = acted(WRONG, FLAGGED)
    spoilt, _ = acted(RIGHT, FLAGGED, "divide", f"as advised , {WRONG}")
    other = solo("x * y", "Ns" if PROBLEM.unit != "Ns" else "m")
    misled, _ = acted(WRONG, f"{other} | false multiply", "divide", f"as advised , {WRONG}")
    plays = [replace(t, path=replace(t.path, attempt=i)) for i, t in enumerate((kept, spoilt, misled))]
    assert misled.reward.turns == {0: 0.0, 1: 1.0, 2: 0.0, 3: 0.0}

    def learned(*tried):
        chosen = by_turn(Library(tuple(tried)), 1, Random(0))
        return sorted((e.said.role, e.said.prompt, e.trajectory.path.attempt) for e in chosen)

    assert learned(*plays) == [("actor", "answer", 1), ("actor", "revise", 0), ("critic", "answer", 0),
                               ("judge", "answer", 0)]
    assert learned(plays[2]) == []
    passed, _ = acted(RIGHT, PASSED)
    both = by_turn(Library((plays[0], passed)), 3, Random(0))
    assert sorted(e.said.value["verdict"] for e in both if e.said.role == "judge") == [False] * 3 + [True] * 3


def mend(tried, rephrased: str, judged: str = PASSED):
    model = ScriptedModel(lambda m, s: rephrased if m[0].content.startswith("@rephrase") else judged, dialect="pocket")
    failure = Failure(TASK, tried, TEAM, Voices({"*": model}), reward, MENDING)
    return asyncio.run(OwnRevision()(failure, direct)), model


def test_a_revision_that_was_right_is_learned_as_a_first_answer():
    tried, _ = acted(WRONG, FLAGGED)
    records, model = mend(tried, RIGHT)
    (repair,), (mending, again) = records.repairs, records.trajectories
    assert (repair.mended, repair.failed, repair.turn, repair.role) == (True, tried.id, 0, "actor")
    assert (repair.critic, repair.critique, repair.feedback) == ("blind", "multiply", "multiply")
    assert (repair.raw, repair.rephrased, repair.leak) == (f"as advised , {RIGHT}", RIGHT, ())
    assert [t.role for t in mending.turns] == ["rephraser"] and repair.calls == len(model.calls) == 2
    assert [(t.role, t.origin) for t in again.turns] == [("actor", "edited"), ("judge", "sampled")]
    assert again.edits == {0: RIGHT} and again.reward.turns == {0: 1.0, 1: 1.0}
    examples = by_turn(Library((again,)), 1, Random(0))
    assert [(e.said.role, e.source) for e in examples] == [("actor", "repaired"), ("judge", "repaired")]
    assert [m.content for m in examples[0].said.messages] == [f"@actor {TASK.question} =>"]


def test_a_leak_a_spoilt_rephrasing_and_a_judge_that_flags_it_mend_nothing():
    tried, _ = acted(WRONG, FLAGGED)
    assert mend(tried, f"as advised , {RIGHT}")[0].repairs[0].leak
    assert not mend(tried, f"as advised , {RIGHT}")[0].repairs[0].mended
    assert not mend(tried, WRONG)[0].repairs[0].mended
    # the rephrasing is wrong, but the team mends it once more: no right first answer was won
    model = ScriptedModel(lambda m, s: {"@rephrase": WRONG, "@judge": FLAGGED, "@tutor": "multiply"}.get(
        m[0].content.split()[0], RIGHT), dialect="pocket")
    failure = Failure(TASK, tried, TEAM, Voices({"*": model}), reward, MENDING)
    records = asyncio.run(OwnRevision()(failure, direct))
    assert records.trajectories[1].reward.value == 1.0 and not records.repairs[0].mended


@pytest.mark.parametrize("turn", [0, 3])
def test_a_persons_critique_reaches_the_actor_as_its_critics_does(turn):
    tried, _ = acted(WRONG, FLAGGED, "divide", f"as advised , {WRONG}")
    asked = []

    def say(messages, sampling):
        asked.append(messages[-1].content)
        tag = asked[-1].split()[0]
        return {"@rephrase": RIGHT, "@judge": PASSED}.get(tag, f"as advised , {RIGHT}")

    failure = Failure(TASK, tried, TEAM, Voices({"*": ScriptedModel(say, dialect="pocket")}), reward, MENDING)
    (repair,) = asyncio.run(Advised(turn=turn, feedback="multiply")(failure, direct)).repairs
    assert asked[0] == f"@actor {TASK.question} | {SHOWN} @fb multiply =>"
    assert (repair.mended, repair.turn, repair.critic, repair.rephrased) == (True, turn, "person", RIGHT)


def test_repair_looks_at_wrong_first_answers_whose_revision_was_right():
    recipe = recipes.get(preset("actor-critic"))
    tries = [acted(WRONG, FLAGGED), acted(RIGHT, FLAGGED), acted(WRONG, FLAGGED, "divide", WRONG), acted(WRONG, PASSED)]
    assert recipe.mends is revised and [recipe.mends(t, 0.5) for t, _ in tries] == [True, False, False, False]
    assert recipes.get(preset("actor-critic", {"critic": "none"})).repair is None
    assert TEAM.menders == ("rephraser",) and teams.get("formula_chain").menders == ("critic", "rephraser")


def test_a_vote_counts_what_actors_say_and_not_what_a_judge_does():
    voting = recipes.get(preset("actor-critic", {"recipe": "vote", "team": "actor_critic", "samples": 2})).team
    model = ScriptedModel(lambda m, s: PASSED if m[0].content.startswith("@judge") else RIGHT, dialect="pocket")
    played = asyncio.run(play(voting, TASK, Voices({"*": model}), PATH))
    assert [t.role for t in played.turns] == ["actor", "judge"] * 2
    assert votes.speaking(played) == [{"1": 0, "2": 2}]
    said = votes.read(played.outcome.answer, TASK.kind)
    assert said and votes.by_round(played, TASK.kind) == [{"1": said, "2": said}]


def test_one_model_for_all_is_a_setting():
    assert recipes.get(preset("actor-critic")).model_of is recipes.each_role
    assert recipes.get(preset("actor-critic", {"sharing": "shared"})).model_of is recipes.all_in_one


def test_who_rewrites_an_instruction_is_told_what_the_role_did_by_itself():
    script = ["They improved. Answer: no", "Opinion: False", "Count the patients.", "Answer: maybe"]
    played = asyncio.run(play(TEAM, MEDICAL, Voices({"*": ScriptedModel(script)}), PATH))
    played = replace(played, reward=reward(MEDICAL, played))  # wrong in the end, but the judge was right
    found = briefs([played], TEAM, recipes.each_role, tasks={PATH.task: MEDICAL}, in_force={})
    assert [(b.role, [(c.turn, c.right, c.own) for c in b.cases]) for b in found] == [
        ("actor", [(3, False, True)]), ("critic", [(2, False, True)])]
    plain = briefs([played], replace(TEAM, reads=None), recipes.each_role, tasks={PATH.task: MEDICAL}, in_force={})
    assert [b.role for b in plain] == ["actor", "critic", "judge"]


def test_a_what_if_in_the_first_answer_gives_back_nothing_that_was_said_about_the_old_one():
    tried, _ = acted(WRONG, FLAGGED)
    model = ScriptedModel([PASSED], dialect="pocket")
    again = asyncio.run(replay(tried, TEAM, TASK, Voices({"*": model}), edits={0: RIGHT}))
    assert [(t.role, t.origin) for t in again.turns] == [("actor", "edited"), ("judge", "sampled")]
    assert again.outcome.answer == TASK.answer
    other = asyncio.run(replay(tried, TEAM, TASK, Voices({"*": ScriptedModel([WRONG], dialect="pocket")}),
                               edits={2: "divide"}))
    assert [t.origin for t in other.turns] == ["given", "given", "edited", "sampled"]


# -- a run -----------------------------------------------------------------------------------------------------------
TINY = {"rounds": 1, "problems": 24, "max_solutions": 2, "validation": 8, "heldout": 24, "new_wordings": 0,
        "withheld_forms": 0, "epochs": 1, "workers": 1, "chunk": 24}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("actor_critic") / "lab.db"
    with Store(path) as store:
        made = jobs.create(store, "actor-critic", preset("actor-critic", TINY), 0)
    jobs.run(path, made.id)
    with Store(path) as store:
        yield store, made


def test_a_run_trains_three_roles_on_their_own_turns_and_never_the_rephraser(run):
    store, made = run
    report = store.experiments.reports(made.id)[-1]
    assert set(report["library"]) == {"actor", "judge", "critic"} and min(report["library"].values()) > 0
    for model in report["library"]:
        for line in store.examples.page(store.examples.set_of(made.id, 1, model), limit=500):
            t = store.episodes.get(line.trajectory)
            assert t.turns[line.turn].role == model and t.reward.turns[line.turn] == 1.0
    assert report["controls"] == {} and {"actor", "judge"} <= set(report["roles"])
    held = store.episodes.find(made.id, round=1, phase="evaluate:heldout:sampled")
    assert report["roles"]["judge"]["n"] == sum(len(t.turns) > 1 for t in held) > 0


def test_the_repairs_of_a_run_begin_with_successes_and_are_found_again(run):
    store, made = run
    repairs = store.repairs.find(made.id)
    assert repairs
    for repair in repairs:
        failed = store.episodes.get(repair.failed)
        assert revised(failed, 0.5) and repair.raw == failed.turns[3].text and repair.turn == 0
        if repair.mended:
            again = store.episodes.get(repair.replay)
            assert again.turns[0].text == repair.rephrased and again.reward.turns[0] == 1.0
    assert list(store.check(figures.for_round, measure=measures.again(store))) == []


def test_a_rephrased_revision_goes_out_as_preferred_to_the_first_answer(run):
    store, made = run
    actor = next(s for s in export.sets(store, made.id, 1) if s["model"] == "actor")
    pairs = [json.loads(line.text) for line in export.lines(store, actor, made.id, "preferences")]
    mended = [r for r in store.repairs.find(made.id) if r.mended]
    assert mended and {(p["chosen"][-1]["content"], p["rejected"][-1]["content"]) for p in pairs} == {
        (r.rephrased, store.episodes.get(r.failed).turns[0].text) for r in mended}


def test_known_bad_repairs_of_a_revision_are_planted_and_wrong(run):
    store, made = run
    planted.plant(store, made.id, 1, team=TEAM, judge=reward)
    rows = store.people.planted(made.id, 1)
    assert rows
    for row in rows:
        original = store.repairs.get(row.repair)
        task, again = store.episodes.task(original.task), store.episodes.get(original.replay)
        said = [reward(task, planted.said_in(again, 0, text, TEAM.reads(task, "actor"))).turns[0]
                for text in (row.text, original.rephrased)]
        assert said == [0.0, 1.0]


def test_bases_that_never_saw_a_judge_are_refused(tmp_path):
    with Store(tmp_path / "lab.db") as store, pytest.raises(UsageError, match=r"never saw a judge.*base=sceptic"):
        jobs.create(store, "x", preset("actor-critic", {"base": "misled"}), 0)
    with Store(tmp_path / "lab.db") as store, pytest.raises(UsageError, match="learning role"):
        jobs.create(store, "x", preset("actor-critic", {"train_roles": "rephraser"}), 0)
