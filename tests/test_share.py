"""The bundle of an experiment: what stands in it, that its bytes are determined, that its texts stay text."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from html.parser import HTMLParser
from pathlib import Path

import pytest
from actors import act
from hagglers import haggled

from sirius_core import figures, imports
from sirius_core.__main__ import main
from sirius_core.commands import experiments
from sirius_core.share import bundle, drawing, matrix, words, write
from sirius_core.store import Review, Store

HOSTILE = ("<script>alert(1)</script>", "<img src=http://evil.example/x.png onerror=alert(1)>", "\"' onload='x",
           "</style><svg onload=alert(1)>", "&lt;b&gt;", "![x](http://evil.example/y)", "$\\frac{1}{0}$",
           "\u202egnp.exe\u0000\u0007", "a" * 9000)
TEXT = " ".join(HOSTILE)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("share") / "lab.db"
    with Store(path) as store:
        act(store)
    return path


def hostile(db: Path, copy: Path) -> Path:
    """A copy in which everything that a model or a person may have written is hostile."""
    shutil.copy(db, copy)
    raw = sqlite3.connect(copy)
    for table, column in (("task", "question"), ("task", "answer"), ("turn", "text"), ("trajectory", "answer"),
                          ("repair", "critique"), ("repair", "rephrased"), ("repair", "role"), ("experiment", "name")):
        raw.execute(f"UPDATE {table} SET {column} = ?", (TEXT,))
    raw.commit()
    raw.close()
    with Store(copy) as store:
        repair = store.repairs.find("tiny-0-1", 1)[0]
        store.repairs.decide(Review(repair.id, TEXT, "reject", TEXT, "", "", "", None, 2.0))
    return copy


class Tags(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.said.append(data)


def test_a_bundle_holds_what_was_found_and_how_to_find_it_again(db):
    with Store(db) as store:
        page, report = bundle(store, "tiny-0-1"), store.experiments.reports("tiny-0-1")[-1]
        said = " ".join(Tags(page).said)
        held = report["tests"]["heldout"]["sampled"]
        assert f"{held['correct']} of {held['n']}" in said
        assert all(s["hash"][:16] in said for s in store.weights.training_sets("tiny-0-1"))
        assert "sirius run tiny --seed 0" in said and '"rounds": 2' in said
        assert page.count("<article>") == 3 and "<del>" in page and "<ins>" in page
        assert page.count('class="figure"') == 5
        assert bundle(store, "tiny-0-1") == page


def test_the_bytes_are_those_of_the_database_wherever_it_lies(db, tmp_path):
    shutil.copy(db, tmp_path / "copy.db")
    with Store(db) as one, Store(tmp_path / "copy.db") as two:
        assert write(one, "tiny-0-1", tmp_path / "a.html") == write(two, "tiny-0-1", tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html", "copy.db"]


def test_no_text_of_a_model_or_a_person_becomes_markup(db, tmp_path):
    with Store(db) as store:
        clean = Tags(bundle(store, "tiny-0-1"))
    with Store(hostile(db, tmp_path / "hostile.db")) as store:
        page = bundle(store, "tiny-0-1")
    found = Tags(page)
    assert found.tags <= clean.tags and found.names <= clean.names
    assert not re.search(r"<(script|img|link|iframe|svg onload)", page)
    assert not {c for c in page if ord(c) < 32} - {"\n"} and "\u202e" not in page
    assert "<script>alert(1)</script>" in " ".join(found.said) and len(page) < 300_000


def test_texts_that_a_licence_keeps_in_stay_in(db, tmp_path):
    shutil.copy(db, tmp_path / "lab.db")
    raw = sqlite3.connect(tmp_path / "lab.db")
    raw.execute("""UPDATE task SET question = 'SECRET', data = json_set(data, '$.restricted', json('true'))""")
    raw.commit()
    raw.close()
    with Store(tmp_path / "lab.db") as store:
        page = bundle(store, "tiny-0-1")
    assert "SECRET" not in page and "<article>" not in page and "licence" in page


def test_an_experiment_that_has_measured_nothing_says_so(tmp_path):
    from sirius_core.settings import preset

    with Store(tmp_path / "lab.db") as store:
        e = store.experiments.create("tiny", preset("tiny", {"data": "/home/me/my data.csv"}), 3)
        page = bundle(store, e.id)
    assert "0 of 2 rounds closed" in page
    assert "Nothing is measured yet" in page and "--set 'data=my data.csv'" not in page and "/home" not in page


def test_the_bundle_of_imported_traces_tells_of_no_training(tmp_path):
    line = {"question": "2 + 2?", "answer": "4", "turns": [{"role": "solver", "text": "Answer: 4"}]}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line))
    with Store(tmp_path / "lab.db") as store:
        said = " ".join(Tags(bundle(store, imports.take(store, tmp_path / "mine.jsonl").experiment)).said)
    assert "1 imported trace of mine.jsonl: 1 right, 0 wrong, 0 not judged. Nobody was trained on them here." in said
    assert "sirius import mine.jsonl" in said and "sirius run" not in said and "tiny language model" not in said


def test_a_bundle_of_games_is_told_as_games(tmp_path, capsys):
    with Store(tmp_path / "lab.db") as store:
        e = haggled(store, matrix=6)
        page = bundle(store, e.id)
        cell = store.experiments.measurement(e.id, "cross_play")["splits"]["heldout"]["cells"][1]
    said = " ".join(" ".join(Tags(page).said).split())
    assert "base has read nothing but games" in said and "0.5 is an even deal" in said and "taught wrong" not in said
    assert "Held-out games" in said and "Out of distribution" in said and "question forms" not in said
    assert "seller (first) buyer (second) games seller earns" in said
    earned = cell["numbers"]["paper_blue"]
    assert f"base round 1 6 {words.text(matrix._earned(cell['numbers']['paper_red']))}" in said
    assert f"{earned['value']:+.1f} ({earned['low']:+.1f} to {earned['high']:+.1f})" in said
    experiments._print_rounds(tmp_path / "lab.db", e.id)
    assert "out of distribution " in (lines := capsys.readouterr().out) and "withheld forms" not in lines


@pytest.mark.parametrize("value, shown", [
    ("/home/me/data.csv", "data.csv"), ("part=/a/b.csv, other=~/c/d.json", "part=b.csv, other=d.json"),
    ("http://me:key@host.example/v1", "http://host.example/v1"), ("hf://owner/name", "hf://owner/name"),
    (r"C:\data\x.csv", "x.csv"), ("sirius", "sirius"), (0.5, 0.5),
])
def test_paths_and_passwords_are_not_told(value, shown):
    assert words.public(value) == shown


def test_a_figure_is_drawn_from_the_stored_json(db):
    with Store(db) as store:
        reports = store.experiments.reports("tiny-0-1")
    for name, made in figures.for_round(reports).items():
        figure = json.loads(made)
        svg = drawing.draw(figure, name)
        assert svg.count("<title>") == sum(y is not None for t in figure["data"] for y in t["y"])
        assert all(t["name"] in drawing.legend(figure) for t in figure["data"])
    evil = {"data": [{"type": "scatter", "x": [0, 1], "y": [1, None], "name": TEXT, "line": {"color": "url(x)"}}]}
    assert "url" not in drawing.draw(evil, TEXT).replace("onerror", "") and "<script" not in drawing.draw(evil, TEXT)


def test_the_command_writes_the_file_and_says_so(db, tmp_path, capsys):
    out = tmp_path / "tiny.html"
    assert main(["share", "tiny-0-1", "--db", str(db), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(out), "bytes": out.stat().st_size}
    assert main(["share", "tiny-0-1", "--db", str(db), "--out", str(tmp_path / "no" / "x.html")]) == 2
    assert main(["share", "nobody", "--db", str(db), "--out", str(out)]) == 1
