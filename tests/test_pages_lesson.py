"""The lesson page without a browser: the vote before the outcome, all steps of every story, both teams asked."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

import hostile
from actors import act
from app_pages import button, notice, opened, text_of
from streamlit.testing.v1 import AppTest
from test_code_cells import cells, elements, run, same_figure, same_table

from sirius_core import demo, lessons
from sirius_core.contrast.plan import from_dict
from sirius_core.settings import preset
from sirius_core.store import Store
from view import lesson_again, lesson_algorithm, lesson_ask, lesson_question, lesson_stories

KEY = "critic-or-again"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    demo.copy(folders=(folder / "sirius-lab",))
    return folder


@pytest.fixture
def look(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``look(part="ask")``: the page on an empty database, opened with this query."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    path = tmp_path / "lab.db"

    def go(**query: str) -> AppTest:
        if not path.exists():
            Store(path).close()
        return opened(path, "lesson", monkeypatch, **query)

    return go


@pytest.fixture
def walk(look: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """``walk(step="3")``: one visitor's page, at another address each time."""
    at = look(part="steps")

    def go(**query: str) -> AppTest:
        for name in [*at.query_params]:
            del at.query_params[name]
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, [e.message for e in at.exception]
        return at

    return go


@pytest.fixture(scope="module")
def store(cache: Path) -> Iterator[Store]:
    with Store(demo.copy(folders=(cache / "sirius-lab",))) as store:
        yield store


@pytest.fixture(scope="module")
def told(store: Store) -> dict[str, str]:
    """{label of a story: its try}"""
    e = store.experiments.get(demo.EXPERIMENT)
    return {s.label: s.trajectory for s in lesson_stories.stories(store, e)}


# -- step by step ------------------------------------------------------------------------------------------------------
def test_there_is_a_story_of_each_kind(told: dict[str, str], store: Store) -> None:
    assert list(told)[:6] == [*(f"mended: the {role}'s turn" for role in ("analyst", "calculator", "summarizer")),
                              "not mended", "the critic blames nobody", "right at once"]
    assert len({*told.values()}) == len(told)
    assert all(store.episodes.get(t).path.phase == "propose" for t in told.values())


def test_every_step_of_every_story_opens(walk: Callable[..., AppTest], told: dict[str, str]) -> None:
    lines = (*lesson_algorithm.LOOP, *lesson_algorithm.MENDING)
    for label, trajectory in [*told.items()][:6]:
        for step, name in enumerate(lesson_algorithm.STEPS, 1):
            at = walk(step=str(step), ep=trajectory)
            said = text_of(at)
            assert not at.error and not at.warning and f"{step}. {name}" in said and label in said
            lit = sum(step in line.steps for line in lines)
            assert said.count('class="lit"') == said.count('aria-current="step"') == lit > 0  # not by colour alone


def test_what_the_steps_say(walk: Callable[..., AppTest], told: dict[str, str]) -> None:
    for label, step, words in (
        ("mended: the analyst's turn", 2, "**not kept**"),
        ("mended: the analyst's turn", 3, ":orange-badge[:material/gavel: blamed]"),
        ("mended: the analyst's turn", 4, "**Mended.** Turns 1, 2 and 3 of the replay"),
        ("mended: the analyst's turn", 5, "from a repair"),
        ("mended: the summarizer's turn", 4, "**Mended.** Turn 3 of the replay"),
        ("mended: the calculator's turn", 4, "1 turn before it: given back word for word"),
        ("not mended", 4, "**Not mended.**"),
        ("not mended", 5, "Nothing of this try is learned from"),
        ("the critic blames nobody", 3, "so this try is given up"),
        ("the critic blames nobody", 4, "there is no rewrite"),
        ("right at once", 2, "**kept**"),
        ("right at once", 3, "no critic reads it"),
        ("right at once", 4, "no critic reads it"),
        ("right at once", 5, "from a right try"),
    ):
        assert words in text_of(walk(step=str(step), ep=told[label])), (label, step)


def test_the_numbers_of_the_round_are_those_of_the_readme(walk: Callable[..., AppTest]) -> None:
    said = text_of(walk(step="6"))
    assert "57 of 200 (" in said and "111 of 200 (" in said and "McNemar" in said
    assert "71 went from wrong to right and 17 from right to wrong (p < 0.001" in said
    assert "88 of 156 (" in text_of(walk(step="4")) and "84 of 240 (" in text_of(walk(step="2"))


def test_next_back_and_another_try_stand_in_the_address(walk: Callable[..., AppTest], told: dict[str, str]) -> None:
    at = walk(step="1")
    assert button(at, "ls_back").disabled
    button(at, "ls_next").click().run()
    assert "2. Keep" in text_of(at) and "2" in at.query_params["step"]
    button(at, "ls_back").click().run()
    button(at, "ls_other").click().run()
    assert "1. Sample" in text_of(at) and [*told.values()][1] in at.query_params["ep"]
    at = walk(step="6")
    assert button(at, "ls_next").disabled
    at.button(key="ls_to_ask").click().run()
    assert at.button(key="ls_ask").label == "Ask both"


def test_a_link_that_names_nothing_opens_all_the_same(walk: Callable[..., AppTest]) -> None:
    for query, warned in (({"step": "9"}, False), ({"step": "one"}, False), ({"ep": "nothing"}, True)):
        at = walk(**query)
        assert bool(at.warning) == warned and "1. Sample" in text_of(at)


def test_the_demo_is_not_changed_by_being_looked_at(walk: Callable[..., AppTest], store: Store) -> None:
    def state() -> list[Any]:
        return [tuple(r) for t in ("trajectory", "turn", "task", "journal", "job", "measurement", "weights")
                for r in store.db.rows(f"SELECT count(*) FROM {t}")]

    before, packed = state(), demo.PACKED.read_bytes()
    walk(part="ask").button(key="ls_ask").click().run()
    walk(step="4")
    assert state() == before and demo.PACKED.read_bytes() == packed
    assert [p.name for p in demo.PACKED.parent.iterdir() if p.suffix in (".db", ".gz")] == ["demo.db.gz"]


def test_text_of_a_model_is_never_markup_in_a_lesson(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     told: dict[str, str]) -> None:
    own = tmp_path / "hostile" / "sirius-lab"
    copied = demo.copy(folders=(own,))
    Store(copied).close()  # brought up to this version, as whoever opens it does
    hostile.poison(copied)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own.parent))
    Store(tmp_path / "lab.db").close()
    shown, at = False, opened(tmp_path / "lab.db", "lesson", monkeypatch, part="steps")
    for query in [*({"step": str(step), "ep": told["mended: the analyst's turn"]} for step in range(1, 7)),
                  {"part": "ask"}]:
        for name, value in query.items():
            at.query_params[name] = value
        assert not at.run().exception
        bodies = [element.proto.body for element in at.get("html")]
        shown |= any("&lt;b class=&quot;hostile&quot;&gt;" in body for body in bodies)
        assert not any('<b class="hostile"' in body for body in bodies)
        for kind in ("markdown", "caption", "expander", "subheader", "metric", "button"):
            for element in at.get(kind):
                text = str(getattr(element, "value", "") or getattr(element, "label", ""))
                assert "](http" not in text and '<b class="hostile"' not in text
    assert shown


def test_the_cells_of_the_steps_open_the_demo(walk: Callable[..., AppTest]) -> None:
    for step, key in (("2", "kept"), ("4", "mended"), ("5", "lesson_loss"), ("6", "accuracy")):
        (cell,) = cells(walk(step=step))
        given = run(cell)
        assert cell.key == key
        if key == "accuracy":
            same_figure(cell.beside, given)
        elif key == "lesson_loss":
            (curve,) = json.loads(cell.beside.proto.spec)["data"]
            assert curve["y"] == list(given["loss"]) and len(given) == 16
        else:
            assert {*given["experiment"]} == {demo.EXPERIMENT} and len(given) > 200


# -- the question ------------------------------------------------------------------------------------------------------
def test_the_outcome_comes_only_after_a_vote(look: Callable[..., AppTest]) -> None:
    lesson = lessons.get(KEY)
    at = look(lesson=KEY)
    assert lesson.outcome not in text_of(at) and lesson.note not in text_of(at)
    assert at.button(key="ls_reveal").disabled
    other = next(arm.name for arm in lesson.plan.arms if arm.name != lesson.ahead)
    at.radio(key=f"ls_vote_{KEY}").set_value(other).run()
    assert not at.button(key="ls_reveal").disabled and "Run it again" not in text_of(at)
    at.button(key="ls_reveal").click().run()
    said = text_of(at)
    assert "What many predict" in said and lesson.outcome in said and "For the teacher" in said
    assert ("not as you said" in said) == (lesson.measured is not None)
    assert at.button(key="ls_again")


def test_every_lesson_opens(walk: Callable[..., AppTest]) -> None:
    for key in lessons.KEYS:
        at = walk(lesson=key)
        assert not at.error and at.selectbox(key="ls_lesson").value == key
        assert at.radio(key=f"ls_vote_{key}").options[-1] == "no difference of more than two points"
    at = walk(lesson="nonsense")
    assert at.warning and at.selectbox(key="ls_lesson").value == lessons.KEYS[0]


def test_large_type_is_remembered(look: Callable[..., AppTest]) -> None:
    at = look()
    assert "font-size: 21px" not in text_of(at)
    at.toggle(key="ls_large").set_value(True).run()
    assert "font-size: 21px" in text_of(at)
    at.query_params["part"] = "steps"
    assert "font-size: 21px" in text_of(at.run())


def test_a_lesson_runs_again_with_ones_own_seed_and_one_setting(look: Callable[..., AppTest], tmp_path: Path) -> None:
    at = look(lesson=KEY)
    at.radio(key=f"ls_vote_{KEY}").set_value(lesson_question.NEITHER).run()
    at.button(key="ls_reveal").click().run()
    at.number_input(key=f"ls_seed_{KEY}").set_value(41)
    at.selectbox(key=f"ls_setting_{KEY}").set_value("temperature").run()
    at.number_input(key=f"set_again_{KEY}_temperature").set_value(0.5).run()
    at.button(key="ls_again").click().run()
    assert notice(at) == ""
    with Store(tmp_path / "lab.db") as store:
        (made,) = store.contrasts.all()
        plan = from_dict(made.plan)
    assert at.session_state["_goto"][0] == "pages/contrast.py" and at.session_state["_goto"][1]["contrast"] == made.id
    known = lessons.get(KEY).plan
    assert plan.seeds == (41, 42, 43) and plan.lesson == KEY and plan.arms == known.arms
    assert {plan.settings_of(arm).temperature for arm in plan.arms} == {0.5}


def test_hostile_texts_of_a_lesson_that_nobody_measured_are_text(monkeypatch: pytest.MonkeyPatch,
                                                                  tmp_path: Path) -> None:
    def app() -> None:
        from dataclasses import replace

        import hostile
        import streamlit

        from sirius_core import lessons
        from sirius_core.contrast import Arm
        from view import lesson_question

        known = lessons.get("critic-or-again")
        plan = replace(known.plan, arms=tuple(Arm(hostile.short(f"arm {a.name}"), a.changes) for a in known.plan.arms))
        texts = {name: hostile.short(name) for name in ("question", "wrong", "note", "outcome")}
        streamlit.session_state["ls_votes"] = {known.key: plan.arms[0].name}
        streamlit.session_state["ls_revealed"] = {known.key}
        lesson_question.draw([replace(known, **texts, plan=plan, measured=None)])

    monkeypatch.setenv("SIRIUS_DB", str(tmp_path / "lab.db"))
    at = AppTest.from_function(app, default_timeout=20).run()
    assert not at.exception and "has not been measured" in text_of(at)
    assert "as you said" not in text_of(at)  # nobody knows
    for element in at.get("html"):
        assert '<b class="hostile"' not in element.proto.body
    for kind in ("markdown", "caption", "subheader", "expander"):
        for element in at.get(kind):
            said = str(getattr(element, "value", "") or getattr(element, "label", ""))
            assert '<b class="hostile"' not in said and "](http" not in said


@pytest.mark.parametrize("key", lessons.KEYS)
def test_only_what_no_arm_and_no_budget_decides_may_be_changed(key: str) -> None:
    plan = lessons.get(key).plan
    names = lesson_again.changeable(plan)
    assert names and not {*names} & {*plan.differing(), "model", "base_url", "data", "workers", "recipe"}
    default = preset(plan.preset).as_dict()[names[0]]
    assert lesson_again.changed(plan, 3, names[0], default).seeds == (3, 4, 5)


# -- ask both ----------------------------------------------------------------------------------------------------------
def test_both_are_asked_and_asked_again(look: Callable[..., AppTest]) -> None:
    at = look(part="ask")
    at.button(key="ls_ask").click().run()
    said = text_of(at)
    assert "The untrained base" in said and "After round 2" in said
    assert len(re.findall(r"of 4 \(\d+ to \d+ %\)", said)) == 2 and "did its part" in said
    at.button(key="ls_ask").click().run()
    assert len(re.findall(r"of 8 \(\d+ to \d+ %\)", text_of(at))) == 2


def test_a_problem_of_ones_own_is_read_as_people_write_it(look: Callable[..., AppTest]) -> None:
    at = look(part="ask")
    at.button_group(key="ls_way").set_value("my own").run()
    field = at.text_input(key=f"ls_own_{demo.EXPERIMENT}")
    assert field.value == lesson_ask.EXAMPLE
    field.set_value("Train moves 31 m/s for 5 s. How fur?").run()
    assert "fur" in at.error[0].value and "nearest" in at.error[0].value
    assert not [b for b in at.button if b.key == "ls_ask"]
    field.set_value("Train moves 31 m/s for 5 s. How far?").run()
    at.button(key="ls_ask").click().run()
    assert "155 m" in text_of(at)
    field.set_value("how far?").run()
    assert "does not know the right answer" in text_of(at)
    at.button(key="ls_ask").click().run()
    assert re.search(r"\d of 4:", text_of(at)) and "right is" not in text_of(at)


def test_the_open_experiment_can_be_asked_instead(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    path = tmp_path / "lab.db"
    shutil.copy(demo.copy(folders=(cache / "sirius-lab",)), path)
    at = opened(path, "lesson", monkeypatch, part="ask", team="open", exp=demo.EXPERIMENT)
    assert at.button_group(key="ls_whose").value == "open"
    at.button(key="ls_ask").click().run()
    assert "After round 2" in text_of(at)
    at = opened(path, "overview", monkeypatch, exp=demo.EXPERIMENT)
    (link,) = [x.proto for x in at.get("page_link") if "Ask both" in x.proto.label]
    assert "part=ask" in link.query_string and "team=open" in link.query_string


def test_an_endpoint_is_asked_only_after_a_yes(look: Callable[..., AppTest], tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    look(part="ask")
    path = tmp_path / "lab.db"
    with Store(path) as store:
        e = act(store)
        store.experiments.set_settings(e.id, replace(e.settings, model="paid-model", base_url="http://127.0.0.1:9/v1"))
    at = opened(path, "lesson", monkeypatch, part="ask", team="open", exp=e.id)
    assert at.button(key="ls_ask").disabled
    assert at.toggle(key=f"ls_agree_{e.id}").label.endswith("each press makes about 24 calls")
    at.toggle(key=f"ls_agree_{e.id}").set_value(True).run()
    at.button(key="ls_ask").click().run()
    assert at.error and not at.exception  # nobody answers at that address


def test_every_table_and_figure_has_its_cell_after_it(walk: Callable[..., AppTest]) -> None:
    for step in ("5", "6"):
        kinds = [e.type for e in elements(walk(step=step).main)]
        drawn = [i for i, kind in enumerate(kinds) if kind in ("dataframe", "plotly_chart")]
        assert drawn and all(kinds[i + 1] == "popover" for i in drawn)


def test_a_measured_lesson_shows_its_curves(look: Callable[..., AppTest]) -> None:
    measured = [key for key in lessons.KEYS if lessons.get(key).measured]
    assert measured, "no lesson was measured"
    at = look(lesson=measured[0])
    at.radio(key=f"ls_vote_{measured[0]}").set_value(lessons.get(measured[0]).ahead).run()
    at.button(key="ls_reveal").click().run()
    found = {cell.key: cell for cell in cells(at)}
    assert {"lesson_learning", "lesson_arms"} <= found.keys()
    same_figure(found["lesson_learning"].beside, run(found["lesson_learning"]))
    same_table(found["lesson_arms"].beside.value, run(found["lesson_arms"]))
