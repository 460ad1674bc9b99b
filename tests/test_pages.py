"""The pages on an empty, a paused, a running and a finished database, without a browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from actors import act
from app_pages import ROOT, opened, text_of
from streamlit.testing.v1 import AppTest

from sirius_core import frames, jobs
from sirius_core.errors import Missing, UnknownName
from sirius_core.settings import FIELDS, Settings, preset
from sirius_core.store import Store
from sirius_core.store.browse import GROUPS, Browse, Filter
from view import findings, form, lab, live, texts, words
from view.numbers import p_text, points, share

PAGES = ("overview", "run", "explore", "review", "library", "settings")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four databases: empty, paused for review, stopped while it repaired, finished."""
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.db" for name in ("empty", "paused", "stopped", "finished")}
    for name, changes in (("paused", {"review": True}), ("stopped", {"stop_at": "1:repair"}), ("finished", {})):
        with Store(paths[name]) as store:
            act(store, **changes)
    Store(paths["empty"]).close()
    return paths


@pytest.fixture
def open_lab(made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``open_lab("paused", "review")``: the page of a copy of that database, after its first run."""

    def go(name: str, page: str = "overview", **query: str) -> AppTest:
        copy = tmp_path / f"{name}.db"
        if not copy.exists():
            shutil.copy(made[name], copy)
        return opened(copy, page, monkeypatch, **query)

    return go


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["empty", "paused", "stopped", "finished"])
def test_every_page_opens_on_every_state_of_a_database(open_lab: Callable[..., AppTest], name: str, page: str) -> None:
    at = open_lab(name, page)
    assert not at.error and text_of(at).strip()


def test_what_an_address_opens_closes_with_another_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path / "lab.db") as store:
        one, two = (store.experiments.create("tiny", preset("tiny"), seed).id for seed in (0, 1))
    at = opened(tmp_path / "lab.db", "overview", monkeypatch)
    for name, value in {"exp": one, **dict.fromkeys(lab.OPENED, "0")}.items():
        at.query_params[name] = value
    at.run()
    at.selectbox(key="_exp").set_value(two).run()
    assert at.query_params == {"exp": two}


@pytest.mark.parametrize("page", sorted({*PAGES} - {"settings"}))
def test_an_empty_database_offers_a_start(open_lab: Callable[..., AppTest], page: str) -> None:
    labels = [button.label for button in open_lab("empty", page).button]
    assert any("Start" in label for label in labels)


def test_a_run_in_progress_shows_its_step(open_lab: Callable[..., AppTest], tmp_path: Path) -> None:
    open_lab("stopped")
    path = tmp_path / "stopped.db"
    with Store(path) as store:
        store.experiments.set_job("tiny-0-1", status="running", phase="repair", done=5, total=16)
    with jobs.lock(path, "tiny-0-1"):
        at = open_lab("stopped", "run")
        assert [s.label for s in at.status] == ["**Repair**"]
        assert "5 of 16" in str(at.get("progress")[0].proto)
        assert at.button(key="stop")
    at = open_lab("stopped", "run")  # the process is gone: it can be resumed
    assert at.button(key="resume")


def test_the_overview_says_n_interval_and_p(open_lab: Callable[..., AppTest]) -> None:
    said = text_of(open_lab("finished"))
    assert "Held-out problems" in said and "pts" in said
    assert "misconceptions" in said and "no evidence about large ones" in said
    assert "playing again" in said and "The blind critic" in said
    table = next(f.value for f in open_lab("finished").dataframe if "p_vs_previous" in f.value.columns)
    assert list(table["round"]) == [0, 1, 2] and table["p_vs_previous"][1] > 0
    assert {"n", "low", "high"} <= set(table.columns)


def test_the_form_has_every_setting_and_sends_only_what_changed(open_lab: Callable[..., AppTest]) -> None:
    at = open_lab("empty", "run")
    shown = {
        w.key for kind in ("number_input", "toggle", "selectbox", "text_input", "button_group") for w in at.get(kind)
    }
    assert {f"set_quickstart_{name}" for name in FIELDS} <= shown
    explained = {caption.value for caption in at.caption}
    assert {form.explained(f.metadata["help"]) for f in FIELDS.values()} <= explained
    assert at.code[-1].value == "sirius run quickstart"
    at.number_input(key="set_quickstart_rounds").set_value(2)
    at.toggle(key="set_quickstart_review").set_value(True)
    at.number_input(key="seed").set_value(7).run()
    assert at.code[-1].value == "sirius run quickstart --seed 7 --set rounds=2 --set review=true"


def test_a_trajectory_is_read_from_top_to_bottom(open_lab: Callable[..., AppTest], made: dict[str, Path]) -> None:
    with Store(made["finished"]) as store:
        story = Browse(store.db).mended("tiny-0-1")[0]
        repair = next(r for r in store.repairs.of_failed(story) if r.mended)
    said = text_of(open_lab("finished", "explore", traj=story))
    assert words.plain_critique(repair) in said
    assert "<del>" in said or "<ins>" in said
    assert "What it changed further on" in said and "wrong here" in said


@pytest.mark.parametrize("which", ["replay", "mend"])
def test_replay_and_mend_open_too(open_lab: Callable[..., AppTest], made: dict[str, Path], which: str) -> None:
    with Store(made["finished"]) as store:
        repair = next(r for r in store.repairs.find("tiny-0-1") if r.mended)
    said = text_of(open_lab("finished", "explore", traj=getattr(repair, which)))
    assert "Belongs together" in said


def test_an_unknown_trajectory_is_said_so(open_lab: Callable[..., AppTest]) -> None:
    assert open_lab("finished", "explore", traj="nonsense").warning


def test_text_of_a_model_is_never_markup(
    open_lab: Callable[..., AppTest], tmp_path: Path, made: dict[str, Path]
) -> None:
    hostile = "<img src=x onerror=alert(1)> ![a](http://example.org/b.png) :material/home:"
    copy = tmp_path / "finished.db"
    shutil.copy(made["finished"], copy)
    with Store(copy) as store:
        story = Browse(store.db).mended("tiny-0-1")[0]
        for sql in (
            "UPDATE turn SET text = ?",
            "UPDATE trajectory SET answer = ?, why = ?, reward_why = ?",
            "UPDATE repair SET critique = ?, raw = ?, rephrased = ?",
            "UPDATE task SET question = ?, answer = ?",
        ):
            store.db.run(sql, *[hostile] * sql.count("?"))
    at = open_lab("finished", "explore", traj=story)
    assert any("&lt;img src=x" in element.proto.body for element in at.get("html"))
    assert not any("<img" in element.proto.body for element in at.get("html"))
    for kind in ("markdown", "caption", "expander", "subheader", "metric"):
        assert not any("example.org" in str(element) for element in at.get(kind))
    open_lab("finished", "explore")


# -- the frame -------------------------------------------------------------------------------------------------------
def test_an_empty_database_starts_one_quickstart_and_not_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRIUS_AUTOSTART", "1")
    path, started = tmp_path / "new.db", []
    Store(path).close()
    both = threading.Barrier(2)

    def visit() -> None:
        with Store(path) as store:
            both.wait()
            started.append(jobs.first(store))

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert sorted(e.id for e in started if e) == ["quickstart-0-1"] and len(started) == 2


def test_a_job_that_never_began_can_be_started_again(made: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "stopped.db"
    shutil.copy(made["stopped"], path)
    with Store(path) as store:
        store.experiments.set_job("tiny-0-1", status="queued")
        assert jobs.status(store, "tiny-0-1").status == "queued"
        store.db.run("UPDATE job SET updated_at = '2020-01-01T00:00:00.000+00:00'")
        assert jobs.status(store, "tiny-0-1").status == "stopped"


def test_a_database_of_a_newer_version_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "newer.db"
    with Store(path) as store:
        store.db.run("PRAGMA user_version = 99")
    monkeypatch.setenv("SIRIUS_DB", str(path))
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=20).run()
    assert not at.exception and "newer" in at.error[0].value


# -- what the pages ask the store --------------------------------------------------------------------------------------
@pytest.fixture
def finished(made: dict[str, Path]) -> Iterator[Store]:
    with Store(made["finished"]) as store:
        yield store


def test_pages_by_keyset_give_every_episode_once(finished: Store) -> None:
    browse, seen, after = Browse(finished.db), [], 0
    while rows := browse.episodes("tiny-0-1", Filter(), after=after, limit=17):
        seen += [row.id for row in rows]
        after = rows[-1].seq
    judged = [t.id for t in finished.episodes.find("tiny-0-1") if t.reward is not None]
    assert seen == judged and browse.count("tiny-0-1", Filter()) == len(judged)


@pytest.mark.parametrize(
    "wanted, fits",
    [
        (Filter(round=1), lambda r: r.round == 1),
        (Filter(group="training tries"), lambda r: r.phase == "propose"),
        (Filter(group="evaluation"), lambda r: r.phase.startswith("evaluate:")),
        (Filter(outcome="right"), lambda r: r.right),
        (Filter(outcome="wrong"), lambda r: not r.right and r.stop is None),
        (Filter(outcome="lucky"), lambda r: r.lucky),
        (Filter(mended=True), lambda r: r.mended),
        (Filter(mended=False, outcome="wrong", round=2), lambda r: not r.mended and not r.right and r.round == 2),
        (Filter(family="travel"), lambda r: r.data["family"] == "travel"),
        (Filter(words="train"), lambda r: "train" in r.question),
        (Filter(words="100%"), lambda r: False),
    ],
)
def test_a_filter_keeps_what_fits_and_only_that(finished: Store, wanted: Filter, fits: Callable[[Any], bool]) -> None:
    browse = Browse(finished.db)
    everything = browse.episodes("tiny-0-1", Filter(), limit=10_000)
    kept = browse.episodes("tiny-0-1", wanted, limit=10_000)
    assert [r.id for r in kept] == [r.id for r in everything if fits(r)]
    assert browse.count("tiny-0-1", wanted) == len(kept)


def test_every_judged_phase_belongs_to_a_group(finished: Store) -> None:
    browse = Browse(finished.db)
    assert sum(browse.count("tiny-0-1", Filter(group=g)) for g in GROUPS) == browse.count("tiny-0-1", Filter())


# -- words and numbers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "typed, meant",
    [
        ("371 - 35 x 9", "3 7 1 - 3 5 * 9"),
        ("371 − 35×9", "3 7 1 - 3 5 * 9"),
        ("z - x * y: 371 - 35*9", "z - x * y : 3 7 1 - 3 5 * 9"),
        ("z − x x y : 371-35x9", "z - x * y : 3 7 1 - 3 5 * 9"),
        ("x ÷ y: 212 ÷ 6", "x / y : 2 1 2 / 6"),
        ("294 m/s²", "2 9 4 m/s2"),
        ("12 Ω", "1 2 ohm"),
        ("12 bananas", "1 2 bananas"),
        ("", ""),
    ],
)
def test_people_type_as_they_read(typed: str, meant: str) -> None:
    assert words.to_pocket(typed) == meant


def test_whatever_a_role_says_can_be_shown_and_read_back() -> None:
    import random

    from sirius_core.pocket.textbook import BOOKS, Author

    author = Author(BOOKS["misled"], random.Random(0))
    for _ in range(300):
        problem = author.problem()
        plan = f"{problem.formula} : {author.expression(problem, problem.formula)}"
        for text in (plan, author.steps(author.any_expression(), 0.1), problem.answer, problem.question):
            assert words.to_pocket(words.readable("formulas", text)) == text


def test_a_diff_marks_what_went_and_what_came_and_escapes_both() -> None:
    assert texts.diff_html("x × y + z: 682", "x × y: 682") == "x × y <del>+ z</del>: 682"
    assert texts.diff_html("840 N/m", "840 m") == "840 <del>N/m</del> <ins>m</ins>"
    assert texts.diff_html("<b>", "<i>") == "<del>&lt;b&gt;</del><ins>&lt;i&gt;</ins>"


def test_numbers_as_text() -> None:
    assert (p_text(0.0004), p_text(0.0123), p_text(0.5), p_text(None)) == ("p < 0.001", "p = 0.012", "p = 0.50", "")
    assert (points(0.5, 0.562), points(0.5, 0.5), share(None)) == ("+6.2 pts", 0, "–")


# -- frames ----------------------------------------------------------------------------------------------------------
def test_frames_hold_the_same_facts_as_the_store(made: dict[str, Path], finished: Store) -> None:
    with frames.open(made["finished"]) as data:
        reports = finished.experiments.reports("tiny-0-1")
        assert list(data.rounds().accuracy) == [r["accuracy"] for r in reports]
        assert len(data.trajectories("tiny-0-1")) == len(finished.episodes.find("tiny-0-1"))
        assert set(data.tests().part) == {"all", "family_decides", "form_decides"}
        assert data.repairs("tiny-0-1").query("phase == 'repair'").mended.sum() == sum(r["repaired"] for r in reports)
        assert len(data.examples()) == sum(sum(r["library"].values()) for r in reports)
        assert set(data.updates().kept) <= {True, False} and (data.losses().loss > 0).all()
        for name in ("experiments", "settings", "roles", "controls", "turns", "decisions"):
            assert getattr(data, name)().columns.size
        assert data.trajectories("nothing").empty


def test_the_figure_of_a_notebook_is_the_figure_of_the_app(made: dict[str, Path], finished: Store) -> None:
    import json

    stored = json.loads(finished.experiments.figure("tiny-0-1", "accuracy") or "")
    with frames.open(made["finished"]) as data:
        assert [t.name for t in data.figure("accuracy").data] == [t["name"] for t in stored["data"]]
        with pytest.raises(UnknownName):
            data.figure("acuracy")
        with pytest.raises(Missing):
            data.figure("pass_at_k")
    with pytest.raises(Missing):
        frames.open("nowhere.db")


@pytest.mark.parametrize(("critic", "blind", "p", "said"), [
    (0.8, 0.5, 0.001, "is bought with the right answer"),
    (0.5, 0.8, 0.001, "mends less than the blind one"),
    (0.6, 0.5, 0.4, "no difference can be told"),
])
def test_what_seeing_the_answer_did_is_said_as_it_was(critic, blind, p, said):
    report = {"round": 2, "controls": {"critic": {"accuracy": critic}, "blind": {"accuracy": blind}}}
    sentence = findings._seeing_the_answer(report, p)
    assert said in sentence and sentence.startswith("In round 2 ")


def test_to_look_at_an_experiment_does_not_run_its_recipe_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('this code was run')\n")
    steps = live.steps(Settings().changed({"recipe": str(file)}), 1)
    assert [step.phase for step in steps][:2] == ["propose", "repair"]
