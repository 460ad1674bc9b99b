"""Every setting has an explanation and a range that holds; every preset is valid; every refusal is one clear line."""

from __future__ import annotations

import dataclasses
import json
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirius_core import recipes
from sirius_core.errors import UnknownName, UsageError
from sirius_core.settings import FIELDS, PRESETS, Settings, preset

TYPES = get_type_hints(Settings)
NUMBERS = [name for name in FIELDS if TYPES[name] in (int, float)]
WHOLE = [name for name in FIELDS if TYPES[name] is int]
CLOSED = [name for name in FIELDS if FIELDS[name].metadata["choices"]]


def refused(changes: dict, *parts: str) -> None:
    """`Settings.changed` refuses with one line that holds every part."""
    with pytest.raises(UsageError) as caught:
        Settings().changed(changes)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 200 and all(part in line for part in parts), line
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_says_what_it_is_and_its_default_is_valid(name: str) -> None:
    meta, default = FIELDS[name].metadata, FIELDS[name].default
    groups = ("run", "repair", "debate", "training", "evaluation", "data", "games", "endpoint", "machine")
    assert meta["help"].endswith(".") and meta["group"] in groups
    assert type(default) is TYPES[name]
    assert Settings().changed({name: default}) == Settings() == Settings().changed({name: str(default)})
    if TYPES[name] in (int, float):
        assert meta["low"] <= default <= meta["high"]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_keeps_to_its_range(name: str) -> None:
    low, high, kind = FIELDS[name].metadata["low"], FIELDS[name].metadata["high"], TYPES[name]
    for edge in (low, high):
        assert getattr(Settings().changed({name: edge}), name) == kind(edge)
        assert type(getattr(Settings().changed({name: str(edge)}), name)) is kind
    for beyond in (low - 1, high + 1, float("inf"), float("-inf"), float("nan"), "1e999", "9" * 5000):
        refused({name: beyond}, f"setting {name}=")
    for nonsense in ("", "many", None, [3], {}, True, "0x10"):
        refused({name: nonsense}, f"setting {name}=", "number")


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_is_never_rounded(name: str) -> None:
    middle = FIELDS[name].default
    refused({name: middle + 0.5}, f"setting {name}=", "a whole number is needed")
    refused({name: f"{middle}.0"}, "a whole number is needed")
    assert getattr(Settings().changed({name: float(middle)}), name) == middle


@pytest.mark.parametrize("name", CLOSED)
def test_a_choice_is_one_of_its_choices(name: str) -> None:
    for choice in FIELDS[name].metadata["choices"]:
        assert getattr(Settings().changed({name: choice}), name) == choice
    for other in ("", "Gold ", "nothing"):
        refused({name: other}, f"setting {name}=", *FIELDS[name].metadata["choices"])
    refused({name: [FIELDS[name].default]}, "a text is needed")


@pytest.mark.parametrize("name", ["review", "gate"])
def test_a_switch_reads_the_usual_words(name: str) -> None:
    for word, value in (("true", True), ("Yes", True), ("on", True), (1, True), (True, True),
                        ("FALSE", False), ("no", False), ("off", False), ("0", False), (False, False)):
        assert getattr(Settings().changed({name: word}), name) is value
    for word in ("", "maybe", 2, None, "truefalse"):
        refused({name: word}, f"setting {name}=", "use true or false")


def test_examples_per_round_are_whole_numbers_above_0() -> None:
    assert [Settings().changed({"examples": "620, 800"}).examples_in(n) for n in (1, 2, 3)] == [620, 800, 800]
    assert Settings().examples_in(1) is None and Settings().changed({"examples": " , "}).examples_in(1) is None
    for wrong in ("0", "620,-1", "six", "²", "1.5", "620;800", "1000001", 620):
        refused({"examples": wrong}, "setting examples=")


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match="there is no setting 'round'; did you mean 'rounds'"):
        Settings().changed({"round": 2})
    with pytest.raises(UnknownName, match="there is no preset 'quickstrat'; did you mean 'quickstart'"):
        preset("quickstrat")
    with pytest.raises(UnknownName, match="there is no learning role 'analist'; did you mean 'analyst'"):
        recipes.get(Settings().changed({"train_roles": "analist"}))
    for recipe, role in (("sirius", "critic"), ("sirius", "solo"), ("star", "analyst")):  # they would train nothing
        with pytest.raises(UnknownName, match="there is no learning role"):
            recipes.get(Settings().changed({"recipe": recipe, "train_roles": role}))
    with pytest.raises(UnknownName, match="known:"):
        recipes.get(Settings().changed({"recipe": ""}))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_can_be_carried_out(name: str) -> None:
    chosen = preset(name)
    assert Settings().changed(chosen.as_dict()) == chosen
    assert {k: getattr(chosen, k) for k in PRESETS[name]} == PRESETS[name]
    assert Settings().changed(json.loads(json.dumps(chosen.as_dict()))) == chosen
    assert recipes.get(chosen).name == chosen.recipe
    assert preset(name, {"rounds": "3"}) == dataclasses.replace(chosen, rounds=3)


def test_a_threshold_that_no_reward_exceeds_is_refused() -> None:
    with pytest.raises(UsageError, match="between"):
        Settings().changed({"threshold": 1})


def test_settings_are_frozen_and_a_change_makes_new_ones() -> None:
    before = Settings()
    assert before.changed({"rounds": 1}) != before == Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.rounds = 1  # type: ignore[misc]


@given(st.sampled_from(sorted(FIELDS)), st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2),
    st.binary(max_size=3)))
def test_whatever_is_handed_over_becomes_valid_settings_or_one_line(name: str, value: object) -> None:
    try:
        made = Settings().changed({name: value})
    except UsageError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert type(getattr(made, name)) is TYPES[name] and made.changed({}) == made
