"""What a person should know of data before they believe a number on it: counts, repeats, overlaps, what was guessed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import answers
from ..trajectories import Task
from .files import sha256
from .rows import Dataset
from .splitting import SIDES, Made, overlaps

MOST_FILES = 20


def describe_tasks(source: str, licence: str, tasks: Mapping[str, Sequence[Task]]) -> dict[str, Any]:
    """What can be said of any source, from its tasks alone."""
    used = {split: len(part) for split, part in tasks.items() if part}
    held = majority(tasks["heldout"])
    return {
        "source": source, "licence": licence, "restricted": False, "files": [],
        "rows": sum(used.values()), "questions": len({t.question for part in tasks.values() for t in part}),
        "split": "ours", "splits": used, "offered": dict(used), "kinds": dict(_kinds(tasks)), "majority": held,
        "doubled_questions": 0, "word_for_word": 0, "left_out_rows": 0, "overlaps": [], "needs_picture": 0,
        "left_out": [], "notes": [], "line": line(source, used, held),
    }


def describe_dataset(source: str, dataset: Dataset, made: Made) -> dict[str, Any]:
    """The same of a dataset, with its files, its repeats and overlaps, and what was guessed or left out."""
    found, plan = made.survey, made.plan
    repeats = found.repeats()
    ours = [stratum for stratum in found.strata if stratum not in plan.official]
    notes = list(dataset.notes)
    for name, wanted, offered in ((side, len(made.tasks[side]), made.offered[side]) for side in SIDES):
        if wanted < offered:
            notes.append(f"{wanted:,} of {offered:,} {name} rows are used; the settings allow no more")
    if repeats.doubled:
        exact = "" if repeats.word_for_word is None else f" ({repeats.word_for_word:,} word for word)"
        notes.append(f"{repeats.doubled:,} questions stand in more than one row{exact}; each stays on one side")
    if made.repeated:
        notes.append(f"{made.repeated:,} rows repeat a question of another side and are left out")
    shared = overlaps(dataset, made)
    notes += [f"{o['repeated']} of the {o['rows']} questions of {o['subject']}'s {o['part']} part, which is not used, "
              "stand in the rows that are" for o in shared if o["repeated"]]
    if any(len(found.parts(stratum)) == 1 and found.parts(stratum)[0] for stratum in ours):
        notes.append("only one of the official parts is here, so it was split")
    if ours and 4 * made.offered["heldout"] < found.rows and not plan.official:
        notes.append("many rows ask the same question, so less than a quarter of the rows is held out")
    split = {(True, False): "official", (False, True): "ours, 2:1 by question text"}.get(
        (bool(plan.official), bool(ours)), "official where there is one, else ours, 2:1 by question text")
    held = majority(made.tasks["heldout"])
    return {
        **describe_tasks(source, dataset.licence, made.tasks),
        "restricted": dataset.restricted or bool(found.flags["restricted"]), "files": _files(dataset.files),
        "rows": found.rows, "questions": repeats.distinct, "split": split, "offered": dict(made.offered),
        "kinds": dict(sorted(found.kinds.items())), "doubled_questions": repeats.doubled,
        "word_for_word": repeats.word_for_word, "left_out_rows": made.repeated, "overlaps": shared,
        "needs_picture": found.flags["needs_picture"], "left_out": list(dataset.left_out), "notes": notes,
        "line": line(source, {side: len(made.tasks[side]) for side in SIDES}, held),
    }


def majority(tasks: Sequence[Task]) -> dict[str, Any]:
    """{answer, n, of, share}: the most frequent true answer of these tasks; what always saying it would score. Games
    have none."""
    said = Counter(_said(task) for task in tasks if task.answer)
    if not said:
        return {"answer": "", "n": 0, "of": 0, "share": 0.0}
    most = max(said.values())
    answer = min(text for text, n in said.items() if n == most)
    return {"answer": answer[:80], "n": most, "of": len(tasks), "share": most / len(tasks)}


def _said(task: Task) -> str:
    read = answers.known(task.answer, task.kind)
    return str(read.value) if task.kind in ("letter", "boolean", "yes_no_maybe") else read.text


def line(source: str, used: Mapping[str, int], held: Mapping[str, Any]) -> str:
    """``mmlu: 55 train, 13 validation, 34 heldout; always saying 'C' scores 10/34 = 29.4 % ...``."""
    counts = ", ".join(f"{n:,} {split}" for split, n in used.items())
    if held["n"] < 2:
        return f"{source}: {counts}; no two held-out answers are the same"
    share = f"{held['n']}/{held['of']} = {held['share']:.1%}".replace("%", " %")
    return f"{source}: {counts}; always saying {held['answer']!r} scores {share} on the held-out problems"


def _kinds(tasks: Mapping[str, Sequence[Task]]) -> Counter[str]:
    return Counter(task.kind for part in tasks.values() for task in part)


def _files(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """[{name, bytes, sha256}]; many files as one line, the hash over the hashes."""
    if len(paths) <= MOST_FILES:
        return [{"name": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths]
    both = hashlib.sha256("".join(sha256(path) for path in paths).encode()).hexdigest()
    return [{"name": f"{len(paths):,} files", "bytes": sum(path.stat().st_size for path in paths), "sha256": both}]
