"""What a contrast compares: two or more arms that differ in stated settings or recipe files, seeds, an equal budget.

A plan is written as a TOML file:

    question = "Does the critic teach more than playing again?"
    preset = "contrast"            # where the settings start
    seeds = 5                      # or a list: [0, 1, 2]
    equal = "calls"                # calls, tokens, examples, steps; "" holds nothing equal
    [settings]                     # for all arms
    max_solutions = 4
    [arms.critic]                  # the first arm sets the measure where a budget is held equal
    critic = "gold"
    [arms."play again"]
    critic = "none"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..settings import FIELDS, PRESETS, Settings, preset
from .first_look import Arm

EQUAL = ("", "calls", "tokens", "examples", "steps")
"""What may be held equal in the rounds of all arms: nothing, or what the first arm used with the same seed."""
HELD = {"calls": "round_calls", "tokens": "round_tokens", "examples": "examples", "steps": "steps"}
"""The setting with which an arm is held to a budget."""
MOST_ARMS, MOST_SEEDS = 16, 100
MOST_NAME = 60
"""So long may the name of an arm be in a file and on a page: it stands in tables, legends and sentences."""
_KNOWN = ("name", "question", "preset", "seeds", "equal", "settings", "arms")


@dataclass(frozen=True)
class Plan:
    """A contrast before it begins. ``settings`` are changes of the preset for all arms; arms keep their order."""

    name: str
    arms: tuple[Arm, ...]
    question: str = ""
    preset: str = "contrast"
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    equal: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    lesson: str = ""

    def __post_init__(self) -> None:
        if len(self.arms) < 2:
            raise UsageError(f"a contrast needs two arms or more, not {len(self.arms)}")
        if len(self.arms) > MOST_ARMS:
            raise UsageError(f"a contrast has at most {MOST_ARMS} arms, not {len(self.arms)}")
        if not 1 <= len(self.seeds) <= MOST_SEEDS:
            raise UsageError(f"a contrast has 1 to {MOST_SEEDS} seeds, not {len(self.seeds)}")
        names = [arm.name for arm in self.arms]
        if not all(name.strip() for name in names):  # a prediction without a name says "no difference"
            raise UsageError("every arm needs a name")
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise UsageError(f"two arms are called {twice[0]!r}: give each a name of its own")
        if len(set(self.seeds)) < len(self.seeds):
            raise UsageError(f"a seed stands twice in {list(self.seeds)}")
        if self.equal not in EQUAL:
            raise UsageError(f"equal={self.equal!r}: choose one of {', '.join(filter(None, EQUAL))}, or leave it empty")
        for arm in self.arms:
            self.settings_of(arm)  # names and ranges, said before anything begins
            if self.equal and HELD[self.equal] in {**self.settings, **arm.changes}:
                raise UsageError(f"arm {arm.name!r} sets {HELD[self.equal]}, which equal={self.equal!r} decides")

    def settings_of(self, arm: Arm) -> Settings:
        """An arm's settings before any budget is held equal."""
        return preset(self.preset, self.settings).changed(arm.changes)

    def differing(self) -> list[str]:
        """The settings in which arms differ, in the order of the settings."""
        made = [self.settings_of(arm).as_dict() for arm in self.arms]
        return [name for name in FIELDS if len({repr(s[name]) for s in made}) > 1]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "seeds": list(self.seeds), "arms": {a.name: dict(a.changes) for a in self.arms}}


def from_dict(made: Mapping[str, Any]) -> Plan:
    """The plan of `Plan.as_dict`."""
    arms = tuple(Arm(name, changes) for name, changes in made["arms"].items())
    return Plan(**{**made, "arms": arms, "seeds": tuple(made["seeds"])})


def read(path: str | os.PathLike[str]) -> Plan:
    """The plan in a TOML file; a recipe file that an arm names is found beside it. UsageError for what is wrong."""
    file = Path(path).expanduser()
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the contrast {str(path)!r}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the contrast {str(path)!r} is no TOML file: {error}") from None
    return parsed(found, file.stem, file.parent, str(path))


def parsed(found: Mapping[str, Any], name: str, folder: Path, where: str, more: Sequence[str] = ()) -> Plan:
    """A plan from what a TOML file holds; ``more`` names further keys that may stand in it."""
    if unknown := sorted(set(found) - {*_KNOWN, *more}):
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join((*_KNOWN, *more))}")
    arms, settings = found.get("arms", {}), found.get("settings", {})
    if not isinstance(arms, dict) or not all(isinstance(changes, dict) for changes in arms.values()):
        raise UsageError(f"{where}: arms are tables of settings, [arms.NAME]")
    if not isinstance(settings, dict):
        raise UsageError(f"{where}: settings are a table, [settings]")
    for text in ("name", "question"):
        if not isinstance(found.get(text, ""), str):
            raise UsageError(f"{where}: {text}={found[text]!r}: a text is needed")
    if unfit := next(filter(None, map(unfit_name, arms)), ""):
        raise UsageError(f"{where}: {unfit}")
    start = found.get("preset", "contrast")
    if not isinstance(start, str) or start not in PRESETS:
        raise UsageError(f"{where}: there is no preset {start!r}; known are {', '.join(PRESETS)}")
    try:
        return Plan(found.get("name", name), tuple(Arm(n, _found(c, folder)) for n, c in arms.items()),
                    found.get("question", ""), start, seeds_of(found.get("seeds", 5)), found.get("equal", ""),
                    _found(settings, folder))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def unfit_name(arm: str) -> str:
    """What is wrong with the name of an arm that a person gives; "" for a good one."""
    if not arm.strip():
        return "every arm needs a name"
    if len(arm) > MOST_NAME or not arm.isprintable():  # neither a new line nor a sign that turns the direction
        return f"the arm {arm[:MOST_NAME]!r}: a name is one line of at most {MOST_NAME} characters that can be seen"
    return ""


def seeds_of(said: Any) -> tuple[int, ...]:
    """``5`` is 0 to 4; a list is itself."""
    if isinstance(said, bool) or not isinstance(said, (int, list)):
        raise UsageError(f"seeds={said!r}: a number of seeds, or a list of them")
    if isinstance(said, int):
        if not 1 <= said <= MOST_SEEDS:
            raise UsageError(f"a contrast has 1 to {MOST_SEEDS} seeds, not {said}")
        return tuple(range(said))
    seeds = said
    if not all(isinstance(s, int) and not isinstance(s, bool) and abs(s) < 2**63 for s in seeds):
        raise UsageError(f"seeds={said!r}: whole numbers below 2**63 are needed")
    return tuple(seeds)


def _found(changes: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Recipe and data files beside the plan, by their whole path."""
    made = dict(changes)
    for name in ("recipe", "data"):
        said = made.get(name)
        if isinstance(said, str) and (name == "data" or said.endswith(".py")) and (folder / said).exists() and said:
            made[name] = str((folder / said).resolve())
    return made
