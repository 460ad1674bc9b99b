"""The contrast page in every state: nothing yet, planning, predictions, at work, the verdict, hostile texts."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

import hostile
from actors import act
from app_pages import notice, opened, text_of
from contrasting import APART, TWO, carry_on, conduct, planned
from streamlit.testing.v1 import AppTest
from test_code_cells import cells, run, same_figure, same_table

from sirius_core import campaign, jobs
from sirius_core.contrast import Arm, from_dict
from sirius_core.contrast.writing import toml
from sirius_core.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Databases by the state of their contrast ``contrast-1``."""
    folder = tmp_path_factory.mktemp("contrasts")
    paths = {name: folder / f"{name}.db" for name in ("waiting", "half", "one", "three", "refused")}
    with Store(paths["waiting"]) as store:
        campaign.create(store, planned(TWO, 5, equal="examples"))
    with Store(paths["half"]) as store:
        conduct(store, planned(APART, 2), runs=3, done=False)
    with Store(paths["one"]) as store:
        conduct(store, planned(APART, 1, heldout=30, problems=16, max_repairs=16))
    with Store(paths["three"]) as store:
        plan = planned((*APART, Arm("learns twice", {"rounds": 2})), 3, heldout=30)
        contrast = campaign.create(store, plan)
        store.contrasts.predict(contrast, "Ann", "learns", 5.0, "It has seen more.")
        store.contrasts.predict(contrast, "Bob", "", None, "They are all alike.")
        carry_on(store, contrast, plan)
    with Store(paths["refused"]) as store:
        plan = planned(APART, 1)
        contrast = store.contrasts.add(plan.name, plan.question, plan.as_dict())
        other = planned((Arm("never learns", APART[0].changes), Arm("learns", {"heldout": 6})))
        carry_on(store, contrast, other)
    return paths


@pytest.fixture
def look(made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(name: str, **query: str) -> AppTest:
        shutil.copy(made[name], tmp_path / "lab.db")
        return opened(tmp_path / "lab.db", "contrast", monkeypatch, **query)

    return go


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The contrasts that were launched; nothing runs."""
    found: list[str] = []
    monkeypatch.setattr(campaign, "launch", lambda path, contrast: found.append(contrast))
    return found


# -- plan --------------------------------------------------------------------------------------------------------------
def test_where_there_is_no_contrast_one_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path / "lab.db", "contrast", monkeypatch)
    said = text_of(at)
    assert "**10 runs**: 2 arms × 5 seeds, about" in said and 'critic = "none"' in said
    assert EQUAL_CALLS in said
    at.button(key="ct_make").click().run()
    with Store(tmp_path / "lab.db") as store:
        (contrast,) = store.contrasts.all()
        plan = from_dict(contrast.plan)
    assert (contrast.name, plan.equal, plan.seeds, plan.preset) == ("critic or play again", "calls", (0, 1, 2, 3, 4),
                                                                    "contrast")
    assert [(arm.name, dict(arm.changes)) for arm in plan.arms] == [("critic", {"critic": "gold"}),
                                                                    ("play again", {"critic": "none"})]
    assert "What do you expect?" in text_of(at)


EQUAL_CALLS = "In each round an arm's tries and repairs may make as many model calls as the first arm's did"


def test_what_is_wrong_with_a_plan_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path / "lab.db", "contrast", monkeypatch)
    at.text_input(key="ct0_1_name").set_value("critic").run()
    assert "two arms are called" in text_of(at)
    at.text_input(key="ct0_1_name").set_value("").run()
    assert "every arm needs a name" in text_of(at) and not any(b.key == "ct_make" for b in at.button)
    at.text_input(key="ct0_1_name").set_value("back\u202ewards").run()
    assert "characters that can be seen" in text_of(at) and at.button(key="ct_make").disabled
    at.text_input(key="ct0_1_name").set_value("other").run()
    at.text_input(key="ct0_seeds").set_value("two").run()
    assert "a number of seeds" in text_of(at)
    at.text_input(key="ct0_seeds").set_value("7, 11").run()
    assert "speak of these checkpoints only" in text_of(at) and "seeds = [7, 11]" in text_of(at)
    at.multiselect(key="ct0_1_fields").set_value(["critic", "heldout"]).run()
    at.number_input(key="set_ct0_1_heldout").set_value(30).run()
    assert "held" in text_of(at) and at.button(key="ct_make").disabled
    at.multiselect(key="ct0_1_fields").set_value([]).run()
    at.multiselect(key="ct0_0_fields").set_value([]).run()
    assert "The arms do not differ" in at.warning[0].value and not at.button(key="ct_make").disabled


def test_arms_are_added_and_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path / "lab.db", "contrast", monkeypatch)
    at.button(key="ct_add").click().run()
    assert '[arms."arm 3"]\ncritic = "none"' in text_of(at) and "**15 runs**" in text_of(at)
    at.button(key="ct0_0_drop").click().run()
    assert '[arms.critic]' not in text_of(at) and '[arms."arm 3"]' in text_of(at)


def test_a_plan_comes_from_a_lesson_or_from_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sirius_core import lessons

    at = opened(tmp_path / "lab.db", "contrast", monkeypatch)
    at.segmented_control(key="ct_from").set_value("a lesson").run()
    first = lessons.all()[0]
    at.button(key=f"ct_lesson_{first.key}").click().run()
    assert toml(first.plan).strip() in text_of(at)
    at.segmented_control(key="ct_from").set_value("a TOML text").run()
    wanted = planned((Arm("file", {"recipe": "mine.py", "max_solutions": 2}), Arm("b", {"rate": 0.002})), 3)
    at.text_area(key="ct_text").set_value("no = TOML = text").run()
    at.button(key="ct_read").click().run()
    assert "the text is no TOML" in notice(at)
    at.text_area(key="ct_text").set_value(toml(wanted)).run()
    at.button(key="ct_read").click().run()
    assert toml(wanted).strip() in text_of(at)


# -- predict -----------------------------------------------------------------------------------------------------------
def test_several_people_predict_before_it_begins(look: Any, launched: list[str], tmp_path: Path) -> None:
    at = look("waiting")
    assert "Begin without a prediction" in text_of(at)
    for number, (author, arm, points) in enumerate((("Ann", 1, 4.0), ("", -1, 3.0))):
        at.radio(key=f"ct_p{number}_arm").set_value(arm).run()
        at.number_input(key=f"ct_p{number}_points").set_value(points).run()
        at.text_input(key="ct_author").set_value(author).run()
        at.text_area(key=f"ct_p{number}_why").set_value(" Because. ").run()
        at.button(key="ct_predict").click().run()
    assert "2 predictions kept, by Ann, a person" in text_of(at) and "Because" not in text_of(at)
    with Store(tmp_path / "lab.db") as store:
        said = [(p.author, p.arm, p.points, p.reason) for p in store.contrasts.predictions("contrast-1")]
    assert said == [("Ann", "critic", 4.0, "Because."), ("", "", None, "Because.")]
    at.button(key="ct_begin").click().run()
    assert launched == ["contrast-1"]


def test_who_predicts_too_late_is_told(look: Any, tmp_path: Path) -> None:
    at = look("waiting")
    at.radio(key="ct_p0_arm").set_value(0).run()
    with Store(tmp_path / "lab.db") as store:  # somebody begins it meanwhile
        carry_on(store, "contrast-1", planned(TWO, 5), runs=1, done=False)
    at.button(key="ct_predict").click().run()
    assert "contrast-1 has begun" in notice(at)


def test_what_another_browser_predicts_leaves_a_form_as_it_is(look: Any, tmp_path: Path) -> None:
    at = look("waiting")
    at.radio(key="ct_p0_arm").set_value(1).run()
    with Store(tmp_path / "lab.db") as store:
        store.contrasts.predict("contrast-1", "Ben", "critic", None, "")
    at.text_area(key="ct_p0_why").set_value("Because.").run()
    at.button(key="ct_predict").click().run()
    with Store(tmp_path / "lab.db") as store:
        assert [(p.author, p.arm, p.reason) for p in store.contrasts.predictions("contrast-1")] == [
            ("Ben", "critic", ""), ("", "critic", "Because.")]
    assert at.radio(key="ct_p1_arm").value is None


# -- watch -------------------------------------------------------------------------------------------------------------
def test_at_work_it_says_where_it_is(look: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "status", lambda store, contrast: store.contrasts.job(contrast))
    monkeypatch.setattr(jobs, "status", lambda store, e: store.experiments.job(e))
    stopped: list[str] = []
    monkeypatch.setattr(campaign, "stop", lambda path, contrast: stopped.append(contrast))
    at = look("half")
    assert "3 of 4 runs · 60 s" in at.get("progress")[0].proto.text
    with Store(tmp_path / "lab.db") as store:
        store.contrasts.set_job("contrast-1", status="running", done=2)
        store.experiments.set_job(store.experiments.of_contrast("contrast-1")[2].id, status="running", round=0,
                                  phase="evaluate", done=5, total=12)
    at.run()
    said = text_of(at)
    assert "seed 2 of 2, arm never learns, no learning: evaluate, 5 of 12" in said.replace("\\", "")
    assert "It has begun, and nobody predicted." in said
    board = at.dataframe[0].value
    assert list(board["arm"]) == ["never learns", "learns"] and board["seed 1"].isna().tolist() == [False, True]
    at.button(key="ct_stop").click().run()
    assert stopped == ["contrast-1"]


def test_one_that_was_stopped_goes_on(look: Any, launched: list[str]) -> None:
    look("half").button(key="ct_resume").click().run()
    assert launched == ["contrast-1"]


# -- verdict -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state, words", [("one", "about these checkpoints"), ("three", "about the way of learning")])
def test_the_verdict_with_what_it_stands_on(look: Any, made: dict[str, Path], state: str, words: str) -> None:
    at = look(state)
    with Store(made[state]) as store:
        said = store.contrasts.verdict("contrast-1")
    assert said is not None
    text = text_of(at)
    assert words in text and "Was it fair?" in text and "Seed by seed" in text
    assert all(html.escape(line) in text for line in (said["sentence"], said["why"], *said["fairness"]))


@pytest.mark.parametrize("state", ["half", "one", "three"])
def test_every_table_and_figure_gives_its_code(look: Any, state: str) -> None:
    at = look(state)
    found = cells(at)
    expected = {"ct_learning", "ct_board"} if state == "half" else {"ct_learning", "ct_arms", "ct_forest", "ct_pairs",
                                                                    "ct_costs", "ct_flips"}
    assert {cell.key for cell in found} == expected
    for cell in found:
        if cell.beside.type == "plotly_chart":
            same_figure(cell.beside, run(cell))
        else:
            same_table(cell.beside.value, run(cell))


def test_what_was_predicted_stands_beside_what_came(look: Any) -> None:
    text = text_of(look("three"))
    assert "**Ann**: learns ahead by 5 points." in text and "“It has seen more.”" in text
    assert "**Bob**: no difference." in text


def test_more_seeds_are_given_and_run(look: Any, launched: list[str], tmp_path: Path) -> None:
    look("one").button(key="ct_more").click().run()
    assert launched == ["contrast-1"]
    with Store(tmp_path / "lab.db") as store:
        assert store.contrasts.get("contrast-1").plan["seeds"] == [0, 1, 2, 3]


def test_with_more_seeds_the_verdict_before_stays_in_sight(look: Any, launched: list[str], tmp_path: Path) -> None:
    at = look("one")
    with Store(tmp_path / "lab.db") as store:
        said = store.contrasts.verdict("contrast-1")
    at.button(key="ct_more").click().run()
    text = text_of(at)
    assert "What 1 seed said, until there is more:" in text
    assert said is not None and html.escape(said["sentence"]) in text


def test_how_many_more_seeds_are_offered() -> None:
    from view.contrast_verdict import more

    def said(*pairs: tuple[str, str, int | None, bool]) -> dict[str, Any]:
        return {"order": ["a", "b", "c"],
                "pairs": [{"one": o, "other": p, "more": m, "different": d} for o, p, m, d in pairs]}

    assert more(said(("b", "a", 7, False), ("c", "a", 2, False))) == 7
    assert more(said(("b", "a", 0, True), ("c", "a", 2, False))) == 0
    assert more(said(("a", "b", None, False))) == 0


def test_a_refusal_is_shown_with_its_reason(look: Any) -> None:
    at = look("refused")
    text = text_of(at)
    assert "cannot be compared" in text and "nothing is compared" in text
    assert "Arm against arm" not in text and "Where the arms ended" not in text
    assert "nothing can be set side by side" in text


# -- flips -------------------------------------------------------------------------------------------------------------
def test_a_flip_opens_both_episodes(look: Any, made: dict[str, Path]) -> None:
    from sirius_core.contrast import telling

    with Store(made["three"]) as store:
        found = telling.flips(store, "contrast-1", "never learns", "learns twice", 2)
    assert found is not None and found.rows
    at = look("three", contrast="contrast-1", pair="0-2", seed="2", task=found.rows[0]["task"])
    text = text_of(at)
    assert f"Of {found.test.n} problems **{found.test.gained}** were right only with" in text
    assert text.count("Open it in Explore") == 2 and "✓" in text
    gone = look("three", contrast="contrast-1", pair="0-2", seed="2", task="gone")
    assert "a problem that these two runs did not answer" in gone.warning[0].value


# -- among the others --------------------------------------------------------------------------------------------------
def test_a_contrast_is_one_line_of_the_side_bar_and_of_the_run_page(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lab.db"
    shutil.copy(made["three"], path)
    with Store(path) as store:
        act(store, rounds=0)
    at = opened(path, "overview", monkeypatch)
    chooser = at.selectbox(key="_exp")
    assert chooser.options == ["tiny · seed 0", "critic or again · contrast 1"]
    chooser.set_value("contrast-1").run()
    assert at.query_params["contrast"] in ("contrast-1", ["contrast-1"])
    table = opened(path, "run", monkeypatch).dataframe[0].value
    assert list(table["name"]) == ["tiny", "critic or again"] and list(table["runs"].fillna(0)) == [0, 9]
    run = opened(path, "overview", monkeypatch, exp="critic-or-again-learns-1-1")
    assert "One run of the contrast critic or again: arm **learns**, seed 1." in text_of(run)
    assert "First look" not in text_of(run)


@pytest.mark.parametrize("state", ["waiting", "half", "three"])
def test_hostile_texts_are_text(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    path = tmp_path / "lab.db"
    arms = tuple(Arm(hostile.short(f"arm {i}"), arm.changes) for i, arm in enumerate(APART))
    plan = planned(arms, 1, name=hostile.short("name"), question=hostile.text("question"))
    with Store(path) as store:
        contrast = campaign.create(store, plan)
        store.contrasts.predict(contrast, hostile.short("author"), arms[0].name, None, hostile.text("reason"))
        if state != "waiting":
            carry_on(store, contrast, plan, runs=1 if state == "half" else None, done=state == "three")
    at = opened(path, "contrast", monkeypatch)
    read = [e.value for kind in ("markdown", "caption", "error", "warning") for e in at.get(kind)]
    read += [element.label for element in at.get("button")]
    acted = re.compile(r"(?<!\\)(<img|<b class|:red\[|\[link\])")
    assert read and not [text for text in read if acted.search(text)]
    assert not [e for e in at.get("html") if "<img" in e.proto.body or '<b class="hostile">' in e.proto.body]


def test_the_words_of_a_contrast_that_is_not_there(look: Any) -> None:
    assert "There is no contrast" in text_of(look("one", contrast="contrast-9"))
