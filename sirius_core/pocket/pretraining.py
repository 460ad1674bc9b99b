"""From a book to a base checkpoint: the settings of every shipped base, and the stream of batches that it reads.

Rebuild one with ``sirius pocket pretrain NAME``: it asks OpenBLAS for the kernels with which they were made, and with
the NumPy and BLAS that its manifest names the weights are the same to the bit.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import islice
from typing import Any

import numpy as np

from sirius_core.errors import CheckpointError, UnknownName
from sirius_core.pocket import bargains, checkpoint, textbook, vocabulary
from sirius_core.pocket.books import Bargains, Casebook, Copybook
from sirius_core.pocket.casebook import cases
from sirius_core.pocket.copybook import Page, pages
from sirius_core.pocket.grammar import Problem, draw
from sirius_core.pocket.learning import Example, OnStep, pretrain_stream
from sirius_core.pocket.measuring import measure, measure_cases, measure_games, measure_panel
from sirius_core.pocket.transformer import Shape, Weights, initialise
from sirius_core.statistics import wilson

WINDOW = 16
"""Batches are cut from this many batches' worth of lessons, sorted by length, so that little is padded."""

MEASURED_PROBLEMS = 900
MEASURED_GAMES = 500


@dataclass(frozen=True)
class Base:
    """How a base is made. `rate` rises over `warmup` steps and falls linearly to 0; `whole`: loss on prompts, too.

    `words` of the vocabulary are known to it, `context` is its longest sequence in tokens.
    """

    name: str
    book: str
    seed: int = 0
    steps: int = 12_000
    batch: int = 64
    rate: float = 3e-3
    warmup: int = 100
    decay: float = 0.01
    clip: float = 1.0
    whole: bool = False
    words: int = vocabulary.FORMULAS
    context: int = Shape(1).context


@dataclass(frozen=True)
class Continued(Base):
    """A base that goes on from the shipped weights of another one, which may know fewer words."""

    start: str = "misled"


BASES: dict[str, Base] = {
    "misled": Base("misled", "misled"),
    "novice": Base("novice", "misled", steps=2_000),
    "fluent": Base("fluent", "fluent", steps=6_000),
    "uncoached": Base("uncoached", "uncoached"),
    "panel": Continued("panel", "panel", steps=4_000),
    "imitator": Continued("imitator", "imitator", steps=8_000, batch=32),
    "sceptic": Continued("sceptic", "sceptic", steps=3_000, batch=48, words=len(vocabulary.WORDS), start="panel"),
    "trader": Base("trader", "bargains", steps=5_000, words=len(vocabulary.WORDS)),
}


def shape(name: str = "misled") -> Shape:
    """The shape of a shipped base."""
    settings = _settings(name)
    return Shape(vocab=settings.words, context=settings.context)


def example(lesson: textbook.Lesson, whole: bool = False) -> Example:
    """A lesson as tokens with the closing stop token; loss on the reply, with `whole` on the prompt, too."""
    prompt = vocabulary.encode(lesson.prompt)
    return Example((*prompt, *vocabulary.encode(lesson.reply), vocabulary.STOP), 1 if whole else len(prompt))


def page_example(page: Page) -> Example:
    """A page as tokens with the closing stop token; loss on the replies that are taught."""
    tokens: list[int] = []
    silent = []
    for lesson, taught in zip(page.lessons, page.taught, strict=True):
        first = len(tokens)
        tokens += vocabulary.encode(lesson.prompt)
        reply = vocabulary.encode(lesson.reply)
        silent.append((first, len(tokens) + (0 if taught else len(reply))))
        tokens += reply
    return Example((*tokens, vocabulary.STOP), silent[0][1], silent=tuple(silent[1:]))


def examples(base: Base) -> Iterator[Example]:
    """What the base reads, in the order in which it was written, without end."""
    book = textbook.BOOKS[base.book]
    if isinstance(book, Copybook):
        return (page_example(page) for page in pages(book, base.seed))
    if isinstance(book, Bargains):
        written = bargains.lessons(book, base.seed)
    else:
        written = cases(book, base.seed) if isinstance(book, Casebook) else textbook.lessons(book, base.seed)
    return (example(lesson, base.whole) for lesson in written)


def batches(base: Base) -> Iterator[list[Example]]:
    """The base's batches, without end: windows of examples sorted by length, their batches in random order."""
    written = examples(base)
    rng = np.random.default_rng([base.seed, 1])
    while True:
        window = sorted(islice(written, base.batch * WINDOW), key=lambda e: len(e.tokens))
        for i in rng.permutation(WINDOW):
            yield window[i * base.batch : (i + 1) * base.batch]


def _settings(name: str) -> Base:
    if name not in BASES:
        raise UnknownName("base", name, BASES)
    return BASES[name]


def pretrain(base_name: str, on_step: OnStep | None = None) -> bytes:
    """Train a base, about twelve minutes on one core; returns the checkpoint with its manifest.

    `on_step(step, steps, loss)` is called after every step. What the manifest says was measured is that of the
    stored weights, which are rounded. No clock goes into the file: the same machine makes the same bytes.
    """
    settings = _settings(base_name)
    origin = base(settings.start) if isinstance(settings, Continued) else None
    made = shape(base_name)
    fresh = initialise(made, settings.seed)
    trained = pretrain_stream(
        grown(checkpoint.load(origin)[0], fresh) if origin else fresh,
        made,
        batches(settings),
        settings.steps,
        rate=settings.rate,
        warmup=settings.warmup,
        decay=settings.decay,
        clip=settings.clip,
        on_step=on_step,
    )
    manifest: dict[str, Any] = {
        "base": {key: value for key, value in asdict(settings).items() if key not in ("words", "context")},
        "book": asdict(textbook.BOOKS[settings.book]),
        "vocabulary": vocabulary.digest(settings.words),
        "tokens": trained.tokens,
        "engine": engine(),
    }
    if origin:
        manifest["start"] = checkpoint.digest(origin)
    rounded, _ = checkpoint.load(checkpoint.dump(trained.weights, manifest))
    told = measured(base_name, rounded)
    if debates(base_name):
        told["panel"] = measure_panel(rounded, shape(), _asked())
    return checkpoint.dump(trained.weights, manifest | {"measured": told})


def grown(weights: Weights, fresh: Weights) -> Weights:
    """The weights in the place of the first of `fresh`, which may know more words or have a longer context."""
    made = {}
    for name, array in fresh.items():
        made[name] = array.copy()
        made[name][tuple(slice(0, size) for size in weights[name].shape)] = weights[name]
    return made


def debates(base_name: str) -> bool:
    """Whether a base has read what others say of a problem, and how to go on from there."""
    return has_read(base_name, "solo/debate")


def has_read(base_name: str, lesson: str) -> bool:
    """Whether a kind of lesson (a prompt of `dialect.PROMPTS`) is in the book of a base."""
    return lesson in textbook.BOOKS[_settings(base_name).book].shares


def readers(lesson: str) -> tuple[str, ...]:
    """The bases in whose book a kind of lesson is."""
    return tuple(name for name in BASES if has_read(name, lesson))


def _asked() -> tuple[Problem, ...]:
    return draw("heldout", "old", MEASURED_PROBLEMS, 0)


def yardstick(base_name: str) -> Callable[[Weights, Shape, Sequence[Problem], int], dict[str, int]]:
    """What a base is measured by: counts, of which ``n``, ``sampled`` and ``greedy`` are always there."""
    return measure_cases if has_read(base_name, "actor") else measure


def measured(base_name: str, weights: Weights) -> dict[str, Any]:
    """Accuracy on 900 held-out problems with old wordings, sampled (T=1) and greedy, with 95 % intervals; of a base
    that negotiates, what came of 500 games of each kind against itself."""
    if has_read(base_name, "seller"):
        return {"games": measure_games(weights, shape(base_name), MEASURED_GAMES)}
    found = yardstick(base_name)(weights, shape(base_name), _asked(), 0)
    n = found["n"]
    intervals = {mode: (wilson(found[mode], n).low, wilson(found[mode], n).high) for mode in ("sampled", "greedy")}
    shares = {mode: {"accuracy": found[mode] / n, "low": low, "high": high} for mode, (low, high) in intervals.items()}
    return {"split": "heldout", "wordings": "old", "counts": found, **shares}


def engine() -> dict[str, str]:
    """NumPy, BLAS and processor kind: what the bits of a training run depend on."""
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return {"numpy": np.__version__, "blas": f"{blas['name']} {blas['version']}", "machine": platform.machine()}


def base(name: str) -> bytes:
    """The shipped checkpoint of a base. CheckpointError when this installation lacks it, or when it is damaged."""
    _settings(name)
    try:
        blob = (resources.files("sirius_core.pocket") / "bases" / f"{name}.npz").read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            f"the base {name!r} is not part of this installation; make it: sirius pocket pretrain {name}"
        ) from None
    try:
        _, manifest = checkpoint.load(blob)
    except CheckpointError as error:
        raise CheckpointError(f"the base {name!r} cannot be used: {error}; install the lab again") from None
    if manifest.get("vocabulary") != vocabulary.digest(checkpoint.shape_of(manifest).vocab):
        raise CheckpointError(f"the base {name!r} has another vocabulary; make it again: sirius pocket pretrain {name}")
    return blob
