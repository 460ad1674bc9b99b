"""Datasette reads the same file and the same views, without an index or a word of the lab."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path
from typing import Any

import pytest
from actors import act

from sirius_core.store import Store
from sirius_core.store.schema_views import VIEWS


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("datasette") / "lab.db"
    with Store(path) as store:
        act(store)
    return path


def asked(db: Path, *paths: str) -> list[Any]:
    """What Datasette answers to requests for these paths."""
    with warnings.catch_warnings():  # its own dependencies'
        warnings.simplefilter("ignore")
        app = pytest.importorskip("datasette.app", reason="datasette is not installed").Datasette([str(db)])

        async def all_of_them() -> list[Any]:
            await app.invoke_startup()
            return [(await app.client.get(path)).json() for path in paths]

        return asyncio.run(all_of_them())


def test_every_view_says_there_what_it_says_here(made):
    found = asked(made, *(f"/lab/{name}.json?_shape=array&_size=max" for name in VIEWS))
    with Store(made) as store:
        for name, answer in zip(VIEWS, found, strict=True):
            assert answer == [dict(r) for r in store.db.rows(f"SELECT * FROM {name}")], name


def test_an_example_is_walked_back_by_links_and_by_sql(made):
    sql = "select trajectory, repair, checkpoint from v_provenance where source = 'repaired' order by position limit 1"
    answer, = asked(made, f"/lab.json?sql={sql}&_shape=array")
    assert all(answer[0][name] for name in ("trajectory", "repair", "checkpoint"))
    table, = asked(made, f"/lab/repair.json?id={answer[0]['repair']}&_shape=array&_labels=on")
    assert table[0]["replay"]["value"] == answer[0]["trajectory"]  # a foreign key: there it is a link
