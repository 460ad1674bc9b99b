"""Every official format, in tiny files made up here: the tasks that come out, whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sirius_core import tasks
from sirius_core.errors import UnknownName, UsageError
from sirius_core.machines import MADE
from sirius_core.settings import Settings
from sirius_core.tasks.competition_math import boxed
from sirius_core.trajectories import Task


def settings(data: object = "", **changes: Any) -> Settings:
    return Settings().changed({"data": str(data), **changes})


def all_tasks(source: str, asked: Settings, seed: int = 0) -> list[Task]:
    """Every task of every split, in the order of their official ids."""
    made = tasks.splits(source, asked, seed)
    return sorted((t for part in made.values() for t in part), key=lambda t: t.data["row"])


def sides(source: str, asked: Settings) -> dict[str, list[str]]:
    made = tasks.splits(source, asked, 0)
    return {split: sorted(t.data["row"] for t in part) for split, part in made.items() if part}


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


# MMLU ------------------------------------------------------------------------------------------------

def mmlu(folder: Path, subject: str = "kitchen_physics", n: int = 9) -> Path:
    for part, count in (("test", n), ("val", 2), ("dev", 2)):
        first = 0 if part == "test" else n - 1
        rows = [(f"How hot is {subject} {first + i}?", f"{i} K", "two, or\nthree K", "4 K", "5 K", "ABCD"[i % 4])
                for i in range(count)]
        write_csv(folder / "data" / part / f"{subject}_{part}.csv", rows)
    return folder


def test_mmlu_has_no_header_and_its_options_become_lines(tmp_path: Path) -> None:
    made = all_tasks("mmlu", settings(mmlu(tmp_path)))
    assert [t.data["row"] for t in made] == [f"kitchen_physics/test/{i}" for i in range(1, 10)]
    assert made[2] == Task(
        made[2].id, "mmlu", made[2].split,
        "How hot is kitchen_physics 2?\nA) 2 K\nB) two, or\nthree K\nC) 4 K\nD) 5 K", "C", "letter", made[2].group, {
            "row": "kitchen_physics/test/3", "subject": "kitchen_physics", "licence": "MIT",
            "options": ["2 K", "two, or\nthree K", "4 K", "5 K"]})


def test_mmlu_reports_what_other_parts_repeat(tmp_path: Path) -> None:
    told = tasks.describe("mmlu", settings(mmlu(tmp_path)), 0)
    assert told["overlaps"] == [{"subject": "kitchen_physics", "part": "dev", "rows": 2, "repeated": 1},
                                {"subject": "kitchen_physics", "part": "val", "rows": 2, "repeated": 1}]
    assert (told["rows"], told["questions"], told["splits"]) == (9, 9, {"train": 5, "validation": 1, "heldout": 3})
    assert [file["name"] for file in told["files"]] == ["kitchen_physics_test.csv"]


def test_mmlu_takes_the_part_that_the_path_names_and_the_subjects_that_are_asked_for(tmp_path: Path) -> None:
    mmlu(tmp_path), mmlu(tmp_path, "garden_physics", 6)
    assert len(all_tasks("mmlu", settings(tmp_path, subjects="Garden_physics"))) == 6
    assert len(all_tasks("mmlu", settings(tmp_path / "data"))) == 15
    assert len(all_tasks("mmlu", settings(tmp_path / "data" / "test" / "garden_physics_test.csv"))) == 6
    with pytest.raises(UnknownName, match="there is no MMLU subject 'garden_physic'; did you mean 'garden_physics'"):
        tasks.splits("mmlu", settings(tmp_path, subjects="garden_physic"), 0)
    with pytest.raises(UsageError, match=r"val.csv ask 2 different questions, too few|rows of garden_physics_val.csv"):
        tasks.splits("mmlu", settings(tmp_path / "data" / "val" / "garden_physics_val.csv"), 0)


@pytest.mark.parametrize("row, said", [
    (["How?", "1", "2", "3", "4"], r"row 2: 5 fields where 6 are needed"),
    (["How?", "1", "2", "3", "4", "E"], r"row 2: the answer 'E' is none of the 4 options"),
    (["", "1", "2", "3", "4", "A"], r"row 2: the question is empty"),
    (["How?", "1", "2", "3", "4", ""], r"row 2: the answer is empty"),
])
def test_a_bad_row_of_mmlu_is_one_line(tmp_path: Path, row: list[str], said: str) -> None:
    path = write_csv(tmp_path / "x_test.csv", [["What?", "1", "2", "3", "4", "A"], row])
    with pytest.raises(UsageError, match=said) as error:
        tasks.splits("mmlu", settings(path), 0)
    assert "\n" not in str(error.value) and "x_test.csv" in str(error.value)


# GPQA ------------------------------------------------------------------------------------------------

GPQA = ("Pre-Revision Question", "Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2",
        "Incorrect Answer 3", "Explanation", "Subdomain", "High-level domain", "Record ID", "Canary String")
CANARY = "made-up canary 1f2e"


def gpqa(folder: Path, n: int = 9) -> Path:
    rows = [(f"old {i}", f"What is made up {i}?", f"right {i}", "wrong 1", "wrong 2", "wrong 3", "because", "Optics",
             "Physics" if i % 3 else "Chemistry", f"rec{i}", CANARY) for i in range(n)]
    return write_csv(folder / "gpqa_diamond.csv", [GPQA, *rows])


def test_gpqa_shuffles_the_options_by_a_seed_of_the_task(tmp_path: Path) -> None:
    made = all_tasks("gpqa", settings(gpqa(tmp_path)))
    assert {t.data["options"]["ABCD".index(t.answer)] for t in made} == {f"right {i}" for i in range(9)}
    assert len({tuple(t.data["options"].index(f"wrong {k}") for k in (1, 2, 3)) for t in made}) > 3
    assert made == all_tasks("gpqa", settings(tmp_path), seed=0)
    assert {t.id: t for t in all_tasks("gpqa", settings(tmp_path), seed=7)} == {t.id: t for t in made}
    assert made[0].data == {"row": "rec0", "subject": "Chemistry", "subdomain": "Optics", "licence": "CC BY 4.0",
                            "restricted": True, "options": made[0].data["options"]}


def test_gpqa_is_restricted_and_its_canary_is_never_taken(tmp_path: Path) -> None:
    path = gpqa(tmp_path)
    made, told = all_tasks("gpqa", settings(path)), tasks.describe("gpqa", settings(path), 0)
    assert all(map(tasks.restricted, made)) and told["restricted"] is True
    assert not any(word in repr(made) + repr(told) for word in (CANARY, "because", "old 1"))
    assert "made up" not in repr(told)
    assert [t.data["row"] for t in all_tasks("gpqa", settings(path, subjects="chemistry"))] == ["rec0", "rec3", "rec6"]


def test_gpqa_needs_its_columns_and_says_how_to_unpack_the_zip(tmp_path: Path) -> None:
    (tmp_path / "dataset.zip").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(UsageError, match=r"dataset.zip is a zip archive"):
        tasks.splits("gpqa", settings(tmp_path / "dataset.zip"), 0)
    path = write_csv(tmp_path / "gpqa_main.csv", [("Question", "Answer"), ("What?", "it")])
    with pytest.raises(UsageError, match=r"gpqa_main.csv, row 1: no column 'Correct Answer'"):
        tasks.splits("gpqa", settings(path), 0)


# TheoremQA -------------------------------------------------------------------------------------------

THEOREMS: list[tuple[str, Any, str | None, str, str]] = [
    ("integer", 7, None, "number", "7"), ("float", 1.5, "images/a.png", "number", "1.5"),
    ("bool", True, None, "boolean", "True"), ("list of integer", [2, 1], None, "list", "[2, 1]"),
    ("list of float", [0.5, 1.0], None, "list", "[0.5, 1.0]"), ("option", "(c)", None, "letter", "(c)"),
]


def theoremqa(path: Path, field: str = "Physics") -> Path:
    rows = [{"Question": f"Made up {name}?", "Answer": answer, "Answer_type": name, "Picture": picture,
             "source": "self", "id": f"{i}.json", "explanation": "NONE", "theorem": "none", "subfield": "kitchen",
             "field": field}
            for i, (name, answer, picture, _, _) in enumerate(THEOREMS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows), "utf-8")
    return path


def test_theoremqa_gives_each_answer_type_its_kind_and_flags_pictures(tmp_path: Path) -> None:
    made = all_tasks("theoremqa", settings(theoremqa(tmp_path / "theoremqa_test.json")))
    assert [(t.kind, t.answer) for t in made] == [(kind, answer) for *_, kind, answer in THEOREMS]
    assert [t.data.get("tolerance") for t in made] == [0.0, 0.04, None, 0.0, 0.04, None]
    assert [t.data.get("needs_picture", False) for t in made] == [False, True, False, False, False, False]
    assert made[1].data == {"row": "1.json", "subject": "Physics", "subfield": "kitchen", "licence": "MIT",
                            "tolerance": 0.04, "needs_picture": True, "picture": "images/a.png"}
    assert tasks.describe("theoremqa", settings(tmp_path), 0)["needs_picture"] == 1
    with pytest.raises(UnknownName, match="there is no field of TheoremQA 'physic'; did you mean 'Physics'"):
        tasks.splits("theoremqa", settings(tmp_path, subjects="physic"), 0)


@pytest.mark.parametrize("change, said", [
    ({"Answer": "7"}, r"row 1: an Answer of type 'integer' is needed, this is '7'"),
    ({"Answer": True}, r"row 1: an Answer of type 'integer' is needed, this is 'True'"),
    ({"Answer_type": "text"}, r"row 1: Answer_type 'text' is unknown"),
    ({"Question": None}, r"row 1: no 'Question'"),
])
def test_a_bad_entry_of_theoremqa_is_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = theoremqa(tmp_path / "theoremqa_test.json")
    rows = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**rows[0], **change}, *rows[1:]]), "utf-8")
    with pytest.raises(UsageError, match=said):
        tasks.splits("theoremqa", settings(path), 0)


# PubMedQA --------------------------------------------------------------------------------------------

def pubmedqa(folder: Path, n: int = 8) -> Path:
    entries = {str(100 + i): {
        "QUESTION": f"Does made-up thing {i} help?", "CONTEXTS": [f"First {i}.", "Second."],
        "LABELS": ["AIM", "RESULTS"], "MESHES": [], "YEAR": "2026", "reasoning_required_pred": "yes",
        "final_decision": ("yes", "no", "maybe")[i % 3], "LONG_ANSWER": "secret"} for i in range(n)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ori_pqal.json").write_text(json.dumps(entries), "utf-8")
    truth = {pmid: entry["final_decision"] for pmid, entry in list(entries.items())[:3]}
    (folder / "test_ground_truth.json").write_text(json.dumps(truth), "utf-8")
    return folder


def test_pubmedqa_tests_on_the_official_pmids_and_joins_the_contexts(tmp_path: Path) -> None:
    made = tasks.splits("pubmedqa", settings(pubmedqa(tmp_path / "data").parent), 0)
    assert [t.data["row"] for t in made["heldout"]] == ["100", "101", "102"]
    assert sorted(t.data["row"] for part in ("train", "validation") for t in made[part]) == [
        "103", "104", "105", "106", "107"]
    task = made["heldout"][1]
    assert task == Task(task.id, "pubmedqa", "heldout", "Does made-up thing 1 help?", "no", "yes_no_maybe",
                        task.group, {
        "row": "101", "context": "First 1.\nSecond.", "sections": ["AIM", "RESULTS"], "licence": "MIT"})
    assert "secret" not in repr(made)
    assert tasks.describe("pubmedqa", settings(tmp_path), 0)["split"] == "official"


def test_pubmedqa_without_its_test_set_is_no_pubmedqa(tmp_path: Path) -> None:
    (pubmedqa(tmp_path) / "test_ground_truth.json").unlink()
    with pytest.raises(UsageError, match=r"there is no '.*test_ground_truth.json'"):
        tasks.splits("pubmedqa", settings(tmp_path / "ori_pqal.json"), 0)


@pytest.mark.parametrize("change, said", [
    ({"final_decision": "perhaps"}, "PMID 100: final_decision must be yes, no or maybe, not 'perhaps'"),
    ({"final_decision": "no"}, "PMID 100: test_ground_truth.json says 'yes', final_decision 'no'"),
    ({"CONTEXTS": "First"}, "PMID 100: CONTEXTS must be a list of texts"), ({"QUESTION": 3}, "PMID 100: no QUESTION"),
])
def test_a_bad_entry_of_pubmedqa_is_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = pubmedqa(tmp_path) / "ori_pqal.json"
    entries = json.loads(path.read_text("utf-8"))
    entries["100"].update(change)
    path.write_text(json.dumps(entries), "utf-8")
    with pytest.raises(UsageError, match=said):
        tasks.splits("pubmedqa", settings(tmp_path), 0)


# GSM8K, MATH, arithmetic -----------------------------------------------------------------------------

def gsm8k(folder: Path) -> Path:
    for part, n in (("train", 6), ("test", 3)):
        write_lines(folder / f"{part}.jsonl", [
            {"question": f"{part} {i}: how many?", "answer": f"1+1 = <<1+1=2>>2\n#### {i * 1000:,}"}
            for i in range(1, n + 1)])
    return folder


def test_gsm8k_takes_the_last_line_and_the_official_split(tmp_path: Path) -> None:
    asked = settings(gsm8k(tmp_path))
    assert sides("gsm8k", asked)["heldout"] == ["test/1", "test/2", "test/3"]
    task = next(t for t in all_tasks("gsm8k", asked) if t.data["row"] == "train/2")
    assert task == Task(task.id, "gsm8k", task.split, "train 2: how many?", "2000", "number", task.group,
                        {"row": "train/2", "tolerance": 0.0, "licence": "MIT"})
    repository = tmp_path / "repository"
    gsm8k(repository / "grade_school_math" / "data")
    assert sides("gsm8k", settings(repository)) == sides("gsm8k", asked)
    alone = tasks.describe("gsm8k", settings(tmp_path / "train.jsonl"), 0)
    assert (alone["split"], alone["rows"], alone["splits"]["heldout"]) == ("ours, 2:1 by question text", 6, 2)


def test_a_gsm8k_answer_without_its_mark_is_one_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"question": "How?", "answer": "#### 4"},
                                              {"question": "Why?", "answer": "5"}])
    with pytest.raises(UsageError, match=r"x.jsonl, row 2: the answer must end in a line '#### NUMBER'"):
        tasks.splits("gsm8k", settings(path), 0)


def math(folder: Path) -> Path:
    for part, n in (("train", 6), ("test", 3)):
        for subject in ("algebra", "geometry"):
            for i in range(n):
                path = folder / "MATH" / part / subject / f"{i}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({
                    "problem": f"Find {part} {subject} {i}.", "level": f"Level {1 + i % 5}", "type": subject.title(),
                    "solution": f"First \\boxed{{1}}, then $\\boxed{{\\frac{{{i}}}{{7}}}}$."}), "utf-8")
    return folder


def test_math_takes_the_last_box_and_the_folders_split(tmp_path: Path) -> None:
    asked = settings(math(tmp_path))
    assert sides("math", asked)["heldout"] == [f"test/{s}/{i}.json" for s in ("algebra", "geometry") for i in range(3)]
    task = next(t for t in all_tasks("math", asked) if t.data["row"] == "train/algebra/3.json")
    assert task == Task(task.id, "math", task.split, "Find train algebra 3.", r"\frac{3}{7}", "latex", task.group, {
        "row": "train/algebra/3.json", "subject": "algebra", "level": "level 4", "licence": task.data["licence"]})
    some = all_tasks("math", settings(tmp_path, subjects="algebra, level 1, level 2"))
    assert {(t.data["subject"], t.data["level"]) for t in some} == {("algebra", "level 1"), ("algebra", "level 2")}
    assert tasks.describe("math", asked, 0)["files"][0]["name"].endswith(".json")


def test_math_500_is_split_here_and_states_its_answers(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "test.jsonl", [
        {"problem": f"Find {i}.", "solution": "...", "answer": f"{i}\\pi", "subject": "Precalculus", "level": 2,
         "unique_id": f"test/precalculus/{i}.json"} for i in range(6)])
    made = all_tasks("math", settings(path, subjects="level 2"))
    assert [(t.data["row"], t.answer, t.data["level"]) for t in made] == [
        (f"test/precalculus/{i}.json", f"{i}\\pi", "level 2") for i in range(6)]
    assert len(tasks.splits("math", settings(path), 0)["heldout"]) == 2


@pytest.mark.parametrize("solution, answer", [
    (r"so \boxed{\frac{1}{2}} is it", r"\frac{1}{2}"), (r"\boxed{1} and \boxed{2}", "2"), (r"\boxed 7$", "7"),
    (r"\fbox{x}", "x"), ("none", None), (r"\boxed{1", None), (r"\boxed{}", None),
])
def test_the_last_box(solution: str, answer: str | None) -> None:
    assert boxed(solution) == answer


def test_arithmetic_begins_with_the_published_problems() -> None:
    made = tasks.splits("arithmetic", settings(problems=50, validation=10, heldout=20), 3)
    assert {split: len(part) for split, part in made.items() if part} == {"train": 50, "validation": 10, "heldout": 20}
    assert [(t.question, t.answer) for t in made["heldout"][:2]] == [  # numpy.random.seed(0), randint(0, 30, 6)
        ("What is the result of 12+15*21+0-3*27?", "246"), ("What is the result of 3+7*9+19-21*18?", "-293")]
    other = tasks.splits("arithmetic", settings(problems=50, validation=10, heldout=20), 4)
    assert (made["heldout"], made["validation"]) == (other["heldout"], other["validation"])
    assert not {t.id for t in made["train"]} & {t.id for t in other["train"]}


# The paper's own: mixtures and rows ------------------------------------------------------------------

def test_the_mixture_splits_each_part_and_says_what_is_missing(tmp_path: Path) -> None:
    mmlu(tmp_path / "mmlu", "college_physics", 9)
    theoremqa(tmp_path / "theoremqa" / "theoremqa_test.json")
    told = tasks.describe("college_physics", settings(tmp_path), 0)
    assert told["left_out"] == ["gpqa (Physics) is not there: the paper has 57 + 29 of its questions"]
    assert told["splits"] == {"train": 8, "validation": 2, "heldout": 5}
    gpqa(tmp_path / "gpqa")
    made = tasks.splits("college_physics", settings(tmp_path), 0)
    assert {split: len(part) for split, part in made.items() if part} == {"train": 12, "validation": 2, "heldout": 7}
    held = [t.data["row"].split("/")[0] for t in made["heldout"]]
    assert {part: held.count(part) for part in held} == {"mmlu": 3, "gpqa": 2, "theoremqa": 2}
    assert {t.data["row"].split("/")[0] for part in made.values() for t in part if tasks.restricted(t)} == {"gpqa"}
    named = settings(f"mmlu={tmp_path / 'mmlu'}, theoremqa={tmp_path / 'theoremqa'}")
    assert len(all_tasks("college_physics", named)) == 15


def test_a_mixture_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has none of the mixture's parts"):
        tasks.splits("college_chemistry", settings(tmp_path), 0)
    with pytest.raises(UnknownName, match="part of the mixture 'mmlv'; did you mean 'mmlu'"):
        tasks.splits("college_chemistry", settings(f"mmlv={tmp_path}"), 0)
    with pytest.raises(UsageError, match="subjects are fixed"):
        tasks.splits("college_chemistry", settings(tmp_path, subjects="x"), 0)


def test_siriuss_own_rows_come_apart_into_stem_and_options(tmp_path: Path) -> None:
    rows = [
        {"index": "MMLU_physics_0",
         "question": "How far, if A) is near?,A)1 m;B)2 m, or so;C)3 m;D)4. Which option is correct?",
         "groundtruth": "B", "task": "MMLU_physics"},
        {"index": "t1", "question": "How hot?", "groundtruth": 1.5, "task": "theoremqa_physics"},
        {"index": "t2", "question": "Is it so?", "groundtruth": False, "task": "theoremqa_physics"},
        {"index": "t3", "question": "Which two?", "groundtruth": [1, 2], "task": "theoremqa_physics"},
        {"index": "g4", "question": "Made up?,A)a;B)b;C)c;D)d. Which option is correct?", "groundtruth": "D",
         "task": "gpqa_diamond_physics"},
        {"index": "p5", "question": "Does it help?", "groundtruth": "maybe", "task": "PubMedQA",
         "context": ["One.", "Two."]},
    ]
    write_lines(tmp_path / "phy_train.jsonl", rows[:4])
    write_lines(tmp_path / "phy_test.jsonl", rows[4:])
    made = {t.data["row"]: t for t in all_tasks("sirius", settings(tmp_path))}
    task = made["phy_train/MMLU_physics_0"]
    assert task == Task(task.id, "sirius", task.split,
                        "How far, if A) is near?\nA) 1 m\nB) 2 m, or so\nC) 3 m\nD) 4", "B", "letter", task.group, {
        "row": "phy_train/MMLU_physics_0", "subject": "MMLU_physics", "licence": "MIT",
        "options": ["1 m", "2 m, or so", "3 m", "4"]})
    assert [made[f"phy_train/t{i}"].kind for i in (1, 2, 3)] == ["number", "boolean", "list"]
    assert tasks.restricted(made["phy_test/g4"]) and made["phy_test/p5"].data["context"] == "One.\nTwo."
    assert sides("sirius", settings(tmp_path / "phy_train.jsonl"))["heldout"] == ["phy_test/g4", "phy_test/p5"]


# The embedded problems, and the registry -------------------------------------------------------------

def test_the_word_problems_have_limits_of_their_own() -> None:
    with pytest.raises(UsageError, match=r"problems=1501: the embedded word problems have at most 1,500"):
        tasks.splits("formulas", settings(problems=1501), 0)
    with pytest.raises(UsageError, match=r"heldout=5001"):
        tasks.splits("formulas", settings(heldout=5001), 0)


def test_the_word_problems_are_described_too() -> None:
    asked = settings(problems=20, validation=5, heldout=10, new_wordings=0, withheld_forms=0)
    told = tasks.describe("formulas", asked, 0)
    assert (told["splits"], told["kinds"]) == ({"train": 20, "validation": 5, "heldout": 10}, {"quantity": 35})


def test_an_unknown_source_and_a_missing_path_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="there is no task source 'mmlv'; did you mean 'mmlu'"):
        tasks.splits("mmlv", settings(), 0)
    for source in tasks.SOURCES:
        if source not in MADE:
            with pytest.raises(UsageError, match="no data is named: set data=PATH"):
                tasks.splits(source, settings(), 0)
            with pytest.raises(UsageError, match=r"there is no '.*nowhere'"):
                tasks.splits(source, settings(tmp_path / "nowhere"), 0)
            with pytest.raises(UsageError):
                tasks.splits(source, settings(tmp_path), 0)


def test_descriptions_are_json_and_tell_the_majority(tmp_path: Path) -> None:
    told = tasks.describe("pubmedqa", settings(pubmedqa(tmp_path, 30), heldout=3), 0)
    assert json.loads(json.dumps(told)) == told
    assert told["majority"] == {"answer": "maybe", "n": 1, "of": 3, "share": 1 / 3}
    assert told["line"] == "pubmedqa: 22 train, 5 validation, 3 heldout; no two held-out answers are the same"
