"""What an experiment plays and learns on when its weights are not the lab's to change: an endpoint, or frozen weights.

A checkpoint is then a `Spoken`: which model, which examples it is shown, which instructions it follows, or the name
that a host gave to a model that it fine-tuned. So gate, provenance and resume work as they do for weights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import CheckpointError, UsageError
from ..models import Model
from ..models.pocket import aside
from ..settings import Settings
from ..store import Notes, Prices
from ..trajectories import canonical
from . import OnStep, Tuned, TuneJob, Tuner
from .demos import DemoTuner
from .spoken import Spoken, wrap

SERVED = "sirius-lab"  # who owns the models of `sirius serve`: they read the pocket language


class SpokenMachine:
    """A machine over an endpoint (``settings.model``) or over a frozen pocket checkpoint (``settings.base``).

    ``restricted`` says of a task's id whether its licence keeps its text out of files that are uploaded.
    """

    def __init__(
        self, settings: Settings, prices: Prices, notes: Notes, restricted: Callable[[str], bool] = lambda task: False
    ) -> None:
        self._s, self._prices, self._notes, self._restricted = settings, prices, notes, restricted
        self._engine: Any = None
        self._endpoint: Any = None
        self._dialect = dialect_of(settings) if settings.model else "pocket"
        self._tune = self._tuner()

    @property
    def tune(self) -> Tuner:
        return self._tune

    def base(self) -> bytes:
        return Spoken(self._over(self._s.model)).blob()

    def mender(self) -> bytes | None:
        return Spoken(self._over(self._s.mender_model)).blob() if self._s.mender_model else None

    def model(self, name: str, blob: bytes) -> Model:
        spoken = Spoken.parse(blob)
        return wrap(self._inner(spoken.over, name), name, spoken)

    def describe(self) -> Mapping[str, Any]:
        if not self._s.model:
            from ..pocket.workers import blas

            return blas()
        return {"endpoint": self._url, "model": self._s.model}

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    @property
    def _url(self) -> str:
        url: str = self._open().base_url
        return url

    def _over(self, model: str) -> dict[str, str]:
        if not model:
            return {"pocket": self._s.base}
        served = {} if self._dialect == "chat" else {"dialect": self._dialect}
        # What every request says makes another model of it: no reply in the journal was given to such a request.
        asked = {"request": canonical(fields)} if (fields := self._s.request_fields()) else {}
        return {"endpoint": self._url, "model": model, **served, **asked}

    def _inner(self, over: Mapping[str, str], name: str) -> Model:
        if "pocket" in over:
            from ..models.pocket import Engine
            from ..pocket import pretraining

            if self._engine is None:
                self._engine = Engine(self._s.workers)
            model: Model = self._engine.model(f"base:{over['pocket']}", pretraining.base(over["pocket"]))
            return model
        if over.get("endpoint") != self._url:
            raise CheckpointError(f"a checkpoint belongs to the endpoint {over.get('endpoint')}, not to {self._url}")
        from ..models.openai_api import OpenAIModel, Price

        row = self._prices.get(over["model"])
        price = None if row is None else Price(row.input, row.output, row.cached)
        spoken = OpenAIModel(self._open(), over["model"], request=self._s.request_fields(), price=price)
        if over.get("dialect") == "pocket":
            from ..models.in_step import InStep

            return InStep(spoken, attempts=self._s.attempts, deadline=max(600.0, self._s.deadline))
        return spoken

    def _open(self) -> Any:
        if self._endpoint is None:
            self._endpoint = endpoint(self._s)
        return self._endpoint

    def _tuner(self) -> Tuner:
        s = self._s
        if s.update == "openai_api" or (s.update == "auto" and s.model and self._dialect == "pocket"):
            from .openai_api import OpenAITuner

            return OpenAITuner(self._open(), self._notes, restricted=self._restricted)
        if s.update in ("auto", "demos"):
            return DemoTuner(s.demos, s.demo_choice, s.demo_tokens)
        return _untuned


def _untuned(jobs: Sequence[TuneJob], on_step: OnStep) -> list[Tuned]:
    raise UsageError("nothing is fine-tuned with these settings")


def endpoint(settings: Settings) -> Any:
    """The `Endpoint` of these settings; UsageError where the URL or the key's variable is wrong."""
    from ..models.openai_api import Endpoint

    return Endpoint(settings.base_url, settings.key_env)


def dialect_of(settings: Settings) -> str:
    """Ask the endpoint for the model: ``pocket`` if `sirius serve` owns it, else ``chat``.

    ModelError, before any work, where the key is wrong, the model unknown or the host out of reach.
    """
    server = endpoint(settings)

    async def asked() -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = await server.check(settings.model)
        if settings.mender_model:
            await server.check(settings.mender_model)
        return found

    return "pocket" if (aside(asyncio.run)(asked()) or {}).get("owned_by") == SERVED else "chat"
