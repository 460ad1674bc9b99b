"""Rows to splits: no question on two sides, the official test set where there is one, else two thirds to one.

A file is read twice and never held: once for the hash of every question (8 bytes a row stay, 16 of the first million),
once for the rows that are chosen. Which questions are held out depends on their hashes alone, not on the experiment's
seed or its settings, so that checkpoints of all experiments can be compared; how many of the others validate is
settings.validation's matter, and the seed chooses and orders training problems.

    held-out     the official test part; else the questions with the lowest hashes, a third of the rows of each
                 stratum (a subject, a part of a mixture), at most settings.heldout of them
    validation   the official one; else the questions that come next, a fifth of the training part at most
    train        the rest; rows that repeat a held-out or validation question are left out, and counted
"""

from __future__ import annotations

import hashlib
import heapq
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import UsageError
from ..settings import Settings
from ..trajectories import Task
from .rows import Dataset, Row

MOST_ROWS = 20_000_000
MOST_TEXTS = 1_000_000  # rows of which more is kept than the hashes
MOST_SKIPPED = 10_000  # groups looked at to fill the held-out third exactly
SIDES = {"train": "problems", "validation": "validation", "heldout": "heldout"}  # and the settings that limit them
Place = tuple[str, str]  # (stratum, official part)


class Repeats(NamedTuple):
    """Different questions; those in more than one row; those of them word for word (None: too many rows to tell)."""

    distinct: int
    doubled: int
    word_for_word: int | None


@dataclass
class Survey:
    """What one reading of all rows tells: the hashes of the questions, sorted, and counts."""

    keys: dict[Place, array[int]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    texts: array[int] = field(default_factory=lambda: array("q"))  # of the questions word for word, while they are few
    rows: int = 0

    @classmethod
    def of(cls, rows: Iterator[Row]) -> Survey:
        import numpy as np

        found = cls()
        for row in rows:
            row.check()
            found.rows += 1
            if found.rows > MOST_ROWS:
                raise UsageError(f"{row.where}: more than {MOST_ROWS:,} rows; cut the file")
            keys = found.keys.get((row.stratum, row.part))
            if keys is None:
                keys = found.keys[row.stratum, row.part] = array("Q")
            keys.append(row.key())
            if found.rows <= MOST_TEXTS:
                found.texts.append(hash(row.question))
            found.kinds[row.kind] += 1
            found.flags.update(flag for flag in ("needs_picture", "restricted") if row.data.get(flag))
        for keys in found.keys.values():
            np.frombuffer(keys, dtype=np.uint64).sort()
        return found

    @property
    def strata(self) -> list[str]:
        return sorted({stratum for stratum, _ in self.keys})

    def parts(self, stratum: str) -> list[str]:
        return sorted(part for name, part in self.keys if name == stratum)

    def official(self, stratum: str) -> bool:
        """Whether the stratum comes with a training and a test part."""
        return {"train", "test"} <= set(self.parts(stratum))

    def repeats(self) -> Repeats:
        """How many different questions there are, and how many of them stand in more than one row."""
        import numpy as np

        keys = next(iter(self.keys.values())) if len(self.keys) == 1 else _merged(list(self.keys.values()))
        distinct, doubled = _runs(keys)
        texts = self.texts if self.rows <= MOST_TEXTS else self.texts[:0]
        np.frombuffer(texts, dtype=np.int64).sort()
        return Repeats(distinct, doubled, _runs(texts)[1] if texts else None)


def _runs(keys: array[int]) -> tuple[int, int]:
    """(different values, values that occur more than once) of a sorted array."""
    import numpy as np

    values = np.frombuffer(keys, dtype=keys.typecode)
    again = values[1:] == values[:-1]
    first = again.copy()
    first[1:] &= ~again[:-1]
    return len(values) - int(again.sum()), int(first.sum())


def has(keys: Sequence[int], key: int) -> bool:
    place = bisect_left(keys, key)
    return place < len(keys) and keys[place] == key


@dataclass(frozen=True)
class Plan:
    """Where questions stand: {stratum: sorted hashes} of the held-out and of the validation questions.

    ``official`` are the strata with an official test part, ``given`` those with an official validation part.
    """

    heldout: Mapping[str, Sequence[int]]
    validation: Mapping[str, Sequence[int]]
    official: frozenset[str]
    given: frozenset[str]

    def side(self, row: Row, key: int) -> str | None:
        """train, validation or heldout; None: left out, for the row repeats a question of another side."""
        part = row.part if row.stratum in self.official else ""
        if part == "test" or (not part and has(self.heldout[row.stratum], key)):
            return "heldout"
        if any(has(keys, key) for keys in self.heldout.values()):
            return None
        if part == "validation" or (row.stratum not in self.given and has(self.validation[row.stratum], key)):
            return "validation"
        return None if any(has(keys, key) for keys in self.validation.values()) else "train"


def plan(found: Survey, settings: Settings) -> Plan:
    """The held-out third of each stratum, or its official test part, and the validation questions."""
    official = frozenset(s for s in found.strata if found.official(s))
    given = frozenset(s for s in official if "validation" in found.parts(s))
    heldout: dict[str, Sequence[int]] = {}
    pools: dict[str, Sequence[int]] = {}  # what may train or validate
    for stratum in found.strata:
        if stratum in official:
            heldout[stratum], pools[stratum] = found.keys[stratum, "test"], found.keys[stratum, "train"]
        else:
            parts = [found.keys[stratum, part] for part in found.parts(stratum)]
            keys = parts[0] if len(parts) == 1 else _merged(parts)
            heldout[stratum], pools[stratum] = _lowest(keys, len(keys) - 2 * len(keys) // 3)
    total = sum(map(len, pools.values()))
    wanted = min(settings.validation, max(total // 5, 1))
    validation: dict[str, Sequence[int]] = {}
    before = 0
    for stratum, pool in pools.items():
        share = wanted * (before + len(pool)) // total - wanted * before // total if total else 0
        before += len(pool)
        if stratum in given:
            validation[stratum] = found.keys[stratum, "validation"]
        else:
            validation[stratum], _ = _lowest(pool, share)
    return Plan(heldout, validation, official, given)


def _merged(parts: list[array[int]]) -> array[int]:
    import numpy as np

    merged = array("Q")
    for part in parts:
        merged.extend(part)
    np.frombuffer(merged, dtype=np.uint64).sort()
    return merged


def _lowest(keys: Sequence[int], wanted: int) -> tuple[Sequence[int], Sequence[int]]:
    """(``wanted`` rows with the lowest hashes, the rest), both sorted: as many as fit without dividing a group.

    Of a million rows and more the two are views, and what is missing to the exact number stays missing.
    """
    place = min(wanted, len(keys))
    while 0 < place < len(keys) and keys[place - 1] == keys[place]:
        place -= 1
    if len(keys) > MOST_TEXTS:
        view = memoryview(keys)  # type: ignore[arg-type]  # an array, or a view of one
        return view[:place], view[place:]
    taken, rest = array("Q", keys[:place]), array("Q", keys[place:])
    start, missing = 0, min(wanted, len(keys)) - place
    gaps: list[tuple[int, int]] = []
    for _ in range(MOST_SKIPPED):
        if not missing or start >= len(rest):
            break
        end = start + 1
        while end < len(rest) and rest[end] == rest[start]:
            end += 1
        if end - start <= missing:
            gaps.append((start, end))
            missing -= end - start
        start = end
    for start, end in reversed(gaps):
        taken[place:place] = rest[start:end]
        del rest[start:end]
    return taken, rest


class Kept:
    """The ``most`` rows with the lowest ranks among all that were offered."""

    def __init__(self, most: int) -> None:
        self.most, self.offered = most, 0
        self._heap: list[tuple[int, int, Row]] = []

    def offer(self, rank: int, number: int, row: Row) -> None:
        self.offered += 1
        entry = (-rank, -number, row)  # the numbers differ: rows are never compared
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        elif self.most and entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def by_rank(self) -> list[Row]:
        return [row for _, _, row in sorted(self._heap, reverse=True)]

    def by_number(self) -> list[Row]:
        return [row for _, _, row in sorted(self._heap, key=lambda entry: -entry[1])]


@dataclass(frozen=True)
class Made:
    """The tasks of each split, how many rows each side has before the settings cut it, and what was left out."""

    tasks: Mapping[str, tuple[Task, ...]]
    offered: Mapping[str, int]
    repeated: int
    survey: Survey
    plan: Plan


def make(source: str, dataset: Dataset, settings: Settings, seed: int) -> Made:
    """Read the rows twice and deal them out."""
    found = Survey.of(dataset.rows())
    if not found.rows:
        raise UsageError(f"{source}: no rows to read in {_names(dataset)}; check data and subjects")
    drawn = plan(found, settings)
    kept = {side: Kept(getattr(settings, most)) for side, most in SIDES.items()}
    repeated = 0
    for number, row in enumerate(dataset.rows()):
        key = row.key()
        side = drawn.side(row, key)
        if side is None:
            repeated += 1
        else:
            kept[side].offer(_rank(seed, number, row) if side == "train" else key, number, row)
    tasks = {side: _tasks(source, side, rows.by_rank() if side == "train" else rows.by_number())
             for side, rows in kept.items()}
    if not all(tasks.values()):
        raise UsageError(
            f"{source}: {found.rows:,} rows of {_names(dataset)} ask {found.repeats().distinct:,} different questions, "
            "too few for training, validation and held-out problems that share none; where the questions differ by "
            "another column, join it: columns=question=First+Second")
    return Made(tasks, {side: rows.offered for side, rows in kept.items()}, repeated, found, drawn)


def _rank(seed: int, number: int, row: Row) -> int:
    """Where a training row stands in the order of an experiment's seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{number}/{row.id}".encode(), digest_size=8).digest(), "big")


def _tasks(source: str, split: str, rows: list[Row]) -> tuple[Task, ...]:
    made: dict[str, Task] = {}
    for row in rows:
        task = row.task(source, split, row.key())
        if task.id in made:
            raise UsageError(f"{row.where}: the id {row.id!r} stands there twice with one question")
        made[task.id] = task
    return tuple(made.values())


def _names(dataset: Dataset) -> str:
    return ", ".join(path.name for path in dataset.files[:3]) or "the data"


def overlaps(dataset: Dataset, made: Made) -> list[dict[str, object]]:
    """Official parts that take no part here, and how many of their questions stand in the rows that do."""
    seen, shared = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in dataset.beside() if dataset.beside else ():
        key = row.key()
        seen[row.stratum, row.part] += 1
        shared[row.stratum, row.part] += any(has(keys, key) for (stratum, _), keys in made.survey.keys.items()
                                             if stratum == row.stratum)
    return [{"subject": stratum, "part": part, "rows": n, "repeated": shared[stratum, part]}
            for (stratum, part), n in sorted(seen.items())]

