"""Every derived column is derived anew: whatever is changed behind the lab's back is named, row, stored and derived."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from actors import ActingMachine, act

from sirius_core import figures, inquiries, review
from sirius_core.__main__ import main
from sirius_core.errors import WaitingForReview
from sirius_core.improve import Run, improve
from sirius_core.store import Store

E = "tiny-0-1"


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """A finished round with a decision, a planted repair, a comparison and two questions."""
    path = tmp_path_factory.mktemp("check") / "lab.db"
    with Store(path) as store:
        e = act(store, review="true", planted=0.5, rounds=1)
        review.decide(store, next(r for r in store.repairs.find(e.id, 1) if r.mended).id, "accept", "ann")
        assert any(item.planted for item in review.items(store, e.id, 1))
        review.go_on(store, e.id, 1)
        with suppress(WaitingForReview):
            improve(Run(store, e, ActingMachine(e)))
        t = next(t for t in store.episodes.find(e.id, phase="propose") if len(t.turns) == 3 and not t.right)
        asked = [inquiries.ask(store, t.id, turn=0, text="x * y : 1 2 * 3", k=4),
                 inquiries.ask(store, t.id, kind="blame", k=4)]
    for inquiry in asked:
        inquiries.carry_out(path, inquiry, machine=ActingMachine(e))
    return path


@pytest.fixture
def harm(clean, tmp_path) -> Callable[..., list[str]]:
    """``harm(sql, ...)``: what the check says of a copy to which this was done."""
    def do(sql: str, *values: object) -> list[str]:
        copy = tmp_path / "lab.db"
        shutil.copy(clean, copy)
        raw = sqlite3.connect(copy)
        for name, in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(sql, values)
        raw.commit()
        raw.close()
        with Store(copy) as store:
            return store.check(figures.for_round)

    return do


def one(clean, sql, *values):
    raw = sqlite3.connect(clean)
    try:
        return raw.execute(sql, values).fetchone()
    finally:
        raw.close()


def test_a_database_that_the_lab_made_is_sound(clean, capsys):
    with Store(clean) as store:
        assert store.check(figures.for_round) == []
    assert main(["check", "--db", str(clean)]) == 0
    said = capsys.readouterr()
    assert said.out == "the database is sound\n" and "reports" in said.err.splitlines()


OTHER = "0123456789abcdef" * 2
KEYED = {  # (table, column): (row to change, its name in the line), one that nothing else hangs on
    ("trajectory", "content"): "SELECT seq, seq || ' (' || experiment || ')' FROM trajectory WHERE seq = 7",
    ("turn", "request"): "SELECT rowid, '2 of trajectory 7 (tiny-0-1)' FROM turn WHERE trajectory = 7 AND idx = 2",
    ("review", "before"): "SELECT rowid, seq FROM review LIMIT 1",
    ("review", "after"): "SELECT rowid, seq FROM review LIMIT 1",
}


@pytest.mark.parametrize("table, column", KEYED)
def test_a_changed_hash_is_named_with_what_it_should_be(clean, harm, table, column):
    row, name = one(clean, KEYED[table, column])
    was, = one(clean, f"SELECT {column} FROM {table} WHERE rowid = ?", row)
    lines = harm(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", OTHER, row)
    extra = [line for line in lines if line.startswith("turn") and ": seed is" in line]  # follows from the request
    assert [line for line in lines if line not in extra] == [
        f"{table} {name}: {column} is {OTHER!r}, derived {was!r}"] and len(extra) == (table == "turn")


def test_a_changed_text_no_longer_has_its_hashes(clean, harm):
    seq, content = one(clean, "SELECT t.seq, t.content FROM trajectory t JOIN example e ON e.trajectory = t.id "
                              "WHERE e.turn = 1 AND e.source = 'direct' LIMIT 1")
    lines = harm("UPDATE turn SET text = 'said by nobody' WHERE trajectory = ? AND idx = 1", seq)
    assert lines[0].startswith(f"trajectory {seq} ({E}): content is {content!r}, derived '")
    examples = one(clean, "SELECT count(*) FROM example e JOIN trajectory t ON t.id = e.trajectory WHERE t.seq = ? AND "
                          "e.turn = 1", seq)[0]
    assert [line.split(":")[0].split(" of ")[1] for line in lines[1:]] == ["calculator"] * examples
    assert all(": content is " in line for line in lines)


@pytest.mark.parametrize("column, value", [
    ("seed", 5), ("round", 9), ("phase", "elsewhere"), ("attempt", 4), ("branch", "b"), ("draw", 3)])
def test_a_trajectory_that_was_moved_no_longer_has_its_id(clean, harm, column, value):
    id, = one(clean, "SELECT id FROM trajectory WHERE seq = 3")
    lines = harm(f"UPDATE trajectory SET {column} = ? WHERE seq = 3", value)
    moved = [line for line in lines if line.startswith(f"trajectory 3 ({E}): id is {id!r}, derived '")]
    seeds = [line for line in lines if line.startswith("turn ") and " of trajectory 3 " in line and "seed is" in line]
    assert len(moved) == 1 and len(seeds) == 3


def test_a_replay_whose_edit_was_changed_no_longer_has_its_branch(clean, harm):
    seq, branch = one(clean, "SELECT seq, branch FROM trajectory WHERE parent IS NOT NULL AND phase = 'repair' LIMIT 1")
    lines = harm("UPDATE trajectory SET edits = '{\"0\": \"other\"}' WHERE seq = ?", seq)
    assert lines[0].startswith(f"trajectory {seq} ({E}): branch is {branch!r}, derived '")
    assert len(lines) == 2 and lines[1].endswith(": 'other'}")  # its repair says another edit, too


def test_a_seed_that_no_place_gives(clean, harm):
    seed, = one(clean, "SELECT seed FROM turn WHERE trajectory = 1 AND idx = 0")
    assert harm("UPDATE turn SET seed = 12 WHERE trajectory = 1 AND idx = 0") == [
        f"turn 0 of trajectory 1 ({E}): seed is 12, derived {seed}"]


def test_a_repair_that_is_said_to_mend_and_does_not(clean, harm):
    seq, = one(clean, "SELECT seq FROM repair WHERE phase = 'repair' AND mended LIMIT 1")
    repaired, = one(clean, "SELECT sum(mended) FROM repair WHERE phase = 'repair'")
    assert harm("UPDATE repair SET mended = 0 WHERE seq = ?", seq) == [
        f"repair {seq} ({E}): mended is 0, derived 1",
        f"report of round 1 ({E}): repaired is {repaired}, derived {repaired - 1}"]
    leaky = harm("UPDATE repair SET leak = '[\"as the feedback says\"]' WHERE seq = ?", seq)
    assert leaky == [f"repair {seq} ({E}): mended is 1, derived 0"]


def test_ids_that_are_derived_from_what_they_name(clean, harm):
    for table, key in (("repair", "seq"), ("planted", "rowid")):
        row, id = one(clean, f"SELECT {key}, id FROM {table} WHERE id NOT IN (SELECT repair FROM review) AND "
                             "id NOT IN (SELECT repair FROM planted) LIMIT 1")
        where = f"{row} ({E})" if table == "repair" else OTHER
        assert harm(f"UPDATE {table} SET id = ? WHERE {key} = ?", OTHER, row) == [
            f"{table} {where}: id is {OTHER!r}, derived {id!r}"]
    task, answer = one(clean, "SELECT id, answer FROM task LIMIT 1")
    lines = harm("UPDATE task SET answer = ? WHERE id = ?", answer + "0", task)
    assert len(lines) == 1 and lines[0].startswith(f"task {task}: id is {task!r}, derived '")


def test_a_repair_that_is_not_what_its_replay_says(clean, harm):
    seq, turn, text, failed, task = one(clean, "SELECT seq, turn, rephrased, failed, task FROM repair WHERE mended "
                                               "AND id NOT IN (SELECT repair FROM review)")
    other, about = one(clean, "SELECT id, task FROM trajectory WHERE task <> ?", task)
    assert harm("UPDATE repair SET failed = ? WHERE seq = ?", other, seq) == [
        f"repair {seq} ({E}): task is {task!r}, derived {about!r}",
        f"repair {seq} ({E}): failed is {other!r}, derived {failed!r}"]
    assert harm("UPDATE repair SET turn = 7 WHERE seq = ?", seq) == [
        f"repair {seq} ({E}): turn and rephrased is {{'7': {text!r}}}, derived {{'{turn}': {text!r}}}"]


def test_an_answer_that_its_replays_do_not_give(clean, harm):
    for kind, name in (("whatif", "edited"), ("blame", "values")):
        inquiry, stored = one(clean, "SELECT id, result FROM inquiry WHERE kind = ?", kind)
        said = json.loads(stored)
        false = [4, 5] if kind == "whatif" else [[4, 5], *said["values"][1:]]
        assert harm("UPDATE inquiry SET result = ? WHERE id = ?", json.dumps({**said, name: false}), inquiry) == [
            f"inquiry {inquiry}: result.{name} is {false!r}, derived {said[name]!r}"]
        found = harm("UPDATE inquiry SET text = 'another' WHERE id = ?", inquiry)
        assert found[0].startswith(f"inquiry {inquiry}: id is {inquiry!r}, derived ")


@pytest.mark.parametrize("column, value", [
    ("hash", OTHER), ("n", 999), ("direct", 999), ("repaired", 999), ("edited", 999), ("distinct_examples", 999),
    ("lucky", 999), ("checked", 999), ("frequent", "[[1,2]]")])
def test_what_is_counted_in_a_training_set(clean, harm, column, value):
    was, = one(clean, f"SELECT {column} FROM training_set WHERE model = 'analyst'")
    lines = harm(f"UPDATE training_set SET {column} = ? WHERE model = 'analyst'", value)
    short = repr(was) if len(repr(was)) <= 120 else f"{repr(was)[:100]} ... {repr(was)[-12:]}"
    assert lines[0] == f"training_set analyst of round 1 ({E}): {column} is {value!r}, derived {short}"
    more = {"hash": [f"training_set analyst of round 1 ({E}): id is ", f"report of round 1 ({E}): training_sets is "],
            "n": [f"report of round 1 ({E}): library is "]}.get(column, [])
    assert len(lines) == 1 + len(more) and all(a.startswith(b) for a, b in zip(lines[1:], more, strict=True))


@pytest.mark.parametrize("column, value", [("content", OTHER), ("weight", 2.0)])
def test_an_example_that_was_changed(clean, harm, column, value):
    lines = harm(f"UPDATE example SET {column} = ? WHERE position = 3 AND training_set = "
                 "(SELECT id FROM training_set WHERE model = 'analyst')", value)
    first = [line for line in lines if line.startswith(f"example 3 of analyst of round 1 ({E}): content is")]
    assert len(first) == (column == "content")
    assert any(line.startswith(f"training_set analyst of round 1 ({E}): hash is ") for line in lines)


def test_an_example_that_is_gone(clean, harm):
    n, = one(clean, "SELECT n FROM training_set WHERE model = 'analyst'")
    lines = harm("DELETE FROM example WHERE position = 0 AND training_set = "
                 "(SELECT id FROM training_set WHERE model = 'analyst')")
    assert f"training_set analyst of round 1 ({E}): n is {n}, derived {n - 1}" in lines
    assert f"example 1 of analyst of round 1 ({E}): position is 1, derived 0" in lines


def test_weights_that_are_damaged(clean, harm):
    name, = one(clean, "SELECT hash FROM weights ORDER BY hash LIMIT 1")
    lines = harm("UPDATE weights SET blob = x'00' WHERE hash = ?", name)
    assert lines == [
        f"weights {name[:12]}: hash is {name!r}, "
        "derived '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'",
        f"weights {name[:12]}: bytes is {one(clean, 'SELECT bytes FROM weights WHERE hash = ?', name)[0]}, derived 1"]


def numbers(report: dict) -> list[str]:
    """The names, with dots, of everything in a report that follows from other rows."""
    own = ["n", "correct", "accuracy", "low", "high", "greedy_accuracy", "new_wordings_accuracy",
           "withheld_forms_accuracy", "p_vs_previous", "gained", "lost", "lucky", "repairs", "repaired", "solved"]
    tests = [f"tests.{split}.{mode}.{name}" for split, found in report["tests"].items()
             for mode in ("sampled", "greedy") for name in found[mode]]
    decides = [f"tests.{split}.{kind}.{mode}.{name}" for split, found in report["tests"].items()
               for kind in ("family_decides", "form_decides") for mode, record in found.get(kind, {}).items()
               for name in record]
    return [*own, *tests, *decides, *(f"controls.{arm}.correct" for arm in report["controls"])]


def test_every_number_of_a_report(clean, harm, tmp_path):
    """All at once, each by a value that it cannot have."""
    body, = one(clean, "SELECT body FROM report WHERE round = 1")
    report = json.loads(body)
    names = numbers(report)
    assert len(names) > 40
    stored = {}
    for name in names:
        *path, last = name.split(".")
        place = report
        for part in path:
            place = place[part]
        stored[name], place[last] = place[last], -7
    report |= {"library": {}, "training_sets": {}, "steps": {}, "models": {}, "stops": {"x": 1}, "updates": {}}
    lines = harm("UPDATE report SET body = ? WHERE round = 1", json.dumps(report))
    told = {line.split(": ")[1].split(" is ")[0]: line for line in lines if line.startswith("report")}
    assert told.keys() == {*names, "library", "training_sets", "steps", "models", "stops", "updates"}
    assert {name: told[name] for name in names} == {
        name: f"report of round 1 ({E}): {name} is -7, derived {stored[name]!r}" for name in names}
    assert {line.split(" of ")[0] for line in lines if line.startswith("figure")} == {
        "figure accuracy", "figure library"}


def test_a_figure_that_shows_something_else(harm):
    assert harm("UPDATE figure SET body = json_set(body, '$.data[0].y[0]', 0.99) WHERE name = 'accuracy' AND round = 1"
                ) == [f"figure accuracy of round 1 ({E}): body is not what the reports give"]


def test_a_reward_that_was_changed_shows_in_the_report(clean, harm):
    task, = one(clean, "SELECT task FROM trajectory WHERE round = 1 AND phase = 'evaluate:heldout:greedy' AND "
                       "reward > 0.5 LIMIT 1")
    correct, = one(clean, "SELECT json_extract(body, '$.tests.heldout.greedy.correct') FROM report WHERE round = 1")
    lines = harm("UPDATE trajectory SET reward = 0 WHERE round = 1 AND phase = 'evaluate:heldout:greedy' AND task = ?",
                 task)
    assert f"report of round 1 ({E}): tests.heldout.greedy.correct is {correct}, derived {correct - 1}" in lines
