"""Any table: the mapping of columns, what is guessed and said, and the hub."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import tasks
from sirius_core.errors import SiriusError, UnknownName, UsageError
from sirius_core.settings import Settings
from sirius_core.tasks.columns import ROLES, Columns, mapped, parsed
from sirius_core.tasks.guessing import guessed_kind, read_from
from sirius_core.trajectories import Task


def table(path: Path, rows: list[dict[str, Any]], columns: str = "", **changes: Any) -> dict[str, Task]:
    """{row: task} of a table of these rows, written as the path's suffix says."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    asked = Settings().changed({"data": str(path), "columns": columns, **changes})
    return {t.data["row"]: t for part in tasks.splits("table", asked, 0).values() for t in part}


def notes(path: Path, columns: str = "") -> list[str]:
    return list(tasks.describe("table", Settings().changed({"data": str(path), "columns": columns}), 0)["notes"])


def rows(n: int = 6, **more: Any) -> list[dict[str, Any]]:
    return [{"Problem": f"What is {i} plus {i}?", "Solution": str(2 * i), **more} for i in range(1, n + 1)]


# The mapping -----------------------------------------------------------------------------------------

def test_a_full_mapping_makes_a_full_task(tmp_path: Path) -> None:
    full = [{"Nr": f"q{i}", "Problem": f"What is {i}?", "Passage": "Read this.", "First": f"{i}", "Second": "other",
             "Right": "B", "Type": "letter", "Set": "test" if i > 4 else "train", "Field": "sums"} for i in range(1, 8)]
    made = table(tmp_path / "x.csv", full, 'question=Problem, answer="Right", options=First|Second, context=Passage, '
                 "kind=Type, split=Set, id=Nr, subject=Field")
    assert sorted(made) == [*(f"test/{i}/q{i - 1}" for i in (6, 7, 8)), *(f"train/{i}/q{i - 1}" for i in range(2, 6))]
    task = made["test/6/q5"]
    assert task == Task(task.id, "table", "heldout", "What is 5?\nA) 5\nB) other", "B", "letter", task.group, {
        "row": "test/6/q5", "context": "Read this.", "subject": "sums", "options": ["5", "other"]})


def test_the_tolerance_is_the_tables_or_the_rows_or_the_usual_one(tmp_path: Path) -> None:
    asked = "question=Problem, answer=Solution, tolerance="
    assert {t.data["tolerance"] for t in table(tmp_path / "a.csv", rows(), asked + "0.01").values()} == {0.01}
    own = [{**row, "Tol": tol} for row, tol in zip(rows(), ["0.5", "", "0", "1e-3", ".1", ""])]
    made = table(tmp_path / "b.csv", own, asked + "Tol")
    assert [made[f"row/{i}"].data["tolerance"] for i in range(2, 8)] == [0.5, 0.0, 0.0, 0.001, 0.1, 0.0]
    numbers = [{**row, "Solution": s} for row, s in zip(rows(), ["1", "2.5", "1,000", "1/2", "50%", "3e4"])]
    usual = table(tmp_path / "c.csv", numbers)
    assert [usual[f"row/{i}"].data["tolerance"] for i in range(2, 8)] == [0.0, 0.04, 0.0, 0.04, 0.04, 0.04]


def test_question_and_context_may_join_columns(tmp_path: Path) -> None:
    both = [{"Do": "What is the mood?", "Of": f"It is day {i}.", "Answer": "good"} for i in range(6)]
    made = table(tmp_path / "x.csv", both, "question=Do+Of, answer=Answer, kind=text")
    assert {t.question for t in made.values()} == {f"What is the mood?\nIt is day {i}." for i in range(6)}
    with pytest.raises(UsageError, match=r"columns=question=First\+Second"):
        table(tmp_path / "x.csv", both, "question=Do, context=Of, answer=Answer, kind=text")


@pytest.mark.parametrize("text, said", [
    ("question", "columns: 'question' cannot be read; write columns=question=Problem"),
    ("question=", "columns: 'question=' cannot be read"), ('question="Problem', "cannot be read"),
    ("question=Problem,, answer=x", "columns: ', answer=x' cannot be read"),
    ("questoin=Problem", "there is no role of a column 'questoin'; did you mean 'question'"),
    ("question=Problem, question=Solution", "columns: question is named twice"),
    ("question=Probelm", "x.csv has no column 'Probelm'; its columns: Problem, Solution"),
    ("kind=numbr", r"x.csv has no column 'numbr' \(numbr is neither a column nor a kind of answer\)"),
    ("tolerance=-1", "x.csv has no column '-1'"), ("options=A|B", "x.csv has no column 'A'"),
])
def test_a_wrong_mapping_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        table(tmp_path / "x.csv", rows(), text)
    assert "\n" not in str(error.value)


names = st.text(alphabet="abc ,|=", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.dictionaries(st.sampled_from(ROLES), names, min_size=1))
def test_any_mapping_in_quotes_is_read_back(wanted: dict[str, str]) -> None:
    assert parsed(", ".join(f'{role}="{name}"' for role, name in wanted.items())) == wanted


@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_one_line(text: str) -> None:
    try:
        found = mapped(text, ("Problem", "Solution"), "x.csv")
    except SiriusError as error:
        assert "\n" not in str(error) or "\n" in text
    else:
        assert isinstance(found, Columns)


# What is guessed, and said ---------------------------------------------------------------------------

def test_an_empty_mapping_is_guessed_and_said(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", rows())
    assert notes(tmp_path / "x.csv") == [
        "guessed from the names: question = Problem", "guessed from the names: answer = Solution",
        "guessed from the answers: kind = number"]
    choice = [{"prompt": f"Which {i}?", "Option A": "x", "option_b": "y", "Ground Truth": "y"} for i in range(6)]
    made = table(tmp_path / "y.csv", choice)
    assert {(t.answer, tuple(t.data["options"])) for t in made.values()} == {("B", ("x", "y"))}
    assert notes(tmp_path / "y.csv")[2:] == ["guessed from the names: options = Option A|option_b",
                                             "the answers are the options' own texts"]


def test_a_mapping_that_names_something_guesses_no_more_than_it_must(tmp_path: Path) -> None:
    made = table(tmp_path / "x.csv", rows(context="secret", subject="sums"), "answer=Solution")
    assert all(set(t.data) == {"row", "tolerance"} for t in made.values())
    assert notes(tmp_path / "x.csv", "answer=Solution")[0] == "guessed from the names: question = Problem"


@pytest.mark.parametrize("texts, kind", [
    (["yes", "No"], "yes_no_maybe"), (["true", "False"], "boolean"), (["A", "c"], "letter"), (["(b)", "D."], "letter"),
    (["1", "-2.5", "1,000", "3/4", "50%", "1e-5", ".5"], "number"), (["9.8 m/s^2", "3 m"], "number"),
    (["[1, 2]", "(3, 4)"], "list"), ([r"\frac{1}{2}", "x"], "latex"), (["x^2"], "latex"), (["Paris", "London"], "text"),
    ([], "text"), (["1"] * 19 + ["five"], "number"), (["1", "five"], "text"), (["yes", "perhaps"], "text"),
])
def test_the_narrowest_kind_is_guessed(texts: list[str], kind: str) -> None:
    assert guessed_kind(texts) == kind


@pytest.mark.parametrize("answers, letters", [
    (["a", "(B)", "C."], "ABC"), (["0", "1", "2"], "ABC"), (["1", "2", "3"], "ABC"), (["x", "Y ", "z"], "ABC"),
])
def test_an_option_is_named_by_letter_number_or_text(answers: list[str], letters: str) -> None:
    options = ("x", "y", "z")
    reading = read_from([(answer, options) for answer in answers])
    assert reading.kind == "letter"
    assert "".join(reading.answer(answer, options, "row 1") for answer in answers) == letters


@pytest.mark.parametrize("first, later, said", [
    (["A"], "x", "row 9: the answer 'x' is no letter"), (["0"], "3", "row 9: the answer '3' is no option"),
    (["x"], "w", "row 9: the answer 'w' is none of the options"), (["#### 4"], "5", "must end in '#### NUMBER'"),
])
def test_a_later_answer_of_another_sort_is_one_line(first: list[str], later: str, said: str) -> None:
    options = () if "#" in first[0] else ("x", "y", "z")
    reading = read_from([(answer, options) for answer in first])
    with pytest.raises(UsageError, match=said):
        reading.answer(later, options, "row 9")


def test_answers_after_four_hashes_are_numbers() -> None:
    reading = read_from([("so 3 + 4 = 7\n#### 7", ()), ("#### 1,234", ())])
    assert (reading.kind, reading.answer("x #### -1,234", (), "")) == ("number", "-1234")


def test_one_column_may_hold_all_options(tmp_path: Path) -> None:
    kinds: list[Any] = [["x", "y"], "x|y", '["x", "y"]', "x; y", ["x", "y"], "x\ny"]
    made = table(tmp_path / "x.jsonl", [{"question": f"Which {i}?", "choices": kind, "answer": 1} for i, kind in
                                        enumerate(kinds)])
    assert {(tuple(t.data["options"]), t.answer) for t in made.values()} == {(("x", "y"), "B")}


def test_rows_may_have_fewer_options_but_no_gaps(tmp_path: Path) -> None:
    choice = [{"question": f"Which {i}?", "A": "x", "B": "y", "C": "z" * (i % 2), "answer": "B"} for i in range(6)]
    made = table(tmp_path / "x.csv", choice)
    assert sorted(len(t.data["options"]) for t in made.values()) == [2, 2, 2, 3, 3, 3]
    choice[3]["B"] = ""
    with pytest.raises(UsageError, match=r"x.csv, row 5: option B is empty"):
        table(tmp_path / "x.csv", choice)


def test_native_json_answers_become_texts(tmp_path: Path) -> None:
    made = table(tmp_path / "a.jsonl", [{"question": f"Is it {i}?", "answer": bool(i % 2)} for i in range(6)])
    assert {(t.kind, t.answer) for t in made.values()} == {("boolean", "True"), ("boolean", "False")}
    made = table(tmp_path / "b.jsonl", [{"question": f"Which {i}?", "answer": [i, 0.5]} for i in range(6)])
    assert {(t.kind, t.answer) for t in made.values()} == {("list", f"[{i}, 0.5]") for i in range(6)}
    made = table(tmp_path / "c.jsonl", rows(), "kind=ordered_list")
    assert {t.kind for t in made.values()} == {"ordered_list"}


def test_subjects_choose_rows(tmp_path: Path) -> None:
    both = [{**row, "subject": "sums" if i < 4 else "other"} for i, row in enumerate(rows(8))]
    assert len(table(tmp_path / "x.csv", both, subjects="Sums")) == 4
    with pytest.raises(UnknownName, match="no subject 'sum'; did you mean 'sums'"):
        table(tmp_path / "x.csv", both, subjects="sum")
    with pytest.raises(UsageError, match="no column holds subjects"):
        table(tmp_path / "x.csv", rows(), subjects="sums")


@pytest.mark.parametrize("column, value, said", [
    ("split", "somewhere", "row 4: the split 'somewhere' is unknown; use train, validation or test"),
    ("tolerance", "much", "row 4: the tolerance 'much' is no number"),
    ("kind", "nmber", "row 4: there is no kind of answer 'nmber'; did you mean 'number'"),
])
def test_a_bad_cell_is_one_line(tmp_path: Path, column: str, value: str, said: str) -> None:
    good = {"split": "train", "tolerance": "0.1", "kind": "number"}[column]
    broken = [{**row, column: value if i == 2 else good} for i, row in enumerate(rows())]
    with pytest.raises(UsageError, match=said):
        table(tmp_path / "x.csv", broken)


def test_a_folder_with_parts_is_an_official_split(tmp_path: Path) -> None:
    for part, n in (("train", 6), ("test", 3), ("dev", 2)):
        table_rows = [{"question": f"{part} {i}?", "answer": i} for i in range(n)]
        (tmp_path / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table_rows), "utf-8")
    told = tasks.describe("table", Settings().changed({"data": str(tmp_path)}), 0)
    assert (told["split"], told["splits"]) == ("official", {"train": 6, "validation": 2, "heldout": 3})
    (tmp_path / "test.jsonl").unlink(), (tmp_path / "dev.jsonl").unlink()
    alone = tasks.describe("table", Settings().changed({"data": str(tmp_path)}), 0)
    assert alone["splits"] == {"train": 3, "validation": 1, "heldout": 2}
    assert "only train.jsonl is there" in alone["notes"]
    (tmp_path / "train.csv").write_text("question,answer\n", "utf-8")
    with pytest.raises(UsageError, match=r"train.csv and train.jsonl are both the train part"):
        tasks.splits("table", Settings().changed({"data": str(tmp_path)}), 0)


cells = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)


@given(st.lists(cells, min_size=8, max_size=20, unique_by=lambda text: "".join(text.split()).casefold()))
def test_every_row_of_a_csv_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    written = [{"q, 1": f"{text} {i}", "a": str(i)} for i, text in enumerate(texts)]
    made = table(tmp_path_factory.mktemp("t") / "x.csv", written, 'question="q, 1", answer=a')
    assert {t.question: t.answer for t in made.values()} == {row["q, 1"].strip(): row["a"] for row in written}


# The hub ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("address", ["hf://gsm8k", "hf://", "hf://a/b/c/d", "hf://../x y"])
def test_a_wrong_address_of_the_hub_is_one_line(address: str) -> None:
    with pytest.raises(UsageError, match="is no data set of the hub: write hf://owner/name"):
        tasks.splits("table", Settings().changed({"data": address}), 0)


def python(code: str, folder: Path, *options: str) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=folder, env=environment, capture_output=True,
                          text=True, check=True)
    return done.stdout.strip()


_HUB = """
import json
from sirius_core import tasks
from sirius_core.errors import UsageError
from sirius_core.settings import Settings
for address, source in (("hf://made/up", "table"), ("hf://made/up", "gsm8k"), ("hf://no/where", "table")):
    try:
        told = tasks.describe(source, Settings().changed({"data": address}), 0)
        print(json.dumps([told["split"], told["splits"], told["kinds"], told["notes"]]))
    except UsageError as error:
        print(str(error)[:60])
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("datasets") is None, reason="needs the optional library datasets")
def test_a_data_set_of_the_hub_is_read_through_its_library(tmp_path: Path) -> None:
    """Without a network: the library takes a folder of that name where it would take a data set of the hub."""
    for part, n in (("train", 6), ("test", 3)):
        path = tmp_path / "made" / "up" / f"{part}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        some = [{"question": f"{part} {i}?", "answer": f"so\n#### {i}"} for i in range(n)]
        path.write_text("".join(json.dumps(row) + "\n" for row in some), "utf-8")
    first, second, third = python(_HUB, tmp_path).split("\n")
    split = ["official", {"train": 5, "validation": 1, "heldout": 3}, {"number": 9}]
    said = "no revision is named: the data set may change (hf://owner/name@revision)"
    assert json.loads(first)[:3] == split and json.loads(second) == [*split, [said]]
    assert third.startswith("hf://no/where cannot be loaded: ")


def test_without_its_library_the_hub_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['datasets'] = None\n" + _HUB
    assert [line[:59] for line in python(code, tmp_path).split("\n")] == [
        f"hf://{name} needs a library: pip install 'sirius-lab[hub]'"[:59]
        for name in ("made/up", "made/up", "no/where")]
