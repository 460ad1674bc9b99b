"""The shipped checkpoints: they fit this code, are as good (and as bad) as their manifests say, and small."""

from __future__ import annotations

import pytest

from sirius_core.errors import UnknownName
from sirius_core.pocket import checkpoint, vocabulary
from sirius_core.pocket.grammar import draw
from sirius_core.pocket.measuring import TEAM, measure, play, reply
from sirius_core.pocket.pretraining import BASES, base, shape
from sirius_core.pocket.textbook import BOOKS

SAMPLED = {
    "misled": (0.20, 0.35),
    "novice": (0.01, 0.13),
    "fluent": (0.80, 1.0),
    "uncoached": (0.20, 0.35),
    "imitator": (0.20, 0.35),
    "panel": (0.28, 0.42),
}


@pytest.mark.parametrize("name", BASES)
def test_a_shipped_base_is_what_its_manifest_says(name: str) -> None:
    data = base(name)
    assert len(data) < 3_000_000
    weights, manifest = checkpoint.load(data)
    assert manifest["vocabulary"] == vocabulary.digest()
    assert manifest["base"]["name"] == name
    assert BOOKS[manifest["base"]["book"]].name == manifest["book"]["name"]
    low, high = SAMPLED[name]
    told = manifest["measured"]
    assert low <= told["sampled"]["accuracy"] <= high
    found = measure(weights, shape(), draw("heldout", "old", 150, 1))
    for mode in ("sampled", "greedy"):
        assert abs(found[mode] / found["n"] - told[mode]["accuracy"]) < 0.14  # about 3.4 standard errors at n = 150


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
