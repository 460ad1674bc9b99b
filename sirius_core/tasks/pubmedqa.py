"""PubMedQA PQA-L (Jin et al. 2019; MIT): ``ori_pqal.json`` with the official split of ``test_ground_truth.json``.

One object PMID -> {QUESTION, CONTEXTS, LABELS, final_decision, ...}. The test set is the 500 PMIDs of the second file,
the other 500 train. The contexts are joined in order; the long answer and the predictions are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..settings import Settings
from .files import existing, json_whole, regular
from .rows import Dataset, Row

NAME, TRUTH = "ori_pqal.json", "test_ground_truth.json"
WANTED = f"PubMedQA's folder data/ with {NAME} and {TRUTH}"
DECISIONS = ("yes", "no", "maybe")


def dataset(settings: Settings, seed: int) -> Dataset:
    path = existing(settings.data, WANTED)
    if path.is_dir():
        path = path / NAME if (path / NAME).exists() else path / "data" / NAME
    path, truth = regular(path, WANTED), regular(path.with_name(TRUTH), WANTED)
    return Dataset("MIT", lambda: _rows(path, truth), (path, truth))


def _rows(path: Path, truth: Path) -> Iterator[Row]:
    entries, test = _object(path), _object(truth)
    if unknown := [pmid for pmid in test if pmid not in entries]:
        raise UsageError(f"{truth.name}: PMID {unknown[0]} is not in {path.name}; both files must be of one release")
    for pmid, entry in entries.items():
        where = f"{path.name}, PMID {pmid}"
        if not isinstance(entry, dict):
            raise UsageError(f"{where}: a JSON object is needed")
        question, contexts, decision = (entry.get(key) for key in ("QUESTION", "CONTEXTS", "final_decision"))
        if not isinstance(question, str):
            raise UsageError(f"{where}: no QUESTION; set data=PATH, {WANTED}")
        if not isinstance(contexts, list) or not contexts or not all(isinstance(c, str) for c in contexts):
            raise UsageError(f"{where}: CONTEXTS must be a list of texts")
        if decision not in DECISIONS:
            raise UsageError(f"{where}: final_decision must be yes, no or maybe, not {str(decision)[:40]!r}")
        if pmid in test and test[pmid] != decision:
            raise UsageError(f"{where}: {truth.name} says {str(test[pmid])[:40]!r}, final_decision {decision!r}")
        data: dict[str, Any] = {"context": "\n".join(contexts), "sections": entry.get("LABELS", []), "licence": "MIT"}
        part = "test" if pmid in test else "train"
        yield Row(pmid, question.strip(), decision, "yes_no_maybe", where, part, data=data)


def _object(path: Path) -> dict[str, Any]:
    found = json_whole(path)
    if not isinstance(found, dict):
        raise UsageError(f"{path.name}: one JSON object, PMID -> entry, is needed; set data=PATH, {WANTED}")
    return found
