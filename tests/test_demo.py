"""The demo experiment that ships: it is whole, it is what its README says, and nobody writes to it."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from sirius_core import demo
from sirius_core.errors import Missing, ReadOnlyDatabase
from sirius_core.store import Store

README = (demo.PACKED.parent / "README.md").read_text("utf-8")


def row(name: str) -> str:
    (said,) = re.findall(rf"^\| {name} \| (.+) \|$", README, re.MULTILINE)
    return str(said)


def numbers(text: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"(?<![\w-])\d[\d,]*(?![\w-])", text)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.copy(folders=(tmp_path_factory.mktemp("demo"),))


def test_the_file_is_the_one_that_the_readme_names() -> None:
    packed = demo.PACKED.read_bytes()
    assert row("SHA-256").strip("`") == hashlib.sha256(packed).hexdigest() == demo.checksum()
    assert numbers(row("file"))[:2] == [len(packed), len(gzip.decompress(packed))]
    assert len(packed) < 3.2e6


def test_it_holds_what_the_readme_says(copy: Path) -> None:
    with Store(copy) as store:
        (e,) = store.experiments.all()
        reports = store.experiments.reports(e.id)
        repairs = store.repairs.find(e.id)
        sets = store.weights.training_sets(e.id)
        count = [int(store.db.value(f"SELECT count(*) FROM {table}")) for table in ("trajectory", "turn")]
    assert f"`{e.id}`" in row("experiment") and e.id == demo.EXPERIMENT
    s = e.settings
    assert numbers(row("experiment")) == [e.seed, s.rounds, s.problems, s.max_solutions] and s.sharing == "shared"
    assert numbers(row("held out")) == [reports[0]["n"], reports[0]["correct"], 1, reports[1]["correct"], 2,
                                        reports[2]["correct"]]
    mended = sum(r.mended for r in repairs)
    nobody = sum(r.turn is None for r in repairs)
    assert numbers(row("repairs")) == [len(repairs), mended, len(repairs) - mended, nobody]
    assert not any(r.leak for r in repairs)
    assert {r.role for r in repairs if r.mended} == {"analyst", "calculator", "summarizer"}
    assert numbers(row("episodes")) == count
    assert re.findall(r"(\d+)(?: examples)?, hash `(\w+)`", row("training sets")) == [
        (str(t["n"]), t["hash"]) for t in sets]


def test_every_hash_and_count_in_it_is_true(copy: Path) -> None:
    with Store(copy) as store:
        assert store.check() == []


def test_the_copy_is_made_once_and_outside_the_checkout(tmp_path: Path) -> None:
    packed = tmp_path / "kept" / "demo.db.gz"
    packed.parent.mkdir()
    packed.write_bytes(demo.PACKED.read_bytes())
    packed.chmod(0o444)
    packed.parent.chmod(0o555)  # a checkout that nobody may write to
    try:
        first = demo.copy(packed, (tmp_path / "cache",))
        made = first.stat().st_mtime_ns
        assert demo.copy(packed, (tmp_path / "cache",)) == first and first.stat().st_mtime_ns == made
        assert [p.name for p in first.parent.iterdir()] == [first.name]
        with Store(first) as store:
            store.experiments.set_job(demo.EXPERIMENT, message="written to the copy")
        assert hashlib.sha256(packed.read_bytes()).hexdigest() == demo.checksum()
        assert [p.name for p in packed.parent.iterdir()] == [packed.name]
    finally:
        packed.parent.chmod(0o755)


def test_where_one_folder_cannot_be_made_the_next_holds_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = tmp_path / "file" / "cache"
    assert demo.copy(folders=(blocked, tmp_path / "other")).parent == tmp_path / "other"
    with pytest.raises(ReadOnlyDatabase, match="no copy of the demo"):
        demo.copy(folders=(blocked,))


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert demo.copy().parent == tmp_path / "own" / "sirius-lab"


def test_without_the_checkout_there_is_no_demo(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="part of the checkout"):
        demo.copy(tmp_path / "demo.db.gz", (tmp_path,))
