"""Known-bad repairs stand among the others, are really wrong, tell who lets them through, and never get anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reviewing import WAITS, Desk, desk

from sirius_core import export, frames, review
from sirius_core.errors import UsageError
from sirius_core.review.planted import FAR, FEW, NUMBER, OPERATOR, SWAP, plant, said_in, slots, wrong
from sirius_core.store import PlantedRow
from sirius_core.tasks.formulas import turn_marks


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


# -- the rule ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text, made", [
    ("x * y : 3 7 * 4 2", [(NUMBER, "x * y : 3 7 * 5 2"), (NUMBER, "x * y : 6 7 * 4 2"),
                           (OPERATOR, "x * y : 3 7 + 4 2"), (OPERATOR, "x + y : 3 7 * 4 2")]),
    ("1. Water is H2O.\n2. Its mass is 18.0 g.", [(NUMBER, "1. Water is H2O.\n2. Its mass is 58.0 g.")]),
    ("the force is m * a + f", [(OPERATOR, "the force is m * a - f"), (OPERATOR, "the force is m + a + f")]),
    ("it rains", []),
])
def test_one_number_is_changed_or_one_operator_or_it_is_the_rewrite_of_another_problem(
    text: str, made: list[tuple[str, str]]
) -> None:
    assert list(wrong(text, ["it snows"], Random(4))) == [*made, (SWAP, "it snows")]


def test_they_are_a_share_of_the_mended_ones_and_all_wrong(paused: Desk) -> None:
    rows, mended = paused.store.people.planted(paused.id, 1), {r.id: r for r in paused.mended()}
    assert len(rows) == round(WAITS["planted"] * len(mended)) > 1
    assert {row.repair for row in rows} <= set(mended) and len({row.repair for row in rows}) == len(rows)
    for row in rows:
        original = mended[row.repair]
        texts = {r.rephrased for r in paused.store.repairs.of_failed(original.failed)}
        assert row.text not in texts and row.rule == NUMBER
        replayed, turn = paused.store.episodes.get(original.replay or ""), original.turn or 0
        marks, _ = turn_marks(paused.store.episodes.task(original.task), said_in(replayed, turn, row.text))
        assert marks[turn] == 0
        assert sum(a != b for a, b in zip(row.text, original.rephrased, strict=True)) == 1


def test_from_ten_mended_repairs_on_there_is_at_least_one(paused: Desk) -> None:
    assert len(paused.mended()) >= FEW
    for share, wanted in ((0.001, 1), (0.0, 0)):
        changed = paused.run.settings.changed({"planted": share})
        experiment = paused.store.experiments.create(f"share {share}", changed, 0)
        columns = [row["name"] for row in paused.store.db.rows("PRAGMA table_info(repair)") if row["name"] != "seq"]
        taken = ", ".join({"id": f"id || '{share}'", "experiment": f"'{experiment.id}'"}.get(c, c) for c in columns)
        paused.store.db.run(f"INSERT INTO repair ({', '.join(columns)}) SELECT {taken} FROM repair WHERE round = 1 "
                            "AND experiment = 'tiny-0-1' AND phase = 'repair'")
        for _ in range(2):  # made once
            plant(paused.store, experiment.id, 1, team=paused.run.recipe.team, judge=paused.run.recipe.judge)
        assert len(paused.store.people.planted(experiment.id, 1)) == wanted


# -- where it stands ---------------------------------------------------------------------------------------------------
def test_it_is_shown_as_its_original_is_at_a_distance(paused: Desk) -> None:
    queue = review.items(paused.store, paused.id, 1)
    at = {i.id: n for n, i in enumerate(queue)}
    for item in paused.planted():
        own = queue[at[item.repair]]
        assert (item.kind, item.why, item.planted, own.planted) == (own.kind, own.why, True, False)
        assert abs(at[item.id] - at[own.id]) >= FAR
        assert review.evidence(paused.store, item.id) == review.evidence(paused.store, own.id)
        here, there = review.shown(paused.store, item.id), review.shown(paused.store, own.id)
        row = paused.store.people.find_planted(item.id)
        assert row is not None and here.repair.rephrased == row.text and here.repair.turn is not None
        assert here.replay is not None and there.replay is not None
        assert here.replay.turns[here.repair.turn].text == row.text == here.replay.edits[here.repair.turn]
        assert (here.task, here.failed, here.replay.id) == (there.task, there.failed, there.replay.id)
    assert [i.id for i in queue if not i.planted] == [i.id for i in review.waiting(paused.store, paused.id, 1)]


@given(st.lists(st.sampled_from(["not mended", "doubtful", "mended"]), min_size=1, max_size=30), st.data())
def test_every_planted_one_finds_a_place(kinds: list[str], data: st.DataObject) -> None:
    order = {f"r{n}": kind for n, kind in enumerate(kinds)}
    chosen = data.draw(st.lists(st.sampled_from(sorted(order)), unique=True))
    rows = [PlantedRow(f"p{name}", name, NUMBER, "") for name in chosen]
    placed = slots(order, rows)
    assert sorted(row.id for found in placed.values() for row in found) == sorted(row.id for row in rows)
    names = list(order)
    for after, found in placed.items():
        for row in found:
            own, gap = names.index(row.repair), abs(names.index(after) - names.index(row.repair))
            assert gap >= FAR or max(own, len(names) - 1 - own) < FAR


# -- what a reviewer learns --------------------------------------------------------------------------------------------
def test_a_decision_tells_and_counts(paused: Desk) -> None:
    one, two, three = (i.id for i in paused.planted()[:3])
    rows = {name: paused.store.people.find_planted(name) for name in (one, two, three)}
    said = [review.decide(paused.store, name, verdict, "ann", seconds=2.0)
            for name, verdict in ((one, "accept"), (two, "reject"))]
    for name, found, caught in ((one, said[0], False), (two, said[1], True)):
        assert found == review.Planted(rows[name].rule, caught)
    original = paused.store.repairs.get(rows[three].repair)
    edited = paused.right_edit(original)
    assert review.decide(paused.store, three, "edit", "bob", edited=edited).caught
    assert review.catches(paused.store, paused.id) == {"ann": (1, 2), "bob": (1, 1)}
    review.undo(paused.store, one, "bob")
    assert review.catches(paused.store, paused.id) == {"ann": (1, 2), "bob": (1, 1)}
    decided = {i.id: (i.decision.author, i.decision.verdict) for i in paused.planted() if i.decision}
    assert decided == {two: ("ann", "reject"), three: ("bob", "edit")}
    assert paused.store.db.value("SELECT count(*) FROM review") == 0
    again = review.decide(paused.store, one, "reject", "ann")  # who has been told catches nothing any more
    assert again is not None and (again.caught, again.told) == (True, True)
    assert review.catches(paused.store, paused.id) == {"ann": (1, 2), "bob": (1, 1)}


def test_they_never_hold_a_round_up(paused: Desk) -> None:
    for item in paused.items():
        review.decide(paused.store, item.id, "reject", "ann")
    assert review.waiting(paused.store, paused.id, 1) == []
    assert any(i.decision is None for i in paused.planted())


# -- it gets nowhere ---------------------------------------------------------------------------------------------------
class Back(Exception):
    """Raised to take a transaction back."""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("planted")) as found:
        yield found


@settings(max_examples=25)
@given(data=st.data())
def test_whatever_is_decided_no_planted_text_is_admitted(once: Desk, data: st.DataObject) -> None:
    queue = review.items(once.store, once.id, 1)
    verdicts = data.draw(st.lists(st.sampled_from(["accept", "reject", "undo", ""]), min_size=len(queue),
                                  max_size=len(queue)))
    with pytest.raises(Back), once.store.write():
        for item, verdict in zip(queue, verdicts, strict=True):
            if verdict and (item.kind != "not mended" or verdict == "reject"):
                review.decide(once.store, item.id, "accept" if verdict == "undo" else verdict, "ann")
                if verdict == "undo":
                    review.undo(once.store, item.id, "ann")
        admitted, _ = review.admitted(once.store, once.id, 1, 1)
        bad = _planted(once)
        assert not {(t.parent, text) for t in admitted for text in t.edits.values()} & bad
        assert {t.id for t in admitted} <= {r.replay for r in once.store.repairs.find(once.id, 1)}
        raise Back


def _planted(d: Desk) -> set[tuple[str, str]]:
    """(failure, planted text)"""
    return {(d.store.repairs.get(row.repair).failed, row.text) for row in d.store.people.planted(d.id, 1)}


def test_a_planted_text_cannot_be_saved_as_an_edit(paused: Desk) -> None:
    row = paused.store.people.planted(paused.id, 1)[0]
    repair = paused.store.repairs.get(row.repair)
    tried = review.try_edit(paused.store, row.id, row.text, **paused.how())
    assert tried.reward is not None and tried.parent == repair.failed
    by_luck = replace(tried, path=replace(tried.path, draw=9), reward=replace(tried.reward, value=1.0))
    paused.store.episodes.add([by_luck])
    for item in (row.id, repair.id):
        with pytest.raises(UsageError, match="known to be wrong"):
            review.decide(paused.store, item, "edit", "ann", edited=by_luck)
    sent = review.send(paused.store, by_luck.id, "ann")
    with pytest.raises(UsageError, match="known to be wrong"):
        review.decide(paused.store, sent, "accept", "ann")
    turn = repair.turn or 0
    spaced = replace(by_luck, path=replace(by_luck.path, draw=10), edits={turn: f" {row.text}  "})
    with pytest.raises(UsageError, match="known to be wrong"):
        review.decide(paused.store, repair.id, "edit", "ann", edited=spaced)


def test_accepting_everything_neither_trains_on_one_nor_writes_one_out(paused: Desk, tmp_path: Path) -> None:
    bad, mended = _planted(paused), {r.id for r in paused.mended()}
    for item in review.items(paused.store, paused.id, 1):
        review.decide(paused.store, item.id, "accept" if item.repair in mended else "reject", "sloppy")
    caught, n = review.catches(paused.store, paused.id)["sloppy"]
    assert (caught, n) == (0, len(bad))
    paused.go_on()
    used = [row[0] for row in paused.store.db.rows("SELECT DISTINCT trajectory FROM example")]
    found = paused.store.episodes.many(used)
    assert not {(t.parent, text) for t in found.values() for text in t.edits.values()} & bad
    ids = [row.id for row in paused.store.people.planted(paused.id, 1)]
    for format in export.FORMATS:
        out = tmp_path / format
        export.folder(paused.store, paused.id, 1, out, format)
        written = "".join(path.read_text("utf-8") for path in out.rglob("*") if path.is_file())
        assert written and not [name for name in ids if name in written]
        for line in (line for path in out.glob("*.provenance.jsonl") for line in path.read_text("utf-8").splitlines()):
            assert json.loads(line)["trajectory"] in found


def test_flags_and_planted_repairs_as_frames(paused: Desk, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    one, two = (i.id for i in paused.planted()[:2])
    review.decide(paused.store, one, "reject", "ann", seconds=1.5)
    review.flag(paused.store, two, "ann", note="odd")
    review.flag(paused.store, two, "bob", raised=False)
    with frames.open(tmp_path / "lab.db") as lab:
        planted, flags = lab.planted(paused.id).set_index("planted"), lab.flags()
        (row,) = lab.reviewers(paused.id).to_dict("records")
    assert (row["author"], row["caught"], row["planted"], row["blind"]) == ("ann", 1, 1, 0)
    assert (round(row["caught_low"], 2), row["caught_high"], row["same_turn_low"]) == (0.21, 1.0, None)
    assert list(planted.loc[one, ["author", "verdict", "caught", "seconds"]]) == ["ann", "reject", True, 1.5]
    assert len(planted) == len(paused.planted()) and planted.drop(one)["verdict"].isna().all()
    assert flags[["item", "author", "raised", "note", "in_force"]].values.tolist() == [
        [two, "ann", True, "odd", False], [two, "bob", False, "", True]]
