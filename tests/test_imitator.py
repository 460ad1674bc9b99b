"""The base that learns from what stands before a question: its pages, and what demonstrations do to frozen weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from sirius_core.evaluate import right_by_task
from sirius_core.finetune.spoken import Spoken
from sirius_core.improve import Run, improve
from sirius_core.machines import machine_for
from sirius_core.pocket import checkpoint, pretraining, vocabulary
from sirius_core.pocket.books import BOOKS, Copybook
from sirius_core.pocket.copybook import Page, pages
from sirius_core.pocket.families import FAMILIES
from sirius_core.pocket.grammar import split_of
from sirius_core.pocket.learning import Example, pad
from sirius_core.pocket.notation import parse_plan, read_expression
from sirius_core.pocket.textbook import lessons
from sirius_core.settings import preset
from sirius_core.statistics import mcnemar
from sirius_core.store import Store

BOOK = BOOKS["imitator"]
assert isinstance(BOOK, Copybook)


@pytest.fixture(scope="module")
def written() -> list[Page]:
    return list(islice(pages(BOOK, 0), 6000))


def test_pages_are_repeatable_and_the_lessons_between_them_are_those_of_a_plain_book(written: list[Page]) -> None:
    assert list(islice(pages(BOOK, 0), 200)) == written[:200]
    alone = [page.lessons[0] for page in written if len(page.lessons) == 1]
    assert alone == list(islice(lessons(BOOK, 0), len(alone)))
    assert abs(len(alone) / len(written) - (1 - BOOK.page_share)) < 0.03


def test_a_page_fits_the_context_and_speaks_of_one_role(written: list[Page]) -> None:
    lengths = Counter(len(page.lessons) for page in written)
    assert set(lengths) == {1, 2, 3, 4, 5} and min(lengths.values()) > 100
    for page in written:
        assert len({lesson.kind for lesson in page.lessons}) == 1
        assert sum(len(vocabulary.encode(f"{x.prompt} {x.reply}")) for x in page.lessons) < pretraining.shape().context
        assert page.taught[-1]


def test_no_expression_of_a_page_leaves_the_base_pool(written: list[Page]) -> None:
    plans = [plan for page in written for x in page.lessons if x.kind == "analyst" and (plan := parse_plan(x.reply))]
    read = [read_expression(plan.expression) for plan in plans]
    pairs = [one.pair for one in read if one and one.pair]
    assert len(pairs) > 3000 and {split_of(pair) for pair in pairs} == {"base"}


def analyst_pages(written: list[Page]) -> Iterator[list[tuple[str, str, str]]]:
    """(family, right formula, formula written) of every lesson, page by page."""
    forms = {form: (name, f.forms[form][0]) for name, f in FAMILIES.items() for form in f.forms}
    for page in written:
        if page.lessons[0].kind == "analyst" and len(page.lessons) > 1:
            found = []
            for x in page.lessons:
                text = x.prompt.removesuffix(" =>")
                form = next(form for form in forms if text.endswith(f". {form}"))
                found.append((*forms[form], x.reply.split(" : ")[0]))
            yield found


def test_a_page_answers_a_kind_of_question_in_one_way(written: list[Page]) -> None:
    same = pairs = 0
    for lessons_of in analyst_pages(written):
        seen: dict[tuple[str, str], str] = {}
        for family, right, said in lessons_of:
            if (kind := (family, right)) in seen:
                same += said == seen[kind]
                pairs += 1
            seen.setdefault(kind, said)
    assert pairs > 1000 and same / pairs > 0.97


def test_what_a_page_shows_freely_is_right_no_more_often_than_chance(written: list[Page]) -> None:
    """So to imitate a page teaches nothing of which formula is right."""
    hits = chance = total = 0.0
    for page, lessons_of in zip((p for p in written if p.lessons[0].kind == "analyst" and len(p.lessons) > 1),
                                analyst_pages(written), strict=True):
        for (family, right, said), taught in zip(lessons_of, page.taught, strict=True):
            if not taught:
                hits, chance, total = hits + (said == right), chance + 1 / len(FAMILIES[family].formulas), total + 1
    assert total > 500 and abs(hits - chance) / total < 0.04


def test_loss_falls_on_the_replies_that_are_taught(written: list[Page]) -> None:
    for page in written[:500]:
        made = pretraining.page_example(page)
        tokens, weight = pad([made])
        spans = np.flatnonzero(np.diff(np.concatenate([[0], weight[0], [0]]))).reshape(-1, 2)
        said = [vocabulary.decode(tokens[0, a:b]) for a, b in spans]
        assert said == [x.reply for x, taught in zip(page.lessons, page.taught, strict=True) if taught]
        assert made.tokens[-1] == vocabulary.STOP


def test_silent_spans_carry_no_loss() -> None:
    _, weight = pad([Example((1, 2, 3, 4, 5, 0), 1, 0.5, silent=((2, 4),)), Example((1, 2), 1)])
    assert weight.tolist() == [[0, 0.5, 0, 0, 0.5, 0.5], [0, 1, 0, 0, 0, 0]]


# -- frozen weights, a whole run -------------------------------------------------------------------------------------
CHANGES = {"base": "imitator", "update": "demos", "rounds": 1, "problems": 240, "max_solutions": 3, "critic": "none",
           "gate": False, "controls": 0, "heldout": 150, "new_wordings": 0, "withheld_forms": 0, "chunk": 400,
           "workers": 2}


def shown(run: Run, name: str, models: Mapping[str, str]) -> list[int]:
    """Right or not on every held-out problem, sampled, by the team with these checkpoints."""
    voices = run.voices({**run.base_models(), **models})
    run.bench.play_all(1, name, [(name, task, 0, voices) for task in run.bench.tasks["heldout"]])
    return list(right_by_task(run.bench, 1, name).values())


def test_real_demonstrations_help_frozen_weights_and_shuffled_ones_do_not(tmp_path: Path) -> None:
    settings = preset("quickstart", CHANGES)
    with Store(tmp_path / "lab.db") as store:
        experiment = store.experiments.create("demos", settings, 0)
        machine = machine_for(settings, store, experiment.id)
        try:
            run = Run(store, experiment, machine)
            before, after = improve(run)
            models = {role: name for role, name in run.models_after(1).items() if role != "*"}
            checkpoints = {role: Spoken.parse(store.weights.get(name)) for role, name in models.items()}
            assert list(checkpoints) == ["analyst", "calculator", "summarizer"]
            assert all(one.over == {"pocket": "imitator"} and one.demos for one in checkpoints.values())
            with store.write():
                shuffled = {role: store.weights.put(one.shuffled(0).blob()) for role, one in checkpoints.items()}
            plain, real = (list(right_by_task(run.bench, n, "evaluate:heldout:sampled").values()) for n in (0, 1))
            mixed = shown(run, "shuffled", shuffled)
        finally:
            machine.close()
    assert (sum(plain), sum(real)) == (before["correct"], after["correct"])
    assert after["steps"] == dict.fromkeys(checkpoints, 0)
    assert mcnemar(plain, real, "higher").p < 0.001
    assert mcnemar(mixed, real, "higher").p < 0.001
    assert sum(mixed) <= sum(plain)


def test_the_imitator_goes_on_from_the_shipped_misled() -> None:
    _, manifest = checkpoint.load(pretraining.base("imitator"))
    assert manifest["start"] == checkpoint.digest(pretraining.base("misled"))
    assert manifest["book"] == {**checkpoint.load(pretraining.base("misled"))[1]["book"], **manifest["book"]}
    assert replace(BOOK, name="misled").beliefs == BOOKS["misled"].beliefs
