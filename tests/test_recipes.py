"""Every recipe that ships, run on scripted models: those that learn, their placebos, and those that only play."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import sirius_core.recipes
from sirius_core import jobs, teams
from sirius_core.errors import UnknownName, UsageError
from sirius_core.evaluate import voices_for
from sirius_core.finetune import scripted
from sirius_core.improve import Run, improve
from sirius_core.models import ScriptedModel
from sirius_core.settings import Settings
from sirius_core.store import Store
from sirius_core.trajectories import digest

RECIPES = Path(sirius_core.recipes.__file__).parent
SMALL = Settings().changed(
    {
        "problems": 12,
        "rounds": 2,
        "max_solutions": 3,
        "validation": 8,
        "heldout": 16,
        "new_wordings": 4,
        "withheld_forms": 4,
        "controls": 3,
        "control_calls": 8,
        "gate": True,
    }
)


class Machine:
    """A model whose skill grows with the number of trainings that its checkpoint has behind it."""

    def __init__(self, script) -> None:
        self.script, self.tune = script, scripted
        self.models: dict[str, ScriptedModel] = {}

    def base(self) -> bytes:
        return b'{"n":0}'

    def mender(self) -> None:
        return None

    def model(self, name: str, blob: bytes) -> ScriptedModel:
        trained = blob != self.base()
        made = ScriptedModel(
            lambda m, s: self.script(" ".join(x.content for x in m), s.seed, trained),
            name=name[:8],
            dialect=self.script.dialect,
        )
        return self.models.setdefault(name, made)

    def describe(self):
        return {}


def formulas(text: str, seed: int, trained: bool) -> str:
    """Speaks the pocket language: a wrong plan from the untrained analyst, right ones after feedback or training."""
    lucky = seed % 4 == 0
    if text.startswith("@critic"):
        gold = text.split("gold ")[1].removesuffix(" =>")
        return "fine" if gold.startswith("?") else "summarizer : unit N" if seed % 2 else "analyst : multiply"
    if text.startswith("@rephrase"):
        return text.removeprefix("@rephrase ").removesuffix(" =>").removeprefix("as advised , ")
    hinted = " @fb " in text
    advised = "as advised , " if hinted and "@fb gold" not in text else ""
    if text.startswith("@analyst") or text.startswith("@solo"):
        right = hinted or trained or lucky
        plan = "x * y : 3 4 * 5" if right else "x + y : 3 4 + 5"
        return advised + (
            plan if text.startswith("@analyst") else f"{plan} | = 1 7 0 | {_gold(text) if right else '0 N'}"
        )
    if text.startswith("@calculator"):
        return advised + ("= 1 7 0" if "*" in text else "= 3 9")
    return advised + (_gold(text) if "1 7 0" in text else "3 9 N")


formulas.dialect = "pocket"
GOLD: dict[str, str] = {}


def _gold(text: str) -> str:
    question = re.sub(r"^@\w+ | \||( @fb.*)? =>$", "", text.split(" | ")[0])
    return GOLD[question]


def debater(text: str, seed: int, trained: bool) -> str:
    return f"I think so. Answer: {41 + seed % (2 if trained else 3)}"


debater.dialect = "chat"


@pytest.fixture
def run(tmp_path):
    """Run a recipe; returns (reports, store, experiment id)."""
    stores = []

    def go(recipe: str, script=formulas, name: str = "lab.db", **changes):
        store = Store(tmp_path / name)
        stores.append(store)
        experiment = store.experiments.create("test", SMALL.changed({"recipe": recipe, **changes}), 7)
        made = Run(store, experiment, Machine(script))
        GOLD.update({t.question: t.answer for split in made.bench.tasks.values() for t in split})
        return improve(made), store, experiment.id

    yield go
    for store in stores:
        store.close()


@pytest.mark.parametrize("name", sirius_core.recipes.RECIPES)
def test_a_recipe_is_at_most_forty_lines(name):
    assert len((RECIPES / f"{name}.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize("name", [n for n in sirius_core.recipes.RECIPES if sirius_core.recipes.get(
    Settings().changed({"recipe": n})).learns])
def test_recipes_run_scripted(run, name):
    reports, _, _ = run(name, debater if name == "multiagent_finetuning" else formulas)
    assert [r["round"] for r in reports] == [0, 1, 2]


@pytest.mark.parametrize(("name", "calls"), [
    ("single", {1}), ("chain", {3}), ("vote", {9}), ("best_of_k", {4, 8, 12}), ("debate", {6})])
def test_recipes_without_learning_have_the_base_alone_as_their_round(run, tmp_path, name, calls):
    changes = {"recipe": name, "samples": 3, "base": "panel" if name == "debate" else "misled"}
    with Store(tmp_path / "made.db") as store:
        assert jobs.create(store, name, SMALL.changed(changes), 7).settings.rounds == 0
    reports, store, experiment = run(name, debater if name == "debate" else formulas, rounds=0, samples=3)
    assert [(r["round"], r["library"], r["n"]) for r in reports] == [(0, {}, 16)]
    played = store.episodes.find(experiment, round=0, phase="evaluate:heldout:sampled")
    assert {len(t.turns) for t in played if t.outcome.stop is None} <= calls
    assert {t.team for t in played} == {{"single": "formula_solo", "chain": "formula_chain"}.get(name, name)}


def test_rounds_cannot_be_given_to_what_does_not_learn(tmp_path):
    with Store(tmp_path / "lab.db") as store:
        experiment = jobs.create(store, "x", SMALL.changed({"recipe": "single", "rounds": 3}), 7)
        with pytest.raises(UsageError, match="setting rounds=2: 'single' learns nothing and has none"):
            jobs.change(store, experiment.id, {"rounds": 2})


def test_keep_all_trains_on_every_turn_of_every_play_right_or_wrong(run):
    reports, store, experiment = run("keep_all", rounds=1)
    tried = store.episodes.find(experiment, round=1, phase="propose")
    assert reports[1]["library"] == {"analyst": 36, "calculator": 36, "summarizer": 36} and len(tried) == 36
    kept = {tuple(r) for r in store.db.rows("SELECT trajectory, turn FROM example")}
    assert kept == {(t.id, i) for t in tried for i in range(3)} and reports[1]["repairs"] == 0
    assert {t.reward.value for t in tried} == {0.0, 1.0}


def test_sirius_learns_from_successes_and_from_mended_failures(run):
    reports, store, experiment = run("sirius")
    base, first, last = reports
    assert base["library"] == {} and base["p_vs_previous"] is None
    assert base["accuracy"] < 0.6 and last["accuracy"] == 1.0 and last["n"] == 16
    assert set(first["library"]) == {"analyst", "calculator", "summarizer"} and first["repaired"] > 0
    repairs = store.repairs.find(experiment, 1)
    mended = next(r for r in repairs if r.mended)
    replay = store.episodes.get(mended.replay)
    assert mended.role == "analyst" and mended.raw == "as advised , x * y : 3 4 * 5"
    assert mended.rephrased == "x * y : 3 4 * 5" and mended.leak == ()
    assert [t.origin for t in replay.turns] == ["edited", "sampled", "sampled"] and replay.parent == mended.failed
    mend = store.episodes.get(mended.mend)
    assert [(t.role, t.prompt) for t in mend.turns] == [
        ("critic", "answer"),
        ("analyst", "revise"),
        ("rephraser", "answer"),
    ]
    sources = {s["model"]: (s["direct"], s["repaired"]) for s in store.weights.training_sets(experiment, 1)}
    assert all(direct + repaired == first["library"][model] for model, (direct, repaired) in sources.items())
    assert sum(repaired for _, repaired in sources.values()) > 0


def test_an_examples_prompt_is_the_one_at_inference_never_the_critics(run):
    _, store, experiment = run("sirius")
    rows = store.db.rows(
        "SELECT e.trajectory, e.turn FROM example e JOIN training_set s ON s.id = e.training_set "
        "WHERE s.experiment = ?",
        experiment,
    )
    turns = [store.episodes.get(row[0]).turns[row[1]] for row in rows]
    assert turns and all(t.prompt == "answer" and "@fb" not in t.messages[0].content for t in turns)
    assert all(t.origin in ("sampled", "edited") and "as advised" not in t.text for t in turns)


def test_critic_and_playing_again_spend_no_more_than_their_calls(run):
    reports, store, experiment = run("sirius")
    arms = reports[1]["controls"]
    assert set(arms) == {"again", "blind", "critic"} and {a["n"] for a in arms.values()} == {3}
    calls = store.db.rows(
        "SELECT phase, task, sum(origin = 'sampled') FROM trajectory JOIN turn ON trajectory = seq "
        "WHERE experiment = ? AND phase LIKE 'control:%' GROUP BY round, phase, task",
        experiment,
    )
    assert calls and all(0 < count <= 8 for _, _, count in calls)


def test_star_learns_alone_and_rationalisation_adds_hinted_examples(run):
    plain, _, _ = run("star")
    hinted, store, experiment = run("star_rationalised", name="hinted.db")
    assert set(plain[1]["library"]) == {"solo"} and plain[1]["repairs"] == 0
    assert hinted[1]["library"]["solo"] >= plain[1]["library"]["solo"] and hinted[1]["repaired"] > 0
    repair = next(r for r in store.repairs.find(experiment, 1) if r.mended)
    assert repair.feedback.startswith("gold ") and repair.critique == "" and repair.rephrased == repair.raw


def test_placebo_keeps_wrong_and_right_alike_and_exactly_as_many_as_asked(run):
    reports, store, _ = run("placebo", examples="11,17")
    assert reports[1]["library"] == {"analyst": 11, "calculator": 11, "summarizer": 11} and reports[1]["repairs"] == 0
    assert set(reports[2]["library"].values()) == {17}
    rows = store.db.rows("SELECT DISTINCT t.reward FROM example e JOIN trajectory t ON t.id = e.trajectory")
    assert {row[0] for row in rows} == {0.0, 1.0}


def test_multiagent_finetuning_trains_each_agent_on_its_own_part(run):
    reports, store, _ = run("multiagent_finetuning", debater)
    models = [f"{role}/{n}" for role in ("critic", "generator") for n in "123"]
    assert list(reports[1]["library"]) == models
    for row in store.db.rows(
        "SELECT s.model, e.trajectory, e.turn FROM example e JOIN training_set s ON s.id = e.training_set"
    ):
        turn, trajectory = store.episodes.get(row[1]).turns[row[2]], store.episodes.get(row[1])
        assert f"{turn.role}/{turn.seat}" == row[0]  # authorship: own words only
        assert trajectory.reward.turns[row[2]] == 1.0  # the last turn agrees with the vote
    sets = {r["training_sets"][model] for r in reports[1:] for model in ("generator/1", "generator/2")}
    assert len(sets) == 4


def test_a_team_that_learns_from_its_own_vote_is_tested_by_the_truth(run):
    def agreed(text: str, seed: int, trained: bool) -> str:
        return "Answer: 41"

    agreed.dialect = "chat"
    reports, store, experiment = run("multiagent_finetuning", agreed)
    assert [(r["correct"], r["greedy_accuracy"]) for r in reports] == [(0, 0.0)] * 3
    assert all(t.earned(0.5) for t in store.episodes.find(experiment, phase="propose"))
    assert not any(t.earned(0.5) for t in store.episodes.find(experiment, phase="validate%"))


def test_shared_model_mixed_team_and_restart_are_only_settings(run):
    shared, _, _ = run("sirius", sharing="shared")
    assert list(shared[1]["library"]) == ["*"] and list(shared[1]["models"]) == ["*"]
    mixed, _, _ = run("sirius", name="mixed.db", train_roles="analyst")
    assert list(mixed[1]["library"]) == ["analyst"] and set(mixed[1]["models"]) == {"*", "analyst"}
    _, store, experiment = run("sirius", name="restart.db", start="base")
    base = store.weights.put(b'{"n":0}')
    assert {u.before for u in store.weights.updates(experiment, 2)} == {base}
    none, _, _ = run("sirius", name="none.db", critic="none")
    assert none[1]["repairs"] == 0 and none[1]["controls"] == {}


def test_a_success_is_what_earns_more_than_the_threshold(run):
    for threshold, wanted in ((0.5, {2 / 3, 1.0}), (0.7, {1.0})):
        reports, store, _ = run("multiagent_finetuning", debater, f"{threshold}.db", threshold=threshold, problems=40)
        rows = store.db.rows("SELECT DISTINCT t.reward FROM example e JOIN trajectory t ON t.id = e.trajectory")
        assert {row[0] for row in rows} == wanted
        tried = "SELECT count(DISTINCT task) FROM trajectory WHERE phase = 'propose' AND round = 1 AND reward > ?"
        assert reports[1]["solved"] == store.db.value(tried, threshold)


def test_only_the_named_roles_learn_whoever_holds_their_weights(run):
    shared, store, _ = run("sirius", sharing="shared", train_roles="analyst")
    assert list(shared[1]["library"]) == ["*"]
    trained = {store.episodes.get(r[0]).turns[r[1]].role for r in store.db.rows("SELECT trajectory, turn FROM example")}
    assert trained == {"analyst"}
    seats, _, _ = run("multiagent_finetuning", debater, "seats.db", train_roles="critic")
    assert list(seats[1]["library"]) == ["critic/1", "critic/2", "critic/3"]


def test_who_mends_stays_the_base_even_where_one_model_is_shared(run):
    def stubborn(text: str, seed: int, trained: bool) -> str:  # so that there are failures in round 2
        return formulas(text, seed, False)

    stubborn.dialect = "pocket"
    _, store, experiment = run("sirius", stubborn, sharing="shared")
    base, trained = (store.weights.models(experiment, n)[0]["*"][:8] for n in (0, 1))
    spoke = "SELECT DISTINCT u.role, u.model FROM turn u JOIN trajectory t ON t.seq = u.trajectory WHERE t.round = 2"
    mended = {tuple(r) for r in store.db.rows(f"{spoke} AND t.phase = 'repair' AND u.origin = 'sampled'")}
    assert base != trained and mended >= {("critic", base), ("rephraser", base), ("analyst", trained)}
    assert {r[1] for r in store.db.rows(f"{spoke} AND t.phase = 'propose'")} == {trained}


def test_a_critic_that_debates_speaks_at_the_teams_temperature():
    for team, temperature in (("formula_chain", 0.7), ("debate", 1.0)):
        assert voices_for({}, SMALL, teams.get(team)).settings("critic", "answer", 0).temperature == temperature


def test_the_placebo_shares_weights_as_its_arm_does(run):
    reports, _, _ = run("placebo", sharing="shared", examples="9")
    assert reports[1]["library"] == {"*": 9}


def test_a_checkpoint_that_is_significantly_worse_is_not_kept(run):
    def worse(text: str, seed: int, trained: bool) -> str:
        return "nonsense" if trained and not text.startswith(("@critic", "@rephrase")) else formulas(text, 4, False)

    worse.dialect = "pocket"
    reports, _, _ = run("sirius", worse)
    assert (
        reports[1]["updates"] == {"accepted": 0, "rejected": 3}
        and reports[1]["accuracy"] == reports[0]["accuracy"] == 1.0
    )
    assert reports[1]["validation"] == {"n": 8, "before": 8, "after": 8} and set(reports[1]["models"]) == {"*"}
    alone, store, _ = run("star", worse, name="alone.db")
    assert alone[1]["updates"] == {"accepted": 0, "rejected": 1}
    phases = "SELECT DISTINCT phase FROM trajectory WHERE round = 1 AND phase LIKE 'validate%'"
    assert [r[0] for r in store.db.rows(phases)] == ["validate"]  # one model alone is judged once
    open_gate, _, _ = run("sirius", worse, name="open.db", gate="false")
    assert open_gate[1]["updates"] == {"accepted": 3, "rejected": 0} and open_gate[1]["accuracy"] == 0.0


def test_a_persons_recipe_file_is_a_recipe(run, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from sirius_core import teams\n"
        "from sirius_core.recipes import Recipe\n\n\n"
        "def recipe(settings):\n"
        "    return Recipe('mine', teams.get('formula_solo'))\n"
    )
    reports, _, _ = run(str(file))
    assert set(reports[1]["library"]) == {"solo"}
    with pytest.raises(UnknownName, match="did you mean 'sirius'"):
        sirius_core.recipes.get(SimpleNamespace(recipe="sirus"))


def test_same_seed_same_reports_whatever_the_experiment_is_called(run):
    one, _, first = run("sirius")
    two, _, second = run("sirius")
    drop = ("seconds", "phases")
    assert first != second and digest([{k: v for k, v in r.items() if k not in drop} for r in one]) == digest(
        [{k: v for k, v in r.items() if k not in drop} for r in two]
    )
