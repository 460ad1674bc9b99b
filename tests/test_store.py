"""The one file: migrated once whoever comes first, equal to itself after any round trip, whole under four writers."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core.errors import CheckpointError, Missing, NewerDatabase, StoreError
from sirius_core.models import Completion
from sirius_core.prompts import Message
from sirius_core.settings import Settings
from sirius_core.store import ExampleRow, Review, Store, UpdateRow, dumps
from sirius_core.store.schema import VERSION, migrate
from sirius_core.store.turns import RECENT
from sirius_core.trajectories import (
    Outcome,
    Repair,
    Reward,
    SeedPath,
    Stop,
    Task,
    Trajectory,
    Turn,
    canonical,
    digest,
)

ROOT = Path(__file__).resolve().parents[1]
TASK = Task("t1", "test", "train", "How far?", "42")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "lab.db") as opened:
        opened.episodes.add_tasks([TASK])
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples of a property; every example brings ids of its own."""
    with Store(tmp_path_factory.mktemp("shared") / "lab.db") as opened:
        opened.episodes.add_tasks([TASK])
        opened.experiments.create("e", Settings(), 0)
        yield opened


def processes(folder: Path, count: int, code: str) -> list[str]:
    """Run ``code`` in ``count`` processes that begin together; returns what they print. ``n`` is a process's number."""
    wait = "import sys, time, os; n = int(sys.argv[1])\nfrom sirius_core.store import *\n"
    wait += f"while not os.path.exists({str(folder / 'go')!r}): time.sleep(0.001)\n"
    started = [subprocess.Popen([sys.executable, "-c", wait + code, str(n)], cwd=ROOT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for n in range(count)]
    (folder / "go").touch()
    results = [process.communicate(timeout=60) for process in started]
    assert [error for _, error in results] == [""] * count
    return [out for out, _ in results]


# -- migrations ------------------------------------------------------------------------------------------------------
def schema(path: Path) -> list[tuple]:
    raw = sqlite3.connect(path)
    found = raw.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    raw.close()
    return found


def test_a_fresh_file_is_migrated_and_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        assert store.db.value("PRAGMA user_version") == VERSION and store.db.value("PRAGMA journal_mode") == "wal"
        assert store.db.value("PRAGMA foreign_keys") == 1
        names = [row[0] for row in store.db.rows("SELECT name FROM _sqlite_migrations ORDER BY name")]
    before, content = schema(path), path.read_bytes()
    assert len(names) == VERSION and names[0] == "0001_arms_seeds_and_the_whole_path"
    with Store(path) as store:
        assert store.check() == [] and store.experiments.all() == []
    assert (schema(path), path.read_bytes()) == (before, content)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lab.db"]


def test_an_empty_file_is_a_fresh_one(tmp_path: Path) -> None:
    (tmp_path / "lab.db").touch()
    with Store(tmp_path / "lab.db") as store:
        assert store.experiments.all() == []


def test_four_processes_may_make_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    look = f"with Store({str(path)!r}) as s: print(len(s.check()), s.db.value('PRAGMA user_version'))"
    out = processes(tmp_path, 4, look)
    assert out == [f"0 {VERSION}\n"] * 4
    with Store(tmp_path / "other.db"):
        pass
    assert schema(path) == schema(tmp_path / "other.db")
    with Store(path) as store:
        assert store.db.value("SELECT count(*) FROM _sqlite_migrations") == VERSION


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA page_size = 8192")
    raw.execute("PRAGMA max_page_count = 5")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        migrate(raw)
    raw.close()
    assert schema(path) == []
    with Store(path) as store:
        assert store.check() == []


def test_a_database_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        store.db.run(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerDatabase, match=f"format {VERSION + 1}, this one reads up to {VERSION}"):
        Store(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["lab.db"]


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE task (subject TEXT)")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program \\(it has a table 'task'\\)"):
        Store(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["mail.db"]


@pytest.mark.parametrize("content, line", [
    (b"this is no database, though it is long enough to be looked at" * 20, "is not a usable SQLite database"),
    (b"SQLite format 3\x00" + bytes(range(256)) * 8, "is not a usable SQLite database"),
])
def test_garbage_is_called_garbage(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "lab.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=line):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder, not a database"):
        Store(tmp_path)
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere for a database lab\.db"):
        Store(tmp_path / "nowhere" / "lab.db")


# -- round trips -----------------------------------------------------------------------------------------------------
NUMBERS = count()  # examples share a file: each gets places of its own
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # with NUL, emoji, control characters
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
COUNT = st.integers(0, 2**63 - 1)
REAL = st.floats(allow_nan=False)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=4)
TURN = st.builds(
    Turn, role=NAME, prompt=NAME, seat=st.none() | NAME, text=TEXT, request=TEXT, occurrence=COUNT,
    messages=st.lists(st.builds(Message, NAME, TEXT), max_size=3).map(tuple), model=TEXT, seed=COUNT, value=JSON,
    slots=st.dictionaries(NAME, TEXT, max_size=2), origin=st.sampled_from(["sampled", "given", "edited"]), finish=NAME,
    public=TEXT, tokens_in=COUNT, tokens_out=COUNT, ms=REAL)
REWARD = st.builds(Reward, value=REAL, read=st.none() | TEXT, why=TEXT, lucky=st.none() | st.booleans(),
                   turns=st.dictionaries(st.integers(0, 9), REAL, max_size=2))
TRAJECTORY = st.builds(
    Trajectory, team=NAME, turns=st.lists(TURN, max_size=3).map(tuple), parent=st.none() | NAME,
    path=st.builds(SeedPath, st.just("e-0-1"), st.integers(-(2**63), 2**63 - 1), COUNT, NAME, st.just("t1"),
                   st.builds(lambda: next(NUMBERS)), TEXT, COUNT),
    outcome=st.builds(Outcome, st.none() | TEXT, st.none() | st.sampled_from(Stop), TEXT), reward=st.none() | REWARD,
    edits=st.dictionaries(st.integers(0, 9), TEXT, max_size=2), fresh_from=st.none() | COUNT)


@given(st.lists(TRAJECTORY, max_size=3))
def test_trajectories_come_back_as_they_were(shared: Store, trajectories: list[Trajectory]) -> None:
    shared.episodes.add(trajectories)
    assert list(shared.episodes.many([t.id for t in trajectories]).values()) == trajectories
    for t in trajectories:
        found = shared.episodes.get(t.id)
        assert found == t and found.content == t.content
    shared.episodes.add([replace(t, team="another") for t in trajectories])  # a place in the experiment is taken once
    assert list(shared.episodes.many([t.id for t in trajectories]).values()) == trajectories


@given(NAME, TEXT, TEXT, st.dictionaries(TEXT, JSON, max_size=3))
def test_tasks_come_back_as_they_were(shared: Store, source: str, question: str, answer: str, data: dict) -> None:
    task = Task.of(source, str(next(NUMBERS)), "train", question, answer, data=data, group=answer)
    shared.episodes.add_tasks([task, task])
    assert shared.episodes.task(task.id) == task


@given(TEXT, NAME, st.dictionaries(NAME, JSON, max_size=3))
def test_a_journalled_reply_comes_back_and_the_first_one_stands(
        shared: Store, key: str, model: str, reply: dict) -> None:
    key = f"{key}{next(NUMBERS)}"
    shared.episodes.journal_put(key, "e-0-1", model, reply)
    shared.episodes.journal_put(key, "e-0-1", model, {"text": "a second reply to the same call"})
    assert shared.episodes.journal_get(key) == reply and shared.episodes.journal_get(key + "x") is None


@pytest.fixture(scope="module")
def failed(shared: Store) -> Trajectory:
    trajectory = Trajectory(SeedPath("e-0-1", 0, 1, "propose", "t1"), "team", (), Outcome("41"))
    shared.episodes.add([trajectory])
    return trajectory


@given(st.builds(Repair, id=st.builds(lambda: str(next(NUMBERS))), failed=st.just(""), mend=st.just(""),
                 task=st.just("t1"), critique=TEXT, critic=NAME, turn=st.none() | COUNT, role=TEXT,
                 feedback=TEXT, raw=TEXT, rephrased=TEXT, leak=st.lists(TEXT, max_size=2).map(tuple),
                 mended=st.booleans(), critique_no=COUNT, regeneration_no=COUNT, calls=COUNT),
       st.lists(st.tuples(st.sampled_from(["accept", "edit", "reject", "undo"]), TEXT, TEXT, TEXT, REAL), max_size=4))
def test_repairs_and_decisions_come_back_and_the_last_decision_counts(
        shared: Store, failed: Trajectory, repair: Repair, decided: list[tuple]) -> None:
    repair = replace(repair, failed=failed.id, mend=failed.id, replay=failed.id)
    shared.repairs.add("e-0-1", 7, "repair", [repair, repair])
    assert shared.repairs.get(repair.id) == repair and shared.repairs.place(repair.id) == ("e-0-1", 7)
    assert repair in shared.repairs.find("e-0-1", 7) and repair in shared.repairs.of_failed(failed.id)
    reviews = [Review(repair.id, author, verdict, reason, text, digest(text), digest(reason), None, seconds, "now")
               for verdict, author, reason, text, seconds in decided]
    for review in reviews:
        shared.repairs.decide(review)
    assert shared.repairs.history(repair.id) == reviews
    last = reviews[-1] if reviews and reviews[-1].verdict != "undo" else None
    for round in (7, None):
        assert shared.repairs.decisions("e-0-1", round).get(repair.id) == last
    assert shared.repairs.decision(repair.id) == last


@given(st.binary(max_size=300))
def test_weights_are_found_by_their_content(shared: Store, blob: bytes) -> None:
    name = shared.weights.put(blob)
    assert name == hashlib.sha256(blob).hexdigest() == shared.weights.put(blob)
    assert shared.weights.get(name) == blob


@given(NAME, st.lists(st.tuples(COUNT, REAL, st.sampled_from(["direct", "repaired", "edited"]), TEXT), max_size=5),
       st.lists(st.floats(0, 1e3), max_size=4))
def test_training_sets_and_updates_come_back_as_they_were(
        shared: Store, failed: Trajectory, model: str, rows: list[tuple], losses: list[float]) -> None:
    experiment = shared.experiments.create("sets", Settings(), 0).id
    examples = [ExampleRow(failed.id, *row) for row in rows]
    made = shared.weights.add_training_set(experiment, 1, model, examples)
    assert made == shared.weights.add_training_set(experiment, 1, model, examples)
    assert made[1] == digest([(e.content, e.weight) for e in examples])
    found = shared.db.rows("SELECT trajectory, turn, weight, source, content FROM example WHERE training_set = ? "
                           "ORDER BY position", made[0])
    assert [ExampleRow(*row) for row in found] == examples
    [told] = shared.weights.training_sets(experiment)
    assert (told["model"], told["hash"], told["n"]) == (model, made[1], len(rows))
    assert told["direct"] + told["repaired"] + told["edited"] == len(rows)
    update = UpdateRow(1, model, made[0], "before", shared.weights.put(b"after"), 3, 4, tuple(losses), 0.5)
    shared.weights.add_update(experiment, update)
    shared.weights.add_update(experiment, replace(update, steps=99))  # the first one stands
    kept = replace(update, losses=tuple(float(f"{x:.5g}") for x in losses))
    assert shared.weights.updates(experiment) == [kept] == shared.weights.updates(experiment, 1)


@pytest.mark.parametrize("half", ["\ud83d", "\udcff", "a\udfffb"])
def test_half_a_character_is_one_clear_error_and_leaves_nothing_behind(store: Store, half: str) -> None:
    experiment = store.experiments.create("e", Settings(), 0).id
    whole = Trajectory(SeedPath(experiment, 0, 1, "propose", "t1"), "team", (), Outcome("ok"))
    turn = Turn("role", "answer", None, (Message("user", half),), {}, "text", "request")
    for broken in (replace(whole, outcome=Outcome(half)), replace(whole, turns=(turn,))):
        with pytest.raises(StoreError, match="half of a character") as caught:
            store.episodes.add([replace(broken, path=replace(whole.path, attempt=1)), whole])
        assert len(str(caught.value).splitlines()) == 1
        assert store.episodes.find(experiment) == [] and not store.db.raw.in_transaction
    with pytest.raises(StoreError, match="half of a character"):
        store.experiments.get(half)
    store.episodes.add([whole])
    assert store.episodes.find(experiment) == [whole]


def test_a_models_reply_never_holds_half_a_character() -> None:
    assert Completion("a\ud83db").text == "a\ufffdb" and Completion("a\ud83d\ude00\x00").text == "a\U0001f600\x00"


def test_numbers_that_sqlite_cannot_hold_are_one_clear_error(store: Store) -> None:
    experiment = store.experiments.create("e", Settings(), 0).id
    with pytest.raises(StoreError, match="a number is too large"):
        store.episodes.add([Trajectory(SeedPath(experiment, 2**63, 1, "propose", "t1"), "team", (), Outcome("ok"))])
    turn = Turn("role", "answer", None, (), {}, "text", "request", ms=float("nan"))
    with pytest.raises(StoreError, match="NOT NULL constraint failed: turn\\.ms"):
        store.episodes.add([Trajectory(SeedPath(experiment, 0, 1, "propose", "t1"), "team", (turn,), Outcome("ok"))])
    assert store.episodes.find(experiment) == []


def test_what_stands_is_skipped_but_what_breaks_a_rule_is_not(store: Store) -> None:
    store.episodes.add_tasks([TASK, replace(TASK, question="another")])
    assert store.episodes.task("t1") == TASK
    with pytest.raises(StoreError, match="NOT NULL"):
        store.episodes.add_tasks([replace(TASK, id="t2", answer=None)])  # type: ignore[arg-type]
    with pytest.raises(Missing):
        store.episodes.task("t2")


def test_rows_must_point_at_rows_that_exist(store: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.episodes.add([Trajectory(SeedPath("nobody", 0, 1, "propose", "t1"), "team", (), Outcome("ok"))])
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.repairs.decide(Review("nothing", "me", "accept"))


# -- facts stay ------------------------------------------------------------------------------------------------------
def test_decisions_are_never_changed_and_undo_is_a_row_too(store: Store) -> None:
    experiment = store.experiments.create("e", Settings(), 0).id
    trajectory = Trajectory(SeedPath(experiment, 0, 1, "propose", "t1"), "team", (), Outcome("41"))
    store.episodes.add([trajectory])
    store.repairs.add(experiment, 1, "repair", [Repair("r1", trajectory.id, trajectory.id, "t1", "wrong", "gold")])
    for verdict, in_force in (("accept", "accept"), ("undo", None), ("reject", "reject"), ("accept", "accept"),
                              ("undo", None)):
        store.repairs.decide(Review("r1", "ann", verdict))
        found = store.repairs.decisions(experiment).get("r1")
        assert (found and found.verdict) == in_force
    for statement in ("UPDATE review SET verdict = 'accept'", "DELETE FROM review", "DELETE FROM review WHERE seq = 1"):
        with pytest.raises(StoreError, match="reviews are append-only"):
            store.db.run(statement)
    assert [r.verdict for r in store.repairs.history("r1")] == ["accept", "undo", "reject", "accept", "undo"]
    with pytest.raises(StoreError, match="CHECK"):
        store.repairs.decide(Review("r1", "ann", "perhaps"))


def test_damaged_weights_are_noticed_when_read_and_by_the_check(store: Store) -> None:
    name = store.weights.put(b"weights" * 100)
    store.db.run("UPDATE weights SET blob = ? WHERE hash = ?", b"weighty" + b"weights" * 99, name)
    with pytest.raises(CheckpointError, match=f"checkpoint {name[:12]} in .* is damaged"):
        store.weights.get(name)
    (line,) = store.check()
    assert line.startswith(f"weights {name[:12]}: hash is {name!r}, derived ")
    with pytest.raises(Missing, match="no checkpoint 'nothing'"):
        store.weights.get("nothing")


def test_everything_of_a_transaction_lands_or_nothing(store: Store) -> None:
    experiment = store.experiments.create("e", Settings(), 0).id
    with pytest.raises(KeyboardInterrupt):
        with store.write():
            store.experiments.log(experiment, "one")
            with store.write():
                store.experiments.log(experiment, "two")
            raise KeyboardInterrupt
    assert store.experiments.events(experiment) == [] and not store.db.raw.in_transaction
    with store.write():
        store.experiments.log(experiment, "three")
    assert [text for _, text in store.experiments.events(experiment)] == ["three"]


def test_names_of_experiments_count_on(store: Store) -> None:
    ids = [store.experiments.create(name, Settings(), seed).id for name, seed in
           (("tiny", 0), ("tiny", 0), ("tiny", 1), ("a b/c", 0), ("", 0), ("x" * 300, 0), ("x" * 300, 0))]
    assert ids == ["tiny-0-1", "tiny-0-2", "tiny-1-1", "a-b-c-0-1", "experiment-0-1", f"{'x' * 40}-0-1",
                   f"{'x' * 40}-0-2"]
    assert [e.id for e in store.experiments.all()] == ids[::-1]
    with pytest.raises(Missing, match=r"no experiment 'tiny-9-9' in .*; newest: xxx"):
        store.experiments.get("tiny-9-9")


# -- several at once -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "id"), [
    ("my set", "my-set-0-1"), ("-x", "x-0-1"), ("<b>x</b>", "b-x-b-0-1"), ("(1)", "1-0-1"), ("--", "experiment-0-1"),
    ("Übung 1", "Übung-1-0-1"),
])
def test_an_experiments_id_is_never_taken_for_an_option(store: Store, name: str, id: str) -> None:
    made = store.experiments.create(name, Settings(), 0)
    assert (made.name, made.id) == (name, id)


def test_four_processes_write_at_once_and_nothing_is_lost_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        store.episodes.add_tasks([TASK])
        experiment = store.experiments.create("e", Settings(), 0).id
    processes(tmp_path, 4, f"""
from sirius_core.trajectories import *
request = digest("role", "answer", None, [])
with Store({str(path)!r}) as s:
    for i in range(40):
        turns = tuple(Turn("role", "answer", None, (), {{}}, f"{{n}}/{{i}}/{{k}}", request, k) for k in range(3))
        own = Trajectory(SeedPath({experiment!r}, n, 1, "propose", "t1", i), "team", turns, Outcome("ok"))
        same = Trajectory(SeedPath({experiment!r}, 9, 1, "propose", "t1", i), "team", turns[:1], Outcome("ok"))
        with s.write():
            s.episodes.add([own, same])
            s.episodes.finish({experiment!r}, 1, "propose", [f"{{n}}/{{i}}"])
        s.episodes.journal_put(f"{{n}}/{{i}}", {experiment!r}, "model", {{"text": str(i)}})
""")
    with Store(path) as store:
        found = store.episodes.find(experiment)
        assert store.check() == [] and len(found) == 4 * 40 + 40 and len({t.id for t in found}) == 200
        for t in found:
            assert len(t.turns) == (1 if t.path.seed == 9 else 3)
            writers = {turn.text.split("/")[0] for turn in t.turns}
            assert len(writers) == 1 and (t.path.seed == 9 or writers == {str(t.path.seed)})
        assert len(store.episodes.finished(experiment, 1, "propose")) == 160
        assert [row[0] for row in store.db.rows("SELECT seq FROM trajectory ORDER BY seq")] == list(range(1, 201))


def test_a_reader_sees_whole_episodes_while_another_thread_writes(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        store.episodes.add_tasks([TASK])
        experiment = store.experiments.create("e", Settings(), 0).id

    def write() -> None:
        turns = tuple(Turn("role", "answer", None, (), {}, "text", "r", k) for k in range(4))
        with Store(path) as own:
            for i in range(60):
                path_of = SeedPath(experiment, 0, 1, "propose", "t1", i)
                own.episodes.add([Trajectory(path_of, "team", turns, Outcome("ok"))])

    writer = threading.Thread(target=write)
    writer.start()
    with Store(path) as store:
        while writer.is_alive():
            assert all(len(t.turns) == 4 for t in store.episodes.find(experiment))
    writer.join()
    with Store(path) as store:
        assert len(store.episodes.find(experiment)) == 60


def test_making_a_database_does_not_load_pandas_and_leaves_it_to_who_wants_it(tmp_path: Path) -> None:
    code = ("import importlib.util, sys\nfrom sirius_core.store import Store\n"
            f"Store({str(tmp_path / 'new.db')!r}).close()\n"
            "assert 'sqlite_utils' in sys.modules and 'pandas' not in sys.modules\n"
            "assert importlib.util.find_spec('pandas') is not None")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(JSON)
def test_json_is_the_same_however_the_encoder_was_made(value: object) -> None:
    plain = {"separators": (",", ":"), "ensure_ascii": False}
    assert dumps(value) == json.dumps(value, **plain)  # type: ignore[arg-type]
    assert canonical(value) == json.dumps(value, sort_keys=True, **plain)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=4))
def test_turns_that_stay_in_the_store_are_those_that_were_stored(shared: Store, said: list[tuple[str, str]]) -> None:
    path = SeedPath(shared.experiments.create("heads", Settings(), 0).id, 0, 1, "propose", TASK.id)
    turns = tuple(
        Turn("solver", "answer", None, (Message("user", asked),), {}, text, f"r{i}", public=text)
        for i, (asked, text) in enumerate(said))
    shared.episodes.add([Trajectory(path, "solo", turns, Outcome("1"), reward=Reward(1.0))])
    [whole] = shared.episodes.find(path.experiment)
    [head] = shared.episodes.find(path.experiment, whole=False)
    assert head == whole and whole == head and whole.turns == turns
    assert (len(head.turns), tuple(head.turns), head.turns[1:], head.content) == (
        len(turns), turns, turns[1:], whole.content)
    assert repr(head.turns) == repr(turns)
    with pytest.raises(IndexError):
        head.turns[len(turns)]


def test_the_turns_of_few_episodes_are_in_memory(store: Store) -> None:
    many = store.experiments.create("many", Settings(), 0).id
    turn = Turn("solver", "answer", None, (Message("user", "?"),), {}, "1", "r", public="1")
    store.episodes.add([
        Trajectory(SeedPath(many, 0, 1, "propose", TASK.id, i), "solo", (turn,), Outcome("1")) for i in range(200)])
    heads = store.episodes.find(many, whole=False)
    read: list[str] = []
    store.db.raw.set_trace_callback(read.append)
    assert all(head.turns[0] == turn for head in heads) and len(read) == 200
    assert all(head.turns[0] == turn for head in heads[-RECENT:]) and len(read) == 200
    assert heads[0].turns[0] == turn and len(read) == 201
