"""The published rows of SiriuS (MIT): jsonl with {index, question, groundtruth, task} and, for PubMedQA, context.

``data`` is one file or a folder with NAME_train.jsonl and NAME_test.jsonl (then that split counts). The options that
their questions carry inline, ``stem,A)...;B)...;C)...;D).... Which option is correct?``, are taken apart, so that a
question stands in the same group as in MMLU.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..settings import Settings
from .files import existing, json_lines, place, regular
from .rows import Dataset, Row, check_subjects, subjects_of

WANTED = "a jsonl of SiriuS, e.g. phy_train.jsonl, or its folder"
END = "Which option is correct?"


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    files = sorted(path.glob("*_*.jsonl")) if path.is_dir() else [regular(path, WANTED)]
    if len(files) == 1 and (name := re.fullmatch(r"(.+)_(train|test)", files[0].stem)):
        both = [files[0].with_name(f"{name[1]}_{part}.jsonl") for part in ("train", "test")]
        files = [p for p in both if p.is_file()]
    if not files:
        raise UsageError(f"there is no NAME_train.jsonl in {str(path)!r}: set data=PATH, {WANTED}")
    wanted = subjects_of(settings.subjects)
    check_subjects(wanted, {str(row.data["subject"]) for row in _rows(files, ())}, "task of SiriuS")
    return Dataset("MIT", lambda: _rows(files, wanted), tuple(files))


def _rows(files: list[Path], wanted: tuple[str, ...]) -> Iterator[Row]:
    for path in files:
        stem = re.fullmatch(r"(.+)_(train|test)", path.stem)
        for number, row in json_lines(path):
            where = place(path, number)
            for key in ("index", "question", "groundtruth", "task"):
                if row.get(key) is None:
                    raise UsageError(f"{where}: no {key!r}; set data=PATH, {WANTED}")
            task, question = str(row["task"]), str(row["question"]).strip()
            if wanted and task.casefold() not in wanted:
                continue
            question, options = _apart(question)
            kind, answer = _answer(row["groundtruth"], task)
            data: dict[str, Any] = {"subject": task, "licence": "MIT"}
            if row.get("context"):
                data["context"] = _context(row["context"])
            if task.lower().startswith("gpqa"):
                data.update(licence="CC BY 4.0", restricted=True)
            yield Row(f"{path.stem}/{row['index']}", question, answer, kind, where, stem[2] if stem else "",
                      stem[1] if stem else path.stem, options, data)


def _apart(question: str) -> tuple[str, tuple[str, ...]]:
    """``stem,A)a;B)b;C)c;D)d. Which option is correct?`` to the stem and the options; else the question as it is."""
    rest = question.removesuffix(END).rstrip()
    texts: list[str] = []
    for mark in (";D)", ";C)", ";B)", ",A)") if question.endswith(END) else ():
        rest, found, text = rest.rpartition(mark)
        if not found:
            return question, ()
        texts.insert(0, text.strip())
    return (rest.strip(), (*texts[:-1], texts[-1].removesuffix("."))) if texts else (question, ())


def _context(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _answer(truth: Any, task: str) -> tuple[str, str]:
    if isinstance(truth, bool):
        return "boolean", str(truth)
    if isinstance(truth, list):
        return "list", json.dumps(truth)
    if isinstance(truth, int | float):
        return "number", str(truth)
    if str(truth).strip().lower() in ("yes", "no", "maybe"):
        return "yes_no_maybe", str(truth).strip().lower()
    return "letter", str(truth).strip()
