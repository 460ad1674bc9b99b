"""The command line: one clear line, the designed exit code, nothing lost; with --json exactly one object on stdout.

0 done, 1 our error, 2 usage, 3 paused, 130 interrupted. The object keeps to sirius_core/report.schema.json.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crash_driver import EndpointMachine, know, told
from jsonschema import Draft202012Validator

import sirius_core
from sirius_core import jobs, machines
from sirius_core.__main__ import main
from sirius_core.errors import Busy, Cancelled, FullDatabase
from sirius_core.settings import preset
from sirius_core.store import Store
from sirius_core.store.schema import VERSION

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "sirius_core" / "report.schema.json").read_text("utf-8"))
SMALL = {"rounds": 1, "problems": 12, "max_solutions": 2, "max_repairs": 6, "validation": 6, "heldout": 8,
         "new_wordings": 0, "withheld_forms": 4, "controls": 2, "control_calls": 6, "chunk": 12, "epochs": 1,
         "batch": 8, "workers": 1}


class Said:
    """What a command said and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[str]:
        """The clear lines: those that begin with the program's name."""
        assert "Traceback" not in self.err, self.err
        return [line for line in self.err.splitlines() if line.startswith("sirius: ")]

    def ended(self, code: int, *parts: str) -> Said:
        """It ended with this code and, unless that is 0, with one clear line that holds the parts."""
        assert self.code == code, (self.code, self.err)
        assert len(self.lines) == (0 if code == 0 else 1), self.err
        assert all(part in "".join(self.lines) for part in parts), self.err
        return self

    @property
    def object(self) -> dict[str, Any]:
        """The one object on stdout, valid by the published schema."""
        assert self.out.count("\n") == 1
        found = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        Draft202012Validator(SCHEMA).validate(found)
        return found


@pytest.fixture
def sirius(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process; ``--db`` is a file of the test's own unless another is named."""

    def run(*arguments: object) -> Said:
        words = [str(a) for a in arguments]
        if "--db" not in words and words and words[0] in ("run", "resume", "status", "stop", "measure", "check"):
            words += ["--db", str(tmp_path / "lab.db")]
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
        return Said(code, *capsys.readouterr())

    return run


def process(*arguments: object, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Ctrl-C reaches it even where these tests were started in the background of a shell, whose children ignore it."""
    return subprocess.Popen([sys.executable, "-m", "sirius_core", *map(str, arguments)], cwd=cwd, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(cwd)},
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def end(started: subprocess.Popen[str], before: str = "") -> Said:
    out, err = started.communicate(timeout=120)
    return Said(started.returncode, out, before + err)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of settings: an experiment of a second or two on the embedded model."""
    path = tmp_path_factory.mktemp("settings") / "small.json"
    path.write_text(json.dumps(SMALL))
    return path


@pytest.fixture(scope="module")
def finished(small: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(database, the object printed) of an undisturbed run; read them, do not change them."""
    folder = Path(tempfile.mkdtemp())
    said = end(process("run", small, "--db", folder / "lab.db", "--seed", 4, "--json")).ended(0)
    yield folder / "lab.db", said.object
    shutil.rmtree(folder)


def results(printed: dict[str, Any]) -> list[dict[str, Any]]:
    """The rounds without what the clock says."""
    return [{k: v for k, v in r.items() if k not in ("seconds", "phases")} for r in printed["rounds"]]


def test_the_schema_is_one_and_the_object_keeps_to_it(finished: tuple[Path, dict[str, Any]]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    db, printed = finished
    assert (printed["name"], printed["seed"], printed["status"], printed["message"]) == ("small", 4, "done", "")
    assert printed["experiment"] == "small-4-1" and printed["db"] == str(db)
    assert [r["round"] for r in printed["rounds"]] == [0, 1] and printed["rounds"][0]["n"] == SMALL["heldout"]
    assert printed["rounds"][0]["new_wordings_accuracy"] is None and set(printed["rounds"][1]["library"]) >= {"analyst"}
    for key in ("round", "accuracy", "controls"):
        broken = json.loads(json.dumps(printed))
        del broken["rounds"][1][key]
        assert not Draft202012Validator(SCHEMA).is_valid(broken)


# -- usage -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("words, parts", [
    ([], ["required"]),
    (["runn"], ["invalid choice", "runn"]),
    (["run"], ["PRESET_OR_FILE"]),
    (["run", "quickstrat"], ["there is no preset 'quickstrat'", "did you mean 'quickstart'"]),
    (["run", "tiny", "--set", "round=2"], ["there is no setting 'round'", "did you mean 'rounds'"]),
    (["run", "tiny", "--set", "rounds"], ["'rounds'", "KEY=VALUE"]),
    (["run", "tiny", "--set", "rounds=51"], ["rounds", "between 0 and 50"]),
    (["run", "tiny", "--set", "rounds=1.5"], ["rounds", "a whole number is needed"]),
    (["run", "tiny", "--rounds", "99"], ["rounds", "between 0 and 50"]),
    (["run", "tiny", "--rounds", "many"], ["--rounds", "many"]),
    (["run", "tiny", "--seed", "one"], ["--seed", "one"]),
    (["run", "tiny", "--seed", str(2**63)], ["seed 9223372036854775808"]),
    (["run", "tiny", "--max-db-mb", "-1"], ["--max-db-mb", "invalid size"]),
    (["run", "tiny", "--max-db-mb", "nan"], ["--max-db-mb", "invalid size"]),
    (["run", "tiny", "--set", "base=wise"], ["base", "misled"]),
    (["run", "tiny", "--set", "recipe=serius"], ["there is no recipe 'serius'", "did you mean 'sirius'"]),
    (["run", "tiny", "--set", "recipe=mine.py"], ["there is no recipe file 'mine.py'"]),
    (["run", "tiny", "--set", "train_roles=analist"], ["no learning role 'analist'", "did you mean 'analyst'"]),
    (["pocket", "pretrain", "misled", "--out", "nowhere/misled.npz"], ["cannot write 'nowhere/misled.npz'"]),
    (["run", "nowhere.json"], ["cannot read settings from 'nowhere.json'"]),
    (["resume", "tiny-0-1"], ["there is no database"]),
    (["status"], ["there is no database"]),
    (["measure", "tiny-0-1"], ["there is no database"]),
    (["check"], ["there is no database"]),
    (["pocket", "pretrain", "wise"], ["there is no base 'wise'"]),
])
def test_a_wrong_request_is_one_line_and_exit_code_2(
        sirius: Callable[..., Said], tmp_path: Path, words: list[str], parts: list[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    said = sirius(*words).ended(2, *parts)
    assert said.out == ""
    if (tmp_path / "lab.db").exists():
        with Store(tmp_path / "lab.db") as store:
            assert store.experiments.all() == []


@pytest.mark.parametrize("content, part", [
    ("rounds: 2", "cannot read settings"),
    ("", "cannot read settings"),
    ("[" * 100_000, "cannot read settings"),
    (b"\xff\xfe{}", "cannot read settings"),
    ("[1, 2]", "must hold one JSON object"),
    ('{"rounds": 2.5}', "a whole number is needed"),
    ('{"rounds": null}', "a whole number is needed"),
    ('{"problems": 1e999}', "setting problems=inf"),
    ('{"recipe": ["sirius"]}', "a text is needed"),
    ('{"rouns": 2}', "did you mean 'rounds'"),
])
def test_a_wrong_file_of_settings_is_one_line(
        sirius: Callable[..., Said], tmp_path: Path, content: str | bytes, part: str) -> None:
    file = tmp_path / "mine.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    sirius("run", file).ended(2, part)
    sirius("run", tmp_path / "folder.json").ended(2, "cannot read settings")


@pytest.mark.parametrize("code, part", [
    ("def recipe(settings:", "SyntaxError"),
    ("import nothing_of_that_name", "in line 1: ModuleNotFoundError"),
    ("\n\nteam = 1 / 0", "in line 3: ZeroDivisionError"),
    ("def other(settings): ...", "has no attribute 'recipe'"),
    ("def recipe(settings):\n    return 3", "gives int, not a Recipe"),
    ("def recipe(settings):\n    return settings.round", "in line 2: AttributeError"),
    ("import sys\nsys.exit(0)", "in line 2: SystemExit: 0"),
    ("from sirius_core.recipes import Recipe\ndef recipe(s):\n    return Recipe('x', 'chain')", "has str for its team"),
    ("from sirius_core.recipes import Recipe, team_of\ndef recipe(s):\n    return Recipe('x', team_of(s), model_of=3)",
     "has int for model_of, not a function"),
])
def test_a_recipe_file_that_fails_is_one_line_that_says_where(
        sirius: Callable[..., Said], tmp_path: Path, code: str, part: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(code)
    sirius("run", "tiny", "--set", f"recipe={file}", "--json").ended(2, str(file), part)


@pytest.mark.parametrize("command", ["run", "resume", "status", "check"])
def test_a_file_that_is_no_database_of_ours_is_one_line(
        sirius: Callable[..., Said], tmp_path: Path, command: str) -> None:
    words = {"run": ["run", "tiny"], "resume": ["resume", "tiny-0-1"]}.get(command, [command])
    (garbage := tmp_path / "garbage.db").write_bytes(b"neither SQLite nor anything else " * 50)
    sirius(*words, "--db", garbage).ended(1, "not a usable SQLite database")
    sirius(*words, "--db", tmp_path).ended(1, "is a folder")
    with Store(newer := tmp_path / "newer.db") as store:
        store.db.run(f"PRAGMA user_version = {VERSION + 1}")
    before = newer.read_bytes()
    sirius(*words, "--db", newer).ended(1, "newer Sirius Lab", "update the lab")
    assert newer.read_bytes() == before
    if command == "run":
        sirius(*words, "--db", tmp_path / "no" / "lab.db").ended(1, "there is no folder")


def test_an_unknown_experiment_is_one_line(sirius: Callable[..., Said], tmp_path: Path) -> None:
    with Store(tmp_path / "lab.db") as store:
        jobs.create(store, "tiny", preset("tiny"), 0)
    for words in (["resume", "tiny-0-2"], ["stop", "../tiny"], ["measure", "tiny-0-2"], ["resume", "\udcff"]):
        assert sirius(*words, "--json").ended(1).out == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lab.db"]
    sirius("measure", "tiny-0-1", "--samples", 0).ended(2, "samples")


def test_a_recipe_that_the_pocket_model_cannot_play_is_one_line_and_leaves_nothing(
        sirius: Callable[..., Said]) -> None:
    sirius("run", "tiny", "--set", "recipe=multiagent_finetuning").ended(2, "cannot be played by the pocket model")
    assert json.loads(sirius("status", "--json").ended(0).out) == {"experiments": []}


def test_a_recipe_file_is_found_from_another_folder(
        sirius: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from sirius_core.recipes.placebo import recipe\n")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    sirius("run", "tiny", "--rounds", 0, "--set", "recipe=mine.py").ended(0)
    monkeypatch.chdir(tmp_path / "other")
    sirius("resume", "tiny-0-1", "--set", "rounds=1").ended(0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sirius_core", "run", "tiny", "--rounds", "0", "--json", "--db", "lab.db"]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 1 and done.stderr.endswith("No space left on device\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_cannot_be_used_is_one_line_and_starts_nothing(sirius: Callable[..., Said], tmp_path: Path) -> None:
    for port in (0, 65536, "eighty"):
        sirius("lab", "--port", port).ended(2, "invalid port value")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        sirius("lab", "--port", taken, "--db", tmp_path / "lab.db").ended(2, f"port {taken} cannot be used", "--port")
    assert list(tmp_path.iterdir()) == []


# -- resume ----------------------------------------------------------------------------------------------------------
def test_a_finished_experiment_resumes_at_once_and_goes_on_when_asked_for_more(
        sirius: Callable[..., Said], finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    shutil.copy(finished[0], tmp_path / "lab.db")
    printed = {**finished[1], "db": str(tmp_path / "lab.db")}
    again = sirius("resume", "small-4-1", "--json").ended(0)
    assert again.object == printed and "round" not in again.err  # nothing was played
    for setting, part in (("problems=13", "part of the experiment"), ("rouns=2", "did you mean 'rounds'"),
                          ("rounds=77", "between 0 and 50"), ("rounds", "KEY=VALUE")):
        assert sirius("resume", "small-4-1", "--json", "--set", setting).ended(2, part).object == printed
    more = sirius("resume", "small-4-1", "--json", "--set", "rounds=2").ended(0).object
    assert more["rounds"][:2] == printed["rounds"] and [r["round"] for r in more["rounds"]] == [0, 1, 2]
    sirius("resume", "small-4-1", "--set", "rounds=1").ended(2, "2 rounds are closed already")
    table = sirius("resume", "small-4-1").ended(0).out.splitlines()
    assert [line.split(":")[0] for line in table] == ["round 0", "round 1", "round 2"]
    status = json.loads(sirius("status", "--json").ended(0).out)
    assert [(e["experiment"], e["status"], e["round"]) for e in status["experiments"]] == [("small-4-1", "done", 2)]


def test_waiting_for_people_and_for_a_budget_is_exit_code_3(
        sirius: Callable[..., Said], small: Path, finished: tuple[Path, dict[str, Any]]) -> None:
    run = ("run", small, "--seed", 4, "--json")
    waiting = sirius(*run, "--set", "review=true").ended(3, "wait", "--go-on").object
    assert waiting["status"] == "paused" and "wait" in waiting["message"] and len(waiting["rounds"]) == 1
    assert sirius("resume", "small-4-1", "--json").ended(3).object["status"] == "paused"
    assert sirius("resume", "small-4-1", "--json", "--go-on").ended(0).object["status"] == "done"
    poor = sirius(*run, "--set", "max_calls=60").ended(3, "budget of 60", "--set max_calls=N").object
    assert poor["status"] == "paused" and poor["experiment"] == "small-4-2"
    rich = sirius("resume", "small-4-2", "--json", "--set", "max_calls=0").ended(0).object
    assert results(rich) == results(finished[1]) and rich["models"] == finished[1]["models"]


def test_twice_at_once_the_second_is_told_and_the_first_goes_on(
        small: Path, sirius: Callable[..., Said], tmp_path: Path) -> None:
    db = tmp_path / "lab.db"
    first = process("run", small, "--db", db, "--json", "--set", "heldout=400")
    before = "".join(first.stderr.readline() for _ in range(2))
    assert "round 0" in before
    second = sirius("resume", "small-0-1", "--json").ended(1, "is being run by another process")
    assert second.object["status"] == "running"
    with pytest.raises(Busy), jobs.lock(db, "small-0-1"):
        pass
    assert sirius("stop", "small-0-1", "--json").ended(0).object["experiment"] == "small-0-1"
    assert end(first, before).ended(130, "was stopped", "sirius resume small-0-1").object["status"] == "stopped"


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------
def interrupted(words: list[object], at: str, *signals: signal.Signals) -> Said:
    """Run a command, send it the signals when it says ``at``."""
    started, before = process(*words), ""
    for line in started.stderr:
        before += line
        if at in line:
            for number in signals:
                started.send_signal(number)
            break
    return end(started, before)


def test_ctrl_c_in_any_phase_then_resume_loses_nothing(
        small: Path, finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    db = tmp_path / "lab.db"
    words: list[object] = ["run", small, "--seed", 4, "--db", db, "--json"]
    ends = []
    for at, signals in (("experiment small", [signal.SIGINT]), ("round 0: evaluate", [signal.SIGINT] * 2),
                        ("round 1: propose", [signal.SIGINT]), ("round 1: repair", [signal.SIGTERM]),
                        ("round 1: train", [signal.SIGINT]), ("round 1: control", [signal.SIGINT])):
        said = interrupted(words, at, *signals)
        ends.append(said.code)
        said.ended(said.code)
        assert said.object["status"] == {0: "done", 130: "stopped"}[said.code]
        words = ["resume", "small-4-1", "--db", db, "--json"]
    assert ends[:5] == [130] * 5 and ends[5] in (0, 130)  # so near the end it may be faster than the signal
    last = end(process(*words)).ended(0).object
    assert results(last) == results(finished[1]) and last["models"] == finished[1]["models"]


def test_ctrl_c_drops_the_calls_in_flight_on_an_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        experiment = jobs.create(store, "wire", preset("tiny", {"rounds": 0}), 0).id
        know(store, experiment)

    def hear(line: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(Cancelled, match=f"sirius resume {experiment}"):
        jobs.run(path, experiment, hear=hear, machine=EndpointMachine(slowest=3000))
    with Store(path) as store:
        assert store.experiments.job(experiment).status == "stopped" and store.episodes.find(experiment) == []
    assert jobs.run(path, experiment, machine=EndpointMachine()).status == "done"


def test_a_stop_that_comes_before_the_process_is_up_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with Store(path) as store:
        experiment = jobs.create(store, "wire", preset("tiny", {"rounds": 0}), 0).id
        know(store, experiment)
    jobs.stop(path, experiment)
    with pytest.raises(Cancelled):
        jobs.run(path, experiment, machine=EndpointMachine())
    assert jobs.run(path, experiment, machine=EndpointMachine()).status == "done"
    with Store(path) as store:  # which code has played it
        assert machines.code().items() <= (store.experiments.get(experiment).machine or {}).items()


# -- the file --------------------------------------------------------------------------------------------------------
def test_a_full_database_stops_in_whatever_phase_and_loses_nothing(tmp_path: Path) -> None:
    path, roomy = tmp_path / "lab.db", tmp_path / "roomy.db"
    experiments = []
    for file in (path, roomy):
        with Store(file) as store:
            settings = preset("tiny", {**SMALL, "concurrency": 4, "draws": 8, "validation": 32})
            experiments.append(jobs.create(store, "wire", settings, 1).id)
            know(store, experiments[0])
    assert jobs.run(roomy, experiments[1], machine=EndpointMachine(slowest=0)).status == "done"
    at, phases, pages, size = ["start"], [], 1, 0
    for _ in range(400):
        with Store(path) as store:
            store.db.run("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = 1 if path.stat().st_size > size else pages + 1  # as little room as lets it get any further
        size = path.stat().st_size
        try:
            jobs.run(path, experiments[0], machine=EndpointMachine(slowest=0), max_mb=(size + 8192 * pages) / 2**20,
                     hear=lambda line: at.append(line))
        except FullDatabase as error:
            phases.append(at[-1])
            assert str(error) == f"no room left for {path}: free some space, then resume (nothing is lost)"
            with Store(path) as store:
                assert store.check() == [] and jobs.status(store, experiments[0]).status in ("failed", "stopped")
        else:
            break
    assert set(phases) >= {"round 0: evaluate", "round 1: propose", "round 1: repair", "round 1: train",
                           "round 0: validate", "round 1: validate", "round 1: control", "round 1: evaluate"}
    assert told(path, experiments[0]) == told(roomy, experiments[1])


def test_a_full_database_is_one_line_on_the_command_line(
        sirius: Callable[..., Said], small: Path, finished: tuple[Path, dict[str, Any]]) -> None:
    full = sirius("run", small, "--seed", 4, "--json", "--max-db-mb", 0.9).ended(1, "no room left", "resume").object
    assert full["status"] == "failed" and "no room left" in full["message"]
    assert results(sirius("resume", "small-4-1", "--json").ended(0).object) == results(finished[1])


UNPRIVILEGED = """
import contextlib, io, json, os, sys
import numpy, sqlite_utils
from sirius_core import __main__, figures, jobs, recipes, review, settings
from sirius_core.contrast import conclusion
recipes.get(settings.preset("tiny"))
if os.geteuid() == 0:  # no other user may read the interpreter's folder: everything is imported by now
    os.setgid(65534), os.setuid(65534)
said = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = __main__.main(words)
    said.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(said))
"""


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_file_that_may_only_be_read_can_be_looked_at_and_the_rest_is_one_line(
        finished: tuple[Path, dict[str, Any]], folder_mode: int) -> None:
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    db = folder / "lab.db"
    shutil.copy(finished[0], db)
    with Store(db) as store:
        store.experiments.set_settings("small-4-1", store.experiments.get("small-4-1").settings.changed({"rounds": 2}))
    before = db.read_bytes()
    db.chmod(0o444)
    folder.chmod(folder_mode)
    commands = [["status", "--json"], ["check"], ["resume", "small-4-1", "--json"], ["run", "tiny", "--json"]]
    try:
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, json.dumps([[*words, "--db", str(db)] for words in commands])],
            cwd=ROOT, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        status, check, resume, run = (Said(*one) for one in json.loads(done.stdout))
        assert [e["experiment"] for e in json.loads(status.ended(0).out)["experiments"]] == ["small-4-1"]
        assert check.ended(0).out == "the database is sound\n"
        assert results(resume.ended(1, "cannot write", "writable").object) == results(finished[1])
        assert run.ended(1, "cannot write", "writable").out == ""
        assert db.read_bytes() == before
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_damaged_checkpoint_in_the_database_is_one_line_and_mending_it_is_enough(
        sirius: Callable[..., Said], finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    shutil.copy(finished[0], tmp_path / "lab.db")
    name = finished[1]["models"].get("analyst", finished[1]["models"]["*"])
    with Store(tmp_path / "lab.db") as store:
        blob = store.weights.get(name)
        store.db.run("UPDATE weights SET blob = ? WHERE hash = ?", blob[:5000] + b"!" + blob[5001:], name)
    said = sirius("resume", "small-4-1", "--set", "rounds=2", "--json")
    said.ended(1, f"checkpoint {name[:12]}", "is damaged")
    assert said.object["status"] == "failed" and results(said.object) == results(finished[1])
    assert sirius("check").code == 1 and name[:12] in sirius("check").out
    with Store(tmp_path / "lab.db") as store:
        store.db.run("UPDATE weights SET blob = ? WHERE hash = ?", blob, name)
    assert len(sirius("resume", "small-4-1", "--json").ended(0).object["rounds"]) == 3


def test_a_base_that_is_cut_short_is_one_line_and_putting_it_back_is_enough(
        small: Path, finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    package = Path(sirius_core.__file__).parent
    shutil.copytree(package, tmp_path / "sirius_core", ignore=shutil.ignore_patterns("__pycache__"))
    base = tmp_path / "sirius_core" / "pocket" / "bases" / "misled.npz"
    blob, db = base.read_bytes(), tmp_path / "lab.db"
    base.write_bytes(blob[: len(blob) // 2])
    words = ["run", small, "--seed", 4, "--db", db, "--json"]
    said = end(process(*words, cwd=tmp_path)).ended(1, "the base 'misled' cannot be used", "damaged", "install")
    assert said.object["status"] == "failed" and said.object["rounds"] == []
    base.unlink()
    words = ["resume", "small-4-1", "--db", db, "--json"]
    end(process(*words, cwd=tmp_path)).ended(1, "not part of this installation", "sirius pocket pretrain misled")
    base.write_bytes(blob)
    assert results(end(process(*words, cwd=tmp_path)).ended(0).object) == results(finished[1])
