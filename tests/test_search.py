"""Full-text search: what is found and in which order, whatever is typed; how the index grows; what it never does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirius_core.errors import ReadOnlyDatabase
from sirius_core.settings import Settings
from sirius_core.store import Store, search
from sirius_core.store.search import Hit, Search, phrases, snippet
from sirius_core.trajectories import Outcome, SeedPath, Task, Trajectory, Turn

TASK = Task("t1", "test", "train", "How far?", "42")
SAID = (
    ("solver", r"The work is $W = \frac{1}{2} m v^2$, so the naïve guess fails."),
    ("solver", "def lens_maker(n_1, n_2):\n    return 1 / (n_2 - n_1)"),
    ("critic", "The unit is Ns, not N. Take 371 - 35 * 9 = 56."),
    ("critic", "A LENS is no mirror; times change."),
)


def add(store: Store, experiment: str, said: Sequence[tuple[str, str]], attempt: int = 0, task: Task = TASK) -> str:
    """One episode of these turns; its id."""
    turns = tuple(Turn(role, "answer", None, (), {}, text, f"{attempt}-{i}") for i, (role, text) in enumerate(said))
    t = Trajectory(SeedPath(experiment, 0, 1, "propose", task.id, attempt), "team", turns, Outcome("42"))
    store.episodes.add([t])
    return t.id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "lab.db") as opened:
        opened.episodes.add_tasks([TASK])
        for name in ("one", "two"):
            opened.experiments.create(name, Settings(), 0)
        yield opened


def found(store: Store, words: str, experiment: str = "one-0-1") -> list[int]:
    return [hit.turn for hit in Search(store.db).find(experiment, words)]


@pytest.mark.parametrize("typed, turns", [
    ("naive", [0]), ("NAÏVE Guess", [0]), ("guess naive", [0]), ("lens", [1, 3]), ("Ns", [2]), ("time", []),
    (r"\frac{1}{2}", [0]), ("W = \\frac", [0]), ("m = v", [0]), ("v = m", []), ("n_1", [1]), ("maker(n_1, n_2)", [1]),
    ("371 - 35 * 9", [2]), ("35 - 371", []), ("mirr*", [3]), ("mi*", []), ("", []), ("-- ⇒ \\", []),
    ("lens mirror", [3]),
])
@pytest.mark.parametrize("indexed", [True, False])
def test_what_is_typed_finds_the_turns_that_hold_it_with_an_index_and_without(store, typed, turns, indexed):
    add(store, "one-0-1", SAID)
    if indexed:
        assert Search(store.db).catch_up("one-0-1") == 4
    assert found(store, typed) == turns


def test_the_embedded_language_is_searched_as_it_is_shown(tmp_path):
    from tests.actors import act

    with Store(tmp_path / "lab.db") as store:
        e = act(store, problems=20, rounds=1).id
        Search(store.db).catch_up(e)
        rows = store.db.rows("SELECT t.id, u.idx, u.text FROM turn u JOIN trajectory t ON t.seq = u.trajectory "
                             "WHERE u.role = 'analyst' ORDER BY t.seq, u.idx")
        text = rows[5]["text"]
        numbers = text.partition(" : ")[2]  # 3 7 1 - 3 5 * 9
        same = [(r["id"], r["idx"]) for r in rows if r["text"] == text]
        shown = search.shown("formulas", numbers)
        for typed in (numbers, shown, shown.replace("×", "x").replace("−", "-"), shown.replace(" × ", "x")):
            hits = [(h.trajectory, h.turn) for h in Search(store.db).find(e, typed, limit=1000)]
            assert set(same) <= set(hits), typed
        hit = Search(store.db).find(e, shown)[0]
        assert shown.split()[0] in hit.snippet and numbers not in hit.snippet


def test_experiments_do_not_see_one_another_and_pages_follow_one_another(store):
    ids = [add(store, "one-0-1" if i % 2 else "two-0-1", [("solver", f"zebra {i}"), ("critic", "zebra")], i)
           for i in range(20)]
    s = Search(store.db)
    s.catch_up("one-0-1", limit=11)
    first = s.find("one-0-1", "zebra", limit=7)
    rest = s.find("one-0-1", "zebra", after=first[-1].place)
    assert [(h.trajectory, h.turn) for h in first + rest] == [(i, turn) for i in ids[1::2] for turn in (0, 1)]
    assert first[0] == Hit(2 * search.WIDTH, ids[1], 0, "solver", 1, "propose", "zebra 1")


def test_the_index_grows_in_steps_and_one_that_was_broken_off_goes_on(store, monkeypatch):
    monkeypatch.setattr(search, "STEP", 4)
    for i in range(10):
        add(store, "one-0-1", [("solver", f"word{i} alike")] * 2, i)
    s = Search(store.db)
    assert s.behind("one-0-1") == 20

    def killed(turns: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        s.catch_up("one-0-1", done=killed)
    assert s.behind("one-0-1") == 16
    seen: list[int] = []
    assert s.catch_up("one-0-1", done=seen.append) == 16 and seen == [4, 8, 12, 16]
    assert (s.behind("one-0-1"), s.catch_up("one-0-1")) == (0, 0)
    add(store, "one-0-1", [("solver", "word3 later")], 10)
    assert s.behind("one-0-1") == 1 and len(s.find("one-0-1", "word3")) == 3  # the tail is looked through
    assert store.db.value("SELECT count(*) FROM turn_search WHERE turn_search MATCH 'alike'") == 20  # none twice


def test_hits_point_at_the_same_turns_after_a_vacuum(store, tmp_path):
    for i in range(6):
        add(store, "one-0-1", SAID, i)
    Search(store.db).catch_up("one-0-1")
    before = Search(store.db).find("one-0-1", "lens")
    store.db.run("VACUUM INTO ?", str(tmp_path / "copy.db"))
    store.db.run("VACUUM")
    with Store(tmp_path / "copy.db") as copy:
        assert Search(copy.db).find("one-0-1", "lens") == before == Search(store.db).find("one-0-1", "lens")


def test_a_file_that_may_only_be_read_is_searched_as_far_as_it_says(store, tmp_path, monkeypatch):
    for i in range(5):
        add(store, "one-0-1", [("solver", f"zebra {i}")] * 2, i)
    store.db.run("VACUUM INTO ?", str(tmp_path / "only.db"))
    raw = sqlite3.connect(tmp_path / "only.db")
    raw.execute("PRAGMA query_only")
    raw.close()
    with Store(tmp_path / "only.db") as copy:
        copy.db.raw.execute("PRAGMA query_only = ON")
        s = Search(copy.db)
        with pytest.raises(ReadOnlyDatabase):
            s.catch_up("one-0-1")
        assert (len(s.find("one-0-1", "zebra")), s.uncovered("one-0-1")) == (10, 0)
        monkeypatch.setattr(search, "LOOKED", 4)
        assert (len(s.find("one-0-1", "zebra")), s.uncovered("one-0-1")) == (4, 6)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("search") / "lab.db") as opened:
        opened.episodes.add_tasks([TASK])
        opened.experiments.create("one", Settings(), 0)
        add(opened, "one-0-1", SAID)
        Search(opened.db).catch_up("one-0-1")
        yield opened


WORDS = st.one_of(st.text(), st.lists(st.sampled_from(
    ['"', "*", "NEAR", "AND", "OR", "NOT", "(", ")", "text:", "^", "lens", "N", "\0", "𝟛", "é", "'", ";", "{", "+"])
).map(" ".join))


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_no_text_raises_and_the_index_says_what_looking_through_says(indexed, typed):
    s = Search(indexed.db)
    hits = s.find("one-0-1", typed)
    wanted = phrases(typed)
    assert [h.turn for h in hits] == [
        i for i, (_, text) in enumerate(SAID) if wanted and search._holds(search.tokens(text), wanted)]


@given(st.text(alphabet="ab \n_-é", max_size=600), st.text(alphabet="ab", min_size=1, max_size=3))
def test_a_snippet_is_one_short_line(text, word):
    line = snippet(text, [((word,), False)])
    assert "\n" not in line and len(line) <= 3 * search.AROUND + 4
