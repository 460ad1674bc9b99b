"""Which machine the settings name: the embedded model, an endpoint, a local checkpoint; and what is wrong with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from . import __version__, tasks
from .errors import UnknownName, UsageError
from .games import GAMES
from .improve import Machine
from .recipes import playable
from .settings import Settings
from .store import Store

INSTRUCTIONS = ("setting update=prompts: the pocket model reads no instructions; name another model at an endpoint, or "
                "use update=demos")
MADE = ("formulas", "arithmetic", *GAMES)  # sources that read no file


def machine_for(settings: Settings, store: Store, experiment: str) -> Machine:
    """What an experiment with these settings plays and learns on; close it after use. UsageError if they clash."""
    s = settings
    playable(s)
    if s.update == "trl":
        from .finetune.trl import TrlMachine

        return TrlMachine(s, Path(f"{store.path.resolve()}.adapters"), store.prices)
    if s.model or s.update in ("demos", "prompts"):
        from .finetune.endpoint import SpokenMachine

        def restricted(task: str) -> bool:
            return tasks.restricted(store.episodes.task(task))

        return SpokenMachine(s, store.prices, store.notes(experiment), restricted)
    from .finetune.pocket import PocketMachine
    from .models.pocket import Engine

    return PocketMachine(Engine(s.workers), s.base)


def code() -> dict[str, str]:
    """``{"lab": "0.5.0", "code": "5f2c..."}``: the version, and the core's source files as one hash, prompts included.

    A run that is resumed by other code says so: the last one stands beside the experiment.
    """
    root, found = Path(__file__).parent, hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".md")):
        text = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(text)}\n".encode() + text)
    return {"lab": __version__, "code": found.hexdigest()[:32]}


def embedded(settings: Settings) -> bool:
    """Whether the embedded model of this process plays, which knows only its own words."""
    return not settings.model and settings.update in ("auto", "pocket", "none")


def clash(settings: Settings) -> None:
    """UsageError where settings contradict one another; nobody is asked and nothing is read."""
    s = settings
    playable(s)
    if s.max_cost and not s.model:
        raise UsageError(f"setting max_cost={s.max_cost}: the pocket model costs nothing; name a model at an endpoint")
    if s.update == "openai_api" and not s.model:
        raise UsageError("setting update=openai_api: name the model at the endpoint, too (--model NAME)")
    if s.update == "pocket" and s.model:
        raise UsageError("setting update=pocket: only the pocket model learns so; at an endpoint use demos or prompts")
    if (s.update == "trl") != bool(s.checkpoint):
        raise UsageError("settings update=trl and checkpoint=FOLDER (a local Hugging Face checkpoint) go together")
    if s.update == "prompts" and not s.model:
        raise UsageError(INSTRUCTIONS)
    if s.steps and s.update == "openai_api":
        raise UsageError(f"setting steps={s.steps}: whoever fine-tunes behind update=openai_api counts epochs, not "
                         "steps; leave it empty")
    if s.steps and (s.update in ("demos", "prompts") or (s.update == "auto" and s.model)):
        how = "demos" if s.update == "auto" else s.update
        raise UsageError(f"setting steps={s.steps}: update={how} takes no optimiser steps; leave it empty")


def _unheard(s: Settings) -> None:
    """UsageError for a setting that somebody gave and that these settings would pass over in silence."""
    if s.source not in tasks.SOURCES:
        raise UnknownName("task source", s.source, tasks.SOURCES)
    given = [name for name in ("base_url", "key_env", "mender_model") if getattr(s, name)]
    if given and not s.model and not s.checkpoint:
        raise UsageError(f"setting {given[0]}: name the model at the endpoint, too (--model NAME); without one the "
                         "pocket model plays")
    given = [name for name in ("data", "subjects", "columns") if getattr(s, name)]
    if given and s.source in MADE:
        raise UsageError(f"setting {given[0]}={getattr(s, given[0])}: the problems of source={s.source} are made, not "
                         "read; say what the file is, e.g. --set source=table")


def preflight(settings: Settings) -> str:
    """Say before any work what can be known to be wrong: a clash of settings, a server that is not there, a wrong key.

    Returns the dialect in which the model is spoken to.
    """
    s = settings
    clash(s)
    _unheard(s)
    if s.checkpoint:
        from .models.hugging_face import Checkpoint, installed

        installed()
        Checkpoint(s.checkpoint)
    dialect = "chat" if s.checkpoint else "pocket"
    if s.model:
        from .finetune.endpoint import dialect_of

        dialect = dialect_of(s)
    if s.update == "prompts" and dialect == "pocket":
        raise UsageError(INSTRUCTIONS)
    return dialect
