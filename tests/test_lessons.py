"""The lessons: texts that fit a page, plans that run, outcomes that say what was measured and follow from it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from benchmarks.lessons import as_stated, bits, changed, table, texts
from sirius_core import campaign, lessons
from sirius_core.contrast import results
from sirius_core.contrast.verdict import Pair, judge
from sirius_core.errors import UnknownName, UsageError
from sirius_core.lessons import Lesson
from sirius_core.store import Store

LONGEST = {"title": 40, "question": 160, "wrong": 420, "outcome": 420, "note": 1000}
EVERY = pytest.mark.parametrize("lesson", lessons.all(), ids=lessons.KEYS)
TWO_POINTS = 0.02


def sentences(text: str) -> int:
    return len(re.findall(r"[.?!](?= |$)", text))


def test_every_file_is_on_the_list_and_the_other_way_round() -> None:
    assert sorted(lessons.KEYS) == sorted(file.stem for file in lessons.FOLDER.glob("*.toml"))
    assert sorted(lessons.KEYS) == sorted(file.stem for file in (lessons.FOLDER / "measured").glob("*.json"))
    assert tuple(lesson.key for lesson in lessons.all()) == lessons.KEYS
    with pytest.raises(UnknownName, match="gold-or-blind"):
        lessons.get("gold-or-blnd")


@EVERY
def test_texts_fit_a_page(lesson: Lesson) -> None:
    texts = {name: getattr(lesson, name) for name in LONGEST}
    assert {name: len(text) for name, text in texts.items() if not 10 < len(text) <= LONGEST[name]} == {}
    assert lesson.question.endswith("?") and sentences(lesson.question) == 1
    assert 4 <= sentences(lesson.note) <= 8 and "?" in lesson.note  # the last thing is a question to ask next


@EVERY
def test_the_plan_can_be_carried_out(lesson: Lesson, tmp_path: Path) -> None:
    assert (lesson.plan.lesson, lesson.plan.name, lesson.plan.question) == (lesson.key, lesson.key, lesson.question)
    with Store(tmp_path / "lab.db") as store:
        made = campaign.create(store, lesson.plan)
        kept, plan = campaign.plan_of(store, made), lesson.plan
        assert [kept.settings_of(arm) for arm in kept.arms] == [plan.settings_of(arm) for arm in plan.arms]
        assert (kept.lesson, kept.seeds, kept.equal) == (lesson.key, tuple(range(5)), plan.equal)
        assert store.contrasts.get(made).question == lesson.question


@EVERY
def test_what_was_measured_is_this_plan(lesson: Lesson) -> None:
    found = lesson.measured
    assert found is not None
    assert (found["seeds"], list(found["arms"])) == (20, [arm.name for arm in lesson.plan.arms])
    for arm in lesson.plan.arms:
        settings, of_arm = lesson.plan.settings_of(arm), found["arms"][arm.name]
        assert of_arm["settings"] == changed(settings)
        assert [len(rounds) for rounds in of_arm["rounds"]] == [settings.rounds + 1] * 20
        assert found["items"] == settings.heldout
        right = [sum(lessons.answers(row, settings.heldout)) / settings.heldout for row in of_arm["right"]]
        assert of_arm["final"] == right == [rounds[-1] for rounds in of_arm["rounds"]]


@EVERY
def test_sentence_and_outcome_follow_from_the_answers(lesson: Lesson) -> None:
    found = lesson.measured
    assert found is not None
    verdict = judge(lessons.final(found))
    assert (verdict.level, verdict.sentence) == ("recipe", found["sentence"])
    assert as_stated(lesson.ahead, found["arms"], found["items"]) == found["share_as_stated"]
    if lesson.ahead:
        ahead = {pair: sign for pair in verdict.pairs if (sign := _side(pair, lesson.ahead))}
        assert verdict.order[0] == lesson.ahead and lesson.ahead in lesson.outcome
        assert all(pair.different and sign * pair.delta.estimate > 0 for pair, sign in ahead.items())
    else:
        assert all(max(-pair.delta.low, pair.delta.high) <= TWO_POINTS for pair in verdict.pairs)
        assert "no difference of more than two points" in lesson.outcome
    assert f"{found['share_as_stated']} of 20 seeds" in lesson.outcome
    for name, arm in found["arms"].items():
        assert f"{100 * fmean(arm['final']):.1f}" in lesson.outcome, name


def _side(pair: Pair, arm: str) -> int:
    """1 if ``arm`` is the other of the pair, -1 if it is the one, 0 if it takes no part."""
    return {pair.other: 1, pair.one: -1}.get(arm, 0)


@pytest.mark.parametrize("text, said", [
    ('title = "t"', "wrong is missing"),
    ('title = "t"\nwrong = "w"\nnote = "n"\noutcome = "o"\nahead = "c"\n[arms.a]\n[arms.b]', "ahead='c' is none"),
    ('title = 3', "title is missing, or no text"),
    ('title = ', "is no TOML file"),
])
def test_a_lesson_that_is_none_is_told_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(said)):
        lessons.read(tmp_path / "mine.toml")


def test_the_handbook_says_what_was_measured() -> None:
    said = (Path(__file__).parents[1] / "docs" / "lessons.md").read_text("utf-8")
    assert "\n".join(table()) in said and "\n".join(texts()) in said


def test_answers_are_the_bits_that_were_written() -> None:
    assert lessons.answers("b8", 5) == [1, 0, 1, 1, 1]
    assert [lessons.answers(bits(row), len(row)) for row in ([], [1], [0, 0, 0, 1, 1], [1] * 8)] == [
        [], [1], [0, 0, 0, 1, 1], [1] * 8]


def test_a_lesson_from_plan_to_verdict(tmp_path: Path) -> None:
    lesson, path = lessons.get("real-or-random"), tmp_path / "lab.db"
    small = {**lesson.plan.settings, "problems": 12, "max_solutions": 2, "heldout": 12, "interim": 6, "epochs": 1,
             "rounds": 1, "workers": 1}
    with Store(path) as store:
        made = campaign.create(store, replace(lesson.plan, settings=small, seeds=(3,)))
    assert campaign.carry_on(path, made).status == "done"
    with Store(path) as store:
        found, verdict = results.results(store, made), store.contrasts.verdict(made)
        rows = results.spent(store, made)
    assert {arm: {seed: {round: len(right) for round, right in by_round.items()} for seed, by_round in by_seed.items()}
            for arm, by_seed in found.items()} == {arm: {3: {0: 6, 1: 12}} for arm in ("real", "random")}
    assert verdict is not None and verdict["level"] == "checkpoints"
    assert [one["examples"] == two["examples"] for one, two in pairwise(rows)] == [True]
