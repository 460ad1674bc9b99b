"""Copy as code: every cell that a page shows is run, and gives what stands beside it on the page."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("streamlit")

import pandas as pd
from actors import act
from app_pages import opened
from streamlit.testing.v1 import AppTest

from sirius_core import frames
from sirius_core.settings import preset
from sirius_core.store import Store
from view import code
from view.words import asked

EXPERIMENT = "tiny-0-1"


class Cell(NamedTuple):
    """A cell of a page, the key that it names, and the table or figure that stands before it (None: neither does)."""

    key: str
    text: str
    beside: Any


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("cells")
    paths = {name: folder / f"{name}.db" for name in ("finished", "paused")}
    for name, changes in (("finished", {}), ("paused", {"review": True})):
        with Store(paths[name]) as store:
            act(store, **changes)
    with Store(paths["finished"]) as store:
        measured = {name: {"n": 4, "k": {1: (0.5, 0.2, 0.8), 2: (0.7, 0.3, 0.9)}} for name in ("base", "now")}
        store.experiments.set_measurement(EXPERIMENT, "pass_at_k", measured)
        other = store.experiments.create("other", preset("tiny"), 1)
        store.experiments.set_job(other.id, status="stopped")
    return paths


@pytest.fixture
def look(made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(name: str, page: str, **query: str) -> AppTest:
        copy = tmp_path / f"{name}.db"
        if not copy.exists():
            shutil.copy(made[name], copy)
        return opened(copy, page, monkeypatch, **query)

    return go


def elements(block: Any) -> Iterator[Any]:
    """Everything on the page in the order in which it stands there; a popover comes as a whole."""
    for child in block.children.values():
        if child.type == "popover" or not hasattr(child, "children"):
            yield child
        else:
            yield from elements(child)


def cells(at: AppTest) -> list[Cell]:
    found, beside = [], None
    for element in elements(at.main):
        key = str(getattr(getattr(element, "proto", None), "id", "")).partition(f"-{code.PREFIX}")[2]
        if element.type == "popover" and key:
            (text,) = [c.value for c in elements(element) if c.type == "code"]
            found.append(Cell(key, text, beside))
            beside = None
        elif element.type in ("dataframe", "plotly_chart"):
            beside = element
    return found


def run(cell: Cell) -> Any:
    """The value of the last line of a cell, run in an empty namespace as a notebook does."""
    *lines, last = cell.text.split("\n")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    try:
        return eval(last, names)
    finally:
        names["lab"].close()


def same_figure(shown: Any, given: Any) -> None:
    spec = json.loads(shown.proto.spec)
    assert spec["data"] == json.loads(given.to_json())["data"]


def same_table(shown: pd.DataFrame, given: pd.DataFrame) -> None:
    """Row for row the same in every column that both have; and the page has no table of its own."""
    both = [name for name in given.columns if name in shown.columns]
    assert len(given) == len(shown) and len(both) >= 2
    for name in both:
        how = bool if set(shown[name]) <= {name, ""} else plain  # a mark such as "lucky" stands for yes
        assert list(map(how, shown[name])) == list(map(how, given[name])), name


def plain(value: Any) -> Any:
    """A value as it comes to the page: a missing one, a number, a record, or a text in the form that people read."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items() if plain(v) is not None}
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return None
    return float(value) if isinstance(value, int | float) else asked("formulas", str(value))


STATES: dict[str, tuple[str, str, Mapping[str, str]]] = {
    "overview": ("finished", "overview", {}),
    "overview of a round": ("finished", "overview", {"round": "1"}),
    "explore": ("finished", "explore", {}),
    "library": ("finished", "library", {}),
    "review": ("paused", "review", {}),
    "run": ("finished", "run", {}),
}
EXPECTED = {
    "overview": {"cards", "accuracy", "misconceptions", "controls", "roles", "rounds_table", "tests_table",
                 "learned_table", "library", "balance", "pass_at_k"},
    "explore": {"episodes_table"},
    "library": {"library_table"},
    "run": {"experiments_table"},
}


@pytest.mark.parametrize("state", STATES)
def test_every_cell_gives_what_stands_beside_it(look: Any, state: str) -> None:
    name, page, query = STATES[state]
    found = cells(look(name, page, exp=EXPERIMENT, **query))
    assert EXPECTED.get(state, set()) <= {cell.key for cell in found}
    for cell in found:
        given = run(cell)
        if cell.beside is None:
            assert len(given) >= 0, cell.key
        elif cell.beside.type == "plotly_chart":
            same_figure(cell.beside, given)
        else:
            same_table(cell.beside.value, given)


def test_every_table_and_figure_of_the_overview_has_its_cell(look: Any) -> None:
    kinds = [e.type for e in elements(look("finished", "overview", exp=EXPERIMENT).main)]
    drawn = [i for i, kind in enumerate(kinds) if kind in ("dataframe", "plotly_chart")]
    assert len(drawn) == 10 and all(kinds[i + 1] == "popover" for i in drawn)


@pytest.mark.parametrize("value, said", [
    ("a\"b\\c", '"a\\"b\\\\c"'), ("é", '"é"'), ("\n\u202e", '"\\n\\u202e"'), (None, "None"), (3, "3"),
    (["x", 1], '["x", 1]'),
])
def test_a_value_is_written_as_python_reads_it(value: Any, said: str) -> None:
    assert code.literal(value) == said and eval(said) == value


def test_a_call_names_what_is_not_left_out() -> None:
    assert code.call("figure", "accuracy", "x-0-1", round=None) == 'lab.figure("accuracy", "x-0-1")'
    assert code.call("rounds", "x-0-1", upto=2) == 'lab.rounds("x-0-1", upto=2)'


def test_the_level_of_a_dataset_is_part_of_the_figure(made: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "level.db"
    shutil.copy(made["finished"], path)
    with Store(path) as store:
        held = {"answer": "yes", "n": 30, "of": 40, "share": 0.75}
        store.experiments.set_measurement(EXPERIMENT, "data", {"majority": held})
    with frames.open(path) as lab:
        last = lab.figure("accuracy", EXPERIMENT).data[-1]
    assert (last.name, list(last.x), list(last.y)) == ("always saying yes", [-0.25, 2.25], [0.75, 0.75])
