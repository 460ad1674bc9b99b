"""GSM8K (Cobbe et al. 2021; MIT): ``train.jsonl`` and ``test.jsonl`` with {question, answer}.

The answer is the whole number on its last line, ``#### N``; the worked steps before it are not read. With both files
the official split counts; one file alone is split 2:1 here. Also from the hub: hf://openai/gsm8k/main.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from ..settings import Settings
from .records import Records, opened
from .rows import Dataset, Row

WANTED = "GSM8K's repository or its folder with train.jsonl and test.jsonl, or one of them"
_LAST = re.compile(r"####\s*(-?[0-9][0-9,]*(?:\.[0-9]+)?)\s*$")


def dataset(settings: Settings, seed: int) -> Dataset:
    places = [Path(settings.data) / inner for inner in ("grade_school_math/data", "data")]  # in the official repository
    data = next((str(path) for path in places if settings.data.strip() and path.is_dir()), settings.data)
    records = opened(data, WANTED, {"train": "train.jsonl", "test": "test.jsonl"})
    return Dataset("MIT", lambda: _rows(records), records.files, notes=records.notes)


def _rows(records: Records) -> Iterator[Row]:
    for part, number, where, row in records:
        question, answer = row.get("question"), row.get("answer")
        if not isinstance(question, str) or not isinstance(answer, str):
            raise UsageError(f"{where}: the texts 'question' and 'answer' are needed; set data=PATH, {WANTED}")
        if not (last := _LAST.search(answer)):
            raise UsageError(f"{where}: the answer must end in a line '#### NUMBER'")
        yield Row(f"{part or 'row'}/{number}", question.strip(), last[1].replace(",", ""), "number", where, part,
                  data={"tolerance": 0.0, "licence": "MIT"})
