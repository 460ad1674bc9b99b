"""Every example leads back to where it came from and forward to what became of it, in Python and in SQL; once."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from actors import ActingMachine, act

from sirius_core import __version__, provenance, review
from sirius_core.__main__ import main
from sirius_core.errors import Missing, UsageError, WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.pocket.vocabulary import encode
from sirius_core.provenance import Chain, Rebuilt
from sirius_core.store import Store
from sirius_core.store.examples import Use


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A round in which ann accepted one repair, undid and accepted another, edited a third and its twin, and sent
    that branch: (store, id, {"accepted", "twice", "edited": repairs, "edit": replay, "sent": its id})."""
    with Store(tmp_path_factory.mktemp("provenance") / "lab.db") as store:
        e = act(store, review="true", controls=0, planted=0, blind=0, draws=8)
        run = Run(store, e, ActingMachine(e))
        mended = [r for r in store.repairs.find(e.id, 1) if r.mended]
        one, two, three = mended[:3]
        review.decide(store, one.id, "accept", "ann", seconds=2.5)
        review.decide(store, two.id, "accept", "ben", seconds=1.0)
        review.undo(store, two.id, "ben")
        review.decide(store, two.id, "accept", "ann", reason="now I see", seconds=4.0)
        tried = review.try_edit(store, three.id, three.rephrased, team=run.recipe.team, judge=run.recipe.judge,
                                voices=run.voices(run.models_after(0)), check=encode)
        # another repair of the same failure, decided by the same text: two decisions lead to one replay
        twin = replace(three, id="twin", critique_no=1)
        store.repairs.add(e.id, 1, "repair", [twin])
        for repair in (three, twin):
            review.decide(store, repair.id, "edit", "ann", edited=tried, seconds=9.0)
        # and a third: the same branch, sent to the queue by somebody and accepted there
        sent = review.send(store, tried.id, "dan", "look at this")
        review.decide(store, sent, "accept", "dan", seconds=3.0)
        review.go_on(store, e.id, 1)
        with suppress(WaitingForReview):
            improve(run)
        yield store, e.id, {"accepted": one, "twice": two, "edited": three, "edit": tried, "sent": sent}


def example_of(store, trajectory):
    row = store.db.row("SELECT training_set, position, turn FROM example WHERE trajectory = ? ORDER BY training_set, "
                       "position LIMIT 1", trajectory)
    assert row is not None, "the draws missed it"
    return tuple(row)


def test_no_example_appears_twice_whatever_people_did(decided):
    store, e, _ = decided
    rows = store.db.rows("SELECT training_set, position FROM v_provenance WHERE experiment = ?", e)
    assert len(rows) == store.db.value("SELECT count(*) FROM example") == len({tuple(row) for row in rows})


def test_back_from_an_accepted_repair_to_the_failure_and_who_decided(decided):
    store, _, made = decided
    repair = made["twice"]
    training_set, position, turn = example_of(store, repair.replay)
    chain = provenance.of_example(store, training_set, position)
    replay, failed = store.episodes.get(repair.replay), store.episodes.get(repair.failed)
    history = store.repairs.history(repair.id)
    assert chain == Chain(store.episodes.task(replay.task), replay, turn, failed, repair,
                          store.episodes.get(repair.mend), tuple(history))
    assert [(d.author, d.verdict, d.reason, d.seconds) for d in history] == [
        ("ben", "accept", "", 1.0), ("ben", "undo", "", 0.0), ("ann", "accept", "now I see", 4.0)]
    assert chain.decision == history[-1] and chain.said == replay.turns[turn]


def test_back_from_a_persons_edit_to_the_decision_that_was_made_last(decided):
    store, _, made = decided
    chain = provenance.back(store, made["edit"].id, made["edited"].turn)
    assert (chain.repair.id, chain.decision.author, chain.decision.verdict) == (made["sent"], "dan", "accept")
    assert chain.failed.id == made["edited"].failed
    assert store.db.value("SELECT count(*) FROM repair WHERE id IN (SELECT repair FROM v_decision WHERE replay = ?)",
                          made["edit"].id) == 3


def test_back_from_a_direct_success_there_is_nobody_to_name(decided):
    store, _, _ = decided
    trajectory, turn = next(tuple(r) for r in store.db.rows(
        "SELECT trajectory, turn FROM example WHERE source = 'direct'"))
    found = store.episodes.get(trajectory)
    assert provenance.back(store, trajectory, turn) == Chain(store.episodes.task(found.task), found, turn)
    with pytest.raises(Missing, match="has no turn 7"):
        provenance.back(store, trajectory, 7)
    with pytest.raises(Missing, match="no example 99999"):
        provenance.of_example(store, "x", 99999)


def test_forward_to_checkpoint_gate_and_accuracy(decided):
    store, e, made = decided
    _, _, turn = example_of(store, made["accepted"].replay)
    uses = provenance.forward(store, made["accepted"].replay, turn)
    update = {u.model: u for u in store.weights.updates(e, 1)}[uses[0].model]
    sets = {s["model"]: s for s in store.weights.training_sets(e, 1)}[uses[0].model]
    models, verdict = store.weights.models(e, 1)
    before, after = store.experiments.reports(e)[:2]
    v = verdict["validation"]
    assert uses[0] == Use(
        e, 1, update.model, update.training_set, sets["hash"], uses[0].position, sets["n"], "repaired", 1.0,
        update.before, update.after, models.get(update.model) == update.after, (v["before"], v["after"], v["n"]),
        (before["correct"], before["n"]), (after["correct"], after["n"]), after["p_vs_previous"])
    places = [tuple(r) for r in store.db.rows("SELECT training_set, position FROM example WHERE trajectory = ? AND "
                                              "turn = ?", made["accepted"].replay, turn)]
    assert sorted((u.training_set, u.position) for u in uses) == sorted(places)


def test_the_counts_of_a_training_set_are_those_of_its_examples(decided):
    store, e, _ = decided
    for s in store.weights.training_sets(e):
        rows = store.db.rows("SELECT x.source, x.content, t.lucky FROM example x JOIN trajectory t ON t.id = "
                             "x.trajectory WHERE training_set = ? ORDER BY position", s["id"])
        sources, contents = Counter(r[0] for r in rows), Counter(r[1] for r in rows)
        assert [s[k] for k in ("n", "direct", "repaired", "edited", "distinct_examples", "lucky", "checked")] == [
            len(rows), sources["direct"], sources["repaired"], sources["edited"], len(contents),
            sum(r[2] == 1 for r in rows), sum(r[2] is not None for r in rows)]
        frequent = store.examples.frequent(s["id"], 5)
        assert [n for _, n in frequent] == [n for _, n in contents.most_common(5)]
        assert [n for _, n in frequent] == [contents[rows[line.position][1]] for line, _ in frequent]
    edited = [s for s in store.weights.training_sets(e) if s["edited"]]
    assert edited and store.examples.count(edited[0]["id"], "edited") == edited[0]["edited"]


def test_a_page_of_examples_is_filtered_searched_and_goes_on(decided, monkeypatch):
    store, e, _ = decided
    chosen = next(s for s in store.weights.training_sets(e) if s["repaired"])
    whole = store.examples.page(chosen["id"], limit=10_000)
    assert [line.position for line in whole] == list(range(chosen["n"]))
    first = store.examples.page(chosen["id"], limit=7)
    assert first + store.examples.page(chosen["id"], after=first[-1].position, limit=10_000) == whole
    assert store.examples.page(chosen["id"], source="repaired") == [x for x in whole if x.source == "repaired"][:50]
    words = whole[0].text[:6]
    assert store.examples.page(chosen["id"], words=words) == [
        x for x in whole if words in x.text or words in x.prompt][:50]
    assert store.examples.page(chosen["id"], words="100%_\\\"") == []
    monkeypatch.setattr("sirius_core.store.examples.LOOKED", 5)  # one search looks through so many and no more
    assert store.examples.page(chosen["id"], words=" ", after=2) == whole[3:8]


def test_what_people_did_in_one_row_each(decided):
    store, e, _ = decided
    people = {r["author"]: dict(r) for r in store.db.rows("SELECT * FROM v_person WHERE experiment = ?", e)}
    nothing = dict.fromkeys(("flags", "judgements", "opinions", "planted_seen", "planted_caught"), 0)
    assert people == {
        "ann": {"experiment": e, "author": "ann", "decisions": 4, "accepted": 2, "edited": 2, "rejected": 0,
                "undone": 0, "mean_seconds": (2.5 + 4 + 9 + 9) / 4, **nothing},
        "ben": {"experiment": e, "author": "ben", "decisions": 1, "accepted": 1, "edited": 0, "rejected": 0,
                "undone": 1, "mean_seconds": 1.0, **nothing},
        "dan": {"experiment": e, "author": "dan", "decisions": 1, "accepted": 1, "edited": 0, "rejected": 0,
                "undone": 0, "mean_seconds": 3.0, **nothing}}
    history = store.db.rows("SELECT author, verdict, in_force FROM v_decision_history ORDER BY seq")
    assert [tuple(r) for r in history] == [
        ("ann", "accept", 1), ("ben", "accept", 0), ("ben", "undo", 0), ("ann", "accept", 1), ("ann", "edit", 1),
        ("ann", "edit", 1), ("dan", "accept", 1)]


# -- a round's library, derived anew ---------------------------------------------------------------------------------
def test_a_rounds_library_is_derived_anew_from_what_it_came_from(decided):
    store, e, _ = decided
    changes = store.db.raw.total_changes
    sets = store.weights.training_sets(e, 1)
    assert provenance.rebuild(store, e, 1) == [
        Rebuilt(s["model"], s["hash"], s["hash"], s["n"], s["n"]) for s in sets] and sets
    assert store.db.raw.total_changes == changes
    with pytest.raises(UsageError, match="has no round 0 that was trained"):
        provenance.rebuild(store, e, 0)


def test_a_library_that_does_not_follow_from_its_sources_is_told(decided, tmp_path):
    store, e, made = decided
    store.db.run("VACUUM INTO ?", str(tmp_path / "lab.db"))
    with Store(tmp_path / "lab.db") as other:
        other.db.run("UPDATE trajectory SET reward = 0 WHERE id = ?", made["edit"].id)
        found = {r.model: r.equal for r in provenance.rebuild(other, e, 1)}
        assert not all(found.values()) and found.keys() == {s["model"] for s in store.weights.training_sets(e, 1)}


def test_the_manifest_names_what_one_would_need_and_nothing_private(decided):
    store, e, _ = decided
    found = provenance.manifest(store, e, 1)
    sets, updates = store.weights.training_sets(e, 1), store.weights.updates(e, 1)
    models, verdict = store.weights.models(e, 1)
    assert found["training_sets"] == {s["model"]: {"hash": s["hash"], "examples": s["n"]} for s in sets}
    assert found["checkpoints"] == {u.model: {"before": u.before, "after": u.after, "steps": u.steps} for u in updates}
    assert (found["models_after"], found["gate"], found["seed"]) == (models, verdict, 0)
    assert found["seeds"]["select"] == "select/0/1" and found["seeds"]["train"].keys() == {s["model"] for s in sets}
    assert "analyst.answer.pocket" in found["prompts"] and found["written_by"] == f"sirius-lab {__version__}"
    assert not {"base_url", "key_env"} & found["settings"].keys() and json.loads(json.dumps(found)) == found


def test_rebuild_and_manifest_on_the_command_line(decided, capsys):
    store, e, _ = decided
    assert main(["rebuild", e, "--round", "1", "--db", str(store.path)]) == 0
    assert "analyst" in (said := capsys.readouterr().out) and said.count("equal") == 3
    assert main(["manifest", e, "--round", "1", "--db", str(store.path)]) == 0
    assert json.loads(capsys.readouterr().out) == provenance.manifest(store, e, 1)
