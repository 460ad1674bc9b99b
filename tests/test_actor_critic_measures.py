"""First answers, verdicts and final answers: every measure counted by hand, the flow, the two baselines."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import sit

from sirius_core import figures, flows, frames, jobs, recipes, teams
from sirius_core.errors import UsageError
from sirius_core.measures import NAMES, actor_critic, again, branches, value
from sirius_core.measures.branches import Branch
from sirius_core.settings import preset
from sirius_core.statistics import mcnemar, mean_of_two, paired_delta, wilson
from sirius_core.store import Store
from sirius_core.teams.actor_critic import shown
from sirius_core.trajectories import Outcome, Reward, SeedPath, Stop, Task, Trajectory, Turn

# (first right, verdict, final right, how many): 20 problems, 11 first answers right, 13 final ones.
WAYS = [(True, "true", True, 7), (True, "false", True, 1), (True, "false", False, 2), (True, "unreadable", True, 1),
        (False, "true", False, 3), (False, "false", True, 4), (False, "false", False, 1),
        (False, "unreadable", False, 1)]


def branch(i: int, first: bool, verdict: str, final: bool) -> Branch:
    return Branch(f"e{i}", f"t{i}", f"g{i}", first, verdict, verdict == "false", final, "1", "2")


def many(ways: list[tuple[bool, str, bool, int]]) -> list[Branch]:
    said = [way[:3] for way in ways for _ in range(way[3])]
    return [branch(i, *way) for i, way in enumerate(said)]


def test_every_measure_is_what_was_counted_by_hand():
    rows = actor_critic.measure(many(WAYS))
    shares = {"first": (11, 20), "final": (13, 20), "tp": (7, 20), "passed_right": (7, 11), "passed_wrong": (3, 9),
              "flagged_wrong": (5, 9), "unreadable": (2, 20), "flagged_mended": (4, 5), "spoilt": (2, 11),
              "cl": (9, 11), "cs": (4, 9)}
    for name, (k, n) in shares.items():
        found, interval = value(rows, name), wilson(k, n)
        assert found is not None and (found["value"], found["n"]) == (pytest.approx(k / n), n), name
        assert (found["low"], found["high"]) == (interval.low, interval.high), name
    first = [1] * 11 + [0] * 9
    final = [1] * 8 + [0] * 2 + [1] + [0] * 3 + [1] * 4 + [0] * 2
    more, delta = value(rows, "final_minus_first"), paired_delta(first, final, [f"g{i}" for i in range(20)])
    assert more == {"measure": "final_minus_first", "where": "held-out", "value": 0.1, "low": delta.low,
                    "high": delta.high, "n": 20, "p": mcnemar(first, final).p}
    assert (mcnemar(first, final).gained, mcnemar(first, final).lost) == (4, 2)
    judge, both = value(rows, "judge_balanced"), mean_of_two(wilson(7, 11), wilson(5, 9))
    assert judge == {"measure": "judge_balanced", "where": "held-out", "value": (7 / 11 + 5 / 9) / 2, "low": both.low,
                     "high": both.high, "n": 20}
    rss = value(rows, "rss")
    assert rss is not None and rss["value"] == pytest.approx((0.65 - 0.55**2) / (2 * 0.55 * 0.45))
    assert {row["measure"] for row in rows} <= set(NAMES)


def test_what_cannot_be_said_has_no_value():
    alike = {row["measure"]: row["value"] for row in actor_critic.measure(many([(True, "true", True, 4)]))}
    assert (alike["judge_balanced"], alike["passed_wrong"], alike["flagged_mended"], alike["cs"], alike["rss"]) == (
        None,) * 5
    assert (alike["first"], alike["spoilt"], alike["final_minus_first"]) == (1.0, 0.0, 0.0)
    alone = actor_critic.measure(many([(True, "", False, 1), (True, "", True, 3), (False, "", True, 2)]))
    assert {row["measure"]: row["value"] for row in alone} == {
        "first": 4 / 6, "final": 5 / 6, "final_minus_first": 1 / 6, "spoilt": 0.25, "cl": 0.75, "cs": 1.0,
        "rss": pytest.approx((5 / 6 - 16 / 36) / (2 * 2 / 9))}
    assert all(row["value"] is None for row in actor_critic.measure([]))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["true", "false", "unreadable"]), st.booleans()), max_size=40))
def test_the_parts_add_up(said):
    found = [branch(i, *way) for i, way in enumerate(said)]
    rows = {row["measure"]: row for row in actor_critic.measure(found)}
    if not found:
        return
    right, n = rows["cl"]["n"], len(found)
    kept, mended = (rows[name]["value"] or 0 for name in ("cl", "cs"))
    assert rows["final"]["value"] == pytest.approx((right * kept + (n - right) * mended) / n)
    assert rows["tp"]["value"] == pytest.approx(right * (rows["passed_right"]["value"] or 0) / n)
    assert sum(way["n"] for way in flows.ways(found)) == n
    assert sum(row[name] for row in flows.confusion(found) for name in flows.columns(found)) == n


def test_the_interval_of_a_balanced_accuracy_covers_what_it_promises():
    """Exactly, over all outcomes of two binomials: 30 right and 50 wrong answers."""
    def weights(n: int, p: float) -> list[float]:
        return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]

    one, two = ([wilson(k, n) for k in range(n + 1)] for n in (30, 50))
    for p, q in ((0.5, 0.5), (0.9, 0.6), (0.7, 0.8), (0.97, 0.4)):
        inside = sum(a * b for i, a in enumerate(weights(30, p)) if a > 1e-6 for j, b in enumerate(weights(50, q))
                     if b > 1e-6 and (m := mean_of_two(one[i], two[j])).low <= (p + q) / 2 <= m.high)
        assert 0.93 < inside < 0.975, (p, q, inside)
    assert mean_of_two(wilson(0, 0), wilson(3, 4)).n == 0


# -- read from episodes ------------------------------------------------------------------------------------------------
TASK = Task("t", "arithmetic", "heldout", "What is 6*7?", "42", "number")


def turn(role: str, value: object, prompt: str = "answer") -> Turn:
    return Turn(role, prompt, None, (), {}, "said", f"{role}.{prompt}", value=value)


def episode(*turns: Turn, right: bool, stop: Stop | None = None) -> Trajectory:
    outcome = Outcome(None if stop else "x", stop)
    return Trajectory(SeedPath("e", 0, 0, branches.HELD_OUT, "t"), "actor_critic", turns, outcome,
                      reward=Reward(float(right)))


def test_an_episode_is_read_from_its_turns():
    first, other = turn("actor", {"answer": "Answer: 41"}), turn("actor", {"answer": "Answer: 42"}, "revise")
    flagged = turn("judge", {"verdict": False, "why": ""})
    episodes = [
        episode(first, flagged, turn("critic", {"feedback": "look"}), other, right=True),
        episode(other, turn("judge", {"verdict": True, "why": ""}), right=True),
        episode(first, turn("judge", {"verdict": None, "why": ""}), right=False),
        episode(first, flagged, turn("critic", None), right=False, stop=Stop.TRUNCATED),
        episode(turn("actor", None), right=False, stop=Stop.TRUNCATED),
        episode(turn("actor", {"answer": None}), turn("judge", None), right=False),
        episode(right=False, stop=Stop.LOST),
    ]
    found = branches.read(episodes, {"t": TASK}, True, 0.5)
    assert [(b.first, b.verdict, b.revised, b.final, b.said, b.ended) for b in found] == [
        (False, "false", True, True, "41", "42"),
        (True, "true", False, True, "42", "42"),
        (False, "unreadable", False, False, "41", "41"),
        (False, "false", False, False, "41", ""),
        (False, "unreadable", False, False, "", ""),
        (False, "unreadable", False, False, "", ""),
        (False, "unreadable", False, False, "", ""),
    ]
    assert {b.verdict for b in branches.read(episodes, {"t": TASK}, False, 0.5)} == {""}
    assert [name for name in teams.TEAMS if branches.applies(teams.get(name))] == ["actor_critic", "self_correct"]
    assert not branches.applies(recipes.get(preset("actor-critic", {"recipe": "vote", "team": "actor_critic"})).team)


# -- in the store, and the baselines -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("court") / "lab.db"
    with Store(path) as store:
        court = sit(store, recipe="actor_critic", rounds=1)
        alone = sit(store, "alone", recipe="self_correct")
    return path, court, alone


def test_reports_hold_the_measures_and_the_check_derives_them(made):
    path, court, alone = made
    with Store(path) as store, frames.open(path) as lab:
        assert store.check(figures.for_round, measure=again(store)) == []
        for e, has_judge in ((court, True), (alone, False)):
            reports = store.experiments.reports(e.id)
            for report in reports:
                names = {row["measure"] for row in report["measures"]}
                assert {"first", "final", "spoilt", "cl", "rss"} <= names and ("tp" in names) is has_judge
                assert value(report["measures"], "final")["value"] == report["accuracy"]
            assert set(lab.measures(e.id)["measure"]) >= {"first", "final_minus_first"}
        drawn = lab.figure("judging", court.id)
        assert [t.name for t in drawn.data] == ["judge, balanced", "flagged and mended", "right answers spoilt"]
        assert [t.name for t in lab.figure("first_and_final", alone.id).data] == ["final answers", "first answers"]


def test_the_frames_say_what_became_of_every_first_answer(made):
    path, court, alone = made
    with frames.open(path) as lab:
        found, table, flow = (getattr(lab, name)(court.id) for name in ("branches", "confusion", "flow"))
        assert len(found) == 60 == table["n"].sum() == flow["n"].sum() and flow["share"].sum() == pytest.approx(1)
        for _, row in table.iterrows():
            for name in ("true", "false", "unreadable"):
                mine = found[(found["first"] == (row["first"] == "right")) & (found["verdict"] == name)]
                assert row[name] == len(mine) == len(lab.branches(court.id, cell=f"{row['first']}-{name}"))
        assert list(lab.confusion(court.id, round=0)["n"]) != list(table["n"])
        assert list(lab.confusion(alone.id).columns) == ["first", "n", "right", "wrong"]
        (picture,) = lab.flow_figure(court.id).data
        ends = {i for i, label in enumerate(picture.node.label) if picture.node.x[i] > 0.9}
        assert sum(v for v, to in zip(picture.link.value, picture.link.target, strict=True) if to in ends) == 60
        assert all(0 <= y <= 1 for y in picture.node.y)


def test_another_team_has_no_flow(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        e = sit(store, recipe="single", heldout=8)
        assert flows.of_round(store, e) == [] and not store.experiments.reports(e.id)[0].get("measures")


def test_both_baselines_begin_with_the_same_first_answers_and_learn_nothing(made, tmp_path):
    path, _, alone = made
    with Store(tmp_path / "lab.db") as store:
        prompted = sit(store, "prompted")
        said = {t.task: t.turns[0].text for t in store.episodes.find(prompted.id, phase=branches.HELD_OUT)}
        with Store(path) as other:
            again_said = {t.task: t.turns[0].text for t in other.episodes.find(alone.id, phase=branches.HELD_OUT)}
            shapes = {tuple(f"{x.role}.{x.prompt}" for x in t.turns)
                      for t in other.episodes.find(alone.id, phase=branches.HELD_OUT)}
        assert said == again_said and shapes == {("actor.answer", "actor.again")}
        made_of = {tuple(f"{x.role}.{x.prompt}" for x in t.turns)
                   for t in store.episodes.find(prompted.id, phase=branches.HELD_OUT)}
        assert made_of == {("actor.answer", "judge.answer"),
                           ("actor.answer", "judge.answer", "critic.answer", "actor.revise")}
    for name in ("prompted", "self_correct"):
        found = recipes.get(preset("tiny", {"recipe": name}))
        assert not found.learns and found.repair is None


def test_a_base_that_never_saw_a_second_look_is_refused(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        for name, what in (("self_correct", "a second look"), ("prompted", "a judge")):
            with pytest.raises(UsageError, match=f"never saw {what}"):
                jobs.create(store, "x", preset("tiny", {"recipe": name}), 0)


# -- the prompts for chat models ---------------------------------------------------------------------------------------
def test_nobody_but_the_rule_sees_the_right_answer_and_passages_come_along():

    prompts = {(role, key[0]): prompt for team in ("actor_critic", "self_correct")
               for role, found in teams.get(team).roles.items() for key, prompt in found.prompts.items()
               if key[1] == "chat" and role != "rephraser"}
    assert {at: sorted(prompt.slots) for at, prompt in prompts.items()} == {
        ("actor", "answer"): ["form", "question"], ("actor", "revise"): ["feedback", "form", "question", "response"],
        ("actor", "again"): ["form", "question", "response"], ("judge", "answer"): ["question", "response"],
        ("critic", "answer"): ["question", "response"]}
    systems = {prompt.messages[0].content for (role, _), prompt in prompts.items() if role == "actor"}
    assert len(systems) == 1  # an example of a revision stands where a first answer is asked for
    task = replace(TASK, id="p", source="pubmedqa", kind="yes_no_maybe", answer="maybe", question="Does it help?",
                   data={"context": ["Forty were treated.", "Nineteen got well."]})
    given = shown(task, "chat", "Answer: no")
    text = prompts["judge", "answer"].fill(given)[-1].content
    assert "Forty were treated.\n\nNineteen got well.\n\nDoes it help?" in text and "maybe" not in text
    assert "Opinion: True" in text and "Opinion: False" in text
