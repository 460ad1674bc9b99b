"""The review page without a browser: one repair per screen, decided by key, without a wrong key costing anything."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from actors import act
from app_pages import button, notice, opened, text_of
from streamlit.testing.v1 import AppTest

from sirius_core import review
from sirius_core.review import Item
from sirius_core.store import Store

EXP = "tiny-0-1"
Go = Callable[..., AppTest]


@pytest.fixture(scope="session")
def paused_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round that waits for decisions: nothing blind, planted ones among the others."""
    path = tmp_path_factory.mktemp("review") / "paused.db"
    with Store(path) as store:
        act(store, review=True, blind=0.0, planted=0.2, controls=0, problems=32)
    return path


@pytest.fixture
def db(paused_db: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(paused_db, tmp_path / "lab.db"))


@pytest.fixture
def go(db: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Go]:
    """The review page on a copy of that database, after its first run; nothing is launched."""
    launched: list[str] = []
    monkeypatch.setattr("view.lab.launch", launched.append)

    def page(**query: str) -> AppTest:
        return opened(db, "review", monkeypatch, exp=EXP, **query)

    page.launched = launched  # type: ignore[attr-defined]
    yield page


def queue(db: Path) -> list[Item]:
    with Store(db) as store:
        return review.items(store, EXP, 1)


def verdicts(db: Path) -> dict[str, str]:
    return {i.id: i.decision.verdict for i in queue(db) if i.decision is not None}


def one_of(db: Path, *, planted: bool = False, kind: str = "mended") -> Item:
    return next(i for i in queue(db) if i.kind == kind and i.planted == planted and i.decision is None)


def seen(at: AppTest) -> str:
    """What is in view, and that it has been there for longer than the guard asks."""
    item = str(at.session_state["rv_shown"][0])
    at.session_state["rv_shown"] = (item, time.monotonic() - 5)
    return item


def press(at: AppTest, key: str) -> AppTest:
    """A button, by a person who has looked at what is in view."""
    seen(at)
    button(at, key).click().run()
    assert not at.exception, [e.message for e in at.exception]
    return at


# -- decide ----------------------------------------------------------------------------------------------------------
def test_accept_reject_undo_skip_and_back(go: Go, db: Path) -> None:
    item = one_of(db)
    at = go(rv=item.id)
    button(at, "accept").click().run()
    assert verdicts(db) == {}, "a key within the first third of a second decides nothing"
    press(at, "accept")
    assert verdicts(db) == {item.id: "accept"}
    second = press(at, "skip") and seen(at)
    assert second != item.id
    press(at, "reject")
    assert verdicts(db) == {item.id: "accept", second: "reject"}
    assert "2 of" in str(at.get("progress")[0].proto) and "1 skipped" in str(at.get("progress")[0].proto)
    third = seen(at)
    press(at, "back")
    assert seen(at) == second and button(at, "skip").label == "Next" and button(at, "accept").disabled
    press(at, "undo")
    assert verdicts(db) == {item.id: "accept"} and seen(at) == second
    press(at, "undo")  # one more takes back the one before
    assert verdicts(db) == {} and seen(at) == item.id
    press(at, "skip")
    assert seen(at) != item.id and third and not at.error


def test_the_queue_comes_in_order_of_value_and_says_why(go: Go, db: Path) -> None:
    found = queue(db)
    at = go()
    assert seen(at) == found[0].id and found[0].kind == "not mended"
    assert button(at, "accept").disabled and not button(at, "reject").disabled
    badge = next(m for m in at.markdown if "not mended" in m.value)
    assert found[0].why.rstrip(".") in str(badge.proto).replace("\\\\", "") or badge


def test_a_decision_for_what_left_the_screen_is_dropped(go: Go, db: Path) -> None:
    at = go(rv=one_of(db).id)
    at.session_state["rv_shown"] = ("another", time.monotonic() - 5)
    button(at, "accept").click().run()
    assert verdicts(db) == {}


def test_a_key_that_came_too_early_begins_the_wait_anew(go: Go, db: Path) -> None:
    at = go(rv=one_of(db).id)
    before = at.session_state["rv_shown"][1]
    button(at, "accept").click().run()
    assert at.session_state["rv_shown"][1] > before and verdicts(db) == {}


def test_a_press_on_the_screen_before_begins_the_wait_anew(go: Go, db: Path) -> None:
    """The server hears of no button then: all that comes of the press is that the page is drawn again."""
    at = go(rv=one_of(db).id)
    name = at.session_state["rv_shown"][0]
    for ago, moves in ((-60.0, True), (60.0, False)):  # however slow this machine is
        at.session_state["rv_shown"] = (name, since := time.monotonic() - ago)
        at.run()
        assert (at.session_state["rv_shown"][1] != since) is moves


def test_what_another_window_has_decided_is_not_decided_twice(go: Go, db: Path) -> None:
    item = one_of(db)
    at = go(rv=item.id)
    at.text_area(key=f"edit_{item.id}").set_value("1 + 1").run()
    with Store(db) as store:
        review.decide(store, item.id, "reject", "Ann")
    press(at, "accept")
    assert "Ann has decided this meanwhile: reject" in notice(at) and "Your text is kept" in notice(at)
    assert verdicts(db) == {item.id: "reject"} and seen(at) != item.id
    press(at, "back")
    assert "Decided by Ann: reject" in at.info[0].value.replace("\\", "")
    press(at, "undo")
    assert at.text_area(key=f"edit_{item.id}").value == "1 + 1"
    other = go(rv=one_of(db).id)  # a window in which nothing was typed
    with Store(db) as store:
        review.decide(store, str(other.session_state["rv_shown"][0]), "reject", "Ann")
    press(other, "reject")
    assert notice(other) == "Ann has decided this meanwhile: reject; undo that to decide again."


def test_a_reason_is_set_by_a_key_and_decides_nothing(go: Go, db: Path) -> None:
    item = one_of(db)
    at = go(rv=item.id)
    press(at, "reason_2")
    press(at, "reason_2")
    press(at, "reason_3")
    assert verdicts(db) == {} and at.button(key="reason_3").icon
    press(at, "reject")
    with Store(db) as store:
        assert store.repairs.decisions(EXP, 1)[item.id].reason == review.REASONS[2]


def test_a_flag_is_raised_and_taken_away_and_decides_nothing(go: Go, db: Path) -> None:
    item = one_of(db)
    at = go(rv=item.id)
    press(at, "flag")
    assert next(i for i in queue(db) if i.id == item.id).flagged and button(at, "flag").label == "Unflag"
    press(at, "flag")
    assert not any(i.flagged for i in queue(db)) and seen(at) == item.id and verdicts(db) == {}


def test_the_critique_names_the_model_of_an_endpoint(go: Go, db: Path) -> None:
    item = one_of(db)
    assert "**What the critic says**\n" in text_of(go(rv=item.id)) + "\n"
    with Store(db) as store:
        settings = store.experiments.get(item.experiment).settings
        store.experiments.set_settings(item.experiment, settings.changed({"model": "a-4_mini"}))
    assert "**What the critic says** (a\\-4\\_mini)" in text_of(go(rv=item.id))


# -- edit ------------------------------------------------------------------------------------------------------------
def right_edit(at: AppTest, item: str) -> None:
    """Try what stands in the box until what follows comes out right."""
    for _ in range(12):
        at.button(key="try").click().run()
        assert not at.exception and not at.error
        if not button(at, "save").disabled:
            return
    pytest.fail("no draw of this text came out right")


def acting(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits are played by the machine that acts, as the whole experiment was."""
    from contextlib import nullcontext

    from actors import ActingMachine

    from sirius_core import recipes
    from sirius_core.evaluate import voices_for

    def spoken(store: Store, e: Any, round: int) -> Any:
        machine, recipe = ActingMachine(e), recipes.get(e.settings)
        voices = voices_for({"*": machine.model("base", machine.base())}, e.settings, recipe.team, "repair")
        return nullcontext({"team": recipe.team, "judge": recipe.judge, "voices": voices})

    monkeypatch.setattr("view.trial._spoken", spoken)


def test_an_edit_shows_where_it_leads_before_it_is_saved(go: Go, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acting(db, monkeypatch)
    item = one_of(db)
    at = go(rv=item.id)
    assert at.button(key="try").proto.shortcut and not button(at, "save").proto.shortcut
    right_edit(at, item.id)
    assert "Your text, played again" in text_of(at)
    assert button(at, "save").proto.shortcut and not at.button(key="try").proto.shortcut
    button(at, "save").click().run()
    assert verdicts(db) == {}, "where it leads must have been in view"
    press(at, "save")
    assert verdicts(db) == {item.id: "edit"}


def test_the_critique_may_be_edited_and_the_role_rewrites(go: Go, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acting(db, monkeypatch)
    item = one_of(db)
    at = go(rv=item.id)
    at.button_group(key=f"what_{item.id}_0").set_value("the critique").run()
    with Store(db) as store:
        assert at.text_area(key=f"advice_{item.id}").value == store.repairs.get(item.id).feedback
    right_edit(at, item.id)
    assert "rewrite on your critique, played again" in text_of(at)
    press(at, "save")
    assert verdicts(db) == {item.id: "edit"}
    with Store(db) as store:
        decision = store.repairs.decisions(EXP, 1)[item.id]
        made = store.repairs.of_replay(decision.replay or "")
        assert [(r.critic, r.rephrased) for r in made] == [("person", decision.text)]


def test_unknown_words_in_an_edit_are_named(go: Go) -> None:
    at = go()
    at.text_area[0].set_value("371 zorgs")
    at.button(key="try").click().run()
    assert "zorgs" in at.error[0].value and button(at, "save").disabled


def test_what_is_typed_stays_with_its_item(go: Go, db: Path) -> None:
    at = go()
    first = seen(at)
    at.text_area[0].set_value("371 - 35").run()
    assert at.text_area[0].value == "371 - 35"
    press(at, "skip")
    assert at.text_area[0].value != "371 - 35"
    press(at, "back")
    assert seen(at) == first and at.text_area[0].value == "371 - 35"


# -- against automation bias -----------------------------------------------------------------------------------------
def test_a_blind_one_is_judged_before_it_is_shown(go: Go, db: Path) -> None:
    with Store(db) as store:
        store.db.run("UPDATE experiment SET settings = json_set(settings, '$.blind', 1.0)")
    item = one_of(db)
    with Store(db) as store:
        repair = store.repairs.get(item.repair)
    at = go(rv=item.id)
    said = text_of(at)
    assert "Where did it go wrong?" in said and "What the critic says" not in said and "Played on" not in said
    assert "<del>" not in said and "<ins>" not in said and "reason_1" not in [b.key for b in at.button]
    assert not any(item.kind in m.value for m in at.markdown) and not at.text_area
    assert all(button(at, key).disabled for key in ("accept", "save", "reject"))
    assert repair.turn is not None
    press(at, f"blame_{repair.turn + 1}")
    assert seen(at) == item.id and not button(at, "accept").disabled
    assert "You and the critic agree" in text_of(at) and "What the critic says" in text_of(at)
    with Store(db) as store:
        assert review.blind_agreement(store, EXP) == {"a person": (1, 1)}


def test_a_planted_one_looks_like_the_others_and_is_told_afterwards(go: Go, db: Path) -> None:
    item = one_of(db, planted=True)
    like = one_of(db)
    at = go(rv=item.id)

    def face(at: AppTest) -> list[Any]:
        buttons = [(str(b.key).partition("_of_")[0], b.label, b.disabled) for b in at.button]
        return [*buttons, *(e.label for e in at.expander)]

    assert face(at) == face(go(rv=like.id))
    assert "planted" not in text_of(at).replace(str(db), "").lower()
    at = go(rv=item.id)
    press(at, "accept")
    assert "That one was planted" in text_of(at) and "You let it through" in text_of(at)
    assert verdicts(db) == {item.id: "accept"}
    with Store(db) as store:
        assert store.repairs.decisions(EXP, 1) == {} and review.catches(store, EXP) == {"a person": (0, 1)}
    press(at, "undo")
    assert "That one was planted" not in text_of(at) and verdicts(db) == {}
    press(at, "reject")
    assert "your first decision of it counts" in text_of(at) and "You caught it" not in text_of(at)
    with Store(db) as store:
        review.decide(store, next(i.id for i in queue(db) if i.planted and i.id != item.id), "reject", "a person")
    at.session_state["pop_doing"] = True
    said = text_of(at.run())
    assert "planted ones caught" in said and "1 of 2 (9 to 91 %)" in said and "Seconds on the screen" in said


# -- the queue -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("wanted, kind", [("not mended", "not mended"), ("the rest", "mended")])
def test_a_filter_keeps_what_fits(go: Go, db: Path, wanted: str, kind: str) -> None:
    at = go()
    at.query_params["rv_filter"] = wanted
    at.run()
    shown = seen(at)
    assert next(i for i in queue(db) if i.id == shown).kind == kind


def test_a_filter_that_keeps_nothing_says_so(go: Go) -> None:
    at = go()
    at.query_params["rv_filter"] = "flagged"
    at.run()
    assert "Nothing that waits is “flagged”" in text_of(at)
    at.button(key="show_all").click().run()
    assert button(at, "accept")


def test_many_are_accepted_together_after_a_look_and_taken_back_together(go: Go, db: Path) -> None:
    at = go()
    assert "bulk" not in [b.key for b in at.button], "only a filtered set can be accepted together"
    at.query_params["rv_filter"] = "the rest"
    at.run()
    wanted = [i.id for i in queue(db) if i.kind in ("mended", "sent", "imported")]
    at.button(key="bulk").click().run()
    assert f"Accept {len(wanted)} repairs together" in text_of(at) and verdicts(db) == {}
    assert all(not b.proto.shortcut for b in at.button), "no key accepts many"
    at.button(key="bulk_accept").click().run()
    assert verdicts(db) == dict.fromkeys(wanted, "accept")
    at.button(key="bulk_undo").click().run()
    assert verdicts(db) == {}


def test_who_gave_a_name_keeps_an_item_for_a_while(go: Go, db: Path) -> None:
    item = one_of(db)
    with Store(db) as store:
        store.people.lease(item.id, "Ann", 300)
    at = go()
    at.session_state["rv_author"] = "Bob"
    at.query_params["rv_filter"] = "the rest"
    at.run()
    assert seen(at) != item.id
    with Store(db) as store:
        assert store.people.leases()[seen(at)] == "Bob"
    at = go(rv=item.id)
    assert "Ann looks" not in text_of(at)
    at.session_state["rv_author"] = "Bob"
    at.run()
    assert "Ann looks at this one now" in text_of(at) and not button(at, "accept").disabled


# -- traces from elsewhere -------------------------------------------------------------------------------------------
def test_an_imported_trace_is_edited_and_judged_by_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sirius_core.imports import take

    file, path = tmp_path / "traces.jsonl", tmp_path / "imported.db"
    said = [{"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "Answer: 6"}]
    file.write_text(json.dumps({"messages": said, "answer": "5"}), "utf-8")
    with Store(path) as store:
        experiment = take(store, file).experiment
    at = opened(path, "review", monkeypatch, exp=experiment)
    item = seen(at)
    assert button(at, "accept").disabled and "what_" not in str([b.key for b in at.get("button_group")])
    at.text_area[0].set_value("Answer: 5")
    at.button(key="try").click().run()
    press(at, "save")
    with Store(path) as store:
        assert store.repairs.decisions(experiment, 0)[item].text == "Answer: 5"
    assert "Nothing of this import waits" in text_of(at) and "im_make" in [b.key for b in at.button]


# -- the end of a round ----------------------------------------------------------------------------------------------
def test_the_last_decision_can_be_taken_back_before_the_round_goes_on(
    go: Go, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = one_of(db)
    with Store(db) as store:
        for item in review.waiting(store, EXP, 1):
            if item.id != last.id:
                review.decide(store, item.id, "reject", "a test")
    at = go(rv=last.id)
    press(at, "reject")
    assert "goes on by itself in" in text_of(at) and go.launched == []  # type: ignore[attr-defined]
    button(at, "undo").click().run()
    assert seen(at) == last.id and last.id not in verdicts(db)
    press(at, "reject")
    at.session_state["rv_over"] = (EXP, 1, time.monotonic() - 1)
    at.run()
    assert go.launched == [EXP]  # type: ignore[attr-defined]


def test_a_later_visit_lets_a_decided_round_go_on_by_a_button_alone(go: Go, db: Path) -> None:
    with Store(db) as store:
        for item in review.waiting(store, EXP, 1):
            review.decide(store, item.id, "reject", "a test")
    at = go()
    assert "by itself" not in text_of(at) and go.launched == []  # type: ignore[attr-defined]
    at.button(key="on").click().run()
    assert go.launched == [EXP]  # type: ignore[attr-defined]


# -- keys ------------------------------------------------------------------------------------------------------------
def keys_of(at: AppTest) -> Counter[str]:
    return Counter(b.proto.shortcut for b in at.button if b.proto.shortcut)


def test_no_two_buttons_share_a_key_whatever_the_state(go: Go, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acting(db, monkeypatch)
    item = one_of(db)
    at, found = go(rv=item.id), []
    found.append(keys_of(at))
    right_edit(at, item.id)
    found.append(keys_of(at))
    at.button_group(key=f"what_{item.id}_0").set_value("the critique").run()
    found.append(keys_of(at))
    press(at, "reject")
    found.append(keys_of(at))
    press(at, "back")
    found.append(keys_of(at))
    with Store(db) as store:
        store.db.run("UPDATE experiment SET settings = json_set(settings, '$.blind', 1.0)")
    found.append(keys_of(go()))
    assert all(max(keys.values()) == 1 for keys in found), found
    assert not any("c" in keys or "r" in keys for keys in found)


@pytest.mark.parametrize("popover", ["pop_queue", "pop_last", "pop_doing", "pop_keys", "copy_evidence"])
def test_while_a_box_is_open_no_key_does_anything(go: Go, db: Path, popover: str) -> None:
    at = go(rv=one_of(db).id)
    press(at, "reject")
    at.session_state[popover] = True
    at.run()
    assert all(b.disabled for b in at.button if b.proto.shortcut)
    at.session_state[popover] = False
    at.run()
    assert not all(b.disabled for b in at.button if b.proto.shortcut)
