"""A contrast carried out: in which order, what it stores, stopped and killed and gone on with, equal budgets, failures,
more seeds, two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from campaigning import ARMS, Players, small, told

from sirius_core import campaign, jobs, review
from sirius_core.contrast.conclusion import differing
from sirius_core.contrast.plan import from_dict
from sirius_core.contrast.results import per_round, spent
from sirius_core.errors import (
    Busy,
    Cancelled,
    Locked,
    ModelError,
    SiriusError,
    UnknownName,
    UsageError,
    WaitingForReview,
)
from sirius_core.processes import lock
from sirius_core.store import Store
from sirius_core.store.snapshot import snapshot

DRIVER = Path(__file__).with_name("campaign_driver.py")


def begun(path: Path, plan: Any) -> str:
    with Store(path) as store:
        return campaign.create(store, plan)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[str]]:
    """(file, contrast, what was heard) of `small` carried to its end."""
    path, heard = tmp_path_factory.mktemp("campaign") / "lab.db", list[str]()
    contrast = begun(path, small())
    campaign.carry_on(path, contrast, hear=heard.append, machine=Players(small()))
    return path, contrast, heard


def test_seed_by_seed_and_arm_by_arm_each_a_run_of_its_own(finished: tuple[Path, str, list[str]]) -> None:
    path, contrast, heard = finished
    with Store(path) as store:
        runs = store.experiments.of_contrast(contrast)
        assert [(e.seed, e.arm, e.name) for e in runs] == [
            (0, "again", "small: again"), (0, "critic", "small: critic"),
            (1, "again", "small: again"), (1, "critic", "small: critic")]
        job = store.contrasts.job(contrast)
        assert (job.status, job.done, job.total, job.pid) == ("done", 4, 4, None)
        last = [store.experiments.reports(e.id)[-1] for e in runs]
        assert heard == [*(f"{i} of 4: seed {e.seed}, {e.arm}: {r['correct']}/10 = {r['accuracy']:.1%}"
                           for i, (e, r) in enumerate(zip(runs, last, strict=True), 1)), "comparing"]
        assert store.check() == []


def test_the_verdict_is_stored_with_everything_beside_it(finished: tuple[Path, str, list[str]]) -> None:
    path, contrast, _ = finished
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
    assert said is not None and said["seeds"] == 2 and said["counted"] == [0, 1]
    assert said["level"] == "checkpoints" and "3 seeds" in said["sentence"]
    assert [(p["one"], p["other"], p["seed"], p["items"]) for p in said["pairs"]] == [
        ("again", "critic", 0, 10), ("again", "critic", 1, 10)]
    assert sorted({row["round"] for row in said["by_round"]}) == [0, 1]
    assert said["left_out"] == [] and said["predictions"] == []
    assert any(line.startswith("Not equal in learning: calls (again ") for line in said["fairness"])
    assert {trace["name"] for trace in json.loads(said["figure"])["data"]} >= {"again", "critic"}


def test_a_verdict_that_its_runs_do_not_say_is_found(finished: tuple[Path, str, list[str]], tmp_path: Path) -> None:
    path, contrast, _ = finished
    with Store(path) as store:
        assert list(differing(store)) == []
        snapshot(store.db, tmp_path / "copy.db")
    with Store(tmp_path / "copy.db") as store:
        said = store.contrasts.verdict(contrast)
        assert said is not None
        changed = {**said, "sentence": "“critic” is better.", "pairs": []}
        store.contrasts.add_verdict(contrast, 2, changed, said["figure"].replace("again", "once more"))
        lines = list(differing(store))
    assert [line.split(" is ")[0] for line in lines] == [
        f"verdict of {contrast}: sentence", f"verdict of {contrast}: pairs", f"verdict of {contrast}: figure"]
    assert lines[0].startswith(f"verdict of {contrast}: sentence is '“critic” is better.', derived 'With seed 0 ")


def test_one_that_is_done_is_left_as_it_is(finished: tuple[Path, str, list[str]]) -> None:
    path, contrast, _ = finished
    with Store(path) as store:
        before = told(store, contrast)
    assert campaign.carry_on(path, contrast, machine=None).status == "done"
    with Store(path) as store:
        assert told(store, contrast) == before and not jobs.active(store)


# -- before it begins ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("arms, keys, says", [
    ({"a": {}, "b": {"recipe": "none.py"}}, {}, "arm 'b': there is no recipe file"),
    ({"a": {}, "b": {"heldout": 20}}, {}, "another number of held-out problems .heldout=10 and 20."),
    ({"a": {}, "b": {"source": "arithmetic"}}, {}, "another source of problems .source='formulas' and 'arithmetic'."),
    ({"a": {"rounds": 0}, "b": {}}, {"equal": "calls"}, "'a', sets the measure, but it learns in no round"),
    ({"a": {}, "b": {"update": "demos"}}, {"equal": "steps"}, "arm 'b': setting steps=1: update=demos takes no"),
])
def test_every_arm_is_checked_before_anything_stands(tmp_path: Path, arms: Any, keys: Any, says: str) -> None:
    with Store(tmp_path / "lab.db") as store:
        with pytest.raises(UsageError, match=says):
            campaign.create(store, small(arms, **keys))
        assert store.contrasts.all() == [] and store.experiments.all() == []


def test_files_are_named_by_their_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from sirius_core.recipes.sirius import recipe\n")
    monkeypatch.chdir(tmp_path)
    with Store(tmp_path / "lab.db") as store:
        contrast = campaign.create(store, small({"a": {}, "mine": {"recipe": "mine.py"}}))
        plan = from_dict(store.contrasts.get(contrast).plan)
    assert [dict(arm.changes) for arm in plan.arms] == [{}, {"recipe": str(tmp_path / "mine.py")}]


def test_people_predict_until_it_begins(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small(seeds=1)
    contrast = begun(path, plan)
    with Store(path) as store:
        assert store.contrasts.job(contrast).status == "planned"
        store.contrasts.predict(contrast, "Ada", "critic", 5.0, "it explains")
        store.contrasts.predict(contrast, "Ben", "", None, "")
        with pytest.raises(UnknownName, match="did you mean 'critic'"):
            store.contrasts.predict(contrast, "Cy", "critics", None, "")
        with pytest.raises(UsageError, match="between -100 and 100"):
            store.contrasts.predict(contrast, "Cy", "critic", 101.0, "")
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        with pytest.raises(Locked, match="has begun"):
            store.contrasts.predict(contrast, "Cy", "again", None, "now I know")
        with pytest.raises(SiriusError, match="predictions are locked"):
            store.db.insert("prediction", [{"contrast": contrast, "author": "Cy", "arm": "again", "points": None,
                                            "reason": "", "created_at": ""}])
        said = store.contrasts.verdict(contrast)
        assert said is not None
        assert [(row["author"], row["arm"], row["points"], row["reason"], row["came"].split(":")[0])
                for row in said["predictions"]] == [("Ada", "critic", 5.0, "it explains", "open"),
                                                    ("Ben", "", None, "", "open")]


# -- equal budgets ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("equal, setting", [("calls", "round_calls"), ("tokens", "round_tokens"),
                                            ("examples", "examples"), ("steps", "steps")])
def test_the_first_arm_of_a_seed_sets_the_measure_round_by_round(tmp_path: Path, equal: str, setting: str) -> None:
    seeds = (0, 1) if equal == "calls" else (0,)
    path, plan = tmp_path / "lab.db", small({"critic": {}, "again": {"critic": "none"}}, equal=equal,
                                            seeds=list(seeds), settings={"rounds": 2})
    contrast = begun(path, plan)
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        runs = {(e.arm, e.seed): e for e in store.experiments.of_contrast(contrast)}
        for seed in seeds:
            used = [row[equal] for row in per_round(store, runs["critic", seed].id, 2)]
            assert getattr(runs["critic", seed].settings, setting) == ""
            assert runs["again", seed].settings == runs["critic", seed].settings.changed(
                {"critic": "none", setting: ",".join(map(str, used))})
            if equal == "examples":
                assert [row["n"] for row in store.weights.training_sets(runs["again", seed].id)] == [
                    n for n in used for _ in range(3)]
            elif equal == "calls":
                held = [row[equal] for row in per_round(store, runs["again", seed].id, 2)]
                assert all(0 <= mine - first < 3 for mine, first in zip(held, used, strict=True))
        rows = spent(store, contrast)
        assert [(row["arm"], row["seed"]) for row in rows] == list(runs)
        assert [row["calls"] for row in rows if row["arm"] == "critic"] == [
            sum(row["calls"] for row in per_round(store, runs["critic", seed].id, 2)) for seed in seeds]
        said = store.contrasts.verdict(contrast)
        assert said is not None
        if equal == "examples":  # here the others are so few that one more try counts
            assert said["fairness"][0].startswith("Held equal in learning: examples (")


# -- failures --------------------------------------------------------------------------------------------------------
def test_an_arm_that_fails_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    plan = small({**ARMS, "hot": {"rate": 0.1}}, seeds=1)
    contrast, heard = begun(path, plan), list[str]()
    campaign.carry_on(path, contrast, hear=heard.append, machine=Players(plan))
    assert sum("hot: failed (fine-tuning diverged" in line for line in heard) == 1
    with Store(path) as store:
        assert store.contrasts.job(contrast).status == "done"
        said = store.contrasts.verdict(contrast)
        assert said is not None and said["counted"] == [0] and sorted(said["order"]) == ["again", "critic"]
        assert said["left_out"] == [
            "'hot' is left out: with every seed it failed (fine-tuning diverged (the gradient is not finite); start "
            "again with a lower rate)."]


def test_a_recipe_file_that_fails_on_the_way_is_said_with_its_line(tmp_path: Path) -> None:
    (file := tmp_path / "mine.py").write_text(
        "from dataclasses import replace\n\nfrom sirius_core.recipes import sirius\n\n\n"
        "def none(library, draws, random):\n    return 1 / 0\n\n\n"
        "def recipe(settings):\n    return replace(sirius.recipe(settings), select=none)\n")
    path = tmp_path / "lab.db"
    plan = small({"mine": {"recipe": str(file)}, "again": {"critic": "none"}}, seeds=1)
    contrast, heard = begun(path, plan), list[str]()
    campaign.carry_on(path, contrast, hear=heard.append, machine=Players(plan))
    why = f"ZeroDivisionError in line 7 of {file}: division by zero"
    assert f"1 of 2: seed 0, mine: failed ({why}); the others go on" in heard
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
    assert said is not None and (said["sentence"], said["why"], said["left_out"]) == (
        "Nothing can be compared: fewer than two arms got through with the same seed.", "",
        [f"'mine' is left out: with every seed it failed ({why})."])


class Once(Players):
    """Breaks the second run of the second arm, as often as ``times``; ``error`` says how."""

    def __init__(self, plan: Any, error: Exception, times: int = 1) -> None:
        super().__init__(plan)
        self.error, self.times, self.tuned = error, times, 0

    def tune(self, work: Any, on_step: Any) -> Any:
        self.tuned += 1
        if self.tuned >= 4 and self.times:
            self.times -= 1
            raise self.error
        return super().tune(work, on_step)


def test_a_seed_with_which_an_arm_failed_does_not_count_until_it_comes_right(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small()
    contrast, machine = begun(path, plan), Once(plan, KeyError("a bug in a person's recipe"))
    campaign.carry_on(path, contrast, machine=machine)
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
        assert said is not None and said["counted"] == [0]
        assert said["left_out"] == ["Seed 1 is left out: 'critic' failed (KeyError: \"a bug in a person's recipe\")."]
    campaign.carry_on(path, contrast, machine=machine)
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
        assert said is not None and said["counted"] == [0, 1] and said["left_out"] == []


def test_what_the_machine_does_wrong_ends_the_work_and_nothing_is_blamed_on_the_arm(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small()
    contrast, machine = begun(path, plan), Once(plan, ModelError("no server"))
    with pytest.raises(ModelError):
        campaign.carry_on(path, contrast, machine=machine)
    with Store(path) as store:
        job = store.contrasts.job(contrast)
        assert (job.status, job.message, job.done) == ("failed", "no server", 3)
        assert store.contrasts.verdict(contrast) is None
    assert campaign.carry_on(path, contrast, machine=machine).status == "done"


def test_without_a_measure_of_the_first_arm_the_others_of_a_seed_do_not_begin(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small({"hot": {"rate": 0.1}, "again": {"critic": "none"}}, equal="calls", seeds=1)
    contrast = begun(path, plan)
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        assert [e.arm for e in store.experiments.of_contrast(contrast)] == ["hot"]
        said = store.contrasts.verdict(contrast)
        assert said is not None and said["level"] == "none" and said["counted"] == [0] and len(said["left_out"]) == 2
        assert said["sentence"] == (
            "Nothing can be compared: fewer than two arms got through with the same seed.")


# -- stopped, gone on with, more seeds -------------------------------------------------------------------------------
class Stopping(Players):
    """Asks for a stop while the second run is fine-tuned."""

    def __init__(self, plan: Any, stop: Any) -> None:
        super().__init__(plan)
        self.stop, self.tuned = stop, 0

    def tune(self, work: Any, on_step: Any) -> Any:
        self.tuned += 1
        if self.tuned == 2:
            self.stop()
        return super().tune(work, on_step)


@pytest.mark.parametrize("how", ["flag", "SIGTERM"])
def test_stopped_it_goes_on_where_it_was(
        tmp_path: Path, how: str, finished: tuple[Path, str, list[str]]) -> None:
    path, plan = tmp_path / "lab.db", small()
    contrast = begun(path, plan)

    def stop() -> None:
        if how == "flag":
            campaign.stop(path, contrast)
        else:
            os.kill(os.getpid(), getattr(signal, how))

    with pytest.raises(Cancelled, match=f"go on with: sirius contrast {contrast}"):
        campaign.carry_on(path, contrast, machine=Stopping(plan, stop))
    with Store(path) as store:
        assert campaign.status(store, contrast).status == "stopped"
        assert len(store.experiments.of_contrast(contrast)) == 2
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store, Store(finished[0]) as other:
        assert told(store, contrast) == told(other, finished[1])


def test_only_one_process_carries_a_contrast_on(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    contrast = begun(path, small())
    with lock(path, contrast):
        with pytest.raises(Busy, match="carried on by another process"):
            campaign.carry_on(path, contrast)
        with pytest.raises(Busy, match="already"):
            campaign.launch(path, contrast)
    with Store(path) as store:
        assert campaign.status(store, contrast).status == "planned"
        store.contrasts.set_job(contrast, status="running")
        assert campaign.status(store, contrast).status == "stopped"


def test_an_arm_with_review_waits_for_people_and_the_contrast_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    plan = small({"again": {"critic": "none"}, "reviewed": {"review": True, "replays": 0}}, seeds=1)
    contrast = begun(path, plan)
    with pytest.raises(WaitingForReview, match=f"--go-on; then: sirius contrast {contrast}$"):
        campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        assert store.contrasts.job(contrast).status == "paused" and store.contrasts.verdict(contrast) is None
        review.go_on(store, store.experiments.of_contrast(contrast)[1].id, 1)
    assert campaign.carry_on(path, contrast, machine=Players(plan)).status == "done"


def test_more_seeds_make_a_recipe_of_checkpoints(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small(seeds=[3, 5])
    contrast = begun(path, plan)
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        assert campaign.more_seeds(store, contrast, 1) == (3, 5, 6)
        job = campaign.status(store, contrast)
        assert (job.status, job.done, job.total) == ("planned", 4, 6)
        before = told(store, contrast)[:4]
        with pytest.raises(UsageError):
            campaign.more_seeds(store, contrast, 0)
    campaign.carry_on(path, contrast, machine=Players(replace(plan, seeds=(3, 5, 6))))
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
        assert said is not None and (said["level"], said["seeds"]) == ("recipe", 3) and len(said["pairs"]) == 1
        assert told(store, contrast)[:4] == before
        assert said["why"].endswith(
            "It was judged before, with 2 seeds: whoever adds seeds until arms differ calls equal arms different more "
            "often than p says. A new contrast on other seeds is free of that.")


def test_seeds_added_while_it_is_at_work_are_played_before_it_is_judged(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small(seeds=[3])
    contrast = begun(path, plan)

    def hear(news: str) -> None:
        if news.startswith("1 of 2"):
            with Store(path) as store:
                assert campaign.more_seeds(store, contrast, 1) == (3, 4)

    job = campaign.carry_on(path, contrast, hear=hear, machine=Players(replace(plan, seeds=(3, 4))))
    assert (job.status, job.done, job.total) == ("done", 4, 4)
    with Store(path) as store:
        said = store.contrasts.verdict(contrast)
        assert said is not None and (said["seeds"], said["counted"], said["left_out"]) == (2, [3, 4], [])
        assert "judged before" not in said["why"]


def test_a_run_of_a_contrast_keeps_the_rounds_of_its_plan(finished: tuple[Path, str, list[str]]) -> None:
    path, contrast, _ = finished
    with Store(path) as store:
        run = store.experiments.of_contrast(contrast)[0].id
        jobs.change(store, run, {"rounds": 1, "workers": 1})
        with pytest.raises(UsageError, match=f"rounds=2: {run} is a run of {contrast}, whose plan has 1"):
            jobs.change(store, run, {"rounds": 2})


def test_a_recipe_file_that_changes_between_seeds_is_said(tmp_path: Path) -> None:
    path, mine = tmp_path / "lab.db", tmp_path / "mine.py"
    mine.write_text("from sirius_core.recipes.star import recipe\n")
    plan = small({"plain": {"recipe": "star"}, "mine": {"recipe": str(mine)}}, seeds=1)
    contrast = begun(path, plan)
    campaign.carry_on(path, contrast, machine=Players(plan))
    with Store(path) as store:
        assert "recipe file" not in "".join(store.contrasts.verdict(contrast)["fairness"])
        campaign.more_seeds(store, contrast, 1)
    mine.write_text("from sirius_core.recipes.placebo import recipe\n")
    campaign.carry_on(path, contrast, machine=Players(replace(plan, seeds=(0, 1))))
    with Store(path) as store:
        assert store.contrasts.verdict(contrast)["fairness"][0] == (
            "The recipe file of 'mine' was changed between its seeds: they did not all play the same recipe.")


def test_only_what_touches_no_result_may_change(tmp_path: Path) -> None:
    path, plan = tmp_path / "lab.db", small({"a": {"workers": 3}, "b": {}})
    contrast = begun(path, plan)
    with Store(path) as store:
        campaign.change(store, contrast, {"workers": 2})
        changed = campaign.plan_of(store, contrast)
        assert [changed.settings_of(arm).workers for arm in changed.arms] == [2, 2]
        with pytest.raises(UsageError, match="setting rate is part of the contrast"):
            campaign.change(store, contrast, {"rate": 0.1})


# -- processes of their own ------------------------------------------------------------------------------------------
def driven(path: Path, contrast: str, count: int = 0) -> subprocess.Popen[bytes]:
    """`campaign.carry_on` by a process of its own, which dies at its ``count``-th SQL statement."""
    return subprocess.Popen([sys.executable, DRIVER, path, contrast, str(count)], env={
        **os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])})


def test_killed_at_any_point_while_another_goes_on_in_the_same_file_both_end_the_same(
        tmp_path: Path, finished: tuple[Path, str, list[str]]) -> None:
    path = tmp_path / "lab.db"
    killed, other = (begun(path, small()) for _ in range(2))
    beside = driven(path, other)
    for count in (50, 120):
        assert driven(path, killed, count).wait(60) == -signal.SIGKILL
        with Store(path) as store:
            assert campaign.status(store, killed).status == "stopped"
    assert driven(path, killed).wait(60) == beside.wait(60) == 0
    with Store(path) as store, Store(finished[0]) as undisturbed:
        assert [told(store, c) for c in (killed, other)] == [told(undisturbed, finished[1])] * 2
        assert [c.id for c in store.contrasts.all()] == [other, killed] and store.check() == []
