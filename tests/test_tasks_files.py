"""Malformed files: each is one line that names the file, the row and the remedy; and a large file stays on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import jobs, tasks
from sirius_core.errors import SiriusError, UsageError
from sirius_core.settings import Settings, preset
from sirius_core.store import Store
from sirius_core.tasks.files import Csv, json_lines

GOOD = "".join(f"What is {i} and {i}?,{2 * i}\n" for i in range(1, 7))
LINES = "".join(json.dumps({"question": f"What is {i} and {i}?", "answer": 2 * i}) + "\n" for i in range(1, 7))


def splits(path: Path, columns: str = "") -> object:
    return tasks.splits("table", Settings().changed({"data": str(path), "columns": columns}), 0)


@pytest.mark.parametrize("data, kept", [
    ("mine.csv", "{here}/mine.csv"),
    ("~/mine.csv", "{home}/mine.csv"),
    ("mmlu=data, theoremqa = ~/t", "mmlu={here}/data, theoremqa={home}/t"),
    ("odd=name, b.csv", "{here}/odd=name, b.csv"),
    ("a=b.csv", "{here}/a=b.csv"),
    ("hf://openai/gsm8k/main", "hf://openai/gsm8k/main"),
    ("~nobody-of-this-name/x.csv", "~nobody-of-this-name/x.csv"),
    ("", ""),
])
def test_an_experiment_keeps_where_its_data_lies_from_any_folder(
        data: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home):
        folder.mkdir()
    (here / "a=b.csv").write_text("question,answer\n" + GOOD)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    assert tasks.absolute(data) == kept.format(here=here, home=home)
    settings = preset("tiny", {"source": "table", "team": "formula_chain", "data": "a=b.csv"})
    with Store(tmp_path / "lab.db") as store:
        assert jobs.create(store, "parts", settings, 0).settings.data == f"{here}/a=b.csv"


def test_a_folder_of_nobody_is_one_line() -> None:
    assert "there is no '~nobody-of-this-name/x.csv'" in said(Path("~nobody-of-this-name/x.csv"))


def said(path: Path, columns: str = "") -> str:
    with pytest.raises(UsageError) as error:
        splits(path, columns)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("content, complaint", [
    (b"", "x.csv is empty"),
    (b"\n\n", "x.csv, row 1: the header is empty"),
    (b"question,answer\n", "x.csv has no rows"),
    (b"question,answer\n\n\n", "x.csv has no rows"),
    (b"question,answer\nWhat is 1 and 1?,2\n" + b"What is \xff?,3\n", "x.csv, row 3: bytes that are no UTF-8"),
    (b"question,answer\nWhat is\x00 1?,2\n", "x.csv, row 2: a NUL byte"),
    (b"question,answer\nWhat is 1 and 1?,2,3\n", "x.csv, row 2: 3 fields where 2 are needed"),
    (b"question,answer\nWhat is 1 and 1?\n", "x.csv, row 2: 1 fields where 2 are needed"),
    (b'question,answer\n"What is" 1?,2\n', "x.csv, row 2: bad quoting"),
    (b'question,answer\n"What is 1?,2\nand so on\n', 'x.csv, row 2: a quote (") is not closed'),
    (b'question,answer\n"' + b"long " * 30_000 + b"\n", "x.csv, row 2: a field is longer than 131,072 characters"),
    (b"question,question\nWhat?,2\n", "x.csv, row 1: two columns are named 'question'"),
    (b"\xff\xfeq\x00", "x.csv is UTF-16; save it as UTF-8"), (b"PK\x03\x04", "x.csv is a zip archive or an Excel file"),
    (b"\x1f\x8b\x08\x00", "x.csv is compressed (gzip)"), (b"PAR1abcd", "x.csv is Parquet"),
    (b"first,second\n1,2\n", "which column is the question? Its columns are first, second; set columns="),
    (b"question,answer\n" + GOOD.encode() + b",3\n", "x.csv, row 8: the question is empty"),
    (b"question,answer\n" + GOOD.encode() + b"What is it?,\n", "x.csv, row 8: the answer is empty"),
    (b"question,answer\n" + GOOD.encode() * 40 + b"What is it?,five\n",
     "x.csv, row 242: the truth 'five' cannot be read as an answer of kind 'number'"),
])
def test_a_malformed_csv_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert complaint in said(path)


@pytest.mark.parametrize("content, complaint", [
    (b"\n \n", "x.jsonl has no rows"),
    (LINES.encode() + b'{"question": "What?", "answer": }\n', "row 7: this is no JSON (Expecting value, column 33)"),
    (LINES.encode() + b"[1, 2]\n", "x.jsonl, row 7: a JSON object is needed, this is a list"),
    (LINES.encode() + b"3\n", "x.jsonl, row 7: a JSON object is needed, this is a number"),
    (LINES.encode() + b'{"question": "What?"}\n', "x.jsonl, row 7: no 'answer'"),
    (LINES.encode() + b'{"question": "What?", "answer": {"a": 1}}\n', "x.jsonl, row 7: a cell holds an object"),
    (LINES.encode() + b'{"question": "What?", "answer": NaN}\n', "x.jsonl, row 7: this is no JSON (NaN is no number)"),
    (LINES.encode() + b'{"question": "What \\ud800?", "answer": 1}\n', "x.jsonl, row 7: a text holds half a character"),
    (LINES.encode() + b'{"question": "What \\u0000?", "answer": 1}\n', "x.jsonl, row 7: a text holds half a character"),
    (LINES.encode() + b"[" * 100_000 + b"\n", "x.jsonl, row 7: this JSON cannot be read (a huge number, or too deeply"),
    (LINES.encode() + b'{"question": "What?", "answer": ' + b"9" * 5000 + b"}\n", "row 7: this JSON cannot be read"),
    (LINES.encode() + b'{"question": "' + b"a" * 4_000_001 + b'"}\n', "row 7: longer than 4,000,000 characters"),
    (LINES.encode() + b"\xe4\n", "x.jsonl, row 7: bytes that are no UTF-8"),
])
def test_malformed_json_lines_are_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    assert complaint in said(path)


@pytest.mark.parametrize("content, complaint", [
    ('{"a": 1}\n{"b": 2', "x.json, row 2: this is no JSON"), ('"text"', "a JSON object is needed, this is a text"),
    ("[1]", "x.json, row 1: a JSON object is needed, this is a number"), ("[", "x.json: this is no JSON"),
    ("[]", "x.json has no rows"),
])
def test_malformed_json_is_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, "utf-8")
    assert complaint in said(path)


def test_a_folder_a_pipe_and_a_file_without_permission_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert "there is no train.csv, test.csv (or .jsonl) in" in said(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe")
    assert "is no ordinary file" in said(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a folder"):
        tasks.splits("mmlu", Settings().changed({"data": str(_folder(tmp_path / "x/test/y_test.csv").parents[1])}), 0)
    assert "there is no" in said(tmp_path / ("long" * 100))
    assert "there is no" in said(Path("a\0b"))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize("name, content", [
    ("x.csv", "\ufeffquestion,answer\r\n" + GOOD.replace("\n", "\r\n")), ("x.csv", "question,answer\n" + GOOD),
    ("x.tsv", "question\tanswer\n" + GOOD.replace(",", "\t")), ("x.csv", "question;answer\n" + GOOD.replace(",", ";")),
    ("x.txt", "question,answer\n" + GOOD), ("x.jsonl", LINES), ("x.json", LINES), ("x.json", "\ufeff" + LINES),
    ("x.json", "[" + LINES.replace("\n", ",\n").rstrip(",\n") + "]"), ("x.data", LINES.replace("\n", "\n\n")),
    ("x.csv", 'question,answer\n"What is\n""this"", then?",1\n' + GOOD),
    ("x.csv", "question,answer\n\n" + GOOD + "\n\n"),
])
def test_the_same_rows_in_many_dresses(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    made = tasks.splits("table", Settings().changed({"data": str(path)}), 0)
    found = {t.question: t.answer for part in made.values() for t in part if " and " in t.question}
    assert found == {f"What is {i} and {i}?": str(2 * i) for i in range(1, 7)}


def test_rows_are_counted_as_an_editor_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n\n"1\n2",3\n4,5\n', "utf-8")
    assert list(Csv(path)) == [(3, ["1\n2", "3"]), (4, ["4", "5"])]
    lines = tmp_path / "x.jsonl"
    lines.write_text('\n{"a": 1}\n\n{"a": 2}', "utf-8")
    assert list(json_lines(lines)) == [(2, {"a": 1}), (4, {"a": 2})]


@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.jsonl", "x.json", "x"]))
def test_any_bytes_give_tasks_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        splits(path)
    except SiriusError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000


damage = st.sampled_from([b'"', b",", b"\n", b"\r", b"\xff", b"\x00", b"{", b"}", b"[", b"\\ud800", b"NaN", b";", b""])


@given(st.sampled_from([b"question,answer\n" + GOOD.encode(), LINES.encode()]), st.integers(0, 300), damage,
       st.integers(0, 3))
def test_a_damaged_file_gives_tasks_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int,
                                               broken: bytes, cut: int) -> None:
    path = tmp_path_factory.mktemp("damaged") / "x.data"
    path.write_bytes(content[:place] + broken + content[place + cut:])
    try:
        splits(path)
    except SiriusError as error:
        assert "\n" not in str(error) and "x.data" in str(error)


_PEAK = """
import sys
from pathlib import Path
from sirius_core import tasks
from sirius_core.settings import Settings
asked = Settings().changed({"data": sys.argv[1]})
made = tasks.splits("table", asked, 0)
print({split: len(part) for split, part in made.items() if part})
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak where Linux shows it")
def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    """60 MB in 60 MB: a reader that held the rows would need several times the file."""
    path = tmp_path / "large.csv"
    padding = "in a long, long story with many words that nobody needs " * 8
    with path.open("w", encoding="utf-8") as file:
        file.write("question,answer\n")
        for i in range(130_000):
            file.write(f'"{padding}what is {i} and {i}?",{2 * i}\n')
    assert path.stat().st_size > 60_000_000
    command = [sys.executable, "-W", "error", "-c", _PEAK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counts, peak = done.stdout.split("\n")[:2]
    assert counts == "{'train': 800, 'validation': 200, 'heldout': 400}"
    assert int(peak) < 60
