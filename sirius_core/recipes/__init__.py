"""A recipe says how a team improves itself: who plays, what counts, what is mended, kept and trained. Forty lines each.

A recipe file has one function, ``recipe(settings) -> Recipe``. `RECIPES` names those that ship; ``get`` also takes the
path of a person's own file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from .. import teams
from ..errors import SiriusError, UnknownName, UsageError
from ..repair import OwnRevision, Repairer
from ..rewards import VERIFIERS, Judge, right
from ..settings import Settings
from ..teams import Team
from ..teams import debate as debating  # a recipe of this package is called debate
from ..training import ModelOf, Select, by_frequency
from ..trajectories import Trajectory, Turn


def each_role(turn: Turn) -> str:
    """One set of weights per role."""
    return turn.role


def each_seat(turn: Turn) -> str:
    """One set of weights per role and seat (2N models)."""
    return f"{turn.role}/{turn.seat}"


def all_in_one(turn: Turn) -> str:
    """One shared model."""
    return "*"


Mends = Callable[[Trajectory, float], bool]


def failed(trajectory: Trajectory, threshold: float) -> bool:
    """What earned too little (Algorithm 2: R_i <= epsilon)."""
    return not trajectory.earned(threshold)


@dataclass(frozen=True)
class Recipe:
    """propose (``team``, settings.max_solutions tries), ``judge``, ``repair`` (None: failures stay failures),
    ``select`` (the library to examples), update (``model_of``: whose weights an example trains).

    ``examiner`` judges tests and validation in place of ``judge``, where a team learns without the truth, or by a
    verifier that is not the truth: a recipe that judges by `right` is judged by what ``settings.verifier`` names.
    ``learns``: False for one that only plays, so that it has no rounds. ``mends(try, threshold)``: which tries
    ``repair`` looks at.
    """

    name: str
    team: Team
    judge: Judge = right
    repair: Repairer | None = None
    select: Select = by_frequency
    model_of: ModelOf = each_role
    examiner: Judge | None = None
    source: str = ""  # where its tasks come from; empty: settings.source
    learns: bool = True
    mends: Mends = failed


RECIPES = {
    "sirius": "sirius",
    "star": "star",
    "star_rationalised": "star_rationalised",
    "single": "single",
    "chain": "chain",
    "vote": "vote",
    "best_of_k": "best_of_k",
    "debate": "debate",
    "multiagent_finetuning": "multiagent_finetuning",
    "actor_critic": "actor_critic",
    "prompted": "prompted",
    "self_correct": "self_correct",
    "placebo": "placebo",
    "keep_all": "keep_all",
    "self_play": "self_play",
}
IMPORTED = "imported"
"""The recipe of traces from elsewhere. Nobody chooses it: `imports.take` makes such experiments."""


def team_of(settings: Settings, *, single: bool = False) -> Team:
    """The team that the settings name, else the one for their tasks: a chain, or with ``single`` one agent alone."""
    name = settings.team or teams.for_source(settings.source, single=single)
    return debate_of(settings) if name == "debate" else teams.get(name)


def debate_of(settings: Settings) -> Team:
    """The debate that the settings describe."""
    return debating.of(settings.agents, settings.debate_rounds, settings.debate_view, settings.vote)


def get(settings: Settings) -> Recipe:
    """The recipe that ``settings.recipe`` names, made with these settings."""
    name = settings.recipe
    if name.endswith(".py"):
        made = _from_file(Path(name), settings)
    elif name == IMPORTED:
        made = import_module(f"{__name__}.imported").recipe(settings)
    elif name in RECIPES:
        made = import_module(f"{__name__}.{RECIPES[name]}").recipe(settings)
    else:
        raise UnknownName("recipe", name, RECIPES)
    made = _verified(made, settings)
    asks = made.repair is not None and not isinstance(made.repair, OwnRevision)  # for a critique of the failure
    if asks and (made.team.view is None or made.team.blame is None):
        raise UsageError(f"team {made.team.name!r} has no critic that could mend its failures: take another team, or "
                         "another recipe than " + repr(settings.recipe))
    for role in settings.roles_to_train():
        if role not in (learners := [name for name in made.team.roles if name not in made.team.menders]):
            raise UnknownName("learning role", role, learners)
    return made


def _verified(made: Recipe, settings: Settings) -> Recipe:
    """The recipe with the judge that ``settings.verifier`` names; tests keep asking for the right answer."""
    if settings.verifier == "right" or not made.learns:
        return made
    if made.judge is not right:
        raise UsageError(f"setting verifier={settings.verifier}: the recipe {settings.recipe!r} has a judge of its own")
    return replace(made, judge=VERIFIERS[settings.verifier], examiner=made.examiner or right)


def fingerprint(settings: Settings) -> dict[str, str]:
    """``{"recipe": hash of the file}`` of a person's own recipe: so a run tells by what it was played. Else nothing."""
    path = Path(settings.recipe)
    if not settings.recipe.endswith(".py") or not path.is_file():
        return {}
    return {"recipe": hashlib.sha256(path.read_bytes()).hexdigest()[:32]}


def playable(settings: Settings) -> None:
    """UsageError if nobody here can play an experiment with these settings."""
    if settings.recipe == IMPORTED:
        raise UsageError("this experiment was imported: it can be looked at, reviewed and exported, not run")


def _from_file(path: Path, settings: Settings) -> Recipe:
    if not path.is_file():
        raise UsageError(f"there is no recipe file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = module.recipe(settings)
    except SiriusError:
        raise
    except (Exception, SystemExit) as error:  # a person's own code
        raise UsageError(f"the recipe {str(path)!r} fails{where(error, str(path))}: {type(error).__name__}: {error}"
                         ) from error
    if not isinstance(made, Recipe):
        raise UsageError(f"recipe(settings) in {str(path)!r} gives {type(made).__name__}, not a Recipe")
    if not isinstance(made.team, Team):
        raise UsageError(f"the Recipe in {str(path)!r} has {type(made.team).__name__} for its team, not a Team")
    for part in ("judge", "select", "model_of"):
        if not callable(given := getattr(made, part)):
            raise UsageError(f"the Recipe in {str(path)!r} has {type(given).__name__} for {part}, not a function")
    return made


def where(error: BaseException, recipe: str) -> str:
    """The line of a person's recipe file in which an error came up, " in line 3"; "" where it came up elsewhere."""
    return next((f" in line {f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__))
                 if f.filename == recipe), "")
