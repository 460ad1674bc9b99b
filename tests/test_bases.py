"""The shipped checkpoints: they fit this code, are as good (and as bad) as their manifests say, and small."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from sirius_core.errors import UnknownName
from sirius_core.pocket import checkpoint, vocabulary
from sirius_core.pocket.grammar import draw
from sirius_core.pocket.measuring import TEAM, measure_games, play, reply
from sirius_core.pocket.pretraining import BASES, base, shape, yardstick
from sirius_core.pocket.textbook import BOOKS

SAMPLED = {
    "misled": (0.20, 0.35),
    "novice": (0.01, 0.13),
    "fluent": (0.80, 1.0),
    "uncoached": (0.20, 0.35),
    "imitator": (0.20, 0.35),
    "panel": (0.28, 0.42),
    "sceptic": (0.25, 0.40),
}


@pytest.mark.parametrize("name", [name for name in BASES if name != "trader"])
def test_a_shipped_base_is_what_its_manifest_says(name: str) -> None:
    data = base(name)
    assert len(data) < 3_000_000
    weights, manifest = checkpoint.load(data)
    assert manifest["vocabulary"] == vocabulary.digest(shape(name).vocab)
    assert manifest["base"]["name"] == name
    assert BOOKS[manifest["base"]["book"]].name == manifest["book"]["name"]
    low, high = SAMPLED[name]
    told = manifest["measured"]
    assert low <= told["sampled"]["accuracy"] <= high
    found = yardstick(name)(weights, shape(name), draw("heldout", "old", 150, 1), 0)
    for mode in ("sampled", "greedy"):
        assert abs(found[mode] / found["n"] - told[mode]["accuracy"]) < 0.14  # about 3.4 standard errors at n = 150


def test_the_base_that_judges_has_everything_to_learn_but_its_form() -> None:
    """Nearly every reply can be read; its judge is little better than a coin, and revising gains next to nothing."""
    manifest = checkpoint.load(base("sceptic"))[1]
    assert manifest["book"] == json.loads(json.dumps(asdict(BOOKS["sceptic"])))
    assert manifest["start"] == checkpoint.digest(base("panel"))
    told = manifest["measured"]["counts"]
    right, wrong = told["sampled"], told["n"] - told["sampled"]
    assert told["unread"] <= 0.02 * told["n"] and told["lucky"] <= 0.05 * right
    assert 0.5 < (told["passed_right"] / right + 1 - told["passed_wrong"] / wrong) / 2 < 0.6
    assert abs(told["final"] - right) < 0.04 * told["n"] and told["spoilt"] > 0.2 * right


def test_the_base_that_negotiates_is_what_its_manifest_says() -> None:
    """Deals in about four games of five, about even; hardly a text that is no legal move; few deals at a loss."""
    weights, manifest = checkpoint.load(base("trader"))
    assert manifest["vocabulary"] == vocabulary.digest(shape("trader").vocab)
    assert manifest["book"]["name"] == "bargains" and manifest["base"] == {
        key: value for key, value in asdict(BASES["trader"]).items() if key not in ("words", "context")}
    told, found = manifest["measured"]["games"], measure_games(weights, shape("trader"), 100, 1)
    for game, record in told.items():
        assert record["n"] == 500 and record["invalid_rate"] < 0.03
        assert 0.6 < record["deal_rate"] < 0.9
        assert abs(found[game]["deal_rate"] - record["deal_rate"]) < 0.15
    assert sum(told["sell_and_buy"]["losses"]) < 0.15 * told["sell_and_buy"]["deals"]
    seller, buyer = told["sell_and_buy"]["payoffs"]
    assert 0.6 < seller / buyer < 1.6


def test_the_default_base_has_room_to_grow() -> None:
    _, manifest = checkpoint.load(base("misled"))
    assert manifest["measured"]["greedy"]["accuracy"] <= 0.5


def test_playing_is_repeatable_and_a_missing_turn_stays_missing() -> None:
    weights, _ = checkpoint.load(base("misled"))
    problems = draw("validation", "new", 20, 0)
    team = dict.fromkeys(TEAM, weights)
    first = play(team, shape(), problems, 1.0, 5)
    assert first == play(team, shape(), problems, 1.0, 5) != play(team, shape(), problems, 1.0, 6)
    assert reply(weights, shape(), "calculator", [None, "@calculator 3 * 2 =>"], 0.0, 0)[0] == ""
    assert all(played.steps == "" for played in first if not played.plan)


def test_an_unknown_base_is_named() -> None:
    with pytest.raises(UnknownName, match="misled"):
        base("misleading")
