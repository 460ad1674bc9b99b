"""A recipe says how a team improves itself: who plays, what counts, what is mended, kept and trained. Forty lines each.

A recipe file has one function, ``recipe(settings) -> Recipe``. `RECIPES` names those that ship; ``get`` also takes the
path of a person's own file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ..errors import UnknownName, UsageError
from ..repair import Repairer
from ..rewards import Judge, right
from ..settings import Settings
from ..teams import Team
from ..training import ModelOf, Select, by_frequency
from ..trajectories import Turn


def each_role(turn: Turn) -> str:
    """One set of weights per role."""
    return turn.role


def each_seat(turn: Turn) -> str:
    """One set of weights per role and seat (2N models)."""
    return f"{turn.role}/{turn.seat}"


def all_in_one(turn: Turn) -> str:
    """One shared model."""
    return "*"


@dataclass(frozen=True)
class Recipe:
    """propose (``team``, settings.max_solutions tries), ``judge``, ``repair`` (None: failures stay failures),
    ``select`` (the library to examples), update (``model_of``: whose weights an example trains)."""

    name: str
    team: Team
    judge: Judge = right
    repair: Repairer | None = None
    select: Select = by_frequency
    model_of: ModelOf = each_role
    source: str = "formulas"


RECIPES = {
    "sirius": "sirius",
    "star": "star",
    "star_rationalised": "star_rationalised",
    "multiagent_finetuning": "multiagent_finetuning",
    "placebo": "placebo",
}


def get(settings: Settings) -> Recipe:
    """The recipe that ``settings.recipe`` names, made with these settings."""
    name = settings.recipe
    if name.endswith(".py"):
        return _from_file(Path(name))(settings)
    if name not in RECIPES:
        raise UnknownName("recipe", name, RECIPES)
    made: Recipe = import_module(f"{__name__}.{RECIPES[name]}").recipe(settings)
    return made


def _from_file(path: Path) -> Callable[[Settings], Recipe]:
    if not path.is_file():
        raise UsageError(f"there is no recipe file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "recipe"):
        raise UsageError(f"{path} has no function recipe(settings)")
    made: Callable[[Settings], Recipe] = module.recipe
    return made
