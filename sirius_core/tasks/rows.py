"""A dataset as rows: what every reader of a dataset makes, and what the splits are made from.

Tasks carry in ``data`` what a team, a rule or a page may need, each key only where it is known:

    row            the official id of the row
    subject        subject, field or domain
    options        the options' texts, in the order of their letters
    context        what is to be read before the question
    tolerance      relative tolerance of numbers (see answers); always stated for kinds with numbers
    needs_picture  True where the question refers to a picture that the text does not have
    licence        of the data
    restricted     True where the text must not leave this machine in exports, bundles or logs
"""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import answers
from ..errors import UnknownName, UsageError
from ..trajectories import Task

SPLIT_SEED = 0
"""Part of every group's hash. It is no setting: checkpoints of all experiments can be compared on one held-out set."""

_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_LATEX_SPACE = re.compile(r"\\(?:[,;:! ]|(?:q?quad|left|right|displaystyle)(?![a-zA-Z]))|~")
_ASCII = re.compile(r"[a-z]+|[0-9]+(?:[.,][0-9]+)*|(?<![a-z])-|-(?![a-z])|[+*/^=<>%]")
_WORDS = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|(?<![^\W\d_])-|-(?![^\W\d_])|[+*/^=<>%≤≥≠≈±×÷·√∞∂∇∈∉∪∩→∫∑∏]")


def normalised(question: str) -> str:
    """The words, numbers and signs of a question: without case, punctuation, white space, LaTeX spacing.

    >>> normalised("What is  $x\\\\,+\\\\,10$m ?")
    'what is x + 10 m'
    """
    plain = question.isascii()
    text = question if plain else unicodedata.normalize("NFKC", question).replace("−", "-")
    if "\\" in text or "~" in text:
        text = _LATEX_SPACE.sub(" ", text)
    return " ".join((_ASCII if plain else _WORDS).findall(text.casefold())) or " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dataset. ``where`` names file and row for an error, ``part`` its official split, if any (train,
    validation, test), ``stratum`` what is split on its own: a subject, or one part of a mixture."""

    id: str
    question: str
    answer: str
    kind: str
    where: str
    part: str = ""
    stratum: str = ""
    options: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def key(self) -> int:
        """64 bits of the hash of the normalised question: the same for near-duplicates, whatever their options."""
        words = f"{SPLIT_SEED}/{normalised(self.question)}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(words, digest_size=8, person=b"sirius split").digest(), "big")

    def check(self) -> None:
        """UsageError with file and row unless the question stands there and the answer can be judged."""
        if not self.question.strip():
            raise UsageError(f"{self.where}: the question is empty; fill it in or delete the row")
        if not self.answer.strip():
            raise UsageError(f"{self.where}: the answer is empty; fill it in or delete the row")
        texts = (self.id, self.question, self.answer, *self.options, *map(str, self.data.values()))
        if not all(map(_storable, texts)):
            raise UsageError(f"{self.where}: a text holds half a character (a surrogate) or a NUL; save it as UTF-8")
        if self.kind == "number" and _DECIMAL.fullmatch(self.answer):
            return  # nine rows of ten, at a tenth of the price
        try:
            read = answers.known(self.answer, self.kind)
        except UsageError as error:
            raise UsageError(f"{self.where}: {error}") from None
        if self.options and self.kind == "letter":
            letters = string.ascii_uppercase[: len(self.options)]
            if len(self.options) > MOST_OPTIONS or read.value not in letters:
                raise UsageError(f"{self.where}: the answer {self.answer!r} is none of the {len(self.options)} options "
                                 f"(at most {MOST_OPTIONS})")

    def task(self, source: str, split: str, key: int) -> Task:
        """The task: options follow the stem as lines ``A) ...``; the group is the hash of the normalised question."""
        text = self.question
        if self.options:
            text += "".join(f"\n{letter}) {option}" for letter, option in zip(string.ascii_uppercase, self.options))
        data: dict[str, Any] = {"row": self.id, **self.data}
        if self.options:
            data["options"] = list(self.options)
        if self.kind in NUMERIC and data.get("tolerance") is None:
            data["tolerance"] = answers.usual_tolerance(self.answer, self.kind)
        return Task.of(source, self.id, split, text, self.answer, kind=self.kind, group=f"{key:016x}", data=data)


MOST_OPTIONS = 10  # A to J: what answers reads as a letter
NUMERIC = ("number", "list", "ordered_list")


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Dataset:
    """Rows that can be read again and again from the first (files are streamed, never held), and what is known of them.

    ``beside`` are rows of official parts that take no part here, only in the report of overlaps; ``notes`` say what
    was guessed, ``left_out`` what is missing.
    """

    licence: str
    rows: Callable[[], Iterator[Row]]
    files: tuple[Path, ...] = ()
    beside: Callable[[], Iterator[Row]] | None = None
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    restricted: bool = False


def subjects_of(text: str) -> tuple[str, ...]:
    """The subjects that ``settings.subjects`` names, in small letters."""
    return tuple(part.strip().casefold() for part in text.split(",") if part.strip())


def check_subjects(wanted: tuple[str, ...], known: set[str], what: str) -> None:
    """UnknownName if a wanted subject is none of those that the data has."""
    for subject in wanted:
        if subject not in {name.casefold() for name in known}:
            raise UnknownName(what, subject, known)
