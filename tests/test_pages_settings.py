"""The settings page: what it counts, what it never shows, the check and the snapshot that it starts."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from actors import act
from app_pages import notice, opened, text_of
from streamlit.testing.v1 import AppTest

from sirius_core.__main__ import main
from sirius_core.errors import StoreError, UsageError
from sirius_core.store import Store
from sirius_core.store.snapshot import disk, snapshot
from view import background, upkeep


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "lab.db"
    with Store(path) as store:
        act(store, problems=12, rounds=1, heldout=10, withheld_forms=10)
    return path


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A copy in a folder whose name is no Markdown."""
    folder = tmp_path / "*a* <b>$x$"
    folder.mkdir()
    return Path(shutil.copy(made, folder / "lab.db"))


@pytest.fixture
def look(db: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return lambda: opened(db, "settings", monkeypatch)


def finished(name: str) -> None:
    for _ in range(300):
        if not background.running(name):
            return
        time.sleep(0.05)
    raise TimeoutError(name)


def test_the_file_and_what_it_holds(look, db):
    at = look()
    with Store(db) as store:
        counted = disk(store.db)
    assert [m.value for m in at.metric] == [f"{n:,}" for n in counted[2:]]
    assert counted.experiments == 1 and counted.turns == 3 * counted.trajectories > 300
    bodies = "".join(e.proto.body for e in at.get("html"))
    assert "*a* &lt;b&gt;$x$" in bodies and "<b>$" not in bodies
    assert not at.error


def test_keys_of_the_environment_are_named_and_never_shown(look, monkeypatch):
    assert "No variable with a key is set" in text_of(look())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
    monkeypatch.setenv("OTHER_API_KEY", "secret-2")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:secret-3@models.example:99/v1")
    said = text_of(look()).replace("\\", "")
    assert "OPENAI_API_KEY, OTHER_API_KEY" in said and "models.example" in said
    assert "secret" not in said


def test_the_check_is_a_process_of_its_own_and_says_what_it_found(look, db):
    at = look()
    at.button(key="check").click().run()
    finished(upkeep.CHECK)
    at = look()
    assert "sound" in "".join(e.proto.body for e in at.get("html")) + text_of(at)
    raw = sqlite3.connect(db)
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("DELETE FROM turn WHERE trajectory = 1")
    raw.execute("UPDATE trajectory SET task = 'gone' WHERE seq = 1")
    raw.commit()
    raw.close()
    at.button(key="check").click().run()
    finished(upkeep.CHECK)
    assert "trajectory row 1" in "".join(e.proto.body for e in look().get("html"))


def test_a_snapshot_is_made_from_the_page_and_overwrites_nothing(look, db):
    at = look()
    at.text_input(key="snapshot_file").input("copy.db").run()
    at.button(key="snapshot").click().run()
    finished(upkeep.SNAPSHOT)
    copy = db.with_name("copy.db")
    with Store(copy) as theirs, Store(db) as ours:
        assert disk(theirs.db)[2:] == disk(ours.db)[2:] and theirs.check() == []
    before = copy.read_bytes()
    at = look()
    at.text_input(key="snapshot_file").input("copy.db").run()
    at.button(key="snapshot").click().run()
    finished(upkeep.SNAPSHOT)
    assert "exists already" in "".join(e.proto.body for e in look().get("html"))
    assert copy.read_bytes() == before and not list(db.parent.glob("*.part"))
    at.text_input(key="snapshot_file").input(" ").run()
    at.button(key="snapshot").click().run()
    assert "needs the name" in notice(at) + text_of(at)


def test_a_snapshot_goes_on_with_what_others_write_and_takes_no_place(db, tmp_path):
    with Store(db) as store:
        with pytest.raises(UsageError, match="is a folder"):
            snapshot(store.db, tmp_path)
        with pytest.raises(UsageError, match="no folder"):
            snapshot(store.db, tmp_path / "nowhere" / "copy.db")
        (tmp_path / "link.db").symlink_to(tmp_path / "nothing")
        with pytest.raises(UsageError, match="exists already"):
            snapshot(store.db, tmp_path / "link.db")
        with store.write(), pytest.raises(StoreError):
            snapshot(store.db, tmp_path / "inside.db")
        assert snapshot(store.db, tmp_path / "copy.db") == tmp_path / "copy.db"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["copy.db"]
    raw = sqlite3.connect(tmp_path / "copy.db")
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


def test_the_command_says_how_to_look_at_the_copy(db, tmp_path, capsys):
    assert main(["snapshot", str(tmp_path / "my copy.db"), "--db", str(db)]) == 0
    assert capsys.readouterr().out.endswith(f"datasette -i '{tmp_path}/my copy.db'\n")
    assert main(["snapshot", str(tmp_path / "my copy.db"), "--db", str(db)]) == 2
    assert main(["snapshot", str(tmp_path / "x.db"), "--db", str(tmp_path / "none.db")]) == 2
