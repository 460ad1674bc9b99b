"""Learning by rewritten instructions: what a writer reads and brings, people's decisions, the gate, kills."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rewriting_driver
from crash_driver import deaths, told
from endpoint import FakeEndpoint
from endpoint_faults import First
from hypothesis import given
from hypothesis import strategies as st
from rewriting_driver import CHECK, IDLE, PLAN, SOLVE, TEAM, UNIT, Machine, carry_on, number_of

from sirius_core import review, rewriting, teams
from sirius_core.__main__ import main
from sirius_core.episodes import direct
from sirius_core.errors import BudgetSpent, UsageError, WaitingForReview
from sirius_core.finetune.prompts import Brief, Case, briefs, clip, propose, read, written
from sirius_core.finetune.spoken import Spoken
from sirius_core.improve import Run, improve
from sirius_core.models import Completion, ScriptedModel, Voices
from sirius_core.prompts import Message
from sirius_core.recipes import each_role
from sirius_core.rewriting import objection
from sirius_core.settings import preset
from sirius_core.store import Rewrite, RewriteReview, Store
from sirius_core.tasks import splits
from sirius_core.trajectories import Outcome, Repair, Reward, SeedPath, Stop, Task, Trajectory, Turn, digest

SETTINGS = {"recipe": str(Path(rewriting_driver.__file__)), "update": "prompts", "rounds": 1, "controls": 0,
            "heldout": 30, "validation": 30, "new_wordings": 0, "withheld_forms": 0}


# -- reading what a writer says --------------------------------------------------------------------------------------
@pytest.mark.parametrize("reply, analysis, instruction", [
    ("It forgets.\n<instruction>\nState the unit.\n</instruction>", "It forgets.", "State the unit."),
    ("<instruction>one</instruction> No: < Instruction >two</ INSTRUCTION > Done.",
     "<instruction>one</instruction> No:", "two"),
    ("<think>say <instruction>x</instruction></think>Why\n<instruction>y</instruction>", "Why", "y"),
    ("<instruction>\n```text\nUse \\frac{1}{2}.\n```\n</instruction>", "", "Use \\frac{1}{2}."),
    ("<instruction>a</instruction><instruction>b", "", "a"),
    ("<instruction><instruction>a</instruction></instruction>", "<instruction>", "a"),
    ("<instruction>a\u202eb\x00c\td\r\ne</instruction>", "", "a b c\td\ne"),
    ("<instruction> \n </instruction>", "", None),
    ("Only talk.", "Only talk.", None),
    ("</instruction> before <instruction>", "</instruction> before <instruction>", None),
])
def test_the_instruction_stands_between_the_last_pair_of_marks(
        reply: str, analysis: str, instruction: str | None) -> None:
    assert read(reply) == (analysis, instruction)


@given(st.lists(st.sampled_from(["<instruction>", "</instruction>", "<think>", "</think>", "```\n", "word ", "\n"]),
                max_size=30).map("".join))
def test_any_reply_is_read(reply: str) -> None:
    analysis, instruction = read(reply)
    assert analysis in reply and (instruction is None or (instruction == instruction.strip() and instruction in reply))


def task(question: str = "A ball of 3 kg falls for 17 s through the air ; how fast is it ?", answer: str = "1 6 7 m/s",
         kind: str = "exact") -> Task:
    return Task.of("test", question, "train", question, answer, kind=kind)


@pytest.mark.parametrize("text, wrong", [
    ("State the unit. Work slowly.", ""),
    ("", "it is empty"),
    ("state   the UNIT .", "it says the same as before"),
    ("x" * 4001, "it has 4,001 characters; 4,000 are allowed"),
    ("The answer to the ball is 1 6 7 M/S, by the way.", "it contains the right answer of a task, '1 6 7 m / s'"),
    ("The answer is 11 6 7 m/s2", ""),
    ("Of a ball of 3 kg, falls for 17 s say the speed.", "it quotes a task: 'a ball of 3 kg falls for 17'"),
    ("Say how fast a ball of 3 kg falls.", ""),
])
def test_what_may_not_become_an_instruction(text: str, wrong: str) -> None:
    assert objection(text, "State the unit.", [task()]) == wrong


def test_answers_that_are_no_secret() -> None:
    for kind, answer in (("letter", "B"), ("yes_no_maybe", "maybe"), ("boolean", "true"), ("number", "5")):
        assert objection("Answer B, true, 5 or maybe.", "Answer.", [task(answer=answer, kind=kind)]) == ""
    assert "right answer of a task, '42'" in objection("It is 42.", "Answer.", [task(answer="42.0", kind="number")])
    assert objection("Answer in 42 words.", "At most 42 words.", [task(answer="42", kind="number")]) == ""


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_judged(text: str, before: str) -> None:
    assert "\n" not in objection(text, before, [task(), task(answer="12.5", kind="number")])


def test_a_long_turn_is_shown_from_both_ends() -> None:
    assert clip("short", 10) == "short"
    assert clip("a" * 50 + "b" * 50, 20) == "a" * 10 + " [... 80 characters left out ...] " + "b" * 10


# -- one writer ------------------------------------------------------------------------------------------------------
def played(number: int, right: bool, texts: tuple[str, str] = ("12", "12 m"), round: int = 1) -> Trajectory:
    turns = []
    for role, text, system in zip(("planner", "solver"), texts, (PLAN, SOLVE), strict=True):
        messages = TEAM.role(role).prompt("answer", "chat").fill(
            {"question": f"q{number}", **({"value": "v"} if role == "solver" else {})})
        assert messages[0].content == system
        turns.append(Turn(role, "answer", None, messages, {}, text, digest(role, messages)))
    path = SeedPath("e", 0, round, "propose", f"t{number}")
    reward = Reward(float(right), texts[1], f"read {texts[1]!r}; the truth is 'gold{number}'")
    return Trajectory(path, "instructed", tuple(turns), Outcome(texts[1]), reward=reward)


TASKS = {f"t{i}": Task(f"t{i}", "test", "train", f"q{i}", f"gold{i}") for i in range(40)}


def brief_of(*cases: Case, **more: Any) -> Brief:
    chosen = cases or (Case(TASKS["t0"], played(0, False), 1, False, ("it has no unit",)),)
    path = SeedPath("e", 0, 1, "rewrite", chosen[0].task.id, branch="b")
    given_ = {"model": "solver", "role": "solver", "original": SOLVE, "before": SOLVE, "request": "{{question}}",
              "team": ("planner", "solver"), "cases": chosen, "path": path, **more}
    return Brief(**given_)


def write(brief: Brief, *replies: str | Completion) -> tuple[Trajectory, ScriptedModel]:
    model = ScriptedModel([], name="writer")
    model._script = lambda messages, sampling: replies[len(model.calls) - 1]
    found = asyncio.run(propose(brief, Voices({"writer": model}), direct))
    assert found.repairs == () and len(found.trajectories) == 1
    return found.trajectories[0], model


def test_a_writer_reads_instruction_cases_and_critiques_and_nothing_in_them_is_filled() -> None:
    hostile = Task("t0", "test", "train", "What is {{cases}}?", "gold0")
    brief = brief_of(Case(hostile, played(0, False, ("7 {{instruction}}", "12")), 1, False, ("{{role}} forgets",)),
                     Case(TASKS["t1"], played(1, True), 1, True), before="Say {{request}}.",
                     rejected=("Say it twice.",))
    episode, model = write(brief, "It forgets.\n<instruction>Say {{question}} and the unit.</instruction>")
    asked = model.calls[0][0][1].content
    for part in ("The team's roles: planner, solver.", "You rewrite the instruction of: solver.",
                 "<present>\nSay {{request}}.\n</present>", "<request>\n{{question}}\n</request>",
                 "<rejected>\nSay it twice.\n</rejected>",
                 '<case number="1" judged="wrong">\nTask: What is {{cases}}?\nplanner said: 7 {{instruction}}\n'
                 "solver (the role to improve) said: 12\nReward: 0. Read as the answer: 12.\n"
                 "How it was judged: read '12'; the truth is 'gold0'. The right answer: gold0\n"
                 "A critic said of this role: {{role}} forgets\n</case>", '<case number="2" judged="right">'):
        assert part in asked
    assert written(brief, episode) == Rewrite(digest("rewrite", episode.id), "e", 1, "solver", "Say {{request}}.",
                                              "Say {{question}} and the unit.", "It forgets.", episode.id)


def test_a_blind_writer_sees_no_right_answer() -> None:
    brief = brief_of(gold=False)
    _, model = write(brief, "<instruction>It is gold0.</instruction>", "<instruction>State the unit.</instruction>")
    assert all("gold0" not in m.content for messages, _ in model.calls for m in messages if m.role != "assistant")


def test_an_instruction_that_cannot_be_used_is_asked_for_once_more() -> None:
    brief = brief_of()
    episode, model = write(brief, "Only talk.", "<instruction>State the unit.</instruction>")
    assert model.calls[1][0][-2:] == (
        ("assistant", "Only talk."), ("user", "This new instruction cannot be used: there is none between the marks. "
                                      "Write it again, whole, between the marks <instruction> and </instruction>."))
    assert (episode.outcome, len(episode.turns)) == (Outcome("State the unit."), 2)
    assert [turn.prompt for turn in episode.turns] == ["answer", "again"]


@pytest.mark.parametrize("replies, outcome", [
    (("No.", "No!"), Outcome(None, Stop.NO_ANSWER, "there is none between the marks")),
    ((f"<instruction>{SOLVE}</instruction>",) * 2, Outcome(None, Stop.NO_ANSWER, "it says the same as before")),
    (("<instruction>Say gold0.</instruction>",) * 2,
     Outcome(None, Stop.NO_ANSWER, "it contains the right answer of a task, 'gold0'")),
    ((Completion("<instruction>Half", "length"),),
     Outcome(None, Stop.TRUNCATED, "the reply of writer ended by 'length'")),
])
def test_a_writer_who_brings_nothing_is_a_named_outcome(replies: tuple[Any, ...], outcome: Outcome) -> None:
    episode, _ = write(brief_of(), *replies)
    assert episode.outcome == outcome and written(brief_of(), episode) is None


# -- whom it is asked for --------------------------------------------------------------------------------------------
def ask_for(tried: list[Trajectory], **more: Any) -> list[Brief]:
    return briefs(tried, TEAM, each_role, **{"tasks": TASKS, "in_force": {}, **more})


def test_every_instruction_with_failures_has_a_brief() -> None:
    tried = [played(i, i % 3 == 0) for i in range(30)]
    planner, solver = ask_for(tried, in_force={"solver": {SOLVE: "Present."}})
    assert (planner.model, planner.role, planner.original, planner.before) == ("planner", "planner", PLAN, PLAN)
    assert (solver.model, solver.original, solver.before) == ("solver", SOLVE, "Present.")
    assert solver.request == "{{question}}\n\nThe value is {{value}}" and solver.team == ("planner", "solver")
    for brief, turn in ((planner, 0), (solver, 1)):
        assert [c.right for c in brief.cases] == [False] * 6 + [True] * 2
        assert all(c.turn == turn and c.task.id == c.trajectory.task for c in brief.cases)
        assert len({c.task.id for c in brief.cases}) == 8
        assert (brief.path.phase, brief.path.task) == ("rewrite", brief.cases[0].task.id)
    assert planner.path.id != solver.path.id
    assert [e.row().weight for e in solver.examples] == [0.0] * 6 + [1.0] * 2
    assert ask_for(tried) == ask_for(tried) and ask_for(tried, only=["solver"])[0].role == "solver"
    assert ask_for([played(i, True) for i in range(9)]) == []


def test_failures_for_which_a_critique_blames_the_role_come_first() -> None:
    tried = [played(i, False) for i in range(20)]
    repairs = [Repair("r", tried[7].id, "m", "t7", "critique", "gold", 1, "solver", "no unit"),
               Repair("s", tried[8].id, "m", "t8", "wrong digits", "gold", 0, "planner")]
    planner, solver = ask_for(tried, repairs=repairs)
    assert (solver.cases[0].task.id, solver.cases[0].feedback) == ("t7", ("no unit",))
    assert (planner.cases[0].task.id, planner.cases[0].feedback) == ("t8", ("wrong digits",))
    assert not any(c.feedback for c in (*planner.cases[1:], *solver.cases[1:]))


def test_what_was_tried_in_place_of_the_present_text_is_remembered() -> None:
    past = [Rewrite(str(i), "e", 1, model, before, f"new {i}", "", "w") for i, (model, before) in enumerate(
        [("solver", SOLVE), ("solver", "other"), ("planner", SOLVE), *[("solver", SOLVE)] * 3])]
    assert ask_for([played(0, False)], past=past)[1].rejected == ("new 3", "new 4", "new 5")


def test_instructions_with_slots_cannot_be_rewritten() -> None:
    varied = replace(TEAM, roles=teams.roles({
        (role, "answer", "chat"): "[system]\nOn {{question}}\n[user]\n{{question}}" for role in ("planner", "solver")}))
    with pytest.raises(UsageError, match=r"update=prompts: the instructions of team 'instructed' differ"):
        briefs([played(0, False)], varied, each_role, tasks=TASKS, in_force={})


# -- a run -----------------------------------------------------------------------------------------------------------
class Lab:
    """An experiment with rewritten instructions in a store of its own."""

    def __init__(self, path: Path, useless: bool = False, **changes: Any) -> None:
        self.path, self.calls, self.useless = path, list[Any](), useless
        with Store(path) as store:
            self.id = store.experiments.create("tiny", preset("tiny", {**SETTINGS, **changes}), 0).id

    def go_on(self) -> list[dict[str, Any]]:
        with Store(self.path) as store:
            experiment = store.experiments.get(self.id)
            return improve(Run(store, experiment, Machine(experiment, self.calls, self.useless)))

    def instructions(self, round: int) -> dict[str, dict[str, str]]:
        with Store(self.path) as store:
            names = store.weights.models(self.id, round)[0]
            return {model: dict(Spoken.parse(store.weights.get(name)).system) for model, name in names.items()}


def test_rewrites_that_gain_on_validation_are_kept(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db")
    base, first = lab.go_on()
    assert base["accuracy"] < 0.7 and first["accuracy"] == 1.0
    assert first["updates"] == {"accepted": 2, "rejected": 0} and first["steps"] == {"planner": 0, "solver": 0}
    assert first["validation"]["before"] < first["validation"]["after"] == 30
    assert lab.instructions(1) == {"*": {}, "planner": {PLAN: f"{PLAN} {CHECK}"}, "solver": {SOLVE: f"{SOLVE} {UNIT}"}}
    with Store(lab.path) as store:
        found = store.rewrites.find(lab.id)
        assert [(r.model, r.before, r.why) for r in found] == [
            ("planner", PLAN, "Digits are wrong."), ("solver", SOLVE, "The unit is missing.")]
        for rewrite in found:  # back to the writer's own words, and to the failures that it read
            assert store.episodes.get(rewrite.writer).team == "writer"
            seen = store.rewrites.seen(rewrite)
            turns = [store.episodes.get(t).turns[i].role for t, i in seen]
            assert set(turns) == {rewrite.model} and len(turns) == first["library"][rewrite.model]
        assert {u.after for u in store.weights.updates(lab.id)} < set(store.weights.models(lab.id, 1)[0].values())
        assert all(t.messages[0].content in (PLAN, SOLVE)  # turns keep the request as the team made it
                   for e in store.episodes.find(lab.id, phase="evaluate%") for t in e.turns)
    assert len({(m, s) for m, s in lab.calls}) == len(lab.calls)


def test_a_useless_rewrite_is_rejected_by_the_gate_and_remembered(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db", useless=True, rounds=2)
    base, first, second = lab.go_on()
    for report in (first, second):
        assert report["updates"] == {"accepted": 0, "rejected": 2} and report["correct"] == base["correct"]
        assert report["validation"]["before"] == report["validation"]["after"]
    assert lab.instructions(2) == {"*": {}}
    asked = [m[1].content for m, _ in lab.calls if "rewriting the instruction" in m[0].content]
    assert [f"<rejected>\n{SOLVE} {IDLE}\n</rejected>" in text for text in asked] == [False, False, False, True]


def test_without_failures_nothing_is_written(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db", rounds=2)
    reports = lab.go_on()
    assert reports[2]["updates"] == {"accepted": 0, "rejected": 0} and reports[2]["library"] == {}
    assert lab.instructions(2) == lab.instructions(1)


def test_only_roles_that_learn_are_rewritten(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db", train_roles="solver")
    lab.go_on()
    assert lab.instructions(1) == {"*": {}, "solver": {SOLVE: f"{SOLVE} {UNIT}"}}


def test_one_shared_model_follows_every_role_s_new_instruction(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db", sharing="shared")
    report = lab.go_on()[1]
    assert (report["accuracy"], report["updates"]) == (1.0, {"accepted": 1, "rejected": 0})
    assert lab.instructions(1) == {"*": {PLAN: f"{PLAN} {CHECK}", SOLVE: f"{SOLVE} {UNIT}"}}


def test_instructions_are_rewritten_over_http_from_the_command_line(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = preset("tiny", SETTINGS)
    answers = {t.question: t.answer for split in splits("formulas", changes, 0).values() for t in split}
    team = rewriting_driver.Endpoint(answers, [], False)

    def reply(messages: Any, body: Any) -> str:
        asked = [Message(m["role"], m["content"]) for m in messages]
        return team.write(asked) if "rewriting the instruction" in asked[0].content else team.play(asked)

    with FakeEndpoint(reply, faults={"reset": First(1)}) as server:
        options = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
        assert main(["run", "tiny", "--model", "fake", "--base-url", server.base_url, "--json", "--db",
                     str(tmp_path / "lab.db"), "--set", "attempts=3", *options]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["rounds"][0]["accuracy"] < 0.7, found["rounds"][1]["accuracy"]) == (True, 1.0)
        last = [seen.body["messages"][0]["content"] for seen in server.log[-30:]]
        assert set(last) <= {f"{PLAN} {CHECK}", f"{SOLVE} {UNIT}"}


def test_the_pocket_model_reads_no_instructions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tiny", "--db", str(tmp_path / "lab.db"), "--set", "update=prompts"]) == 2
    assert "update=prompts: the pocket model reads no instructions" in capsys.readouterr().err


# -- people ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def paused(tmp_path: Path) -> Any:
    """A lab that waits for decisions, an open store, and what waits by model."""
    lab = Lab(tmp_path / "lab.db", review=True)
    with pytest.raises(WaitingForReview, match=f"{lab.id}: 2 rewritten instructions of round 1 wait; decide them on"):
        lab.go_on()
    with Store(lab.path) as store:
        yield lab, store, {r.model: r for r in rewriting.waiting(store, lab.id, 1)}


def test_accepted_edited_rejected_and_undone(paused: Any) -> None:
    lab, store, waiting = paused
    calls = len(lab.calls)
    planner, solver = waiting["planner"], waiting["solver"]
    rewriting.decide(store, planner.id, "reject", "Ada", reason="unclear", seconds=3.0)
    rewriting.decide(store, solver.id, "accept", "Ada")
    rewriting.decide(store, solver.id, "undo", "Ada")
    assert [r.model for r in rewriting.waiting(store, lab.id, 1)] == ["solver"]
    with pytest.raises(WaitingForReview, match="1 rewritten"):
        lab.go_on()
    own = f"Say the unit at the end. {UNIT}"
    rewriting.decide(store, solver.id, "edit", "Ada", text=f" {own}\n")
    assert store.rewrites.decisions(lab.id, 1) == {
        planner.id: RewriteReview(planner.id, "Ada", "reject", "unclear", PLAN, 3.0,
                                  store.rewrites.history(planner.id)[0].created_at),
        solver.id: store.rewrites.history(solver.id)[-1]}
    assert [r.verdict for r in store.rewrites.history(solver.id)] == ["accept", "undo", "edit"]
    assert rewriting.admitted(store, lab.id, 1) == [(solver, own)]
    report = lab.go_on()[1]
    assert report["updates"] == {"accepted": 1, "rejected": 0}
    assert lab.instructions(1) == {"*": {}, "solver": {SOLVE: own}}
    again = [m for m, _ in lab.calls[calls:] if "rewriting the instruction" in m[0].content]
    assert again == []
    for verdict in ("undo", "accept"):
        with pytest.raises(UsageError, match=f"round 1 of {lab.id} has been validated already: its decisions stand"):
            rewriting.decide(store, solver.id, verdict, "Ada")


def test_an_accepted_text_is_tried_as_it_is(paused: Any) -> None:
    lab, store, waiting = paused
    for rewrite in waiting.values():
        rewriting.decide(store, rewrite.id, "accept", "Ada")
    assert lab.go_on()[1]["accuracy"] == 1.0
    assert lab.instructions(1) == {"*": {}, "planner": {PLAN: f"{PLAN} {CHECK}"}, "solver": {SOLVE: f"{SOLVE} {UNIT}"}}


def test_an_edit_must_be_usable(paused: Any) -> None:
    _, store, waiting = paused
    solver = waiting["solver"]
    gold = rewriting.seen_by_writer(store, solver)[0].answer
    for text, why in (("", "it is empty"), (SOLVE, "it says the same as before"), (f"Say {gold}.", "the right answer")):
        with pytest.raises(UsageError, match="this instruction cannot be used: .*" + why):
            rewriting.decide(store, solver.id, "edit", "Ada", text=text)
    with pytest.raises(UsageError, match="a decision is accept, edit, reject or undo, not 'maybe'"):
        rewriting.decide(store, solver.id, "maybe", "Ada")
    assert store.rewrites.history(solver.id) == []


def test_going_on_without_leaves_out_what_nobody_decided(paused: Any) -> None:
    lab, store, waiting = paused
    rewriting.decide(store, waiting["planner"].id, "accept", "Ada")
    review.go_on(store, lab.id, 1)
    assert rewriting.waiting(store, lab.id, 1) == []
    lab.go_on()
    assert lab.instructions(1) == {"*": {}, "planner": {PLAN: f"{PLAN} {CHECK}"}}


def test_going_on_before_anything_is_written_decides_nothing(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab.db", review=True)
    with Store(lab.path) as store:
        review.go_on(store, lab.id, 1)
    with pytest.raises(WaitingForReview, match="2 rewritten instructions"):
        lab.go_on()


def test_decisions_are_rows_that_never_change(paused: Any) -> None:
    _, store, waiting = paused
    rewriting.decide(store, waiting["solver"].id, "accept", "Ada")
    for sql in ("UPDATE rewrite_review SET verdict = 'reject'", "DELETE FROM rewrite_review"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store.db.raw.execute(sql)


# -- budgets and deaths ----------------------------------------------------------------------------------------------
def test_the_writer_s_calls_are_budgeted_and_a_resumed_run_does_not_repeat_them(tmp_path: Path) -> None:
    whole = Lab(tmp_path / "whole.db")
    whole.go_on()
    writers = [i for i, (m, _) in enumerate(whole.calls) if "rewriting the instruction" in m[0].content]
    lab = Lab(tmp_path / "lab.db", max_calls=writers[1], concurrency=1)
    with pytest.raises(BudgetSpent):
        lab.go_on()
    with Store(lab.path) as store:
        store.experiments.set_settings(lab.id, store.experiments.get(lab.id).settings.changed({"max_calls": 0}))
    lab.go_on()
    assert Counter(map(digest, lab.calls)) == Counter(map(digest, whole.calls))
    assert told(lab.path, lab.id) == told(whole.path, whole.id)


def test_killed_while_it_writes_it_asks_nothing_again_whose_reply_had_arrived(tmp_path: Path) -> None:
    whole = Lab(tmp_path / "whole.db")
    whole.go_on()
    lab, log = Lab(tmp_path / "lab.db"), tmp_path / "wire.log"
    points = [{"at": "1 rewrite", "count": 3}, *({where: table} for table in (
        "journal", "trajectory", "rewrite", "update_step") for where in ("commit", "after"))]
    arrived: set[int] = set()
    for point in points:
        begun = len(sent(log))
        assert carry_on(lab.path, lab.id, log, point) == -9, point
        assert not arrived & set(sent(log)[begun:]), "a call whose reply had arrived was made again"
        with Store(lab.path) as store:
            arrived = {json.loads(row[0])["tokens_in"] for row in store.db.rows("SELECT reply FROM journal")}
    assert carry_on(lab.path, lab.id, log, {}) == 0
    assert deaths(log) == ["1 rewrite"] * len(points)
    assert set(sent(log)) == {number_of(*call) for call in whole.calls}
    assert told(lab.path, lab.id) == told(whole.path, whole.id)


def sent(log: Path) -> list[int]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("sent")]
